//! Tokens, and what errors call them.

use crate::{ast::AggregateOp, gofmt};

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    /// A name, or a keyword: the parser knows which from its place.
    Word,
    /// Number as written.
    Number(f64),
    /// A duration in milliseconds.
    Duration(i64),
    /// The bytes of a string.
    Text(Vec<u8>),
    LeftParen,
    RightParen,
    LeftBrace,
    RightBrace,
    LeftBracket,
    RightBracket,
    Comma,
    Colon,
    At,
    /// `=`, only inside braces.
    Assign,
    EqualRegex,
    NotRegex,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    TrimUpper,
    TrimLower,
    Plus,
    Minus,
    Star,
    Slash,
    Percent,
    Caret,
    End,
}

/// Words that modify something.
const KEYWORDS: [&str; 13] = [
    "offset",
    "smoothed",
    "anchored",
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "fill",
    "fill_left",
    "fill_right",
    "bool",
];
/// Words that name no function, in lower case.
pub(crate) fn is_keyword(lower: &str) -> bool {
    KEYWORDS.contains(&lower)
        || OPERATORS.contains(&lower)
        || AggregateOp::ALL.iter().any(|op| op.name() == lower)
}

/// Operators that are words.
const OPERATORS: [&str; 4] = ["and", "or", "unless", "atan2"];
/// Words that may stand for moments and durations.
const PREPROCESSORS: [&str; 6] = ["start", "end", "step", "range", "max_of", "min_of"];
/// Longest text of a token in an error, bytes.
const MAX_SHOWN: usize = 10;

impl Token {
    /// As Prometheus' errors name a token that was `written` so.
    pub fn describe(&self, written: &str, next: &Self) -> String {
        match self {
            Self::End => "end of input".to_owned(),
            Self::Word => word(written, next),
            Self::Number(_) => format!("number {}", shortened(written)),
            Self::Duration(_) => format!("duration {}", shortened(written)),
            Self::Text(_) => format!("string {}", shortened(written)),
            Self::At
            | Self::EqualRegex
            | Self::NotRegex
            | Self::Equal
            | Self::NotEqual
            | Self::Less
            | Self::LessEqual
            | Self::Greater
            | Self::GreaterEqual
            | Self::TrimUpper
            | Self::TrimLower
            | Self::Plus
            | Self::Minus
            | Self::Star
            | Self::Slash
            | Self::Percent
            | Self::Caret => format!("<op:{written}>"),
            _ => shortened(written),
        }
    }
}

fn word(written: &str, next: &Token) -> String {
    let lower = written.to_ascii_lowercase();
    let is_fill_of_metric = lower.starts_with("fill") && next != &Token::LeftParen;
    if OPERATORS.contains(&lower.as_str()) {
        format!("<op:{written}>")
    } else if AggregateOp::ALL.iter().any(|op| op.name() == lower) {
        format!("<aggr:{written}>")
    } else if KEYWORDS.contains(&lower.as_str()) && !is_fill_of_metric {
        format!("<{written}>")
    } else if PREPROCESSORS.contains(&lower.as_str()) {
        gofmt::quote(written.as_bytes())
    } else if written.contains(':') {
        format!("metric identifier {}", gofmt::quote(written.as_bytes()))
    } else {
        format!("identifier {}", gofmt::quote(written.as_bytes()))
    }
}

fn shortened(written: &str) -> String {
    if written.len() <= MAX_SHOWN {
        return gofmt::quote(written.as_bytes());
    }
    let start: String = written.chars().take(MAX_SHOWN).collect();
    format!("{}...", gofmt::quote(start.as_bytes()))
}
