//! Evidence: a trace and a log line that show what an alert speaks of.
//!
//! The annotations `trace_query` (TraceQL) and `log_query` (LogQL) are run over the last minutes when an alert becomes
//! pending, and again while it is active and something is missing. Lookups run beside evaluation and never delay it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use console_model::{
    TimeRange,
    alert::{Alert, Evidence},
    log::{Direction, LogAnswer, LogEntry},
    span::{TraceId, TraceSummary},
};
use console_storage::source::{LogsSource, TracesSource};
use tokio::sync::{Semaphore, watch};

/// Limits of the lookups.
#[derive(Clone, Copy, Debug)]
pub struct EvidenceConfig {
    pub timeout_ms: u64,
    /// How far back, at most.
    pub window_ms: i64,
    /// Pause before an incomplete lookup is repeated.
    pub refresh_ms: i64,
    pub concurrent: usize,
    /// Traces and lines read, to find a pair that belongs together.
    pub candidates: usize,
    pub max_line_bytes: usize,
}

impl Default for EvidenceConfig {
    fn default() -> Self {
        Self {
            timeout_ms: 2000,
            window_ms: 5 * 60_000,
            refresh_ms: 5000,
            concurrent: 4,
            candidates: 20,
            max_line_bytes: 4096,
        }
    }
}

#[derive(Debug, Default)]
struct Known {
    evidence: Evidence,
    running: bool,
    tried_at_ms: i64,
}

/// Evidence by fingerprint.
pub struct EvidenceStore {
    traces: Arc<dyn TracesSource>,
    logs: Arc<dyn LogsSource>,
    config: EvidenceConfig,
    known: parking_lot::Mutex<HashMap<String, Known>>,
    slots: Semaphore,
    finished: watch::Sender<u64>,
}

impl EvidenceStore {
    pub fn new(
        traces: Arc<dyn TracesSource>,
        logs: Arc<dyn LogsSource>,
        config: EvidenceConfig,
    ) -> Arc<Self> {
        let slots = Semaphore::new(config.concurrent.max(1));
        let finished = watch::Sender::new(0);
        Arc::new(Self { traces, logs, config, known: parking_lot::Mutex::default(), slots, finished })
    }

    /// Starts a lookup for an active alert when one is due.
    pub fn observe(self: &Arc<Self>, alert: &Alert, now_ms: i64) {
        let (trace_query, log_query) =
            (alert.annotations.get("trace_query"), alert.annotations.get("log_query"));
        if trace_query.is_none() && log_query.is_none() {
            return;
        }
        {
            let mut known = self.known.lock();
            let entry = known.entry(alert.fingerprint.clone()).or_default();
            let complete = (trace_query.is_none() || entry.evidence.trace_id.is_some())
                && (log_query.is_none() || entry.evidence.log_line.is_some());
            let waited = entry.tried_at_ms == 0 || now_ms - entry.tried_at_ms >= self.config.refresh_ms;
            if complete || entry.running || !waited {
                return;
            }
            entry.running = true;
            entry.tried_at_ms = now_ms;
            entry.evidence.trace_query = trace_query.map(str::to_owned);
            entry.evidence.log_query = log_query.map(str::to_owned);
        }
        let (store, alert) = (self.clone(), alert.clone());
        tokio::spawn(async move {
            let found = store.look_up(&alert, now_ms).await;
            if let Some(entry) = store.known.lock().get_mut(&alert.fingerprint) {
                entry.running = false;
                let evidence = &mut entry.evidence;
                evidence.trace_id = evidence.trace_id.or(found.trace_id);
                evidence.log_line = evidence.log_line.take().or(found.log_line);
            }
            store.finished.send_modify(|n| *n += 1);
        });
    }

    pub fn get(&self, fingerprint: &str) -> Evidence {
        self.known.lock().get(fingerprint).map(|k| k.evidence.clone()).unwrap_or_default()
    }

    /// Forgets alerts that `keep` does not name.
    pub fn retain(&self, keep: impl Fn(&str) -> bool) {
        self.known.lock().retain(|fp, k| k.running || keep(fp));
    }

    /// Waits until no lookup runs for these alerts, at most `limit`.
    pub async fn settle(&self, fingerprints: &[String], limit: Duration) {
        let mut finished = self.finished.subscribe();
        let running = || {
            let known = self.known.lock();
            fingerprints.iter().any(|fp| known.get(fp).is_some_and(|k| k.running))
        };
        let waiting = async {
            while running() {
                if finished.changed().await.is_err() {
                    break;
                }
            }
        };
        // Late evidence is shown on the page; the message goes out without it.
        let _ = tokio::time::timeout(limit, waiting).await;
    }

    async fn look_up(&self, alert: &Alert, now_ms: i64) -> Evidence {
        let limit = Duration::from_millis(self.config.timeout_ms);
        let Ok(Ok(_slot)) = tokio::time::timeout(limit, self.slots.acquire()).await else {
            return Evidence::default();
        };
        let start_ms = (now_ms - self.config.window_ms).max(alert.active_at_ms - 60_000);
        let range = TimeRange { start_ms, end_ms: now_ms + 1000 };
        let (traces, lines) =
            futures::join!(self.traces(alert, range, limit), self.lines(alert, range, limit));
        let paired = lines.iter().find_map(|line| {
            let id = trace_id_of(line)?;
            traces.iter().any(|t| t.trace_id == id).then_some((id, line))
        });
        let (trace_id, line) = match paired {
            Some((id, line)) => (Some(id), Some(line)),
            None => (traces.first().map(|t| t.trace_id), lines.first()),
        };
        Evidence {
            trace_id,
            log_line: line.map(|l| truncated(&l.line, self.config.max_line_bytes)),
            ..Evidence::default()
        }
    }

    async fn traces(&self, alert: &Alert, range: TimeRange, limit: Duration) -> Vec<TraceSummary> {
        let Some(query) = alert.annotations.get("trace_query") else { return Vec::new() };
        let search = self.traces.search(query, range, self.config.candidates);
        match tokio::time::timeout(limit, search).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => {
                tracing::warn!(alert = %alert.name, query, %error, "trace_query of the alert failed");
                Vec::new()
            }
            Err(_) => {
                tracing::warn!(alert = %alert.name, query, "trace_query of the alert timed out");
                Vec::new()
            }
        }
    }

    async fn lines(&self, alert: &Alert, range: TimeRange, limit: Duration) -> Vec<LogEntry> {
        let Some(query) = alert.annotations.get("log_query") else { return Vec::new() };
        let (start, end) = (range.start_ns(), range.end_ns());
        let search =
            self.logs.query_range(query, start, end, 1000, self.config.candidates, Direction::Backward);
        match tokio::time::timeout(limit, search).await {
            Ok(Ok(LogAnswer::Streams { streams, .. })) => {
                let mut all: Vec<LogEntry> = streams.into_iter().flat_map(|s| s.entries).collect();
                all.sort_by_key(|e| std::cmp::Reverse(e.t_ns));
                all
            }
            Ok(Ok(LogAnswer::Metric(_))) => {
                tracing::warn!(alert = %alert.name, query, "log_query of the alert answers numbers, not lines");
                Vec::new()
            }
            Ok(Err(error)) => {
                tracing::warn!(alert = %alert.name, query, %error, "log_query of the alert failed");
                Vec::new()
            }
            Err(_) => {
                tracing::warn!(alert = %alert.name, query, "log_query of the alert timed out");
                Vec::new()
            }
        }
    }
}

/// The trace id that a line carries, in its metadata or as a field of its JSON.
fn trace_id_of(entry: &LogEntry) -> Option<TraceId> {
    let named = entry.metadata.iter().find(|(k, _)| k == "trace_id").map(|(_, v)| v.clone());
    let text = named.or_else(|| {
        let line: serde_json::Value = serde_json::from_str(&entry.line).ok()?;
        Some(line.get("trace_id")?.as_str()?.to_owned())
    })?;
    text.parse().ok()
}

/// At most `max` bytes, cut between characters, with an ellipsis when cut.
pub(crate) fn truncated(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    let mut end = max.saturating_sub('…'.len_utf8());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}
