//! `targets` and `scrape_pools`.

use std::collections::BTreeMap;

use axum::extract::{Request, State};
use console_model::target::{ActiveTarget, DroppedTarget, TargetHealth};
use console_promql::parser::format_duration;
use serde::Serialize;
use url::{Host, Url};

use super::{
    Api,
    envelope::{ApiError, Success},
    moment::rfc3339,
};
use crate::{json::LabelMap, params};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Discovery<'a> {
    active_targets: Vec<Active<'a>>,
    dropped_targets: Vec<Dropped<'a>>,
    dropped_target_counts: Option<&'a BTreeMap<String, u64>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Active<'a> {
    discovered_labels: LabelMap<'a>,
    labels: LabelMap<'a>,
    scrape_pool: &'a str,
    scrape_url: &'a str,
    global_url: String,
    last_error: &'a str,
    last_scrape: String,
    last_scrape_duration: f64,
    health: TargetHealth,
    scrape_interval: String,
    scrape_timeout: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Dropped<'a> {
    discovered_labels: LabelMap<'a>,
    scrape_pool: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Pools {
    scrape_pools: Vec<String>,
}

pub async fn pools(State(api): State<Api>) -> Result<Success, ApiError> {
    Ok(Success::new(&Pools { scrape_pools: api.target_list().await?.pools }))
}

pub async fn targets(State(api): State<Api>, request: Request) -> Result<Success, ApiError> {
    let params = params::read(request, api.limits).await?;
    let state = params.get("state").unwrap_or_default().to_ascii_lowercase();
    let shows = |which: &str| matches!(state.as_str(), "" | "any") || state == which;
    let pool = params.non_empty("scrapePool");
    let is_wanted = |name: &str| pool.is_none_or(|wanted| wanted == name);
    let list = api.target_list().await?;
    let active = list.active.iter().filter(|t| shows("active") && is_wanted(&t.scrape_pool));
    let dropped = list.dropped.iter().filter(|t| shows("dropped") && is_wanted(&t.scrape_pool));
    Ok(Success::new(&Discovery {
        active_targets: active.map(|t| active_target(t, &api.process.external_url)).collect(),
        dropped_targets: dropped.map(dropped_target).collect(),
        dropped_target_counts: shows("dropped").then_some(&list.dropped_counts),
    }))
}

fn active_target<'a>(t: &'a ActiveTarget, external_url: &str) -> Active<'a> {
    Active {
        discovered_labels: LabelMap(&t.discovered),
        labels: LabelMap(&t.labels),
        scrape_pool: &t.scrape_pool,
        scrape_url: &t.url,
        global_url: global_url(&t.url, external_url),
        last_error: t.last_error.as_deref().unwrap_or_default(),
        last_scrape: rfc3339(t.last_scrape_ms.unwrap_or(0)),
        last_scrape_duration: t.last_duration_us.unwrap_or(0) as f64 / 1e6,
        health: t.health,
        scrape_interval: format_duration(t.interval_ms),
        scrape_timeout: format_duration(t.timeout_ms),
    }
}

fn dropped_target(t: &DroppedTarget) -> Dropped<'_> {
    Dropped { discovered_labels: LabelMap(&t.discovered), scrape_pool: &t.scrape_pool }
}

/// The address as others than this machine reach it: a local host's name becomes the console's own, as far as is known.
fn global_url(url: &str, external_url: &str) -> String {
    let (Ok(mut target), Ok(external)) = (Url::parse(url), Url::parse(external_url)) else {
        return url.to_owned();
    };
    let is_local = match target.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if is_local && target.set_host(external.host_str()).is_err() {
        return url.to_owned();
    }
    target.into()
}

#[cfg(test)]
mod tests {
    use super::global_url;

    #[test]
    fn a_local_target_is_given_the_console_s_name() {
        let console = "https://console.example.com";
        assert_eq!(
            global_url("http://127.0.0.1:7001/metrics", console),
            "http://console.example.com:7001/metrics"
        );
        assert_eq!(global_url("http://[::1]:7001/m?a=b", console), "http://console.example.com:7001/m?a=b");
        assert_eq!(global_url("http://db:9187/metrics", console), "http://db:9187/metrics");
    }
}
