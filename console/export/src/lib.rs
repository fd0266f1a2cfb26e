//! Copies a window of logs and traces from one backend to another, over the standard APIs alone.
//!
//! Lines are asked of Loki's `query_range`, oldest first, and pushed as Loki takes them; traces are found by Tempo's search,
//! asked for one by one as protobuf and sent as OTLP, byte for byte. So the source may be this console, a Loki or a Tempo, and
//! the target anything that takes Loki push and OTLP/HTTP.
//!
//! What holds: nothing counts as copied before the target has acknowledged it; where it stopped is written down after each
//! acknowledged batch, and the same call goes on there. What was sent and not yet written down is sent once more: targets keep
//! equal lines and spans once.
//!
//! Deliberately not here: metrics (`remote_read` and a Prometheus' own tools move those), stores.

mod copied;
mod error;
mod http;
mod journal;
mod lines;
mod plan;
mod progress;
mod traces;

pub use error::ExportError;
pub use http::{Endpoint, Pace};
pub use journal::Position;
pub use plan::{Plan, parse_time};
pub use progress::{Progress, Told};

use self::copied::Copied;

/// Copies what `plan` names; `told` is called after each acknowledged batch. Ends early with what went wrong; the journal then
/// says where to go on.
pub async fn run(plan: &Plan, told: &mut dyn FnMut(&Progress)) -> Result<Progress, ExportError> {
    plan.check()?;
    let mut copied = Copied::open(plan, told)?;
    if let Some(target) = &plan.logs_to {
        lines::copy(plan, target, &mut copied).await?;
    }
    if let Some(target) = &plan.traces_to {
        traces::copy(plan, target, &mut copied).await?;
    }
    Ok(copied.into_progress())
}
