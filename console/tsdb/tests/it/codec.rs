//! The chunk codec, by properties.

use console_model::metric::{STALE_NAN_BITS, Sample};
use console_tsdb::chunk::{Chunk, ChunkBuilder};
use proptest::prelude::*;

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<u64>().prop_map(f64::from_bits),
        Just(f64::from_bits(STALE_NAN_BITS)),
        Just(-0.0),
        (0u32..1000).prop_map(f64::from),
    ]
}

fn samples() -> impl Strategy<Value = Vec<Sample>> {
    let delta = prop_oneof![Just(15_000i64), 1i64..100, 1i64..10_000_000, 1i64..1 << 40];
    (any::<i32>(), prop::collection::vec((delta, value()), 1..300)).prop_map(|(start, steps)| {
        let mut t_ms = i64::from(start) * 1000;
        steps
            .into_iter()
            .map(|(delta, v)| {
                t_ms += delta;
                Sample { t_ms, v }
            })
            .collect()
    })
}

fn bits(samples: impl IntoIterator<Item = Sample>) -> Vec<(i64, u64)> {
    samples.into_iter().map(|s| (s.t_ms, s.v.to_bits())).collect()
}

proptest! {
    #[test]
    fn every_run_of_samples_comes_back_bit_by_bit(samples in samples()) {
        let chunk = Chunk::from_samples(&samples).unwrap();
        prop_assert_eq!(bits(chunk.samples()), bits(samples.iter().copied()));
        prop_assert_eq!((chunk.first_t, chunk.last_t), (samples[0].t_ms, samples[samples.len() - 1].t_ms));
    }

    #[test]
    fn an_open_chunk_shows_what_was_pushed_so_far(samples in samples()) {
        let mut builder = ChunkBuilder::default();
        for (i, s) in samples.iter().enumerate() {
            builder.push(*s);
            prop_assert_eq!(builder.snapshot().unwrap().samples().len(), i + 1);
        }
    }

    #[test]
    fn damaged_bytes_never_panic(samples in samples(), cut in any::<prop::sample::Index>(), flip in any::<u8>()) {
        let mut chunk = Chunk::from_samples(&samples).unwrap();
        let mut bytes = chunk.bytes.to_vec();
        let at = cut.index(bytes.len());
        bytes[at] ^= flip;
        chunk.bytes = bytes[..=at].into();
        prop_assert!(chunk.samples().len() <= samples.len());
    }
}

#[test]
fn regular_samples_of_a_counter_take_less_than_two_bytes() {
    let samples: Vec<Sample> = (0..120).map(|i| Sample { t_ms: i * 15_000, v: (i / 3) as f64 }).collect();
    let chunk = Chunk::from_samples(&samples).unwrap();
    assert!(chunk.bytes.len() < 240, "{} bytes", chunk.bytes.len());
}
