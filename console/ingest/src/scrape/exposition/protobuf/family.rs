//! `MetricFamily` and `Metric`: which samples they come to.

use std::sync::Arc;

use console_model::{
    histogram::{Histogram, ResetHint},
    metric::MetricKind,
};

use super::{
    histogram::Message,
    metric::{Summary, check_names, label, simple},
    walk::{At, FAMILY, Flaw, METRIC},
};
use crate::{
    scrape::exposition::{
        Bound, Entry, ExemplarText, Histograms, LabelText, Sample, SampleValue, SyntaxError,
    },
    wire::Fields,
};

/// Bytes of all series of an answer, written out. Buckets share the labels of their metric, so that few bytes could
/// otherwise stand for any amount of series.
const MAX_SERIES_BYTES: usize = 256 << 20;

/// `MetricType`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    Counter,
    Gauge,
    Summary,
    Untyped,
    Histogram,
    GaugeHistogram,
}

impl Type {
    fn of(number: u64) -> Option<Self> {
        let all =
            [Self::Counter, Self::Gauge, Self::Summary, Self::Untyped, Self::Histogram, Self::GaugeHistogram];
        all.get(usize::try_from(number).ok()?).copied()
    }

    fn kind(self) -> MetricKind {
        match self {
            Self::Counter => MetricKind::Counter,
            Self::Gauge => MetricKind::Gauge,
            Self::Summary => MetricKind::Summary,
            Self::Untyped => MetricKind::Unknown,
            Self::Histogram => MetricKind::Histogram,
            Self::GaugeHistogram => MetricKind::GaugeHistogram,
        }
    }

    /// The field of `Metric` that has the values.
    fn field(self) -> u64 {
        match self {
            Self::Gauge => 2,
            Self::Counter => 3,
            Self::Summary => 4,
            Self::Untyped => 5,
            Self::Histogram | Self::GaugeHistogram => 7,
        }
    }

    fn reset_hint(self) -> ResetHint {
        if self == Self::GaugeHistogram { ResetHint::Gauge } else { ResetHint::Unknown }
    }

    /// The label that tells the samples of one metric from each other.
    fn reserved(self) -> &'static str {
        match self {
            Self::Summary => "quantile",
            Self::Histogram | Self::GaugeHistogram => "le",
            _ => "__name__",
        }
    }
}

/// Reads families, with room that is used again.
pub struct Reader<'a> {
    histograms: Histograms,
    labels: Vec<LabelText<'a>>,
    exemplars: Vec<ExemplarText<'a>>,
    key: Vec<u8>,
    series_bytes: usize,
}

/// A family but for its metrics.
struct Family<'a> {
    kind: Type,
    name: &'a str,
    bucket: String,
    sum: String,
    count: String,
}

/// Values of a metric.
enum Values<'a> {
    Simple(f64),
    Summary(Summary),
    Histogram(Message<'a>),
}

impl<'a> Reader<'a> {
    pub fn new(histograms: Histograms) -> Self {
        let (labels, exemplars, key) = (Vec::new(), Vec::new(), Vec::new());
        Self { histograms, labels, exemplars, key, series_bytes: 0 }
    }

    /// Shows what is said of a family, then its samples. One without metrics is passed over.
    pub fn family<E: From<SyntaxError>>(
        &mut self,
        mut at: At<'a>,
        message: &'a [u8],
        visit: &mut impl FnMut(Entry<'a, '_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let (mut name, mut help, mut unit, mut number, mut metrics) = ("", "", "", 0, 0usize);
        at.each(message, &FAMILY, |field| {
            match field.number {
                1 => name = field.text()?,
                2 => help = field.text()?,
                3 => number = field.varint()?,
                4 => metrics += usize::from(field.bytes().is_ok()),
                5 => unit = field.text()?,
                _ => {}
            }
            Ok(())
        })?;
        if metrics == 0 {
            return Ok(());
        }
        if name.is_empty() {
            return Err(at.error(message, FAMILY.path, "the name is missing").into());
        }
        at.family = name;
        let kind = Type::of(number)
            .ok_or_else(|| at.error(message, FAMILY.path, format!("type {number} is not among 0 to 5")))?;
        if !help.is_empty() {
            visit(Entry::Help { family: name.into(), help: help.into() })?;
        }
        if !unit.is_empty() {
            visit(Entry::Unit { family: name.into(), unit })?;
        }
        visit(Entry::Type { family: name.into(), kind: kind.kind() })?;
        let [bucket, sum, count] = ["_bucket", "_sum", "_count"].map(|suffix| format!("{name}{suffix}"));
        let family = Family { kind, name, bucket, sum, count };
        for field in Fields::of(message).map_while(Result::ok).filter(|f| f.number == 4) {
            let metric = field.bytes().map_err(|e| at.error(message, FAMILY.path, e.to_string()))?;
            self.metric(at, &family, metric, visit)?;
        }
        Ok(())
    }

    fn metric<E: From<SyntaxError>>(
        &mut self,
        at: At<'a>,
        family: &Family<'a>,
        message: &'a [u8],
        visit: &mut impl FnMut(Entry<'a, '_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let (timestamp, mut values) = self.read(at, family, message)?;
        let mut out = Out {
            family: family.name,
            labels: &self.labels,
            prefix: self.key.len(),
            key: &mut self.key,
            // The format cannot tell the beginning of the epoch from no time.
            timestamp_ms: Some(timestamp).filter(|t| *t != 0),
            series_bytes: &mut self.series_bytes,
            visit,
        };
        match &mut values {
            Values::Simple(v) => out.float(family.name, b"v", None, *v, &self.exemplars)?,
            Values::Summary(s) => {
                out.float(&family.count, b"c", None, s.count as f64, &[])?;
                out.float(&family.sum, b"s", None, s.sum, &[])?;
                for (quantile, v) in &s.quantiles {
                    let bound = Bound { label: "quantile", value: *quantile };
                    out.float(family.name, b"q", Some(bound), *v, &[])?;
                }
            }
            Values::Histogram(h) => self.histograms.show(at, family, message, h, &mut out)?,
        }
        if self.series_bytes > MAX_SERIES_BYTES {
            let said = format!("the series are longer than {MAX_SERIES_BYTES} bytes, written out");
            return Err(at.error(message, METRIC.path, said).into());
        }
        Ok(())
    }

    /// Labels, and the bytes of them, go into `self`; what comes back are time and values.
    fn read(
        &mut self,
        at: At<'a>,
        family: &Family<'a>,
        message: &'a [u8],
    ) -> Result<(i64, Values<'a>), SyntaxError> {
        self.labels.clear();
        self.key.clear();
        self.exemplars.clear();
        let mut timestamp = 0;
        let mut values = match family.kind {
            Type::Counter | Type::Gauge | Type::Untyped => Values::Simple(0.0),
            Type::Summary => Values::Summary(Summary::default()),
            Type::Histogram | Type::GaugeHistogram => Values::Histogram(Message::default()),
        };
        at.each(message, &METRIC, |field| {
            match (field.number, &mut values) {
                (1, _) => {
                    label(at, field, &mut self.labels)?;
                    let bytes = field.bytes()?;
                    self.key.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
                    self.key.extend_from_slice(bytes);
                }
                (6, _) => timestamp = field.varint()?.cast_signed(),
                (number, values) if number == family.kind.field() => match values {
                    Values::Simple(v) => simple(at, field, v, &mut self.exemplars)?,
                    Values::Summary(s) => s.read(at, field)?,
                    Values::Histogram(h) => h.read(at, field, self.histograms.native)?,
                },
                _ => {}
            }
            Ok(())
        })?;
        if let Err(Flaw::Said(said)) = check_names(&self.labels, family.kind.reserved()) {
            return Err(at.error(message, METRIC.path, said));
        }
        // No label is so long: what follows is the family.
        self.key.extend_from_slice(&u32::MAX.to_le_bytes());
        self.key.extend_from_slice(family.name.as_bytes());
        self.key.push(0xff);
        Ok((timestamp, values))
    }
}

impl Histograms {
    /// Shows a histogram as native, as classic, or both (prometheus.io/docs, "configuration", the three cases of
    /// `always_scrape_classic_histograms`).
    fn show<'a, E: From<SyntaxError>, V: FnMut(Entry<'a, '_>) -> Result<(), E>>(
        self,
        at: At<'a>,
        family: &Family<'a>,
        message: &'a [u8],
        h: &mut Message<'a>,
        out: &mut Out<'_, 'a, V>,
    ) -> Result<(), E> {
        let wrong = |said: String| at.error(message, "metric.histogram", said);
        let hint = family.kind.reset_hint();
        let is_native = self.native && h.is_native();
        let has_native = is_native || self.convert;
        if has_native {
            let native = if is_native { h.native(hint) } else { h.converted(hint) };
            out.histogram(native.map_err(wrong)?, &h.native_exemplars())?;
        }
        if has_native && (!self.classic_too || (is_native && h.buckets.is_empty())) {
            return Ok(());
        }
        out.float(&family.count, b"c", None, h.count, &[])?;
        out.float(&family.sum, b"s", None, h.sum, &[])?;
        let mut has_all = false;
        for b in &h.buckets {
            let bound = Bound { label: "le", value: b.bound };
            out.float(&family.bucket, b"b", Some(bound), b.count, &b.exemplars)?;
            has_all = b.bound == f64::INFINITY;
            if has_all {
                break;
            }
        }
        if !has_all {
            let bound = Bound { label: "le", value: f64::INFINITY };
            out.float(&family.bucket, b"b", Some(bound), h.count, &[])?;
        }
        Ok(())
    }
}

/// Shows the samples of one metric.
struct Out<'b, 'a, V> {
    family: &'a str,
    labels: &'b [LabelText<'a>],
    /// The bytes of labels and family, and as many of a sample behind them.
    key: &'b mut Vec<u8>,
    prefix: usize,
    timestamp_ms: Option<i64>,
    series_bytes: &'b mut usize,
    visit: &'b mut V,
}

impl<'a, E, V: FnMut(Entry<'a, '_>) -> Result<(), E>> Out<'_, 'a, V> {
    /// `part` and the bound tell the samples of a metric apart.
    fn float(
        &mut self,
        name: &str,
        part: &[u8; 1],
        bound: Option<Bound>,
        v: f64,
        exemplars: &[ExemplarText<'a>],
    ) -> Result<(), E> {
        self.show(name, part, bound, SampleValue::Float(v), exemplars)
    }

    fn histogram(&mut self, h: Histogram, exemplars: &[ExemplarText<'a>]) -> Result<(), E> {
        self.show(self.family, b"n", None, SampleValue::Histogram(&Arc::new(h)), exemplars)
    }

    fn show(
        &mut self,
        name: &str,
        part: &[u8; 1],
        bound: Option<Bound>,
        value: SampleValue<'_>,
        exemplars: &[ExemplarText<'a>],
    ) -> Result<(), E> {
        self.key.truncate(self.prefix);
        self.key.extend_from_slice(part);
        if let Some(bound) = bound {
            self.key.extend_from_slice(&bound.value.to_bits().to_le_bytes());
        }
        *self.series_bytes += self.key.len();
        if *self.series_bytes > MAX_SERIES_BYTES {
            return Ok(());
        }
        let (series, labels, timestamp_ms) = (&**self.key, self.labels, self.timestamp_ms);
        (self.visit)(Entry::Sample(Sample { series, name, labels, bound, value, timestamp_ms, exemplars }))
    }
}
