//! The value over time, with the limit, the onset and the deploys.

use console_model::{Labels, alert::Alert, metric::QueryValue};
use console_storage::SourceError;

use super::{condition::Condition, window};
use crate::{
    pages::{
        query::{POINTS, marks},
        sample::over,
    },
    request::PageRequest,
    view::{
        chart::{ChartData, Line, Mark},
        chart_series::{self, Steps},
        format,
    },
};

const ROUND_S: [i64; 10] = [2, 5, 10, 15, 30, 60, 300, 900, 1800, 3600];

/// The chart's data: lines of the alert itself where they can be told from others.
pub async fn measured(request: &PageRequest, alert: &Alert) -> Result<ChartData, SourceError> {
    let condition = Condition::of(&alert.expr);
    let (start_ms, end_ms) = if request.param("from").is_some() || request.param("to").is_some() {
        (request.range.range.start_ms, request.range.range.end_ms)
    } else {
        window(alert, request.now_ms)
    };
    let wanted_s = (end_ms - start_ms) / POINTS / 1000;
    let step_ms = ROUND_S.iter().find(|s| **s >= wanted_s).copied().unwrap_or(21_600) * 1000;
    let steps = Steps::aligned(start_ms, end_ms, step_ms);
    let (answered, mut marks) = futures::join!(
        over(&request.backends, &condition.measured, steps),
        marks(&request.backends, start_ms, end_ms)
    );
    let value = own_series(answered?.value, &alert.labels);
    let mut data = chart_series::lines(&value, steps, "", condition.unit);
    if let [line] = data.lines.as_mut_slice() {
        line.label = alert.service().unwrap_or("value").to_owned();
    }
    if let (Some((_, limit)), false) = (condition.limit, data.lines.is_empty()) {
        let label = format!("limit {}", condition.limit_words().unwrap_or_default());
        data.lines.push(Line { label, values: vec![Some(limit); data.times_ms.len()] });
    }
    marks.push(Mark { t_ms: alert.active_at_ms, label: "onset".to_owned() });
    data.marks = marks;
    Ok(data)
}

/// Series whose labels all stand on the alert; all of them when none does.
fn own_series(value: QueryValue, labels: &Labels) -> QueryValue {
    let QueryValue::Matrix(series) = value else { return value };
    let is_own = |l: &Labels| {
        l.iter().filter(|l| &*l.name != "__name__").all(|l| labels.get(&l.name) == Some(&*l.value))
    };
    if series.iter().any(|s| is_own(&s.labels)) {
        return QueryValue::Matrix(series.into_iter().filter(|s| is_own(&s.labels)).collect());
    }
    QueryValue::Matrix(series)
}

/// `12:00:00 to 12:30:00 UTC`.
pub fn span_words(data: &ChartData) -> String {
    let clock = |ms: i64| format::clock_utc(ms).chars().take(8).collect::<String>();
    format!("{} to {} UTC", clock(data.start_ms), clock(data.end_ms))
}

#[cfg(test)]
mod tests {
    use console_model::metric::Series;

    use super::*;

    #[test]
    fn only_the_alerts_own_series_is_drawn() {
        let series = |job: &str| Series { labels: Labels::from_pairs([("job", job)]), samples: Vec::new() };
        let all = QueryValue::Matrix(vec![series("orders"), series("payments")]);
        let labels = Labels::from_pairs([("job", "payments"), ("severity", "critical")]);
        let QueryValue::Matrix(own) = own_series(all.clone(), &labels) else { panic!() };
        assert_eq!(own, [series("payments")]);
        assert_eq!(own_series(all.clone(), &Labels::from_pairs([("job", "x")])), all);
    }
}
