//! The OpenTelemetry protocol's own JSON examples, sent as they are.

use std::{fs, path::Path};

use console_ingest::otlp::http::{Format, decode};
use opentelemetry_proto::tonic::collector::{
    logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
    trace::v1::ExportTraceServiceRequest,
};

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpora/otlp");

#[test]
fn the_examples_of_the_protocol_map_without_loss() {
    if !Path::new(CORPUS).is_dir() {
        println!("skipped: the OTLP corpus is not at {CORPUS}");
        return;
    }
    let limits = console_ingest::IngestLimits::default();
    let read = |name: &str| bytes::Bytes::from(fs::read(Path::new(CORPUS).join(name)).unwrap());

    let request: ExportTraceServiceRequest = decode(Format::Json, &read("trace.json"), 64).unwrap();
    let (spans, refused) = console_ingest::otlp::traces::map(request, &limits).unwrap();
    assert_eq!((spans.len(), refused.count), (1, 0));
    assert_eq!(spans[0].service, "my.service");
    assert_eq!(spans[0].trace_id.to_string(), "5b8efff798038103d269b633813fc60c");

    for name in ["logs.json", "events.json"] {
        let request: ExportLogsServiceRequest = decode(Format::Json, &read(name), 64).unwrap();
        let (streams, refused) = console_ingest::otlp::logs::map(request, &limits, 1).unwrap();
        assert!(refused.count == 0 && !streams.is_empty(), "{name}: {refused:?}");
        assert_eq!(streams[0].labels.get("service_name"), Some("my.service"));
    }

    let request: ExportMetricsServiceRequest = decode(Format::Json, &read("metrics.json"), 64).unwrap();
    let (points, refused) = console_ingest::otlp::metrics::map(request, &limits).unwrap();
    assert!(!points.cumulative.is_empty() && !points.delta.is_empty());
    assert_eq!(refused.count, 0, "{refused:?}");
}
