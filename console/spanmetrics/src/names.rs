//! The names, which are those of Tempo's metrics-generator ("Service graphs" and "Span metrics" in its documentation; the two
//! counters of what is missing are the OpenTelemetry Collector's and Grafana Agent's).

use console_model::metric::{MetricKind, MetricMetadata};

pub(crate) const CALLS: &str = "traces_spanmetrics_calls_total";
pub(crate) const LATENCY: &str = "traces_spanmetrics_latency";
pub(crate) const SIZE: &str = "traces_spanmetrics_size_total";
pub(crate) const REQUESTS: &str = "traces_service_graph_request_total";
pub(crate) const FAILED: &str = "traces_service_graph_request_failed_total";
pub(crate) const SERVER_SECONDS: &str = "traces_service_graph_request_server_seconds";
pub(crate) const CLIENT_SECONDS: &str = "traces_service_graph_request_client_seconds";
pub(crate) const UNPAIRED: &str = "traces_service_graph_unpaired_spans_total";
pub(crate) const DROPPED: &str = "traces_service_graph_dropped_spans_total";

/// Labels that spans have before any dimension.
pub(crate) const SPAN_LABELS: [&str; 4] = ["service", "span_name", "span_kind", "status_code"];

/// The label of what went over a limit: `metric_overflow="true"` and nothing else.
pub(crate) const OVERFLOW_LABEL: &str = "metric_overflow";
/// The span name of what went over the limit of names.
pub(crate) const OVERFLOW_NAME: &str = "__cardinality_overflow__";

/// Who calls a service from outside of all that is traced.
pub(crate) const USER: &str = "user";

/// Types and help of all of them.
pub(crate) fn metadata() -> Vec<MetricMetadata> {
    use MetricKind::{Counter, Histogram};
    [
        (CALLS, Counter, "Spans that ended, by service, name, kind and status.", ""),
        (LATENCY, Histogram, "Duration of spans in seconds.", "seconds"),
        (SIZE, Counter, "Bytes of spans, about as they were sent.", "bytes"),
        (REQUESTS, Counter, "Requests from one node to another.", ""),
        (FAILED, Counter, "Requests of which either side has the status error.", ""),
        (SERVER_SECONDS, Histogram, "Duration of requests as the server saw it.", "seconds"),
        (CLIENT_SECONDS, Histogram, "Duration of requests as the client saw it.", "seconds"),
        (UNPAIRED, Counter, "Spans of requests whose other side did not come in time.", ""),
        (DROPPED, Counter, "Spans of requests that could not wait for their other side: too many do.", ""),
    ]
    .map(|(metric, kind, help, unit)| MetricMetadata {
        metric: metric.to_owned(),
        kind,
        help: help.to_owned(),
        unit: unit.to_owned(),
    })
    .to_vec()
}
