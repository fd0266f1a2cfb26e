//! Classic histograms of text formats as native ones with custom buckets (prometheus/model/textparse: `NHCBParser`).
//!
//! The samples of one histogram stand together: `_bucket`, `_sum` and `_count` of a family that its `# TYPE` calls a
//! histogram, with equal labels but for `le`.

use std::{borrow::Cow, sync::Arc};

use console_model::{histogram::ResetHint, metric::MetricKind};

use super::{Entry, ExemplarText, LabelText, Sample, SampleValue, cursor::number};
use crate::native::classic::Classic;

/// Between the entries and who visits them.
pub struct Conversion<'a> {
    /// Whether the classic samples are shown too.
    keep: bool,
    /// The last family with a type, where that is a histogram.
    family: Option<Cow<'a, str>>,
    group: Option<Group<'a>>,
}

/// The samples of one histogram.
struct Group<'a> {
    family: Cow<'a, str>,
    /// Without `le`, sorted by name.
    labels: Vec<LabelText<'a>>,
    timestamp_ms: Option<i64>,
    classic: Classic,
    exemplars: Vec<ExemplarText<'a>>,
}

/// What a sample is to its histogram.
enum Part {
    Bucket { le: f64 },
    Sum,
    Count,
}

impl<'a> Conversion<'a> {
    pub fn new(keep: bool) -> Self {
        Self { keep, family: None, group: None }
    }

    pub fn take<E>(
        &mut self,
        entry: Entry<'a, '_>,
        visit: &mut impl FnMut(Entry<'a, '_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let sample = match &entry {
            Entry::Sample(sample) => sample,
            other => {
                self.finish(visit)?;
                if let Entry::Type { family, kind } = other {
                    self.family = (*kind == MetricKind::Histogram).then(|| family.clone());
                }
                return visit(entry);
            }
        };
        let (Some(v), Some((family, part))) = (sample.value.float(), self.part(sample)) else {
            self.finish(visit)?;
            return visit(entry);
        };
        let mut labels: Vec<LabelText<'a>> =
            sample.labels.iter().filter(|l| l.name != "le").copied().collect();
        labels.sort_unstable_by_key(|l| l.name);
        if self.group.as_ref().is_some_and(|g| g.family != family || g.labels != labels) {
            self.finish(visit)?;
        }
        let group = self.group.get_or_insert_with(|| Group {
            family,
            labels,
            timestamp_ms: None,
            classic: Classic::default(),
            exemplars: Vec::new(),
        });
        group.timestamp_ms = sample.timestamp_ms;
        group.exemplars.extend_from_slice(sample.exemplars);
        match part {
            Part::Bucket { le } => group.classic.buckets.push((le, v)),
            Part::Sum => group.classic.sum = v,
            Part::Count => group.classic.count = Some(v),
        }
        if self.keep { visit(entry) } else { Ok(()) }
    }

    /// Shows the histogram that has come together.
    pub fn finish<E>(&mut self, visit: &mut impl FnMut(Entry<'a, '_>) -> Result<(), E>) -> Result<(), E> {
        let Some(Group { family, labels, timestamp_ms, classic, exemplars }) = self.group.take() else {
            return Ok(());
        };
        match classic.build(ResetHint::Unknown) {
            Ok(histogram) => visit(Entry::Sample(Sample {
                series: &key(&family, &labels),
                name: &family,
                labels: &labels,
                bound: None,
                value: SampleValue::Histogram(&Arc::new(histogram)),
                timestamp_ms,
                exemplars: &exemplars,
            })),
            Err(message) => visit(Entry::Unconvertible { family, message }),
        }
    }

    fn part(&self, sample: &Sample<'a, '_>) -> Option<(Cow<'a, str>, Part)> {
        let family = self.family.as_ref()?;
        let part = match sample.name.strip_prefix(&**family)? {
            "_bucket" => {
                let le = sample.labels.iter().find(|l| l.name == "le")?;
                Part::Bucket { le: number(&le.value()).filter(|le| !le.is_nan())? }
            }
            "_sum" => Part::Sum,
            "_count" => Part::Count,
            _ => return None,
        };
        Some((family.clone(), part))
    }
}

/// Bytes that no text has, as no other series has them.
fn key(family: &str, labels: &[LabelText<'_>]) -> Vec<u8> {
    let mut key = family.as_bytes().to_vec();
    for part in labels.iter().flat_map(|l| [l.name, l.raw]) {
        key.push(0xff);
        key.extend_from_slice(part.as_bytes());
    }
    key.push(0xff);
    key
}

#[cfg(test)]
mod tests {
    use super::super::{Format, Histograms, SyntaxError, parse};
    use super::*;

    fn read(classic_too: bool, text: &str) -> Vec<String> {
        let histograms = Histograms { convert: true, classic_too, ..Histograms::default() };
        let mut out = Vec::new();
        let visit = |entry: Entry<'_, '_>| {
            match entry {
                Entry::Sample(s) => {
                    let labels: Vec<_> = s.labels.iter().map(|l| format!("{}={}", l.name, l.raw)).collect();
                    let value = match s.value {
                        SampleValue::Float(v) => v.to_string(),
                        SampleValue::Histogram(h) => {
                            let buckets: Vec<_> = h.positive.iter().map(|b| (b.index, b.count)).collect();
                            format!("{:?} {buckets:?} {} {}", h.custom_values, h.count, h.sum)
                        }
                    };
                    let time = s.timestamp_ms.map(|t| format!(" @{t}")).unwrap_or_default();
                    out.push(format!("{}{{{}}} {value}{time}", s.name, labels.join(",")));
                }
                Entry::Unconvertible { family, message } => out.push(format!("{family}: {message}")),
                _ => {}
            }
            Ok::<(), SyntaxError>(())
        };
        parse(Format::Prometheus, histograms, text.as_bytes(), visit).unwrap();
        out
    }

    #[test]
    fn classic_samples_become_one_histogram_each() {
        let text = "# TYPE h histogram\nh_bucket{x=\"1\",le=\"0.5\"} 1\nh_bucket{le=\"+Inf\",x=\"1\"} 3\n\
                    h_sum{x=\"1\"} 2.5\nh_count{x=\"1\"} 3\nh_bucket{le=\"+Inf\"} 4 7\nh_count 4 7\nh_created 5\n\
                    # TYPE g gauge\ng_bucket{le=\"1\"} 1\n";
        let first = "h{x=1} [0.5] [(0, 1.0), (1, 2.0)] 3 2.5";
        let second = "h{} [] [(0, 4.0)] 4 0 @7";
        assert_eq!(read(false, text), [first, second, "h_created{} 5", "g_bucket{le=1} 1"]);
        let all = read(true, text);
        assert_eq!((all.len(), &*all[4], &*all[7]), (10, first, second));
    }

    #[test]
    fn names_in_quotes_are_the_names_that_they_stand_for() {
        let text = "# TYPE \"h\\n.s\" histogram\n{\"h\\n.s_bucket\",\"a.b\"=\"1\",le=\"+Inf\"} 2\n\
                    {\"a.b\"=\"1\",\"h\\n.s_count\"} 2\n# TYPE \"h\" histogram\nh_bucket{le=\"+Inf\"} 1\n{\"h_count\"} 1\n";
        assert_eq!(read(false, text), ["h\n.s{a.b=1} [] [(0, 2.0)] 2 0", "h{} [] [(0, 1.0)] 1 0"]);
    }

    #[test]
    fn what_cannot_be_converted_is_told() {
        let text = "# TYPE h histogram\nh_bucket{le=\"1\"} 4\nh_bucket{le=\"2\"} 3\nh_count 3\n";
        assert_eq!(read(false, text), ["h: bucket 2 counts 3, the one before it 4"]);
    }
}
