//! Adding a filter to a LogQL query as text, so that what a reader wrote stays as it was written.

use console_model::names::GoQuoted;

/// Where a name comes from, which decides how it is matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A label of the stream: a matcher in the selector.
    Stream,
    /// Structured metadata, or a label that the query itself extracted: a label filter.
    Label,
    /// A member of a JSON line: must be extracted first.
    Json,
}

/// `name = value`, or its opposite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    pub place: Place,
    pub is_not: bool,
    pub name: String,
    pub value: String,
}

impl Filter {
    pub fn new(place: Place, name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { place, is_not: false, name: name.into(), value: value.into() }
    }

    pub fn negated(mut self) -> Self {
        self.is_not = true;
        self
    }

    /// `s+name=value`: one letter for the place, a sign, name, value.
    pub fn to_param(&self) -> String {
        let place = match self.place {
            Place::Stream => 's',
            Place::Label => 'l',
            Place::Json => 'j',
        };
        format!("{place}{}{}={}", if self.is_not { '-' } else { '+' }, self.name, self.value)
    }

    /// The reverse; none for what [`Self::to_param`] does not write.
    pub fn from_param(text: &str) -> Option<Self> {
        let mut chars = text.chars();
        let place = match chars.next()? {
            's' => Place::Stream,
            'l' => Place::Label,
            'j' => Place::Json,
            _ => return None,
        };
        let is_not = match chars.next()? {
            '+' => false,
            '-' => true,
            _ => return None,
        };
        let (name, value) = chars.as_str().split_once('=')?;
        let is_name = !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        is_name.then(|| Self { place, is_not, name: name.to_owned(), value: value.to_owned() })
    }

    /// The query with the filter. One that is there already is not added twice.
    pub fn add_to(&self, query: &str) -> String {
        let query = query.trim_end();
        let condition =
            format!("{}{}{}", self.name, if self.is_not { "!=" } else { "=" }, GoQuoted(&self.value));
        match self.place {
            Place::Stream => add_matcher(query, &condition),
            _ if query.contains(&format!("| {condition}")) => query.to_owned(),
            Place::Json if !has_stage(query, "json") => append(&append(query, "json"), &condition),
            Place::Json | Place::Label => append(query, &condition),
        }
    }
}

/// The name that LogQL's `json` stage gives to a member: what cannot stand in a label becomes `_`.
pub fn json_label(name: &str) -> String {
    let clean: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if clean.starts_with(|c: char| c.is_ascii_digit()) { format!("_{clean}") } else { clean }
}

fn add_matcher(query: &str, matcher: &str) -> String {
    let Some((open, close)) = first_selector(query) else { return query.to_owned() };
    let inside = &query[open + 1..close];
    if inside.split(',').any(|m| m.trim().replace(' ', "") == matcher.replace(' ', "")) {
        return query.to_owned();
    }
    let inside = inside.trim().trim_end_matches(',').trim_end();
    let separator = if inside.is_empty() { "" } else { ", " };
    format!("{}{{{inside}{separator}{matcher}{}", &query[..open], &query[close..])
}

fn append(query: &str, stage: &str) -> String {
    format!("{query}{}| {stage}", separator(query))
}

/// A comment at the end would swallow what follows on its line.
fn separator(query: &str) -> char {
    let last = query.rsplit('\n').next().unwrap_or_default();
    if outside_of_text(last).any(|(_, c)| c == '#') { '\n' } else { ' ' }
}

fn has_stage(query: &str, stage: &str) -> bool {
    outside_of_text(query).filter(|(_, c)| *c == '|').any(|(at, _)| {
        let rest = query[at + 1..].trim_start();
        rest.strip_prefix(stage).is_some_and(|r| !r.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
    })
}

/// Byte offsets of the first `{` and of its `}`.
fn first_selector(query: &str) -> Option<(usize, usize)> {
    let mut places = outside_of_text(query);
    let (open, _) = places.find(|(_, c)| *c == '{')?;
    let (close, _) = places.find(|(_, c)| *c == '}')?;
    Some((open, close))
}

/// Characters of a query that are neither inside quotes nor in comments; quotes themselves are left out.
fn outside_of_text(query: &str) -> impl Iterator<Item = (usize, char)> {
    enum In {
        Code,
        Quotes,
        Escape,
        Ticks,
        Comment,
    }
    let mut state = In::Code;
    query.char_indices().filter(move |(_, c)| {
        let (next, is_outside) = match (&state, c) {
            (In::Code, '"') => (In::Quotes, false),
            (In::Code, '`') => (In::Ticks, false),
            (In::Code, '#') => (In::Comment, true),
            (In::Code, _) => (In::Code, true),
            (In::Quotes, '\\') => (In::Escape, false),
            (In::Quotes, '"') | (In::Ticks, '`') => (In::Code, false),
            (In::Comment, '\n') => (In::Code, true),
            (In::Quotes | In::Escape, _) => (In::Quotes, false),
            (In::Ticks, _) => (In::Ticks, false),
            (In::Comment, _) => (In::Comment, false),
        };
        state = next;
        is_outside
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(place: Place, value: &str, query: &str) -> String {
        Filter::new(place, "a", value).add_to(query)
    }

    #[test]
    fn matchers_enter_the_selector_whatever_text_holds_braces() {
        assert_eq!(add(Place::Stream, "x", r#"{b="}"} |= "{""#), r#"{b="}", a="x"} |= "{""#);
        assert_eq!(add(Place::Stream, "x", "{}"), r#"{a="x"}"#);
        assert_eq!(
            add(Place::Stream, "x", "# {no}\n{ b=`{` , }"),
            "# {no}\n{b=`{` , a=\"x\"}".replace(" , ", ", ")
        );
        assert_eq!(add(Place::Stream, "x", r#"sum(rate({b="1"}[1m]))"#), r#"sum(rate({b="1", a="x"}[1m]))"#);
        assert_eq!(add(Place::Stream, "x", r#"{b="open"#), r#"{b="open"#);
    }

    #[test]
    fn what_is_there_is_not_added_twice() {
        assert_eq!(add(Place::Stream, "x", r#"{a="x"}"#), r#"{a="x"}"#);
        assert_eq!(add(Place::Label, "x", r#"{} | a="x""#), r#"{} | a="x""#);
        assert_eq!(Filter::new(Place::Stream, "a", "x").negated().add_to(r#"{a="x"}"#), r#"{a="x", a!="x"}"#);
    }

    #[test]
    fn members_of_json_are_extracted_once() {
        assert_eq!(add(Place::Json, "x", "{}"), r#"{} | json | a="x""#);
        assert_eq!(add(Place::Json, "x", r#"{} |json| b="1""#), r#"{} |json| b="1" | a="x""#);
        assert_eq!(
            add(Place::Json, "x", r#"{} |= "| json""#),
            r#"{} |= "| json" | a="x""#.replace(" | a", " | json | a")
        );
    }

    #[test]
    fn values_are_quoted_and_comments_do_not_swallow() {
        assert_eq!(add(Place::Label, "q\"u\\o\nte", "{}"), r#"{} | a="q\"u\\o\nte""#);
        assert_eq!(add(Place::Label, "x", "{} # all"), "{} # all\n| a=\"x\"");
    }

    #[test]
    fn a_filter_survives_its_way_through_a_form() {
        for filter in
            [Filter::new(Place::Stream, "a_1", "x=y, {"), Filter::new(Place::Json, "b", "").negated()]
        {
            assert_eq!(Filter::from_param(&filter.to_param()), Some(filter));
        }
        for wrong in ["", "s", "s+", "s+a", "x+a=b", "s*a=b", "s+=b", "s+a b=c", "s+1=c", "l+a} or {b=c"] {
            assert_eq!(Filter::from_param(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn json_names_become_labels() {
        assert_eq!(json_label("http.status-code"), "http_status_code");
        assert_eq!(json_label("1st"), "_1st");
    }
}
