//! The hash that `limit_ratio` chooses series by: that of Prometheus, so that both choose the same ones.

use console_model::Labels;

const PRIMES: [u64; 5] = [
    0x9E37_79B1_85EB_CA87,
    0xC2B2_AE3D_27D4_EB4F,
    0x1656_67B1_9E37_79F9,
    0x85EB_CA77_C2B2_AE63,
    0x27D4_EB2F_1656_67C5,
];

/// Where a label set lies between 0 and 1 (prometheus/promql/engine.go: `HashRatioSampler`).
pub(super) fn place(labels: &Labels) -> f64 {
    xxh64(&encoded(labels)) as f64 / u64::MAX as f64
}

/// Whether a ratio takes a place: from below where it is positive, from above where it is negative.
pub(super) fn takes(ratio: f64, place: f64) -> bool {
    if ratio >= 0.0 { place < ratio } else { place >= 1.0 + ratio }
}

/// Names and values in turn, each behind its length (prometheus/model/labels/labels_stringlabels.go).
fn encoded(labels: &Labels) -> Vec<u8> {
    let mut out = Vec::new();
    for text in labels.iter().flat_map(|l| [&l.name, &l.value]) {
        match u8::try_from(text.len()) {
            Ok(length) if length < 255 => out.push(length),
            _ => {
                out.push(255);
                out.extend_from_slice(&(text.len() as u32).to_le_bytes()[..3]);
            }
        }
        out.extend_from_slice(text.as_bytes());
    }
    out
}

fn word(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |word, b| word << 8 | u64::from(*b))
}

fn round(lane: u64, input: u64) -> u64 {
    lane.wrapping_add(input.wrapping_mul(PRIMES[1])).rotate_left(31).wrapping_mul(PRIMES[0])
}

/// XXH64 with seed 0.
fn xxh64(bytes: &[u8]) -> u64 {
    let mut rest = bytes;
    let mut hash = if bytes.len() >= 32 {
        let mut lanes = [PRIMES[0].wrapping_add(PRIMES[1]), PRIMES[1], 0, 0u64.wrapping_sub(PRIMES[0])];
        while let Some((stripe, after)) = rest.split_at_checked(32) {
            for (lane, input) in lanes.iter_mut().zip(stripe.chunks(8)) {
                *lane = round(*lane, word(input));
            }
            rest = after;
        }
        let [a, b, c, d] = lanes;
        let sum = a
            .rotate_left(1)
            .wrapping_add(b.rotate_left(7))
            .wrapping_add(c.rotate_left(12))
            .wrapping_add(d.rotate_left(18));
        lanes
            .iter()
            .fold(sum, |hash, lane| (hash ^ round(0, *lane)).wrapping_mul(PRIMES[0]).wrapping_add(PRIMES[3]))
    } else {
        PRIMES[4]
    };
    hash = hash.wrapping_add(bytes.len() as u64);
    while let Some((chunk, after)) = rest.split_at_checked(8) {
        hash = (hash ^ round(0, word(chunk))).rotate_left(27).wrapping_mul(PRIMES[0]).wrapping_add(PRIMES[3]);
        rest = after;
    }
    if let Some((chunk, after)) = rest.split_at_checked(4) {
        hash = (hash ^ word(chunk).wrapping_mul(PRIMES[0]))
            .rotate_left(23)
            .wrapping_mul(PRIMES[1])
            .wrapping_add(PRIMES[2]);
        rest = after;
    }
    for byte in rest {
        hash = (hash ^ u64::from(*byte).wrapping_mul(PRIMES[4])).rotate_left(11).wrapping_mul(PRIMES[0]);
    }
    hash = (hash ^ hash >> 33).wrapping_mul(PRIMES[1]);
    hash = (hash ^ hash >> 29).wrapping_mul(PRIMES[2]);
    hash ^ hash >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_its_specification() {
        assert_eq!(xxh64(b""), 0xEF46_DB37_51D8_E999);
        assert_eq!(xxh64(b"a"), 0xD24E_C4F1_A98C_6E5B);
        assert_eq!(xxh64(b"abc"), 0x44BC_2CF5_AD77_0999);
        assert_eq!(xxh64(b"Nobody inspects the spammish repetition"), 0xFBCE_A83C_8A37_8BF1);
    }

    #[test]
    fn a_ratio_and_its_complement_share_all_series_out() {
        for i in 0..100 {
            let place = place(&Labels::from_pairs([("instance", i.to_string())]));
            assert!(takes(0.3, place) != takes(-0.7, place));
            assert!(takes(1.0, place) && takes(-1.0, place));
        }
    }
}
