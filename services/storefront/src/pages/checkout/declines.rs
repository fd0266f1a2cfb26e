//! Declined cards, counted: who tries one card after the other is a shopper for a few, and a tester of stolen ones after
//! many. Orders are not asked any more then, so that no card is tried and nobody is written to.
//!
//! By cart, and by the network that the presses come from; never by the e-mail address that was typed, or anybody could
//! keep somebody else from buying. In this process alone: two instances allow twice as many.

use std::time::{Duration, Instant};

use crate::border::ClientAddress;
use crate::throttle::Throttle;

const WINDOW: Duration = Duration::from_mins(10);
const MOST_BY_CART: u32 = 8;
/// Many people may come from one address.
const MOST_BY_NETWORK: u32 = 30;

/// Declined cards of the last minutes.
pub struct Declines {
    by_cart: Throttle,
    by_network: Throttle,
}

impl Default for Declines {
    fn default() -> Self {
        Self {
            by_cart: Throttle::new(MOST_BY_CART, WINDOW),
            by_network: Throttle::new(MOST_BY_NETWORK, WINDOW),
        }
    }
}

impl Declines {
    /// Whether this cart or network has had its share: no other card is tried for now.
    pub fn are_over(&self, cart: &str, client: ClientAddress, now: Instant) -> bool {
        let network = network(client);
        !self.by_cart.has_room(cart, now) || network.is_some_and(|it| !self.by_network.has_room(&it, now))
    }

    /// Counts one.
    pub fn count(&self, cart: &str, client: ClientAddress, now: Instant) {
        // What is too much is asked before the next press.
        let _ = self.by_cart.count(cart, now);
        if let Some(network) = network(client) {
            let _ = self.by_network.count(&network, now);
        }
    }
}

/// Whoever comes from this very machine is no one customer: the proxy beside it did not tell of whom.
fn network(client: ClientAddress) -> Option<String> {
    client.network().filter(|_| !client.0.is_some_and(|address| address.is_loopback()))
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn from(address: &str) -> ClientAddress {
        ClientAddress(Some(address.parse::<IpAddr>().unwrap()))
    }

    #[test]
    fn a_cart_has_eight_declined_cards_in_ten_minutes() {
        let (declines, now) = (Declines::default(), Instant::now());
        for n in 0..MOST_BY_CART {
            assert!(!declines.are_over("a", from("192.0.2.1"), now), "{n}");
            declines.count("a", from("192.0.2.1"), now);
        }
        assert!(declines.are_over("a", from("192.0.2.77"), now), "wherever it comes from");
        assert!(!declines.are_over("b", from("192.0.2.1"), now), "another cart");
        assert!(!declines.are_over("a", from("192.0.2.1"), now + WINDOW));
    }

    #[test]
    fn a_network_has_thirty_however_many_carts_it_takes() {
        let (declines, now) = (Declines::default(), Instant::now());
        for n in 0..MOST_BY_NETWORK {
            declines.count(&format!("cart {n}"), from(&format!("2001:db8::{n:x}")), now);
        }
        assert!(declines.are_over("another", from("2001:db8::ffff"), now));
        assert!(!declines.are_over("another", from("2001:db8:0:1::1"), now), "another network");
        assert!(!declines.are_over("another", ClientAddress(None), now), "nobody tells who it is");
    }

    #[test]
    fn this_machine_is_nobody_s_network() {
        let (declines, now) = (Declines::default(), Instant::now());
        for n in 0..2 * MOST_BY_NETWORK {
            declines.count(&format!("cart {n}"), from("127.0.0.1"), now);
        }
        assert!(!declines.are_over("another", from("127.0.0.1"), now));
    }
}
