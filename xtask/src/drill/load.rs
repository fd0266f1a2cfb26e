//! Shoppers who never stop buying, and the orders that they were told of. Some use a voucher, some cancel.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::buyer::{Bought, Told, Wish, address_of_one_order, buy};

const SHOPPERS: usize = 4;
const BETWEEN_ORDERS: Duration = Duration::from_millis(250);
/// Failed tries are told by their first words, in so many kinds at most.
const KINDS_KEPT: usize = 20;
const KIND_CHARS: usize = 80;

/// An order that a page confirmed.
#[derive(Clone, Debug)]
pub struct Acknowledged {
    pub number: String,
    /// When the shopper began, and when all of it was told.
    pub began: Instant,
    pub at: Instant,
    pub told: Told,
}

#[derive(Default)]
struct Diary {
    acknowledged: Vec<Acknowledged>,
    failed: BTreeMap<String, usize>,
}

/// Shoppers at work.
#[derive(Clone)]
pub struct Load {
    stop: CancellationToken,
    shoppers: Arc<Mutex<Vec<JoinHandle<()>>>>,
    diary: Arc<Mutex<Diary>>,
}

impl Load {
    /// Every fourth order is placed with the voucher of this code, every fourth is cancelled, one in eight both.
    pub fn start(shop: &str, voucher: &str) -> Self {
        let stop = CancellationToken::new();
        let diary: Arc<Mutex<Diary>> = Arc::default();
        let shoppers = (0..SHOPPERS).map(|who| {
            let (shop, stop, diary) = (shop.to_owned(), stop.clone(), diary.clone());
            let voucher = voucher.to_owned();
            tokio::spawn(async move {
                for number in 0_usize.. {
                    if stop.is_cancelled() {
                        break;
                    }
                    let wish = Wish {
                        email: address_of_one_order(who),
                        voucher: (number % 4 == 1).then(|| voucher.clone()),
                        cancels: matches!(number % 8, 3 | 5),
                    };
                    let began = Instant::now();
                    let bought = buy(&shop, &wish).await;
                    diary.lock().unwrap_or_else(PoisonError::into_inner).note(began, bought);
                    tokio::time::sleep(BETWEEN_ORDERS).await;
                }
            })
        });
        let shoppers = Arc::new(Mutex::new(shoppers.collect()));
        Self { stop, shoppers, diary }
    }

    /// All orders so far.
    pub fn orders(&self) -> Vec<Acknowledged> {
        self.diary.lock().unwrap_or_else(PoisonError::into_inner).acknowledged.clone()
    }

    /// What kept shoppers from an order, and how often.
    pub fn failed(&self) -> BTreeMap<String, usize> {
        self.diary.lock().unwrap_or_else(PoisonError::into_inner).failed.clone()
    }

    /// Waits for an order of a shopper who began after `since`; answers the seconds until then.
    pub async fn sells_after(&self, since: Instant, within: Duration) -> Result<f64, String> {
        loop {
            if let Some(order) = self.orders().into_iter().find(|o| o.began > since) {
                return Ok((order.at - since).as_secs_f64());
            }
            if since.elapsed() > within {
                return Err(format!(
                    "no order was placed within {} s; so far: {:?}",
                    within.as_secs(),
                    self.failed()
                ));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The longest time between two orders since a moment, in seconds.
    pub fn longest_gap(&self, since: Instant) -> f64 {
        let mut times: Vec<Instant> = self.orders().iter().map(|o| o.at).filter(|t| *t > since).collect();
        times.sort();
        let mut last = since;
        let mut longest = Duration::ZERO;
        for at in times {
            longest = longest.max(at - last);
            last = at;
        }
        longest.as_secs_f64()
    }

    /// Lets everybody finish what they began; answers all orders.
    pub async fn stop(&self) -> Vec<Acknowledged> {
        self.stop.cancel();
        let shoppers = std::mem::take(&mut *self.shoppers.lock().unwrap_or_else(PoisonError::into_inner));
        for shopper in shoppers {
            let _ = shopper.await;
        }
        self.orders()
    }
}

impl Diary {
    fn note(&mut self, began: Instant, bought: Result<Bought, String>) {
        match bought {
            Ok(Bought { number, told }) => {
                self.acknowledged.push(Acknowledged { number, began, at: Instant::now(), told });
            }
            Err(why) => {
                let kind: String = why.chars().take(KIND_CHARS).collect();
                if self.failed.len() < KINDS_KEPT || self.failed.contains_key(&kind) {
                    *self.failed.entry(kind).or_default() += 1;
                }
            }
        }
    }
}
