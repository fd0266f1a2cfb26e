//! What a query came to.

use console_model::{
    Labels,
    metric::{ExemplarSeries, HistogramSample, Point, QueryValue, Sample},
};

use super::{
    histogram::histogram,
    labels, list,
    number::{sample, sample_digits, scalar, seconds},
    text,
};

/// `"resultType":"vector","result":[…]`, inside of an object that the caller writes.
pub fn query_value(out: &mut Vec<u8>, value: &QueryValue) {
    let kind = match value {
        QueryValue::Scalar(_) => "scalar",
        QueryValue::String { .. } => "string",
        QueryValue::Vector(_) | QueryValue::PointVector { .. } => "vector",
        QueryValue::Matrix(_) | QueryValue::PointMatrix(_) => "matrix",
    };
    out.reserve(about(value));
    out.extend_from_slice(b"\"resultType\":");
    text(out, kind);
    out.extend_from_slice(b",\"result\":");
    match value {
        QueryValue::Scalar(s) => at(out, s.t_ms, |out| scalar(out, s.v)),
        QueryValue::String { t_ms, value } => at(out, *t_ms, |out| text(out, value)),
        QueryValue::Vector(rows) => list(out, rows, |out, (labels, s)| float(out, labels, *s)),
        QueryValue::PointVector { t_ms, elements } => {
            list(out, elements, |out, (labels, point)| match point {
                Point::Float(v) => float(out, labels, Sample { t_ms: *t_ms, v: *v }),
                Point::Histogram(h) => {
                    metric(out, labels);
                    out.extend_from_slice(b",\"histogram\":");
                    at(out, *t_ms, |out| histogram(out, h));
                    out.push(b'}');
                }
            });
        }
        QueryValue::Matrix(rows) => {
            let mut times = Times::default();
            list(out, rows, |out, s| series(out, &mut times, &s.labels, &s.samples, &[]));
        }
        QueryValue::PointMatrix(rows) => {
            let mut times = Times::default();
            list(out, rows, |out, s| series(out, &mut times, &s.labels, &s.samples, &s.histograms));
        }
    }
}

/// Bytes that a value takes, about: most of it is there before it is written, and need not move as it grows.
fn about(value: &QueryValue) -> usize {
    const ROW: usize = 100;
    const SAMPLE: usize = 28;
    let samples = match value {
        QueryValue::Matrix(rows) => rows.iter().map(|s| s.samples.len()).sum(),
        QueryValue::PointMatrix(rows) => rows.iter().map(|s| s.samples.len()).sum(),
        _ => 0,
    };
    value.rows() * ROW + samples * SAMPLE
}

/// `[<seconds>,…]`.
fn at(out: &mut Vec<u8>, t_ms: i64, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'[');
    seconds(out, t_ms);
    out.push(b',');
    write(out);
    out.push(b']');
}

fn metric(out: &mut Vec<u8>, of: &Labels) {
    out.extend_from_slice(b"{\"metric\":");
    labels(out, of);
}

fn float(out: &mut Vec<u8>, labels: &Labels, s: Sample) {
    metric(out, labels);
    out.extend_from_slice(b",\"value\":");
    at(out, s.t_ms, |out| sample(out, s.v));
    out.push(b'}');
}

/// What stands before each value of a series, `[1435781451.781,"`, with a comma before all but the first. The series of a
/// range query have the same times: each is written once and copied then.
#[derive(Default)]
struct Times {
    text: Vec<u8>,
    /// Each with where its text ends.
    known: Vec<(i64, usize)>,
}

impl Times {
    /// Writes what stands before the sample of this place in its series.
    fn before(&mut self, out: &mut Vec<u8>, place: usize, t_ms: i64) {
        match self.known.get(place) {
            Some((known, end)) if *known == t_ms => {
                let start = place.checked_sub(1).map_or(0, |before| self.known[before].1);
                out.extend_from_slice(&self.text[start..*end]);
            }
            None if place == self.known.len() => {
                let start = self.text.len();
                Self::written(&mut self.text, place, t_ms);
                self.known.push((t_ms, self.text.len()));
                out.extend_from_slice(&self.text[start..]);
            }
            _ => Self::written(out, place, t_ms),
        }
    }

    fn written(out: &mut Vec<u8>, place: usize, t_ms: i64) {
        out.extend_from_slice(if place == 0 { b"[" } else { b",[" });
        seconds(out, t_ms);
        out.extend_from_slice(b",\"");
    }
}

fn series(
    out: &mut Vec<u8>,
    times: &mut Times,
    labels: &Labels,
    samples: &[Sample],
    histograms: &[HistogramSample],
) {
    metric(out, labels);
    if !samples.is_empty() {
        out.extend_from_slice(b",\"values\":[");
        for (place, s) in samples.iter().enumerate() {
            times.before(out, place, s.t_ms);
            sample_digits(out, s.v);
            out.extend_from_slice(b"\"]");
        }
        out.push(b']');
    }
    if !histograms.is_empty() {
        out.extend_from_slice(b",\"histograms\":");
        list(out, histograms, |out, s| at(out, s.t_ms, |out| histogram(out, &s.h)));
    }
    out.push(b'}');
}

/// `{"seriesLabels":{…},"exemplars":[{"labels":{…},"value":"6","timestamp":1600096945.479}]}`.
pub fn exemplars(out: &mut Vec<u8>, series: &ExemplarSeries) {
    out.extend_from_slice(b"{\"seriesLabels\":");
    labels(out, &series.labels);
    out.extend_from_slice(b",\"exemplars\":");
    list(out, &series.exemplars, |out, e| {
        out.extend_from_slice(b"{\"labels\":");
        labels(out, &e.labels);
        out.extend_from_slice(b",\"value\":");
        sample(out, e.value);
        out.extend_from_slice(b",\"timestamp\":");
        seconds(out, e.t_ms);
        out.push(b'}');
    });
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use console_model::{
        histogram::Histogram,
        metric::{Exemplar, PointSeries, Series},
    };

    use super::*;

    fn written(value: &QueryValue) -> String {
        let mut out = Vec::new();
        query_value(&mut out, value);
        String::from_utf8(out).unwrap()
    }

    fn up() -> Labels {
        Labels::from_pairs([("__name__", "up"), ("job", "a\"b")])
    }

    #[test]
    fn each_type_has_its_form() {
        assert_eq!(
            written(&QueryValue::Scalar(Sample { t_ms: 1500, v: 1e21 })),
            r#""resultType":"scalar","result":[1.500,"1000000000000000000000"]"#
        );
        assert_eq!(
            written(&QueryValue::String { t_ms: 0, value: "x\n".to_owned() }),
            r#""resultType":"string","result":[0,"x\n"]"#
        );
        assert_eq!(
            written(&QueryValue::Vector(vec![(up(), Sample { t_ms: 1000, v: 0.5 })])),
            r#""resultType":"vector","result":[{"metric":{"__name__":"up","job":"a\"b"},"value":[1,"0.5"]}]"#
        );
        let samples = vec![Sample { t_ms: 1000, v: 1.0 }, Sample { t_ms: 2000, v: f64::NAN }];
        assert_eq!(
            written(&QueryValue::Matrix(vec![Series { labels: Labels::default(), samples }])),
            r#""resultType":"matrix","result":[{"metric":{},"values":[[1,"1"],[2,"NaN"]]}]"#
        );
        assert_eq!(written(&QueryValue::Vector(Vec::new())), r#""resultType":"vector","result":[]"#);
    }

    #[test]
    fn series_may_have_other_times_than_the_one_before() {
        let series = |times: &[i64]| Series {
            labels: Labels::default(),
            samples: times.iter().map(|t| Sample { t_ms: *t, v: 0.5 }).collect(),
        };
        let rows = [&[1000, 2500][..], &[1000, 2500, 4000], &[2500, 4000], &[1000, 2500, 4000]];
        let all = [
            r#"[[1,"0.5"],[2.500,"0.5"]]"#,
            r#"[[1,"0.5"],[2.500,"0.5"],[4,"0.5"]]"#,
            r#"[[2.500,"0.5"],[4,"0.5"]]"#,
            r#"[[1,"0.5"],[2.500,"0.5"],[4,"0.5"]]"#,
        ];
        let expected = all.map(|values| format!(r#"{{"metric":{{}},"values":{values}}}"#)).join(",");
        let got = written(&QueryValue::Matrix(rows.map(series).into()));
        assert_eq!(got, format!(r#""resultType":"matrix","result":[{expected}]"#));
    }

    #[test]
    fn histograms_stand_beside_floats() {
        let h = Arc::new(Histogram { count: 2.0, sum: 3.0, ..Histogram::default() });
        let elements =
            vec![(Labels::default(), Point::Float(1.0)), (Labels::default(), Point::Histogram(h.clone()))];
        assert_eq!(
            written(&QueryValue::PointVector { t_ms: 1000, elements }),
            concat!(
                r#""resultType":"vector","result":[{"metric":{},"value":[1,"1"]},"#,
                r#"{"metric":{},"histogram":[1,{"count":"2","sum":"3"}]}]"#
            )
        );
        let series = PointSeries {
            labels: Labels::default(),
            samples: vec![Sample { t_ms: 1000, v: 1.0 }],
            histograms: vec![HistogramSample { t_ms: 2000, h }],
        };
        assert_eq!(
            written(&QueryValue::PointMatrix(vec![series])),
            concat!(
                r#""resultType":"matrix","result":[{"metric":{},"values":[[1,"1"]],"#,
                r#""histograms":[[2,{"count":"2","sum":"3"}]]}]"#
            )
        );
    }

    #[test]
    fn exemplars_have_their_own_form() {
        let exemplar = Exemplar {
            labels: Labels::from_pairs([("trace_id", "ab")]),
            value: 6.0,
            t_ms: 1_600_096_945_479,
        };
        let mut out = Vec::new();
        exemplars(&mut out, &ExemplarSeries { labels: up(), exemplars: vec![exemplar] });
        assert_eq!(
            String::from_utf8(out).unwrap(),
            concat!(
                r#"{"seriesLabels":{"__name__":"up","job":"a\"b"},"exemplars":[{"labels":{"trace_id":"ab"},"#,
                r#""value":"6","timestamp":1600096945.479}]}"#
            )
        );
    }
}
