//! One alert: what broke, since when, which change most likely did it, what it costs, and what to do next.

mod condition;
mod cost;
mod evidence;
mod measured;
mod suspects;

use console_model::{
    Labels,
    alert::{Alert, AlertState, Notification},
    runbook::Runbook,
    span::Trace,
};
use console_storage::SourceError;
use console_ui::{Badge, ButtonLink, Card, Empty, ErrorPanel, Glyph, Icon, Notice, Tone};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use self::{
    condition::{Condition, words},
    cost::{Cost, CostCard},
    evidence::EvidenceCard,
    suspects::Suspect,
};
use super::{
    alerts::{Notifications, lasted},
    moment::Moment,
    muted::{MutedBadge, Reason, reason},
    query::answer,
    runbook::{RunbookBody, filled},
    sample::{self, instant},
    severity::{StateBadge, severity_tone},
};
use crate::{
    islands::TimeChart,
    layout::Page,
    request::PageRequest,
    view::{chart::ChartData, format},
};

pub use self::evidence::logs_around;

/// What is shown before the onset and after the end.
const AROUND_MS: i64 = 10 * 60_000;
const COMMITS_ASKED: usize = 100;
const MESSAGES_ASKED: usize = 100;
const MESSAGES_SHOWN: usize = 5;

/// The alert's story: from before its onset to after its end, not beyond now.
pub(super) fn window(alert: &Alert, now_ms: i64) -> (i64, i64) {
    let end = match alert.resolved_at_ms {
        Some(at) => at + AROUND_MS,
        None if now_ms == i64::MAX => alert.active_at_ms + AROUND_MS,
        None => now_ms,
    };
    let start = alert.active_at_ms - AROUND_MS;
    (start, end.min(now_ms).max(start + 1))
}

/// The value in the unit that the rule's expression implies; a dash where nothing is measured here.
pub fn value_words(alert: &Alert) -> String {
    // Without its rule, an alert of Alertmanager has an expression and no value.
    if alert.is_external() || alert.value.is_nan() {
        return "–".to_owned();
    }
    words(Condition::of(&alert.expr).unit, alert.value)
}

#[component]
pub fn AlertPage() -> impl IntoView {
    let request = PageRequest::current();
    let fingerprint = use_params_map().read_untracked().get("fingerprint").unwrap_or_default();
    let content = Suspend::new(async move {
        match answer(request.backends.alerts.alert(&fingerprint)).await {
            Ok(Some(alert)) => {
                let silencing = answer(request.backends.alerts.silencing()).await.unwrap_or_default();
                let muted = reason(silencing.as_ref(), &alert.fingerprint, request.now_ms);
                let story = ask(&request, &alert).await;
                view! { <Story alert muted story request/> }.into_any()
            }
            Ok(None) => {
                PageRequest::set_status(http::StatusCode::NOT_FOUND);
                view! { <Unknown fingerprint request/> }.into_any()
            }
            Err(error) => {
                PageRequest::set_status(http::StatusCode::BAD_GATEWAY);
                view! {
                    <Page title="Alert" active="alerts" parent=("Alerts", "/alerts") request>
                        <ErrorPanel title="The alert cannot be read" message=error.to_string()/>
                    </Page>
                }
                .into_any()
            }
        }
    });
    view! { <Suspense>{content}</Suspense> }
}

#[component]
fn Unknown(fingerprint: String, request: PageRequest) -> impl IntoView {
    let shown: String = fingerprint.chars().take(64).collect();
    view! {
        <Page title="No such alert" active="alerts" parent=("Alerts", "/alerts") request>
            <section class="card lone">
                <Empty title="This alert is not known any more">
                    <p>
                        "No pending, firing or lately resolved alert has the fingerprint " <code>{shown}</code>
                        ". It may have resolved a while ago, its rule or labels may have changed, or the link is cut off."
                    </p>
                    <p class="row center">
                        <ButtonLink href="/alerts" primary=true>"Alerts now"</ButtonLink>
                        <ButtonLink href="/alerts#messages">"Messages sent"</ButtonLink>
                    </p>
                </Empty>
            </section>
        </Page>
    }
}

/// Everything around the alert, each answer by itself.
struct Story {
    /// None: no rule of ours measures anything.
    chart: Option<Result<ChartData, SourceError>>,
    cost: Cost,
    trace: Option<Result<Option<Trace>, SourceError>>,
    suspects: Result<Vec<Suspect>, SourceError>,
    faults: Vec<(String, String)>,
    runbook: Option<Result<Option<(Runbook, String)>, SourceError>>,
    messages: Result<Vec<Notification>, SourceError>,
}

async fn ask(request: &PageRequest, alert: &Alert) -> Story {
    let b = &request.backends;
    // A fault that was on around the onset shows in one of the scrapes around it.
    let faults_at = (alert.active_at_ms + 30_000).min(request.now_ms);
    let trace = async {
        match alert.evidence.trace_id {
            Some(id) => Some(answer(b.traces.trace(id)).await),
            None => None,
        }
    };
    let runbook = async {
        let slug = alert.runbook.as_deref()?;
        let found = match answer(b.runbooks.get(&full_slug(slug))).await {
            Ok(Some(found)) => found,
            Ok(None) => return Some(Ok(None)),
            Err(error) => return Some(Err(error)),
        };
        let html = filled(request, &found, &with_service(alert)).await;
        Some(Ok(Some((found, html))))
    };
    let chart =
        async { if alert.is_external() { None } else { Some(measured::measured(request, alert).await) } };
    let (chart, cost, trace, history, faults, runbook, messages) = futures::join!(
        chart,
        cost::cost(b, alert, request.now_ms),
        trace,
        answer(b.deploys.history(COMMITS_ASKED)),
        instant(b, "max by (job, fault) (max_over_time(shop_fault_active[2m])) > 0", faults_at),
        runbook,
        answer(b.alerts.notifications(MESSAGES_ASKED)),
    );
    let suspects = history.map(|h| suspects::suspects(&h, alert.service(), alert.active_at_ms));
    let faults = faults.as_ref().map(sample::values).unwrap_or_default();
    let faults = faults
        .iter()
        .filter_map(|(l, _)| Some((l.get("job")?.to_owned(), l.get("fault")?.to_owned())))
        .collect();
    let messages =
        messages.map(|all| all.into_iter().filter(|n| speaks_of(n, alert)).take(MESSAGES_SHOWN).collect());
    Story { chart, cost, trace, suspects, faults, runbook, messages }
}

/// A bare alert's name is a page below `alerts/`.
fn full_slug(slug: &str) -> String {
    if slug.contains('/') { slug.to_owned() } else { format!("alerts/{slug}") }
}

/// The alert's labels; runbooks ask for `service` even where a rule only sets `job`.
fn with_service(alert: &Alert) -> Labels {
    match alert.service() {
        Some(service) if alert.labels.get("service").is_none() => alert.labels.with("service", service),
        _ => alert.labels.clone(),
    }
}

/// A message of the alert's group, sent since its onset.
fn speaks_of(notification: &Notification, alert: &Alert) -> bool {
    if notification.payload.contains(&alert.fingerprint) {
        return true;
    }
    let is_group = !notification.group.is_empty()
        && notification.group.iter().all(|l| alert.labels.get(&l.name) == Some(&*l.value));
    is_group && notification.at_ms >= alert.active_at_ms
}

#[component]
fn Story(alert: Alert, muted: Option<Reason>, story: Story, request: PageRequest) -> impl IntoView {
    let Story { chart, cost, trace, suspects, faults, runbook, messages } = story;
    let now_ms = request.now_ms;
    let costs_money = alert.severity() != "none";
    view! {
        <Page title=alert.name.clone() active="alerts" parent=("Alerts", "/alerts") request=request.clone()>
            <div data-live="alert-head" id="alert-head"><Head alert=alert.clone() muted now_ms/></div>
            <div class="alert-columns">
                <div class="stack">
                    {chart.map(|chart| view! { <ChartCard alert=alert.clone() chart request=request.clone()/> })}
                    <EvidenceCard alert=alert.clone() trace request=request.clone()/>
                    <SuspectsCard suspects faults alert=alert.clone()/>
                    {costs_money.then(|| view! { <div data-live="cost" id="cost"><CostCard cost/></div> })}
                    <Messages messages now_ms/>
                    <LabelsCard alert=alert.clone()/>
                </div>
                <div class="stack"><RunbookCard runbook alert/></div>
            </div>
        </Page>
    }
}

#[component]
fn Head(alert: Alert, muted: Option<Reason>, now_ms: i64) -> impl IntoView {
    let condition = Condition::of(&alert.expr);
    let summary = alert.annotations.get("summary").unwrap_or(&alert.name).to_owned();
    let description = alert.annotations.get("description").map(str::to_owned);
    let is_over = alert.state == AlertState::Resolved;
    let ended =
        alert.resolved_at_ms.map(|t| view! { <div><dt>"Ended"</dt><dd><Moment t_ms=t now_ms/></dd></div> });
    let fired =
        alert.fired_at_ms.map(|t| view! { <div><dt>"Fired"</dt><dd><Moment t_ms=t now_ms/></dd></div> });
    let severity = alert.severity().to_owned();
    let tone = if is_over { Tone::Neutral } else { severity_tone(&severity) };
    let limit = condition.limit_words().map(|l| view! { <span class="muted">{format!(" limit {l}")}</span> });
    let why_muted = muted.iter().flat_map(|r| r.full.clone()).map(|why| view! { <p class="muted">{why}</p> });
    let why_muted = why_muted.collect_view();
    view! {
        <header class="alert-head">
            <p class="row">
                <StateBadge alert=alert.clone()/>
                <MutedBadge reason=muted/>
                <Badge tone>{severity}</Badge>
                <span class="muted">{alert.service().unwrap_or_default().to_owned()}</span>
            </p>
            <p class="alert-summary">{summary}</p>
            {why_muted}
            {description.map(|d| view! { <p class="alert-description muted">{d}</p> })}
            <dl class="headline-facts">
                <div><dt>"Since"</dt><dd><Moment t_ms=alert.active_at_ms now_ms/></dd></div>
                {fired}
                {ended}
                <div>
                    <dt>{if is_over { "Lasted" } else { "Lasts for" }}</dt>
                    <dd>{lasted(&alert, now_ms)}</dd>
                </div>
                <div>
                    <dt>{if is_over { "Last value" } else { "Value" }}</dt>
                    <dd><b>{value_words(&alert)}</b>{limit}</dd>
                </div>
            </dl>
        </header>
    }
}

#[component]
fn ChartCard(alert: Alert, chart: Result<ChartData, SourceError>, request: PageRequest) -> impl IntoView {
    let measured = Condition::of(&alert.expr).measured;
    let explore = request.link("/metrics-explorer", &[("q", &measured)]);
    let actions = view! { <a href=explore>"Open in Metrics"</a> }.into_any();
    let note = chart.as_ref().map(measured::span_words).unwrap_or_default();
    let expr = alert.expr.trim().to_owned();
    let held = (alert.for_ms > 0)
        .then(|| format!("Fires when it holds for {}.", format::duration_ns(alert.for_ms * 1_000_000)));
    let title = format!("Value of {}", alert.name);
    let picture = match chart {
        Ok(data) => view! { <TimeChart key="alert" title data refresh=None/> }.into_any(),
        Err(error) => {
            view! { <ErrorPanel title="The value cannot be drawn" message=error.to_string()/> }.into_any()
        }
    };
    view! {
        <Card title="What is measured" note id="measured" actions>
            {picture}
            <details class="fold">
                <summary>"The rule's expression"</summary>
                <pre class="code-block wrap">{expr}</pre>
                {held.map(|h| view! { <p class="muted small">{h}</p> })}
            </details>
        </Card>
    }
}

#[component]
fn SuspectsCard(
    suspects: Result<Vec<Suspect>, SourceError>,
    faults: Vec<(String, String)>,
    alert: Alert,
) -> impl IntoView {
    let service = alert.service().unwrap_or("the service").to_owned();
    let drill = (!faults.is_empty()).then(|| {
        let rows = faults
            .into_iter()
            .map(|(job, fault)| view! { <li><b>{fault}</b><span class="muted">{format!(" in {job}")}</span></li> })
            .collect_view();
        view! {
            <div class="card-hint">
                <Notice tone=Tone::Warn>
                    <p>"An injected fault was on around the onset:"</p>
                    <ul>{rows}</ul>
                </Notice>
            </div>
        }
    });
    let body = match suspects {
        Err(error) => {
            view! { <ErrorPanel title="The deploy history cannot be read" message=error.to_string()/> }
                .into_any()
        }
        Ok(found) if found.is_empty() => {
            view! { <p class="card-text muted">"Nothing was deployed in the 24 hours before the onset."</p> }
                .into_any()
        }
        Ok(found) => {
            let row = |s: Suspect| {
                let short: String = s.commit.sha.chars().take(8).collect();
                let before = format::duration_ns(
                    s.before_ms.saturating_mul(1_000_000) / 1_000_000_000 * 1_000_000_000,
                );
                let touched = if s.touches_service {
                    view! { <Badge tone=Tone::Warn>{format!("touches {service}")}</Badge> }.into_any()
                } else if s.commit.services.is_empty() {
                    view! { <span class="muted">"no service"</span> }.into_any()
                } else {
                    view! { <span class="muted">{s.commit.services.join(", ")}</span> }.into_any()
                };
                view! {
                    <li class="suspect">
                        <span class="suspect-before"><Icon glyph=Glyph::Commit/><span class="nowrap">{before}" before"</span></span>
                        <span class="suspect-what">
                            <a href=format!("/deploys/{}", s.commit.sha)>
                                <span class="mono">{short}</span>" "{s.commit.subject}
                            </a>
                            <span class="row small">{touched}<span class="muted">{s.commit.author}</span></span>
                        </span>
                    </li>
                }
            };
            view! { <ul class="list">{found.into_iter().map(row).collect_view()}</ul> }.into_any()
        }
    };
    view! {
        <Card title="Suspects" note="changes before the onset, likeliest first" id="suspects" class="flush">
            {drill}
            {body}
        </Card>
    }
}

#[component]
fn Messages(messages: Result<Vec<Notification>, SourceError>, now_ms: i64) -> impl IntoView {
    let body = match messages {
        Err(SourceError::Unsupported(why)) => view! { <p class="card-text muted">{why}"."</p> }.into_any(),
        Err(error) => {
            view! { <ErrorPanel title="Messages cannot be read" message=error.to_string()/> }.into_any()
        }
        Ok(all) if all.is_empty() => {
            view! { <p class="card-text muted">"Nobody has been told about this alert yet."</p> }.into_any()
        }
        Ok(notifications) => view! { <Notifications notifications now_ms/> }.into_any(),
    };
    view! {
        <Card title="Who was told" id="told" class="flush"><div data-live="told">{body}</div></Card>
    }
}

#[component]
fn LabelsCard(alert: Alert) -> impl IntoView {
    let chips = |labels: &Labels| {
        labels
            .iter()
            .map(|l| view! { <span class="chip">{l.name.to_string()}"="<b>{l.value.to_string()}</b></span> })
            .collect_view()
    };
    view! {
        <Card title="Labels" note=format!("fingerprint {}", alert.fingerprint)>
            <div class="chips">{chips(&alert.labels)}</div>
        </Card>
    }
}

#[component]
fn RunbookCard(
    runbook: Option<Result<Option<(Runbook, String)>, SourceError>>,
    alert: Alert,
) -> impl IntoView {
    let slug = alert.runbook.as_deref().map(full_slug);
    let actions = slug.as_ref().map(|slug| {
        let href = super::runbook::address(slug, alert.service().unwrap_or_default());
        view! { <a href=href>"Open alone"</a> }.into_any()
    });
    let body = match runbook {
        Some(Ok(Some((_, html)))) => view! { <RunbookBody html/> }.into_any(),
        Some(Ok(None)) => {
            let text =
                format!("The rule names {}, which is not in the knowledge base.", slug.unwrap_or_default());
            view! { <Empty title="The runbook is missing"><p>{text}</p></Empty> }.into_any()
        }
        Some(Err(error)) => {
            view! { <ErrorPanel title="The runbook cannot be read" message=error.to_string()/> }.into_any()
        }
        None => view! { <Empty title="No runbook"><p>"None is named for this alert."</p></Empty> }.into_any(),
    };
    let actions = actions.unwrap_or_else(|| ().into_any());
    view! { <Card title="Runbook" note="filled with this alert" id="runbook" class="runbook-card" actions>{body}</Card> }
}

#[cfg(test)]
mod tests {
    use console_model::alert::DeliveryOutcome;

    use super::*;
    use crate::pages::testing::alert;

    #[test]
    fn the_window_tells_the_story_and_ends_now() {
        let mut a = alert("A", AlertState::Firing);
        a.active_at_ms = 10_000_000;
        assert_eq!(window(&a, 10_100_000), (9_400_000, 10_100_000));
        a.resolved_at_ms = Some(10_050_000);
        assert_eq!(window(&a, 99_000_000), (9_400_000, 10_650_000));
        assert_eq!(window(&a, i64::MAX), (9_400_000, 10_650_000));
    }

    #[test]
    fn an_alert_whose_rule_is_not_known_has_a_dash_for_its_value() {
        let mut a = Alert { expr: "up == 0".into(), value: f64::NAN, ..alert("A", AlertState::Firing) };
        assert_eq!(value_words(&a), "–");
        a.value = f64::INFINITY;
        assert_eq!(value_words(&a), "+∞");
        a.value = 0.0;
        assert_eq!(value_words(&a), "0");
    }

    #[test]
    fn a_message_of_the_group_speaks_of_the_alert() {
        let a = alert("A", AlertState::Firing);
        let message = |group: &[(&str, &str)], at_ms: i64, payload: &str| Notification {
            id: 1,
            at_ms,
            receiver: "r".into(),
            integration: "slack".into(),
            status: "firing".into(),
            group: Labels::from_pairs(group.iter().copied()),
            title: "t".into(),
            payload: payload.into(),
            outcome: DeliveryOutcome::Delivered,
        };
        assert!(speaks_of(&message(&[("alertname", "A")], 1_000_000, ""), &a));
        assert!(!speaks_of(&message(&[("alertname", "A")], 999_999, ""), &a));
        assert!(!speaks_of(&message(&[("alertname", "B")], 1_000_000, ""), &a));
        assert!(speaks_of(&message(&[], 0, "x/alerts/0123456789abcdef"), &a));
    }

    #[test]
    fn runbooks_are_found_by_name_or_path() {
        assert_eq!(full_slug("ServiceDown"), "alerts/ServiceDown");
        assert_eq!(full_slug("guides/on-call"), "guides/on-call");
    }
}
