//! The bounds of exponential buckets, digit for digit those of Prometheus, which reads them from a table
//! (prometheus/model/histogram/generic.go: `exponentialBounds`).

use std::sync::LazyLock;

/// Buckets of an octave in the finest schema, 8.
const FINEST: usize = 256;

/// 2^(2^-schema) for the schemas 1 to 8; the first is one step below the nearest number, as in Prometheus' table.
#[expect(clippy::approx_constant, reason = "the root of two would be one step off Prometheus' table")]
const FACTORS: [f64; 8] = [
    1.414213562373095,
    1.189207115002721,
    1.0905077326652577,
    1.0442737824274138,
    1.0218971486541166,
    1.0108892860517005,
    1.0054299011128027,
    1.0027112750502025,
];

/// The lower half `[0.5, 1)` of the finest schema; each coarser one has every second bound of the next.
static TABLE: LazyLock<Vec<f64>> = LazyLock::new(|| {
    let mut bounds = vec![0.5];
    for factor in FACTORS {
        bounds = bounds.iter().flat_map(|b| [*b, b * factor]).collect();
    }
    bounds
});

/// 2^(`index` / 2^`schema`), for schemas from 0 to 8.
pub fn bound(schema: i32, index: i32) -> f64 {
    let per_octave = 1i32 << schema;
    let place = index.rem_euclid(per_octave) as usize * (FINEST >> schema);
    let fraction = TABLE.get(place).copied().unwrap_or(f64::NAN);
    // In two parts: the largest and the smallest bounds lie beyond a single power of two.
    let exponent = index.div_euclid(per_octave) + 1;
    fraction * 2f64.powi(exponent / 2) * 2f64.powi(exponent - exponent / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_have_the_digits_of_prometheus_table() {
        for (schema, index, wanted) in [
            (0, 0, 0.5),
            (1, 1, 0.7071067811865475),
            (2, 3, 0.8408964152537144),
            (5, 9, 0.6076236799902344),
            (6, 7, 0.5393803988785598),
            (8, 6, 0.5081891574554764),
            (8, 255, 0.9972960560854698),
        ] {
            assert_eq!(bound(schema, index) / 2.0, wanted, "{schema} {index}");
        }
        assert_eq!((bound(3, -16), bound(0, 1023)), (0.25, 2f64.powi(1023)));
    }
}
