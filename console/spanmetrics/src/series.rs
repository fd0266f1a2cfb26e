//! Label sets of what is counted, and how many there are.

use std::sync::Arc;

use console_model::{
    Labels,
    labels::{Label, METRIC_NAME},
    metric::Exemplar,
};

use crate::histogram::Example;

/// Series of one label set of spans: calls, size, and the histogram's buckets, sum and count.
pub(crate) fn of_a_span(bounds: usize) -> usize {
    2 + of_a_histogram(bounds)
}

/// Series of one edge: requests, failed ones, and two histograms.
pub(crate) fn of_an_edge(bounds: usize) -> usize {
    2 + 2 * of_a_histogram(bounds)
}

fn of_a_histogram(bounds: usize) -> usize {
    bounds + 3
}

/// Makes label sets that share their text.
pub(crate) struct Namer {
    metric_name: Arc<str>,
    le_name: Arc<str>,
    /// Of each bound, and `+Inf`.
    bounds: Vec<Arc<str>>,
}

impl Namer {
    pub fn new(bounds: &[f64]) -> Self {
        let text = |bound: &f64| Arc::from(bound.to_string());
        Self {
            metric_name: METRIC_NAME.into(),
            le_name: "le".into(),
            bounds: bounds.iter().map(text).chain([Arc::from("+Inf")]).collect(),
        }
    }

    /// A series with these labels; empty values are absent.
    pub fn plain(&self, metric: &str, labels: &[Label]) -> Labels {
        self.named(metric.into(), labels, None)
    }

    /// Series of a histogram, in the order of [`crate::histogram::Histogram::values`].
    pub fn histogram(&self, metric: &str, labels: &[Label]) -> impl Iterator<Item = Labels> {
        let bucket: Arc<str> = format!("{metric}_bucket").into();
        let ends = ["_sum", "_count"].map(|end| self.named(format!("{metric}{end}").into(), labels, None));
        self.bounds.iter().map(move |le| self.named(bucket.clone(), labels, Some(le))).chain(ends)
    }

    fn named(&self, metric: Arc<str>, labels: &[Label], le: Option<&Arc<str>>) -> Labels {
        let mut all = Vec::with_capacity(labels.len() + 2);
        all.push(Label { name: self.metric_name.clone(), value: metric });
        all.extend(labels.iter().filter(|l| !l.value.is_empty()).cloned());
        all.extend(le.map(|le| Label { name: self.le_name.clone(), value: le.clone() }));
        all.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Labels::from_sorted(all)
    }
}

/// One label.
pub(crate) fn label(name: &str, value: &str) -> Label {
    Label { name: name.into(), value: value.into() }
}

/// As the metrics store takes it.
pub(crate) fn exemplar(example: &Example) -> Exemplar {
    let ids = [("trace_id", example.trace_id.to_string()), ("span_id", example.span_id.to_string())];
    Exemplar { labels: Labels::from_pairs(ids), value: example.value_s, t_ms: example.t_ms }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_has_the_series_that_are_counted_for_it() {
        let bounds = [0.1, 2.0];
        let namer = Namer::new(&bounds);
        let labels = [label("service", "a"), label("span_name", "")];
        let all: Vec<String> = namer.histogram("x", &labels).map(|l| l.to_string()).collect();
        let wanted = [
            r#"x_bucket{le="0.1", service="a"}"#,
            r#"x_bucket{le="2", service="a"}"#,
            r#"x_bucket{le="+Inf", service="a"}"#,
            r#"x_sum{service="a"}"#,
            r#"x_count{service="a"}"#,
        ];
        assert_eq!(all, wanted);
        assert_eq!((of_a_span(2), of_an_edge(2)), (2 + wanted.len(), 2 + 2 * wanted.len()));
    }
}
