//! Lines over time by level: a LogQL count, as stacked bars.

use std::fmt::Write as _;

use console_model::{TimeRange, metric::QueryValue};

use crate::view::{
    chart_scale::time_ticks,
    chart_series::Steps,
    format::{self, count},
    log_line::Level,
    markup::escape,
};

/// The SVG's own units in both directions; it is stretched to its place.
const SIZE: f64 = 1000.0;
const LEVELS: usize = Level::ALL.len();

/// Counts of one stretch of time: `start_ms < t <= start_ms + step`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    pub start_ms: i64,
    /// In the order of [`Level::ALL`].
    pub counts: [u64; LEVELS],
}

impl Bucket {
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    pub step_ms: i64,
    pub buckets: Vec<Bucket>,
}

/// Ends of the buckets that cover a range.
pub fn steps(range: TimeRange, step_ms: i64) -> Steps {
    let whole = Steps::aligned(range.start_ms, range.end_ms + step_ms - 1, step_ms);
    Steps { start_ms: whole.start_ms + step_ms, ..whole }
}

/// Counts lines of a log expression by level. A line break ends a comment that the expression may end with.
pub fn expression(log_query: &str, step_ms: i64) -> String {
    format!("sum by (level) (count_over_time({log_query}\n[{step_ms}ms]))")
}

impl Histogram {
    /// From the answer to [`expression`] at [`steps`].
    pub fn new(value: &QueryValue, steps: Steps) -> Self {
        let step_ms = steps.step_ms.max(1);
        let count = usize::try_from((steps.end_ms - steps.start_ms).max(0) / step_ms + 1).unwrap_or(1);
        let start = |i: usize| steps.start_ms + (i as i64 - 1) * step_ms;
        let mut buckets: Vec<Bucket> =
            (0..count).map(|i| Bucket { start_ms: start(i), counts: [0; LEVELS] }).collect();
        if let QueryValue::Matrix(series) = value {
            for one in series {
                let level = Level::from_text(one.labels.get("level").unwrap_or_default());
                let place = Level::ALL.iter().position(|l| *l == level).unwrap_or(LEVELS - 1);
                for sample in one.samples.iter().filter(|s| s.v.is_finite() && s.v > 0.0) {
                    let index = (sample.t_ms - steps.start_ms).div_euclid(step_ms);
                    if let Some(bucket) = usize::try_from(index).ok().and_then(|i| buckets.get_mut(i)) {
                        bucket.counts[place] += sample.v.round() as u64;
                    }
                }
            }
        }
        Self { step_ms, buckets }
    }

    pub fn total(&self) -> u64 {
        self.buckets.iter().map(Bucket::total).sum()
    }

    /// Levels that occur, most severe first, with their counts.
    pub fn levels(&self) -> Vec<(Level, u64)> {
        let sum = |i: usize| self.buckets.iter().map(|b| b.counts[i]).sum();
        Level::ALL.iter().enumerate().map(|(i, l)| (*l, sum(i))).filter(|(_, n)| *n > 0).collect()
    }

    fn highest(&self) -> u64 {
        self.buckets.iter().map(Bucket::total).max().unwrap_or_default()
    }

    /// Bars that lead to their own time, severe levels at the bottom where they can be compared. `zoom` answers the
    /// address for a time.
    pub fn html(&self, zoom: impl Fn(i64, i64) -> String) -> String {
        let (Some(first), Some(last)) = (self.buckets.first(), self.buckets.last()) else {
            return String::new();
        };
        let (start_ms, end_ms) = (first.start_ms, last.start_ms + self.step_ms);
        let highest = self.highest();
        let width = SIZE / self.buckets.len() as f64;
        let mut out = format!(
            r#"<div class="histogram-plot"><span class="histogram-top" aria-hidden="true">{}</span><svg viewBox="0 0 {SIZE} {SIZE}" preserveAspectRatio="none" aria-hidden="true" focusable="false">"#,
            count(highest)
        );
        for (index, bucket) in self.buckets.iter().enumerate().filter(|(_, b)| b.total() > 0) {
            let href = escape(&zoom(bucket.start_ms, bucket.start_ms + self.step_ms));
            let _ = write!(
                out,
                r#"<a href="{href}" tabindex="-1"><title>{}</title>"#,
                escape(&self.words(bucket))
            );
            let left = index as f64 * width;
            let _ =
                write!(out, r#"<rect class="hit" x="{left:.2}" y="0" width="{width:.2}" height="{SIZE}"/>"#);
            bars(&mut out, bucket, left + width * 0.08, width * 0.84, highest);
            out.push_str("</a>");
        }
        out.push_str(r#"</svg></div><div class="chart-times" aria-hidden="true">"#);
        for (t_ms, words) in time_ticks(start_ms, end_ms) {
            let share = (t_ms - start_ms) as f64 / (end_ms - start_ms) as f64;
            let _ = write!(out, r#"<span style="--x:{:.2}%">{words}</span>"#, share * 100.0);
        }
        out.push_str("</div>");
        out
    }

    /// `12:00:05 UTC, 5 s: 3 error, 20 info`.
    fn words(&self, bucket: &Bucket) -> String {
        let counts: Vec<String> = Level::ALL
            .iter()
            .zip(bucket.counts)
            .filter(|(_, n)| *n > 0)
            .map(|(level, n)| format!("{} {}", count(n), level.as_str()))
            .collect();
        let length = format::duration_ns(self.step_ms.saturating_mul(1_000_000));
        format!("{} UTC, {length}: {}", format::time_utc(bucket.start_ms), counts.join(", "))
    }
}

fn bars(out: &mut String, bucket: &Bucket, left: f64, width: f64, highest: u64) {
    let mut top = SIZE;
    for (level, n) in Level::ALL.iter().zip(bucket.counts).filter(|(_, n)| *n > 0) {
        let height = n as f64 / highest.max(1) as f64 * SIZE;
        top -= height;
        let _ = write!(
            out,
            r#"<rect class="{}" x="{left:.2}" y="{:.2}" width="{width:.2}" height="{height:.2}"/>"#,
            level.as_str(),
            top.max(0.0)
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use console_model::{
        Labels,
        metric::{Sample, Series},
    };

    fn series(level: &str, samples: &[(i64, f64)]) -> Series {
        Series {
            labels: Labels::from_pairs([("level", level)]),
            samples: samples.iter().map(|(t_ms, v)| Sample { t_ms: *t_ms, v: *v }).collect(),
        }
    }

    fn histogram() -> Histogram {
        let value = QueryValue::Matrix(vec![
            series("info", &[(20_000, 3.0), (40_000, 1.0)]),
            series("ERROR", &[(20_000, 1.0), (30_000, f64::NAN), (90_000, 9.0), (0, 9.0)]),
            series("", &[(40_000, 2.0)]),
        ]);
        Histogram::new(&value, steps(TimeRange { start_ms: 12_000, end_ms: 38_000 }, 10_000))
    }

    #[test]
    fn buckets_cover_the_range_and_begin_a_step_before_their_evaluation() {
        let starts: Vec<_> = histogram().buckets.iter().map(|b| (b.start_ms, b.total())).collect();
        assert_eq!(starts, [(10_000, 4), (20_000, 0), (30_000, 3)]);
    }

    #[test]
    fn levels_are_summed_most_severe_first() {
        assert_eq!(histogram().levels(), [(Level::Error, 1), (Level::Info, 4), (Level::Unknown, 2)]);
        assert_eq!(histogram().total(), 7);
    }

    #[test]
    fn bars_stand_on_each_other_and_lead_to_their_time() {
        let html = histogram().html(|from, to| format!("/logs?q=\"&from={from}&to={to}"));
        assert!(
            html.contains(r#"<a href="/logs?q=&quot;&amp;from=10000&amp;to=20000" tabindex="-1">"#),
            "{html}"
        );
        assert!(
            html.contains(r#"<rect class="error" x="26.67" y="750.00" width="280.00" height="250.00"/>"#),
            "{html}"
        );
        assert!(
            html.contains(r#"<rect class="info" x="26.67" y="0.00" width="280.00" height="750.00"/>"#),
            "{html}"
        );
        assert!(!html.contains("NaN"));
    }

    #[test]
    fn no_lines_are_no_bars() {
        let empty =
            Histogram::new(&QueryValue::Matrix(Vec::new()), steps(TimeRange { start_ms: 0, end_ms: 10 }, 5));
        assert_eq!((empty.total(), empty.levels().len()), (0, 0));
        assert!(!empty.html(|_, _| String::new()).contains("<rect"));
    }

    #[test]
    fn a_comment_at_the_end_does_not_swallow_the_count() {
        assert_eq!(
            expression("{a=\"b\"} # x", 5000),
            "sum by (level) (count_over_time({a=\"b\"} # x\n[5000ms]))"
        );
    }
}
