use std::io::Write;
use std::sync::{Arc, Mutex};

use opentelemetry::trace::{SpanKind, TracerProvider as _};
use opentelemetry_sdk::trace::SdkTracerProvider;
use shop_contracts::events::{IdentityEvent, IdentityEventKind, OrderEventKind};
use shop_instrumentation::clock::Clock as _;
use shop_instrumentation::registry;
use shop_notifications::workers::{consume_once, measure};
use shop_testkit::EndedSpans;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::stage::{Stage, TOKEN};

#[tokio::test]
async fn lag_is_the_age_of_the_oldest_event_that_is_not_handled() {
    let stage = Stage::set().await;
    let consumer = stage.consumer("one");
    let lag = || async {
        measure(&[consumer.notifications.clone(), consumer.accounts.clone()]).await.unwrap();
        consumer.metric("shop_event_consumer_lag_seconds")
    };
    assert_eq!(lag().await, 0.0, "no stream yet");
    let came_ms = stage.clock.now().timestamp_millis();
    let mut add = redis::cmd("XADD");
    add.arg("orders.events").arg(format!("{came_ms}-0")).arg("id").arg("nonsense");
    stage.redis_says::<String>(add).await;
    stage.clock.advance_seconds(7);
    assert_eq!(lag().await, 7.0, "nobody has read it");
    while consume_once(&consumer.notifications).await.unwrap() == 0 {}
    stage.clock.advance_seconds(5);
    assert_eq!(lag().await, 12.0, "read, but not handled");
    let mut ack = redis::cmd("XACK");
    ack.arg("orders.events").arg("notifications").arg(format!("{came_ms}-0"));
    stage.redis_says::<u64>(ack).await;
    assert_eq!(lag().await, 0.0);
    let mut add = redis::cmd("XADD");
    add.arg("identity.events").arg(format!("{came_ms}-0")).arg("id").arg("nonsense");
    stage.redis_says::<String>(add).await;
    assert_eq!(lag().await, 12.0, "of whichever stream is further behind");
}

#[tokio::test]
async fn every_metric_is_declared_and_every_declared_one_is_there() {
    let stage = Stage::set().await;
    let consumer = stage.consumer("one");
    consumer.metrics.observe_databases();
    stage.publish(&stage.event(OrderEventKind::Confirmed)).await;
    while consume_once(&consumer.notifications).await.unwrap() == 0 {}
    let text = consumer.metrics.render().unwrap();
    assert_eq!(registry::undeclared("notifications", &text), Vec::<String>::new());
    assert_eq!(registry::missing("notifications", &text), Vec::<String>::new());
}

/// With one subscriber in the process, tracing asks only the thread that comes to a place in the code first whether
/// anybody listens there, and that may be another test's. With two it asks both.
fn second_subscriber() -> tracing::Dispatch {
    tracing::Dispatch::new(tracing_subscriber::registry())
}

#[tokio::test]
async fn the_trace_of_the_order_goes_on_through_the_stream() {
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    let ended = EndedSpans::default();
    let provider = SdkTracerProvider::builder().with_span_processor(ended.clone()).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    let _second = second_subscriber();
    let _traced = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    let stage = Stage::set().await;
    let consumer = stage.consumer("one");
    let event = stage.event(OrderEventKind::Confirmed);
    let payload = serde_json::to_vec(&event).unwrap();
    let traceparent = format!("00-{TRACE}-b7ad6b7169203331-01");
    stage.add(&[("payload", &payload), ("traceparent", traceparent.as_bytes())]).await;
    while consume_once(&consumer.notifications).await.unwrap() == 0 {}

    let ended = ended.all();
    let find =
        |name: &str| ended.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no span {name}"));
    let process = find("process orders.events");
    assert_eq!(process.span_context.trace_id().to_string(), TRACE);
    assert_eq!(process.parent_span_id.to_string(), "b7ad6b7169203331");
    assert_eq!(process.span_kind, SpanKind::Consumer);
    for name in ["send mail", "INSERT deliveries", "UPDATE deliveries", "XACK"] {
        assert_eq!(find(name).span_context.trace_id().to_string(), TRACE, "{name}");
    }
}

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
async fn no_address_or_name_is_logged_at_any_level_or_kept_in_the_database() {
    let buffer = Buffer::default();
    let written = buffer.clone();
    let layer = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_span_events(FmtSpan::FULL)
        .with_writer(move || buffer.clone());
    let _second = second_subscriber();
    let _everything = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    let stage = Stage::set().await;
    let consumer = stage.consumer("one");
    stage.publish(&stage.event(OrderEventKind::Confirmed)).await;
    stage.add(&[("type", b"order.failed"), ("payload", b"{\"id\":\"kim@example.com\"}")]).await;
    let mut wrong = stage.event(OrderEventKind::Confirmed);
    wrong.email = "kim@example.com and more".to_owned();
    stage.publish(&wrong).await;
    while consume_once(&consumer.notifications).await.unwrap() == 0 {}
    stage.publish_account(&stage.account_event(IdentityEventKind::PasswordResetRequested)).await;
    let strange = stage.account_event(IdentityEventKind::PasswordResetRequested);
    stage.publish_account(&IdentityEvent { token: Some(format!("{TOKEN}?")), ..strange }).await;
    while consume_once(&consumer.accounts).await.unwrap() == 0 {}
    assert_eq!(stage.mails().len(), 2);
    let log = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    for expected in ["mail sent", "entry is no event", "mail not sent"] {
        assert!(log.contains(expected), "{expected} is not in the log");
    }
    let rows: String = sqlx::query_scalar("SELECT string_agg(d::text, ' ') FROM deliveries d")
        .fetch_one(&stage.db.pool)
        .await
        .unwrap();
    for secret in ["kim@example", "Kim Harbour", TOKEN] {
        assert!(!log.contains(secret), "{secret} is in the log");
        assert!(!rows.contains(secret), "{secret} is in the database");
    }
}
