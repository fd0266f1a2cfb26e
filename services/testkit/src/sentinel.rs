//! Two Redis, master and replica, and three Sentinels that watch them. Always local servers.

use std::net::TcpListener;

use crate::local;

const SENTINELS: usize = 3;

/// Servers that no other test sees. They end with this value.
pub struct TestSentinels {
    /// What a service is given.
    pub url: String,
    /// Master and replica at the start.
    pub servers: [String; 2],
    master: Option<local::LocalServer>,
    _others: Vec<local::LocalServer>,
}

impl TestSentinels {
    /// Starts all and waits until each Sentinel knows the replica and both other Sentinels.
    ///
    /// # Panics
    /// When they do not come up.
    pub async fn start() -> Self {
        tokio::task::spawn_blocking(Self::start_all).await.expect("all servers start")
    }

    fn start_all() -> Self {
        let ports = free_ports();
        let (master, replica) = (ports[0], ports[1]);
        let first = local::start_redis_at(master, None);
        let mut others = vec![local::start_redis_at(replica, Some(master))];
        for port in &ports[2..] {
            others.push(local::start_sentinel(*port, master));
        }
        for port in &ports[2..] {
            local::wait_for_sentinel(*port, SENTINELS - 1);
        }
        let hosts: Vec<String> = ports[2..].iter().map(|port| format!("127.0.0.1:{port}")).collect();
        Self {
            url: format!("redis+sentinel://{}/shop", hosts.join(",")),
            servers: [master, replica].map(|port| format!("redis://127.0.0.1:{port}")),
            master: Some(first),
            _others: others,
        }
    }

    /// The master is gone from now on.
    ///
    /// # Panics
    /// Never: stopping does not fail.
    pub async fn stop_master(&mut self) {
        let master = self.master.take();
        tokio::task::spawn_blocking(move || drop(master)).await.expect("stopping does not panic");
    }
}

/// Ports that were free a moment ago, all different. Redis binds no port by itself.
fn free_ports() -> Vec<u16> {
    let listeners: Vec<TcpListener> = (0..SENTINELS + 2)
        .map(|_| TcpListener::bind("127.0.0.1:0").expect("loopback has a free port"))
        .collect();
    listeners.iter().map(|l| l.local_addr().expect("a bound listener has an address").port()).collect()
}
