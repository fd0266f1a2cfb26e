//! Types, helps and units: stored when they change.

use std::collections::BTreeMap;

use console_model::metric::{MetricKind, MetricMetadata};
use console_storage::metrics::SampleAppender;

use crate::scrape::exposition::Entry;

/// Bytes of a help text that are kept.
const MAX_HELP_BYTES: usize = 1024;

#[derive(Default)]
pub struct MetadataBook {
    stored: BTreeMap<String, MetricMetadata>,
    current: BTreeMap<String, MetricMetadata>,
    /// Of the family that was named last.
    kind: Option<MetricKind>,
}

impl MetadataBook {
    pub fn begin(&mut self) {
        self.current.clear();
        self.kind = None;
    }

    pub fn see(&mut self, entry: &Entry<'_, '_>) {
        match entry {
            Entry::Type { family, kind } => {
                self.kind = Some(*kind);
                self.family(family).kind = *kind;
            }
            Entry::Help { family, help } => {
                let end = help.floor_char_boundary(MAX_HELP_BYTES);
                help[..end].clone_into(&mut self.family(family).help);
            }
            Entry::Unit { family, unit } => (*unit).clone_into(&mut self.family(family).unit),
            Entry::Sample(_) | Entry::Unconvertible { .. } => {}
        }
    }

    /// What the text said last of any family. Samples that stand elsewhere than behind their family's type have the wrong
    /// one, as in Prometheus.
    pub fn kind(&self) -> MetricKind {
        self.kind.unwrap_or(MetricKind::Unknown)
    }

    /// Stores what is not as it was. A store that refuses is asked again with the next scrape.
    pub fn store(&mut self, appender: &dyn SampleAppender) {
        let changed: Vec<MetricMetadata> = self
            .current
            .iter()
            .filter(|(name, m)| self.stored.get(*name) != Some(m))
            .map(|(_, m)| m.clone())
            .collect();
        if !changed.is_empty()
            && let Err(e) = appender.put_metadata(&changed)
        {
            tracing::debug!(cause = %e, "metadata is not stored");
            return;
        }
        std::mem::swap(&mut self.stored, &mut self.current);
    }

    fn family(&mut self, name: &str) -> &mut MetricMetadata {
        self.current.entry(name.to_owned()).or_insert_with(|| MetricMetadata {
            metric: name.to_owned(),
            kind: MetricKind::Unknown,
            help: String::new(),
            unit: String::new(),
        })
    }
}
