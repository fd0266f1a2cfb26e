//! Live lines of a log expression.
//!
//! A slow reader never slows the store: what does not fit is dropped and counted. Where the store's own queue overran,
//! the count is of pushes, each of at least one line of any stream: a lower bound of what passed by.

use std::{
    collections::{HashSet, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
    ops::ControlFlow,
    sync::Arc,
    time::Duration,
};

use console_model::{
    Labels, MatchOp,
    log::{Direction, LogEntry, LogStream, Streams, TailFrame},
};
use console_storage::{SourceError, logs::LogReader};
use regex::Regex;
use tokio::{
    sync::{
        broadcast::{self, error::RecvError},
        mpsc::{self, error::TrySendError},
    },
    time::Instant,
};

use crate::{
    ast::LogExpr,
    budget::Budget,
    eval::{each_line, with_line},
};

/// Frames that wait for their delay to pass.
const MAX_WAITING: usize = 1_024;

/// What a tail begins with.
#[derive(Default)]
pub struct History {
    streams: Vec<LogStream>,
    /// Entries that were read from the store: they may come again, live.
    told: HashSet<u64>,
}

fn identity(labels: &Labels, entry: &LogEntry) -> u64 {
    let mut hasher = DefaultHasher::new();
    (labels.hash_value(), entry.t_ns, &entry.line).hash(&mut hasher);
    hasher.finish()
}

/// The newest lines since `start_ns`, at most `limit`, each stream's oldest first.
pub fn history(
    log: &LogExpr,
    reader: &dyn LogReader,
    start_ns: i64,
    limit: usize,
    budget: &Budget,
) -> Result<History, SourceError> {
    let mut out = History::default();
    let mut newest: Vec<(Labels, LogEntry)> = Vec::new();
    let now_ms = console_model::clock::now_ms();
    each_line(log, reader, (start_ns, i64::MAX), Direction::Backward, budget, &mut |labels, entry| {
        if let Some((line, staged)) = log.run(labels, entry, now_ms) {
            out.told.insert(identity(labels, entry));
            newest.push((staged.finish(), with_line(entry, line)));
        }
        if newest.len() >= limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    let mut streams = Streams::default();
    for (labels, entry) in newest.into_iter().rev() {
        streams.push(&labels, entry);
    }
    out.streams = streams.into_list();
    Ok(out)
}

/// Frames on their way to a reader.
struct Outlet {
    out: mpsc::Sender<TailFrame>,
    dropped: u64,
}

impl Outlet {
    /// False when nobody reads any more.
    fn send(&mut self, streams: Vec<LogStream>) -> bool {
        match self.out.try_send(TailFrame { streams, dropped: self.dropped }) {
            Ok(()) => self.dropped = 0,
            Err(TrySendError::Full(frame)) => self.dropped += lines_of(&frame.streams),
            Err(TrySendError::Closed(_)) => return false,
        }
        true
    }
}

fn lines_of(streams: &[LogStream]) -> u64 {
    streams.iter().map(|s| s.entries.len() as u64).sum()
}

/// Tells the history, then what comes, each frame `delay` after it came.
pub fn start(
    log: Arc<LogExpr>,
    mut live: broadcast::Receiver<Arc<LogStream>>,
    history: History,
    delay: Duration,
    frames: usize,
) -> Result<mpsc::Receiver<TailFrame>, SourceError> {
    let selector = Selector::new(&log)?;
    let (out, answer) = mpsc::channel(frames.max(1));
    let History { streams, mut told } = history;
    let mut outlet = Outlet { out: out.clone(), dropped: 0 };
    if !streams.is_empty() {
        outlet.send(streams);
    }
    tokio::spawn(async move {
        let mut waiting: VecDeque<(Instant, Vec<LogStream>)> = VecDeque::new();
        loop {
            let due = waiting.front().map(|(due, _)| *due);
            let received = tokio::select! {
                () = out.closed() => return,
                received = live.recv() => received,
                () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    if let Some((_, streams)) = waiting.pop_front()
                        && !outlet.send(streams)
                    {
                        return;
                    }
                    continue;
                }
            };
            let stream = match received {
                Ok(stream) => stream,
                Err(RecvError::Lagged(n)) => {
                    outlet.dropped += n;
                    continue;
                }
                Err(RecvError::Closed) => return,
            };
            if !selector.matches(&stream.labels) {
                continue;
            }
            let streams =
                if told.is_empty() { run(&log, &stream) } else { run(&log, &untold(&stream, &mut told)) };
            if streams.is_empty() {
                continue;
            }
            if delay.is_zero() {
                if !outlet.send(streams) {
                    return;
                }
            } else if waiting.len() < MAX_WAITING {
                waiting.push_back((Instant::now() + delay, streams));
            } else {
                outlet.dropped += lines_of(&streams);
            }
        }
    });
    Ok(answer)
}

/// The stream without entries that the history had.
fn untold(stream: &LogStream, told: &mut HashSet<u64>) -> LogStream {
    let new = |entry: &&LogEntry| !told.remove(&identity(&stream.labels, entry));
    LogStream { labels: stream.labels.clone(), entries: stream.entries.iter().filter(new).cloned().collect() }
}

fn run(log: &LogExpr, stream: &LogStream) -> Vec<LogStream> {
    let mut out = Streams::default();
    let now_ms = console_model::clock::now_ms();
    for entry in &stream.entries {
        if let Some((line, labels)) = log.run(&stream.labels, entry, now_ms) {
            out.push(&labels.finish(), with_line(entry, line));
        }
    }
    out.into_list()
}

/// The selector's matchers, compiled: a live line has not passed the store's own.
struct Selector(Vec<(String, MatchOp, String, Option<Regex>)>);

impl Selector {
    fn new(log: &LogExpr) -> Result<Self, SourceError> {
        let compile = |m: &console_model::Matcher| {
            let regex = match m.op {
                MatchOp::Regex | MatchOp::NotRegex => Some(
                    Regex::new(&format!("^(?s:{})$", m.value))
                        .map_err(|e| SourceError::Internal(e.to_string()))?,
                ),
                MatchOp::Equal | MatchOp::NotEqual => None,
            };
            Ok((m.name.clone(), m.op, m.value.clone(), regex))
        };
        log.matchers.iter().map(compile).collect::<Result<_, _>>().map(Self)
    }

    fn matches(&self, labels: &Labels) -> bool {
        self.0.iter().all(|(name, op, wanted, regex)| {
            let value = labels.get(name).unwrap_or_default();
            let fits = regex.as_ref().map_or(value == wanted, |r| r.is_match(value));
            fits == matches!(op, MatchOp::Equal | MatchOp::Regex)
        })
    }
}
