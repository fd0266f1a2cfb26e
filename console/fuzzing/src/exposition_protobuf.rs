//! The protobuf exposition of targets.

use console_ingest::scrape::exposition::{Entry, Format, Histograms, Place, SampleValue, SyntaxError, parse};

use crate::{exposition::check, wire::Message};

const ALL: [Histograms; 3] = [
    Histograms { native: false, classic_too: false, convert: false },
    Histograms { native: true, classic_too: true, convert: false },
    Histograms { native: true, classic_too: false, convert: true },
];
/// Samples of a metric that has no byte but its key and length.
const MOST_OF_NOTHING: usize = 4;

/// What is shown is sound, and not more than its bytes can stand for; whatever is refused has a place in them.
pub fn body(data: &[u8]) {
    for histograms in ALL {
        let mut shown = 0;
        let read = parse(Format::Protobuf, histograms, data, |entry| {
            if let Entry::Sample(sample) = entry {
                shown += 1;
                check(&sample);
                assert!(!sample.name.is_empty());
                if let SampleValue::Histogram(h) = sample.value {
                    for side in [&h.positive, &h.negative] {
                        assert!(side.windows(2).all(|w| w[0].index < w[1].index), "{h:?}");
                        assert!(side.iter().all(|b| b.count > 0.0), "{h:?}");
                    }
                }
            }
            Ok::<(), SyntaxError>(())
        });
        assert!(shown <= MOST_OF_NOTHING * data.len(), "{shown} samples of {} bytes", data.len());
        if let Err(e) = read {
            let Place::Bytes { offset, .. } = e.place else { panic!("{e}") };
            assert!(offset <= data.len(), "{e}");
        }
    }
}

fn label(name: &str, value: &str) -> Message {
    Message::default().text(1, name).text(2, value)
}

fn exemplar() -> Message {
    let time = Message::default().varint(1, 1_700_000_000).varint(2, 500_000_000);
    Message::default().message(1, label("trace_id", "abc")).double(2, 0.25).message(3, time)
}

fn family(name: &str, kind: i64) -> Message {
    Message::default().text(1, name).text(2, "A help.").varint(3, kind).text(5, "seconds")
}

/// Classic buckets, and native ones beside them.
fn histogram() -> Message {
    let span = |offset: i64, length: i64| Message::default().varint(1, offset << 1).varint(2, length);
    let bucket = |n: i64, bound: f64| Message::default().varint(1, n).double(2, bound).message(3, exemplar());
    Message::default()
        .varint(1, 6)
        .double(2, 2.5)
        .message(3, bucket(2, 0.5))
        .message(3, bucket(6, f64::INFINITY))
        .varint(5, 3 << 1)
        .double(6, 1e-128)
        .varint(7, 1)
        .message(12, span(0, 2))
        .message(12, span(1, 1))
        .bytes(13, &[2, 4, 1])
        .message(15, Message::default().varint(1, 1_700_000_000))
        .message(16, exemplar())
}

fn float_histogram() -> Message {
    let span = Message::default().varint(1, 3).varint(2, 1);
    Message::default().double(4, 2.5).double(2, 1.0).double(8, 0.5).message(9, span).double(11, 2.0)
}

pub fn seeds() -> Vec<Vec<u8>> {
    let metric = |field: u64, values: Message| {
        Message::default()
            .message(1, label("job", "shop"))
            .message(field, values)
            .varint(6, 1_700_000_000_000)
    };
    let value = Message::default().double(1, 5.0);
    let quantile = Message::default().double(1, 0.5).double(2, 1.5);
    let summary = Message::default().varint(1, 3).double(2, 4.5).message(3, quantile);
    let families = [
        family("a_total", 0).message(4, metric(3, value.clone().message(2, exemplar()))),
        family("g", 1).message(4, metric(2, value.clone())).message(4, Message::default()),
        family("s_seconds", 2).message(4, metric(4, summary)),
        family("u", 3).message(4, metric(5, value)),
        family("h_seconds", 4).message(4, metric(7, histogram())),
        family("gh", 5).message(4, metric(7, float_histogram())),
    ];
    // Behind its length, which is a number of one or two bytes.
    let delimited = |m: &Message| {
        let n = m.0.len();
        let length = if n < 0x80 { vec![n as u8] } else { vec![n as u8 | 0x80, (n >> 7) as u8] };
        [length, m.0.clone()].concat()
    };
    let each: Vec<Vec<u8>> = families.iter().map(delimited).collect();
    [each.concat()].into_iter().chain(each).chain([Vec::new()]).collect()
}
