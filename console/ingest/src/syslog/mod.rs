//! Syslog over TCP and UDP: RFC 5424, and what RFC 3164 describes, leniently.
//!
//! TCP frames by octet counting or by newline (RFC 6587), told apart message by message; a datagram is one message
//! (RFC 5426). Senders are told nothing, as the protocol has it: what is refused is counted, and said in the log. While the
//! store is busy nothing is read from a connection, so that its sender waits; datagrams cannot be held back and are dropped.
//! Neither transport knows tokens; who may listen where is the configuration's business.

pub mod framing;
pub mod message;
mod serve;

pub use serve::{serve_tcp, serve_udp};

use std::sync::Arc;

use console_storage::logs::LogAppender;

use crate::gate::Gate;

/// What the listeners need. Cheap to clone.
#[derive(Clone)]
pub struct SyslogState {
    pub gate: Gate,
    pub logs: Arc<dyn LogAppender>,
}
