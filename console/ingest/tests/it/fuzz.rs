//! No bytes make a decoder or a mapping panic.

use bytes::Bytes;
use console_ingest::{
    IngestLimits,
    body::{Encoding, decompress},
    loki::{labels, push},
    otlp::{self, http::Format, http::decode},
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
    let _ = labels::parse(&String::from_utf8_lossy(bytes), 60);
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
}
