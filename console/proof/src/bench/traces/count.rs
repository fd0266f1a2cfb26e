//! What an answer holds: spans of a trace, or traces of a search.

use serde_json::Value;

use super::question::Shape;
use crate::peer::PeerError;

pub fn count(shape: Shape, bytes: &[u8]) -> Result<u64, PeerError> {
    let answer: Value = serde_json::from_slice(bytes)
        .map_err(std::io::Error::other)
        .map_err(PeerError::io("an answer is not JSON"))?;
    Ok(match shape {
        Shape::Search => items(&answer["traces"]).len() as u64,
        Shape::ById => spans(&answer["trace"]),
    })
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Of OTLP's JSON.
fn spans(trace: &Value) -> u64 {
    let scopes = items(&trace["resourceSpans"]).iter().flat_map(|r| items(&r["scopeSpans"]));
    scopes.map(|s| items(&s["spans"]).len() as u64).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_traces_are_counted() {
        let trace = r#"{"trace":{"resourceSpans":[{"scopeSpans":[{"spans":[{},{}]}]},{"scopeSpans":[{"spans":[{}]}]}]}}"#;
        assert_eq!(count(Shape::ById, trace.as_bytes()).unwrap(), 3);
        assert_eq!(count(Shape::Search, br#"{"traces":[{},{}]}"#).unwrap(), 2);
        assert_eq!(count(Shape::Search, b"{}").unwrap(), 0);
        assert!(count(Shape::Search, b"<html>").is_err());
    }
}
