//! Alerts: what fires, what is about to, what has just ended; every rule; every message.

mod filter;
mod notifications;
mod rules;

use console_model::{
    alert::{Alert, AlertState, Notification, RuleStatus},
    silence::Silencing,
};
use console_storage::SourceError;
use console_ui::{Card, Empty, ErrorPanel, TableScroll};
use leptos::prelude::*;

use self::{filter::Filter, rules::Rules};
use super::{
    moment::When,
    muted::{MutedBadge, Reason, Silences, reason},
    query::answer,
    severity::StateBadge,
};
use crate::{layout::Page, request::PageRequest, view::format};

pub use self::notifications::Notifications;

const MESSAGES_SHOWN: usize = 20;
const SEVERITIES: [&str; 4] = ["critical", "warning", "info", "none"];

#[component]
pub fn AlertsPage() -> impl IntoView {
    let request = PageRequest::current();
    let asked = request.clone();
    let content = Suspend::new(async move {
        let (alerts, rules, notifications, silencing) = futures::join!(
            answer(asked.backends.alerts.alerts()),
            answer(asked.backends.alerts.rules()),
            answer(asked.backends.alerts.notifications(MESSAGES_SHOWN)),
            answer(asked.backends.alerts.silencing()),
        );
        // Where it cannot be read, alerts of the same source cannot either, and say so.
        let silencing = silencing.unwrap_or_default();
        view! { <Content alerts rules notifications silencing request=asked/> }
    });
    view! {
        <Page title="Alerts" active="alerts" request>
            <Suspense>{content}</Suspense>
        </Page>
    }
}

#[component]
fn Content(
    alerts: Result<Vec<Alert>, SourceError>,
    rules: Result<Vec<RuleStatus>, SourceError>,
    notifications: Result<Vec<Notification>, SourceError>,
    silencing: Option<Silencing>,
    request: PageRequest,
) -> impl IntoView {
    let filter = Filter::of(&request);
    let known: &[Alert] = alerts.as_deref().unwrap_or_default();
    let bar = view! { <FilterBar filter=filter.clone() alerts=known.to_vec() request=request.clone()/> };
    let alerts = match alerts {
        Err(error) => {
            view! { <ErrorPanel title="The state of alerts is not known" message=error.to_string()/> }
                .into_any()
        }
        Ok(alerts) => {
            let silencing = silencing.clone();
            view! { <AlertList alerts silencing filter=filter.clone() request=request.clone()/> }.into_any()
        }
    };
    let silences = silencing.map(|s| {
        let note = format!("{} that have not ended", s.silences.len());
        let body = if s.silences.is_empty() {
            view! { <p class="card-text muted">"No alert is silenced."</p> }.into_any()
        } else {
            view! { <Silences silences=s.silences now_ms=request.now_ms/> }.into_any()
        };
        view! {
            <Card title="Silences" note id="silences" class="flush"><div data-live="silences">{body}</div></Card>
        }
    });
    let (rule_note, rules) = match rules {
        Err(error) => (
            String::new(),
            view! { <ErrorPanel title="The rules cannot be read" message=error.to_string()/> }.into_any(),
        ),
        Ok(all) => {
            let count = all.len();
            let kept: Vec<RuleStatus> = all.into_iter().filter(|r| filter.keeps_rule(r)).collect();
            let note = if kept.len() == count {
                format!("{count} loaded")
            } else {
                format!("{} of {count}", kept.len())
            };
            let body = if kept.is_empty() {
                view! { <Empty title="No rule to show"><p>"Rules come from the files that the console is configured with."</p></Empty> }
                    .into_any()
            } else {
                view! { <Rules rules=kept request=request.clone()/> }.into_any()
            };
            (note, body)
        }
    };
    let messages = match notifications {
        Err(SourceError::Unsupported(why)) => {
            view! { <Empty title="Messages are sent elsewhere"><p>{why}"."</p></Empty> }.into_any()
        }
        Err(error) => {
            view! { <ErrorPanel title="Messages cannot be read" message=error.to_string()/> }.into_any()
        }
        Ok(all) if all.is_empty() => {
            view! { <Empty title="No message has been sent"><p>"The next alert that fires appears here as Slack shows it."</p></Empty> }
                .into_any()
        }
        Ok(notifications) => view! { <Notifications notifications now_ms=request.now_ms/> }.into_any(),
    };
    view! {
        {bar}
        <div data-live="alerts" id="alerts">{alerts}</div>
        {silences}
        <Card title="Messages" note="newest first, as receivers see them" id="messages" class="flush">
            <div data-live="messages">{messages}</div>
        </Card>
        <Card title="Rules" note=rule_note id="rules" class="flush">
            <div data-live="rules">{rules}</div>
        </Card>
    }
}

#[component]
fn FilterBar(filter: Filter, alerts: Vec<Alert>, request: PageRequest) -> impl IntoView {
    let count = |severity: &str| {
        alerts.iter().filter(|a| a.state == AlertState::Firing && a.severity() == severity).count()
    };
    let severity_link = |severity: Option<&'static str>| {
        let current = (filter.severity.as_deref() == severity).then_some("true");
        let href = filter.link(&request, severity, filter.service.as_deref());
        let n = severity.map_or(0, count);
        view! {
            <a href=href aria-current=current>
                {severity.map_or("All severities", |s| s)}
                {(n > 0).then(|| view! { <span class="muted">{n}</span> })}
            </a>
        }
    };
    let mut services: Vec<String> =
        alerts.iter().filter_map(|a| a.service()).map(str::to_owned).chain(filter.service.clone()).collect();
    services.sort();
    services.dedup();
    let service_link = |service: String| {
        let is_on = filter.service.as_deref() == Some(&service);
        let href = filter.link(&request, filter.severity.as_deref(), (!is_on).then_some(service.as_str()));
        view! { <a class="button small" href=href aria-current=is_on.then_some("true")>{service}</a> }
    };
    let clear =
        (!filter.is_empty()).then(|| view! { <a href=filter.link(&request, None, None)>"Show all"</a> });
    view! {
        <div class="toolbar center" aria-label="Filter" role="group">
            <div class="segmented">
                {severity_link(None)}
                {SEVERITIES.iter().map(|s| severity_link(Some(s))).collect_view()}
            </div>
            <div class="row">{services.into_iter().map(service_link).collect_view()}{clear}</div>
        </div>
    }
}

#[component]
fn AlertList(
    alerts: Vec<Alert>,
    silencing: Option<Silencing>,
    filter: Filter,
    request: PageRequest,
) -> impl IntoView {
    let total = alerts.len();
    let kept: Vec<Alert> = alerts.into_iter().filter(|a| filter.keeps(a)).collect();
    let count = |state: AlertState| kept.iter().filter(|a| a.state == state).count();
    let note = format!(
        "{} firing, {} pending, {} resolved lately",
        count(AlertState::Firing),
        count(AlertState::Pending),
        count(AlertState::Resolved)
    );
    let body = if kept.is_empty() && total > 0 {
        view! { <Empty title="No alert matches the filter"><p>{format!("{total} alerts are hidden.")}</p></Empty> }.into_any()
    } else if kept.is_empty() {
        view! {
            <Empty title="No alert is firing, pending or lately resolved">
                <p>"The rules below say what is watched, and when each was last evaluated."</p>
            </Empty>
        }
        .into_any()
    } else {
        let rows = kept
            .into_iter()
            .map(|a| {
                let muted = reason(silencing.as_ref(), &a.fingerprint, request.now_ms);
                view! { <AlertRow alert=a muted request=request.clone()/> }
            })
            .collect_view();
        view! {
            <TableScroll label="Alerts">
                <table class="table alerts">
                    <thead>
                        <tr>
                            <th scope="col">"State"</th>
                            <th scope="col">"Alert"</th>
                            <th scope="col">"Service"</th>
                            <th scope="col">"Severity"</th>
                            <th scope="col" class="num">"Value"</th>
                            <th scope="col">"Since"</th>
                            <th scope="col" class="row-links">"Evidence"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </TableScroll>
        }
        .into_any()
    };
    view! { <Card title="Alerts" note class="flush">{body}</Card> }
}

#[component]
fn AlertRow(alert: Alert, muted: Option<Reason>, request: PageRequest) -> impl IntoView {
    let page = request.link(&format!("/alerts/{}", alert.fingerprint), &[]);
    let summary = alert.annotations.get("summary").unwrap_or_default().to_owned();
    let class = match (alert.state, crate::pages::severity::alert_tone(&alert)) {
        (AlertState::Firing, console_ui::Tone::Bad) => "row-bad",
        (AlertState::Firing, console_ui::Tone::Warn) => "row-warn",
        _ => "",
    };
    let trace = alert.evidence.trace_id.map(|id| view! { <a href=format!("/traces/{id}")>"Trace"</a> });
    let logs = alert
        .evidence
        .log_query
        .as_deref()
        .map(|q| view! { <a href=super::alert::logs_around(&alert, q)>"Logs"</a> });
    let runbook = alert.runbook.as_ref().map(|slug| {
        let service = alert.service().unwrap_or_default();
        view! { <a href=super::runbook::address(slug, service)>"Runbook"</a> }
    });
    let value = super::alert::value_words(&alert);
    let ended = alert.resolved_at_ms.map(|t| {
        view! { <span class="muted small block">"ended "<When t_ms=t now_ms=request.now_ms/></span> }
    });
    view! {
        <tr class=class data-alert=alert.name.clone()>
            <td><StateBadge alert=alert.clone()/><MutedBadge reason=muted/></td>
            <th scope="row" class="alert-what">
                <a class="strong" href=page>{alert.name.clone()}</a>
                <span class="muted block">{summary}</span>
            </th>
            <td data-label="Service">{alert.service().unwrap_or("–").to_owned()}</td>
            <td data-label="Severity">{alert.severity().to_owned()}</td>
            <td data-label="Value" class="num">{value}</td>
            <td data-label="Since">
                <When t_ms=alert.active_at_ms now_ms=request.now_ms/>
                {ended}
            </td>
            <td class="row-links">{trace}{logs}{runbook}</td>
        </tr>
    }
}

/// How long an alert lasted or lasts.
pub fn lasted(alert: &Alert, now_ms: i64) -> String {
    let end = alert.resolved_at_ms.unwrap_or(now_ms);
    format::duration_ns((end - alert.active_at_ms).max(0) / 1000 * 1_000_000_000)
}
