//! A query's value as lines of a chart.

use console_model::{Labels, labels::METRIC_NAME, metric::QueryValue};

use super::chart::{ChartData, Line, Unit};

/// Lines that one chart shows; the rest is counted.
pub const MAX_LINES: usize = 24;
/// Points of a line; what is finer cannot be seen.
const MAX_POINTS: i64 = 11_000;

/// The moments that a range query was evaluated at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    pub start_ms: i64,
    pub end_ms: i64,
    pub step_ms: i64,
}

impl Steps {
    /// Moments on multiples of the step, so that a refreshed chart does not wobble. `step_ms > 0`.
    pub fn aligned(start_ms: i64, end_ms: i64, step_ms: i64) -> Self {
        let step_ms = step_ms.max(1);
        Self {
            start_ms: start_ms.div_euclid(step_ms) * step_ms,
            end_ms: end_ms.div_euclid(step_ms) * step_ms,
            step_ms,
        }
    }

    fn count(self) -> i64 {
        let length = self.end_ms.saturating_sub(self.start_ms).max(0);
        (length / self.step_ms.max(1)).saturating_add(1).min(MAX_POINTS)
    }
}

/// Lines of a matrix of floats (or of a vector or scalar as single points). `by` are the labels that name a line, separated by
/// commas; without them the whole label set does. Of too many lines the highest stay.
pub fn lines(value: &QueryValue, steps: Steps, by: &str, unit: Unit) -> ChartData {
    let times_ms: Vec<i64> = (0..steps.count()).map(|i| steps.start_ms + i * steps.step_ms).collect();
    let mut all: Vec<Line> = match value {
        QueryValue::Matrix(series) => {
            let line = |s: &console_model::metric::Series| {
                line(&s.labels, by, s.samples.iter().map(|x| (x.t_ms, x.v)), steps, times_ms.len())
            };
            series.iter().map(line).collect()
        }
        QueryValue::Vector(samples) => samples
            .iter()
            .map(|(labels, x)| line(labels, by, std::iter::once((x.t_ms, x.v)), steps, times_ms.len()))
            .collect(),
        QueryValue::Scalar(x) => {
            vec![line(&Labels::default(), by, std::iter::once((x.t_ms, x.v)), steps, times_ms.len())]
        }
        QueryValue::PointVector { .. } | QueryValue::PointMatrix(_) | QueryValue::String { .. } => Vec::new(),
    };
    let left_out = all.len().saturating_sub(MAX_LINES);
    if left_out > 0 {
        keep_highest(&mut all);
    }
    ChartData {
        start_ms: steps.start_ms,
        end_ms: steps.end_ms,
        times_ms,
        lines: all,
        marks: Vec::new(),
        unit,
        left_out,
    }
}

fn line(
    labels: &Labels,
    by: &str,
    samples: impl Iterator<Item = (i64, f64)>,
    steps: Steps,
    count: usize,
) -> Line {
    let mut values = vec![None; count];
    for (t_ms, v) in samples.filter(|(_, v)| v.is_finite()) {
        let index = (t_ms - steps.start_ms).div_euclid(steps.step_ms.max(1));
        if let Some(slot) = usize::try_from(index).ok().and_then(|i| values.get_mut(i)) {
            *slot = Some(v);
        }
    }
    Line { label: name(labels, by), values }
}

/// What a line is called: values of the labels in `by`, or the whole label set.
pub fn name(labels: &Labels, by: &str) -> String {
    let values: Vec<&str> =
        by.split(',').map(str::trim).filter(|n| !n.is_empty()).filter_map(|n| labels.get(n)).collect();
    if !values.is_empty() {
        return values.join(" · ");
    }
    if labels.iter().all(|l| &*l.name == METRIC_NAME) {
        let name = labels.metric_name();
        return if name.is_empty() { "value".to_owned() } else { name.to_owned() };
    }
    labels.to_string()
}

/// Keeps order, drops the lines whose highest value is lowest.
fn keep_highest(lines: &mut Vec<Line>) {
    let top = |l: &Line| l.values.iter().flatten().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut order: Vec<usize> = (0..lines.len()).collect();
    order.sort_by(|a, b| top(&lines[*b]).total_cmp(&top(&lines[*a])).then(a.cmp(b)));
    let mut kept = vec![false; lines.len()];
    order.iter().take(MAX_LINES).for_each(|i| kept[*i] = true);
    let mut at = 0;
    lines.retain(|_| {
        at += 1;
        kept[at - 1]
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use console_model::metric::{Sample, Series};

    const STEPS: Steps = Steps { start_ms: 10_000, end_ms: 30_000, step_ms: 10_000 };

    fn series(job: &str, samples: &[(i64, f64)]) -> Series {
        Series {
            labels: Labels::from_pairs([("job", job)]),
            samples: samples.iter().map(|(t_ms, v)| Sample { t_ms: *t_ms, v: *v }).collect(),
        }
    }

    #[test]
    fn samples_find_their_step_and_the_rest_is_gap() {
        let matrix = QueryValue::Matrix(vec![series(
            "a",
            &[(10_000, 1.0), (20_000, f64::NAN), (30_000, 3.0), (40_000, 4.0), (0, 5.0)],
        )]);
        let chart = lines(&matrix, STEPS, "job", Unit::Number);
        assert_eq!(chart.times_ms, [10_000, 20_000, 30_000]);
        assert_eq!(chart.lines, [Line { label: "a".into(), values: vec![Some(1.0), None, Some(3.0)] }]);
    }

    #[test]
    fn of_too_many_lines_the_highest_stay_in_order() {
        let all = (0..30).map(|i| series(&format!("{i:02}"), &[(10_000, f64::from(i % 29))])).collect();
        let chart = lines(&QueryValue::Matrix(all), STEPS, "job", Unit::Number);
        assert_eq!((chart.lines.len(), chart.left_out), (MAX_LINES, 6));
        assert_eq!(chart.lines[0].label, "05");
        assert!(chart.lines.windows(2).all(|w| w[0].label < w[1].label));
    }

    #[test]
    fn lines_are_named_by_labels_or_by_all_of_them() {
        let labels = Labels::from_pairs([("__name__", "up"), ("job", "a"), ("instance", "i")]);
        assert_eq!(name(&labels, "job, instance"), "a · i");
        assert_eq!(name(&labels, "none"), r#"up{instance="i", job="a"}"#);
        assert_eq!(name(&Labels::default(), ""), "value");
        assert_eq!(name(&Labels::from_pairs([("__name__", "up")]), ""), "up");
    }

    #[test]
    fn aligned_steps_are_multiples() {
        assert_eq!(Steps::aligned(12_345, 32_345, 10_000), STEPS);
    }
}
