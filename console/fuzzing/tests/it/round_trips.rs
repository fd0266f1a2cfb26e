//! What is encoded as a sender does decodes to what it was, in every form that a protocol has.

use std::{collections::BTreeMap, fmt::Write as _, io::Write as _};

use console_fuzzing::{NOW_MS, otlp, rng::Rng, wire::Message};
use console_ingest::{
    IngestLimits,
    body::{Encoding, decompress},
    loki::push,
    otlp::http::{Format, decode},
    remote_write::{v1, v2},
    scrape::exposition::{self, Entry, Histograms, SyntaxError},
};
use console_model::{
    Labels,
    metric::{STALE_NAN_BITS, Sample},
};
use opentelemetry_proto::tonic::collector::{
    logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
    trace::v1::ExportTraceServiceRequest,
};

const ROUNDS: usize = 500;
/// Text that is easily read wrongly.
const PIECES: [&str; 14] =
    ["a", "B9", "_", "é", "\u{1f600}", "\\", "\"", "\n", "}", ",", " ", "\t", "\u{0}", "#"];
const NUMBERS: [f64; 10] = [
    0.0,
    -0.0,
    1.5,
    f64::MAX,
    f64::MIN_POSITIVE,
    5e-324,
    f64::INFINITY,
    f64::NEG_INFINITY,
    1e21,
    123_456_789.123_456_79,
];

fn text(rng: &mut Rng) -> String {
    (0..=rng.below(6)).map(|_| PIECES[rng.below(PIECES.len())]).collect()
}

fn number(rng: &mut Rng) -> f64 {
    if rng.below(2) == 0 { NUMBERS[rng.below(NUMBERS.len())] } else { rng.next_u64() as f64 / 1e7 }
}

type Named = BTreeMap<String, String>;

/// Series that differ, each with samples in order.
fn series(rng: &mut Rng) -> Vec<(Named, Vec<Sample>)> {
    (0..=rng.below(5))
        .map(|n| {
            let mut labels = Named::from([("__name__".to_owned(), format!("m{n}_total"))]);
            labels.extend((0..rng.below(4)).map(|l| (format!("l{l}"), text(rng))));
            let stale = f64::from_bits(STALE_NAN_BITS);
            let mut sample = |i: i64| {
                let v = if rng.below(9) == 0 { stale } else { number(rng) };
                Sample { t_ms: NOW_MS + i * 15_000 - 7, v }
            };
            let samples = (0..=n as i64).map(&mut sample).collect();
            (labels, samples)
        })
        .collect()
}

fn sample(s: &Sample) -> Message {
    Message::default().double(1, s.v).varint(2, s.t_ms)
}

fn shown<'a>(all: impl Iterator<Item = (Labels, &'a [Sample])>) -> Vec<String> {
    let bits = |samples: &[Sample]| samples.iter().map(|s| (s.t_ms, s.v.to_bits())).collect::<Vec<_>>();
    all.map(|(labels, samples)| format!("{labels} {:?}", bits(samples))).collect()
}

#[test]
fn both_versions_of_remote_write_say_the_same() {
    let (mut rng, limits) = (Rng::new(1), IngestLimits::default());
    for _ in 0..ROUNDS {
        let all = series(&mut rng);
        let mut first = Message::default();
        let mut symbols = vec![String::new()];
        let mut second = Message::default();
        for (labels, samples) in &all {
            let mut series1 = Message::default();
            let mut references = Message::default();
            for (name, value) in labels {
                series1 = series1.message(1, Message::default().text(1, name).text(2, value));
                for text in [name, value] {
                    let at = symbols.iter().position(|s| s == text).unwrap_or(symbols.len());
                    if at == symbols.len() {
                        symbols.push(text.clone());
                    }
                    references.0.push(u8::try_from(at).unwrap());
                }
            }
            let with = |m: Message| samples.iter().fold(m, |m, s| m.message(2, sample(s)));
            first = first.message(1, with(series1));
            second = second.message(5, with(Message::default().bytes(1, &references.0)));
        }
        let second = symbols.iter().fold(second, |m, s| m.text(4, s));
        let wanted = shown(all.iter().map(|(l, s)| (Labels::from_pairs(l), &s[..])));
        for read in [v1::collect(&first.0, &limits), v2::collect(&second.0, &limits)] {
            let read = read.unwrap();
            assert_eq!(read.refused.count, 0, "{:?}", read.refused);
            assert_eq!(shown(read.batches.iter().map(|b| (b.labels.clone(), &b.samples[..]))), wanted);
        }
    }
}

#[test]
fn every_compression_is_undone() {
    let (mut rng, limits) = (Rng::new(2), IngestLimits::default());
    for round in 0..ROUNDS {
        let repeated = 1 + rng.below(30);
        let plain: Vec<u8> = (0..round % 97).map(|_| rng.byte()).collect::<Vec<u8>>().repeat(repeated);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&plain).unwrap();
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        zlib.write_all(&plain).unwrap();
        let all = [
            (Encoding::Identity, plain.clone()),
            (Encoding::Gzip, gzip.finish().unwrap()),
            (Encoding::Deflate, zlib.finish().unwrap()),
            (Encoding::Snappy, snap::raw::Encoder::new().compress_vec(&plain).unwrap()),
            (Encoding::Zstd, zstd::bulk::compress(&plain, 1).unwrap()),
        ];
        for (encoding, bytes) in all {
            assert_eq!(decompress(encoding, bytes.into(), &limits).unwrap(), plain, "{encoding:?}");
        }
    }
}

/// A label's value as both text formats write it.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"")
}

#[test]
fn expositions_keep_every_label_value_and_time() {
    let mut rng = Rng::new(3);
    for _ in 0..ROUNDS {
        let all = series(&mut rng);
        let mut text = String::new();
        let mut wanted = Vec::new();
        for (labels, samples) in &all {
            let name = &labels["__name__"];
            let others: Vec<_> = labels.iter().filter(|(n, _)| *n != "__name__").collect();
            let shown: Vec<String> = others.iter().map(|(n, v)| format!("{n}=\"{}\"", escaped(v))).collect();
            for s in samples.iter().filter(|s| !s.v.is_nan()) {
                let v = if s.v.is_infinite() {
                    format!("{:+}", s.v).replace("inf", "Inf")
                } else {
                    format!("{:e}", s.v)
                };
                writeln!(text, "{name}{{{}}} {v} {}", shown.join(","), s.t_ms).unwrap();
                let labels: Vec<_> = others.iter().map(|(n, v)| ((*n).clone(), (*v).clone())).collect();
                wanted.push((name.clone(), labels, s.v.to_bits(), s.t_ms));
            }
        }
        let mut read = Vec::new();
        let (format, histograms) = (exposition::Format::Prometheus, Histograms::default());
        exposition::parse(format, histograms, text.as_bytes(), |entry| {
            let Entry::Sample(s) = entry else { return Ok(()) };
            let labels: Vec<_> =
                s.labels.iter().map(|l| (l.name.to_owned(), l.value().into_owned())).collect();
            read.push((
                s.name.to_owned(),
                labels,
                s.value.float().unwrap().to_bits(),
                s.timestamp_ms.unwrap(),
            ));
            Ok::<(), SyntaxError>(())
        })
        .unwrap_or_else(|e| panic!("{e}: {text}"));
        assert_eq!(read, wanted);
    }
}

#[test]
fn both_forms_of_a_loki_push_say_the_same() {
    let (mut rng, limits) = (Rng::new(4), IngestLimits::default());
    for _ in 0..ROUNDS {
        let (line, value, extra) = (text(&mut rng), text(&mut rng), text(&mut rng));
        let t_ns = NOW_MS * 1_000_000 + rng.below(1_000_000_000) as i64;
        let json = serde_json::json!({"streams": [{
            "stream": {"app": "shop", "v": value},
            "values": [[t_ns.to_string(), line, {"trace_id": extra}]],
        }]});
        let time = Message::default().varint(1, t_ns / 1_000_000_000).varint(2, t_ns % 1_000_000_000);
        let pair = Message::default().text(1, "trace_id").text(2, &extra);
        let entry = Message::default().message(1, time).text(2, &line).message(3, pair);
        // Go's quoting and JSON's are the same for these texts, save one way to write a character.
        let quoted = serde_json::to_string(&value).unwrap();
        let stream = Message::default().text(1, &format!("{{app=\"shop\",v={quoted}}}")).message(2, entry);
        let (first, refused) = push::from_json(json.to_string().as_bytes(), &limits).unwrap();
        assert_eq!(refused.count, 0, "{refused:?}");
        let (second, refused) = push::from_proto(&Message::default().message(1, stream).0, &limits).unwrap();
        assert_eq!(refused.count, 0, "{refused:?} of {quoted}");
        assert_eq!(first, second);
        assert_eq!((&*first[0].entries[0].line, first[0].entries[0].t_ns), (&*line, t_ns));
        assert_eq!(first[0].labels.get("v"), Some(&*value));
    }
}

/// Maps each JSON seed, and the same as protobuf.
macro_rules! same_in_both_forms {
    ($seeds:expr, $request:ty, $map:expr) => {
        let texts: Vec<_> = $seeds.into_iter().filter(|s| s.starts_with(b"{")).collect();
        let mut mapped = 0;
        for text in texts {
            let Ok(request) = decode::<$request>(Format::Json, &text.into(), 64) else { continue };
            let bytes = prost::Message::encode_to_vec(&request);
            let again = decode::<$request>(Format::Protobuf, &bytes.into(), 64).unwrap();
            let (first, second) = ($map(request), $map(again));
            assert_eq!(format!("{first:?}"), format!("{second:?}"));
            mapped += 1;
        }
        assert!(mapped > 0);
    };
}

#[test]
fn otlp_means_the_same_in_json_and_protobuf() {
    let limits = IngestLimits::default();
    same_in_both_forms!(otlp::metrics_seeds(), ExportMetricsServiceRequest, |r| {
        let (points, refused) = console_ingest::otlp::metrics::map(r, &limits).unwrap();
        (points.cumulative, points.delta, points.metadata, refused)
    });
    same_in_both_forms!(otlp::logs_seeds(), ExportLogsServiceRequest, |r| {
        console_ingest::otlp::logs::map(r, &limits, 1).unwrap()
    });
    same_in_both_forms!(otlp::traces_seeds(), ExportTraceServiceRequest, |r| {
        console_ingest::otlp::traces::map(r, &limits).unwrap()
    });
}
