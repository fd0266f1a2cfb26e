//! A script's commands.

use console_promql::parser::duration_ms;

use crate::{
    expectation::Expectation,
    notation::{self, Slot},
    start_times,
};
use console_model::Labels;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct ScriptError {
    pub line: usize,
    pub message: String,
}

#[derive(Clone, Debug)]
pub(crate) enum Command {
    Clear,
    Load(Load),
    Eval(Eval),
    /// What is no command, as it was written.
    Broken {
        text: String,
        error: ScriptError,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub line: usize,
    pub step_ms: i64,
    pub with_nhcb: bool,
    pub series: Vec<LoadedSeries>,
}

#[derive(Clone, Debug)]
pub(crate) struct LoadedSeries {
    pub labels: Labels,
    pub slots: Vec<Slot>,
    /// For each slot, how far from its sample the counter started, in milliseconds. Empty where nothing is said.
    pub starts: Vec<Option<i64>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Instant(i64),
    Range { start_ms: i64, end_ms: i64, step_ms: i64 },
}

#[derive(Clone, Debug)]
pub(crate) struct Eval {
    pub line: usize,
    pub expr: String,
    pub when: When,
    pub expectation: Expectation,
}

/// Lines without blanks around them; comments are empty.
fn lines(text: &str) -> Vec<&str> {
    text.lines().map(|l| l.trim()).map(|l| if l.starts_with('#') { "" } else { l }).collect()
}

/// The commands of a script. One that cannot be read is told in its place; the next one comes behind an empty line.
pub(crate) fn parse(text: &str) -> Vec<Command> {
    let lines = lines(text);
    let mut out = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let (line, number) = (lines[at], at + 1);
        at += 1;
        if line.is_empty() {
            continue;
        }
        let block: Vec<(usize, &str)> = lines[at..]
            .iter()
            .take_while(|l| !l.is_empty())
            .enumerate()
            .map(|(i, l)| (at + i + 1, *l))
            .collect();
        let (command, taken) = command(line, number, &block)
            .unwrap_or_else(|error| (Command::Broken { text: line.to_owned(), error }, block.len()));
        at += taken;
        out.push(command);
    }
    out
}

/// A command, and how many lines of the block behind its first line belong to it.
fn command(line: &str, number: usize, block: &[(usize, &str)]) -> Result<(Command, usize), ScriptError> {
    let word = line.split_whitespace().next().unwrap_or_default().to_lowercase();
    if word == "clear" {
        Ok((Command::Clear, 0))
    } else if word.starts_with("load") {
        Ok((Command::Load(load(line, number, block)?), block.len()))
    } else if word.starts_with("eval") {
        let (eval, taken) = eval(line, number, block)?;
        Ok((Command::Eval(eval), taken))
    } else {
        Err(ScriptError { line: number, message: format!("invalid command {line:?}") })
    }
}

fn load(line: &str, number: usize, block: &[(usize, &str)]) -> Result<Load, ScriptError> {
    let fail = |line: usize, message: String| ScriptError { line, message };
    let (command, step) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let with_nhcb = match command {
        "load" => false,
        "load_with_nhcb" => true,
        _ => return Err(fail(number, format!("invalid command {command:?}"))),
    };
    let step_ms = duration_ms(step.trim()).ok_or_else(|| fail(number, format!("invalid step {step:?}")))?;
    let mut series: Vec<LoadedSeries> = Vec::new();
    let mut pending: Option<(usize, Labels, Vec<Option<i64>>)> = None;
    for (line, text) in block {
        if let Some((name, offsets)) = start_times::split(text) {
            if let Some((line, ..)) = pending {
                return Err(fail(line, "@st line has no following sample line".to_owned()));
            }
            let (labels, _) = notation::series(&format!("{name} _")).map_err(|m| fail(*line, m))?;
            let starts = start_times::offsets(offsets).map_err(|m| fail(*line, m))?;
            pending = Some((*line, labels, starts));
            continue;
        }
        let (labels, slots) = notation::series(text).map_err(|m| fail(*line, m))?;
        let starts = match pending.take() {
            None => Vec::new(),
            Some((at, of, starts)) => {
                if of != labels {
                    let message = "@st metric does not match the following sample line metric".to_owned();
                    return Err(fail(at, message));
                }
                if starts.len() != slots.len() {
                    let (starts, slots) = (starts.len(), slots.len());
                    let message = format!("@st line has {starts} values but sample line has {slots}");
                    return Err(fail(at, message));
                }
                starts
            }
        };
        // A series that is written twice is what the last line says.
        series.retain(|known| known.labels != labels);
        series.push(LoadedSeries { labels, slots, starts });
    }
    if let Some((line, ..)) = pending {
        return Err(fail(line, "@st line has no following sample line".to_owned()));
    }
    Ok(Load { line: number, step_ms, with_nhcb, series })
}

/// An evaluation, and how many lines of the block belong to it.
fn eval(line: &str, number: usize, block: &[(usize, &str)]) -> Result<(Eval, usize), ScriptError> {
    let fail = |message: String| ScriptError { line: number, message };
    let (command, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let modifier = match command.strip_prefix("eval") {
        Some("") => "",
        Some(modifier) => modifier
            .strip_prefix('_')
            .filter(|m| !m.is_empty())
            .ok_or_else(|| fail(format!("invalid command {command:?}")))?,
        None => return Err(fail(format!("invalid command {command:?}"))),
    };
    let duration = |text: &str| duration_ms(text).ok_or_else(|| fail(format!("invalid duration {text:?}")));
    let rest = rest.trim_start();
    let (when, expr) = if let Some(rest) = rest.strip_prefix("instant") {
        match rest.trim_start().strip_prefix("at ") {
            Some(rest) => {
                let (at, expr) = word(rest);
                (When::Instant(duration(at)?), expr)
            }
            None => (When::Instant(0), rest.trim()),
        }
    } else if let Some(rest) = rest.strip_prefix("range") {
        let mut rest = rest.trim_start();
        let mut moments = [0; 3];
        for (keyword, moment) in ["from", "to", "step"].into_iter().zip(&mut moments) {
            let (found, after) = word(rest);
            if found != keyword {
                return Err(fail(format!("expected {keyword:?}, got {found:?}")));
            }
            let (text, after) = word(after);
            *moment = duration(text)?;
            rest = after;
        }
        let [start_ms, end_ms, step_ms] = moments;
        if end_ms < start_ms {
            return Err(fail("the end of a range is before its start".to_owned()));
        }
        (When::Range { start_ms, end_ms, step_ms }, rest)
    } else {
        return Err(fail("expected instant or range".to_owned()));
    };
    if modifier == "ordered" && matches!(when, When::Range { .. }) {
        return Err(fail("a range has no order".to_owned()));
    }
    let (expectation, taken) = Expectation::read(modifier, when, block)?;
    Ok((Eval { line: number, expr: expr.to_owned(), when, expectation }, taken))
}

/// The first word and what follows it.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}
