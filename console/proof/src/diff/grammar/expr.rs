//! The tree of a query, as far as the two spellings of it differ.

/// `@` and `offset`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct When {
    /// `start()`, `end()` or seconds.
    pub at: Option<String>,
    pub offset_ms: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matcher {
    pub label: String,
    /// `=`, `!=`, `=~` or `!~`.
    pub op: &'static str,
    pub value: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grouping {
    pub is_without: bool,
    pub labels: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// The same text for both.
    Text(String),
    /// Two texts of one meaning.
    Spelled {
        now: String,
        then: String,
    },
    /// A string that holds a regular expression.
    Regex(String),
    Selector {
        name: Option<String>,
        matchers: Vec<Matcher>,
        when: When,
        is_name_quoted: bool,
    },
    /// A selector and its range.
    Range {
        of: Box<Expr>,
        range_ms: i64,
    },
    Subquery {
        of: Box<Expr>,
        range_ms: i64,
        step_ms: Option<i64>,
        when: When,
    },
    Call {
        function: &'static str,
        args: Vec<Expr>,
    },
    Aggregate {
        op: &'static str,
        grouping: Option<Grouping>,
        param: Option<Box<Expr>>,
        of: Box<Expr>,
    },
    /// `matching` is everything between the operator and its right side.
    Binary {
        op: &'static str,
        matching: String,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    Unary(char, Box<Expr>),
    Paren(Box<Expr>),
}

impl Expr {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub fn call(function: &'static str, args: Vec<Self>) -> Self {
        Self::Call { function, args }
    }

    /// This expression and everything in it, each handed to `see`.
    pub fn any(&self, see: &impl Fn(&Self) -> bool) -> bool {
        see(self) || self.children().into_iter().any(|c| c.any(see))
    }

    fn children(&self) -> Vec<&Self> {
        match self {
            Self::Text(_) | Self::Spelled { .. } | Self::Regex(_) | Self::Selector { .. } => Vec::new(),
            Self::Range { of, .. } | Self::Subquery { of, .. } | Self::Unary(_, of) | Self::Paren(of) => {
                vec![of]
            }
            Self::Call { args, .. } => args.iter().collect(),
            Self::Aggregate { param, of, .. } => param.iter().map(|p| &**p).chain([&**of]).collect(),
            Self::Binary { left, right, .. } => vec![left, right],
        }
    }

    /// Whether it calls one of these functions or aggregates with one of these operators.
    pub fn uses(&self, names: &[&str]) -> bool {
        self.any(&|e| match e {
            Self::Call { function, .. } => names.contains(function),
            Self::Aggregate { op, .. } => names.contains(op),
            _ => false,
        })
    }

    /// Whether it reads one of these metrics, or might by matchers on the name.
    pub fn reads(&self, metrics: &[&str]) -> bool {
        self.any(&|e| match e {
            Self::Selector { name: Some(name), .. } => metrics.contains(&name.as_str()),
            Self::Selector { name: None, .. } => true,
            _ => false,
        })
    }
}
