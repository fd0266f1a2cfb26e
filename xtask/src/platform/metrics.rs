//! What the supervisor knows, for the console to scrape: processes, memory, and which Postgres node leads.

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{Router, extract::State, http::header, response::IntoResponse, routing::get};

use super::{
    layout::Layout,
    postgres::guard::Report,
    slowdown::Row,
    supervisor::{self, Supervisor, UnitStatus},
};

/// Memory is summed over process trees page by page, which is too dear for every scrape.
const MEMORY_EVERY: Duration = Duration::from_secs(10);

#[derive(Clone)]
struct Exposition {
    supervisor: Supervisor,
    report: Arc<Mutex<Report>>,
    latest: Arc<tokio::sync::Mutex<Option<(Instant, Vec<UnitStatus>)>>>,
}

/// Listens until the process ends.
pub async fn serve(
    layout: &Layout,
    supervisor: Supervisor,
    report: Arc<Mutex<Report>>,
) -> Result<(), String> {
    let port = layout.ports.supervisor;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port))
        .await
        .map_err(|e| format!("cannot tell metrics on port {port}: {e}"))?;
    let state = Exposition { supervisor, report, latest: Arc::default() };
    let router = Router::new().route("/metrics", get(expose)).with_state(state);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(())
}

async fn expose(State(state): State<Exposition>) -> impl IntoResponse {
    let units = state.units().await;
    let report = state.report.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let faults = state.supervisor.slowdowns().rows();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], render(&units, &report, &faults))
}

impl Exposition {
    async fn units(&self) -> Vec<UnitStatus> {
        let mut latest = self.latest.lock().await;
        if let Some((at, units)) = &*latest
            && at.elapsed() < MEMORY_EVERY
        {
            return units.clone();
        }
        let units = self.supervisor.status().await;
        *latest = Some((Instant::now(), units.clone()));
        units
    }
}

fn render(units: &[UnitStatus], report: &Report, faults: &[Row]) -> String {
    let mut out = String::new();
    let mut family = |name: &str, kind: &str, help: &str, value: &dyn Fn(&UnitStatus) -> u64| {
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for u in units {
            let _ = writeln!(out, "{name}{{name=\"{}\",service=\"{}\"}} {}", u.name, u.service, value(u));
        }
    };
    family("quarterdeck_process_ready", "gauge", "1 while the process is ready.", &|u| {
        u64::from(u.state == supervisor::State::Ready)
    });
    family("quarterdeck_process_restarts_total", "counter", "Times the process was replaced.", &|u| {
        u64::from(u.restarts)
    });
    family("quarterdeck_process_memory_bytes", "gauge", "Memory of the process and its children.", &|u| {
        u.memory_bytes
    });
    let mut single = |name: &str, kind: &str, help: &str, value: u64| {
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
    };
    single(
        "quarterdeck_postgres_synchronous",
        "gauge",
        "1 while commits wait for the standby.",
        u64::from(report.synchronous),
    );
    single("quarterdeck_postgres_failovers_total", "counter", "Promotions of a standby.", report.failovers);
    let name = "quarterdeck_postgres_primary";
    let _ = writeln!(out, "# HELP {name} Always 1; the label says which node leads.\n# TYPE {name} gauge");
    let _ = writeln!(out, "{name}{{node=\"{}\"}} 1", report.primary);
    let name = "shop_fault_active";
    let _ = writeln!(out, "# HELP {name} 1 while the injected fault is switched on.\n# TYPE {name} gauge");
    for fault in faults {
        let _ = writeln!(out, "{name}{{fault=\"{}\"}} {}", fault.name, u64::from(fault.active));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::slowdown::Slowdowns;

    #[test]
    fn every_process_and_the_leader_are_told() {
        let unit = UnitStatus {
            name: "orders-1".to_owned(),
            service: "orders".to_owned(),
            address: String::new(),
            state: supervisor::State::Ready,
            pid: Some(7),
            restarts: 2,
            uptime_s: 1,
            memory_bytes: 4096,
            role: String::new(),
        };
        let report = Report { primary: "postgres-2", synchronous: false, failovers: 1 };
        let text = render(&[unit], &report, &Slowdowns::default().rows());
        for line in [
            "quarterdeck_process_ready{name=\"orders-1\",service=\"orders\"} 1",
            "quarterdeck_process_restarts_total{name=\"orders-1\",service=\"orders\"} 2",
            "quarterdeck_process_memory_bytes{name=\"orders-1\",service=\"orders\"} 4096",
            "quarterdeck_postgres_synchronous 0",
            "quarterdeck_postgres_failovers_total 1",
            "quarterdeck_postgres_primary{node=\"postgres-2\"} 1",
            "shop_fault_active{fault=\"redis.slow\"} 0",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is missing in\n{text}");
        }
    }
}
