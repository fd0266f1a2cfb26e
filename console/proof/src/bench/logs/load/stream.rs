//! One stream: its labels and its lines in the order of time.

use super::{Load, NEEDLE_STREAMS, SPAN_NS, line::Form};
use crate::bench::noise::Noise;

pub const PODS_PER_APP: usize = 10;
pub const STREAMS: usize = APPS.len() * PODS_PER_APP;

/// Four services of each form.
const APPS: [(&str, Form); 12] = [
    ("catalog", Form::Logfmt),
    ("edge", Form::Logfmt),
    ("search", Form::Logfmt),
    ("storefront", Form::Logfmt),
    ("checkout", Form::Json),
    ("identity", Form::Json),
    ("orders", Form::Json),
    ("payments", Form::Json),
    ("inventory", Form::Text),
    ("notifications", Form::Text),
    ("recommendations", Form::Text),
    ("shipping", Form::Text),
];

/// An iterator over times, nanoseconds since the Unix epoch, and lines.
pub struct Stream {
    number: usize,
    noise: Noise,
    load: Load,
    at: usize,
}

impl Stream {
    pub fn new(number: usize, load: Load) -> Self {
        Self { number, noise: Noise::new(0x10c5_0000 + number as u64), load, at: 0 }
    }

    fn app(&self) -> (&'static str, Form) {
        APPS[self.number / PODS_PER_APP]
    }

    /// As Loki writes them.
    pub fn labels(&self) -> String {
        let ((app, form), pod) = (self.app(), self.number % PODS_PER_APP);
        format!(r#"{{app="{app}", format="{}", namespace="shop", pod="{app}-{pod}"}}"#, form.name())
    }
}

impl Iterator for Stream {
    type Item = (i64, String);

    fn next(&mut self) -> Option<Self::Item> {
        let many = self.load.lines_per_stream;
        if self.at == many {
            return None;
        }
        let interval = SPAN_NS / many as i64;
        // Never the first nanosecond of an interval, so that no line lies on the edge of a window.
        let t_ns = self.load.start_ns()
            + interval * self.at as i64
            + 1
            + self.noise.below(interval as u64 - 1) as i64;
        let needle = self.at == many / 2 && NEEDLE_STREAMS.contains(&self.number);
        self.at += 1;
        Some((t_ns, self.app().1.line(&mut self.noise, needle)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn streams_have_labels_of_their_own() {
        let load = Load::new(0.001, 1_700_000_030_000);
        let labels: BTreeSet<String> = (0..STREAMS).map(|n| Stream::new(n, load).labels()).collect();
        assert_eq!(labels.len(), 120);
        assert!(labels.contains(r#"{app="orders", format="json", namespace="shop", pod="orders-3"}"#));
    }

    #[test]
    fn the_needle_s_streams_have_different_forms() {
        let forms: BTreeSet<&str> = NEEDLE_STREAMS.iter().map(|n| APPS[n / PODS_PER_APP].1.name()).collect();
        assert_eq!(forms.len(), 3);
    }
}
