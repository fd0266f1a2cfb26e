//! The envelope around every answer, and what its errors mean to the console.

use console_storage::SourceError;
use serde::{Deserialize, de::DeserializeOwned};

use super::statistics::Statistics;
use crate::http::Remote;

/// How much of a text that is no answer goes into an error.
const MAX_SHOWN: usize = 200;
/// What the API puts before an error of an expression.
const OF_QUERY: &str = "invalid parameter \"query\": ";

/// A success.
pub struct Answer<T> {
    pub data: T,
    pub warnings: Vec<String>,
    pub infos: Vec<String>,
    /// VictoriaMetrics'.
    pub statistics: Option<Statistics>,
    pub bytes: usize,
}

#[derive(Deserialize)]
struct Success<T> {
    status: String,
    data: T,
    #[serde(default)]
    warnings: Option<Vec<String>>,
    #[serde(default)]
    infos: Option<Vec<String>>,
    #[serde(default, rename = "isPartial")]
    is_partial: bool,
    #[serde(default)]
    stats: Option<Statistics>,
}

#[derive(Default, Deserialize)]
struct Failure {
    #[serde(default, rename = "errorType")]
    kind: String,
    #[serde(default)]
    error: String,
}

/// What is inside, or what the backend says is wrong.
pub fn open<T: DeserializeOwned>(
    remote: &Remote,
    status: u16,
    body: &[u8],
) -> Result<Answer<T>, SourceError> {
    if !(200..300).contains(&status) {
        return Err(failure(remote, status, body));
    }
    let success: Success<T> = match serde_json::from_slice(body) {
        Ok(success) => success,
        Err(e) => {
            // Some proxies answer errors with 200.
            let is_failure = serde_json::from_slice::<Failure>(body).is_ok_and(|f| !f.kind.is_empty());
            return Err(if is_failure {
                failure(remote, status, body)
            } else {
                remote.unavailable(format!("its answer is not understood: {e}"))
            });
        }
    };
    if success.status != "success" {
        return Err(failure(remote, status, body));
    }
    let mut warnings = success.warnings.unwrap_or_default();
    if success.is_partial {
        warnings.push("the answer is partial: not all parts of the backend answered".to_owned());
    }
    Ok(Answer {
        data: success.data,
        warnings,
        infos: success.infos.unwrap_or_default(),
        statistics: success.stats,
        bytes: body.len(),
    })
}

fn failure(remote: &Remote, status: u16, body: &[u8]) -> SourceError {
    let Ok(Failure { kind, error }) = serde_json::from_slice::<Failure>(body) else {
        return of_status(remote, status, shown(body));
    };
    let invalid = |message: &str| SourceError::Invalid {
        message: message.strip_prefix(OF_QUERY).unwrap_or(message).to_owned(),
        position: None,
    };
    match kind.as_str() {
        "bad_data" => invalid(&error),
        // The only execution error that is a limit of the backend's.
        "execution" if error.contains("too many samples") => SourceError::Limit(error),
        "execution" => SourceError::Execution(error),
        "timeout" => SourceError::Timeout,
        "canceled" => SourceError::Canceled,
        "not_found" => SourceError::NotFound(error),
        "internal" => SourceError::Internal(error),
        // Mimir's.
        "too_many_requests" | "too_large_entry" => SourceError::Limit(error),
        "unavailable" => remote.unavailable(error),
        // VictoriaMetrics has the status as type.
        _ if status == 400 && !error.is_empty() => invalid(&error),
        _ if status == 422 && !error.is_empty() => SourceError::Execution(error),
        _ => of_status(remote, status, if error.is_empty() { shown(body) } else { error }),
    }
}

/// What an answer without a reason of its own means: it is a proxy's, or of another program.
fn of_status(remote: &Remote, status: u16, said: String) -> SourceError {
    match status {
        401 | 403 => remote.unavailable(format!("it refuses the console's credentials ({status})")),
        404 => remote.unavailable("there is no Prometheus API at its address (404)"),
        408 | 504 => SourceError::Timeout,
        413 | 429 => SourceError::Limit(format!("the backend refuses the query: {status} {said}")),
        _ => remote.unavailable(format!("it answered {status} without Prometheus' envelope: {said}")),
    }
}

fn shown(body: &[u8]) -> String {
    String::from_utf8_lossy(body).trim().chars().take(MAX_SHOWN).collect()
}

/// The error with the byte of the expression that its text names by line and column.
pub fn located(e: SourceError, expr: &str) -> SourceError {
    match e {
        SourceError::Invalid { message, position: None } => {
            let position = place(&message, expr);
            SourceError::Invalid { message, position }
        }
        other => other,
    }
}

/// `1:4: parse error: …`: both from 1, columns in bytes.
fn place(message: &str, expr: &str) -> Option<usize> {
    let mut parts = message.splitn(3, ':');
    let line: usize = parts.next()?.parse().ok()?;
    let column: usize = parts.next()?.parse().ok()?;
    let before: usize = expr.split('\n').take(line.checked_sub(1)?).map(|l| l.len() + 1).sum();
    Some(before + column.checked_sub(1)?).filter(|at| *at <= expr.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::RemoteConfig;

    fn failed(status: u16, body: &str) -> SourceError {
        let remote = Remote::new("Prometheus", RemoteConfig::new("http://far")).unwrap();
        failure(&remote, status, body.as_bytes())
    }

    #[test]
    fn errors_keep_their_meaning() {
        let unavailable = |reason: &str| SourceError::Unavailable {
            backend: "Prometheus at http://far".to_owned(),
            reason: reason.to_owned(),
        };
        let typed = |kind: &str| format!(r#"{{"status":"error","errorType":"{kind}","error":"why"}}"#);
        for (status, body, wanted) in [
            (400, typed("bad_data"), SourceError::Invalid { message: "why".into(), position: None }),
            (422, typed("execution"), SourceError::Execution("why".into())),
            (503, typed("timeout"), SourceError::Timeout),
            (499, typed("canceled"), SourceError::Canceled),
            (404, typed("not_found"), SourceError::NotFound("why".into())),
            (500, typed("internal"), SourceError::Internal("why".into())),
            (503, typed("unavailable"), unavailable("why")),
            (429, typed("too_many_requests"), SourceError::Limit("why".into())),
            (422, typed("422"), SourceError::Execution("why".into())),
            (400, typed("400"), SourceError::Invalid { message: "why".into(), position: None }),
            (401, "no".to_owned(), unavailable("it refuses the console's credentials (401)")),
            (404, "no".to_owned(), unavailable("there is no Prometheus API at its address (404)")),
            (504, "<html>".to_owned(), SourceError::Timeout),
            (429, "slow".to_owned(), SourceError::Limit("the backend refuses the query: 429 slow".into())),
            (502, "<html>".to_owned(), unavailable("it answered 502 without Prometheus' envelope: <html>")),
        ] {
            assert_eq!(failed(status, &body), wanted, "{status} {body}");
        }
        let too_many = "query processing would load too many samples into memory in query execution";
        let body = format!(r#"{{"errorType":"execution","error":"{too_many}"}}"#);
        assert_eq!(failed(422, &body), SourceError::Limit(too_many.to_owned()));
    }

    #[test]
    fn a_wrong_place_in_the_expression_is_found() {
        for (message, expr, wanted) in [
            ("1:4: parse error: x", "up{", Some(3)),
            ("2:3: parse error: x", "sum(\n  up{\n)", Some(7)),
            ("parse error: x", "up{", None),
            ("9:1: parse error: x", "up{", None),
            ("0:0: parse error: x", "up{", None),
        ] {
            let e = SourceError::Invalid { message: message.to_owned(), position: None };
            let wanted = SourceError::Invalid { message: message.to_owned(), position: wanted };
            assert_eq!(located(e, expr), wanted, "{message}");
        }
    }
}
