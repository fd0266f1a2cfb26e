//! What a query gives: a chart, a table, and what is to be known of both.

use console_model::metric::{QueryAnswer, QueryStats};
use console_ui::{Card, Empty, Notice, Tone};
use leptos::prelude::*;

use super::{
    suggest::unit_of,
    table::{SeriesTable, summaries},
};
use crate::{
    islands::TimeChart,
    pages::query::{self, MIN_STEP_MS, POINTS, QueryProblem},
    request::PageRequest,
    view::{
        chart_series::{self, Steps},
        format::{self, count},
    },
};

#[component]
pub fn Result(request: PageRequest, query: String) -> impl IntoView {
    let shown = Suspend::new(async move {
        let range = request.range.range;
        let step_ms = request.range.step_ms(POINTS, MIN_STEP_MS);
        let steps = Steps::aligned(range.start_ms, range.end_ms, step_ms);
        let backends = &request.backends;
        let (answered, marks) = futures::join!(
            query::floats(backends, &query, steps),
            query::marks(backends, steps.start_ms, steps.end_ms)
        );
        let answered = match answered {
            Ok(answered) => answered,
            Err(error) => return view! { <QueryProblem title="Result" query error/> }.into_any(),
        };
        let notes = notes(&answered);
        let cost = cost(answered.stats, step_ms);
        let (summaries, left_out) = summaries(&answered.value);
        if summaries.is_empty() {
            return view! { {notes}<Nothing cost/> }.into_any();
        }
        let unit = unit_of(&query);
        let mut data = chart_series::lines(&answered.value, steps, "", unit);
        data.marks = marks;
        let chart = data.clone();
        let refresh = query::refresh(&request, &query, "", unit);
        let table_note = count((summaries.len() + left_out) as u64);
        view! {
            {notes}
            <Card title="Over time" note=cost>
                <TimeChart key="metrics" title=format!("Result of {query}") data=chart refresh/>
            </Card>
            <Card title="Series" note=table_note class="flush">
                <SeriesTable summaries left_out chart=data unit/>
            </Card>
        }
        .into_any()
    });
    view! { <Suspense>{shown}</Suspense> }
}

#[component]
fn Nothing(cost: String) -> impl IntoView {
    view! {
        <Empty title="No series">
            <p>"The query is right, but nothing in this time range matches it. A metric that was never scraped looks the same: check its name and labels."</p>
            <p class="muted">{cost}</p>
        </Empty>
    }
}

/// What the engine has to say beside its answer.
fn notes(answered: &QueryAnswer) -> impl IntoView + use<> {
    let note = |tone: Tone, text: &String| {
        let text = text.clone();
        view! { <Notice tone>{text}</Notice> }
    };
    let warnings = answered.warnings.iter().map(|w| note(Tone::Warn, w)).collect_view();
    let infos = answered.infos.iter().map(|i| note(Tone::Info, i)).collect_view();
    view! { {warnings}{infos} }
}

fn cost(stats: QueryStats, step_ms: i64) -> String {
    let took = i64::try_from(stats.duration_us).unwrap_or(i64::MAX).saturating_mul(1000);
    format!(
        "a point every {} · {} series, {} samples read in {}",
        format::duration_ns(step_ms.saturating_mul(1_000_000)),
        count(stats.series),
        count(stats.samples),
        format::duration_ns(took)
    )
}
