//! Everybody wants the same thing at the same moment.

use std::time::Instant;

use crate::{fixture, order};

const SHOPPERS: usize = 10_000;
const PIECES: i32 = 100;
/// How often a shopper comes again at most, and half as often on the average.
const TURNS: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_at_once_buy_a_hundred_pieces_and_nobody_is_left_with_an_error() {
    let f = std::sync::Arc::new(fixture().await);
    let product = f.product(PIECES).await;
    let started = Instant::now();
    let shoppers: Vec<_> = (0..SHOPPERS)
        .map(|_| {
            let f = std::sync::Arc::clone(&f);
            tokio::spawn(async move {
                let order = order();
                // The pool is bounded: who waits too long for a connection is asked to come again, and does.
                for turns in 0..=TURNS {
                    match f.reserve(order, &[(product, 1)]).await.status.as_u16() {
                        503 => {}
                        status => return (status, turns),
                    }
                }
                (503, TURNS)
            })
        })
        .collect();
    let (mut statuses, mut turned_away) = (std::collections::BTreeMap::new(), 0);
    for shopper in shoppers {
        let (status, turns) = shopper.await.unwrap();
        *statuses.entry(status).or_insert(0) += 1;
        turned_away += turns;
    }
    let expected = [(201, PIECES), (409, SHOPPERS as i32 - PIECES)];
    assert_eq!(statuses.into_iter().collect::<Vec<_>>(), expected);
    println!("figure: {turned_away} of {SHOPPERS} shoppers' requests were to come again");
    assert!(turned_away <= SHOPPERS * TURNS / 2, "{turned_away} requests were turned away");
    assert_eq!(f.available(product).await, 0);
    f.assert_balanced().await;
    assert!(started.elapsed().as_secs() < 30, "took {:?}", started.elapsed());
}
