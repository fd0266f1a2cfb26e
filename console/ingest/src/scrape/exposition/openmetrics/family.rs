//! A metric family: which samples belong to it, and what must hold among them.

use std::borrow::Cow;

use console_model::metric::MetricKind;

use super::{histogram::Buckets, sample::Line};
use crate::scrape::exposition::{LabelText, cursor::number};

pub struct Family<'a> {
    pub name: Cow<'a, str>,
    pub kind: MetricKind,
    pub unit: &'a str,
    /// Keywords of the metadata lines so far.
    metadata: Vec<&'static str>,
    has_samples: bool,
    /// The group (labels but for the reserved one) of the sample before, and its time, where there was one that counts.
    group: Option<(Vec<u8>, Option<Option<f64>>)>,
    buckets: Option<Buckets>,
}

/// Suffixes of the samples of a kind; the first column of the table "Suffixes" of each type. Counters and histograms may have
/// none as well, as Prometheus bears it: many a counter is declared with its `_total`.
fn suffixes(kind: MetricKind) -> &'static [&'static str] {
    match kind {
        MetricKind::Counter => &["", "_total", "_created"],
        MetricKind::Summary => &["", "_count", "_sum", "_created"],
        MetricKind::Histogram => &["", "_count", "_sum", "_bucket", "_created"],
        MetricKind::GaugeHistogram => &["", "_gcount", "_gsum", "_bucket"],
        MetricKind::Info => &["_info"],
        MetricKind::Gauge | MetricKind::StateSet | MetricKind::Unknown => &[""],
    }
}

impl<'a> Family<'a> {
    pub fn new(name: Cow<'a, str>) -> Self {
        Self {
            name,
            kind: MetricKind::Unknown,
            unit: "",
            metadata: Vec::new(),
            has_samples: false,
            group: None,
            buckets: None,
        }
    }

    /// A metadata line of this family.
    pub fn metadata(&mut self, keyword: &'static str) -> Result<(), String> {
        if self.has_samples {
            return Err(format!("metadata of {} must stand before its samples", self.name));
        }
        if self.metadata.contains(&keyword) {
            return Err(format!("{} has {keyword} twice", self.name));
        }
        self.metadata.push(keyword);
        Ok(())
    }

    pub fn owns(&self, sample: &str) -> bool {
        sample.strip_prefix(&*self.name).is_some_and(|suffix| suffixes(self.kind).contains(&suffix))
    }

    /// Names that no other family may have.
    pub fn names(&self) -> Vec<String> {
        let bare = std::iter::once("").filter(|_| !suffixes(self.kind).contains(&""));
        bare.chain(suffixes(self.kind).iter().copied())
            .map(|suffix| format!("{}{suffix}", self.name))
            .collect()
    }

    pub fn sample(&mut self, line: &Line<'a>, labels: &[LabelText<'a>]) -> Result<(), String> {
        self.has_samples = true;
        let suffix = &line.name[self.name.len()..];
        check_value(self.kind, suffix, line.value)?;
        if line.exemplar.is_some() && !may_have_exemplar(self.kind, &line.name, suffix) {
            return Err(format!("{} cannot have an exemplar", line.name));
        }
        let reserved = self.reserved_label(suffix);
        if let Some(name) = reserved {
            let value = labels.iter().find(|l| l.is_named(name)).map(LabelText::value);
            let value = value.ok_or_else(|| format!("label {name:?} is missing"))?;
            check_reserved(self.kind, &value)?;
        }
        let group = group_key(self.kind, labels, reserved);
        self.regroup(suffix, line.timestamp, group)?;
        if matches!(self.kind, MetricKind::Histogram | MetricKind::GaugeHistogram) {
            let le = labels.iter().find(|l| l.name == "le").and_then(|l| number(&l.value()));
            self.buckets.get_or_insert_default().add(suffix, le, line.value)?;
        }
        Ok(())
    }

    pub fn finish(&self) -> Result<(), String> {
        if let Some(buckets) = &self.buckets {
            buckets.finish()?;
        }
        if self.unit.is_empty() {
            return Ok(());
        }
        if !self.name.strip_suffix(self.unit).is_some_and(|rest| rest.ends_with('_')) {
            return Err(format!("the name {} does not end in its unit {:?}", self.name, self.unit));
        }
        if matches!(self.kind, MetricKind::Info | MetricKind::StateSet) {
            return Err(format!("{} cannot have a unit", self.name));
        }
        Ok(())
    }

    /// The label that tells samples of one metric from each other.
    fn reserved_label(&self, suffix: &str) -> Option<&str> {
        match self.kind {
            MetricKind::Summary if suffix.is_empty() => Some("quantile"),
            MetricKind::Histogram | MetricKind::GaugeHistogram if suffix == "_bucket" => Some("le"),
            MetricKind::StateSet => Some(&self.name),
            _ => None,
        }
    }

    /// Time must not go back within a group; `_created` may lack it. Groups may interleave, as Prometheus bears it; the
    /// buckets of a histogram must stand together.
    fn regroup(&mut self, suffix: &str, timestamp: Option<f64>, key: Vec<u8>) -> Result<(), String> {
        let now = (suffix != "_created").then_some(timestamp);
        let before = match self.group.take() {
            Some((group, before)) if group == key => before,
            _ => {
                self.group = Some((key, now));
                return self.buckets.take().map_or(Ok(()), |buckets| buckets.finish());
            }
        };
        match (before, now) {
            (Some(Some(before)), Some(Some(now))) if before > now && self.kind != MetricKind::Info => {
                return Err("timestamps go back within a metric".to_owned());
            }
            (Some(Some(before)), Some(Some(now))) if before < now => {
                if let Some(buckets) = self.buckets.take() {
                    buckets.finish()?;
                }
            }
            (Some(Some(_)), Some(None)) | (Some(None), Some(Some(_))) => {
                return Err("some samples of a metric have a timestamp, and some have none".to_owned());
            }
            _ => {}
        }
        self.group = Some((key, now.or(before)));
        Ok(())
    }
}

/// More than OpenMetrics allows, whose place is the total of a counter and the bucket of a histogram: Prometheus takes them
/// anywhere, and its clients write them at counts.
fn may_have_exemplar(kind: MetricKind, name: &str, suffix: &str) -> bool {
    match kind {
        MetricKind::Counter => matches!(suffix, "" | "_total"),
        MetricKind::Histogram | MetricKind::GaugeHistogram => {
            matches!(suffix, "" | "_bucket" | "_count" | "_gcount")
        }
        MetricKind::Summary => true,
        MetricKind::Unknown => !["_sum", "_created"].iter().any(|part| name.ends_with(part)),
        MetricKind::Gauge | MetricKind::Info | MetricKind::StateSet => false,
    }
}

fn check_value(kind: MetricKind, suffix: &str, value: f64) -> Result<(), String> {
    let counts = matches!(suffix, "_total" | "_sum" | "_count" | "_bucket" | "_gcount");
    if value.is_nan() && (counts || suffix == "_gsum") {
        return Err(format!("{suffix} cannot be NaN"));
    }
    if value < 0.0 && counts {
        return Err(format!("{suffix} cannot be negative"));
    }
    match kind {
        MetricKind::StateSet if value != 0.0 && value != 1.0 => Err("a state must be 0 or 1".to_owned()),
        MetricKind::Info if value != 1.0 => Err("an info must be 1".to_owned()),
        MetricKind::Summary if suffix.is_empty() && value < 0.0 => {
            Err("a quantile's value cannot be negative".to_owned())
        }
        _ => Ok(()),
    }
}

/// `quantile` is from 0 to 1; `le` is a number, and infinity is written `+Inf`.
fn check_reserved(kind: MetricKind, value: &str) -> Result<(), String> {
    let number = number(value);
    let good = match kind {
        MetricKind::StateSet => true,
        MetricKind::Summary => number.is_some_and(|q| (0.0..=1.0).contains(&q)),
        _ => number.is_some_and(|le| le.is_finite() || (le > 0.0 && value == "+Inf")),
    };
    if good { Ok(()) } else { Err(format!("{value:?} is not a valid value of this label")) }
}

/// Labels but for the reserved one, sorted. Info metrics are all one group: which labels identify cannot be told.
fn group_key(kind: MetricKind, labels: &[LabelText<'_>], reserved: Option<&str>) -> Vec<u8> {
    if kind == MetricKind::Info {
        return Vec::new();
    }
    let mut rest: Vec<_> = labels.iter().filter(|l| !reserved.is_some_and(|name| l.is_named(name))).collect();
    rest.sort_by_key(|l| l.name);
    let mut key = Vec::with_capacity(rest.iter().map(|l| l.name.len() + l.raw.len() + 2).sum());
    for part in rest.iter().flat_map(|l| [l.name, l.raw]) {
        key.extend_from_slice(part.as_bytes());
        // No text has it.
        key.push(0xff);
    }
    key
}
