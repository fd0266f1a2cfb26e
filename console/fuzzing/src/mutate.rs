//! Damage to valid inputs: the kinds that decoders fall over.

use std::ops::Range;

use crate::{
    rng::Rng,
    tokens::{change_group, change_token},
};

/// What damaged lengths and counts look like: small, at the borders of one byte, enormous.
const LENGTHS: [&[u8]; 8] = [
    &[0],
    &[1],
    &[0x7f],
    &[0x80],
    &[0xff],
    &[0xff, 0xff, 0xff, 0xff, 0x0f],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    &[0xff, 0xff, 0xff, 0x7f],
];
const MAX_EDITS: usize = 5;
const MAX_REPEATS: usize = 40;

pub struct Mutator<'a> {
    pub rng: Rng,
    pub seeds: &'a [Vec<u8>],
    pub words: &'a [&'a str],
    pub max_bytes: usize,
}

impl Mutator<'_> {
    /// A seed with one to five edits; where there are words, half of the time edits of whole tokens.
    pub fn next_input(&mut self) -> Vec<u8> {
        let mut out = self.rng.pick(self.seeds).cloned().unwrap_or_default();
        let by_token = !self.words.is_empty() && self.rng.below(2) == 0;
        for _ in 0..=self.rng.below(MAX_EDITS) {
            match self.rng.pick(self.seeds) {
                Some(other) if by_token && self.rng.below(3) > 0 => {
                    change_group(&mut out, other, &mut self.rng);
                }
                Some(other) if by_token => change_token(&mut out, other, &mut self.rng),
                _ => self.edit(&mut out),
            }
        }
        out.truncate(self.max_bytes);
        out
    }

    fn edit(&mut self, out: &mut Vec<u8>) {
        let at = self.rng.below(out.len());
        match self.rng.below(11) {
            0 | 1 if !out.is_empty() => out[at] ^= 1 << self.rng.below(8),
            2 if !out.is_empty() => out[at] = self.rng.byte(),
            3 => out.insert(at, self.rng.byte()),
            4 => drop(out.drain(self.range(out.len()))),
            5 if !out.is_empty() => out.truncate(at),
            6 => self.length(out, at),
            7 => self.repeat(out),
            8 => self.splice(out, at),
            _ => self.word(out, at),
        }
    }

    /// At most a third of `len`, most of the time a few bytes.
    fn range(&mut self, len: usize) -> Range<usize> {
        let start = self.rng.below(len);
        let longest = if self.rng.below(4) == 0 { len / 3 } else { 8 };
        start..len.min(start + 1 + self.rng.below(longest))
    }

    fn length(&mut self, out: &mut Vec<u8>, at: usize) {
        let length = self.rng.pick(&LENGTHS).copied().unwrap_or_default();
        let end = out.len().min(at + self.rng.below(length.len() + 1));
        out.splice(at..end, length.iter().copied());
    }

    fn repeat(&mut self, out: &mut Vec<u8>) {
        let part = out[self.range(out.len())].to_vec();
        let at = self.rng.below(out.len() + 1);
        let most = if self.rng.below(4) == 0 { MAX_REPEATS } else { 3 };
        let times = 1 + self.rng.below(most);
        out.splice(at..at, part.repeat(times));
    }

    /// Goes on as another seed does.
    fn splice(&mut self, out: &mut Vec<u8>, at: usize) {
        let Some(other) = self.rng.pick(self.seeds) else { return };
        let from = self.rng.below(other.len());
        out.truncate(at);
        out.extend_from_slice(&other[from..]);
    }

    fn word(&mut self, out: &mut Vec<u8>, at: usize) {
        let Some(word) = self.rng.pick(self.words) else {
            // Without words: a part of the input itself, elsewhere.
            let part = out[self.range(out.len())].to_vec();
            let end = out.len().min(at + part.len());
            out.splice(at..end, part);
            return;
        };
        let end = if self.rng.below(2) == 0 { at } else { out.len().min(at + self.rng.below(8)) };
        out.splice(at..end, word.bytes());
    }
}
