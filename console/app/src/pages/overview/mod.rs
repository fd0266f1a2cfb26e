//! Overview: is anything wrong, is anybody losing money, how are the services, what changed.

mod money;
mod services;
mod watch;

use console_model::{alert::Alert, deploy::DeployCommit, names::GoQuoted, silence::Silencing};
use console_storage::SourceError;
use console_ui::{Badge, Card, Dot, Empty, ErrorPanel, Glyph, Icon, Sparkline, TableScroll, Tone};
use leptos::prelude::*;

use self::{
    money::{MoneyLine, MoneySignals},
    services::{ServiceRow, Signals, Trend},
    watch::Watch,
};
use super::{
    moment::When,
    muted::{MutedBadge, Reason, reason},
    query::answer,
    sample::{self, instant, over},
    severity::severity_tone,
};
use crate::{
    layout::Page,
    request::PageRequest,
    view::{chart_series::Steps, format},
};

pub use self::services::running_versions;

/// Points of a sparkline, about.
const SPARK_POINTS: i64 = 60;
const SPARK_STEP_MS: i64 = 15_000;
const COMMITS_SHOWN: usize = 5;
/// Which versions run: every service reports its own.
pub const RUNNING_VERSIONS: &str = "count by (job, version) (shop_build_info)";

#[component]
pub fn OverviewPage() -> impl IntoView {
    let request = PageRequest::current();
    let asked = request.clone();
    let content = Suspend::new(async move {
        view! { <Content answers=ask(&asked).await request=asked/> }
    });
    view! {
        <Page title="Overview" active="overview" request>
            <Suspense>{content}</Suspense>
        </Page>
    }
}

/// Everything that the page shows, asked at once.
struct Answers {
    watch: Watch,
    silencing: Option<Silencing>,
    services: Vec<ServiceRow>,
    service_problems: Vec<String>,
    money: MoneySignals,
    deploys: Result<Vec<DeployCommit>, SourceError>,
}

async fn ask(request: &PageRequest) -> Answers {
    let (b, range) = (&request.backends, request.range.range);
    let step_ms = request.range.step_ms(SPARK_POINTS, SPARK_STEP_MS);
    let steps = Steps::aligned(range.start_ms, range.end_ms, step_ms);
    let at_ms = range.end_ms;
    let window = format!("{}s", (step_ms / 1000).max(60));
    let all = format!("sum by (job) (rate(http_server_request_duration_seconds_count[{window}]))");
    let failed = format!(
        r#"sum by (job) (rate(http_server_request_duration_seconds_count{{http_response_status_code=~"5.."}}[{window}]))"#
    );
    // A service that never failed has no series of failures: that is zero, not unknown.
    let errors = format!("({failed} or {all} * 0) / {all}");
    let p95 = format!(
        "histogram_quantile(0.95, sum by (job, le) (rate(http_server_request_duration_seconds_bucket[{window}])))"
    );
    let orders = format!("sum(rate(shop_orders_placed_total[{window}])) * 60");

    let state = async {
        futures::join!(
            answer(b.alerts.alerts()),
            answer(b.alerts.rules()),
            instant(b, "max(timestamp(up))", request.now_ms),
            answer(b.deploys.history(COMMITS_SHOWN)),
            answer(b.alerts.silencing()),
        )
    };
    let service = async {
        futures::join!(
            over(b, &all, steps),
            over(b, &errors, steps),
            over(b, &p95, steps),
            instant(b, "sum by (job) (up)", at_ms),
            instant(b, "count by (job) (up)", at_ms),
            instant(b, RUNNING_VERSIONS, at_ms),
        )
    };
    let money = async {
        futures::join!(
            instant(b, money::ORDERS_NOW, at_ms),
            instant(b, money::ORDERS_HOUR_BEFORE, at_ms),
            over(b, &orders, steps),
            instant(b, money::REVENUE_NOW, at_ms),
            instant(b, money::PAYMENTS_FAILED, at_ms),
            instant(b, money::PAYMENTS_ALL, at_ms),
        )
    };
    let ((alerts, rules, scraped_at, deploys, silencing), service, money) =
        futures::join!(state, service, money);

    let (rate, errors, p95, up, expected, versions) = service;
    let signals = Signals { rate, errors, p95, up, expected, versions };
    let known: &[Alert] = alerts.as_deref().unwrap_or_default();
    let services = services::rows(&signals, known, steps);
    let service_problems = sample::problems(&[
        &signals.rate,
        &signals.errors,
        &signals.p95,
        &signals.up,
        &signals.expected,
        &signals.versions,
    ]);
    let (orders_now, orders_before, orders_line, revenue, failed, payments) = money;
    let orders_line = orders_line
        .ok()
        .and_then(|a| {
            crate::view::chart_series::lines(&a.value, steps, "", Default::default()).lines.into_iter().next()
        })
        .map(|l| l.values)
        .unwrap_or_default();
    Answers {
        watch: Watch::of(alerts, rules, &scraped_at, request.now_ms),
        // Where it cannot be read, alerts of the same source cannot either, and say so.
        silencing: silencing.unwrap_or_default(),
        services,
        service_problems,
        money: MoneySignals { orders_now, orders_before, orders_line, revenue, failed, payments },
        deploys,
    }
}

#[component]
fn Content(answers: Answers, request: PageRequest) -> impl IntoView {
    let Answers { watch, silencing, services, service_problems, money, deploys } = answers;
    view! {
        <div data-live="watch" id="watch"><WatchPanel watch silencing request=request.clone()/></div>
        <div data-live="money" id="money"><MoneyLine money request=request.clone()/></div>
        <div data-live="services" id="services">
            <Services services problems=service_problems request=request.clone()/>
        </div>
        <div data-live="deploys" id="deploys"><LastDeploys deploys request/></div>
    }
}

#[component]
fn WatchPanel(watch: Watch, silencing: Option<Silencing>, request: PageRequest) -> impl IntoView {
    let now_ms = request.now_ms;
    let is_quiet = watch.firing.is_empty() && watch.blind.is_empty();
    let blind = (!watch.blind.is_empty()).then(|| {
        let title = if watch.firing.is_empty() {
            "Blind: nothing is known to fire, and nothing is known to be well"
        } else {
            "Partly blind: more may be wrong than what fires"
        };
        view! {
            <div class="watch blind" role="status">
                <Icon glyph=Glyph::Warning/>
                <div>
                    <p class="watch-title">{title}</p>
                    <ul>{watch.blind.iter().map(|reason| view! { <li>{reason.clone()}</li> }).collect_view()}</ul>
                </div>
            </div>
        }
    });
    let quiet = is_quiet.then(|| {
        let checked = watch.checked_at_ms.map(|t| view! { ", last evaluated " <When t_ms=t now_ms/> });
        view! {
            <div class="watch quiet" role="status">
                <Icon glyph=Glyph::Check/>
                <p>
                    <span class="watch-title">"No alert is firing"</span>
                    <span class="muted">{format!(" · {} rules", watch.rules)} {checked}</span>
                </p>
            </div>
        }
    });
    let firing = (!watch.firing.is_empty()).then(|| {
        let muted = |a: &Alert| reason(silencing.as_ref(), &a.fingerprint, now_ms);
        let count = if watch.firing.len() == 1 {
            "1 alert".to_owned()
        } else {
            format!("{} alerts", watch.firing.len())
        };
        let kept_back = watch.firing.iter().filter(|a| muted(a).is_some()).count();
        let note = if kept_back == 0 { count } else { format!("{count}, {kept_back} of which tell nobody") };
        let row = |a: &Alert| view! { <FiringRow alert=a.clone() muted=muted(a) request=request.clone()/> };
        let rows = watch.firing.iter().map(row).collect_view();
        let actions = view! { <a href=request.link("/alerts", &[])>"All alerts"</a> }.into_any();
        view! {
            <Card title="Firing now" note class="flush firing" actions>
                <ul class="list">{rows}</ul>
            </Card>
        }
    });
    view! { <div class="stack">{firing}{blind}{quiet}</div> }
}

#[component]
fn FiringRow(alert: Alert, muted: Option<Reason>, request: PageRequest) -> impl IntoView {
    let page = request.link(&format!("/alerts/{}", alert.fingerprint), &[]);
    let severity = alert.severity().to_owned();
    let tone = severity_tone(&severity);
    let summary = alert.annotations.get("summary").unwrap_or_default().to_owned();
    let trace = alert.evidence.trace_id.map(|id| view! { <a href=format!("/traces/{id}")>"Trace"</a> });
    let since = alert.fired_at_ms.unwrap_or(alert.active_at_ms);
    view! {
        <li class="firing-row">
            <Badge tone>{severity}</Badge>
            <div class="firing-what">
                <a class="strong" href=page>{alert.name.clone()}</a>
                <MutedBadge reason=muted/>
                <span class="muted">{summary}</span>
            </div>
            <span class="firing-side muted">
                {trace}
                <span>{alert.service().unwrap_or_default().to_owned()}</span>
                <When t_ms=since now_ms=request.now_ms/>
            </span>
        </li>
    }
}

#[component]
fn Services(services: Vec<ServiceRow>, problems: Vec<String>, request: PageRequest) -> impl IntoView {
    let count = services.len();
    let rows =
        services.into_iter().map(|row| view! { <ServiceLine row request=request.clone()/> }).collect_view();
    let body = if count == 0 && !problems.is_empty() {
        ().into_any()
    } else if count == 0 {
        view! {
            <Empty title="No service has reported">
                <p>
                    "Nothing was scraped in this time range. "
                    <a href="/about">"About"</a> " lists the targets and what went wrong with them."
                </p>
            </Empty>
        }
        .into_any()
    } else {
        view! {
            <TableScroll label="Services">
                <table class="table services">
                    <thead>
                        <tr>
                            <th scope="col">"Service"</th>
                            <th scope="col">"Instances"</th>
                            <th scope="col">"Requests"</th>
                            <th scope="col">"Errors, 5xx"</th>
                            <th scope="col">"Latency, p95"</th>
                            <th scope="col">"Version"</th>
                            <th scope="col"><span class="sr-only">"Go on to"</span></th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </TableScroll>
        }
        .into_any()
    };
    view! {
        <Card title="Services" note=format!("{count} jobs, {}", request.range.label().to_lowercase()) class="flush">
            {problems
                .into_iter()
                .map(|message| view! { <ErrorPanel title="Not everything can be measured" message/> })
                .collect_view()}
            {body}
        </Card>
    }
}

#[component]
fn ServiceLine(row: ServiceRow, request: PageRequest) -> impl IntoView {
    let (tone, word) = row.state();
    let is_well = matches!(tone, Tone::Ok);
    let name = row.name.clone();
    let logs = request.link("/logs", &[("q", &format!("{{service_name={}}}", GoQuoted(&name)))]);
    let traces =
        request.link("/traces", &[("q", &format!("{{ resource.service.name = {} }}", GoQuoted(&name)))]);
    let metrics = request.link(
        "/metrics-explorer",
        &[(
            "q",
            &format!(
                "sum by (http_route) (rate(http_server_request_duration_seconds_count{{job={}}}[1m]))",
                GoQuoted(&name)
            ),
        )],
    );
    let instances = match (row.up, row.expected) {
        (Some(up), Some(expected)) => format!("{up} of {expected} up"),
        (Some(up), None) => format!("{up} up"),
        _ => "no data".to_owned(),
    };
    let are_down = matches!((row.up, row.expected), (Some(up), Some(expected)) if up < expected);
    let versions = match row.versions.as_slice() {
        [] => view! { <span class="muted">"unknown"</span> }.into_any(),
        [(version, _)] => view! { <span class="mono">{version.clone()}</span> }.into_any(),
        several => {
            let words: Vec<String> = several.iter().map(|(v, n)| format!("{v} × {n}")).collect();
            view! { <span class="mono tone-warn" title="Instances run different versions">{words.join(", ")}</span> }
                .into_any()
        }
    };
    let class = match tone {
        Tone::Bad => "row-bad",
        Tone::Warn => "row-warn",
        _ => "",
    };
    let has_errors = row.has_errors();
    let of = |what: &str| format!("{what} of {name} over the time range");
    view! {
        <tr class=class data-service=row.name.clone()>
            <th scope="row">
                <span class="service-name"><Dot tone/>{row.name.clone()}</span>
                <span class=if is_well { "sr-only" } else { "service-state" }>{word}</span>
            </th>
            <td data-label="Instances" class=if are_down { "tone-bad" } else { "" }>{instances}</td>
            <td data-label="Requests">
                <TrendCell trend=row.rate value=format::per_second label=of("Requests a second") class="s1"/>
            </td>
            <td data-label="Errors">
                <TrendCell
                    trend=row.errors
                    value=format::percent
                    label=of("Share of failed requests")
                    class=if has_errors { "bad" } else { "quiet" }
                />
            </td>
            <td data-label="p95">
                <TrendCell trend=row.p95 value=format::seconds label=of("95th percentile of the latency") class="s5"/>
            </td>
            <td data-label="Version">{versions}</td>
            <td class="row-links">
                <a href=logs>"Logs"</a>
                <a href=traces>"Traces"</a>
                <a href=metrics>"Metrics"</a>
            </td>
        </tr>
    }
}

#[component]
fn TrendCell(trend: Trend, value: fn(f64) -> String, label: String, class: &'static str) -> impl IntoView {
    let words = match trend.now {
        Some(v) => view! { <span class=format!("trend-value {class}")>{value(v)}</span> }.into_any(),
        None => view! { <span class="trend-value muted">"no data"</span> }.into_any(),
    };
    view! { <div class="trend"><Sparkline values=trend.values label class/>{words}</div> }
}

#[component]
fn LastDeploys(deploys: Result<Vec<DeployCommit>, SourceError>, request: PageRequest) -> impl IntoView {
    let now_ms = request.now_ms;
    let body = match deploys {
        Err(error) => {
            view! { <ErrorPanel title="The deploy history cannot be read" message=error.to_string()/> }.into_any()
        }
        Ok(commits) if commits.is_empty() => {
            view! { <Empty title="Nothing has been deployed"><p>"No commit touches the GitOps folder yet."</p></Empty> }
                .into_any()
        }
        Ok(commits) => {
            let row = |c: DeployCommit| {
                let short: String = c.sha.chars().take(8).collect();
                let services = if c.services.is_empty() { "no service".to_owned() } else { c.services.join(", ") };
                view! {
                    <li class="deploy-row">
                        <a class="mono" href=format!("/deploys/{}", c.sha)>{short}</a>
                        <span class="clip" title=c.subject.clone()>{c.subject.clone()}</span>
                        <span class="deploy-side muted">
                            <span class="clip">{services}</span>
                            <span>{c.author}</span>
                            <When t_ms=c.at_ms now_ms/>
                        </span>
                    </li>
                }
            };
            view! { <ul class="list">{commits.into_iter().take(COMMITS_SHOWN).map(row).collect_view()}</ul> }
                .into_any()
        }
    };
    let actions = view! { <a href=request.link("/deploys", &[])>"All deploys"</a> }.into_any();
    view! { <Card title="Last deploys" class="flush" actions>{body}</Card> }
}
