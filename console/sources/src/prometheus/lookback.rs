//! How a backend is told how old a sample may be. Prometheus 3 and Thanos have one parameter for it, VictoriaMetrics
//! another, older Prometheus none; and all ignore parameters that they do not know. So that no query is answered with
//! another look-back than asked for, each is offered nonsense: who reads it refuses it.

use console_storage::SourceError;

use super::envelope;
use crate::http::Remote;

const PATH: &str = "/api/v1/query";
const NAMES: [&str; 2] = ["lookback_delta", "max_lookback"];
const NONSENSE: &str = "nonsense";

/// The parameter's name, if there is one. Costs a request or two, once.
pub async fn parameter(remote: &Remote) -> Result<Option<&'static str>, SourceError> {
    for name in NAMES {
        let parameters = [("query", "vector(1)".to_owned()), (name, NONSENSE.to_owned())];
        let (status, body) = remote.get_or_post(PATH, &parameters).await?;
        match envelope::open::<serde_json::Value>(remote, status, &body) {
            Ok(_) => {}
            Err(_) if matches!(status, 400 | 422) => return Ok(Some(name)),
            Err(e) => return Err(e),
        }
    }
    Ok(None)
}
