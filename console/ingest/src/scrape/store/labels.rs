//! A series' labels: the target's and its own, relabelled and within the limits.

use console_model::{Labels, labels::METRIC_NAME, metric::MetricKind};

use crate::scrape::{
    config::{JobConfig, ScrapeLimits},
    error::ScrapeError,
    exposition::{Bound, Sample, number},
    names::NameScheme,
    relabel::{self, LabelMap, Verdict},
    target::to_labels,
};

/// Characters of a series that an error shows.
const SHOWN: usize = 80;

#[derive(Clone, Copy)]
pub struct SeriesLabels<'a> {
    pub target: &'a Labels,
    pub job: &'a JobConfig,
}

impl SeriesLabels<'_> {
    /// `None` when `metric_relabel_configs` drop the series. `kind` is what the text last said of a family.
    pub fn of(&self, sample: &Sample<'_, '_>, kind: MetricKind) -> Result<Option<Labels>, ScrapeError> {
        let shown = || shown(sample);
        // Bounds are numbers: as Prometheus 3 does, `1` and `1.0` are made one series.
        let bound = match kind {
            MetricKind::Histogram => "le",
            MetricKind::Summary => "quantile",
            _ => "",
        };
        let mut map = LabelMap::new();
        for label in sample.labels {
            let (name, value) = (label.name(), label.value());
            let value = if name == bound { canonical(&value) } else { value.into_owned() };
            if name == METRIC_NAME {
                return Err(ScrapeError::InvalidName(format!("a label is named {METRIC_NAME}: {}", shown())));
            }
            relabel::set(&mut map, &name, value);
        }
        if let Some(Bound { label, value }) = sample.bound {
            map.insert(label.to_owned(), written(value));
        }
        map.insert(METRIC_NAME.to_owned(), sample.name.to_owned());
        self.add_target(&mut map);
        if relabel::apply(&self.job.metric_relabel, &mut map) == Verdict::Drop {
            return Ok(None);
        }
        if !map.contains_key(METRIC_NAME) {
            return Err(ScrapeError::Nameless(shown()));
        }
        let named = check_names(self.job.names.validation, &map);
        named.map_err(|e| ScrapeError::InvalidName(format!("{e}: {}", shown())))?;
        self.job.limits.check(&map).map_err(|e| ScrapeError::LabelLimit(format!("{}: {e}", shown())))?;
        Ok(Some(to_labels(&map)))
    }

    /// With `honor_labels` the series' own labels win; else the target's, and the others become `exported_…`.
    fn add_target(&self, map: &mut LabelMap) {
        let mut displaced = Vec::new();
        for label in self.target.iter() {
            if self.job.honor_labels {
                map.entry(label.name.to_string()).or_insert_with(|| label.value.to_string());
            } else if let Some(own) = map.insert(label.name.to_string(), label.value.to_string()) {
                displaced.push((label.name.to_string(), own));
            }
        }
        for (mut name, own) in displaced {
            while map.contains_key(&name) {
                name.insert_str(0, "exported_");
            }
            map.insert(name, own);
        }
    }
}

/// Names after relabelling, of the metric and its labels, the target's among them.
fn check_names(scheme: NameScheme, map: &LabelMap) -> Result<(), String> {
    let wrong = |what: &str, name: &str| {
        Err(format!(
            "{name:?} is not a valid {what} name (metric_name_validation_scheme is {})",
            scheme.name()
        ))
    };
    if let Some(name) = map.get(METRIC_NAME).filter(|name| !scheme.is_metric_name(name)) {
        return wrong("metric", name);
    }
    match map.keys().find(|name| !scheme.is_label_name(name)) {
        Some(name) => wrong("label", name),
        None => Ok(()),
    }
}

/// A series as errors show it.
pub fn shown(sample: &Sample<'_, '_>) -> String {
    let legacy = NameScheme::Legacy;
    let is_plain = legacy.is_metric_name(sample.name);
    let mut parts = Vec::new();
    if !is_plain {
        parts.push(format!("{:?}", sample.name));
    }
    for label in sample.labels {
        let name = label.name();
        let quote = if legacy.is_label_name(&name) { "" } else { "\"" };
        parts.push(format!("{quote}{}{quote}=\"{}\"", label.name, label.raw));
    }
    let name = if is_plain { sample.name } else { "" };
    let all = if parts.is_empty() { name.to_owned() } else { format!("{name}{{{}}}", parts.join(",")) };
    all.chars().take(SHOWN).collect()
}

/// A number as OpenMetrics writes it (`1.0`, `1e+06`, `+Inf`); other text stays.
fn canonical(text: &str) -> String {
    number(text).map_or_else(|| text.to_owned(), written)
}

fn written(v: f64) -> String {
    if v.is_nan() {
        return "NaN".to_owned();
    }
    if v.is_infinite() {
        return if v > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{v:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else { return scientific };
    match exponent.parse::<i32>() {
        // Go's shortest form has an exponent outside of these.
        Ok(e) if !(-4..6).contains(&e) => {
            let sign = if e < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", e.abs())
        }
        _ if v.fract() == 0.0 => format!("{v:.1}"),
        _ => v.to_string(),
    }
}

impl ScrapeLimits {
    pub fn is_over_samples(&self, count: usize) -> bool {
        self.samples > 0 && count > self.samples
    }

    fn check(&self, labels: &LabelMap) -> Result<(), String> {
        if self.labels > 0 && labels.len() > self.labels {
            return Err(format!("{} labels are more than label_limit ({})", labels.len(), self.labels));
        }
        let over = |limit: usize, length: usize| limit > 0 && length > limit;
        for (name, value) in labels {
            if over(self.label_name_length, name.len()) {
                let limit = self.label_name_length;
                return Err(format!(
                    "the name of label {name:.50} is longer than label_name_length_limit ({limit})"
                ));
            }
            if over(self.label_value_length, value.len()) {
                let limit = self.label_value_length;
                return Err(format!(
                    "the value of label {name} is longer than label_value_length_limit ({limit})"
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_written_as_openmetrics_writes_them() {
        for (text, canonical_text) in [
            ("1", "1.0"),
            ("0.50", "0.5"),
            ("10", "10.0"),
            ("-0", "-0.0"),
            ("1000000", "1e+06"),
            ("1.5e-5", "1.5e-05"),
            ("Inf", "+Inf"),
            ("+Inf", "+Inf"),
            ("many", "many"),
            ("1e999", "1e999"),
        ] {
            assert_eq!(canonical(text), canonical_text, "{text}");
        }
    }
}
