//! The answer of the Logs page: bars, then lines (or a chart, when the query counts).

use std::{collections::HashSet, sync::Arc};

use console_model::log::{Direction, LogAnswer, LogStream};
use console_model::metric::QueryStats;
use console_storage::SourceError;
use console_ui::{Card, Empty, Notice, Tone};
use leptos::prelude::*;

use super::{
    FILTER_FORM,
    ask::LogsAsk,
    histogram::{self, Histogram},
    rows::{LogRow, LogRows, newest_first},
    selector::{Filter, Place},
};
use crate::{
    islands::{LiveTail, TimeChart},
    pages::query::{self, POINTS, QueryProblem, answer},
    request::PageRequest,
    view::{
        chart::Unit,
        chart_series::{self, Steps},
        format::{self, count},
    },
};

const BARS: i64 = 60;

/// Lines over time by level.
#[component]
pub fn HistogramCard(request: PageRequest, ask: LogsAsk) -> impl IntoView {
    let drawn = Suspend::new(async move {
        let range = request.range.range;
        let step_ms = request.range.step_ms(BARS, 1_000);
        let steps = histogram::steps(range, step_ms);
        let expr = histogram::expression(&ask.query, step_ms);
        let ms = 1_000_000;
        let (start_ns, end_ns) = (steps.start_ms.saturating_mul(ms), steps.end_ms.saturating_mul(ms));
        let asked =
            request.backends.logs.query_range(&expr, start_ns, end_ns, step_ms, 1, Direction::Backward);
        match answer(asked).await {
            Ok(LogAnswer::Metric(metric)) => {
                view! { <Bars ask histogram=Histogram::new(&metric.value, steps)/> }.into_any()
            }
            // What is wrong with the query is told where its lines would stand.
            Ok(LogAnswer::Streams { .. }) | Err(SourceError::Invalid { .. }) => ().into_any(),
            Err(error) => view! { <QueryProblem title="Lines over time" query=expr error/> }.into_any(),
        }
    });
    view! { <Suspense>{drawn}</Suspense> }
}

#[component]
fn Bars(ask: LogsAsk, histogram: Histogram) -> impl IntoView {
    let total = histogram.total();
    if total == 0 {
        return ().into_any();
    }
    let zoom = |from: i64, to: i64| {
        let (from, to) = (from.to_string(), to.to_string());
        query::address(
            "/logs",
            &[("q", ask.written()), ("limit", &ask.limit_text()), ("from", &from), ("to", &to)],
        )
    };
    let picture = histogram.html(zoom);
    let level = |(level, n): (crate::view::log_line::Level, u64)| {
        let add = Filter::new(Place::Stream, "level", level.as_str()).to_param();
        let words = level.as_str();
        view! {
            <li>
                <button class="chip" type="submit" form=FILTER_FORM name="add" value=add title=format!("Only {words} lines")>
                    <span class=format!("level-swatch {words}") aria-hidden="true"></span>
                    {words}" "<b class="num">{count(n)}</b>
                </button>
            </li>
        }
    };
    let levels = histogram.levels().into_iter().map(level).collect_view();
    view! {
        <section class="card histogram" aria-label="Lines over time">
            <div class="histogram-head">
                <span><b class="num">{count(total)}</b>" lines"</span>
                <ul class="histogram-levels">{levels}</ul>
            </div>
            <div inner_html=picture></div>
        </section>
    }
    .into_any()
}

/// The lines, or what the query counts, or why there is nothing.
#[component]
pub fn Lines(request: PageRequest, ask: LogsAsk) -> impl IntoView {
    let shown = Suspend::new(async move {
        let range = request.range.range;
        let end_ns = ask.before_ns.map_or(range.end_ns(), |before| before.min(range.end_ns()));
        let step_ms = request.range.step_ms(POINTS, 1_000);
        let logs = &request.backends.logs;
        let asked =
            logs.query_range(&ask.query, range.start_ns(), end_ns, step_ms, ask.limit, Direction::Backward);
        let (answered, names) = futures::join!(answer(asked), answer(logs.label_names(range)));
        match answered {
            Err(error) => view! { <QueryProblem title="Lines" query=ask.query error/> }.into_any(),
            Ok(LogAnswer::Metric(metric)) => {
                let steps = Steps { start_ms: range.start_ms, end_ms: range.end_ms, step_ms };
                let mut data = chart_series::lines(&metric.value, steps, "", Unit::Number);
                data.marks = query::marks(&request.backends, range.start_ms, range.end_ms).await;
                view! {
                    <Card title="Result">
                        <TimeChart key="logs" title="Result of the query" data refresh=None/>
                    </Card>
                }
                .into_any()
            }
            Ok(LogAnswer::Streams { streams, stats }) => {
                view! { <LinesCard request ask streams stats names/> }.into_any()
            }
        }
    });
    view! { <Suspense>{shown}</Suspense> }
}

#[component]
fn LinesCard(
    request: PageRequest,
    ask: LogsAsk,
    streams: Vec<LogStream>,
    stats: QueryStats,
    names: Result<Vec<String>, SourceError>,
) -> impl IntoView {
    let tail = ask.is_live.then(|| {
        let query = ask.query.clone();
        view! {
            <Card title="Live" class="flush">
                <noscript><Notice tone=Tone::Warn>"The live tail needs JavaScript."</Notice></noscript>
                <LiveTail query/>
            </Card>
        }
    });
    let Page { rows, older_before_ns, is_crowded } = Page::cut(newest_first(streams), ask.limit);
    let found = rows.len() as u64;
    let cost = format!(
        "{} read, {}",
        format::bytes(stats.bytes as f64),
        format::duration_ns(i64::try_from(stats.duration_us).unwrap_or(i64::MAX).saturating_mul(1000))
    );
    let crowd = is_crowded.then(|| {
        view! {
            <Notice tone=Tone::Warn>
                "All of these lines have the same time and more may have it: raise the limit to see them all."
            </Notice>
        }
    });
    let to = |before: &str| {
        request.link("/logs", &[("q", ask.written()), ("limit", &ask.limit_text()), ("before", before)])
    };
    let newest = ask.before_ns.map(|_| view! { <a class="button" href=to("")>"Newest lines"</a> });
    let older = older_before_ns
        .map(|before| view! { <a class="button" href=to(&before.to_string())>"Older lines"</a> });
    let arrived_any = names.as_ref().is_ok_and(|n| !n.is_empty());
    let body = if rows.is_empty() {
        nothing(&request, arrived_any, ask.before_ns.is_some()).into_any()
    } else {
        let stream_labels: Arc<HashSet<String>> =
            Arc::new(names.unwrap_or_else(|_| usual_labels()).into_iter().collect());
        view! { <LogRows rows stream_labels filters=true/> }.into_any()
    };
    view! {
        {tail}
        <Card
            title=if ask.is_live { "Earlier lines" } else { "Lines" }
            note=format!("{} shown, newest first · {cost}", count(found))
            class="flush"
        >
            {crowd}
            {body}
            <div class="paging">{newest}{older}</div>
        </Card>
    }
}

/// What both ways into the log store give every stream.
fn usual_labels() -> Vec<String> {
    ["service_name", "service_instance_id", "level"].map(ToOwned::to_owned).to_vec()
}

fn nothing(request: &PageRequest, arrived_any: bool, is_paged: bool) -> impl IntoView + use<> {
    let day = query::address("/logs", &[("q", request.param("q").unwrap_or_default()), ("from", "now-24h")]);
    let (title, text) = match (arrived_any, is_paged) {
        (_, true) => ("No older lines", "The time range begins here."),
        (true, _) => {
            ("No line matches", "Lines arrived in this time range, but none that the query selects.")
        }
        (false, _) => {
            ("No lines arrived", "Nothing was logged in this time range, or nothing reached the console.")
        }
    };
    view! {
        <Empty title>
            <p>{text}</p>
            {(!is_paged).then(|| view! { <a class="button" href=day>"Search the last 24 hours"</a> })}
        </Empty>
    }
}

/// One page of lines, cut so that the next page begins where this one ends.
struct Page {
    rows: Vec<LogRow>,
    /// The next page's exclusive end.
    older_before_ns: Option<i64>,
    /// More lines than the limit have one and the same time: some cannot be reached by paging.
    is_crowded: bool,
}

impl Page {
    /// `rows` newest first. A full page may have cut through lines of one time: those go to the next page.
    fn cut(mut rows: Vec<LogRow>, limit: usize) -> Self {
        let Some(oldest) = rows.last().map(|r| r.t_ns).filter(|_| rows.len() >= limit) else {
            return Self { rows, older_before_ns: None, is_crowded: false };
        };
        if rows[0].t_ns == oldest {
            return Self { rows, older_before_ns: Some(oldest), is_crowded: limit > 1 };
        }
        rows.retain(|r| r.t_ns > oldest);
        Self { rows, older_before_ns: Some(oldest + 1), is_crowded: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use console_model::{Labels, log::LogEntry};

    fn rows(times: &[i64]) -> Vec<LogRow> {
        let entry = |t_ns: &i64| LogEntry { t_ns: *t_ns, line: "x".into(), metadata: Vec::new() };
        let entries = times.iter().map(entry).collect();
        newest_first(vec![LogStream { labels: Labels::default(), entries }])
    }

    #[test]
    fn pages_meet_without_losing_lines_of_one_time() {
        let page = Page::cut(rows(&[1, 2, 2, 3]), 4);
        assert_eq!((page.rows.len(), page.older_before_ns, page.is_crowded), (3, Some(2), false));
        let page = Page::cut(rows(&[2, 2, 3]), 3);
        assert_eq!((page.rows.len(), page.older_before_ns), (1, Some(3)));
    }

    #[test]
    fn a_page_that_is_not_full_is_the_last() {
        let page = Page::cut(rows(&[1, 2]), 4);
        assert_eq!((page.rows.len(), page.older_before_ns), (2, None));
    }

    #[test]
    fn too_many_lines_of_one_time_are_told() {
        let page = Page::cut(rows(&[7, 7]), 2);
        assert_eq!((page.rows.len(), page.older_before_ns, page.is_crowded), (2, Some(7), true));
    }
}
