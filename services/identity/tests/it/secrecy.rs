//! What must not stand in logs and spans.

use std::io::Write;
use std::sync::{Arc, Mutex};

use axum::http::Method;
use serde_json::json;
use shop_contracts::events::IdentityEventKind;
use shop_contracts::identity::{Session, StaffSession};
use shop_identity::credentials::Password;
use shop_testkit::http::get;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::{PASSWORD, fixture, kim, path_of};

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
    f.confirmed("k", &kim()).await;
    f.register("other", &kim()).await;
    let session: Session = f.log_in("kim@example.com", PASSWORD, Some("10.1.2.3")).await.json();
    for _ in 0..5 {
        f.log_in("kim@example.com", "a wrong password", Some("10.1.2.3")).await;
    }
    let id = session.account.id;
    let mut guessed = kim();
    guessed["password"] = json!("quarterdeck-2026");
    f.register("guessed", &guessed).await;
    let typed = json!({"label": "Home", "address": {"name": "Kim Harbour", "address1": "1 Secret Quay", "city": "Port",
        "postcode": "12345", "country": "DE"}});
    f.put(&path_of(id, "/addresses"), &json!({"addresses": [typed]})).await;
    get(&f.router, &path_of(id, "/addresses")).await;
    get(&f.router, &path_of(id, "")).await;
    f.with_token(Method::GET, "/v1/sessions/current", &session.token).await;
    get(&f.router, &format!("/v1/sessions/{}", session.token)).await;
    f.with_token(Method::GET, &path_of(id, "/sessions"), &session.token).await;
    f.post("/v1/password-resets", &json!({"email": "kim@example.com", "client_address": "10.1.2.3"})).await;
    let reset = f.mailed_token(IdentityEventKind::PasswordResetRequested).await;
    let confirmation = f.mailed_token(IdentityEventKind::RegistrationRequested).await;
    f.post("/v1/password-resets/check", &json!({"token": reset, "client_address": "10.1.2.3"})).await;
    f.post("/v1/accounts/confirm/check", &json!({"token": confirmation})).await;
    f.post("/v1/password-resets/confirm", &json!({"token": reset, "password": "a second password"})).await;
    f.clock.advance_seconds(300);
    let path = path_of(id, "/password");
    f.put(&path, &json!({"current": "a wrong password", "new": "a third password"})).await;
    f.put(&path, &json!({"current": "a second password", "new": "a third password"})).await;
    f.identity.seed_staff(&Password::parse_new("a staff password".to_owned()).unwrap()).await.unwrap();
    let body = json!({"email": "staff", "password": "a staff password", "client_address": "10.1.2.3"});
    let staff: StaffSession = f.post("/v1/staff/sessions", &body).await.json();
    f.with_token(Method::GET, "/v1/staff/sessions/current", &staff.token).await;
    f.post(&path_of(id, "/delete"), &json!({"password": "a third password"})).await;
    let log = String::from_utf8(written.0.lock().unwrap().clone()).unwrap().to_lowercase();
    for expected in [
        "account asked for",
        "account registered",
        "its owner is told",
        "logged in",
        "log-in refused",
        "request throttled",
        "password reset requested",
        "password reset",
        "password changed",
        "staff logged in",
        "account deleted",
    ] {
        assert!(log.contains(expected), "{expected} is not in the log");
    }
    let tokens = [session.token, reset, confirmation, staff.token].map(|token| token.to_lowercase());
    let typed = ["kim@example", PASSWORD, "a wrong password", "a second password", "a third password"];
    let others = ["quarterdeck-2026", "a staff password", "kim harbour", "secret quay", "10.1.2.3"];
    for secret in tokens.iter().map(String::as_str).chain(typed).chain(others) {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}
