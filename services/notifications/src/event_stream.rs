//! A stream of events as this service's consumer group sees it.
//!
//! Replies are read as bytes: whatever somebody puts on the stream, it must not stop what comes after it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use redis::{RedisError, Value};
use shop_instrumentation::kv;

use crate::event::{Event, Topic};

/// The group: an event goes to one of its consumers.
pub const GROUP: &str = "notifications";
/// A dead-letter stream keeps about this many, each for a month: it holds addresses.
const MAX_DEAD: usize = 10_000;
const DEAD_KEPT: TimeDelta = TimeDelta::days(30);
/// Where a round over the pending entries begins.
const HEAD: &str = "0-0";
/// A consumer without work that has not asked for so long is one that is gone.
const GONE_AFTER: Duration = Duration::from_hours(24);

type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// One entry of the stream.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place on the stream.
    pub id: String,
    fields: Fields,
}

/// Why an entry is no event. Says where, never what: an entry holds addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("no field 'payload'")]
    NoPayload,
    #[error("payload is not an event of this stream (line {line}, column {column})")]
    NotAnEvent { line: usize, column: usize },
}

/// This process's place in the group. Clones share it.
#[derive(Clone)]
pub struct EventStream {
    topic: Topic,
    /// For commands that answer at once.
    redis: kv::Connection,
    /// For reads that wait.
    waiting: kv::Connection,
    consumer: Arc<str>,
    wait: Duration,
    /// How far the present round over the pending entries has come.
    cursor: Arc<Mutex<String>>,
}

impl EventStream {
    /// A consumer of `topic` named `consumer`; a read waits up to `wait` for something to come.
    pub fn connect(
        topic: Topic,
        url: &str,
        redis: kv::Connection,
        consumer: &str,
        wait: Duration,
    ) -> Result<Self, RedisError> {
        let cursor = Arc::new(Mutex::new(HEAD.to_owned()));
        let waiting = kv::connect_blocking(url, wait)?;
        Ok(Self { topic, redis, waiting, consumer: consumer.into(), wait, cursor })
    }

    /// What is read.
    pub fn topic(&self) -> Topic {
        self.topic
    }

    /// New entries, at most `count`; none when nothing came. Makes the group when it is not there, from the first entry
    /// on: what was handled before is remembered elsewhere.
    pub async fn read(&self, count: usize) -> Result<Vec<Entry>, RedisError> {
        let mut command = redis::cmd("XREADGROUP");
        command.arg("GROUP").arg(GROUP).arg(&*self.consumer).arg("COUNT").arg(count);
        command.arg("BLOCK").arg(self.wait.as_millis().max(1) as u64);
        command.arg("STREAMS").arg(self.topic.stream()).arg(">");
        let mut connection = self.waiting.clone();
        // Not observed as an operation: its duration is how long nothing happened.
        match command.query_async::<Value>(&mut connection).await {
            Ok(Value::Nil) => Ok(Vec::new()),
            Ok(reply) => {
                let streams: Vec<(String, Vec<(String, Fields)>)> = redis::from_redis_value(reply)?;
                Ok(streams.into_iter().flat_map(|(_, entries)| entries).map(Entry::from).collect())
            }
            Err(error) if error.code() == Some("NOGROUP") => {
                self.make_group().await?;
                Ok(Vec::new())
            }
            Err(error) => Err(error),
        }
    }

    /// Entries that a consumer took at least `idle` ago and never finished, at most `count`; they are this one's now.
    ///
    /// One call looks at ten times as many pending entries at most. The next goes on behind them: many that wait their
    /// turn, such as mails that a server wants later, hide nobody who waits behind them. After the last it begins anew.
    pub async fn reclaim(&self, idle: Duration, count: usize) -> Result<Vec<Entry>, RedisError> {
        let mut command = redis::cmd("XAUTOCLAIM");
        command.arg(self.topic.stream()).arg(GROUP).arg(&*self.consumer);
        command.arg(idle.as_millis() as u64).arg(self.cursor()).arg("COUNT").arg(count);
        match self.run::<Vec<Value>>("XAUTOCLAIM", command).await {
            Ok(reply) => {
                let mut parts = reply.into_iter();
                let next_cursor: String = next(&mut parts)?;
                self.set_cursor(next_cursor);
                let claimed: Vec<(String, Fields)> = next(&mut parts)?;
                let trimmed: Vec<String> = next(&mut parts)?;
                if !trimmed.is_empty() {
                    tracing::error!(
                        events = trimmed.len(),
                        "events left the stream before they were handled"
                    );
                }
                Ok(claimed.into_iter().map(Entry::from).collect())
            }
            Err(error) if error.code() == Some("NOGROUP") => {
                self.set_cursor(HEAD.to_owned());
                Ok(Vec::new())
            }
            Err(error) => Err(error),
        }
    }

    /// Whether the present round over the pending entries has come to their end.
    pub fn is_round_over(&self) -> bool {
        self.cursor() == HEAD
    }

    fn cursor(&self) -> String {
        self.cursor.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_cursor(&self, cursor: String) {
        *self.cursor.lock().unwrap_or_else(PoisonError::into_inner) = cursor;
    }

    /// The entry is finished.
    pub async fn acknowledge(&self, entry: &Entry) -> Result<(), RedisError> {
        let mut command = redis::cmd("XACK");
        command.arg(self.topic.stream()).arg(GROUP).arg(&entry.id);
        self.run("XACK", command).await
    }

    /// Puts the entry aside and finishes it, both or neither: whole but for one-time secrets, with `reason` and `entry`
    /// (its place on the stream).
    pub async fn dead_letter(&self, entry: &Entry, reason: &str) -> Result<(), RedisError> {
        let mut pipe = redis::pipe();
        pipe.atomic();
        let add =
            pipe.cmd("XADD").arg(self.topic.dead_stream()).arg("MAXLEN").arg("~").arg(MAX_DEAD).arg("*");
        add.arg("reason").arg(reason).arg("entry").arg(&entry.id);
        for (name, value) in &entry.fields {
            let without = (name == b"payload").then(|| without_token(value)).flatten();
            add.arg(name).arg(without.as_deref().unwrap_or(value));
        }
        pipe.ignore().cmd("XACK").arg(self.topic.stream()).arg(GROUP).arg(&entry.id).ignore();
        let mut connection = self.redis.clone();
        kv::observe("XADD dead", async move { pipe.query_async::<()>(&mut connection).await }).await
    }

    /// Removes what was put aside more than a month before `now`; answers how many.
    pub async fn forget_dead(&self, now: DateTime<Utc>) -> Result<u64, RedisError> {
        let mut command = redis::cmd("XTRIM");
        command.arg(self.topic.dead_stream()).arg("MINID").arg((now - DEAD_KEPT).timestamp_millis().max(0));
        self.run("XTRIM", command).await
    }

    /// How often the entry was handed out; nothing when it is not pending.
    pub async fn deliveries(&self, entry: &Entry) -> Result<Option<u64>, RedisError> {
        let mut command = redis::cmd("XPENDING");
        command.arg(self.topic.stream()).arg(GROUP).arg(&entry.id).arg(&entry.id).arg(1);
        let pending: Vec<(String, String, u64, u64)> = self.run("XPENDING", command).await?;
        Ok(pending.first().map(|(.., times)| *times))
    }

    /// When the oldest entry came that nobody has finished; nothing when all are.
    pub async fn oldest_unhandled(&self) -> Result<Option<DateTime<Utc>>, RedisError> {
        let mut groups = redis::cmd("XINFO");
        groups.arg("GROUPS").arg(self.topic.stream());
        let groups = match self.run::<redis::streams::StreamInfoGroupsReply>("XINFO", groups).await {
            Ok(reply) => reply.groups,
            // No stream yet: nothing ever came.
            Err(error) if error.kind() == redis::ErrorKind::Server(redis::ServerErrorKind::ResponseError) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let group = groups.into_iter().find(|group| group.name == GROUP);
        let (pending, delivered) = group.map_or((0, "-".to_owned()), |g| (g.pending, g.last_delivered_id));
        let mut oldest = None;
        if pending > 0 {
            let mut command = redis::cmd("XPENDING");
            command.arg(self.topic.stream()).arg(GROUP).arg("-").arg("+").arg(1);
            let first: Vec<(String, String, u64, u64)> = self.run("XPENDING", command).await?;
            oldest = first.first().and_then(|(id, ..)| time_of(id));
        }
        let mut command = redis::cmd("XRANGE");
        let start = if delivered == "-" { delivered } else { format!("({delivered}") };
        command.arg(self.topic.stream()).arg(start).arg("+").arg("COUNT").arg(1);
        let undelivered: Vec<(String, Fields)> = self.run("XRANGE", command).await?;
        let undelivered = undelivered.first().and_then(|(id, _)| time_of(id));
        Ok(oldest.into_iter().chain(undelivered).min())
    }

    /// Removes consumers that are gone and left nothing behind; answers how many.
    pub async fn remove_gone_consumers(&self) -> Result<usize, RedisError> {
        let mut command = redis::cmd("XINFO");
        command.arg("CONSUMERS").arg(self.topic.stream()).arg(GROUP);
        let known = self.run::<redis::streams::StreamInfoConsumersReply>("XINFO", command).await?.consumers;
        let gone = known.into_iter().filter(|consumer| {
            let quiet = consumer.idle as u128 > GONE_AFTER.as_millis();
            consumer.pending == 0 && quiet && *consumer.name != *self.consumer
        });
        let mut removed = 0;
        for consumer in gone {
            let mut command = redis::cmd("XGROUP");
            command.arg("DELCONSUMER").arg(self.topic.stream()).arg(GROUP).arg(consumer.name);
            self.run::<u64>("XGROUP", command).await?;
            removed += 1;
        }
        Ok(removed)
    }

    async fn make_group(&self) -> Result<(), RedisError> {
        let mut command = redis::cmd("XGROUP");
        command.arg("CREATE").arg(self.topic.stream()).arg(GROUP).arg("0").arg("MKSTREAM");
        match self.run::<()>("XGROUP", command).await {
            Ok(()) => tracing::info!(group = GROUP, "consumer group made"),
            // Another instance was first.
            Err(error) if error.code() == Some("BUSYGROUP") => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn run<T: redis::FromRedisValue>(
        &self,
        operation: &'static str,
        command: redis::Cmd,
    ) -> Result<T, RedisError> {
        let mut connection = self.redis.clone();
        kv::observe(operation, async move { command.query_async(&mut connection).await }).await
    }
}

impl Entry {
    /// A field as text; nothing when it is not there or is no text.
    pub fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.fields.iter().find(|(known, _)| known == name.as_bytes())?;
        std::str::from_utf8(value).ok()
    }

    /// The event that it carries.
    pub fn event(&self, topic: Topic) -> Result<Event, Unreadable> {
        let payload = self.text("payload").ok_or(Unreadable::NoPayload)?;
        // serde's own message may repeat values.
        topic
            .parse(payload)
            .map_err(|error| Unreadable::NotAnEvent { line: error.line(), column: error.column() })
    }

    /// The trace that it belongs to.
    pub fn trace_context(&self) -> Vec<(&'static str, &str)> {
        let carried = ["traceparent", "tracestate"].map(|name| self.text(name).map(|value| (name, value)));
        carried.into_iter().flatten().collect()
    }
}

impl From<(String, Fields)> for Entry {
    fn from((id, fields): (String, Fields)) -> Self {
        Self { id, fields }
    }
}

/// A payload without the one-time secret that it carries; nothing when it carries none. A secret is of no use by the time
/// its mail is given up, and of use to whoever reads the stream later.
fn without_token(payload: &[u8]) -> Option<Vec<u8>> {
    let mut event: serde_json::Value = serde_json::from_slice(payload).ok()?;
    event.as_object_mut()?.remove("token")?;
    serde_json::to_vec(&event).ok()
}

/// When an entry came: the first half of its id is the server's time in milliseconds.
fn time_of(id: &str) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(id.split('-').next()?.parse().ok()?)
}

fn next<T: redis::FromRedisValue + Default>(
    parts: &mut impl Iterator<Item = Value>,
) -> Result<T, RedisError> {
    Ok(parts.next().map(redis::from_redis_value).transpose()?.unwrap_or_default())
}
