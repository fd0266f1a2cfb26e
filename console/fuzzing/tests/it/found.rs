//! Inputs that once broke a promise, by target.

use console_fuzzing::fuzz_one;

const FOUND: &[(&str, &[u8])] = &[
    // Written out as `+Inf ^ 2`, whose sign came back as an operator.
    ("promql_parse", b"SUM(http_requests_total) BY (job) % 2 ^ 3 ^ Inf^ 2"),
    // A range below a millisecond is written as `0s`.
    ("promql_parse", b"sum_over_time(metric_total[0.0005])"),
];

#[test]
fn what_was_found_stays_fixed() {
    for (target, input) in FOUND {
        fuzz_one(target, input);
    }
}
