//! One series in memory.

use console_blockkit::SegmentId;
use console_model::{
    Labels,
    metric::{HistogramSample, Point, PointSeries, Sample},
};

use crate::{
    chunk::histogram,
    track::{Cut, Floats, Histograms, Track, in_order},
};

/// What a series has in a range, taken while the store is locked; the rest of the work is done afterwards.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cuts {
    floats: Cut<Floats>,
    /// Most series have none.
    histograms: Option<Box<Cut<Histograms>>>,
}

impl Cuts {
    /// Points that are in the range at most.
    pub fn at_most(&self) -> usize {
        self.floats.at_most() + self.histograms.as_ref().map_or(0, |h| h.at_most())
    }

    /// Points that are in the range for certain.
    pub fn at_least(&self, start_ms: i64, end_ms: i64) -> usize {
        let histograms = self.histograms.as_ref().map_or(0, |h| h.at_least(start_ms, end_ms));
        self.floats.at_least(start_ms, end_ms) + histograms
    }

    /// The first and the last time of its chunks.
    pub fn span(&self) -> (i64, i64) {
        let histograms = self.histograms.iter().flat_map(|h| &h.chunks);
        let chunks = self.floats.chunks.iter().chain(histograms);
        chunks.fold((i64::MAX, i64::MIN), |span, c| (span.0.min(c.first_t), span.1.max(c.last_t)))
    }

    /// All points, in order of time.
    pub fn points(&self, labels: Labels) -> PointSeries {
        let mut out = PointSeries { labels, samples: Vec::new(), histograms: Vec::new() };
        self.read(i64::MIN, i64::MAX, &mut out);
        put_in_order(&mut out);
        out
    }

    /// Appends the points in the range (both ends inclusive).
    pub fn read(&self, start_ms: i64, end_ms: i64, out: &mut PointSeries) {
        self.floats.read(start_ms, end_ms, &mut out.samples);
        if let Some(h) = &self.histograms {
            h.read(start_ms, end_ms, &mut out.histograms);
        }
    }
}

/// Brings points that were put together from several places into order, each once.
pub(crate) fn put_in_order(series: &mut PointSeries) {
    in_order::<Floats>(&mut series.samples);
    in_order::<Histograms>(&mut series.histograms);
}

#[derive(Debug)]
pub(crate) struct MemSeries {
    pub labels: Labels,
    floats: Track<Floats>,
    /// Most series have none.
    histograms: Option<Box<Track<Histograms>>>,
    /// The newest point's time.
    last_t: Option<i64>,
    /// The log segment that declares this series last, and its number there.
    pub declared: Option<(SegmentId, u32)>,
    /// What its labels take in the log, about.
    pub label_bytes: u32,
}

/// What labels take in the log, about.
pub(crate) fn label_bytes(labels: &Labels) -> u32 {
    labels.iter().map(|l| l.name.len() + l.value.len() + 4).sum::<usize>() as u32
}

/// Whether two points are the same to the bit.
pub(crate) fn same(a: &Point, b: &Point) -> bool {
    let bytes = |h: &std::sync::Arc<_>| {
        histogram::encode(&[HistogramSample { t_ms: 0, h: std::sync::Arc::clone(h) }])
    };
    match (a, b) {
        (Point::Float(a), Point::Float(b)) => a.to_bits() == b.to_bits(),
        (Point::Histogram(a), Point::Histogram(b)) => bytes(a) == bytes(b),
        _ => false,
    }
}

impl MemSeries {
    pub fn new(labels: Labels) -> Self {
        let label_bytes = label_bytes(&labels);
        Self { labels, floats: Track::default(), histograms: None, last_t: None, declared: None, label_bytes }
    }

    pub fn last_t(&self) -> Option<i64> {
        self.last_t
    }

    /// The point at a time, if there is one.
    pub fn at(&self, t_ms: i64) -> Option<Point> {
        if self.last_t.is_none_or(|last| last < t_ms) {
            return None;
        }
        let histogram = || self.histograms.as_ref()?.at(t_ms).map(|s| Point::Histogram(s.h));
        self.floats.at(t_ms).map(|s| Point::Float(s.v)).or_else(histogram)
    }

    /// Whether there is no point at a time.
    pub fn is_new(&self, t_ms: i64) -> bool {
        self.last_t < Some(t_ms) || self.at(t_ms).is_none()
    }

    /// Stores a point that was judged to be new.
    pub fn add(&mut self, sample: Sample) {
        if self.last_t.is_none_or(|last| last < sample.t_ms) {
            self.floats.push(&sample);
            self.last_t = Some(sample.t_ms);
        } else {
            self.floats.insert_late(sample);
        }
    }

    /// Stores those of the points that are not there yet.
    pub fn add_new(&mut self, samples: &[Sample]) {
        let Some((first, last)) = samples.first().zip(samples.last()) else { return };
        if self.last_t < Some(first.t_ms) && samples.windows(2).all(|w| w[0].t_ms < w[1].t_ms) {
            self.floats.extend(samples);
            self.last_t = Some(last.t_ms);
            return;
        }
        for sample in samples {
            if self.is_new(sample.t_ms) {
                self.add(*sample);
            }
        }
    }

    pub fn add_histogram(&mut self, sample: &HistogramSample) {
        let track = self.histograms.get_or_insert_default();
        if self.last_t.is_none_or(|last| last < sample.t_ms) {
            track.push(sample);
            self.last_t = Some(sample.t_ms);
        } else {
            track.insert_late(sample.clone());
        }
    }

    /// What the range (both ends inclusive) has.
    pub fn cut(&self, start_ms: i64, end_ms: i64) -> Cuts {
        Cuts {
            floats: self.floats.cut(start_ms, end_ms),
            histograms: self.histograms.as_ref().map(|h| Box::new(h.cut(start_ms, end_ms))),
        }
    }

    /// As [`MemSeries::cut`]; only the newest point where it is at hand.
    pub fn newest(&self, start_ms: i64, end_ms: i64) -> Cuts {
        let is_inside = self.last_t.is_some_and(|last| start_ms <= last && last <= end_ms);
        match self.floats.newest().filter(|s| is_inside && Some(s.t_ms) == self.last_t) {
            Some(sample) => Cuts { floats: Cut::of(vec![sample]), histograms: None },
            None => self.cut(start_ms, end_ms),
        }
    }

    /// Whether some chunk covers a part of the range (both ends inclusive).
    pub fn overlaps(&self, start_ms: i64, end_ms: i64) -> bool {
        self.floats.overlaps(start_ms, end_ms)
            || self.histograms.as_ref().is_some_and(|h| h.overlaps(start_ms, end_ms))
    }

    /// Drops chunks that end before `cutoff_ms`; answers whether nothing is left.
    pub fn drop_before(&mut self, cutoff_ms: i64) -> bool {
        self.floats.drop_before(cutoff_ms);
        if let Some(h) = &mut self.histograms {
            h.drop_before(cutoff_ms);
        }
        self.is_empty()
    }

    pub fn is_empty(&self) -> bool {
        self.floats.is_empty() && self.histograms.as_ref().is_none_or(|h| h.is_empty())
    }

    /// The time of the oldest point.
    pub fn first_t(&self) -> Option<i64> {
        let histograms = self.histograms.as_ref().and_then(|h| h.first_t());
        self.floats.first_t().into_iter().chain(histograms).min()
    }

    /// Puts everything before `before_ms` on its way into a block.
    pub fn leave(&mut self, before_ms: i64) {
        self.floats.leave(before_ms);
        if let Some(h) = &mut self.histograms {
            h.leave(before_ms);
        }
    }

    /// What is on its way into a block; none if nothing is.
    pub fn leaving(&self) -> Option<Cuts> {
        let floats = self.floats.leaving();
        let histograms = self.histograms.as_ref().map(|h| h.leaving()).filter(|h| !h.chunks.is_empty());
        (!floats.chunks.is_empty() || histograms.is_some())
            .then(|| Cuts { floats, histograms: histograms.map(Box::new) })
    }

    /// The block is there: memory need not hold its points.
    pub fn left(&mut self) {
        self.floats.left();
        if let Some(h) = &mut self.histograms {
            h.left();
        }
    }

    /// There is no block after all.
    pub fn stay(&mut self) {
        self.floats.stay();
        if let Some(h) = &mut self.histograms {
            h.stay();
        }
    }

    pub fn points(&self) -> u64 {
        self.floats.len() + self.histograms.as_ref().map_or(0, |h| h.len())
    }

    pub fn chunk_count(&self) -> u64 {
        self.floats.chunk_count() + self.histograms.as_ref().map_or(0, |h| h.chunk_count())
    }

    pub fn memory_bytes(&self) -> u64 {
        let histograms = self.histograms.as_ref().map_or(0, |h| h.memory_bytes() + size_of_val(&**h));
        (self.floats.memory_bytes() + histograms + size_of::<Self>()) as u64
    }
}
