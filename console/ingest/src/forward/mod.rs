//! Fluentd's forward protocol, version 1, over TCP: what Fluentd, Fluent Bit and the fluent-logger libraries speak to one
//! another.
//!
//! Modes Message, Forward, PackedForward and CompressedPackedForward; `chunk` is acknowledged when everything is in the
//! store's write-ahead log, or can never be; a full store gets no acknowledgement and a closed connection, so the sender
//! comes back. With a shared key senders prove that they know it ([`handshake`]) before anything is read.
//!
//! Records are mapped as documents are (`elasticsearch::document`); `source="forward"`, the tag is the structured metadata
//! `fluent_tag`, and its first part is the service of a record that names none.

mod event;
pub mod handshake;
pub mod msgpack;
mod scan;
mod serve;

pub use event::{Message, decode};
pub use serve::serve;

use std::sync::Arc;

use console_storage::logs::LogAppender;

use crate::gate::Gate;

/// What the listener needs. Cheap to clone.
#[derive(Clone)]
pub struct ForwardState {
    pub gate: Gate,
    pub logs: Arc<dyn LogAppender>,
    /// Senders have to know it; none: everybody may send.
    pub shared_key: Option<Arc<str>>,
}
