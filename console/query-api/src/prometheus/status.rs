//! `status/…`: the process, its configuration, and what its store holds.

use std::collections::BTreeMap;

use axum::extract::{Request, State};
use console_model::{
    cardinality::{Cardinality, Count},
    clock,
};
use serde::Serialize;
use serde_json::json;

use super::{
    Api,
    envelope::{ApiError, Success},
    moment::rfc3339,
    parameters::whole,
};
use crate::params;

/// The Prometheus whose API and language these are: clients choose by it what they ask.
const PROMETHEUS_VERSION: &str = "3.5.0";
/// Most entries of a list of `status/tsdb`.
const MAX_TOP: i64 = 10_000;

/// What the status endpoints tell of the process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    pub version: String,
    pub started_at_ms: i64,
    /// Where people reach the console.
    pub external_url: String,
    pub working_dir: String,
    pub hostname: String,
    /// How long metrics are kept, as Prometheus writes it.
    pub retention: String,
    /// Settings by the names of Prometheus' flags.
    pub flags: BTreeMap<String, String>,
    /// Sites whose pages may read the API, as a regular expression over origins; none: no other site's.
    pub cors_origin: Option<String>,
    /// What is scraped, in Prometheus' format, without secrets.
    pub config_yaml: String,
}

pub async fn build_info(State(api): State<Api>) -> Success {
    Success::new(&json!({
        "version": PROMETHEUS_VERSION, "revision": api.process.version, "branch": "", "buildUser": "",
        "buildDate": "", "goVersion": "", "application": "quarterdeck",
    }))
}

pub async fn runtime_info(State(api): State<Api>) -> Success {
    let process = &api.process;
    let threads = console_storage::parallel::processors();
    let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    Success::new(&json!({
        "startTime": rfc3339(process.started_at_ms),
        "CWD": process.working_dir,
        "hostname": process.hostname,
        "serverTime": rfc3339(clock::now_ms()),
        "reloadConfigSuccess": true,
        "lastConfigTime": rfc3339(process.started_at_ms),
        "corruptionCount": 0,
        // What comes nearest: tasks and threads.
        "goroutineCount": tasks,
        "GOMAXPROCS": threads,
        "GOMEMLIMIT": i64::MAX,
        "GOGC": "",
        "GODEBUG": "",
        "storageRetention": process.retention,
    }))
}

pub async fn flags(State(api): State<Api>) -> Success {
    Success::new(&api.process.flags)
}

pub async fn config(State(api): State<Api>) -> Success {
    Success::new(&json!({"yaml": api.process.config_yaml}))
}

/// The log is replayed before the first request is answered.
pub async fn wal_replay() -> Success {
    Success::new(&json!({"min": 0, "max": 0, "current": 0}))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Tsdb<'a> {
    head_stats: Head,
    series_count_by_metric_name: &'a [Count],
    label_value_count_by_label_name: &'a [Count],
    memory_in_bytes_by_label_name: &'a [Count],
    series_count_by_label_value_pair: &'a [Count],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    num_series: u64,
    num_label_pairs: u64,
    chunk_count: u64,
    min_time: i64,
    max_time: i64,
}

pub async fn tsdb(State(api): State<Api>, request: Request) -> Result<Success, ApiError> {
    let params = params::read(request, api.limits).await?;
    let top = match params.non_empty("limit").map(whole) {
        None => 10,
        Some(Ok(n)) if n > MAX_TOP => {
            return Err(ApiError::bad_data(format!("limit must not exceed {MAX_TOP}")));
        }
        Some(Ok(n)) if n > 0 => n as usize,
        Some(_) => return Err(ApiError::bad_data("limit must be a positive number")),
    };
    let counted: Cardinality = api.metrics.cardinality(top).await?;
    // An empty head spans nothing, which Prometheus writes so.
    let (min_time, max_time) = counted.span_ms.unwrap_or((i64::MAX, i64::MIN));
    Ok(Success::new(&Tsdb {
        head_stats: Head {
            num_series: counted.series,
            num_label_pairs: counted.label_pairs,
            chunk_count: counted.chunks,
            min_time,
            max_time,
        },
        series_count_by_metric_name: &counted.series_by_metric,
        label_value_count_by_label_name: &counted.values_by_label,
        memory_in_bytes_by_label_name: &counted.bytes_by_label,
        series_count_by_label_value_pair: &counted.series_by_pair,
    }))
}
