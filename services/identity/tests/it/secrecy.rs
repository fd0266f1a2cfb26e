//! What must not stand in logs and spans.

use std::io::Write;
use std::sync::{Arc, Mutex};

use shop_contracts::identity::Session;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::{PASSWORD, fixture, kim};

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_address_password_or_token_is_logged_at_any_level() {
    let buffer = Buffer::default();
    let written = buffer.clone();
    let layer = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_span_events(FmtSpan::FULL)
        .with_writer(move || buffer.clone());
    // With one subscriber in the process, tracing asks only the thread that comes to a place in the code first whether
    // anybody listens there, and that may be another test's. With two it asks both.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let _everything = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    let f = fixture().await;
    f.register("k", &kim()).await;
    f.register("other", &kim()).await;
    let session: Session = f.log_in("kim@example.com", PASSWORD, Some("10.1.2.3")).await.json();
    for _ in 0..5 {
        f.log_in("kim@example.com", "a wrong password", Some("10.1.2.3")).await;
    }
    let log = String::from_utf8(written.0.lock().unwrap().clone()).unwrap().to_lowercase();
    for expected in ["account registered", "logged in", "log-in refused", "log-in throttled"] {
        assert!(log.contains(expected), "{expected} is not in the log");
    }
    let token = session.token.to_lowercase();
    for secret in ["kim@example", PASSWORD, "a wrong password", &token, "kim harbour", "10.1.2.3"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}
