//! How old each step of an order may grow. The platform gives these to the service orders, and the check of the books
//! goes by the same: what the service would choose by itself is of no matter here.

use std::time::Duration;

/// Age limits of an order's steps, and of giving back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgeLimits {
    pub reserve: Duration,
    pub authorise: Duration,
    pub confirm: Duration,
    pub capture: Duration,
    pub undo: Duration,
    pub give_back: Duration,
}

impl Default for AgeLimits {
    fn default() -> Self {
        Self {
            reserve: Duration::from_mins(2),
            authorise: Duration::from_mins(10),
            confirm: Duration::from_mins(10),
            capture: Duration::from_hours(1),
            undo: Duration::from_hours(1),
            give_back: Duration::from_hours(24),
        }
    }
}

impl AgeLimits {
    /// The defaults, with what `ORDERS_*_MAX_SECONDS` of the environment say instead.
    pub fn from_environment() -> Result<Self, String> {
        let mut limits = Self::default();
        for (name, limit) in limits.named() {
            if let Ok(text) = std::env::var(name) {
                *limit = seconds(&text)
                    .ok_or_else(|| format!("{name} must be whole seconds from 1 on, got {text:?}"))?;
            }
        }
        Ok(limits)
    }

    /// Variables that tell the service orders the same.
    pub fn variables(mut self) -> impl Iterator<Item = (String, String)> {
        self.named().map(|(name, limit)| (name.to_owned(), limit.as_secs().to_string())).into_iter()
    }

    fn named(&mut self) -> [(&'static str, &mut Duration); 6] {
        [
            ("ORDERS_RESERVE_MAX_SECONDS", &mut self.reserve),
            ("ORDERS_AUTHORISE_MAX_SECONDS", &mut self.authorise),
            ("ORDERS_CONFIRM_MAX_SECONDS", &mut self.confirm),
            ("ORDERS_CAPTURE_MAX_SECONDS", &mut self.capture),
            ("ORDERS_UNDO_MAX_SECONDS", &mut self.undo),
            ("ORDERS_GIVE_BACK_MAX_SECONDS", &mut self.give_back),
        ]
    }
}

fn seconds(text: &str) -> Option<Duration> {
    text.parse().ok().filter(|seconds| *seconds > 0).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A variable that the service does not read would be another limit there than here.
    #[test]
    fn the_service_reads_every_variable_that_it_is_given() {
        let read = include_str!("../../../services/orders/src/saga/age.rs");
        let given: Vec<(String, String)> = AgeLimits::default().variables().collect();
        assert_eq!(given.len(), 6);
        for (name, _) in &given {
            assert!(read.contains(&format!("\"{name}\"")), "{name}");
        }
        assert_eq!(given[5], ("ORDERS_GIVE_BACK_MAX_SECONDS".to_owned(), "86400".to_owned()));
    }

    #[test]
    fn a_limit_is_whole_seconds_and_never_none() {
        assert_eq!(seconds("90"), Some(Duration::from_secs(90)));
        assert_eq!([seconds("0"), seconds("-1"), seconds("1.5")], [None; 3]);
    }
}
