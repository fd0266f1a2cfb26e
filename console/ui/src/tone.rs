//! What a colour means.

use serde::{Deserialize, Serialize};

/// The meaning of a coloured thing. Words always say the same beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Tone {
    #[default]
    Neutral,
    Ok,
    Warn,
    Bad,
    Info,
}

impl Tone {
    /// The class that carries the colour; `none` for neutral.
    pub fn class(self) -> &'static str {
        match self {
            Self::Neutral => "none",
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Info => "info",
        }
    }
}
