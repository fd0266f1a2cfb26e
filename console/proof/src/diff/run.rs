//! One run: servers up, samples in, queries out, answers compared.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use console_model::clock::now_ms;
use tokio::task::JoinSet;

use super::{
    Asked, Change, Dialect, Generator, Random, Report, Verdict,
    answer::Outcome,
    change::order_of,
    compare::{Tolerance, compare},
    data::{self, LENGTH_MS},
    target::{Reader, Target},
};
use crate::peer::{
    Answer, Endpoint, Peer, PeerError, console, prometheus,
    remote_write::{WriteSeries, encode, send},
};

/// Queries under way at once.
const WORKERS: usize = 4;
/// Samples of one write request lie in such a slice of time: neither server takes them much out of order.
const SLICE_MS: i64 = 5 * 60_000;
/// The console looks back five minutes, left-open since 3.0 (#13904); 2.42 is told one millisecond less.
const LOOKBACK: &str = "--query.lookback-delta=299999ms";
/// Longest answer that is printed, characters.
const SHOWN: usize = 700;

#[derive(Clone, Debug)]
pub struct Options {
    pub queries: usize,
    pub seed: u64,
    pub console: PathBuf,
    pub prometheus: PathBuf,
}

#[derive(Debug, thiserror::Error)]
pub enum DiffError {
    #[error(transparent)]
    Peer(#[from] PeerError),
    #[error(
        "the target was not scraped often enough; the console says:\n{console}\nPrometheus says:\n{prometheus}"
    )]
    NotScraped { console: String, prometheus: String },
    #[error("a worker died")]
    Worker(#[from] tokio::task::JoinError),
}

/// Both servers with the same samples.
struct Pair {
    console: Peer,
    prometheus: Peer,
}

/// Everything from start to report. The servers are gone at its end.
pub async fn run(options: &Options) -> Result<Report, DiffError> {
    let mut random = Random::new(options.seed);
    let base_ms = (now_ms() - LENGTH_MS - 30_000).div_euclid(60_000) * 60_000;
    let series = data::series(base_ms, &mut random);
    let pair = fill(options, base_ms, &series).await?;
    let mut generator = Generator::new(base_ms, &mut random);
    let asked: Arc<Vec<Asked>> = Arc::new((0..options.queries).map(|_| generator.draw()).collect());
    let mut report = Report { seed: options.seed, ..Report::default() };
    for (verdict, outcome) in ask_all(&pair, base_ms, &asked).await? {
        if matches!(verdict, Verdict::Same) {
            report.refused += usize::from(outcome.is_failed());
            report.empty += usize::from(outcome.is_empty());
        }
        report.add(verdict);
    }
    pair.console.stop().await?;
    pair.prometheus.stop().await?;
    Ok(report)
}

async fn fill(options: &Options, base_ms: i64, series: &[WriteSeries]) -> Result<Pair, DiffError> {
    let target = Target::start(base_ms + LENGTH_MS - 120_000).await?;
    let (ours, theirs) = (target.scrape_config(Reader::Console), target.scrape_config(Reader::Prometheus));
    let (console, prometheus) = tokio::try_join!(
        console::start(&options.console, &ours, ""),
        prometheus::start(&options.prometheus, &theirs, &[LOOKBACK]),
    )?;
    for begin in (base_ms..base_ms + LENGTH_MS).step_by(SLICE_MS as usize) {
        let body = encode(&slice(series, begin))?;
        send(console.endpoint(), body.clone()).await?;
        send(prometheus.endpoint(), body).await?;
    }
    if !target.all_fetched().await {
        return Err(DiffError::NotScraped { console: console.output(), prometheus: prometheus.output() });
    }
    Ok(Pair { console, prometheus })
}

/// The samples of [`SLICE_MS`] from `begin` on.
fn slice(series: &[WriteSeries], begin: i64) -> Vec<WriteSeries> {
    let within = |s: &WriteSeries| {
        let samples =
            s.samples.iter().copied().filter(|(t, _)| (begin..begin + SLICE_MS).contains(t)).collect();
        WriteSeries { labels: s.labels.clone(), samples }
    };
    series.iter().map(within).filter(|s| !s.samples.is_empty()).collect()
}

/// In the order of the queries.
async fn ask_all(
    pair: &Pair,
    base_ms: i64,
    asked: &Arc<Vec<Asked>>,
) -> Result<Vec<(Verdict, Outcome)>, DiffError> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut workers = JoinSet::new();
    for _ in 0..WORKERS {
        let (asked, next) = (Arc::clone(asked), Arc::clone(&next));
        let judge = Judge {
            base_ms,
            console: pair.console.endpoint().clone(),
            prometheus: pair.prometheus.endpoint().clone(),
        };
        workers.spawn(async move {
            let mut out = Vec::new();
            loop {
                let i = next.fetch_add(1, Ordering::Relaxed);
                let Some(one) = asked.get(i) else { return Ok::<_, PeerError>(out) };
                out.push((i, judge.judge(one).await?));
            }
        });
    }
    let mut all = Vec::new();
    while let Some(done) = workers.join_next().await {
        all.extend(done??);
    }
    all.sort_by_key(|(i, _)| *i);
    Ok(all.into_iter().map(|(_, judged)| judged).collect())
}

struct Judge {
    base_ms: i64,
    console: Endpoint,
    prometheus: Endpoint,
}

impl Judge {
    /// Asks both, 2.42 in its own words where the first answer differs. Also answers what the console said.
    async fn judge(&self, asked: &Asked) -> Result<(Verdict, Outcome), PeerError> {
        let text = asked.expr.render(Dialect::default());
        let order = order_of(asked);
        let our_answer = ask(&self.console, asked, &text).await?;
        let ours = Outcome::read(&our_answer);
        let mut last = None;
        for (changes, dialect) in Change::translations(&asked.expr) {
            let their_text = asked.expr.render(dialect);
            let their_answer = ask(&self.prometheus, asked, &their_text).await?;
            let theirs = Outcome::read(&their_answer);
            match compare(&ours, &theirs, order, Tolerance::STRICT) {
                Ok(()) if changes.is_empty() => return Ok((Verdict::Same, ours)),
                Ok(()) => return Ok((Verdict::Translated(changes), ours)),
                Err(why) => last = Some((their_text, their_answer, theirs, why)),
            }
        }
        let Some((their_text, their_answer, theirs, why)) = last else { return Ok((Verdict::Same, ours)) };
        if let Some(change) = Change::excusing(asked, &ours, &theirs) {
            return Ok((Verdict::Excused(change), ours));
        }
        let different = format!(
            "query    {text}\nfor 2.42 {their_text}\nwhen     {:?}, data from {}\nwhy      {why}\nconsole  {}\n2.42     {}",
            asked.moment,
            self.base_ms,
            shown(&our_answer),
            shown(&their_answer),
        );
        Ok((Verdict::Different(different), ours))
    }
}

async fn ask(endpoint: &Endpoint, asked: &Asked, query: &str) -> Result<Answer, PeerError> {
    let (path, form) = asked.moment.form();
    let mut form: Vec<(&str, &str)> = form.iter().map(|(n, v)| (*n, v.as_str())).collect();
    form.push(("query", query));
    endpoint.ask(path, &form).await
}

fn shown(answer: &Answer) -> String {
    let text = format!("{} {}", answer.status, answer.body);
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
