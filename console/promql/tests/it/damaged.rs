//! A store of which a part turns out to be damaged while it is read.

use std::sync::atomic::{AtomicUsize, Ordering};

use console_model::{
    Labels, Matcher, TimeRange,
    metric::{MetricMetadata, PointSeries, Series},
};
use console_storage::{
    StorageError,
    metrics::{Part, Selection, SeriesReader},
};

use crate::reader::{Memory, as_memory, at, evaluated};

/// Fails at its second series.
struct Damaged(Vec<PointSeries>);

impl Selection for Damaged {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn points(&self) -> usize {
        self.0.len()
    }

    fn series(&self, place: usize) -> Result<PointSeries, StorageError> {
        if place == 1 { Err(StorageError::ReadAgain) } else { Ok(self.0[place].clone()) }
    }
}

/// Has all series at first. The part with the later ones is found damaged when it is read, and left out then.
struct Store {
    memory: Memory,
    opened: AtomicUsize,
}

impl SeriesReader for Store {
    fn open(
        &self,
        matchers: &[Matcher],
        start_ms: i64,
        end_ms: i64,
        max_samples: usize,
        _: Part,
    ) -> Result<Box<dyn Selection + '_>, StorageError> {
        let mut found = self.memory.select_points(matchers, start_ms, end_ms, max_samples)?;
        if self.opened.fetch_add(1, Ordering::SeqCst) == 0 {
            return Ok(Box::new(Damaged(found)));
        }
        found.truncate(1);
        Ok(Box::new(found))
    }

    as_memory!(memory);
}

#[test]
fn an_answer_has_all_of_a_part_of_the_store_or_nothing() {
    for query in ["sum(a)", "sum(sum_over_time(a[1m]))"] {
        let mut memory = Memory::default();
        at(&mut memory, "a n=1", 60, &[1.0]);
        at(&mut memory, "a n=2", 60, &[2.0]);
        at(&mut memory, "a n=3", 60, &[4.0]);
        let store = Store { memory, opened: AtomicUsize::new(0) };
        assert_eq!(evaluated(&store, query, 0), ["{} 1"]);
        assert_eq!(store.opened.load(Ordering::SeqCst), 2);
    }
}
