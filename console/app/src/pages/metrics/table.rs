//! Series in numbers.

use console_model::metric::{QueryValue, Sample};
use console_ui::TableScroll;
use leptos::prelude::*;

use crate::view::{
    chart::{ChartData, Unit},
    chart_scale::value_words,
    chart_series::name,
    chart_svg::SERIES_COLOURS,
    markup::shorten,
};

/// Rows that are shown; more are counted.
const MAX_ROWS: usize = 100;
const NAME_CHARS: usize = 400;

/// One series over the range. Values that are no numbers do not count for minimum, maximum and average.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    pub name: String,
    pub last: Option<f64>,
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub average: Option<f64>,
}

impl Summary {
    fn of(name: String, samples: &[Sample]) -> Self {
        let finite = || samples.iter().map(|s| s.v).filter(|v| v.is_finite());
        let n = finite().count();
        Self {
            name,
            last: samples.last().map(|s| s.v),
            min: finite().reduce(f64::min),
            max: finite().reduce(f64::max),
            // Divided first: a sum of large values must not overflow.
            average: (n > 0).then(|| finite().map(|v| v / n as f64).sum()),
        }
    }
}

/// All series of an answer of floats, at most [`MAX_ROWS`], and how many were left out.
pub fn summaries(value: &QueryValue) -> (Vec<Summary>, usize) {
    let all: Vec<Summary> = match value {
        QueryValue::Matrix(series) => {
            series.iter().take(MAX_ROWS).map(|s| Summary::of(name(&s.labels, ""), &s.samples)).collect()
        }
        QueryValue::Vector(samples) => samples
            .iter()
            .take(MAX_ROWS)
            .map(|(l, s)| Summary::of(name(l, ""), std::slice::from_ref(s)))
            .collect(),
        QueryValue::Scalar(sample) => vec![Summary::of("scalar".to_owned(), std::slice::from_ref(sample))],
        QueryValue::PointVector { .. } | QueryValue::PointMatrix(_) | QueryValue::String { .. } => Vec::new(),
    };
    let total = if matches!(value, QueryValue::String { .. }) { 0 } else { value.rows() };
    let left_out = total.saturating_sub(all.len());
    (all, left_out)
}

#[component]
pub fn SeriesTable(
    summaries: Vec<Summary>,
    left_out: usize,
    /// The chart above, for the colours.
    chart: ChartData,
    unit: Unit,
) -> impl IntoView {
    let row = move |s: Summary| {
        let line = chart.lines.iter().position(|l| l.label == s.name);
        let swatch = line.map(|i| {
            let dashed = if i < SERIES_COLOURS { "chart-swatch" } else { "chart-swatch dashed" };
            view! { <span class=dashed style=format!("--c:var(--series-{})", i % SERIES_COLOURS + 1)></span> }
        });
        let cell = |v: Option<f64>| view! { <td class="num">{value_words(unit, v)}</td> };
        view! {
            <tr>
                <th scope="row"><span class="series-name">{swatch}<span>{shorten(&s.name, NAME_CHARS)}</span></span></th>
                {cell(s.last)}
                {cell(s.min)}
                {cell(s.max)}
                {cell(s.average)}
            </tr>
        }
    };
    let more = (left_out > 0)
        .then(|| view! { <p class="table-more muted">{format!("and {left_out} more series")}</p> });
    view! {
        <TableScroll label="Series">
            <table class="table">
                <thead>
                    <tr>
                        <th>"Series"</th>
                        <th class="num">"Last"</th>
                        <th class="num">"Lowest"</th>
                        <th class="num">"Highest"</th>
                        <th class="num">"Average"</th>
                    </tr>
                </thead>
                <tbody>{summaries.into_iter().map(row).collect_view()}</tbody>
            </table>
        </TableScroll>
        {more}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use console_model::{Labels, metric::Series};

    fn samples(values: &[f64]) -> Vec<Sample> {
        values.iter().enumerate().map(|(i, v)| Sample { t_ms: i as i64, v: *v }).collect()
    }

    #[test]
    fn what_is_no_number_counts_only_as_last_value() {
        let s = Summary::of("a".into(), &samples(&[1.0, f64::MAX, f64::MAX, f64::INFINITY]));
        assert_eq!((s.last, s.min, s.max), (Some(f64::INFINITY), Some(1.0), Some(f64::MAX)));
        assert!(s.average.unwrap().is_finite());
        assert_eq!(Summary::of("a".into(), &samples(&[f64::NAN])).average, None);
    }

    #[test]
    fn more_series_than_rows_are_counted() {
        let series = |_| Series { labels: Labels::default(), samples: samples(&[1.0]) };
        let (rows, left_out) = summaries(&QueryValue::Matrix((0..105).map(series).collect()));
        assert_eq!((rows.len(), left_out), (MAX_ROWS, 5));
    }
}
