//! What a hit has to be, before it is LogQL.

/// Where a field's value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The line itself: text, of which words are asked.
    Line,
    /// A stream label or structured metadata: one value, of which the whole is asked.
    Label(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    Equal(String),
    /// A regular expression: of the line somewhere in it, of a label's value the whole.
    Regex(String),
    /// There is a value.
    Exists,
    Number(Comparison, f64),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Predicate {
    All,
    Nothing,
    And(Vec<Predicate>),
    Or(Vec<Predicate>),
    Not(Box<Predicate>),
    Field(Place, Test),
}

impl Predicate {
    /// All of them; of none, everything.
    pub fn and(parts: Vec<Self>) -> Self {
        if parts.contains(&Self::Nothing) {
            return Self::Nothing;
        }
        let mut parts: Vec<Self> = parts.into_iter().filter(|p| *p != Self::All).collect();
        match parts.len() {
            0 => Self::All,
            1 => parts.remove(0),
            _ => Self::And(parts),
        }
    }

    /// Any of them; of none, nothing.
    pub fn or(parts: Vec<Self>) -> Self {
        if parts.contains(&Self::All) {
            return Self::All;
        }
        let mut parts: Vec<Self> = parts.into_iter().filter(|p| *p != Self::Nothing).collect();
        match parts.len() {
            0 => Self::Nothing,
            1 => parts.remove(0),
            _ => Self::Or(parts),
        }
    }

    pub fn negated(self) -> Self {
        match self {
            Self::All => Self::Nothing,
            Self::Nothing => Self::All,
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }

    pub fn field(place: Place, test: Test) -> Self {
        Self::Field(place, test)
    }
}

/// Words of a text as an analyser finds them: runs of letters, digits and `_`.
pub fn words(text: &str) -> Vec<String> {
    let parts = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    parts.filter(|w| !w.is_empty()).map(str::to_lowercase).collect()
}

/// The line has these words one after the other, in any case.
pub fn phrase(words: &[String]) -> Predicate {
    if words.is_empty() {
        return Predicate::Nothing;
    }
    let escaped: Vec<String> = words.iter().map(|w| regex::escape(w)).collect();
    let pattern = format!(r"(?i)(?:^|\W){}(?:\W|$)", escaped.join(r"\W+"));
    Predicate::field(Place::Line, Test::Regex(pattern))
}

/// A pattern with `*` and `?` as a regular expression; of a line, for a word of it.
pub fn wildcard(place: Place, pattern: &str, ignore_case: bool) -> Predicate {
    let is_line = place == Place::Line;
    let (many, one) = if is_line { (r"\w*", r"\w") } else { (".*", ".") };
    let mut out = String::new();
    let mut escaped = false;
    for c in pattern.chars() {
        match c {
            '\\' if !escaped => {
                escaped = true;
                continue;
            }
            '*' if !escaped => out.push_str(many),
            '?' if !escaped => out.push_str(one),
            c => out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
        escaped = false;
    }
    let pattern = match (is_line, ignore_case) {
        (true, _) => format!(r"(?i)(?:^|\W){out}(?:\W|$)"),
        (false, true) => format!("(?i){out}"),
        (false, false) => out,
    };
    Predicate::field(place, Test::Regex(pattern))
}
