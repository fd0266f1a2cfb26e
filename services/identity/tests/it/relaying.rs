use serde_json::json;
use shop_contracts::events::{CONSUMER_GROUPS, IDENTITY_STREAM, IdentityEvent};
use shop_instrumentation::kv;
use shop_instrumentation::outbox::{Relay, RelayConfig, Round, Target};

use crate::{Fixture, fixture, kim};

type Entry = (String, Vec<(String, String)>);

fn relay(f: &Fixture) -> Relay {
    let target = Target { stream: IDENTITY_STREAM, groups: &CONSUMER_GROUPS };
    let redis = kv::connect(&f.redis.url).unwrap();
    let metrics = f.identity.metrics.outbox.clone();
    Relay::new(f.db.pool.clone(), redis, target, RelayConfig::default(), metrics, f.clock.shared())
}

fn field<'a>(entry: &'a Entry, name: &str) -> &'a str {
    let found = entry.1.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str()).unwrap_or_default()
}

#[tokio::test]
async fn events_leave_for_the_stream_in_their_order_and_the_token_leaves_the_database() {
    let f = fixture().await;
    f.confirmed("k", &kim()).await;
    f.post("/v1/password-resets", &json!({"email": "kim@example.com"})).await;
    let written = f.events().await;
    let mut relay = relay(&f);
    assert_eq!(relay.once().await.unwrap(), Round::Sent(3));
    let mut range = redis::cmd("XRANGE");
    range.arg("identity.events").arg("-").arg("+");
    let entries: Vec<Entry> = range.query_async(&mut f.redis.connection().await).await.unwrap();
    let types: Vec<&str> = entries.iter().map(|entry| field(entry, "type")).collect();
    let expected =
        ["identity.registration_requested", "identity.registered", "identity.password_reset_requested"];
    assert_eq!(types, expected);
    for (entry, event) in entries.iter().zip(&written) {
        assert_eq!(field(entry, "id"), event.id.to_string());
        let sent: IdentityEvent = serde_json::from_str(field(entry, "payload")).unwrap();
        assert!(sent == *event, "the payload is the event, whole");
    }
    assert_eq!(f.scalar("SELECT count(*) FROM outbox").await, 0);
    assert_eq!(relay.once().await.unwrap(), Round::Sent(0));
}

#[tokio::test]
async fn without_redis_events_wait_in_the_outbox() {
    let mut f = fixture().await;
    f.redis.stop().await;
    f.confirmed("k", &kim()).await;
    assert!(relay(&f).once().await.is_err());
    assert_eq!(f.kinds().await, ["identity.registration_requested", "identity.registered"]);
}
