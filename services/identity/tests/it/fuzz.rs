//! Arbitrary bytes at every route: whatever comes, no answer is the service's own failure.

use serde_json::json;
use shop_testkit::fuzz::{Plan, no_route_fails};

use crate::{PASSWORD, fixture};

#[tokio::test]
async fn no_route_fails_on_arbitrary_bytes() {
    let f = fixture().await;
    let session = f.logged_in().await;
    let known = [session.account.id.to_string(), session.token.clone(), "current".to_owned()];
    let bodies = [
        json!({"email": "kim@example.com", "password": "wrong", "user_agent": "\u{202e}"}),
        json!({"email": "ann@example.com", "display_name": "Ann", "password": PASSWORD}),
        json!({"current": "wrong", "new": PASSWORD, "keep_session_token": "\u{1f6a2}"}),
        json!({"token": session.token, "password": PASSWORD}),
        json!({"addresses": []}),
    ];
    let document = shop_identity::http::document();
    let plan = Plan { document: &document, rounds: 60, seed: 0x01de_5eed, known: &known, bodies: &bodies };
    assert!(no_route_fails(&f.router, &plan).await > 50);
}
