//! What came of log-ins: a counter of all, and a line of each that says from where, never what was typed.
//!
//! Strangers must not fill the log, be it from many addresses or with cookies that they made up: so many refusals and so
//! many failures are told in a minute, and refusals beyond are counted alone.

use std::net::IpAddr;

use console_state::StateError;
use prometheus::{IntCounterVec, Opts, Registry};

use crate::{error::error_chain, line_budget::LineBudget};

/// Why nobody was let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Unknown name or wrong password.
    Wrong,
    /// Too many tries, or too many at once.
    Throttled,
    /// The form is another site's.
    OtherSite,
    /// Users cannot be read. Why is told by [`Attempts::failed`].
    Failed,
}

/// The counter and the lines. Cheap to clone.
#[derive(Clone)]
pub struct Attempts {
    counter: IntCounterVec,
    refusals: LineBudget,
    failures: LineBudget,
}

impl Refusal {
    fn as_str(self) -> &'static str {
        match self {
            Self::Wrong => "wrong",
            Self::Throttled => "throttled",
            Self::OtherSite => "other_site",
            Self::Failed => "failed",
        }
    }
}

impl Attempts {
    /// Registers the counter; fails when the registry has it already.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let opts = Opts::new("quarterdeck_login_attempts_total", "Log-ins of people, by what came of them.");
        let counter = IntCounterVec::new(opts, &["outcome"])?;
        registry.register(Box::new(counter.clone()))?;
        Ok(Self { counter, refusals: LineBudget::default(), failures: LineBudget::default() })
    }

    /// Somebody is in. `user` is the name of a user, not any text.
    pub fn accepted(&self, user: &str, address: IpAddr) {
        self.counter.with_label_values(&["success"]).inc();
        tracing::info!(user, client.address = %address.to_canonical(), "logged in");
    }

    /// Nobody is in. The name that was typed is not told: people type passwords there, too.
    pub fn refused(&self, refusal: Refusal, address: IpAddr, now_ms: i64) {
        self.counter.with_label_values(&[refusal.as_str()]).inc();
        let more = "more log-ins are refused than are told, the counter has all of them";
        self.refusals.tell(now_ms, more, || {
            tracing::warn!(
                client.address = %address.to_canonical(),
                reason = refusal.as_str(),
                "log-in refused"
            );
        });
    }

    /// Users or sessions cannot be read, for a log-in or for any request with a cookie.
    pub fn failed(&self, error: &StateError, now_ms: i64) {
        let more = "users and sessions cannot be read more often than is told";
        self.failures.tell(now_ms, more, || {
            tracing::error!(error = %error_chain(error), "users and sessions cannot be read");
        });
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Write},
        sync::Arc,
    };

    use axum::{
        Form,
        extract::{ConnectInfo, State},
    };
    use console_app::Assets;
    use console_state::StateConfig;
    use http::{HeaderMap, HeaderValue, StatusCode, header};
    use parking_lot::Mutex;
    use serde_json::json;
    use tracing::Subscriber;

    use super::*;
    use crate::auth::{Auth, QueryTokens, login, session};

    /// A log in memory.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Log {
        fn writer(&self) -> impl Subscriber + Send + Sync + use<> {
            let log = self.clone();
            tracing_subscriber::fmt().with_ansi(false).with_writer(move || log.clone()).finish()
        }

        fn lines(&self) -> Vec<String> {
            String::from_utf8(self.0.lock().clone()).unwrap().lines().map(str::to_owned).collect()
        }
    }

    /// The counters, and the lines that `work` leaves.
    fn lines_of(work: impl FnOnce(&Attempts)) -> (Attempts, Vec<String>) {
        let (log, attempts) = (Log::default(), Attempts::register(&Registry::new()).unwrap());
        tracing::subscriber::with_default(log.writer(), || work(&attempts));
        (attempts, log.lines())
    }

    fn counted(attempts: &Attempts, outcome: &str) -> u64 {
        attempts.counter.with_label_values(&[outcome]).get()
    }

    fn home() -> IpAddr {
        "::ffff:192.0.2.7".parse().unwrap()
    }

    #[test]
    fn each_log_in_is_counted_and_told_with_its_address() {
        let (attempts, lines) = lines_of(|attempts| {
            attempts.accepted("admin", home());
            attempts.refused(Refusal::Wrong, home(), 1_000);
            attempts.refused(Refusal::OtherSite, home(), 1_000);
        });
        let outcomes = ["success", "wrong", "throttled", "other_site"];
        assert_eq!(outcomes.map(|outcome| counted(&attempts, outcome)), [1, 1, 0, 1]);
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(lines.iter().all(|line| line.contains("client.address=192.0.2.7")), "{lines:?}");
        assert!(lines[0].contains("INFO") && lines[0].contains("logged in"), "{lines:?}");
        assert!(lines[1].contains("WARN") && lines[1].contains("reason=\"wrong\""), "{lines:?}");
    }

    #[test]
    fn beyond_so_many_in_a_minute_refusals_are_counted_alone() {
        let (attempts, lines) = lines_of(|attempts| {
            for _ in 0..200 {
                attempts.refused(Refusal::Throttled, home(), 5_000);
            }
        });
        assert_eq!(counted(&attempts, "throttled"), 200);
        assert_eq!(lines.len(), 61, "sixty, and that there are more");
        let (_, lines) = lines_of(|attempts| {
            for at in 0..200 {
                attempts.refused(Refusal::Throttled, home(), 5_000 + at * 1_000);
            }
        });
        assert_eq!(lines.len(), 200, "a minute later there is room again");
    }

    #[tokio::test]
    async fn while_users_cannot_be_read_strangers_do_not_fill_the_log() {
        let dir = tempfile::tempdir().unwrap();
        let state = console_state::State::open(StateConfig::new(dir.path().join("state"))).await.unwrap();
        state.close().await;
        let auth = Auth {
            state: Arc::new(state),
            tokens: QueryTokens::new([]),
            assets: Assets::default(),
            attempts: Attempts::register(&Registry::new()).unwrap(),
            is_https: false,
        };
        let cookie = HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_static("qd_session=x"))]);
        let log = Log::default();
        let guard = tracing::subscriber::set_default(log.writer());
        for _ in 0..100 {
            session::find(&auth, &cookie).await.unwrap_err();
            let form = Form(serde_json::from_value(json!({"username": "kim", "password": "x"})).unwrap());
            let client = ConnectInfo((home(), 443).into());
            let refused = login::log_in(State(auth.clone()), client, HeaderMap::new(), Ok(form)).await;
            assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        }
        drop(guard);
        let errors: Vec<_> = log.lines().into_iter().filter(|line| line.contains("cannot be read")).collect();
        assert_eq!(errors.len(), 61, "sixty, and that there are more");
        assert!(errors[0].contains("closed"), "with the cause: {}", errors[0]);
        assert_eq!(counted(&auth.attempts, "failed"), 100);
    }
}
