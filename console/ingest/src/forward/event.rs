//! A message of the protocol as log entries ("Forward Protocol Specification v1", "Event Modes").

use console_model::log::{LogStream, Streams};
use serde_json::Value;

use super::msgpack::{Cursor, MsgpackError, Token};
use crate::{
    body::{self, Encoding},
    elasticsearch::document::{self, Origin},
    limits::IngestLimits,
    otlp::resource::UNKNOWN_SERVICE,
    refusal::{Refusal, RefusalKind, Refused},
};

const MAX_TAG_BYTES: usize = 1024;
const MAX_CHUNK_BYTES: usize = 1024;
/// The extension that is a time: seconds and nanoseconds, four bytes each.
const EVENT_TIME: i8 = 0;

/// What a message has to store, and how it is acknowledged.
#[derive(Debug, Default, PartialEq)]
pub struct Message {
    pub streams: Vec<LogStream>,
    pub refused: Refused,
    /// To be sent back when all is stored.
    pub chunk: Option<String>,
}

/// What may stand after the entries.
#[derive(Debug, Default)]
struct Options {
    chunk: Option<String>,
    is_gzip: bool,
}

/// Reads one message, whole. An entry that is wrong is left out and counted; what cannot be read on is an error.
pub fn decode(bytes: &[u8], limits: &IngestLimits, now_ns: i64) -> Result<Message, Refusal> {
    let mut cursor = Cursor::new(bytes);
    let length = match cursor.token().map_err(undecodable)? {
        // A sender that sees whether anybody is there.
        Token::Nil => return Ok(Message::default()),
        Token::Array(length @ 2..=4) => length,
        _ => {
            return Err(Refusal::invalid(
                "undecodable",
                "a message is an array of two to four values, or nil",
            ));
        }
    };
    let tag = match cursor.token().map_err(undecodable)? {
        Token::Text(tag) | Token::Bytes(tag) if tag.len() <= MAX_TAG_BYTES => String::from_utf8_lossy(tag),
        Token::Text(_) | Token::Bytes(_) => {
            return Err(Refusal::invalid(
                "undecodable",
                format!("the tag is longer than {MAX_TAG_BYTES} bytes"),
            ));
        }
        _ => {
            return Err(Refusal::invalid("undecodable", "the tag, the first value of a message, is no text"));
        }
    };
    let mut entries = Entries {
        tag: &tag,
        limits,
        now_ns,
        total: 0,
        streams: Streams::default(),
        message: Message::default(),
    };
    let before = cursor;
    match cursor.token().map_err(undecodable)? {
        Token::Array(count) if length <= 3 && !is_time_with_metadata(before, length) => {
            let start = cursor;
            for _ in 0..count {
                cursor.skip().map_err(undecodable)?;
            }
            let options = options(&mut cursor, length, 2)?;
            entries.message.chunk = options.chunk;
            let mut cursor = start;
            for _ in 0..count {
                entries.pair(&mut cursor)?;
            }
        }
        Token::Text(packed) | Token::Bytes(packed) => {
            let options = options(&mut cursor, length, 2)?;
            entries.message.chunk = options.chunk;
            if options.is_gzip {
                let raw = bytes::Bytes::copy_from_slice(packed);
                entries.packed(&body::decompress(Encoding::Gzip, raw, limits)?)?;
            } else {
                entries.packed(packed)?;
            }
        }
        _ => {
            // Message mode: time and record are values of the message itself.
            if length < 3 {
                return Err(Refusal::invalid(
                    "undecodable",
                    "a message of one event has a time and a record",
                ));
            }
            let mut start = before;
            cursor = before;
            cursor.skip().map_err(undecodable)?;
            cursor.skip().map_err(undecodable)?;
            entries.message.chunk = options(&mut cursor, length, 3)?.chunk;
            entries.event(&mut start)?;
        }
    }
    Ok(Message { streams: entries.streams.into_list(), ..entries.message })
}

/// Fluent Bit's `[time, metadata]` in the place of a time, told apart from a list of entries by what follows.
fn is_time_with_metadata(mut cursor: Cursor<'_>, length: usize) -> bool {
    let is_pair = matches!(cursor.token(), Ok(Token::Array(2)));
    let is_time = matches!(
        cursor.token(),
        Ok(Token::Int(_) | Token::Unsigned(_) | Token::Float(_) | Token::Extension(..))
    );
    length >= 3 && is_pair && is_time
}

fn undecodable(e: MsgpackError) -> Refusal {
    Refusal::invalid("undecodable", format!("MessagePack: {e}"))
}

/// The options, where the message has more than `used` values.
fn options(cursor: &mut Cursor<'_>, length: usize, used: usize) -> Result<Options, Refusal> {
    let mut out = Options::default();
    if length <= used {
        return Ok(out);
    }
    let count = match cursor.token().map_err(undecodable)? {
        Token::Map(count) => count,
        Token::Nil => 0,
        _ => return Err(Refusal::invalid("undecodable", "the options of a message are no map")),
    };
    for _ in 0..count {
        let Token::Text(name) = cursor.token().map_err(undecodable)? else {
            return Err(Refusal::invalid("undecodable", "the name of an option is no text"));
        };
        if name != b"chunk" && name != b"compressed" {
            cursor.skip().map_err(undecodable)?;
            continue;
        }
        let value = match cursor.token().map_err(undecodable)? {
            Token::Text(value) | Token::Bytes(value) => value,
            Token::Nil => continue,
            _ => return Err(Refusal::invalid("undecodable", "the option chunk or compressed is no text")),
        };
        if name == b"chunk" {
            if value.len() > MAX_CHUNK_BYTES {
                let message = format!("the option chunk is longer than {MAX_CHUNK_BYTES} bytes");
                return Err(Refusal::invalid("undecodable", message));
            }
            out.chunk = Some(String::from_utf8_lossy(value).into_owned());
        } else {
            match value {
                b"gzip" => out.is_gzip = true,
                b"text" => {}
                other => {
                    let shown: String = String::from_utf8_lossy(other).chars().take(32).collect();
                    return Err(Refusal::unsupported(format!(
                        "the option compressed is gzip or text, not {shown:?}"
                    )));
                }
            }
        }
    }
    Ok(out)
}

struct Entries<'a> {
    tag: &'a str,
    limits: &'a IngestLimits,
    now_ns: i64,
    total: usize,
    streams: Streams,
    message: Message,
}

impl Entries<'_> {
    /// Entries one behind the other.
    fn packed(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let mut cursor = Cursor::new(bytes);
        while !cursor.is_end() {
            self.pair(&mut cursor)?;
        }
        Ok(())
    }

    /// `[time, record]`.
    fn pair(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Refusal> {
        match cursor.token().map_err(undecodable)? {
            Token::Array(2) => self.event(cursor),
            _ => Err(Refusal::invalid(
                "undecodable",
                format!("entry {} is no pair of time and record", self.total),
            )),
        }
    }

    /// A time and a record.
    fn event(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Refusal> {
        let max = self.limits.max_items_per_request;
        if self.total >= max {
            let message = format!("more entries in one message than max_items_per_request ({max})");
            return Err(Refusal {
                kind: RefusalKind::TooLarge,
                message,
                retry_after_s: None,
                reason: "too_many_items",
            });
        }
        let number = self.total;
        self.total += 1;
        let t_ns = time(cursor)?;
        let mut end = *cursor;
        end.skip().map_err(undecodable)?;
        let record = cursor.value(self.limits.max_json_depth);
        *cursor = end;
        let mapped =
            record.map_err(|e| ("invalid_record", e.to_string())).and_then(|record| self.map(t_ns, record));
        match mapped {
            Ok(document) => {
                self.streams.push(&document.labels, document.entry);
            }
            Err((reason, message)) => {
                self.message.refused.add(1, reason, || format!("entry {number}: {message}"));
            }
        }
        Ok(())
    }

    fn map(&self, t_ns: Option<i64>, record: Value) -> Result<document::Document, (&'static str, String)> {
        let Value::Object(record) = record else {
            return Err(("invalid_record", "the record is no map".to_owned()));
        };
        let t_ns =
            t_ns.ok_or(("invalid_timestamp", "the time is none that nanoseconds can count".to_owned()))?;
        let first = self.tag.split('.').next().filter(|t| !t.is_empty());
        let origin = Origin {
            labels: &[("source", "forward")],
            service: first.unwrap_or(UNKNOWN_SERVICE),
            metadata: &[("fluent_tag", Some(self.tag))],
            // Zero is how senders say that they know none; equal records of one time would be one.
            t_ns: Some(if t_ns == 0 { self.now_ns.saturating_add(self.total as i64) } else { t_ns }),
        };
        document::entry(&record, origin, self.now_ns, self.limits)
            .map_err(|fault| (fault.reason, fault.message))
    }
}

/// A time alone, or first of a pair with metadata, which is left out. `Ok(None)`: a time that cannot be counted.
fn time(cursor: &mut Cursor<'_>) -> Result<Option<i64>, Refusal> {
    match cursor.token().map_err(undecodable)? {
        Token::Array(2) => {
            let found = time_of(cursor.token().map_err(undecodable)?);
            cursor.skip().map_err(undecodable)?;
            found
        }
        token => time_of(token),
    }
}

/// Seconds, or the extension with nanoseconds.
fn time_of(token: Token<'_>) -> Result<Option<i64>, Refusal> {
    let seconds = |s: i64| s.checked_mul(1_000_000_000);
    Ok(match token {
        Token::Int(s) => seconds(s),
        Token::Unsigned(_) => None,
        Token::Float(s) => (s.abs() < 9e9).then_some((s * 1e9) as i64),
        Token::Extension(EVENT_TIME, bytes) if bytes.len() == 8 => {
            let both = bytes.iter().fold(0u64, |n, b| n << 8 | u64::from(*b));
            seconds((both >> 32) as i64).and_then(|t| t.checked_add((both & 0xffff_ffff) as i64))
        }
        _ => {
            return Err(Refusal::invalid(
                "undecodable",
                "the time of an entry is no number and no event time",
            ));
        }
    })
}
