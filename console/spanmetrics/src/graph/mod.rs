//! The service graph: who calls whom, how often, with what outcome and how fast.
//!
//! A request has two sides: a client's span and the server's whose parent it is (or a producer's and a consumer's). Whichever
//! comes first waits for the other, whatever the clocks of both say. A database has no span of its own, so that its edge is
//! complete with the client's. A side that waited in vain makes an edge with what its attributes name (a queue, a service
//! that is not traced), and is counted as unpaired where they name nothing. A server's span without a parent was called from
//! outside: by `user`.

mod edges;
mod missing;
mod waiting;

use crate::{
    batch::{Batch, Record},
    config::SpanMetricsConfig,
    histogram::Example,
    names::USER,
    own::OwnMetrics,
    peer::NodeKind,
    sink::Sink,
};
use console_model::span::{SpanKind, SpanStatus};

use self::{
    edges::EdgeTable,
    missing::{Missing, MissingTable},
    waiting::{Expired, Half, Waiting},
};

/// `connection_type`; empty between two services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Connection {
    Services,
    Database,
    Messaging,
    VirtualNode,
}

impl Connection {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Services => "",
            Self::Database => "database",
            Self::Messaging => "messaging_system",
            Self::VirtualNode => "virtual_node",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

/// One request, with the sides that were seen.
pub(crate) struct Edge<'a> {
    pub client: &'a str,
    pub server: &'a str,
    pub connection: Connection,
    pub is_failed: bool,
    pub client_side: Option<Example>,
    pub server_side: Option<Example>,
}

pub(crate) struct Graph {
    edges: EdgeTable,
    missing: MissingTable,
    waiting: Waiting,
}

impl Graph {
    pub fn new(config: &SpanMetricsConfig, own: OwnMetrics) -> Self {
        Self {
            edges: EdgeTable::new(config, own),
            missing: MissingTable::default(),
            waiting: Waiting::new(config.wait_ms as i64, config.max_waiting),
        }
    }

    /// Takes a record of a batch; kinds that are no side of a request are nothing to it.
    pub fn take(&mut self, batch: &Batch, record: &Record, zero_ms: i64, now_ms: i64) {
        let side = match record.kind {
            SpanKind::Client | SpanKind::Producer => Side::Client,
            SpanKind::Server | SpanKind::Consumer => Side::Server,
            SpanKind::Internal | SpanKind::Unspecified => return,
        };
        let half = half(batch, record, now_ms);
        match side {
            Side::Client if half.is_database() => {
                let edge = Edge {
                    client: &half.service,
                    server: half.node_name(),
                    connection: Connection::Database,
                    is_failed: half.is_failed,
                    client_side: Some(half.example),
                    server_side: Some(half.example),
                };
                self.edges.count(&edge, zero_ms, now_ms);
            }
            Side::Client => {
                let key = (record.trace_id, record.span_id);
                let (edges, waiting) = (&mut self.edges, &mut self.waiting);
                let kept = waiting.client(key, half, now_ms, |client, server| {
                    edges.count(&paired(client, server), zero_ms, now_ms);
                });
                self.note_dropped(kept, Side::Client, zero_ms, now_ms);
            }
            Side::Server => match record.caller {
                Some(key) => {
                    let (edges, waiting) = (&mut self.edges, &mut self.waiting);
                    let kept = waiting.server(key, half, now_ms, |client, server| {
                        edges.count(&paired(client, server), zero_ms, now_ms);
                    });
                    self.note_dropped(kept, Side::Server, zero_ms, now_ms);
                }
                // No other side will come.
                None => self.alone(Side::Server, &half, true, zero_ms, now_ms),
            },
        }
    }

    fn note_dropped(&mut self, kept: Result<(), Half>, side: Side, zero_ms: i64, now_ms: i64) {
        if let Err(half) = kept {
            let at = (&*half.service, side, half.connection());
            self.missing.count(at, Missing::Dropped, zero_ms, now_ms);
        }
    }

    /// Ends what waited for long enough.
    pub fn expire(&mut self, zero_ms: i64, now_ms: i64) {
        while let Some(Expired { side, half }) = self.waiting.expired(now_ms) {
            self.alone(side, &half, false, zero_ms, now_ms);
        }
    }

    /// A side without the other.
    fn alone(&mut self, side: Side, half: &Half, is_root: bool, zero_ms: i64, now_ms: i64) {
        let (other, connection) = match (&half.node, side) {
            (Some((NodeKind::Messaging, name)), _) => (&**name, Connection::Messaging),
            (Some((NodeKind::Peer, name)), Side::Client) => (&**name, Connection::VirtualNode),
            (_, Side::Server) if is_root => (USER, Connection::VirtualNode),
            _ => {
                let at = (&*half.service, side, half.connection());
                self.missing.count(at, Missing::Unpaired, zero_ms, now_ms);
                return;
            }
        };
        let (client, server) =
            if side == Side::Client { (&*half.service, other) } else { (other, &*half.service) };
        let edge = Edge {
            client,
            server,
            connection,
            is_failed: half.is_failed,
            client_side: (side == Side::Client).then_some(half.example),
            server_side: (side == Side::Server).then_some(half.example),
        };
        self.edges.count(&edge, zero_ms, now_ms);
    }

    pub fn flush(&mut self, sink: &mut Sink<'_>) {
        self.edges.flush(sink);
        self.missing.flush(sink);
    }

    /// Series of edges, and sides that wait.
    pub fn sizes(&self) -> (usize, usize) {
        (self.edges.series() + self.missing.series(), self.waiting.len())
    }
}

fn half(batch: &Batch, record: &Record, now_ms: i64) -> Half {
    Half {
        service: batch.text(record.service).into(),
        node: record.node.map(|(kind, name)| (kind, batch.text(name).into())),
        is_messaging: matches!(record.kind, SpanKind::Producer | SpanKind::Consumer),
        is_failed: record.status == SpanStatus::Error,
        example: Example {
            trace_id: record.trace_id,
            span_id: record.span_id,
            value_s: record.duration_ns.max(0) as f64 / 1e9,
            t_ms: now_ms,
        },
    }
}

fn paired<'a>(client: &'a Half, server: &'a Half) -> Edge<'a> {
    let is_messaging = client.is_messaging || server.is_messaging;
    Edge {
        client: &client.service,
        server: &server.service,
        connection: if is_messaging { Connection::Messaging } else { Connection::Services },
        is_failed: client.is_failed || server.is_failed,
        client_side: Some(client.example),
        server_side: Some(server.example),
    }
}
