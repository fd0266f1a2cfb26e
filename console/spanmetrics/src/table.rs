//! A bounded table of what is counted, by labels. One entry more than the limit is kept for all that does not fit.

use std::{collections::HashMap, sync::Arc};

use console_model::{
    Labels,
    metric::{Sample, stale_nan},
};
use console_storage::metrics::SeriesBatch;
use foldhash::fast::RandomState;

use crate::{histogram::Example, series, sink::Sink};

/// Series of one append.
const SERIES_PER_APPEND: usize = 1_000;

/// No key of labels: those have more fields.
const OVERFLOW_KEY: &[u8] = &[0xff];

/// What an entry counts.
pub(crate) trait Values {
    /// The values of its series, in their order.
    fn each(&self, take: &mut dyn FnMut(f64));

    /// Exemplars that were not written yet, with the place of the series that each belongs to. What is left empty is gone.
    fn examples(&mut self, take: &mut dyn FnMut(usize, &mut Option<Example>));
}

struct Entry<V> {
    key: Arc<[u8]>,
    series: Vec<Labels>,
    /// When the values were zero for sure.
    zero_ms: i64,
    touched_ms: i64,
    is_dirty: bool,
    is_written: bool,
    values: V,
}

/// Where an entry is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Known(usize),
    /// There is room for it.
    Missing,
    /// There is none.
    Full,
}

/// An entry in the append that is being made.
struct InAppend {
    place: usize,
    ends: bool,
    has_examples: bool,
}

pub(crate) struct Table<V> {
    limit: usize,
    places: HashMap<Arc<[u8]>, usize, RandomState>,
    slots: Vec<Option<Entry<V>>>,
    free: Vec<usize>,
    /// Where the next flush begins, so that the exemplars of all have their turn.
    turn: usize,
}

impl<V: Values> Table<V> {
    pub fn new(limit: usize) -> Self {
        Self { limit, places: HashMap::default(), slots: Vec::new(), free: Vec::new(), turn: 0 }
    }

    /// Entries, without that of the overflow.
    pub fn len(&self) -> usize {
        self.places.len() - usize::from(self.places.contains_key(OVERFLOW_KEY))
    }

    /// Series of all entries.
    pub fn series(&self) -> usize {
        self.slots.iter().flatten().map(|e| e.series.len()).sum()
    }

    pub fn find(&self, key: &[u8]) -> Found {
        match self.places.get(key) {
            Some(place) => Found::Known(*place),
            None if self.len() < self.limit => Found::Missing,
            None => Found::Full,
        }
    }

    /// The place of all that does not fit, made when it is not there.
    pub fn overflow(&mut self, zero_ms: i64, make: impl FnOnce() -> (Vec<Labels>, V)) -> usize {
        match self.places.get(OVERFLOW_KEY) {
            Some(place) => *place,
            None => self.add(OVERFLOW_KEY, zero_ms, make()),
        }
    }

    /// A new entry. Its series were zero at `zero_ms`, which is later than anything that was written of them before.
    pub fn add(&mut self, key: &[u8], zero_ms: i64, (series, values): (Vec<Labels>, V)) -> usize {
        let key: Arc<[u8]> = key.into();
        let entry = Entry {
            key: key.clone(),
            series,
            zero_ms,
            touched_ms: zero_ms,
            is_dirty: false,
            is_written: false,
            values,
        };
        let place = self.free.pop().unwrap_or(self.slots.len());
        if place == self.slots.len() {
            self.slots.push(None);
        }
        self.slots[place] = Some(entry);
        self.places.insert(key, place);
        place
    }

    /// What is counted at a place that this table gave out since the last flush.
    pub fn touch(&mut self, place: usize, now_ms: i64) -> Option<&mut V> {
        let entry = self.slots.get_mut(place)?.as_mut()?;
        (entry.touched_ms, entry.is_dirty) = (now_ms, true);
        Some(&mut entry.values)
    }

    /// Writes all values. Entries that nothing touched for long end instead: their keys are handed to `ended`.
    pub fn flush(&mut self, sink: &mut Sink<'_>, ended: &mut dyn FnMut(&[u8])) {
        let n = self.slots.len();
        let first = std::mem::take(&mut self.turn).min(n);
        let mut batch = Vec::new();
        let mut inside = Vec::new();
        for place in (first..n).chain(0..first) {
            let Some(entry) = &mut self.slots[place] else { continue };
            // Of a clock that was set back since.
            entry.touched_ms = entry.touched_ms.min(sink.now_ms);
            let ends = entry.is_written && !entry.is_dirty && entry.touched_ms < sink.idle_since_ms;
            let has_examples = !ends && sink.exemplars > 0;
            entry.write(sink, ends, &mut batch);
            if has_examples && sink.exemplars == 0 {
                self.turn = place + 1;
            }
            inside.push(InAppend { place, ends, has_examples });
            if batch.len() >= SERIES_PER_APPEND {
                self.append(sink, &mut batch, &mut inside, ended);
            }
        }
        self.append(sink, &mut batch, &mut inside, ended);
    }

    /// What was not stored is written again with the next flush, with what it is then.
    fn append(
        &mut self,
        sink: &mut Sink<'_>,
        batch: &mut Vec<SeriesBatch>,
        inside: &mut Vec<InAppend>,
        ended: &mut dyn FnMut(&[u8]),
    ) {
        let is_stored = sink.append(batch);
        batch.clear();
        for part in inside.drain(..).filter(|_| is_stored) {
            let Some(entry) = &mut self.slots[part.place] else { continue };
            if !entry.is_written {
                for labels in &mut entry.series {
                    // The store's own copy instead of ours: memory for one.
                    *labels = sink.known(labels).unwrap_or_else(|| labels.clone());
                }
            }
            (entry.is_written, entry.is_dirty) = (true, false);
            if part.has_examples {
                entry.values.examples(&mut |_, example| *example = None);
            }
            if part.ends {
                ended(&entry.key);
                self.places.remove(&entry.key);
                self.slots[part.place] = None;
                self.free.push(part.place);
            }
        }
    }
}

impl<V: Values> Entry<V> {
    fn write(&mut self, sink: &mut Sink<'_>, ends: bool, batch: &mut Vec<SeriesBatch>) {
        let first = batch.len();
        let (series, t_ms) = (&self.series, sink.now_ms);
        let zero = (!self.is_written).then_some(Sample { t_ms: self.zero_ms, v: 0.0 });
        let mut place = 0;
        self.values.each(&mut |v| {
            let v = if ends { stale_nan() } else { v };
            let samples = zero.into_iter().chain([Sample { t_ms, v }]).collect();
            batch.push(SeriesBatch::floats(series[place].clone(), samples));
            place += 1;
        });
        if ends || sink.exemplars == 0 {
            return;
        }
        self.values.examples(&mut |place, example| {
            if let Some(example) = example {
                batch[first + place].exemplars.push(series::exemplar(example));
                sink.exemplars = sink.exemplars.saturating_sub(1);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use console_model::metric::is_stale_nan;

    use super::*;
    use crate::testing::{MemoryAppender, example};

    struct One {
        n: u64,
        example: Option<Example>,
    }

    impl Values for One {
        fn each(&self, take: &mut dyn FnMut(f64)) {
            take(self.n as f64);
        }
        fn examples(&mut self, take: &mut dyn FnMut(usize, &mut Option<Example>)) {
            take(0, &mut self.example);
        }
    }

    fn count(table: &mut Table<One>, key: &str, now_ms: i64) {
        let make = || (vec![Labels::from_pairs([("__name__", key)])], One { n: 0, example: None });
        let place = match table.find(key.as_bytes()) {
            Found::Known(place) => place,
            Found::Missing => table.add(key.as_bytes(), 0, make()),
            Found::Full => {
                table.overflow(0, || (vec![Labels::from_pairs([("o", "1")])], One { n: 0, example: None }))
            }
        };
        let one = table.touch(place, now_ms).unwrap();
        one.n += 1;
        one.example = Some(example(1, 0.5, now_ms));
    }

    #[test]
    fn a_full_table_counts_the_rest_together() {
        let mut table = Table::new(2);
        for key in ["a", "b", "c", "d", "a"] {
            count(&mut table, key, 5);
        }
        assert_eq!((table.len(), table.series()), (2, 3));
        let store = MemoryAppender::default();
        table.flush(&mut Sink::new(&store, 10, 0, 100), &mut |_| ());
        assert_eq!(store.last(r"a"), Some(2.0));
        assert_eq!(store.last(r#"{o="1"}"#), Some(2.0));
    }

    #[test]
    fn an_idle_entry_ends_once_and_makes_room() {
        let mut table = Table::new(1);
        let store = MemoryAppender::default();
        count(&mut table, "a", 5);
        let mut gone = Vec::new();
        // Not written yet, so there is something to say although it is long ago.
        table.flush(&mut Sink::new(&store, 100, 50, 0), &mut |key| gone.push(key.to_vec()));
        assert_eq!((store.last("a"), gone.len()), (Some(1.0), 0));
        store.set_failing(true);
        table.flush(&mut Sink::new(&store, 110, 50, 0), &mut |key| gone.push(key.to_vec()));
        assert_eq!((table.len(), gone.len()), (1, 0), "nobody was told of the end");
        store.set_failing(false);
        table.flush(&mut Sink::new(&store, 120, 50, 0), &mut |key| gone.push(key.to_vec()));
        assert_eq!((table.len(), gone), (0, vec![b"a".to_vec()]));
        assert!(store.last("a").is_some_and(is_stale_nan));
        assert_eq!(table.find(b"b"), Found::Missing);
    }

    #[test]
    fn exemplars_take_turns_and_survive_a_failed_write() {
        let mut table = Table::new(10);
        for key in ["a", "b", "c"] {
            count(&mut table, key, 5);
        }
        let store = MemoryAppender::default();
        store.set_failing(true);
        table.flush(&mut Sink::new(&store, 10, 0, 2), &mut |_| ());
        store.set_failing(false);
        table.flush(&mut Sink::new(&store, 20, 0, 2), &mut |_| ());
        table.flush(&mut Sink::new(&store, 30, 0, 2), &mut |_| ());
        table.flush(&mut Sink::new(&store, 40, 0, 2), &mut |_| ());
        assert_eq!(store.exemplars().len(), 3, "each once: {:?}", store.exemplars());
    }
}
