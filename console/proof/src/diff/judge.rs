//! Asks both servers one question and says what became of it.

use std::collections::BTreeSet;

use super::{
    Asked, Change, Dialect, Listing, Request, Verdict,
    answer::Outcome,
    change::order_of,
    compare::{Order, Tolerance, compare},
};
use crate::peer::{Answer, Endpoint, PeerError};

/// Longest answer that is printed, characters.
const SHOWN: usize = 700;

#[derive(Clone, Debug)]
pub enum Question {
    Query(Asked),
    Listing(Listing),
    Request(Request),
}

/// What became of a question, and what kind of answer the console gave.
#[derive(Clone, Debug)]
pub struct Judged {
    pub verdict: Verdict,
    pub is_refused: bool,
    pub is_empty: bool,
}

pub struct Judge {
    pub base_ms: i64,
    pub console: Endpoint,
    pub prometheus: Endpoint,
}

impl Judge {
    pub async fn judge(&self, question: &Question) -> Result<Judged, PeerError> {
        match question {
            Question::Query(asked) => self.query(asked).await,
            Question::Listing(listing) => self.listing(listing).await,
            Question::Request(request) => self.request(request).await,
        }
    }

    /// Asks both, 2.42 in its own words where the first answer differs.
    async fn query(&self, asked: &Asked) -> Result<Judged, PeerError> {
        let text = asked.expr.render(Dialect { style: asked.style, ..Dialect::default() });
        let our_answer = ask(&self.console, asked, &text).await?;
        let ours = Outcome::read(&our_answer);
        let judged = |verdict| Judged { verdict, is_refused: ours.is_failed(), is_empty: ours.is_empty() };
        let mut last = None;
        for (changes, dialect) in Change::translations(&asked.expr) {
            let their_text = asked.expr.render(Dialect { style: asked.style, ..dialect });
            let their_answer = ask(&self.prometheus, asked, &their_text).await?;
            let theirs = Outcome::read(&their_answer);
            match compare(&ours, &theirs, order_of(asked), Tolerance::STRICT) {
                Ok(()) => return Ok(judged(Verdict::equal(changes))),
                Err(why) => last = Some((their_text, their_answer, theirs, why)),
            }
        }
        let Some((their_text, their_answer, theirs, why)) = last else { return Ok(judged(Verdict::Same)) };
        if let Some(change) = Change::excusing(asked, &ours, &theirs) {
            return Ok(judged(Verdict::Excused(change)));
        }
        let why = Change::difference(asked, &ours, &theirs).unwrap_or(why);
        let when = format!("{:?}", asked.moment);
        Ok(judged(self.different((&text, &their_text), &when, &why, (&our_answer, &their_answer))))
    }

    async fn listing(&self, listing: &Listing) -> Result<Judged, PeerError> {
        let path = &listing.path;
        let our_answer = list(&self.console, listing, Dialect::default()).await?;
        let judged = |verdict| Judged {
            verdict,
            is_refused: our_answer.status >= 400,
            is_empty: our_answer.body["data"].as_array().is_some_and(Vec::is_empty),
        };
        let both = super::grammar::Expr::any_of(&listing.selectors);
        let mut last = None;
        for (changes, dialect) in Change::translations(&both) {
            let their_answer = list(&self.prometheus, listing, dialect).await?;
            if listed(&our_answer) == listed(&their_answer) {
                return Ok(judged(Verdict::equal(changes)));
            }
            last = Some(their_answer);
        }
        let Some(their_answer) = last else { return Ok(judged(Verdict::Same)) };
        let texts = format!("{path} {:?}", matches(listing, Dialect::default()));
        let answers = (&our_answer, &their_answer);
        Ok(judged(self.different((&texts, path), "all of the data", "different lists", answers)))
    }

    async fn request(&self, request: &Request) -> Result<Judged, PeerError> {
        let path = format!("/api/v1/{}", request.path);
        let form: Vec<(&str, &str)> = request.form.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let our_answer = self.console.ask(&path, &form).await?;
        let their_answer = self.prometheus.ask(&path, &form).await?;
        let why = if our_answer.body["data"]["result"].is_null() {
            let is_same = listed(&our_answer) == listed(&their_answer);
            (!is_same).then(|| "different answers".to_owned())
        } else {
            let (ours, theirs) = (Outcome::read(&our_answer), Outcome::read(&their_answer));
            compare(&ours, &theirs, Order::Any, Tolerance::STRICT).err()
        };
        let is_refused = our_answer.status >= 400;
        let judged = |verdict| Judged { verdict, is_refused, is_empty: false };
        let Some(why) = why else { return Ok(judged(Verdict::Same)) };
        let text = format!("{path} {form:?}");
        Ok(judged(self.different((&text, ""), "as said", &why, (&our_answer, &their_answer))))
    }

    /// Everything that a reader needs to ask again.
    fn different(&self, texts: (&str, &str), when: &str, why: &str, answers: (&Answer, &Answer)) -> Verdict {
        Verdict::Different(format!(
            "query    {}\nfor 2.42 {}\nwhen     {when}, data from {}\nwhy      {why}\nconsole  {}\n2.42     {}",
            texts.0,
            texts.1,
            self.base_ms,
            shown(answers.0),
            shown(answers.1),
        ))
    }
}

async fn ask(endpoint: &Endpoint, asked: &Asked, query: &str) -> Result<Answer, PeerError> {
    let (path, form) = asked.moment.form();
    let mut form: Vec<(&str, &str)> = form.iter().map(|(n, v)| (*n, v.as_str())).collect();
    form.push(("query", query));
    endpoint.ask(path, &form).await
}

fn matches(listing: &Listing, dialect: Dialect) -> Vec<String> {
    listing.selectors.iter().map(|s| s.render(dialect)).collect()
}

async fn list(endpoint: &Endpoint, listing: &Listing, dialect: Dialect) -> Result<Answer, PeerError> {
    let (times, selectors) = (listing.times(), matches(listing, dialect));
    let mut query: Vec<(&str, &str)> = times.iter().map(|(n, v)| (*n, v.as_str())).collect();
    query.extend(selectors.iter().map(|s| ("match[]", s.as_str())));
    endpoint.read(&listing.path, &query).await
}

/// Status, kind of error, and the members of the list in no order.
fn listed(answer: &Answer) -> (u16, String, BTreeSet<String>) {
    let kind = answer.body["errorType"].as_str().unwrap_or_default().to_owned();
    let members = answer.body["data"].as_array().into_iter().flatten().map(ToString::to_string).collect();
    (answer.status, kind, members)
}

fn shown(answer: &Answer) -> String {
    let text = format!("{} {}", answer.status, answer.body);
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
