//! Live lines of a log expression.
//!
//! A slow reader never slows the store: what does not fit is dropped and counted. Where the store's own queue overran,
//! the count is of pushes, each of at least one line of any stream: a lower bound of what passed by.

use std::{collections::HashMap, sync::Arc};

use console_model::{
    Labels, MatchOp,
    log::{LogStream, TailFrame},
};
use console_storage::SourceError;
use regex::Regex;
use tokio::sync::{
    broadcast::{self, error::RecvError},
    mpsc::{self, error::TrySendError},
};

use crate::ast::LogExpr;

pub fn start(
    log: LogExpr,
    mut live: broadcast::Receiver<Arc<LogStream>>,
    frames: usize,
) -> Result<mpsc::Receiver<TailFrame>, SourceError> {
    let selector = Selector::new(&log)?;
    let (out, answer) = mpsc::channel(frames.max(1));
    tokio::spawn(async move {
        let mut dropped = 0;
        loop {
            let received = tokio::select! {
                () = out.closed() => return,
                received = live.recv() => received,
            };
            let stream = match received {
                Ok(stream) => stream,
                Err(RecvError::Lagged(n)) => {
                    dropped += n;
                    continue;
                }
                Err(RecvError::Closed) => return,
            };
            if !selector.matches(&stream.labels) {
                continue;
            }
            let streams = run(&log, &stream);
            if streams.is_empty() {
                continue;
            }
            match out.try_send(TailFrame { streams, dropped }) {
                Ok(()) => dropped = 0,
                Err(TrySendError::Full(frame)) => {
                    dropped += frame.streams.iter().map(|s| s.entries.len() as u64).sum::<u64>();
                }
                Err(TrySendError::Closed(_)) => return,
            }
        }
    });
    Ok(answer)
}

fn run(log: &LogExpr, stream: &LogStream) -> Vec<LogStream> {
    let mut places: HashMap<Labels, usize> = HashMap::new();
    let mut out: Vec<LogStream> = Vec::new();
    for entry in &stream.entries {
        let Some((line, labels)) = log.run(&stream.labels, entry) else { continue };
        let labels = labels.finish();
        let mut entry = entry.clone();
        if let std::borrow::Cow::Owned(changed) = line {
            entry.line = changed;
        }
        let place = *places.entry(labels.clone()).or_insert_with(|| {
            out.push(LogStream { labels, entries: Vec::new() });
            out.len() - 1
        });
        out[place].entries.push(entry);
    }
    out
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
