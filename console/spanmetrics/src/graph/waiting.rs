//! Sides of requests that wait for the other, in the order in which they came.

use std::collections::{HashMap, VecDeque};

use console_model::span::{SpanId, TraceId};
use foldhash::fast::RandomState;

use super::{Connection, Side};
use crate::{histogram::Example, peer::NodeKind};

/// The client's span.
pub(crate) type Key = (TraceId, SpanId);

/// Servers of one client that wait at once: a call that was tried again, a message with many consumers.
const MAX_SERVERS: usize = 64;

/// One side.
#[derive(Clone, Debug)]
pub(crate) struct Half {
    pub service: Box<str>,
    pub node: Option<(NodeKind, Box<str>)>,
    pub is_messaging: bool,
    pub is_failed: bool,
    pub example: Example,
}

impl Half {
    pub fn is_database(&self) -> bool {
        self.node.as_ref().is_some_and(|(kind, _)| *kind == NodeKind::Database)
    }

    pub fn node_name(&self) -> &str {
        self.node.as_ref().map_or("", |(_, name)| name)
    }

    /// What it would be with its other side.
    pub fn connection(&self) -> Connection {
        if self.is_messaging { Connection::Messaging } else { Connection::Services }
    }
}

/// A side whose time is over.
pub(crate) struct Expired {
    pub side: Side,
    pub half: Half,
}

struct Client {
    half: Half,
    arrival: u64,
    /// It is kept a while longer: more servers may come.
    is_paired: bool,
}

/// At most `limit` sides wait, and at most `limit` clients that have their server already are kept for more of them.
pub(crate) struct Waiting {
    wait_ms: i64,
    limit: usize,
    clients: HashMap<Key, Client, RandomState>,
    servers: HashMap<Key, Vec<(u64, Half)>, RandomState>,
    /// Times, arrivals and keys of all that waited, those that are gone among them.
    order: VecDeque<(i64, u64, Key, Side)>,
    next_arrival: u64,
    waiting: usize,
    paired: usize,
}

impl Waiting {
    pub fn new(wait_ms: i64, limit: usize) -> Self {
        Self {
            wait_ms,
            limit,
            clients: HashMap::default(),
            servers: HashMap::default(),
            order: VecDeque::new(),
            next_arrival: 0,
            waiting: 0,
            paired: 0,
        }
    }

    /// Sides that have not found their other.
    pub fn len(&self) -> usize {
        self.waiting
    }

    /// A client's side: pairs it with all servers that wait for it, or lets it wait. Gives it back when there is no room.
    pub fn client(
        &mut self,
        key: Key,
        half: Half,
        now_ms: i64,
        mut pair: impl FnMut(&Half, &Half),
    ) -> Result<(), Half> {
        let servers = self.servers.remove(&key).unwrap_or_default();
        self.waiting -= servers.len();
        for (_, server) in &servers {
            pair(&half, server);
        }
        let is_paired = !servers.is_empty();
        let room = if is_paired { self.paired < self.limit } else { self.waiting < self.limit };
        if !room || self.clients.contains_key(&key) {
            // Who is paired is counted, and who is there already waits in this one's place.
            return if is_paired || self.clients.contains_key(&key) { Ok(()) } else { Err(half) };
        }
        let arrival = self.note(key, Side::Client, now_ms);
        self.clients.insert(key, Client { half, arrival, is_paired });
        *(if is_paired { &mut self.paired } else { &mut self.waiting }) += 1;
        Ok(())
    }

    /// A server's side; `key` is its client's.
    pub fn server(
        &mut self,
        key: Key,
        half: Half,
        now_ms: i64,
        mut pair: impl FnMut(&Half, &Half),
    ) -> Result<(), Half> {
        if let Some(client) = self.clients.get_mut(&key) {
            pair(&client.half, &half);
            if !client.is_paired {
                self.waiting -= 1;
                if self.paired < self.limit {
                    client.is_paired = true;
                    self.paired += 1;
                } else {
                    self.clients.remove(&key);
                }
            }
            return Ok(());
        }
        let others = self.servers.get(&key).map_or(0, Vec::len);
        if self.waiting >= self.limit || others >= MAX_SERVERS {
            return Err(half);
        }
        let arrival = self.note(key, Side::Server, now_ms);
        self.servers.entry(key).or_default().push((arrival, half));
        self.waiting += 1;
        Ok(())
    }

    fn note(&mut self, key: Key, side: Side, now_ms: i64) -> u64 {
        self.next_arrival += 1;
        let arrival = self.next_arrival;
        // At most two limits of them are there still.
        if self.order.len() > 4 * self.limit + 64 {
            let (clients, servers) = (&self.clients, &self.servers);
            self.order.retain(|(_, arrival, key, side)| match side {
                Side::Client => clients.get(key).is_some_and(|c| c.arrival == *arrival),
                Side::Server => servers.get(key).is_some_and(|all| all.iter().any(|(a, _)| a == arrival)),
            });
        }
        self.order.push_back((now_ms.saturating_add(self.wait_ms), arrival, key, side));
        arrival
    }

    /// The next side whose time is over, without its other.
    pub fn expired(&mut self, now_ms: i64) -> Option<Expired> {
        while let Some((until_ms, arrival, key, side)) = self.order.front().copied() {
            // What would wait for longer than sides wait came before the clock was set back.
            if until_ms > now_ms && until_ms <= now_ms.saturating_add(self.wait_ms) {
                return None;
            }
            self.order.pop_front();
            match side {
                Side::Client => {
                    if self.clients.get(&key).is_none_or(|client| client.arrival != arrival) {
                        continue;
                    }
                    let Some(client) = self.clients.remove(&key) else { continue };
                    if client.is_paired {
                        self.paired -= 1;
                        continue;
                    }
                    self.waiting -= 1;
                    return Some(Expired { side, half: client.half });
                }
                Side::Server => {
                    let Some(all) = self.servers.get_mut(&key) else { continue };
                    let Some(place) = all.iter().position(|(a, _)| *a == arrival) else { continue };
                    let (_, half) = all.remove(place);
                    if all.is_empty() {
                        self.servers.remove(&key);
                    }
                    self.waiting -= 1;
                    return Some(Expired { side, half });
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::example;

    fn key(n: u64) -> Key {
        (TraceId([1; 16]), SpanId(n.to_be_bytes()))
    }

    fn half(service: &str) -> Half {
        Half {
            service: service.into(),
            node: None,
            is_messaging: false,
            is_failed: false,
            example: example(1, 0.1, 0),
        }
    }

    #[test]
    fn either_side_may_come_first_and_a_client_may_have_several_servers() {
        let mut waiting = Waiting::new(100, 10);
        let mut pairs = Vec::new();
        let mut pair = |c: &Half, s: &Half| pairs.push(format!("{} {}", c.service, s.service));
        waiting.client(key(1), half("a"), 0, &mut pair).unwrap();
        waiting.server(key(1), half("b"), 1, &mut pair).unwrap();
        waiting.server(key(1), half("c"), 2, &mut pair).unwrap();
        waiting.server(key(2), half("d"), 3, &mut pair).unwrap();
        waiting.server(key(2), half("e"), 4, &mut pair).unwrap();
        assert_eq!(waiting.len(), 2);
        waiting.client(key(2), half("f"), 5, &mut pair).unwrap();
        assert_eq!(pairs, ["a b", "a c", "f d", "f e"]);
        assert!(waiting.expired(1_000).is_none());
        assert_eq!((waiting.len(), waiting.paired, waiting.clients.len(), waiting.order.len()), (0, 0, 0, 0));
    }

    #[test]
    fn sides_end_in_their_order_and_not_before() {
        let mut waiting = Waiting::new(100, 10);
        waiting.client(key(1), half("a"), 0, |_, _| ()).unwrap();
        waiting.server(key(2), half("b"), 50, |_, _| ()).unwrap();
        assert!(waiting.expired(99).is_none());
        assert_eq!(waiting.expired(100).map(|e| (e.side, e.half.service)), Some((Side::Client, "a".into())));
        assert!(waiting.expired(149).is_none());
        assert_eq!(waiting.expired(150).map(|e| (e.side, e.half.service)), Some((Side::Server, "b".into())));
    }

    #[test]
    fn a_full_room_gives_sides_back_and_memory_stays_as_it_is() {
        let mut waiting = Waiting::new(i64::MAX, 4);
        for n in 0..4 {
            waiting.client(key(n), half("a"), 0, |_, _| ()).unwrap();
        }
        assert!(waiting.client(key(9), half("a"), 0, |_, _| ()).is_err());
        assert!(waiting.server(key(9), half("b"), 0, |_, _| ()).is_err());
        let mut pairs = 0;
        for n in 0..1_000 {
            // The first four make room; then each comes and goes.
            let _ = waiting.server(key(n), half("b"), 0, |_, _| pairs += 1);
            let _ = waiting.client(key(n), half("a"), 0, |_, _| pairs += 1);
            assert!(waiting.clients.len() <= 8 && waiting.order.len() <= 4 * 4 + 65, "{n}");
        }
        assert_eq!((pairs, waiting.len()), (1_000, 0));
    }
}
