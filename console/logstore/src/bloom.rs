//! Which blocks can contain a substring: a filter over the tokens of a block's lines.
//!
//! A token is a longest run of ASCII letters and digits, `_`, `-`, and bytes outside ASCII. Of a token shorter than
//! [`LONG`] bytes the filter has its hash. Of a longer one it has the hashes of some pieces of [`GRAM`] bytes: in every
//! window of [`WINDOW`] neighbouring pieces the one with the lowest hash ("winnowing", Schleimer, Wilkerson and Aiken,
//! 2003), so that whatever cuts a stretch of at least [`LONG`] bytes out of a token finds a piece that the filter has. A
//! substring is asked for by the short tokens that lie whole inside it, and by the pieces of all long stretches: an id
//! is found wherever it stands, and a word only where the substring shows both its ends.
//!
//! The filter is a split block Bloom filter (Putze, Sanders and Singler, 2007): buckets of 256 bits, eight bits a key.
//! Its hashes are on disk: they never change within a version of the format.

use memchr::memmem;

/// Bytes of a piece of a long token.
const GRAM: usize = 8;
/// Neighbouring pieces of which one is kept.
const WINDOW: usize = 9;
/// Tokens from this length on are kept in pieces.
const LONG: usize = GRAM + WINDOW - 1;
/// Bytes of a bucket.
pub const BUCKET: usize = 32;
/// Of 30 keys that are not there one passes. An id has several, of which all must pass.
const BITS_PER_KEY: usize = 8;
/// Keys seen lately, to keep repetitions out of the list.
const RECENT: usize = 1 << 14;

const SALT: [u32; 8] =
    [0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d, 0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31];

static TOKEN_BYTE: [bool; 256] = {
    let mut table = [false; 256];
    let mut b = 0;
    while b < 256 {
        let c = b as u8;
        table[b] = c.is_ascii_alphanumeric() || c == b'_' || c == b'-' || c >= 0x80;
        b += 1;
    }
    table
};

fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ (product >> 64) as u64
}

fn word(bytes: &[u8]) -> u64 {
    let mut eight = [0; 8];
    for (to, from) in eight.iter_mut().zip(bytes) {
        *to = *from;
    }
    u64::from_le_bytes(eight)
}

fn token_key(token: &[u8]) -> u64 {
    let mut hash = 0x9e37_79b9_7f4a_7c15 ^ token.len() as u64;
    for part in token.chunks(8) {
        hash = fold(hash ^ word(part), 0xa076_1d64_78bd_642f);
    }
    fold(hash, 0xe703_7ed1_a0b4_28db)
}

fn gram_key(gram: &[u8]) -> u64 {
    fold(word(gram) ^ 0x8ebc_6af0_9c88_c6e3, 0x5899_65cc_7537_4cc3)
}

/// The keys of the pieces of a stretch of at least [`LONG`] bytes.
fn grams(stretch: &[u8], mut found: impl FnMut(u64)) {
    let mut window = [0u64; WINDOW];
    let mut lowest = (u64::MAX, 0);
    for (at, gram) in stretch.windows(GRAM).enumerate() {
        let key = gram_key(gram);
        window[at % WINDOW] = key;
        let mut changed = false;
        if key <= lowest.0 {
            (lowest, changed) = ((key, at), true);
        } else if at >= WINDOW && lowest.1 <= at - WINDOW {
            // The lowest has left the window: the last of the lowest that are left.
            lowest = (u64::MAX, 0);
            for place in at + 1 - WINDOW..=at {
                if window[place % WINDOW] <= lowest.0 {
                    lowest = (window[place % WINDOW], place);
                }
            }
            changed = true;
        }
        // The first window is whole only now, and its lowest may have been found before.
        if at + 1 == WINDOW || (changed && at + 1 > WINDOW) {
            // Hashed again: the lowest of many would all fall into the same few buckets.
            found(fold(lowest.0 ^ 0x2d35_8dcc_aa6c_78a5, 0x8bb8_4b93_962e_acc9));
        }
    }
}

/// Keys of a token; `whole` says whether both its ends are known.
fn keys_of(token: &[u8], whole: bool, mut found: impl FnMut(u64)) {
    if token.len() >= LONG {
        grams(token, found);
    } else if whole {
        found(token_key(token));
    }
}

/// Each token with the places where it begins and ends.
fn tokens(text: &[u8], mut found: impl FnMut(usize, usize)) {
    let mut at = 0;
    while at < text.len() {
        if !TOKEN_BYTE[text[at] as usize] {
            at += 1;
            continue;
        }
        let from = at;
        while at < text.len() && TOKEN_BYTE[text[at] as usize] {
            at += 1;
        }
        found(from, at);
    }
}

/// Collects the keys of a block's lines.
pub struct BloomBuilder {
    keys: Vec<u64>,
    recent: Vec<u64>,
}

impl Default for BloomBuilder {
    fn default() -> Self {
        Self { keys: Vec::new(), recent: vec![0; RECENT] }
    }
}

impl BloomBuilder {
    pub fn line(&mut self, line: &[u8]) {
        let Self { keys, recent } = self;
        tokens(line, |from, to| {
            keys_of(&line[from..to], true, |key| {
                let slot = &mut recent[key as usize % RECENT];
                if *slot != key || key == 0 {
                    *slot = key;
                    keys.push(key);
                }
            });
        });
    }

    /// The bytes of the filter; begins anew.
    pub fn finish(&mut self) -> Vec<u8> {
        let buckets = (self.keys.len() * BITS_PER_KEY).div_ceil(8 * BUCKET);
        let mut bytes = vec![0; buckets * BUCKET];
        for key in self.keys.drain(..) {
            let at = bucket_of(key, buckets);
            for (word, bit) in bits_of(key).enumerate() {
                bytes[at + word * 4 + bit / 8] |= 1 << (bit % 8);
            }
        }
        self.recent.fill(0);
        bytes
    }
}

/// Where the bucket of a key begins.
fn bucket_of(key: u64, buckets: usize) -> usize {
    (((key >> 32) * buckets as u64) >> 32) as usize * BUCKET
}

/// The bit of each of the eight words of a bucket.
fn bits_of(key: u64) -> impl Iterator<Item = usize> {
    SALT.iter().map(move |salt| ((key as u32).wrapping_mul(*salt) >> 27) as usize)
}

/// A substring that is looked for.
pub struct Needle {
    finder: memmem::Finder<'static>,
    keys: Vec<u64>,
}

impl Needle {
    pub fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut keys = Vec::new();
        tokens(bytes, |from, to| {
            let whole = from > 0 && to < bytes.len();
            keys_of(&bytes[from..to], whole, |key| keys.push(key));
        });
        keys.sort_unstable();
        keys.dedup();
        Self { finder: memmem::Finder::new(bytes).into_owned(), keys }
    }

    /// Whether a block with this filter may contain it.
    pub fn may_be_in(&self, filter: &[u8]) -> bool {
        let bucket = |at: usize| filter.get(at..).and_then(<[u8]>::first_chunk).copied().ok_or(());
        self.may_be_among(filter.len(), bucket).unwrap_or_default()
    }

    /// Whether a block with a filter of so many bytes may contain it; `bucket` is asked for those that begin at a place.
    pub fn may_be_among<E>(
        &self,
        length: usize,
        mut bucket: impl FnMut(usize) -> Result<[u8; BUCKET], E>,
    ) -> Result<bool, E> {
        let buckets = length / BUCKET;
        for key in &self.keys {
            // Lines without a token have an empty filter.
            if buckets == 0 {
                return Ok(false);
            }
            let bucket = bucket(bucket_of(*key, buckets))?;
            if !bits_of(*key)
                .enumerate()
                .all(|(word, bit)| bucket[word * 4 + bit / 8] & (1 << (bit % 8)) != 0)
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether a filter can say anything about it.
    pub fn has_keys(&self) -> bool {
        !self.keys.is_empty()
    }

    pub fn len(&self) -> usize {
        self.finder.needle().len()
    }

    pub fn find(&self, text: &[u8]) -> Option<usize> {
        self.finder.find(text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filter(lines: &[&str]) -> Vec<u8> {
        let mut builder = BloomBuilder::default();
        for line in lines {
            builder.line(line.as_bytes());
        }
        builder.finish()
    }

    #[test]
    fn an_id_is_found_wherever_it_stands_and_a_word_where_both_its_ends_show() {
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        let with = filter(&[&format!("x{id}y paid"), "order 17 of user-9 paid"]);
        let without: Vec<String> = (0..2000).map(|i| format!("order {i} of user-{} failed", i % 7)).collect();
        let without = filter(&without.iter().map(String::as_str).collect::<Vec<_>>());
        for text in [id, &id[3..21], " of user-9 paid", "er 17 o"] {
            assert!(Needle::new(text).may_be_in(&with), "{text}");
        }
        for text in [id, &id[3..21], "7 of user-9 pa", " paid "] {
            assert!(!Needle::new(text).may_be_in(&without), "{text}");
        }
        assert!(!Needle::new("aid").has_keys() && !Needle::new(&id[..15]).has_keys());
        assert!(!Needle::new(" a ").may_be_in(&filter(&["", "..."])));
    }

    #[test]
    fn few_ids_that_are_not_there_pass() {
        let id = |i: u64| {
            format!("{:016x}{:016x}", fold(i + 1, 0xa076_1d64_78bd_642f), fold(i + 7, 0x5899_65cc_7537_4cc3))
        };
        let lines: Vec<String> =
            (0..5000).map(|i| format!("GET /orders/{i} 200 trace_id={}", id(i))).collect();
        let filter = filter(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        assert!((0..5000).all(|i| Needle::new(&id(i)).may_be_in(&filter)));
        let wrong = (10_000..20_000).filter(|i| Needle::new(&id(*i)).may_be_in(&filter)).count();
        assert!(wrong < 20, "{wrong} of 10,000");
    }

    proptest! {
        #[test]
        fn no_substring_of_a_line_is_ever_denied(
            line in "[a-c _.é-]{0,60}[0-9a-f]{0,40}[ a-z]{0,9}[0-9a-f-]{0,60}", from in 0usize..150, length in 1usize..150,
        ) {
            let filter = filter(&[&line, "other"]);
            let cut: String = line.chars().skip(from).take(length).collect();
            prop_assert!(Needle::new(&cut).may_be_in(&filter), "{cut:?} of {line:?}");
        }
    }
}
