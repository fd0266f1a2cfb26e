//! The endpoints of a peer: fixed URLs, and host names that stand for several addresses. Each address has a breaker of
//! its own, so that one bad pod is not the whole service.
//!
//! Names are looked up again when a call comes and the last answer is old; the calls themselves never wait for that, but
//! for the very first. An answer that is empty or fails changes nothing: addresses that worked are better than none.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use parking_lot::{Mutex, RwLock};
use reqwest::header::HeaderValue;
use url::{Host, Url};

use super::breaker::Breaker;

/// How old the answer of a name server may be.
const LOOKED_UP_EVERY: Duration = Duration::from_secs(5);
/// How long one look-up may take.
const LOOK_UP_TIMEOUT: Duration = Duration::from_secs(2);
/// Addresses used of one name at most.
const MOST_ADDRESSES: usize = 32;
/// An endpoint is left alone for so long at most, whatever it asks for.
const LONGEST_BACK_OFF: Duration = Duration::from_secs(10);

/// One place where a peer takes calls.
#[derive(Debug)]
pub(super) struct Endpoint {
    /// Scheme, host and port, without a slash at the end.
    pub(super) base: String,
    /// The name under which the address was found.
    pub(super) host: Option<HeaderValue>,
    pub(super) breaker: Breaker,
    left_alone_until: Mutex<Option<Instant>>,
}

/// All endpoints of one peer.
pub(super) struct Endpoints {
    sources: Vec<Source>,
    breaker: BreakerLimits,
    current: RwLock<Arc<Vec<Arc<Endpoint>>>>,
    looked_up: Mutex<Option<Instant>>,
    resolve: Resolve,
}

/// Looks a name and port up.
pub(super) type Resolve =
    Box<dyn Fn(String, u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// When the breaker of an endpoint opens, and for how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct BreakerLimits {
    pub(super) failures: u32,
    pub(super) cooldown: Duration,
}

enum Source {
    Fixed(String),
    Name { scheme: String, host: String, port: u16 },
}

impl Endpoints {
    pub(super) fn new(urls: &[String], breaker: BreakerLimits) -> Self {
        Self::resolved_by(urls, breaker, Box::new(system_resolve))
    }

    pub(super) fn resolved_by(urls: &[String], breaker: BreakerLimits, resolve: Resolve) -> Self {
        let sources: Vec<Source> = urls.iter().map(|url| Source::parse(url)).collect();
        let endpoints =
            Self { sources, breaker, current: RwLock::default(), looked_up: Mutex::new(None), resolve };
        endpoints.take(&[]);
        endpoints
    }

    /// How many there are now.
    pub(super) fn count(&self) -> usize {
        self.current.read().len()
    }

    /// The next endpoint in turn that takes calls, another than `avoid` if there is one.
    pub(super) fn pick(&self, turn: usize, avoid: Option<&Endpoint>, now: Instant) -> Option<Arc<Endpoint>> {
        let current = self.current.read().clone();
        let count = current.len();
        let in_turn = || (0..count).map(|step| &current[(turn.wrapping_add(step)) % count]);
        let is_avoided = |endpoint: &Endpoint| avoid.is_some_and(|avoid| avoid.base == endpoint.base);
        in_turn()
            .filter(|endpoint| !is_avoided(endpoint) && !endpoint.is_left_alone(now))
            .chain(in_turn().filter(|endpoint| is_avoided(endpoint) || endpoint.is_left_alone(now)))
            .find(|endpoint| endpoint.breaker.allows(now))
            .or_else(|| {
                let others = in_turn().filter(|endpoint| !is_avoided(endpoint));
                others.chain(in_turn()).find(|endpoint| endpoint.breaker.allows_as_last_resort())
            })
            .cloned()
    }

    /// Whether names should be looked up again. Says so to one caller for each period.
    pub(super) fn is_stale(&self, now: Instant) -> bool {
        if self.sources.iter().all(|source| matches!(source, Source::Fixed(_))) {
            return false;
        }
        let mut looked_up = self.looked_up.lock();
        let is_stale = looked_up.is_none_or(|at| now.duration_since(at) >= LOOKED_UP_EVERY);
        if is_stale {
            *looked_up = Some(now);
        }
        is_stale
    }

    /// Looks all names up and takes what is found.
    pub(super) async fn look_up(&self) {
        let mut found = Vec::new();
        for source in &self.sources {
            let Source::Name { host, port, .. } = source else {
                found.push(None);
                continue;
            };
            let answer = tokio::time::timeout(LOOK_UP_TIMEOUT, (self.resolve)(host.clone(), *port)).await;
            match answer {
                Ok(Ok(addresses)) if !addresses.is_empty() => found.push(Some(addresses)),
                Ok(Err(error)) => {
                    tracing::warn!(host, %error, "name cannot be looked up, known addresses stay");
                    return;
                }
                _ => {
                    tracing::warn!(host, "name has no address now, known addresses stay");
                    return;
                }
            }
        }
        self.take(&found);
    }

    /// Replaces the endpoints; those that stay keep their breakers.
    fn take(&self, found: &[Option<Vec<SocketAddr>>]) {
        let before = self.current.read().clone();
        let kept = |base: String, host: Option<HeaderValue>| {
            let known = before.iter().find(|endpoint| endpoint.base == base).cloned();
            known.unwrap_or_else(|| Arc::new(self.endpoint(base, host)))
        };
        let mut after = Vec::new();
        for (place, source) in self.sources.iter().enumerate() {
            match source {
                Source::Fixed(base) => after.push(kept(base.clone(), None)),
                Source::Name { scheme, host, port } => {
                    let addresses = found.get(place).and_then(|found| found.as_deref()).unwrap_or_default();
                    let mut addresses: Vec<SocketAddr> = addresses.to_vec();
                    addresses.sort();
                    addresses.dedup();
                    addresses.truncate(MOST_ADDRESSES);
                    let name = HeaderValue::try_from(format!("{host}:{port}")).ok();
                    let bases = addresses.iter().map(|address| format!("{scheme}://{address}"));
                    after.extend(bases.map(|base| kept(base, name.clone())));
                }
            }
        }
        *self.current.write() = Arc::new(after);
    }

    fn endpoint(&self, base: String, host: Option<HeaderValue>) -> Endpoint {
        let breaker = Breaker::new(self.breaker.failures, self.breaker.cooldown);
        Endpoint { base, host, breaker, left_alone_until: Mutex::default() }
    }
}

impl Endpoint {
    /// It asked to be left alone.
    pub(super) fn back_off(&self, wish: Duration, now: Instant) {
        *self.left_alone_until.lock() = Some(now + wish.min(LONGEST_BACK_OFF));
    }

    fn is_left_alone(&self, now: Instant) -> bool {
        self.left_alone_until.lock().is_some_and(|until| now < until)
    }
}

impl Source {
    /// A name is looked up here unless it must stand in the URL for the sake of its certificate.
    fn parse(url: &str) -> Self {
        let fixed = || Self::Fixed(url.trim_end_matches('/').to_owned());
        let Ok(parsed) = Url::parse(url) else { return fixed() };
        let (Some(Host::Domain(host)), Some(port)) = (parsed.host(), parsed.port_or_known_default()) else {
            return fixed();
        };
        let is_plain = parsed.scheme() == "http" && parsed.path().trim_end_matches('/').is_empty();
        if !is_plain || host == "localhost" || host.parse::<IpAddr>().is_ok() {
            return fixed();
        }
        Self::Name { scheme: parsed.scheme().to_owned(), host: host.to_owned(), port }
    }
}

fn system_resolve(host: String, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
    Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
}

#[cfg(test)]
mod tests {
    use super::super::breaker::Outcome;
    use super::*;

    const LIMITS: BreakerLimits = BreakerLimits { failures: 1, cooldown: Duration::from_mins(1) };

    /// A name server that can be told what to say.
    fn endpoints(urls: &[&str]) -> (Endpoints, Arc<Mutex<Vec<&'static str>>>) {
        let answer: Arc<Mutex<Vec<&'static str>>> = Arc::default();
        let said = answer.clone();
        let resolve: Resolve = Box::new(move |_, port| {
            let addresses: Vec<SocketAddr> =
                said.lock().iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), port)).collect();
            Box::pin(async move { Ok(addresses) })
        });
        let urls: Vec<String> = urls.iter().map(|url| (*url).to_owned()).collect();
        (Endpoints::resolved_by(&urls, LIMITS, resolve), answer)
    }

    fn bases(endpoints: &Endpoints) -> Vec<String> {
        endpoints.current.read().iter().map(|endpoint| endpoint.base.clone()).collect()
    }

    #[tokio::test]
    async fn name_stands_for_all_its_addresses_and_follows_them() {
        let (endpoints, answer) = endpoints(&["http://orders.shop:7140/"]);
        assert!(endpoints.is_stale(Instant::now()));
        assert!(!endpoints.is_stale(Instant::now()), "one look-up at a time");
        *answer.lock() = vec!["10.0.0.2", "10.0.0.1"];
        endpoints.look_up().await;
        assert_eq!(bases(&endpoints), ["http://10.0.0.1:7140", "http://10.0.0.2:7140"]);
        *answer.lock() = vec!["10.0.0.2", "10.0.0.3"];
        endpoints.look_up().await;
        assert_eq!(bases(&endpoints), ["http://10.0.0.2:7140", "http://10.0.0.3:7140"]);
        answer.lock().clear();
        endpoints.look_up().await;
        assert_eq!(endpoints.count(), 2, "no answer changes nothing");
    }

    #[tokio::test]
    async fn one_bad_address_is_left_out_and_stays_so_over_a_look_up() {
        let (endpoints, answer) = endpoints(&["http://orders.shop:7140"]);
        *answer.lock() = vec!["10.0.0.1", "10.0.0.2"];
        endpoints.look_up().await;
        let now = Instant::now();
        let bad = endpoints.pick(0, None, now).unwrap();
        bad.breaker.record(Outcome::Failed, now);
        endpoints.look_up().await;
        for turn in 0..4 {
            assert_ne!(endpoints.pick(turn, None, now).unwrap().base, bad.base);
        }
    }

    #[test]
    fn addresses_and_certified_names_stay_as_they_are() {
        let urls = ["http://127.0.0.1:7140/", "https://orders.shop", "http://localhost:1", "http://[::1]:7"];
        let (endpoints, _) = endpoints(&urls);
        assert!(!endpoints.is_stale(Instant::now()));
        assert_eq!(
            bases(&endpoints),
            ["http://127.0.0.1:7140", "https://orders.shop", "http://localhost:1", "http://[::1]:7"]
        );
    }

    #[test]
    fn another_endpoint_is_preferred_and_a_resting_one_is_the_last_resort() {
        let (endpoints, _) = endpoints(&["http://127.0.0.1:1", "http://127.0.0.1:2"]);
        let now = Instant::now();
        let first = endpoints.pick(0, None, now).unwrap();
        let second = endpoints.pick(0, Some(&first), now).unwrap();
        assert_ne!(first.base, second.base);
        second.back_off(Duration::from_secs(5), now);
        assert_eq!(endpoints.pick(1, None, now).unwrap().base, first.base);
        assert_eq!(endpoints.pick(1, Some(&first), now).unwrap().base, second.base, "both are out: in turn");
        let later = now + Duration::from_secs(6);
        assert_eq!(endpoints.pick(1, None, later).unwrap().base, second.base);
    }
}
