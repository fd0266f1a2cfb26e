//! The text format, version 0.0.4 (prometheus/common/expfmt/text_create.go).

use std::{collections::BTreeMap, fmt::Write as _};

use console_model::{
    Labels,
    histogram::Histogram,
    labels::METRIC_NAME,
    metric::Point,
    names::{Quoted, is_metric_name},
};

use crate::json::general;

/// A scraped target has this label; what has none must not be given the scraper's.
const INSTANCE: &str = "instance";

/// What becomes of names that are no identifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escaping {
    /// They stand in quotes, inside of the braces.
    AllowUtf8,
    /// What is strange in them becomes an underscore.
    Underscores,
}

impl Escaping {
    pub fn content_type(self) -> &'static str {
        match self {
            Self::AllowUtf8 => "text/plain; version=0.0.4; charset=utf-8; escaping=allow-utf-8",
            Self::Underscores => "text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
        }
    }

    /// The name as it is written; in quotes where it is no identifier.
    fn name(self, name: &str) -> String {
        match self {
            Self::Underscores => {
                let plain = |(at, c): (usize, char)| if is_plain(at, c) { c } else { '_' };
                name.chars().enumerate().map(plain).collect()
            }
            Self::AllowUtf8 if is_metric_name(name) => name.to_owned(),
            Self::AllowUtf8 => Quoted(name).to_string(),
        }
    }
}

fn is_plain(at: usize, c: char) -> bool {
    c == '_' || c == ':' || c.is_ascii_alphabetic() || (at > 0 && c.is_ascii_digit())
}

/// All samples with their times, by metric.
pub fn written(newest: &BTreeMap<Labels, (i64, Point)>, escaping: Escaping) -> String {
    let mut by_name: Vec<_> = newest.iter().filter(|(labels, _)| !labels.metric_name().is_empty()).collect();
    by_name.sort_by(|a, b| a.0.metric_name().cmp(b.0.metric_name()));
    let mut out = String::new();
    let mut open = None;
    for (labels, (t_ms, point)) in by_name {
        let kind = match point {
            Point::Float(_) => "untyped",
            Point::Histogram(h) if h.has_custom_buckets() => "histogram",
            Point::Histogram(_) => continue,
        };
        let name = labels.metric_name();
        if open != Some((name, kind)) {
            line(&mut out, format_args!("# TYPE {} {kind}", escaping.name(name)));
            open = Some((name, kind));
        }
        let mut metric = Metric { out: &mut out, name, labels, t_ms: *t_ms, escaping };
        match point {
            Point::Float(v) => metric.sample("", None, *v),
            Point::Histogram(h) => metric.histogram(h),
        }
    }
    out
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Text takes all.
    let _ = writeln!(out, "{text}");
}

struct Metric<'a> {
    out: &'a mut String,
    name: &'a str,
    labels: &'a Labels,
    t_ms: i64,
    escaping: Escaping,
}

impl Metric<'_> {
    fn sample(&mut self, suffix: &str, le: Option<f64>, v: f64) {
        let name = self.escaping.name(&format!("{}{suffix}", self.name));
        let mut inside: Vec<String> = Vec::new();
        if name.starts_with('"') {
            inside.push(name.clone());
        } else {
            self.out.push_str(&name);
        }
        let label = |name: &str, value: &str| format!("{}={}", self.escaping.name(name), Quoted(value));
        let others = self.labels.iter().filter(|l| &*l.name != METRIC_NAME);
        inside.extend(others.map(|l| label(&l.name, &l.value)));
        if self.labels.get(INSTANCE).is_none() {
            inside.push(label(INSTANCE, ""));
        }
        inside.extend(le.map(|le| label("le", &general(le))));
        line(self.out, format_args!("{{{}}} {} {}", inside.join(","), general(v), self.t_ms));
    }

    /// As a classic one, with all of its bounds.
    fn histogram(&mut self, h: &Histogram) {
        let mut below = 0.0;
        let count_of = |index: usize| {
            let is_it = |b: &&console_model::histogram::BucketCount| usize::try_from(b.index) == Ok(index);
            h.positive.iter().find(is_it).map_or(0.0, |b| b.count)
        };
        for (index, le) in h.custom_values.iter().enumerate() {
            below += count_of(index);
            self.sample("_bucket", Some(*le), below);
        }
        self.sample("_bucket", Some(f64::INFINITY), h.count);
        self.sample("_sum", None, h.sum);
        self.sample("_count", None, h.count);
    }
}
