//! `make bench-shop`: every figure of the shop in one run, each with its target, against peers under the same load on the
//! same machine.

mod edge;
mod orders;
mod page;
mod pgbench;
mod record;
mod report;
mod rush;
mod shopping;
mod stage;
pub mod token;
mod wrk;

use self::{
    report::Report,
    stage::{Services, Stage, Telemetry},
};
use crate::platform::Outcome;

/// What to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// The product page against a bare handler.
    Page,
    /// What the edge answers by itself.
    Edge,
    /// Ten thousand attempts on a hundred pieces.
    Rush,
    /// Orders a second against pgbench.
    Orders,
}

/// Measures these parts, all when none is named. Misses of targets are told, and no failure.
pub async fn shop(parts: &[Part]) -> Outcome {
    rush::raise_socket_limit();
    let all = [Part::Page, Part::Edge, Part::Rush, Part::Orders];
    let parts = if parts.is_empty() { &all } else { parts };
    let stage = Stage::set().await?;
    let mut report = Report::default();
    let mut result = Ok(());
    for part in parts {
        result = measure(*part, &stage, &mut report).await;
        if result.is_err() {
            break;
        }
    }
    stage.clear().await;
    report.print();
    result
}

async fn measure(part: Part, stage: &Stage, report: &mut Report) -> Outcome {
    match part {
        Part::Page => page::measure(stage, report).await,
        Part::Edge => {
            let services: Services = stage.services(Telemetry::Default).await?;
            let result = edge::measure(stage, report).await;
            services.stop().await;
            result
        }
        Part::Rush => rush::measure(stage, report).await,
        Part::Orders => orders::measure(stage, report).await,
    }
}
