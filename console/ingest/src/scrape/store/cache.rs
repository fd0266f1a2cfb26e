//! The series of a target: from the bytes that an exposition has for them to their labels, and when they were last there.
//!
//! Scrapes are counted. A series lives while the last scrape had it without a time of its own (one with its own time is
//! not marked as stale, as in Prometheus). Texts that are not seen any more are forgotten before they outnumber the
//! others.

use std::collections::HashMap;

use console_model::Labels;

use crate::scrape::error::ScrapeError;

/// Texts and series that are remembered beyond those of the last scrape, and as many again.
const SPARE: usize = 1000;

#[derive(Default)]
pub struct SeriesCache {
    scrape: u64,
    texts: HashMap<Box<[u8]>, Text>,
    by_labels: HashMap<Labels, u32>,
    series: Vec<Cached>,
    /// Texts seen in this scrape.
    seen: usize,
}

struct Text {
    /// `None`: dropped by relabelling.
    series: Option<u32>,
    seen: u64,
}

struct Cached {
    labels: Labels,
    /// Of its last sample.
    kind: Kind,
    /// The last scrape that had it.
    seen: u64,
    /// The last scrape that had it without a time of its own, and the one before that.
    lived: u64,
    lived_before: u64,
    /// It vanished, and the store does not know yet.
    owes_marker: bool,
}

/// What a sample is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    #[default]
    Float,
    Histogram,
}

/// What a text stands for.
#[derive(Debug, PartialEq)]
pub enum Mark {
    Dropped,
    /// This scrape had the series already.
    Duplicate,
    Known(Labels),
    /// The scrape before did not have it.
    Added(Labels),
}

impl SeriesCache {
    /// A scrape begins.
    pub fn begin(&mut self) {
        self.scrape += 1;
        self.seen = 0;
    }

    /// Notes that this scrape has a series; `labels` is asked when its text is new.
    pub fn mark(
        &mut self,
        text: &[u8],
        kind: Kind,
        has_own_time: bool,
        labels: impl FnOnce() -> Result<Option<Labels>, ScrapeError>,
    ) -> Result<Mark, ScrapeError> {
        let index = match self.texts.get_mut(text) {
            Some(known) => {
                self.seen += usize::from(known.seen != self.scrape);
                known.seen = self.scrape;
                known.series
            }
            None => {
                let series = labels()?.map(|labels| self.index(labels));
                self.texts.insert(text.into(), Text { series, seen: self.scrape });
                self.seen += 1;
                series
            }
        };
        let Some(index) = index else { return Ok(Mark::Dropped) };
        let series = &mut self.series[index as usize];
        if series.seen == self.scrape && !has_own_time {
            return Ok(Mark::Duplicate);
        }
        let added = series.seen + 1 < self.scrape || series.seen == 0;
        (series.seen, series.kind) = (self.scrape, kind);
        if !has_own_time {
            series.lived_before = series.lived;
            series.lived = self.scrape;
            series.owes_marker = false;
        }
        let labels = series.labels.clone();
        Ok(if added { Mark::Added(labels) } else { Mark::Known(labels) })
    }

    /// This scrape failed: what it had is not there.
    pub fn abort(&mut self) {
        for series in self.series.iter_mut().filter(|s| s.lived == self.scrape) {
            series.lived = series.lived_before;
        }
    }

    /// Series that the scrape before had and this one has not, and those whose markers could not be stored.
    pub fn vanished(&mut self) -> impl Iterator<Item = (Labels, Kind)> {
        let scrape = self.scrape;
        self.series.iter_mut().filter_map(move |series| {
            series.owes_marker |= series.lived > 0 && series.lived + 1 == scrape;
            series.owes_marker.then(|| (series.labels.clone(), series.kind))
        })
    }

    pub fn markers_are_stored(&mut self) {
        self.series.iter_mut().for_each(|series| series.owes_marker = false);
    }

    /// Forgets what was not seen lately, when that has become much. Last of a scrape, when all that vanished is marked
    /// or owes its marker.
    pub fn tidy(&mut self) {
        let most = 2 * self.seen + SPARE;
        if self.texts.len() <= most && self.series.len() <= most {
            return;
        }
        let scrape = self.scrape;
        self.texts.retain(|_, text| text.seen == scrape);
        let mut moved = vec![None; self.series.len()];
        let mut kept = Vec::new();
        for (from, series) in std::mem::take(&mut self.series).into_iter().enumerate() {
            if series.seen == scrape || series.owes_marker {
                moved[from] = Some(kept.len() as u32);
                kept.push(series);
            }
        }
        self.series = kept;
        for text in self.texts.values_mut() {
            text.series = text.series.and_then(|from| moved[from as usize]);
        }
        self.by_labels = self.series.iter().enumerate().map(|(i, s)| (s.labels.clone(), i as u32)).collect();
    }

    fn index(&mut self, labels: Labels) -> u32 {
        if let Some(index) = self.by_labels.get(&labels) {
            return *index;
        }
        let index = self.series.len() as u32;
        self.by_labels.insert(labels.clone(), index);
        let cached =
            Cached { labels, kind: Kind::default(), seen: 0, lived: 0, lived_before: 0, owes_marker: false };
        self.series.push(cached);
        index
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(name: &str) -> Labels {
        Labels::from_pairs([("__name__", name)])
    }

    fn scrape(cache: &mut SeriesCache, names: &[&str]) -> Vec<String> {
        cache.begin();
        for name in names {
            cache.mark(name.as_bytes(), Kind::Float, false, || Ok(Some(labels(name)))).unwrap();
        }
        let gone = cache.vanished().map(|(l, _)| l.to_string()).collect();
        cache.markers_are_stored();
        cache.tidy();
        gone
    }

    #[test]
    fn a_series_vanishes_once() {
        let mut cache = SeriesCache::default();
        assert!(scrape(&mut cache, &["a", "b"]).is_empty());
        assert_eq!(scrape(&mut cache, &["a"]), ["b"]);
        assert!(scrape(&mut cache, &["a"]).is_empty());
        assert!(scrape(&mut cache, &["a", "b"]).is_empty());
        assert_eq!(scrape(&mut cache, &[]), ["a", "b"]);
    }

    #[test]
    fn an_aborted_scrape_has_nothing() {
        let mut cache = SeriesCache::default();
        scrape(&mut cache, &["a", "b"]);
        cache.begin();
        cache.mark(b"a", Kind::Float, false, || unreachable!()).unwrap();
        cache.mark(b"c", Kind::Float, false, || Ok(Some(labels("c")))).unwrap();
        cache.abort();
        assert_eq!(cache.vanished().map(|(l, _)| l.to_string()).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn a_marker_that_was_not_stored_is_owed_until_the_series_is_back() {
        let mut cache = SeriesCache::default();
        scrape(&mut cache, &["a", "b"]);
        cache.begin();
        assert_eq!(cache.vanished().count(), 2);
        cache.begin();
        cache.mark(b"b", Kind::Float, false, || unreachable!()).unwrap();
        assert_eq!(cache.vanished().map(|(l, _)| l.to_string()).collect::<Vec<_>>(), ["a"]);
    }

    #[test]
    fn texts_of_one_series_are_one_and_dropped_ones_are_known() {
        let mut cache = SeriesCache::default();
        cache.begin();
        let one = |text: &str, cache: &mut SeriesCache| {
            cache.mark(text.as_bytes(), Kind::Float, false, || Ok(Some(labels("a")))).unwrap()
        };
        assert_eq!(one("a", &mut cache), Mark::Added(labels("a")));
        assert_eq!(one("a{}", &mut cache), Mark::Duplicate);
        assert_eq!(cache.mark(b"x", Kind::Float, false, || Ok(None)).unwrap(), Mark::Dropped);
        cache.begin();
        assert_eq!(one("a{}", &mut cache), Mark::Known(labels("a")));
        assert_eq!(cache.mark(b"x", Kind::Float, false, || unreachable!()).unwrap(), Mark::Dropped);
    }

    #[test]
    fn churn_does_not_grow_the_cache() {
        let mut cache = SeriesCache::default();
        for round in 0..100 {
            let names: Vec<String> = (0..100).map(|i| format!("s{round}_{i}")).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let gone = scrape(&mut cache, &names);
            assert_eq!(gone.len(), if round == 0 { 0 } else { 100 });
            assert!(cache.texts.len() <= 1300 && cache.series.len() <= 1300 && cache.by_labels.len() <= 1300);
        }
    }
}
