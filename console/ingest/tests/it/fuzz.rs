//! No bytes make a decoder or a mapping panic.

use bytes::Bytes;
use console_ingest::{
    IngestLimits,
    body::{Encoding, decompress},
    loki::{labels, push},
    otlp::{self, http::Format, http::decode},
    remote_write::{v1, v2},
    scrape::{ScrapeConfig, exposition},
};
use proptest::prelude::*;

use crate::grpc::{span, traces};

fn every_decoder(bytes: &Bytes) {
    let limits = IngestLimits { max_decompressed_bytes: 1 << 20, ..IngestLimits::default() };
    for encoding in [Encoding::Gzip, Encoding::Deflate, Encoding::Snappy, Encoding::Zstd] {
        let _ = decompress(encoding, bytes.clone(), &limits);
    }
    for format in [Format::Protobuf, Format::Json] {
        let _ = decode(format, bytes, 64).map(|r| otlp::traces::map(r, &limits));
        let _ = decode(format, bytes, 64).map(|r| otlp::logs::map(r, &limits, 1));
        let _ = decode(format, bytes, 64).map(|r| otlp::metrics::map(r, &limits));
    }
    let _ = push::from_proto(bytes, &limits);
    let _ = push::from_json(bytes, &limits);
    let _ = v1::collect(bytes, &limits);
    let _ = v2::collect(bytes, &limits);
    let _ = labels::parse(&String::from_utf8_lossy(bytes), 60);
    every_exposition(bytes);
}

/// Whatever is shown is named and bounded by the bytes; whatever is refused has a place in them.
fn every_exposition(bytes: &[u8]) {
    use exposition::{Entry, Format, Histograms, Place};
    let convert = Histograms { convert: true, classic_too: true, ..Histograms::default() };
    let native = Histograms { native: true, ..convert };
    for format in [Format::Prometheus, Format::OpenMetrics, Format::Protobuf] {
        for histograms in [Histograms::default(), convert, native] {
            let read = exposition::parse(format, histograms, bytes, |entry| {
                if let Entry::Sample(sample) = entry {
                    assert!(!sample.name.is_empty() && sample.labels.iter().all(|l| !l.name.is_empty()));
                    assert!(sample.labels.iter().all(|l| l.value().len() <= l.raw.len()));
                }
                Ok::<(), exposition::SyntaxError>(())
            });
            let Err(e) = read else { continue };
            match e.place {
                Place::Text { line, column } => {
                    assert!(line >= 1 && line <= bytes.split(|b| *b == b'\n').count(), "{line}");
                    assert!(column >= 1 && column <= bytes.len() + 1, "{column}");
                }
                Place::Bytes { offset, .. } => assert!(offset <= bytes.len(), "{offset}"),
            }
        }
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        every_decoder(&bytes.into());
    }

    #[test]
    fn damaged_requests_never_panic(
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)
    ) {
        use prost::Message;
        let request = traces(vec![span(1)]);
        for mut bytes in [request.encode_to_vec(), serde_json::to_vec(&request).unwrap()] {
            for (at, byte) in &damage {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            every_decoder(&bytes.into());
        }
    }

    #[test]
    fn label_text_never_panics(text in r#"[{}a-z="\\,`é ]{0,40}"#) {
        let _ = labels::parse(&text, 60);
    }

    #[test]
    fn exposition_text_never_panics(
        lines in proptest::collection::vec(r#"(# (TYPE|HELP|UNIT|EOF)?|a|b_bucket|é|1|\{|\}|"|\\|,|=|le| |NaN|[+]Inf|-|#|\t){0,14}"#, 0..8),
        ends in any::<bool>()
    ) {
        let text = lines.join("\n") + if ends { "\n# EOF\n" } else { "" };
        every_exposition(text.as_bytes());
    }

    #[test]
    fn damaged_expositions_never_panic(
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6)
    ) {
        let text = "# HELP a_seconds A \\n.\n# TYPE a_seconds histogram\n# UNIT a_seconds seconds\n\
                    {\"a_seconds_bucket\",x=\"\\\"\",le=\"1\"} 1 1.5 # {\"i.d\"=\"1\"} 0.5 1\n\
                    a_seconds_bucket{x=\"\\\"\",le=\"+Inf\"} 2 1.5\n# EOF\n";
        let mut bytes = text.as_bytes().to_vec();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        every_exposition(&bytes);
    }

    #[test]
    fn scrape_configurations_never_panic(text in r"(scrape_configs:|- job_name: |\n|  |targets: |\[|\]|\{|\}|1s|relabel_configs:|regex: |\(|&a|\*a){0,12}") {
        let _ = ScrapeConfig::parse("scrape.yml".as_ref(), &text);
    }
}
