//! Zipkin's spans.

use console_ingest::zipkin::span;

use crate::remote_write::limits;

pub const WORDS: &[&str] = &[
    "[{",
    "}]",
    "},{",
    "\"traceId\":\"5982fe77008310cc80f1da5e10147517\"",
    "\"id\":\"90394f6bcffb5d13\"",
    "\"parentId\":\"1\"",
    "\"timestamp\":1700000000000000",
    "\"duration\":1431",
    "\"kind\":\"SERVER\"",
    "\"shared\":true",
    "\"localEndpoint\":{\"serviceName\":\"a\"}",
    "\"remoteEndpoint\":{\"port\":80}",
    "\"tags\":{\"error\":\"\"}",
    "\"annotations\":[{\"timestamp\":1,\"value\":\"ws\"}]",
    "null",
    "9223372036854775807",
    "\"0\"",
];

pub fn body(data: &[u8]) {
    let limits = limits();
    let Ok((spans, refused)) = span::from_json(data, &limits) else { return };
    assert!(spans.len() as u64 + refused.count <= data.len() as u64);
    for span in &spans {
        assert!(!span.trace_id.is_zero() && span.start_ns > 0 && span.duration_ns >= 0);
        assert!(span.start_ns.checked_add(span.duration_ns).is_some() && !span.service.is_empty());
        assert!(span.events.len() <= limits.max_events_per_span);
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let client = "{\"traceId\":\"5982fe77008310cc80f1da5e10147517\",\"parentId\":\"6b221d5bc9e6496c\",\"id\":\"352bff9a74ca9ad2\",\"kind\":\"CLIENT\",\"name\":\"get\",\"timestamp\":1700000000000000,\"duration\":1431,\"localEndpoint\":{\"serviceName\":\"a\",\"ipv4\":\"127.0.0.1\",\"port\":80},\"remoteEndpoint\":{\"serviceName\":\"b\",\"ipv6\":\"::1\"},\"annotations\":[{\"timestamp\":1700000000000001,\"value\":\"ws\"}],\"tags\":{\"http.method\":\"GET\",\"error\":\"500\"}}";
    let server = "{\"traceId\":\"1\",\"id\":\"2\",\"kind\":\"SERVER\",\"timestamp\":1,\"shared\":true,\"tags\":{\"otel.status_code\":\"OK\",\"otel.scope.name\":\"x\"}}";
    vec![format!("[{client}]").into_bytes(), format!("[{server},{client}]").into_bytes(), b"[]".to_vec()]
}
