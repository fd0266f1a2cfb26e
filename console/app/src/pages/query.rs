//! Asking sources from a page: bounded in time, each answer by itself, refusals told where the answer would stand.

use std::time::Duration;

use console_model::metric::QueryAnswer;
use console_storage::SourceError;
use console_ui::{ErrorPanel, Glyph, Icon};
use leptos::prelude::*;

use crate::{
    backends::Backends,
    islands::TimeChart,
    range::MAX_LENGTH_MS,
    request::PageRequest,
    view::{
        caret::Caret,
        chart::{ChartData, Mark, Refresh, Unit},
        chart_series::{self, Steps},
        format,
    },
};

/// How long a page waits for one answer.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// Points of a line on a page, about; more cannot be seen.
pub const POINTS: i64 = 240;
/// Metrics are scraped every two seconds at most.
pub const MIN_STEP_MS: i64 = 2_000;
const MAX_EXPR_BYTES: usize = 10_000;
/// Commits looked at for marks.
const MARKED_COMMITS: usize = 50;

/// An answer, or the news that it took too long.
pub async fn answer<T>(asked: impl Future<Output = Result<T, SourceError>>) -> Result<T, SourceError> {
    tokio::time::timeout(PATIENCE, asked).await.unwrap_or(Err(SourceError::Timeout))
}

/// Floats of a PromQL expression over a range, bounded in time; native histograms are named as left out.
pub async fn floats(backends: &Backends, expr: &str, steps: Steps) -> Result<QueryAnswer, SourceError> {
    let asked = backends.metrics.query_range(expr, steps.start_ms, steps.end_ms, steps.step_ms);
    let mut answered = answer(asked).await?;
    let (value, left_out) = answered.value.floats();
    if left_out > 0 {
        answered.infos.push(format!(
            "{left_out} series of native histograms not drawn: ask for histogram_quantile(), histogram_count() or \
             histogram_avg() of them"
        ));
    }
    answered.value = value;
    Ok(answered)
}

/// Lines of a PromQL expression over the page's range, with the deploys of that time, and how a live chart goes on.
pub async fn chart(
    request: &PageRequest,
    expr: &str,
    by: &str,
    unit: Unit,
) -> Result<(ChartData, Option<Refresh>), SourceError> {
    let step_ms = request.range.step_ms(POINTS, MIN_STEP_MS);
    let range = request.range.range;
    let data = load(&request.backends, expr, by, unit, Steps::aligned(range.start_ms, range.end_ms, step_ms))
        .await?;
    Ok((data, refresh(request, expr, by, unit)))
}

/// How a chart of the page's range goes on; none when the range stands still.
pub fn refresh(request: &PageRequest, expr: &str, by: &str, unit: Unit) -> Option<Refresh> {
    request.range.is_live().then(|| Refresh {
        expr: expr.to_owned(),
        by: by.to_owned(),
        unit,
        length_ms: request.range.range.length_ms(),
        step_ms: request.range.step_ms(POINTS, MIN_STEP_MS),
    })
}

/// The same chart, now.
pub async fn refreshed(backends: &Backends, refresh: &Refresh) -> Result<ChartData, SourceError> {
    let invalid = |message: &str| SourceError::Invalid { message: message.to_owned(), position: None };
    let Refresh { expr, by, unit, length_ms, step_ms } = refresh;
    if expr.len() > MAX_EXPR_BYTES || by.len() > MAX_EXPR_BYTES {
        return Err(invalid("the query is too long"));
    }
    if !(1..=MAX_LENGTH_MS).contains(length_ms) || *step_ms < MIN_STEP_MS || length_ms / step_ms > 4 * POINTS
    {
        return Err(invalid("length or step are out of bounds"));
    }
    let now_ms = (backends.clock)();
    load(backends, expr, by, *unit, Steps::aligned(now_ms - length_ms, now_ms, *step_ms)).await
}

async fn load(
    backends: &Backends,
    expr: &str,
    by: &str,
    unit: Unit,
    steps: Steps,
) -> Result<ChartData, SourceError> {
    let (answered, marks) =
        futures::join!(floats(backends, expr, steps), marks(backends, steps.start_ms, steps.end_ms));
    let mut data = chart_series::lines(&answered?.value, steps, by, unit);
    data.marks = marks;
    Ok(data)
}

/// Deploys of a time. A history that cannot be read costs a chart its marks, not its lines.
pub async fn marks(backends: &Backends, start_ms: i64, end_ms: i64) -> Vec<Mark> {
    let history = answer(backends.deploys.history(MARKED_COMMITS)).await.unwrap_or_default();
    let inside = history.into_iter().filter(|c| (start_ms..=end_ms).contains(&c.at_ms));
    inside
        .map(|c| Mark { t_ms: c.at_ms, label: format!("{} {}", c.services.join(", "), c.subject) })
        .collect()
}

/// A chart of a PromQL expression, or what stood in its way.
#[component]
pub fn QueryChart(
    request: PageRequest,
    #[prop(into)] key: String,
    #[prop(into)] title: String,
    #[prop(into)] expr: String,
    /// Labels that name a line, separated by commas.
    #[prop(into)]
    by: String,
    unit: Unit,
) -> impl IntoView {
    let drawn = Suspend::new(async move {
        match chart(&request, &expr, &by, unit).await {
            Ok((data, refresh)) => view! { <TimeChart key title data refresh/> }.into_any(),
            Err(error) => view! { <QueryProblem title query=expr error/> }.into_any(),
        }
    });
    view! { <Suspense>{drawn}</Suspense> }
}

/// Why a query has no answer. What is wrong with the query itself is pointed at.
#[component]
pub fn QueryProblem(
    /// What could not be shown.
    #[prop(into)]
    title: String,
    #[prop(into)] query: String,
    error: SourceError,
) -> impl IntoView {
    match error {
        SourceError::Invalid { message, position: Some(position) } => {
            let Caret { line, column, before, after } = Caret::place(&query, position);
            view! {
                <div class="error-panel" role="alert">
                    <Icon glyph=Glyph::Warning/>
                    <div class="query-problem">
                        <p class="error-title">{format!("{title}: the query is wrong at line {line}, column {column}")}</p>
                        <p class="error-message">{message}</p>
                        <pre class="caret">
                            {before.clone()}{after}"\n"
                            <span class="caret-space" aria-hidden="true">{before}</span>
                            <span class="caret-mark" aria-hidden="true">"^"</span>
                        </pre>
                    </div>
                </div>
            }
            .into_any()
        }
        SourceError::Timeout => {
            let message = format!("No answer within {}. A shorter time range may help.", patience());
            view! { <ErrorPanel title message/> }.into_any()
        }
        other => view! { <ErrorPanel title message=other.to_string()/> }.into_any(),
    }
}

fn patience() -> String {
    format::seconds(PATIENCE.as_secs_f64())
}

/// An address whose time range is among `pairs`, not the page's own. Empty values are left out.
pub fn address(path: &str, pairs: &[(&str, &str)]) -> String {
    let mut out = url::form_urlencoded::Serializer::new(String::new());
    out.extend_pairs(pairs.iter().filter(|(_, v)| !v.is_empty()));
    let query = out.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// Hidden fields that keep the page's time range in a form.
#[component]
pub fn RangeFields(request: PageRequest) -> impl IntoView {
    let field =
        |(name, value): (&'static str, String)| view! { <input type="hidden" name=name value=value/> };
    request.range.pairs().into_iter().map(field).collect_view()
}
