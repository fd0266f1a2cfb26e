//! The Redis stream: adding in order, and trimming behind what every group has acknowledged.

use std::fmt;

use redis::streams::{StreamInfoGroupsReply, StreamPendingReply};
use redis::{AsyncCommands as _, RedisError};

use super::Target;
use super::storage::Waiting;
use crate::kv;

/// How long replicas may take, milliseconds. Other commands of this process wait behind it.
const COPIED_WITHIN_MS: usize = 200;

/// A stream and what is known of its length.
pub struct Stream {
    redis: kv::Connection,
    target: Target,
    length: usize,
}

/// An entry's id: milliseconds and a sequence number, ordered by both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct EntryId(u64, u64);

impl EntryId {
    fn parse(text: &str) -> Option<Self> {
        let (ms, seq) = text.split_once('-')?;
        Some(Self(ms.parse().ok()?, seq.parse().ok()?))
    }

    /// The smallest id after this one.
    fn next(self) -> Self {
        match self.1.checked_add(1) {
            Some(seq) => Self(self.0, seq),
            None => Self(self.0.saturating_add(1), 0),
        }
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.0, self.1)
    }
}

impl Stream {
    pub fn new(redis: kv::Connection, target: Target) -> Self {
        Self { redis, target, length: 0 }
    }

    /// Entries when it was last looked at, and what was added since.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Adds events in their order: all of them or none, so that a refusal in the middle (memory is full) cannot let a
    /// later event overtake an earlier one. Waits a moment for this many replicas; answers how many have them.
    pub async fn add(&mut self, events: &[Waiting], replicas: usize) -> Result<usize, RedisError> {
        let mut pipeline = redis::pipe();
        pipeline.cmd("MULTI").ignore();
        for event in events {
            let command = pipeline.cmd("XADD").arg(self.target.stream).arg("*");
            command.arg("id").arg(event.event_id.to_string());
            command.arg("type").arg(&event.kind).arg("payload").arg(&event.payload);
            if let Some(traceparent) = &event.traceparent {
                command.arg("traceparent").arg(traceparent);
            }
            command.ignore();
        }
        pipeline.cmd("EXEC").ignore();
        // On the connection that wrote: on another one, perhaps to another master, it would say nothing about these.
        pipeline.cmd("WAIT").arg(replicas).arg(if replicas == 0 { 1 } else { COPIED_WITHIN_MS });
        let mut redis = self.redis.clone();
        let (have,): (usize,) =
            kv::observe("XADD", async move { pipeline.query_async(&mut redis).await }).await?;
        self.length += events.len();
        Ok(have)
    }

    /// Removes what every group has acknowledged; answers how many entries are left.
    pub async fn trim(&mut self) -> Result<usize, RedisError> {
        let mut redis = self.redis.clone();
        let stream = self.target.stream;
        if let Some(floor) = self.floor().await? {
            let mut command = redis::cmd("XTRIM");
            command.arg(stream).arg("MINID").arg(floor.to_string());
            kv::observe("XTRIM", async { command.query_async::<i64>(&mut redis).await }).await?;
        }
        self.length = kv::observe("XLEN", async { redis.xlen(stream).await }).await?;
        Ok(self.length)
    }

    /// The oldest id that some group has not acknowledged; `None` when nothing may be trimmed, because the stream or
    /// one of the groups is not there yet.
    ///
    /// Order matters: the position of a group is read before its pending entries. What is delivered in between has a
    /// later id than the position read, so it cannot be missed.
    async fn floor(&self) -> Result<Option<EntryId>, RedisError> {
        let mut redis = self.redis.clone();
        let stream = self.target.stream;
        let exists: bool = kv::observe("EXISTS", async { redis.exists(stream).await }).await?;
        if !exists {
            return Ok(None);
        }
        let info: StreamInfoGroupsReply =
            kv::observe("XINFO GROUPS", async { redis.xinfo_groups(stream).await }).await?;
        let mut floor: Option<EntryId> = None;
        for name in self.target.groups {
            let group = info.groups.iter().find(|group| group.name == *name);
            let Some(delivered) = group.and_then(|group| EntryId::parse(&group.last_delivered_id)) else {
                return Ok(None);
            };
            let pending: StreamPendingReply =
                kv::observe("XPENDING", async { redis.xpending(stream, *name).await }).await?;
            let oldest = match pending {
                StreamPendingReply::Data(data) => EntryId::parse(&data.start_id),
                StreamPendingReply::Empty => None,
                // Not known what is open: nothing is trimmed.
                _ => return Ok(None),
            };
            let behind = oldest.map_or(delivered.next(), |id| id.min(delivered.next()));
            floor = Some(floor.map_or(behind, |floor| floor.min(behind)));
        }
        Ok(floor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_ordered_by_time_and_then_by_sequence() {
        let id = |text| EntryId::parse(text).unwrap();
        assert!(id("9-5") < id("10-0") && id("10-9") < id("10-10"));
        assert_eq!(id("10-9").next(), id("10-10"));
        assert_eq!(EntryId(7, u64::MAX).next(), EntryId(8, 0));
        assert_eq!(EntryId::parse("10"), None);
    }
}
