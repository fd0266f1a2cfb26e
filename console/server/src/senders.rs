//! The listeners of syslog and of the forward protocol, where they are configured.

use console_ingest::Ingest;
use tokio::{
    net::{TcpListener, UdpSocket},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::{
    config::Config,
    runtime::{StartError, listen},
};

/// Bound, and serving nobody yet. Does not print: it has the shared key.
#[derive(Default)]
pub struct Senders {
    syslog_tcp: Option<TcpListener>,
    syslog_udp: Option<UdpSocket>,
    forward: Option<(TcpListener, Option<String>)>,
}

impl Senders {
    pub async fn bind(config: &Config) -> Result<Self, StartError> {
        let mut out = Self::default();
        if let Some(address) = config.syslog.tcp {
            out.syslog_tcp = Some(listen("syslog.tcp", address).await?);
        }
        if let Some(address) = config.syslog.udp {
            let field = "syslog.udp";
            let bound = UdpSocket::bind(address).await;
            out.syslog_udp = Some(bound.map_err(|source| StartError::Listen { field, address, source })?);
        }
        if let Some(forward) = &config.forward {
            let key = forward.shared_key()?;
            out.forward = Some((listen("forward.listen", forward.listen).await?, key));
        }
        Ok(out)
    }

    /// Serves each until `stop`.
    pub fn spawn(self, servers: &mut JoinSet<Result<(), String>>, ingest: &Ingest, stop: &CancellationToken) {
        if let Some(listener) = self.syslog_tcp {
            let (ingest, stop) = (ingest.clone(), stop.clone());
            servers.spawn(async move {
                ingest.serve_syslog_tcp(listener, stop.cancelled_owned()).await;
                Ok(())
            });
        }
        if let Some(socket) = self.syslog_udp {
            let (ingest, stop) = (ingest.clone(), stop.clone());
            servers.spawn(async move {
                ingest.serve_syslog_udp(socket, stop.cancelled_owned()).await;
                Ok(())
            });
        }
        if let Some((listener, key)) = self.forward {
            let (ingest, stop) = (ingest.clone(), stop.clone());
            servers.spawn(async move {
                ingest.serve_forward(listener, key, stop.cancelled_owned()).await;
                Ok(())
            });
        }
    }
}
