//! Listeners of protocols that have no tokens: syslog and the forward protocol. Off unless they are here.

use std::{net::SocketAddr, path::PathBuf};

use serde::Deserialize;

use super::{ConfigError, read_secret};

/// Syslog, which has no way to show who sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SyslogConfig {
    pub tcp: Option<SocketAddr>,
    pub udp: Option<SocketAddr>,
    /// Whoever reaches an address that is not loopback may write.
    pub anybody: bool,
}

/// Fluentd's forward protocol.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForwardConfig {
    pub listen: SocketAddr,
    /// The `shared_key` of senders; required beyond loopback.
    #[serde(default)]
    pub shared_key_file: Option<PathBuf>,
}

impl SyslogConfig {
    pub(super) fn problems(self) -> Vec<String> {
        let reached = |address: &Option<SocketAddr>| address.is_some_and(|a| !a.ip().is_loopback());
        let open = [("syslog.tcp", self.tcp), ("syslog.udp", self.udp)];
        let open = open.iter().filter(|(_, address)| !self.anybody && reached(address));
        let told = "can be reached from outside, where anybody may write: say so with syslog.anybody, or listen on loopback";
        open.map(|(field, _)| format!("{field}: {told}")).collect()
    }
}

impl ForwardConfig {
    pub(super) fn problems(&self) -> Vec<String> {
        if self.listen.ip().is_loopback() || self.shared_key_file.is_some() {
            return Vec::new();
        }
        vec![
            "forward.shared_key_file: is required, since forward.listen can be reached from outside"
                .to_owned(),
        ]
    }

    /// What the key's file holds.
    pub fn shared_key(&self) -> Result<Option<String>, ConfigError> {
        let read = |file: &PathBuf| read_secret("forward.shared_key_file", file);
        self.shared_key_file.as_ref().map(read).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_reached_from_outside_has_to_be_meant() {
        let syslog =
            |tcp: &str, anybody| SyslogConfig { tcp: Some(tcp.parse().unwrap()), udp: None, anybody };
        assert!(syslog("127.0.0.1:1514", false).problems().is_empty());
        assert!(syslog("0.0.0.0:1514", true).problems().is_empty());
        assert!(syslog("0.0.0.0:1514", false).problems()[0].starts_with("syslog.tcp: can be reached"));
        let forward = |listen: &str, key: Option<&str>| ForwardConfig {
            listen: listen.parse().unwrap(),
            shared_key_file: key.map(PathBuf::from),
        };
        assert!(forward("[::1]:24224", None).problems().is_empty());
        assert!(forward("0.0.0.0:24224", Some("key")).problems().is_empty());
        assert!(forward("0.0.0.0:24224", None).problems()[0].contains("shared_key_file"));
    }
}
