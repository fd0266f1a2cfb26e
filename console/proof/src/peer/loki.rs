//! Loki, which no package carries: whoever has it names it. One process with a folder, without authentication and without
//! limits that a load of ours would meet.

use std::{fs, path::Path};

use super::{Endpoint, Launch, Peer, PeerError, free_ports};

/// Starts it on free ports of loopback.
pub async fn start(program: &Path) -> Result<Peer, PeerError> {
    let data = tempfile::tempdir().map_err(PeerError::io("no temporary folder"))?;
    let ports @ [http, _] = free_ports()?;
    let config = data.path().join("loki.yml");
    fs::write(&config, configuration(data.path(), ports)).map_err(PeerError::io("cannot write loki.yml"))?;
    let launch = Launch {
        name: "Loki",
        program: program.to_owned(),
        args: vec![format!("-config.file={}", config.display()), "-log.level=warn".to_owned()],
        log: data.path().join("output.log"),
    };
    Peer::start(launch, Endpoint::new(http, None)?, "/ready", data).await
}

fn configuration(dir: &Path, [http, grpc]: [u16; 2]) -> String {
    let d = dir.join("storage");
    let d = d.display();
    format!(
        "auth_enabled: false\n\
         analytics: {{ reporting_enabled: false }}\n\
         server: {{ http_listen_address: 127.0.0.1, http_listen_port: {http}, grpc_listen_address: 127.0.0.1, grpc_listen_port: {grpc} }}\n\
         common:\n  instance_addr: 127.0.0.1\n  path_prefix: {d}\n  replication_factor: 1\n  \
         storage: {{ filesystem: {{ chunks_directory: {d}/chunks, rules_directory: {d}/rules }} }}\n  \
         ring: {{ kvstore: {{ store: inmemory }} }}\n\
         schema_config:\n  configs:\n  - {{ from: 2020-01-01, store: tsdb, object_store: filesystem, schema: v13, index: {{ prefix: index_, period: 24h }} }}\n\
         limits_config:\n  ingestion_rate_mb: 4096\n  ingestion_burst_size_mb: 4096\n  per_stream_rate_limit: 4GB\n  \
         per_stream_rate_limit_burst: 4GB\n  max_query_series: 100000\n  max_entries_limit_per_query: 100000\n  \
         reject_old_samples: false\n  unordered_writes: true\n"
    )
}
