//! `rules`, `alerts` and `alertmanagers`.

use axum::extract::{Request, State};
use console_model::{
    Matcher,
    alert::{AlertState, RuleAlert, RuleDetail, RuleGroupStatus, RuleStatus},
};
use console_promql::{ParseOptions, format, parse, parse_selector};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{
    Api,
    envelope::{ApiError, Success},
    matching::fits,
    moment::rfc3339,
    parameters::{flag, matcher_error, matchers, whole_32},
};
use crate::{
    json::{self, LabelMap},
    params::{self, Params},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Discovery<'a> {
    groups: Vec<Group<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Group<'a> {
    name: &'a str,
    file: &'a str,
    rules: Vec<Rule<'a>>,
    /// Seconds, as all that follow.
    interval: f64,
    limit: usize,
    evaluation_time: f64,
    last_evaluation: String,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Rule<'a> {
    Alerting(Alerting<'a>),
    Recording(Recording<'a>),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Alerting<'a> {
    state: &'static str,
    name: &'a str,
    query: String,
    duration: f64,
    keep_firing_for: f64,
    labels: LabelMap<'a>,
    annotations: LabelMap<'a>,
    alerts: Option<Vec<Alert<'a>>>,
    health: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<&'a str>,
    evaluation_time: f64,
    last_evaluation: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Recording<'a> {
    name: &'a str,
    query: String,
    labels: LabelMap<'a>,
    health: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<&'a str>,
    evaluation_time: f64,
    last_evaluation: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Alert<'a> {
    labels: LabelMap<'a>,
    annotations: LabelMap<'a>,
    state: &'static str,
    active_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_firing_since: Option<String>,
    value: String,
}

#[derive(Serialize)]
struct Alerts<'a> {
    alerts: Vec<Alert<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Alertmanagers {
    active_alertmanagers: [(); 0],
    dropped_alertmanagers: [(); 0],
}

/// What of all rules is asked for.
struct Filter {
    names: Vec<String>,
    groups: Vec<String>,
    files: Vec<String>,
    /// Alternatives, on the labels of rules.
    matchers: Vec<Vec<Matcher>>,
    alerting: bool,
    recording: bool,
    without_alerts: bool,
}

/// Which part of a long list is asked for.
struct Page {
    /// Groups; no bound where it is absent.
    size: Option<usize>,
    /// Of the first group.
    token: Option<String>,
}

impl Filter {
    fn read(params: &Params) -> Result<Self, ApiError> {
        let selectors = matchers(params).map_err(|e| ApiError::bad_data(matcher_error(&e)))?;
        let kind = params.get("type").unwrap_or_default().to_ascii_lowercase();
        if !matches!(kind.as_str(), "" | "alert" | "record") {
            return Err(ApiError::parameter("type", format!("not supported value {kind:?}")));
        }
        Ok(Self {
            names: params.all("rule_name[]"),
            groups: params.all("rule_group[]"),
            files: params.all("file[]"),
            matchers: selectors.iter().filter_map(|s| parse_selector(s).ok()).collect(),
            alerting: kind != "record",
            recording: kind != "alert",
            without_alerts: flag(params, "exclude_alerts")?,
        })
    }

    fn wants_group(&self, group: &RuleGroupStatus) -> bool {
        let is_in = |list: &[String], name: &String| list.is_empty() || list.contains(name);
        is_in(&self.groups, &group.name) && is_in(&self.files, &group.file)
    }

    fn wants(&self, rule: &RuleStatus) -> bool {
        let is_kind = if rule.is_recording { self.recording } else { self.alerting };
        is_kind
            && (self.names.is_empty() || self.names.contains(&rule.name))
            && (self.matchers.is_empty() || self.matchers.iter().any(|m| fits(m, &rule.labels)))
    }
}

impl Page {
    fn read(params: &Params) -> Result<Self, ApiError> {
        let token = params.non_empty("group_next_token").map(str::to_owned);
        let Some(text) = params.non_empty("group_limit") else {
            return match token {
                Some(_) => Err(ApiError::parameter(
                    "group_next_token",
                    "group_limit needs to be present in order to paginate over the groups",
                )),
                None => Ok(Self { size: None, token: None }),
            };
        };
        let wrong = |reason: String| ApiError::parameter("group_limit", reason);
        let size =
            whole_32(text).map_err(|e| wrong(format!("group_limit needs to be a valid number: {e}")))?;
        match usize::try_from(size) {
            Ok(size) if size > 0 => Ok(Self { size: Some(size), token }),
            _ => Err(wrong("group_limit needs to be greater than 0".to_owned())),
        }
    }
}

/// Names a group in a request for the next page.
fn token(group: &RuleGroupStatus) -> String {
    hex::encode(Sha256::digest(format!("{};{}", group.file, group.name)))
}

pub async fn rules(State(api): State<Api>, request: Request) -> Result<Success, ApiError> {
    let params = params::read(request, api.limits).await?;
    let (filter, page) = (Filter::read(&params)?, Page::read(&params)?);
    let all = api.alerts.rule_groups().await?;
    let mut from = all.as_slice();
    if let Some(wanted) = &page.token {
        let at = all.iter().position(|g| token(g) == *wanted).ok_or_else(|| {
            let reason = format!("invalid group_next_token '{wanted}'. were rule groups changed?");
            ApiError::parameter("group_next_token", reason)
        })?;
        from = &all[at..];
    }
    let mut found = Discovery { groups: Vec::new(), group_next_token: None };
    for group in from.iter().filter(|g| filter.wants_group(g)) {
        let rules: Vec<Rule<'_>> =
            group.rules.iter().filter(|r| filter.wants(&r.status)).map(|r| rule(r, &filter)).collect();
        if rules.is_empty() {
            continue;
        }
        if page.size == Some(found.groups.len()) {
            found.group_next_token = Some(token(group));
            break;
        }
        found.groups.push(Group {
            name: &group.name,
            file: &group.file,
            rules,
            interval: group.interval_ms as f64 / 1e3,
            limit: group.limit,
            evaluation_time: group.evaluation_us as f64 / 1e6,
            last_evaluation: rfc3339(group.last_evaluation_ms),
        });
    }
    Ok(Success::new(&found))
}

fn rule<'a>(detail: &'a RuleDetail, filter: &Filter) -> Rule<'a> {
    let r = &detail.status;
    let health = match (&r.last_error, r.last_evaluation_ms) {
        (Some(_), _) => "err",
        (None, 0) => "unknown",
        (None, _) => "ok",
    };
    let query = parse(&r.expr, ParseOptions { experimental: true });
    let query = query.map_or_else(|_| r.expr.clone(), |expr| format::one_line(&expr, &r.expr));
    let last_error = r.last_error.as_deref();
    let evaluation_time = r.evaluation_us as f64 / 1e6;
    let last_evaluation = rfc3339(r.last_evaluation_ms);
    if r.is_recording {
        let labels = LabelMap(&r.labels);
        let name = &r.name;
        return Rule::Recording(Recording {
            name,
            query,
            labels,
            health,
            last_error,
            evaluation_time,
            last_evaluation,
        });
    }
    Rule::Alerting(Alerting {
        state: if r.last_evaluation_ms == 0 { "unknown" } else { state_name(r.state) },
        name: &r.name,
        query,
        duration: r.for_ms as f64 / 1e3,
        keep_firing_for: detail.keep_firing_for_ms as f64 / 1e3,
        labels: LabelMap(&r.labels),
        annotations: LabelMap(&r.annotations),
        alerts: (!filter.without_alerts).then(|| detail.alerts.iter().map(alert).collect()),
        health,
        last_error,
        evaluation_time,
        last_evaluation,
    })
}

fn alert(a: &RuleAlert) -> Alert<'_> {
    Alert {
        labels: LabelMap(&a.labels),
        annotations: LabelMap(&a.annotations),
        state: state_name(a.state),
        active_at: rfc3339(a.active_at_ms),
        keep_firing_since: a.keep_firing_since_ms.map(rfc3339),
        value: json::scientific(a.value),
    }
}

fn state_name(state: AlertState) -> &'static str {
    match state {
        AlertState::Firing => "firing",
        AlertState::Pending => "pending",
        AlertState::Inactive | AlertState::Resolved => "inactive",
    }
}

pub async fn alerts(State(api): State<Api>) -> Result<Success, ApiError> {
    let groups = api.alerts.rule_groups().await?;
    let alerts = groups.iter().flat_map(|g| &g.rules).flat_map(|r| &r.alerts).map(alert).collect();
    Ok(Success::new(&Alerts { alerts }))
}

/// None: the console itself is what alerts are sent to.
pub async fn alertmanagers() -> Success {
    Success::new(&Alertmanagers { active_alertmanagers: [], dropped_alertmanagers: [] })
}
