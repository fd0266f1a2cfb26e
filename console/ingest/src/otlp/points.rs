//! Samples on their way from data points to the store, with the labels that their resource gives.

use std::collections::{BTreeMap, HashMap};

use console_model::{
    Labels,
    metric::{Exemplar, HistogramSample, MetricKind, MetricMetadata, Sample},
    span::Attributes,
};
use console_storage::metrics::SeriesBatch;

use super::{
    name::label_name,
    resource::Origin,
    value::{ItemError, text},
};

/// Values that are counted up by the receiver, not the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Temporality {
    Cumulative,
    Delta,
}

/// The series of a request. Cumulative samples are ready; deltas still have to be added up.
#[derive(Debug, Default)]
pub struct Points {
    pub cumulative: Vec<SeriesBatch>,
    pub delta: Vec<SeriesBatch>,
    pub metadata: Vec<MetricMetadata>,
    index: HashMap<(Temporality, Labels), usize>,
}

impl Points {
    pub fn push(&mut self, temporality: Temporality, labels: Labels, sample: Sample) {
        self.series(temporality, labels).samples.push(sample);
    }

    /// A native histogram.
    pub fn push_histogram(&mut self, temporality: Temporality, labels: Labels, sample: HistogramSample) {
        self.series(temporality, labels).histograms.push(sample);
    }

    /// An exemplar of a cumulative series.
    pub fn push_exemplar(&mut self, labels: Labels, exemplar: Exemplar) {
        self.series(Temporality::Cumulative, labels).exemplars.push(exemplar);
    }

    fn series(&mut self, temporality: Temporality, labels: Labels) -> &mut SeriesBatch {
        let Self { cumulative, delta, index, .. } = self;
        let list = if temporality == Temporality::Delta { delta } else { cumulative };
        let at = *index.entry((temporality, labels)).or_insert_with_key(|(_, labels)| {
            list.push(SeriesBatch::floats(labels.clone(), Vec::new()));
            list.len() - 1
        });
        &mut list[at]
    }

    pub fn describe(&mut self, metric: &str, kind: MetricKind, help: &str, unit: &str) {
        if !self.metadata.iter().any(|m| m.metric == metric) {
            let (metric, help, unit) = (metric.to_owned(), help.to_owned(), unit.to_owned());
            self.metadata.push(MetricMetadata { metric, kind, help, unit });
        }
    }

    /// Puts the samples of every series in order of time, as stores want them.
    pub fn sort(&mut self) {
        for series in self.cumulative.iter_mut().chain(&mut self.delta) {
            series.samples.sort_by_key(|s| s.t_ms);
            series.histograms.sort_by_key(|h| h.t_ms);
        }
    }
}

/// `job` and `instance` of a resource, and its `target_info`.
#[derive(Clone, Debug)]
pub struct Target {
    job: String,
    instance: String,
    info: Option<Labels>,
}

impl Target {
    pub fn of(origin: &Origin) -> Self {
        let service = origin.service().unwrap_or_default().to_owned();
        let job = match origin.get("service.namespace") {
            Some(namespace) if !service.is_empty() => format!("{namespace}/{service}"),
            _ => service,
        };
        let instance = origin.get("service.instance.id").unwrap_or_default();
        let identifies =
            |key: &str| matches!(key, "service.name" | "service.namespace" | "service.instance.id");
        let mut rest = origin.attributes.clone();
        rest.retain(|(key, _)| !identifies(key));
        let mut target = Self { job, instance, info: None };
        let is_known = !target.job.is_empty() || !target.instance.is_empty();
        if is_known && !rest.is_empty() {
            target.info = Some(target.labels("target_info", &rest, &[]));
        }
        target
    }

    /// `target_info`, when the resource says more than who it is.
    pub fn info(&self) -> Option<&Labels> {
        self.info.as_ref()
    }

    /// A series' labels. Of attributes whose names become equal the values are joined with `;`, in order of the keys.
    pub fn labels(&self, metric: &str, attributes: &Attributes, extra: &[(&str, &str)]) -> Labels {
        let mut sorted: Vec<_> = attributes.iter().collect();
        sorted.sort_by(|a, b| a.0.cmp(&b.0));
        let mut labels: BTreeMap<String, String> = BTreeMap::new();
        for (key, value) in sorted {
            let value = text(value);
            labels
                .entry(label_name(key))
                .and_modify(|joined| {
                    joined.push(';');
                    joined.push_str(&value);
                })
                .or_insert(value);
        }
        let own =
            [("job", &*self.job), ("instance", &*self.instance)].into_iter().filter(|(_, v)| !v.is_empty());
        for (name, value) in own.chain(extra.iter().copied()).chain([("__name__", metric)]) {
            labels.insert(name.to_owned(), value.to_owned());
        }
        Labels::from_pairs(labels)
    }
}

/// Refuses a series with more labels than the limit.
pub fn check_labels(labels: &Labels, max: usize) -> Result<(), ItemError> {
    if labels.len() <= max {
        return Ok(());
    }
    let message = format!("series has {} labels, more than max_labels ({max})", labels.len());
    Err(ItemError::new("too_many_labels", message))
}
