//! Where the drill's servers listen: one block of loopback ports from `QD_DRILL_PORT` on.

use std::ops::Range;

use crate::platform::redis::Store;

/// Postgres nodes, and as many Sentinels.
pub const NODES: Range<u16> = 0..3;

/// The first port of the block.
#[derive(Clone, Copy, Debug)]
pub struct Ports(pub u16);

impl Ports {
    pub fn from_environment() -> Result<Self, String> {
        match std::env::var("QD_DRILL_PORT") {
            Err(_) => Ok(Self(7300)),
            Ok(text) => text
                .parse()
                .map(Self)
                .map_err(|_| format!("QD_DRILL_PORT must be a port number, got {text:?}")),
        }
    }

    pub fn etcd(self) -> u16 {
        self.0
    }

    pub fn etcd_peer(self) -> u16 {
        self.0 + 1
    }

    /// A node's Postgres itself; others reach it through [`Self::postgres_cable`].
    pub fn postgres(self, node: u16) -> u16 {
        self.0 + 10 + node
    }

    pub fn postgres_cable(self, node: u16) -> u16 {
        self.0 + 20 + node
    }

    /// A node's Patroni itself; other nodes reach it through [`Self::patroni_cable`].
    pub fn patroni(self, node: u16) -> u16 {
        self.0 + 30 + node
    }

    pub fn patroni_cable(self, node: u16) -> u16 {
        self.0 + 40 + node
    }

    /// How a node reaches etcd.
    pub fn etcd_cable(self, node: u16) -> u16 {
        self.0 + 50 + node
    }

    /// A Redis: two of each store, the second begins as the first's replica.
    pub fn redis(self, store: Store, server: u16) -> u16 {
        let store = if store == Store::Durable { 0 } else { 2 };
        self.0 + 60 + store + server
    }

    pub fn sentinel(self, node: u16) -> u16 {
        self.0 + 70 + node
    }

    /// The object store of drills that restore: two ports.
    pub fn object_store(self) -> u16 {
        self.0
    }

    /// A whole platform of such a drill: its edge, the next three, and services from the tenth on.
    pub fn region(self, region: u16) -> u16 {
        self.0 + 10 + 90 * region
    }

    pub fn edge(self) -> u16 {
        self.0 + 80
    }

    pub fn services(self) -> u16 {
        self.0 + 100
    }
}
