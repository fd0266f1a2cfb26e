//! Fingerprints of label sets, equal to Prometheus' and Alertmanager's (`model.LabelSet.Fingerprint`): FNV-1a of
//! name, 0xff, value, 0xff, over the labels sorted by name.

use crate::Labels;

const OFFSET: u64 = 14_695_981_039_346_656_037;
const PRIME: u64 = 1_099_511_628_211;

/// 64-bit fingerprint.
pub fn fingerprint(labels: &Labels) -> u64 {
    let mut sum = OFFSET;
    for label in labels.iter() {
        for byte in label.name.bytes().chain([0xff]).chain(label.value.bytes()).chain([0xff]) {
            sum = (sum ^ u64::from(byte)).wrapping_mul(PRIME);
        }
    }
    sum
}

/// 16 hex digits, as APIs and addresses write it.
pub fn hex(labels: &Labels) -> String {
    format!("{:016x}", fingerprint(labels))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_set_has_the_published_fingerprint() {
        // prometheus/common model: `emptyLabelSignature`.
        assert_eq!(fingerprint(&Labels::default()), 14_695_981_039_346_656_037);
        assert_eq!(hex(&Labels::from_pairs([("a", "b")])).len(), 16);
    }
}
