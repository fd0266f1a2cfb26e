//! Search for traces: TraceQL, or a few fields that write it.

use console_model::span::TraceSummary;
use console_storage::traces::AttributeScope;
use console_ui::{Badge, Card, Empty, Glyph, Icon, Notice, TableScroll, Tone};
use leptos::prelude::*;

use super::facets::{ALL_TRACES, Facets};
use crate::{
    layout::Page,
    pages::query::{self, QueryProblem, RangeFields, answer},
    request::PageRequest,
    view::format::{self, count},
};

const LIMITS: [usize; 4] = [20, 50, 100, 300];
const DEFAULT_LIMIT: usize = 50;
const MAX_SERVICES: usize = 200;
/// Services named in a row.
const CHIPS: usize = 6;

/// What the page was asked for.
#[derive(Clone)]
struct Ask {
    query: String,
    /// The reader wrote the query; the fields did not.
    is_own: bool,
    facets: Facets,
    limit: usize,
    slowest_first: bool,
}

impl Ask {
    fn of(request: &PageRequest) -> Self {
        let facets = Facets::of(request);
        let own = request.param("q");
        let limit = request.param("limit").and_then(|l| l.parse().ok()).filter(|l| LIMITS.contains(l));
        Self {
            query: own.map_or_else(|| facets.traceql(), ToOwned::to_owned),
            is_own: own.is_some(),
            facets: if own.is_some() { Facets::default() } else { facets },
            limit: limit.unwrap_or(DEFAULT_LIMIT),
            slowest_first: request.param("sort") == Some("slowest"),
        }
    }

    fn wants_all(&self) -> bool {
        self.query.chars().filter(|c| !c.is_whitespace()).eq(ALL_TRACES.chars())
    }
}

#[component]
pub fn TracesPage() -> impl IntoView {
    let request = PageRequest::current();
    let ask = Ask::of(&request);
    let problem = ask.facets.problem().map(|text| view! { <Notice tone=Tone::Warn>{text}</Notice> });
    view! {
        <Page title="Traces" active="traces" request=request.clone()>
            <div class="stack">
                <QueryForm request=request.clone() ask=ask.clone()/>
                <FacetForm request=request.clone() ask=ask.clone()/>
                {problem}
                <Results request ask/>
            </div>
        </Page>
    }
}

#[component]
fn QueryForm(request: PageRequest, ask: Ask) -> impl IntoView {
    let limits = LIMITS
        .iter()
        .map(|n| view! { <option value=n.to_string() selected={*n == ask.limit}>{format!("{n} traces")}</option> })
        .collect_view();
    view! {
        <form class="query-form" method="get" action="/traces">
            <label class="field query-field">
                <span>"TraceQL"</span>
                <textarea class="input mono" name="q" rows="1" spellcheck="false" autocomplete="off" data-search>
                    {ask.query.clone()}
                </textarea>
            </label>
            <RangeFields request/>
            {ask.slowest_first.then(|| view! { <input type="hidden" name="sort" value="slowest"/> })}
            <div class="query-actions">
                <label class="field">
                    <span class="sr-only">"At most"</span>
                    <select class="input" name="limit">{limits}</select>
                </label>
                <button class="button primary" type="submit"><Icon glyph=Glyph::Search/>"Search"</button>
            </div>
        </form>
    }
}

#[component]
fn FacetForm(request: PageRequest, ask: Ask) -> impl IntoView {
    let (traces, range) = (request.backends.traces.clone(), request.range.range);
    let services = Suspend::new(async move {
        let asked = traces.tag_values(Some(AttributeScope::Resource), "service.name", range, MAX_SERVICES);
        // Without the list the field still takes any name.
        let known = answer(asked).await.unwrap_or_default();
        known.into_iter().map(|name| view! { <option value=name></option> }).collect_view()
    });
    let Facets { service, errors_only, min_duration } = ask.facets;
    view! {
        <form class="toolbar facets" method="get" action="/traces" aria-label="Simple search">
            <label class="field">
                <span>"Service"</span>
                <input
                    class="input"
                    name="service"
                    list="trace-services"
                    autocomplete="off"
                    placeholder="any"
                    value=service.unwrap_or_default()
                />
            </label>
            <datalist id="trace-services"><Suspense>{services}</Suspense></datalist>
            <label class="field">
                <span>"At least"</span>
                <input
                    class="input short"
                    name="min"
                    autocomplete="off"
                    placeholder="250ms"
                    value=min_duration.unwrap_or_default()
                />
            </label>
            <label class="check"><input type="checkbox" name="errors" value="1" checked=errors_only/>" Errors only"</label>
            <RangeFields request/>
            <button class="button" type="submit"><Icon glyph=Glyph::Filter/>"Filter"</button>
        </form>
    }
}

#[component]
fn Results(request: PageRequest, ask: Ask) -> impl IntoView {
    let found = Suspend::new(async move {
        let asked = request.backends.traces.search(&ask.query, request.range.range, ask.limit);
        match answer(asked).await {
            Err(error) => view! { <QueryProblem title="Traces" query=ask.query error/> }.into_any(),
            Ok(found) if found.is_empty() => nothing(&request, &ask).await.into_any(),
            Ok(found) => view! { <ResultTable request ask found/> }.into_any(),
        }
    });
    view! { <Suspense>{found}</Suspense> }
}

/// Nothing matched, or nothing is there: two different pieces of news.
async fn nothing(request: &PageRequest, ask: &Ask) -> impl IntoView + use<> {
    let any = if ask.wants_all() {
        Ok(Vec::new())
    } else {
        answer(request.backends.traces.search(ALL_TRACES, request.range.range, 1)).await
    };
    let (title, text) = match any {
        Ok(any) if any.is_empty() => {
            ("No traces arrived", "No span was received in this time range, or none reached the console.")
        }
        Ok(_) => ("No trace matches", "Traces arrived in this time range, but none that the query selects."),
        Err(_) => ("No trace matches", "The query selects no trace of this time range."),
    };
    let own = if ask.is_own { ask.query.as_str() } else { "" };
    let errors = if ask.facets.errors_only { "1" } else { "" };
    let facets = &ask.facets;
    let day = query::address(
        "/traces",
        &[
            ("q", own),
            ("service", facets.service.as_deref().unwrap_or_default()),
            ("min", facets.min_duration.as_deref().unwrap_or_default()),
            ("errors", errors),
            ("from", "now-24h"),
        ],
    );
    let all = (!ask.wants_all())
        .then(|| view! { <a class="button" href=request.link("/traces", &[])>"All traces"</a> });
    view! {
        <Empty title>
            <p>{text}</p>
            <p class="row">{all}<a class="button" href=day>"Search the last 24 hours"</a></p>
        </Empty>
    }
}

#[component]
fn ResultTable(request: PageRequest, ask: Ask, mut found: Vec<TraceSummary>) -> impl IntoView {
    if ask.slowest_first {
        found.sort_by_key(|t| std::cmp::Reverse(t.duration_ns));
    }
    let longest_ns = found.iter().map(|t| t.duration_ns).max().unwrap_or(1).max(1);
    let is_cut = found.len() >= ask.limit;
    let note = if is_cut {
        format!("the newest {}, there may be more", found.len())
    } else {
        count(found.len() as u64)
    };
    let shows_matches = !ask.wants_all();
    let order = |words: &'static str, sort: &'static str| {
        let is_current = (sort == "slowest") == ask.slowest_first;
        let pairs: Vec<(&str, &str)> = request
            .query
            .iter()
            .filter(|(n, _)| !matches!(n.as_str(), "sort" | "from" | "to"))
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        let href = request.link("/traces", &[&pairs[..], &[("sort", sort)]].concat());
        view! { <a class="button small" href=href aria-current=is_current.then_some("true")>{words}</a> }
    };
    let actions =
        view! { <span class="row">{order("Newest", "")}{order("Slowest", "slowest")}</span> }.into_any();
    let now_ms = request.now_ms;
    let rows = found.into_iter().map(|t| row(t, longest_ns, now_ms, shows_matches)).collect_view();
    view! {
        <Card title="Traces" note class="flush" actions>
            <TableScroll label="Found traces">
                <table class="table traces">
                    <thead>
                        <tr>
                            <th>"Root"</th>
                            <th>"Started"</th>
                            <th>"Duration"</th>
                            <th class="num">"Spans"</th>
                            <th class="num">"Errors"</th>
                            <th>"Services"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </TableScroll>
        </Card>
    }
}

fn row(t: TraceSummary, longest_ns: i64, now_ms: i64, shows_matches: bool) -> impl IntoView {
    let share = (t.duration_ns.max(0) as f64 / longest_ns as f64 * 100.0).clamp(0.5, 100.0);
    let root = if t.root_name.is_empty() {
        view! { <span class="muted">"root span not here yet"</span> }.into_any()
    } else {
        view! { <span class="trace-service">{t.root_service.clone()}</span>" "<span class="trace-name">{t.root_name.clone()}</span> }
            .into_any()
    };
    let matched = (shows_matches && t.matched_count > 0).then(|| {
        let words = if t.matched_count == 1 {
            "1 span matches".to_owned()
        } else {
            format!("{} spans match", t.matched_count)
        };
        view! { <span class="trace-matched muted">{words}</span> }
    });
    let errors = if t.error_count == 0 {
        view! { <span class="muted">"0"</span> }.into_any()
    } else {
        view! { <Badge tone=Tone::Bad>{t.error_count}</Badge> }.into_any()
    };
    let chip = |(name, n): &(String, u32)| view! { <span class="chip">{name.clone()}" "<span class="num">{*n}</span></span> };
    let more = t.services.len().saturating_sub(CHIPS);
    let more = (more > 0).then(|| view! { <span class="muted">{format!("and {more} more")}</span> });
    let t_ms = t.start_ns.div_euclid(1_000_000);
    view! {
        <tr>
            <td><a class="trace-link" href=format!("/traces/{}", t.trace_id)>{root}</a>{matched}</td>
            <td class="nowrap">
                <time datetime=format::rfc3339(t_ms) title=format!("{} UTC", format::time_utc(t_ms))>{format::ago(t_ms, now_ms)}</time>
            </td>
            <td class="trace-duration">
                <span class="num">{format::duration_ns(t.duration_ns)}</span>
                <span class="bar" style=format!("--w:{share:.1}%") aria-hidden="true"></span>
            </td>
            <td class="num">{t.span_count}</td>
            <td class="num">{errors}</td>
            <td><span class="chips">{t.services.iter().take(CHIPS).map(chip).collect_view()}{more}</span></td>
        </tr>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_traces_are_known_however_written() {
        let ask = |query: &str| Ask {
            query: query.to_owned(),
            is_own: true,
            facets: Facets::default(),
            limit: DEFAULT_LIMIT,
            slowest_first: false,
        };
        assert!(ask(" { } ").wants_all());
        assert!(!ask("{ status = error }").wants_all());
    }
}
