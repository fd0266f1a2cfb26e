//! The node behind a span that has no span of its own: a database, a cache, a queue, a service that is not traced.

use std::borrow::Cow;

use console_model::span::{AttributeValue, Span, SpanKind};

/// What kind of node an attribute tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeKind {
    /// Never sends spans: the edge is complete with the client's.
    Database,
    /// May have a consumer that sends spans; else the queue is the node.
    Messaging,
    /// May send spans; else it is a virtual node.
    Peer,
}

/// What the attributes say, looked at once. The database's attributes have two names each (semantic conventions 1.30).
#[derive(Default)]
struct Told<'a> {
    peer_service: Option<&'a AttributeValue>,
    db_namespace: Option<&'a AttributeValue>,
    db_system: Option<&'a AttributeValue>,
    messaging_system: Option<&'a AttributeValue>,
    server_address: Option<&'a AttributeValue>,
}

/// The node and its name. Databases are called by `peer.service`, by their name (a number, as Redis has them, says nothing), by
/// their address, by their system, whichever is there first; queues by `peer.service` or their system.
pub(crate) fn node(span: &Span) -> Option<(NodeKind, Cow<'_, str>)> {
    if !matches!(span.kind, SpanKind::Client | SpanKind::Producer | SpanKind::Consumer) {
        return None;
    }
    let told = look(span);
    let is_database = told.db_system.or(told.db_namespace).is_some();
    let (kind, names) = match span.kind {
        SpanKind::Client if is_database => {
            let namespace = told.db_namespace.filter(|v| !is_number(v));
            let names =
                [told.peer_service, namespace, told.server_address, told.db_system, told.db_namespace];
            (NodeKind::Database, names)
        }
        _ if told.messaging_system.is_some() => {
            (NodeKind::Messaging, [told.peer_service, told.messaging_system, None, None, None])
        }
        SpanKind::Consumer => return None,
        _ => (NodeKind::Peer, [told.peer_service, None, None, None, None]),
    };
    let name = names.into_iter().flatten().map(text).find(|name| !name.is_empty())?;
    Some((kind, name))
}

fn look(span: &Span) -> Told<'_> {
    let mut told = Told::default();
    for (key, value) in &span.attributes {
        let place = match key.as_str() {
            "peer.service" | "service.peer.name" => &mut told.peer_service,
            "db.namespace" | "db.name" => &mut told.db_namespace,
            "db.system.name" | "db.system" => &mut told.db_system,
            "messaging.system" => &mut told.messaging_system,
            "server.address" => &mut told.server_address,
            _ => continue,
        };
        place.get_or_insert(value);
    }
    told
}

fn is_number(value: &AttributeValue) -> bool {
    match value {
        AttributeValue::Int(_) => true,
        AttributeValue::String(s) => s.bytes().all(|b| b.is_ascii_digit()),
        _ => false,
    }
}

/// A value as a label's.
pub(crate) fn text(value: &AttributeValue) -> Cow<'_, str> {
    match value {
        AttributeValue::String(s) => Cow::Borrowed(s),
        other => Cow::Owned(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::span;

    #[test]
    fn nodes_are_named_by_what_says_most() {
        let cases: &[(SpanKind, &[(&str, &str)], Option<(NodeKind, &str)>)] = &[
            (
                SpanKind::Client,
                &[("db.system.name", "postgresql"), ("db.namespace", "orders")],
                Some((NodeKind::Database, "orders")),
            ),
            (
                SpanKind::Client,
                &[("db.system", "redis"), ("db.namespace", "0")],
                Some((NodeKind::Database, "redis")),
            ),
            (
                SpanKind::Client,
                &[("db.name", "stock"), ("server.address", "10.0.0.1")],
                Some((NodeKind::Database, "stock")),
            ),
            (
                SpanKind::Client,
                &[("db.system", "mysql"), ("server.address", "db1")],
                Some((NodeKind::Database, "db1")),
            ),
            (
                SpanKind::Client,
                &[("db.system", "mysql"), ("peer.service", "ledger")],
                Some((NodeKind::Database, "ledger")),
            ),
            (SpanKind::Client, &[("peer.service", "stripe")], Some((NodeKind::Peer, "stripe"))),
            (SpanKind::Client, &[("server.address", "10.0.0.1")], None),
            (SpanKind::Producer, &[("messaging.system", "kafka")], Some((NodeKind::Messaging, "kafka"))),
            (SpanKind::Consumer, &[("messaging.system", "kafka")], Some((NodeKind::Messaging, "kafka"))),
            (SpanKind::Consumer, &[("peer.service", "orders")], None),
            (SpanKind::Server, &[("db.system", "mysql")], None),
            (SpanKind::Client, &[("db.system", "")], None),
        ];
        for (kind, attributes, wanted) in cases {
            let mut s = span(1, 2, None);
            s.kind = *kind;
            let pair = |(k, v): &(&str, &str)| ((*k).to_owned(), AttributeValue::String((*v).to_owned()));
            s.attributes = attributes.iter().map(pair).collect();
            let got = node(&s);
            assert_eq!(got.as_ref().map(|(k, n)| (*k, &**n)), *wanted, "{kind:?} {attributes:?}");
        }
    }
}
