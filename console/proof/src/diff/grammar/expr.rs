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

/// Functions whose last digit is the library's choice.
pub const INEXACT: &[&str] = &[
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atanh",
    "cos",
    "cosh",
    "exp",
    "ln",
    "log10",
    "log2",
    "sin",
    "sinh",
    "tan",
    "tanh",
    "deg",
    "rad",
    "deriv",
    "predict_linear",
    "histogram_quantile",
    "rate",
    "increase",
    "delta",
];

impl Expr {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub fn call(function: &'static str, args: Vec<Self>) -> Self {
        Self::Call { function, args }
    }

    /// Several expressions as one, to ask of all of them what can be asked of one.
    pub fn any_of(all: &[Self]) -> Self {
        Self::call("", all.to_vec())
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

    /// A rate or increase of what may be near zero: no counter that begins high.
    pub fn extrapolates_to_zero(&self) -> bool {
        const HIGH: &[&str] = &["req_total", "lat_bucket", "scraped_seconds_bucket"];
        self.any(&|e| match e {
            Self::Call { function: "rate" | "increase", args } => !args.iter().all(|a| match a {
                Self::Range { of, .. } => of.reads(HIGH),
                _ => false,
            }),
            _ => false,
        })
    }

    /// A function that takes more than a window, over a window that `@` fixes: the same samples, seen from every step
    /// anew.
    pub fn refixes_windows(&self) -> bool {
        let is_fixed = |e: &Self| match e {
            Self::Selector { when, .. } | Self::Subquery { when, .. } => when.at.is_some(),
            _ => false,
        };
        self.any(&|e| match e {
            Self::Call { function: "predict_linear" | "quantile_over_time", args } => {
                args.iter().any(|a| a.any(&is_fixed))
            }
            _ => false,
        })
    }

    /// Whether the last digits of a number decide all of the answer: a remainder of a power, a logarithm of what should
    /// be zero, a rounded rate.
    pub fn is_chaotic(&self) -> bool {
        let operates = |op: &str| self.any(&|e| matches!(e, Self::Binary { op: o, .. } if *o == op));
        let has_power = operates("^") || self.uses(&["exp", "sinh", "cosh"]);
        let has_mean =
            self.uses(&["avg", "avg_over_time", "stddev", "stdvar", "stddev_over_time", "stdvar_over_time"]);
        let has_rate = self.uses(&["rate", "increase", "delta"]);
        let is_magnified = self.uses(&["ln", "log2", "log10", "sgn"]) || operates("/") || operates("%");
        let is_stepped = self.uses(&["round", "ceil", "floor"]) || operates("%") || has_power;
        let has_subquery = self.any(&|e| matches!(e, Self::Subquery { .. }));
        let is_compared = has_subquery && self.uses(&["changes", "resets"]);
        let has_angle = operates("atan2") || self.uses(INEXACT);
        (has_power && operates("%"))
            || (has_rate && is_stepped)
            || (has_mean && is_magnified)
            || (is_compared && (has_power || has_angle))
    }

    /// A number, or an expression of numbers alone.
    pub fn is_scalar(&self) -> bool {
        match self {
            Self::Text(text) => {
                matches!(text.as_str(), "time()" | "pi()")
                    || text.starts_with("scalar(")
                    || text.parse::<f64>().is_ok()
                    || text.starts_with("0x")
            }
            Self::Spelled { .. } => true,
            Self::Call { function, .. } => *function == "scalar",
            Self::Binary { left, right, .. } => left.is_scalar() && right.is_scalar(),
            Self::Unary(_, of) | Self::Paren(of) => of.is_scalar(),
            _ => false,
        }
    }

    /// The same with brackets around each `atan2` and its operands, so that its text is this tree wherever it stands.
    pub fn settled(self) -> Self {
        let bracketed = |of: Box<Self>| {
            let of = of.settled();
            let is_open = matches!(of, Self::Binary { .. } | Self::Unary(..));
            Box::new(if is_open { Self::Paren(Box::new(of)) } else { of })
        };
        let inside = |of: Box<Self>| Box::new(of.settled());
        match self {
            Self::Binary { op: "atan2", matching, left, right } => {
                let both =
                    Self::Binary { op: "atan2", matching, left: bracketed(left), right: bracketed(right) };
                Self::Paren(Box::new(both))
            }
            Self::Binary { op, matching, left, right } => {
                Self::Binary { op, matching, left: inside(left), right: inside(right) }
            }
            Self::Unary(sign, of) => Self::Unary(sign, inside(of)),
            Self::Paren(of) => Self::Paren(inside(of)),
            Self::Subquery { of, range_ms, step_ms, when } => {
                Self::Subquery { of: inside(of), range_ms, step_ms, when }
            }
            Self::Call { function, args } => {
                Self::Call { function, args: args.into_iter().map(Self::settled).collect() }
            }
            Self::Aggregate { op, grouping, param, of } => {
                Self::Aggregate { op, grouping, param: param.map(inside), of: inside(of) }
            }
            other => other,
        }
    }

    /// An `atan2` of vectors, whose name 2.42 keeps.
    pub fn is_angle(&self) -> bool {
        matches!(self, Self::Binary { op: "atan2", .. }) && !self.is_scalar()
    }

    /// A selector with both `@` and `offset`, in brackets or not.
    pub fn is_fixed_and_shifted(&self) -> bool {
        match self {
            Self::Paren(of) => of.is_fixed_and_shifted(),
            Self::Selector { when, .. } => when.at.is_some() && when.offset_ms.is_some(),
            _ => false,
        }
    }
}
