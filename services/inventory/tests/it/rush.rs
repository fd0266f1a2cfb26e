//! Everybody wants the same thing at the same moment.

use std::time::Instant;

use crate::{fixture, order};

const SHOPPERS: usize = 10_000;
const PIECES: i32 = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_at_once_buy_a_hundred_pieces_and_nobody_sees_an_error() {
    let f = std::sync::Arc::new(fixture().await);
    let product = f.product(PIECES).await;
    let started = Instant::now();
    let shoppers: Vec<_> = (0..SHOPPERS)
        .map(|_| {
            let f = std::sync::Arc::clone(&f);
            tokio::spawn(async move {
                let order = order();
                loop {
                    // The pool is bounded: who waits too long for a connection is asked to come again, and does.
                    match f.reserve(order, &[(product, 1)]).await.status.as_u16() {
                        503 => {}
                        status => return status,
                    }
                }
            })
        })
        .collect();
    let mut statuses = std::collections::BTreeMap::new();
    for shopper in shoppers {
        *statuses.entry(shopper.await.unwrap()).or_insert(0) += 1;
    }
    let expected = [(201, PIECES), (409, SHOPPERS as i32 - PIECES)];
    assert_eq!(statuses.into_iter().collect::<Vec<_>>(), expected);
    assert_eq!(f.available(product).await, 0);
    f.assert_balanced().await;
    assert!(started.elapsed().as_secs() < 30, "took {:?}", started.elapsed());
}
