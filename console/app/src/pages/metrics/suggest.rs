//! What to ask of a metric whose name is all that is known.

use console_model::names::{Quoted, is_metric_name};

use crate::view::chart::Unit;

/// The usual question: a rate for counters, the 95th percentile for histograms, the value for the rest.
pub fn query_for(metric: &str) -> String {
    let (metric, selector) = (metric.trim(), selector(metric.trim()));
    if metric.ends_with("_bucket") {
        format!("histogram_quantile(0.95, sum by (job, le) (rate({selector}[1m])))")
    } else if ["_total", "_count", "_sum"].iter().any(|suffix| metric.ends_with(suffix)) {
        format!("sum by (job) (rate({selector}[1m]))")
    } else {
        selector
    }
}

/// A name that does not stand for itself is written in braces and quotes.
fn selector(metric: &str) -> String {
    if metric.is_empty() || is_metric_name(metric) {
        metric.to_owned()
    } else {
        format!("{{{}}}", Quoted(metric))
    }
}

/// Names under which a series' family may be described: its own, then without a histogram's or counter's suffix.
pub fn families(name: &str) -> Vec<&str> {
    let shorter =
        ["_bucket", "_count", "_sum", "_total"].iter().filter_map(|suffix| name.strip_suffix(suffix));
    std::iter::once(name).chain(shorter).collect()
}

/// The unit of an expression, where its text leaves no doubt; a bare number otherwise.
pub fn unit_of(expr: &str) -> Unit {
    let expr = expr.trim();
    if expr.starts_with("histogram_quantile(") && expr.ends_with(')') {
        return if expr.contains("_seconds_bucket") {
            Unit::Seconds
        } else if expr.contains("_bytes_bucket") {
            Unit::Bytes
        } else {
            Unit::Number
        };
    }
    let name = expr.split('{').next().unwrap_or_default();
    let is_selector = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':')
        && (expr.len() == name.len() || expr.ends_with('}'))
        && expr.matches('{').count() <= 1;
    match name {
        _ if !is_selector || name.ends_with("_timestamp_seconds") => Unit::Number,
        n if n.ends_with("_seconds") => Unit::Seconds,
        n if n.ends_with("_bytes") => Unit::Bytes,
        n if n.ends_with("_ratio") => Unit::Ratio,
        _ => Unit::Number,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_asked_for_their_rate_and_histograms_for_a_percentile() {
        assert_eq!(
            query_for("shop_orders_placed_total"),
            "sum by (job) (rate(shop_orders_placed_total[1m]))"
        );
        assert_eq!(query_for("x_bucket"), "histogram_quantile(0.95, sum by (job, le) (rate(x_bucket[1m])))");
        assert_eq!(query_for(" up "), "up");
        assert_eq!(query_for("http.requests_total"), "sum by (job) (rate({\"http.requests_total\"}[1m]))");
        assert_eq!(query_for("cpu.load"), "{\"cpu.load\"}");
    }

    #[test]
    fn units_are_only_told_where_they_are_sure() {
        assert_eq!(unit_of("shop_outbox_lag_seconds{job=\"orders\"}"), Unit::Seconds);
        assert_eq!(unit_of("histogram_quantile(0.9, rate(a_seconds_bucket[1m]))"), Unit::Seconds);
        assert_eq!(unit_of("process_resident_memory_bytes"), Unit::Bytes);
        for other in [
            "a_seconds / b_seconds",
            "rate(a_seconds[1m])",
            "process_start_timestamp_seconds",
            "a_seconds{} > b{}",
            "",
        ] {
            assert_eq!(unit_of(other), Unit::Number, "{other}");
        }
    }

    #[test]
    fn help_is_found_under_the_familys_name() {
        assert_eq!(families("a_bucket"), ["a_bucket", "a"]);
        assert_eq!(families("up"), ["up"]);
    }
}
