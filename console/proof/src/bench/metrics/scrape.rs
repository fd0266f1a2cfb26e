//! A real data set: Debian's node exporter, scraped every second by all servers at the same time.

use std::{path::Path, time::Duration};

use super::{
    disk::{self, Disk},
    server::Server,
};
use crate::peer::{Endpoint, Launch, Peer, PeerError, Process, free_ports};

/// Before measuring: Prometheus finds its targets after five seconds.
const SETTLE: Duration = Duration::from_secs(10);

/// Of one server.
#[derive(Clone, Copy, Debug)]
pub struct Scraped {
    pub samples: u64,
    pub series: u64,
    /// During the measured time, everything that the server did.
    pub cpu_seconds: f64,
    pub samples_in_time: u64,
    pub disk: Disk,
}

/// Scrapes for `seconds`, then weighs what lies on disk.
pub async fn scrape(
    servers: &[Server],
    console: Option<&Path>,
    seconds: u64,
) -> Result<Vec<Scraped>, PeerError> {
    let [port] = free_ports()?;
    let dir = tempfile::tempdir().map_err(PeerError::io("no temporary folder"))?;
    let launch = Launch {
        name: "node exporter",
        program: xtask_programs::path("prometheus-node-exporter")?,
        args: vec![format!("--web.listen-address=127.0.0.1:{port}"), "--log.level=error".to_owned()],
        log: dir.path().join("output.log"),
    };
    let mut exporter = Process::start(launch, &Endpoint::new(port, None)?, "/metrics").await?;
    let config = format!(
        "scrape_configs:\n- job_name: node\n  scrape_interval: 1s\n  scrape_timeout: 1s\n  static_configs:\n  - targets: ['127.0.0.1:{port}']\n"
    );
    let file = dir.path().join("scrape.yml");
    std::fs::write(&file, config).map_err(PeerError::io("the scrape configuration cannot be written"))?;
    let mut peers = Vec::new();
    for server in servers {
        peers.push((*server, server.start(console, Some(&file)).await?));
    }
    tokio::time::sleep(SETTLE).await;
    let mut before = Vec::new();
    for (_, peer) in &peers {
        before.push((peer.usage()?.cpu_seconds, samples(peer).await?));
    }
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let mut after = Vec::new();
    for (_, peer) in &peers {
        after.push((peer.usage()?.cpu_seconds, samples(peer).await?));
    }
    exporter.stop().await?;
    let mut all = Vec::new();
    for (((server, mut peer), before), after) in peers.into_iter().zip(before).zip(after) {
        let stored = samples(&peer).await?;
        all.push(Scraped {
            samples: stored,
            series: number(&peer, "max(max_over_time(scrape_samples_post_metric_relabeling[1h]))").await?,
            cpu_seconds: after.0 - before.0,
            samples_in_time: after.1 - before.1,
            disk: disk::measure(server, &mut peer, stored).await?,
        });
        peer.stop().await?;
    }
    Ok(all)
}

/// Of the target, without the few that each server adds about each scrape.
async fn samples(peer: &Peer) -> Result<u64, PeerError> {
    number(peer, "sum(sum_over_time(scrape_samples_post_metric_relabeling[1h]))").await
}

async fn number(peer: &Peer, query: &str) -> Result<u64, PeerError> {
    let answer = peer.endpoint().ask("/api/v1/query", &[("query", query)]).await?;
    let text = answer.body["data"]["result"][0]["value"][1].as_str().and_then(|v| v.parse::<f64>().ok());
    text.map(|n| n as u64).ok_or_else(|| PeerError::Refused {
        what: format!("{}: {query}", peer.name()),
        status: answer.status,
        body: answer.body.to_string(),
    })
}
