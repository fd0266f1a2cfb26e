//! The port for reading.

use std::{
    collections::BTreeSet,
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use console_blockkit::part::PartError;
use console_model::{
    Labels, Matcher, TimeRange,
    log::{Direction, LogEntry, LogStream},
};
use console_storage::{
    StorageError,
    logs::{LineVisitor, LogReader, StreamVolumes, Windows},
};
use tokio::sync::broadcast;

use crate::{
    LogStore,
    bloom::Needle,
    matching::Matchers,
    read::{self, Absent, Context, Merge, Plan, Rows},
};

/// Readings that are begun again because a part was found damaged before anything of it was visited.
const TRIES: usize = 8;

fn error(e: PartError) -> StorageError {
    if e.is_damage() {
        return StorageError::ReadAgain;
    }
    let cause = std::error::Error::source(&e).map(|source| format!(": {source}")).unwrap_or_default();
    StorageError::Storage(format!("{e}{cause}"))
}

/// Reads again, without the part that was found damaged, while nothing was visited.
fn again<T>(visited: &AtomicBool, mut read: impl FnMut() -> Result<T, PartError>) -> Result<T, StorageError> {
    for _ in 1..TRIES {
        match read() {
            Err(e) if e.is_damage() && !visited.load(Ordering::Relaxed) => {}
            done => return done.map_err(error),
        }
    }
    read().map_err(error)
}

impl LogStore {
    fn plan(&self, matchers: &Matchers, start_ns: i64, end_ns: i64) -> Result<Plan, PartError> {
        let (chunks, parts) = {
            let state = self.state.read();
            (state.chunks(matchers), Arc::clone(&state.parts))
        };
        read::plan(&parts, chunks, matchers, (start_ns, end_ns), &self.caches)
    }

    /// Labels of matching streams that may have entries in the range, ordered.
    fn labels(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<Labels>, StorageError> {
        let matchers = Matchers::compile(matchers)?;
        let plan = self.plan(&matchers, range.start_ns(), range.end_ns()).map_err(error)?;
        Ok(plan.into_iter().map(|stream| stream.labels).collect())
    }
}

fn needles(line_hints: &[String]) -> Vec<Needle> {
    line_hints.iter().map(|h| Needle::new(h)).collect()
}

/// Makes an entry of a row, in the memory of the one before.
fn fill(entry: &mut LogEntry, rows: &Rows, row: usize) {
    entry.t_ns = rows.t_ns(row);
    entry.line.clear();
    entry.line.push_str(rows.line(row));
    let mut metadata = Vec::new();
    rows.metadata(row, &mut metadata);
    entry.metadata.resize_with(metadata.len(), Default::default);
    for ((name, value), pair) in entry.metadata.iter_mut().zip(metadata) {
        name.clear();
        name.push_str(pair.0);
        value.clear();
        value.push_str(pair.1);
    }
}

impl LogReader for LogStore {
    fn scan(
        &self,
        matchers: &[Matcher],
        start_ns: i64,
        end_ns: i64,
        direction: Direction,
        line_hints: &[String],
        visit: &mut dyn FnMut(&Labels, &LogEntry) -> ControlFlow<()>,
    ) -> Result<u64, StorageError> {
        let (matchers, needles) = (Matchers::compile(matchers)?, needles(line_hints));
        let absent = Absent::default();
        let context = Context { start_ns, end_ns, needles: &needles, caches: &self.caches, absent: &absent };
        let visited = AtomicBool::new(false);
        let mut entry = LogEntry { t_ns: 0, line: String::new(), metadata: Vec::new() };
        again(&visited, || {
            let plan = self.plan(&matchers, start_ns, end_ns)?;
            let mut bytes = 0;
            Merge { context, direction }.run(&plan, &mut |stream, rows, row| {
                visited.store(true, Ordering::Relaxed);
                fill(&mut entry, rows, row);
                bytes += entry.line.len() as u64;
                visit(&plan[stream].labels, &entry)
            })?;
            Ok(bytes)
        })
    }

    fn scan_unordered(
        &self,
        matchers: &[Matcher],
        start_ns: i64,
        end_ns: i64,
        line_hints: &[String],
        visit: &LineVisitor<'_>,
    ) -> Result<u64, StorageError> {
        let (matchers, needles) = (Matchers::compile(matchers)?, needles(line_hints));
        let absent = Absent::default();
        let context = Context { start_ns, end_ns, needles: &needles, caches: &self.caches, absent: &absent };
        let visited = AtomicBool::new(false);
        again(&visited, || {
            let plan = self.plan(&matchers, start_ns, end_ns)?;
            read::scan_unordered(&plan, &context, &visited, visit)
        })
    }

    fn volumes(&self, matchers: &[Matcher], windows: Windows) -> Result<Vec<StreamVolumes>, StorageError> {
        let matchers = Matchers::compile(matchers)?;
        let (start_ns, end_ns) = (windows.start_ns, windows.end_ns());
        let absent = Absent::default();
        let context = Context { start_ns, end_ns, needles: &[], caches: &self.caches, absent: &absent };
        again(&AtomicBool::new(false), || {
            read::volumes(&self.plan(&matchers, start_ns, end_ns)?, windows, &context)
        })
    }

    fn streams(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        limit: usize,
    ) -> Result<Vec<Labels>, StorageError> {
        let mut labels = self.labels(matchers, range)?;
        labels.truncate(limit);
        Ok(labels)
    }

    fn label_names(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<String>, StorageError> {
        let labels = self.labels(matchers, range)?;
        let names: BTreeSet<&str> = labels.iter().flat_map(|l| l.iter().map(|label| &*label.name)).collect();
        Ok(names.into_iter().map(str::to_owned).collect())
    }

    fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Vec<String>, StorageError> {
        let labels = self.labels(matchers, range)?;
        let values: BTreeSet<&str> = labels.iter().filter_map(|l| l.get(name)).collect();
        Ok(values.into_iter().map(str::to_owned).collect())
    }

    fn subscribe(&self) -> broadcast::Receiver<Arc<LogStream>> {
        self.live.subscribe()
    }
}
