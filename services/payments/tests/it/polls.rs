//! Who waits for an outcome asks again and again: that is one operation, in the metric and to the alert.

use shop_instrumentation::faults::Activate;
use shop_payments::provider::faulty::ERROR;
use shop_testkit::http;

use crate::{body, fixture, order};

#[tokio::test]
async fn a_hold_whose_outcome_is_unknown_counts_as_one_error_however_often_it_is_asked_for() {
    let f = fixture().await;
    let errors = || f.payments.metrics.authorisations.with_label_values(&["error"]).get();
    f.faults.activate(ERROR, Activate { ttl_seconds: 600, ratio: 1.0, delay_ms: 0 }).unwrap();
    let (one, other) = (order(), order());
    for _ in 0..5 {
        let answer = http::post(&f.router, "/v1/authorisations", "one", &body(one, 800, "tok_visa")).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (503, "in_progress"),
            "{}",
            answer.text()
        );
        f.clock.advance_seconds(30);
    }
    assert_eq!(errors(), 1);
    http::post(&f.router, "/v1/authorisations", "other", &body(other, 800, "tok_visa")).await;
    assert_eq!(errors(), 2, "another order is another operation");
}
