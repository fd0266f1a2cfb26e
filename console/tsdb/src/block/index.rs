//! A block's index: strings, series, postings.

use std::{collections::BTreeMap, sync::Arc};

use console_blockkit::record::{Reader, Writer};
use console_model::{Labels, labels::Label};

use super::BlockError;
use crate::matching::{Compiled, Test};

/// Where points of a series lie: samples of a batch, or bytes of a batch of histograms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub batch: u32,
    pub first: u32,
    pub len: u32,
    pub first_t: i64,
    pub last_t: i64,
}

#[derive(Debug)]
pub struct Index {
    strings: Vec<Arc<str>>,
    /// Label pairs of all series, and where each series' pairs and runs end.
    pairs: Vec<(u32, u32)>,
    runs: Vec<Run>,
    ends: Vec<(u32, u32)>,
    /// Sorted by pair; each with the end of its part of `members`.
    postings: Vec<((u32, u32), u32)>,
    members: Vec<u32>,
    /// Series with native histograms, in order; each with the end of its part of `histogram_runs`.
    histograms: Vec<(u32, u32)>,
    histogram_runs: Vec<Run>,
}

/// What the series table says of a series.
#[derive(Debug)]
pub(super) struct Entry {
    pub labels: Labels,
    pub runs: Vec<Run>,
    pub histograms: Vec<Run>,
}

/// The parts as bytes; no histograms when no series has any.
pub(super) struct Encoded {
    pub strings: Vec<u8>,
    pub series: Vec<u8>,
    pub postings: Vec<u8>,
    pub histograms: Option<Vec<u8>>,
}

fn put_runs(w: &mut Writer, runs: &[Run]) {
    w.uint(runs.len() as u64);
    for r in runs {
        w.uint(u64::from(r.batch));
        w.uint(u64::from(r.first));
        w.uint(u64::from(r.len));
        w.int(r.first_t);
        w.uint(r.last_t.wrapping_sub(r.first_t) as u64);
    }
}

fn get_runs(r: &mut Reader<'_>, runs: &mut Vec<Run>) -> Result<(), BlockError> {
    for _ in 0..r.count()? {
        let (batch, first, len) = (small(r)?, small(r)?, small(r)?);
        let first_t = r.int()?;
        let last_t = first_t.wrapping_add(r.uint()? as i64);
        runs.push(Run { batch, first, len, first_t, last_t });
    }
    Ok(())
}

fn encode_histograms(series: &[Entry]) -> Option<Vec<u8>> {
    let having = || series.iter().enumerate().filter(|(_, e)| !e.histograms.is_empty());
    let count = having().count();
    (count > 0).then(|| {
        let mut w = Writer::default();
        w.uint(count as u64);
        for (place, entry) in having() {
            w.uint(place as u64);
            put_runs(&mut w, &entry.histograms);
        }
        w.bytes
    })
}

pub(super) fn encode(series: &[Entry]) -> Encoded {
    let mut ids: BTreeMap<&str, u64> = BTreeMap::new();
    for l in series.iter().flat_map(|e| e.labels.iter()) {
        ids.insert(&l.name, 0);
        ids.insert(&l.value, 0);
    }
    let mut strings = Writer::default();
    strings.uint(ids.len() as u64);
    for (i, (text, id)) in ids.iter_mut().enumerate() {
        *id = i as u64;
        strings.blob(text.as_bytes());
    }
    let (mut table, mut postings) = (Writer::default(), Writer::default());
    let mut members: BTreeMap<(u64, u64), Vec<u64>> = BTreeMap::new();
    table.uint(series.len() as u64);
    for (place, Entry { labels, runs, .. }) in series.iter().enumerate() {
        table.uint(labels.len() as u64);
        for l in labels.iter() {
            let pair = (ids[&*l.name], ids[&*l.value]);
            table.uint(pair.0);
            table.uint(pair.1);
            members.entry(pair).or_default().push(place as u64);
        }
        put_runs(&mut table, runs);
    }
    postings.uint(members.len() as u64);
    for ((name, value), places) in members {
        postings.uint(name);
        postings.uint(value);
        postings.uint(places.len() as u64);
        let mut last = 0;
        for place in places {
            postings.uint(place - last);
            last = place;
        }
    }
    let histograms = encode_histograms(series);
    Encoded { strings: strings.bytes, series: table.bytes, postings: postings.bytes, histograms }
}

fn small(r: &mut Reader<'_>) -> Result<u32, BlockError> {
    u32::try_from(r.uint()?).map_err(|_| BlockError::Damaged("number is too large"))
}

impl Index {
    pub(super) fn decode(
        strings: &[u8],
        series: &[u8],
        postings: &[u8],
        histograms: Option<&[u8]>,
    ) -> Result<Self, BlockError> {
        let mut r = Reader::new(strings);
        let n = r.count()?;
        let strings: Vec<Arc<str>> = (0..n).map(|_| r.text().map(Arc::from)).collect::<Result<_, _>>()?;
        // Looked up by bisection; and series have their labels in this order.
        if !strings.is_sorted_by(|a, b| a < b) {
            return Err(BlockError::Damaged("strings are not sorted"));
        }
        let pair = |r: &mut Reader<'_>| {
            let pair = (small(r)?, small(r)?);
            let known = |id: u32| (id as usize) < strings.len();
            if known(pair.0) && known(pair.1) { Ok(pair) } else { Err(BlockError::Damaged("unknown string")) }
        };
        let mut r = Reader::new(series);
        let (mut pairs, mut runs, mut ends) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..r.count()? {
            let first = pairs.len();
            for _ in 0..r.count()? {
                pairs.push(pair(&mut r)?);
            }
            if !pairs[first..].is_sorted_by(|a, b| a.0 < b.0) {
                return Err(BlockError::Damaged("labels are not sorted"));
            }
            get_runs(&mut r, &mut runs)?;
            ends.push((pairs.len() as u32, runs.len() as u32));
        }
        let mut r = Reader::new(postings);
        let (mut lists, mut members) = (Vec::new(), Vec::new());
        for _ in 0..r.count()? {
            let pair = pair(&mut r)?;
            let mut place = 0u32;
            for _ in 0..r.count()? {
                place = place.saturating_add(small(&mut r)?);
                if place as usize >= ends.len() {
                    return Err(BlockError::Damaged("unknown series"));
                }
                members.push(place);
            }
            lists.push((pair, members.len() as u32));
        }
        let (mut having, mut histogram_runs) = (Vec::new(), Vec::new());
        if let Some(bytes) = histograms {
            let mut r = Reader::new(bytes);
            for _ in 0..r.count()? {
                let place = small(&mut r)?;
                if place as usize >= ends.len() || having.last().is_some_and(|(last, _)| *last >= place) {
                    return Err(BlockError::Damaged("unknown series of histograms"));
                }
                get_runs(&mut r, &mut histogram_runs)?;
                having.push((place, histogram_runs.len() as u32));
            }
        }
        Ok(Self { strings, pairs, runs, ends, postings: lists, members, histograms: having, histogram_runs })
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.strings.iter().map(|s| s.len() + 32).sum::<usize>()
            + self.pairs.len() * 8
            + self.runs.len() * size_of::<Run>()
            + self.ends.len() * 8
            + self.postings.len() * 12
            + self.members.len() * 4
            + self.histograms.len() * 8
            + self.histogram_runs.len() * size_of::<Run>()
    }

    pub(super) fn len(&self) -> u32 {
        self.ends.len() as u32
    }

    fn starts(&self, place: u32) -> (usize, usize) {
        match place {
            0 => (0, 0),
            n => {
                let (pairs, runs) = self.ends[n as usize - 1];
                (pairs as usize, runs as usize)
            }
        }
    }

    fn pairs_of(&self, place: u32) -> &[(u32, u32)] {
        &self.pairs[self.starts(place).0..self.ends[place as usize].0 as usize]
    }

    pub(super) fn runs(&self, place: u32) -> &[Run] {
        &self.runs[self.starts(place).1..self.ends[place as usize].1 as usize]
    }

    pub(super) fn histogram_runs(&self, place: u32) -> &[Run] {
        let Ok(at) = self.histograms.binary_search_by_key(&place, |h| h.0) else { return &[] };
        let start = at.checked_sub(1).map_or(0, |before| self.histograms[before].1 as usize);
        &self.histogram_runs[start..self.histograms[at].1 as usize]
    }

    /// Points of a series in the range (both ends inclusive), about.
    pub(crate) fn points(&self, place: u32, range: (i64, i64)) -> usize {
        let runs = self.runs(place).iter().chain(self.histogram_runs(place));
        let there = runs.filter(|r| r.first_t <= range.1 && r.last_t >= range.0);
        let share = |r: &Run| {
            let length = |from: i64, to: i64| to.saturating_sub(from).saturating_add(1) as f64;
            let inside = length(r.first_t.max(range.0), r.last_t.min(range.1));
            (f64::from(r.len) * inside / length(r.first_t, r.last_t)) as usize
        };
        there.map(share).sum()
    }

    /// Names and values of a series, in order of names.
    pub(crate) fn texts(&self, place: u32) -> impl Iterator<Item = (&str, &str)> {
        let text = |id: u32| &*self.strings[id as usize];
        self.pairs_of(place).iter().map(move |(n, v)| (text(*n), text(*v)))
    }

    pub(crate) fn labels(&self, place: u32) -> Labels {
        let text = |id: u32| Arc::clone(&self.strings[id as usize]);
        let labels = self.pairs_of(place).iter().map(|(n, v)| Label { name: text(*n), value: text(*v) });
        Labels::from_sorted(labels.collect())
    }

    pub(super) fn find(&self, labels: &Labels) -> Option<u32> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.labels(middle).cmp(labels) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Some(middle),
            }
        }
        None
    }

    fn string(&self, text: &str) -> Option<u32> {
        self.strings.binary_search_by(|s| (**s).cmp(text)).ok().map(|i| i as u32)
    }

    fn list(&self, at: usize) -> &[u32] {
        let start = at.checked_sub(1).map_or(0, |before| self.postings[before].1 as usize);
        &self.members[start..self.postings[at].1 as usize]
    }

    /// The series that match all of `matchers`, in order.
    pub(super) fn select(&self, matchers: &[Compiled]) -> Vec<u32> {
        let mut found: Option<Vec<u32>> = None;
        for m in matchers.iter().filter(|m| !m.matches("")) {
            let having = self.having(m);
            found = Some(match found {
                None => having,
                Some(before) => before.into_iter().filter(|p| having.binary_search(p).is_ok()).collect(),
            });
        }
        let mut places = found.unwrap_or_else(|| (0..self.len()).collect());
        // Absent labels match these too.
        for m in matchers.iter().filter(|m| m.matches("")) {
            let Some(name) = self.string(&m.name) else { continue };
            let mut known: BTreeMap<u32, bool> = BTreeMap::new();
            places.retain(|place| match self.pairs_of(*place).iter().find(|p| p.0 == name) {
                None => true,
                Some((_, v)) => *known.entry(*v).or_insert_with(|| m.matches(&self.strings[*v as usize])),
            });
        }
        places
    }

    /// Names of labels of series for which `is_there` holds, in order.
    pub(super) fn label_names(&self, is_there: impl Fn(u32) -> bool) -> Vec<&str> {
        let mut out: Vec<&str> = Vec::new();
        for (at, ((name, _), _)) in self.postings.iter().enumerate() {
            let name = &*self.strings[*name as usize];
            if out.last() != Some(&name) && self.list(at).iter().any(|p| is_there(*p)) {
                out.push(name);
            }
        }
        out
    }

    /// Values of a label, as [`Index::label_names`].
    pub(super) fn label_values(&self, name: &str, is_there: impl Fn(u32) -> bool) -> Vec<&str> {
        let Some(name) = self.string(name) else { return Vec::new() };
        let pairs = self.pairs_named(name).filter(|at| self.list(*at).iter().any(|p| is_there(*p)));
        pairs.map(|at| &*self.strings[self.postings[at].0.1 as usize]).collect()
    }

    fn pairs_named(&self, name: u32) -> std::ops::Range<usize> {
        let start = self.postings.partition_point(|p| p.0.0 < name);
        start..self.postings.partition_point(|p| p.0.0 <= name)
    }

    fn having(&self, m: &Compiled) -> Vec<u32> {
        let Some(name) = self.string(&m.name) else { return Vec::new() };
        if let (Test::Equal(value), false) = (&m.test, m.negated) {
            let at = self.string(value).map(|v| self.postings.binary_search_by_key(&(name, v), |p| p.0));
            return at.and_then(Result::ok).map(|at| self.list(at).to_vec()).unwrap_or_default();
        }
        let matching =
            self.pairs_named(name).filter(|at| m.matches(&self.strings[self.postings[*at].0.1 as usize]));
        let mut out: Vec<u32> = matching.flat_map(|at| self.list(at).iter().copied()).collect();
        out.sort_unstable();
        out
    }
}
