//! The address of the shopper's machine, for throttling.
//!
//! `X-Forwarded-For` counts only as far as proxies that are trusted wrote it: beginning at the connection, each trusted
//! proxy vouches for the entry that it appended. What a client wrote itself is never reached.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use ipnet::IpNet;
use shop_instrumentation::config::Env;

use crate::pages::Shop;

/// Networks whose proxies are trusted.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Vec<IpNet>);

/// The shopper's address; unknown when the connection does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub Option<IpAddr>);

impl TrustedProxies {
    /// Reads `TRUSTED_PROXIES`: networks such as `10.0.0.0/8`, comma-separated; none by default.
    pub fn from_env(env: &mut Env) -> Self {
        let mut networks = Vec::new();
        for entry in env.list_or_empty("TRUSTED_PROXIES") {
            match entry.parse::<IpNet>().or_else(|_| entry.parse::<IpAddr>().map(IpNet::from)) {
                Ok(network) => networks.push(network),
                Err(_) => env.note("TRUSTED_PROXIES: networks such as 10.0.0.0/8, comma-separated"),
            }
        }
        Self(networks)
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address.to_canonical()))
    }

    /// The client behind a connection from `peer`.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        let lines = headers.get_all("x-forwarded-for").iter().rev();
        let hops = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.rsplit(','));
        for hop in hops {
            if !self.trusts(client) {
                break;
            }
            let Ok(address) = hop.trim().parse::<IpAddr>() else { break };
            client = address.to_canonical();
        }
        client
    }
}

impl FromRequestParts<Shop> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, shop: &Shop) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
        Ok(Self(peer.map(|peer| shop.proxies.client(peer, &parts.headers))))
    }
}

impl ClientAddress {
    /// As peers take it.
    pub fn text(self) -> Option<String> {
        self.0.map(|address| address.to_string())
    }

    /// By what tries are counted: an IPv4 address, of IPv6 the network of 64 bits, which is what one customer of a
    /// provider gets.
    pub fn network(self) -> Option<String> {
        self.0.map(|address| match address.to_canonical() {
            IpAddr::V4(v4) => v4.to_string(),
            IpAddr::V6(v6) => {
                let bits = v6.to_bits() >> 64 << 64;
                format!("{}/64", std::net::Ipv6Addr::from_bits(bits))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(trusted: &str, peer: &str, forwarded: &[&str]) -> String {
        let mut env = Env::from_pairs([("TRUSTED_PROXIES", trusted)]);
        let proxies = TrustedProxies::from_env(&mut env);
        env.finish().unwrap();
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        proxies.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn header_of_a_stranger_counts_for_nothing() {
        assert_eq!(client("", "203.0.113.9", &["1.1.1.1"]), "203.0.113.9");
        assert_eq!(client("10.0.0.0/8", "203.0.113.9", &["1.1.1.1"]), "203.0.113.9");
    }

    #[test]
    fn trusted_proxies_vouch_for_what_they_appended_and_no_further() {
        let trusted = "127.0.0.1/32,10.0.0.0/8";
        assert_eq!(client(trusted, "127.0.0.1", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(client(trusted, "127.0.0.1", &["1.1.1.1, 203.0.113.9, 10.2.3.4"]), "203.0.113.9");
        assert_eq!(client(trusted, "::ffff:127.0.0.1", &["1.1.1.1", "203.0.113.9"]), "203.0.113.9");
        assert_eq!(client(trusted, "127.0.0.1", &["1.1.1.1, unknown"]), "127.0.0.1");
        assert_eq!(client(trusted, "127.0.0.1", &[]), "127.0.0.1");
    }

    #[test]
    fn neighbours_in_one_ipv6_network_are_one_client() {
        let network = |text: &str| ClientAddress(Some(text.parse().unwrap())).network().unwrap();
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::9"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("::ffff:203.0.113.9"), "203.0.113.9");
        assert_ne!(network("203.0.113.9"), network("203.0.113.10"));
    }

    #[test]
    fn malformed_networks_are_a_configuration_error() {
        let mut env = Env::from_pairs([("TRUSTED_PROXIES", "everybody")]);
        TrustedProxies::from_env(&mut env);
        assert!(env.finish().is_err());
    }
}
