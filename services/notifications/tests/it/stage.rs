//! A stream, a memory, a folder of mails, and consumers that share them.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use shop_contracts::events::{IdentityEvent, IdentityEventKind, OrderEvent, OrderEventKind};
use shop_contracts::orders::OrderLine;
use shop_contracts::{AccountId, Currency, Money, OrderId, ProductId};
use shop_instrumentation::clock::Clock as _;
use shop_instrumentation::config::Env;
use shop_instrumentation::metrics::Metrics;
use shop_instrumentation::{Boot, ids, kv};
use shop_notifications::compose::{Composer, Mail};
use shop_notifications::deliver::Notifications;
use shop_notifications::event::Topic;
use shop_notifications::event_stream::EventStream;
use shop_notifications::lease::Lease;
use shop_notifications::mailers::files::FileMailer;
use shop_notifications::mailers::{MailError, Mailer};
use shop_notifications::quota::Quota;
use shop_notifications::storage::postgres::{MIGRATOR, PgDeliveries};
use shop_notifications::telemetry::{FAULTS, NotificationMetrics};
use shop_testkit::{MockClock, TestDb, TestRedis};
use tempfile::TempDir;
use tokio::sync::Notify;
use uuid::Uuid;

pub const EMAIL: &str = "kim@example.com";
/// A reset's one-time secret.
pub const TOKEN: &str = "a-token-of-43-characters_that-nobody-guessed";

pub struct Stage {
    pub db: TestDb,
    pub redis: TestRedis,
    pub clock: MockClock,
    pub folder: TempDir,
}

/// One process, with its own counters.
pub struct Consumer {
    /// Of orders' stream.
    pub notifications: Notifications,
    /// Of identity's stream.
    pub accounts: Notifications,
    pub metrics: Metrics,
}

impl Stage {
    pub async fn set() -> Self {
        let (db, redis) = tokio::join!(TestDb::create(&MIGRATOR), TestRedis::start());
        Self { db, redis, clock: MockClock::new(), folder: tempfile::tempdir().unwrap() }
    }

    /// A consumer that writes into the folder.
    pub fn consumer(&self, name: &str) -> Consumer {
        self.consumer_with(name, Arc::new(self.files()))
    }

    /// A consumer whose folder's disk can be made full.
    pub fn consumer_on_a_full_disk(&self, name: &str) -> Consumer {
        let mut consumer = self.consumer(name);
        let mailer = self.files().with_faults(consumer.notifications.faults.clone());
        consumer.notifications.mailer = Arc::new(mailer);
        consumer
    }

    pub fn consumer_with(&self, name: &str, mailer: Arc<dyn Mailer>) -> Consumer {
        let boot = Boot::for_tests("notifications", Env::from_pairs::<String, String>([])).unwrap();
        boot.faults.declare(FAULTS);
        let redis = kv::connect(&self.redis.url).unwrap();
        let wait = Duration::from_millis(10);
        let notifications = Notifications {
            events: EventStream::connect(Topic::Orders, &self.redis.url, redis.clone(), name, wait).unwrap(),
            quota: Quota::new(redis.clone()),
            deliveries: PgDeliveries::new(self.db.pool.clone()),
            lease: Lease::default(),
            composer: composer(),
            mailer,
            metrics: NotificationMetrics::new(&boot.metrics).unwrap(),
            faults: boot.faults.clone(),
            clock: self.clock.shared(),
        };
        let events = EventStream::connect(Topic::Identity, &self.redis.url, redis, name, wait).unwrap();
        let accounts = Notifications { events, ..notifications.clone() };
        Consumer { notifications, accounts, metrics: boot.metrics.clone() }
    }

    pub fn files(&self) -> FileMailer {
        FileMailer::open(self.folder.path(), 100).unwrap()
    }

    /// An event of now, not yet on the stream.
    pub fn event(&self, kind: OrderEventKind) -> OrderEvent {
        OrderEvent { occurred_at: self.clock.now(), ..event(kind) }
    }

    /// Puts an event on the stream as orders' relay does.
    pub async fn publish(&self, event: &OrderEvent) {
        let payload = serde_json::to_string(event).unwrap();
        let id = event.id.to_string();
        self.add(&[
            ("id", id.as_bytes()),
            ("type", event.kind.as_str().as_bytes()),
            ("payload", payload.as_bytes()),
        ])
        .await;
    }

    /// An event of now about an account, not yet on the stream.
    pub fn account_event(&self, kind: IdentityEventKind) -> IdentityEvent {
        IdentityEvent {
            id: ids::new_id(),
            kind,
            occurred_at: self.clock.now(),
            account_id: AccountId::new(ids::new_id()),
            email: EMAIL.to_owned(),
            name: "Kim Harbour".to_owned(),
            token: matches!(
                kind,
                IdentityEventKind::PasswordResetRequested | IdentityEventKind::RegistrationRequested
            )
            .then(|| TOKEN.to_owned()),
        }
    }

    /// Puts an event on the stream as identity's relay does.
    pub async fn publish_account(&self, event: &IdentityEvent) {
        let payload = serde_json::to_string(event).unwrap();
        let (id, kind) = (event.id.to_string(), event.kind.as_str());
        let fields = [("id", id.as_bytes()), ("type", kind.as_bytes()), ("payload", payload.as_bytes())];
        self.add_to("identity.events", &fields).await;
    }

    /// Puts anything on orders' stream.
    pub async fn add(&self, fields: &[(&str, &[u8])]) {
        self.add_to("orders.events", fields).await;
    }

    async fn add_to(&self, stream: &str, fields: &[(&str, &[u8])]) {
        let mut command = redis::cmd("XADD");
        command.arg(stream).arg("*");
        for (name, value) in fields {
            command.arg(name).arg(value);
        }
        self.redis_says::<String>(command).await;
    }

    pub async fn redis_says<T: redis::FromRedisValue>(&self, command: redis::Cmd) -> T {
        let mut connection = self.redis.connection().await;
        command.query_async(&mut connection).await.unwrap()
    }

    /// Entries that were handed out and not finished.
    pub async fn pending(&self) -> u64 {
        self.pending_on("orders.events").await
    }

    pub async fn pending_on(&self, stream: &str) -> u64 {
        let mut command = redis::cmd("XPENDING");
        command.arg(stream).arg("notifications");
        let (pending, ..): (u64, redis::Value, redis::Value, redis::Value) = self.redis_says(command).await;
        pending
    }

    /// Entries of the dead-letter stream.
    pub async fn dead(&self) -> Vec<Vec<(String, String)>> {
        let mut command = redis::cmd("XRANGE");
        command.arg("orders.events.dead").arg("-").arg("+");
        let entries: Vec<(String, Vec<(String, String)>)> = self.redis_says(command).await;
        entries.into_iter().map(|(_, fields)| fields).collect()
    }

    /// The mails in the folder, by name.
    pub fn mails(&self) -> Vec<PathBuf> {
        let mut mails: Vec<PathBuf> = std::fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "eml"))
            .collect();
        mails.sort();
        mails
    }

    pub fn mail_text(&self, event: &OrderEvent) -> String {
        self.mail_of(event.id)
    }

    pub fn mail_of(&self, event_id: Uuid) -> String {
        std::fs::read_to_string(self.folder.path().join(format!("{event_id}.eml"))).unwrap()
    }
}

impl Consumer {
    /// The value of a series in the exposition.
    pub fn metric(&self, series: &str) -> f64 {
        let text = self.metrics.render().unwrap();
        let line =
            text.lines().find(|line| line.strip_prefix(series).is_some_and(|rest| rest.starts_with(' ')));
        line.unwrap_or_else(|| panic!("{series} is not in\n{text}"))
            .rsplit(' ')
            .next()
            .unwrap()
            .parse()
            .unwrap()
    }

    pub fn sent(&self, kind: &str, outcome: &str) -> f64 {
        self.metric(&format!("shop_notifications_sent_total{{kind=\"{kind}\",outcome=\"{outcome}\"}}"))
    }
}

pub fn composer() -> Composer {
    let from = "Quarterdeck <orders@quarterdeck.example>".parse().unwrap();
    Composer::new(from, Some("https://shop.example".to_owned()))
}

pub fn event(kind: OrderEventKind) -> OrderEvent {
    OrderEvent {
        id: ids::new_id(),
        kind,
        occurred_at: shop_instrumentation::clock::now(),
        order_id: OrderId::new(ids::new_id()),
        number: "QD-4711".to_owned(),
        account_id: None,
        email: EMAIL.to_owned(),
        name: "Kim Harbour".to_owned(),
        lines: vec![OrderLine {
            product_id: ProductId::from_slug("lamp"),
            name: "Lamp of brass".to_owned(),
            quantity: 2,
            unit_price: Money::new(129_900, Currency::Usd),
            charge: None,
        }],
        total: Money::new(259_800, Currency::Usd),
        refund: None,
        shipment: None,
        charges: None,
        reason: None,
    }
}

/// Remembers what it was given, and answers what it is told to.
pub struct Recording {
    pub taken: Mutex<Vec<Uuid>>,
    answer: Box<dyn Fn() -> Result<(), MailError> + Send + Sync>,
}

impl Recording {
    pub fn answering(answer: impl Fn() -> Result<(), MailError> + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { taken: Mutex::default(), answer: Box::new(answer) })
    }

    pub fn taken(&self) -> Vec<Uuid> {
        self.taken.lock().unwrap().clone()
    }
}

#[async_trait]
impl Mailer for Recording {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        tokio::task::yield_now().await;
        self.taken.lock().unwrap().push(mail.event_id);
        (self.answer)()
    }
}

/// Tells that it has begun, goes on when it is let, and remembers what it finished.
#[derive(Default)]
pub struct Gate {
    pub begun: Notify,
    pub go_on: Notify,
    finished: Mutex<Vec<Uuid>>,
}

impl Gate {
    pub fn finished(&self) -> Vec<Uuid> {
        self.finished.lock().unwrap().clone()
    }
}

#[async_trait]
impl Mailer for Gate {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        self.begun.notify_one();
        self.go_on.notified().await;
        self.finished.lock().unwrap().push(mail.event_id);
        Ok(())
    }
}
