//! A metric family: which samples belong to it, and what must hold among them.

use std::collections::HashSet;

use console_model::metric::MetricKind;

use super::{histogram::Buckets, sample::Line};
use crate::scrape::exposition::{LabelText, cursor::number};

pub struct Family<'a> {
    pub name: &'a str,
    pub kind: MetricKind,
    pub unit: &'a str,
    /// Keywords of the metadata lines so far.
    metadata: Vec<&'a str>,
    has_samples: bool,
    /// The group (labels but for the reserved one) of the sample before, and its time.
    group: Option<(String, Option<f64>)>,
    groups: HashSet<String>,
    buckets: Option<Buckets>,
}

/// Suffixes of the samples of a kind; the first column of the table "Suffixes" of each type.
fn suffixes(kind: MetricKind) -> &'static [&'static str] {
    match kind {
        MetricKind::Counter => &["_total", "_created"],
        MetricKind::Summary => &["", "_count", "_sum", "_created"],
        MetricKind::Histogram => &["_count", "_sum", "_bucket", "_created"],
        MetricKind::GaugeHistogram => &["_gcount", "_gsum", "_bucket"],
        MetricKind::Info => &["_info"],
        MetricKind::Gauge | MetricKind::StateSet | MetricKind::Unknown => &[""],
    }
}

impl<'a> Family<'a> {
    pub fn new(name: &'a str) -> Self {
        Self {
            name,
            kind: MetricKind::Unknown,
            unit: "",
            metadata: Vec::new(),
            has_samples: false,
            group: None,
            groups: HashSet::new(),
            buckets: None,
        }
    }

    /// A metadata line of this family.
    pub fn metadata(&mut self, keyword: &'a str) -> Result<(), String> {
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
        sample.strip_prefix(self.name).is_some_and(|suffix| suffixes(self.kind).contains(&suffix))
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
        if line.exemplar.is_some() && !may_have_exemplar(self.kind, suffix) {
            return Err("only counters and buckets may have an exemplar".to_owned());
        }
        let reserved = self.reserved_label(suffix);
        if let Some(name) = reserved {
            let value = labels.iter().find(|l| l.name == name).map(|l| l.value());
            let value = value.ok_or_else(|| format!("label {name:?} is missing"))?;
            check_reserved(self.kind, &value)?;
        }
        self.regroup(line, group_key(self.kind, labels, reserved))?;
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
    fn reserved_label(&self, suffix: &str) -> Option<&'a str> {
        match self.kind {
            MetricKind::Summary if suffix.is_empty() => Some("quantile"),
            MetricKind::Histogram | MetricKind::GaugeHistogram if suffix == "_bucket" => Some("le"),
            MetricKind::StateSet => Some(self.name),
            _ => None,
        }
    }

    /// Groups must not interleave, and time must not go back within one.
    fn regroup(&mut self, line: &Line<'_>, key: String) -> Result<(), String> {
        let same = self.group.as_ref().filter(|(group, _)| *group == key);
        let Some((_, before)) = same else {
            if !self.groups.insert(key.clone()) {
                return Err(format!("the samples of one metric of {} do not stand together", self.name));
            }
            if let Some(buckets) = self.buckets.take() {
                buckets.finish()?;
            }
            self.group = Some((key, line.timestamp));
            return Ok(());
        };
        match (*before, line.timestamp) {
            (Some(before), Some(now)) if before > now && self.kind != MetricKind::Info => {
                return Err("timestamps go back within a metric".to_owned());
            }
            (Some(_), None) | (None, Some(_)) => {
                return Err("some samples of a metric have a timestamp, and some have none".to_owned());
            }
            (Some(before), Some(now)) if before < now => {
                if let Some(buckets) = self.buckets.take() {
                    buckets.finish()?;
                }
            }
            _ => {}
        }
        self.group = Some((key, line.timestamp));
        Ok(())
    }
}

fn may_have_exemplar(kind: MetricKind, suffix: &str) -> bool {
    match kind {
        MetricKind::Counter => suffix == "_total",
        MetricKind::Histogram | MetricKind::GaugeHistogram => suffix == "_bucket",
        _ => false,
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
    if matches!(suffix, "_count" | "_bucket" | "_gcount") && value.fract() != 0.0 {
        return Err(format!("{suffix} must be a whole number"));
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
fn group_key(kind: MetricKind, labels: &[LabelText<'_>], reserved: Option<&str>) -> String {
    if kind == MetricKind::Info {
        return String::new();
    }
    let mut rest: Vec<_> = labels.iter().filter(|l| Some(l.name) != reserved).collect();
    rest.sort_by_key(|l| l.name);
    let mut key = String::new();
    for label in rest {
        key.push_str(label.name);
        key.push('=');
        key.push_str(label.raw);
        key.push('"');
    }
    key
}
