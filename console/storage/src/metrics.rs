//! Metrics port of an embedded store.

use console_model::{
    Labels, Matcher, TimeRange,
    cardinality::Cardinality,
    metric::{Exemplar, ExemplarSeries, HistogramSample, MetricMetadata, PointSeries, Sample, Series},
};

use crate::{AppendError, StorageError};

/// What one write has for one series.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeriesBatch {
    pub labels: Labels,
    pub samples: Vec<Sample>,
    /// Native histograms; at no time of one of `samples`.
    pub histograms: Vec<HistogramSample>,
    pub exemplars: Vec<Exemplar>,
}

impl SeriesBatch {
    /// Floats only, as most writes are.
    pub fn floats(labels: Labels, samples: Vec<Sample>) -> Self {
        Self { labels, samples, histograms: Vec::new(), exemplars: Vec::new() }
    }

    /// Samples of both kinds; exemplars are not samples.
    pub fn points(&self) -> usize {
        self.samples.len() + self.histograms.len()
    }
}

/// What a caller looks at of each series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All points of the range.
    All,
    /// The newest point of the range, whichever its kind.
    Newest,
}

/// Series that were selected. What they hold does not change any more, whatever is written meanwhile.
pub trait Selection: Sync {
    fn len(&self) -> usize;

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Points of all series together, about.
    fn points(&self) -> usize;

    /// The series of a place below `len`. Asked for in order, this is fastest. After `ReadAgain` the caller selects anew:
    /// an answer has all of a part of the store or nothing of it.
    fn series(&self, place: usize) -> Result<PointSeries, StorageError>;
}

impl Selection for Vec<PointSeries> {
    fn len(&self) -> usize {
        self.len()
    }

    fn points(&self) -> usize {
        self.iter().map(|s| s.samples.len() + s.histograms.len()).sum()
    }

    fn series(&self, place: usize) -> Result<PointSeries, StorageError> {
        Ok(self[place].clone())
    }
}

/// Memory that a query holds beside a store's own. Everything is given back on drop.
pub trait WorkingMemory: Send + Sync {
    /// Counts just so many bytes from now on. Refuses nothing, since a query has bounds of its own: others make room.
    fn hold(&self, bytes: u64);
}

/// Reads samples. Never blocks a writer for longer than a copy of the matching series.
pub trait SeriesReader: Send + Sync {
    /// Where one query counts what it holds of samples. None where nobody counts.
    fn working_memory(&self) -> Option<Box<dyn WorkingMemory>> {
        None
    }

    /// Series that match all of `matchers`, with samples in `start_ms <= t <= end_ms` (both inclusive, as Prometheus
    /// selects), ordered by labels. Staleness markers are returned as samples. Fails with `Limit` past `max_samples`.
    fn select(
        &self,
        matchers: &[Matcher],
        start_ms: i64,
        end_ms: i64,
        max_samples: usize,
    ) -> Result<Vec<Series>, StorageError>;

    /// As [`SeriesReader::select`], with native histograms too. A store that has none need not say so.
    fn select_points(
        &self,
        matchers: &[Matcher],
        start_ms: i64,
        end_ms: i64,
        max_samples: usize,
    ) -> Result<Vec<PointSeries>, StorageError> {
        let series = self.select(matchers, start_ms, end_ms, max_samples)?;
        let floats = |s: Series| PointSeries { labels: s.labels, samples: s.samples, histograms: Vec::new() };
        Ok(series.into_iter().map(floats).collect())
    }

    /// As [`SeriesReader::select_points`], read when asked for; a store may leave out what is not looked at. Series come in
    /// any order that is the same each time, and may turn out to have no points. The caller counts what it holds;
    /// selecting fails with `Limit` only where more than `max_samples` are certain.
    fn open(
        &self,
        matchers: &[Matcher],
        start_ms: i64,
        end_ms: i64,
        max_samples: usize,
        _part: Part,
    ) -> Result<Box<dyn Selection + '_>, StorageError> {
        Ok(Box::new(self.select_points(matchers, start_ms, end_ms, max_samples)?))
    }

    /// Label sets with a sample in the range, ordered, at most `limit` (0: no limit).
    fn series(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        limit: usize,
    ) -> Result<Vec<Labels>, StorageError>;

    fn label_names(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        limit: usize,
    ) -> Result<Vec<String>, StorageError>;

    fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        range: TimeRange,
        limit: usize,
    ) -> Result<Vec<String>, StorageError>;

    fn metadata(&self, metric: Option<&str>, limit: usize) -> Result<Vec<MetricMetadata>, StorageError>;

    /// Exemplars of matching series in the range (both ends inclusive), series ordered by labels, each once whichever of
    /// the selectors it matches. A store that keeps none need not say so.
    fn exemplars(
        &self,
        _selectors: &[Vec<Matcher>],
        _start_ms: i64,
        _end_ms: i64,
    ) -> Result<Vec<ExemplarSeries>, StorageError> {
        Ok(Vec::new())
    }

    /// Where the series in memory come from, with at most `limit` entries a list. A store that cannot tell says
    /// nothing.
    fn cardinality(&self, _limit: usize) -> Result<Cardinality, StorageError> {
        Ok(Cardinality::default())
    }
}

/// What became of a write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AppendOutcome {
    pub accepted: u64,
    /// Refused samples: out of bounds, duplicate with another value, over a limit.
    pub rejected: u64,
    /// Exemplars that were kept, and those that were sent again while they are the newest of their series.
    pub exemplars: u64,
}

/// Writes samples. When a call returns `Ok`, what it accepted survives `kill -9`.
pub trait SampleAppender: Send + Sync {
    /// Accepts what it can; `Err` only where nothing was stored, or nothing is certain to stay. `Ok` with `rejected > 0`
    /// comes with the first reason in the second value.
    fn append(&self, batch: &[SeriesBatch]) -> Result<(AppendOutcome, Option<AppendError>), AppendError>;

    fn put_metadata(&self, metadata: &[MetricMetadata]) -> Result<(), AppendError>;

    /// The store's own copy of a label set that it knows. A writer that comes back with it instead of its own spares the
    /// store comparing text, and itself the memory.
    fn known(&self, _labels: &Labels) -> Option<Labels> {
        None
    }
}
