//! `diff-prometheus`: the console's PromQL against Debian's Prometheus 2.42.

fn main() {}
