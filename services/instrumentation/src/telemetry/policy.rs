//! Which requests leave a record in the access log, and from when on one is slow.

use std::str::FromStr;
use std::sync::OnceLock;
use std::time::Duration;

use crate::config::Env;

/// Requests that take longer are always told: in the access log, and as a trace.
const SLOW: Duration = Duration::from_millis(500);

static CHOSEN: OnceLock<Policy> = OnceLock::new();

/// What is told of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Which requests leave a record. Those that fail always do.
    pub access_log: AccessLog,
    /// Requests that take longer are slow.
    pub slow: Duration,
}

/// Which requests leave a record in the access log besides those that fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessLog {
    /// All.
    All,
    /// Slow ones, and those whose trace is sampled: every record then has a trace beside it.
    Sampled,
    /// None.
    Off,
}

impl Default for Policy {
    fn default() -> Self {
        Self { access_log: AccessLog::Sampled, slow: SLOW }
    }
}

impl FromStr for AccessLog {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "all" => Ok(Self::All),
            "sampled" => Ok(Self::Sampled),
            "off" => Ok(Self::Off),
            _ => Err(()),
        }
    }
}

impl Policy {
    /// Reads `ACCESS_LOG` (`all`, `sampled`, `off`) and `SLOW_REQUEST_MS`.
    pub(super) fn from_env(env: &mut Env) -> Self {
        let default = Self::default();
        Self {
            access_log: env.optional("ACCESS_LOG", default.access_log),
            slow: env.maybe("SLOW_REQUEST_MS").map_or(default.slow, Duration::from_millis),
        }
    }

    /// From now on this is the process's. The first caller wins.
    pub(super) fn choose(self) {
        let _ = CHOSEN.set(self);
    }

    /// Whether a request that did not fail leaves a record.
    pub(crate) fn is_told(self, took: Duration, is_sampled: impl FnOnce() -> bool) -> bool {
        match self.access_log {
            AccessLog::All => true,
            AccessLog::Sampled => took >= self.slow || is_sampled(),
            AccessLog::Off => false,
        }
    }
}

/// The process's policy.
pub(crate) fn policy() -> Policy {
    CHOSEN.get().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_and_sampled_requests_are_told_unless_chosen_otherwise() {
        let policy = Policy::from_env(&mut Env::from_pairs([("SLOW_REQUEST_MS", "200")]));
        let (quick, slow) = (Duration::from_millis(199), Duration::from_millis(200));
        assert!(policy.is_told(slow, || false) && policy.is_told(quick, || true));
        assert!(!policy.is_told(quick, || false));
        let all = Policy { access_log: AccessLog::All, ..policy };
        let off = Policy { access_log: AccessLog::Off, ..policy };
        assert!(all.is_told(quick, || false) && !off.is_told(slow, || true));
    }

    #[test]
    fn unknown_choice_is_a_problem_of_the_configuration() {
        let mut env = Env::from_pairs([("ACCESS_LOG", "some")]);
        let _ = Policy::from_env(&mut env);
        assert!(env.finish().is_err());
    }
}
