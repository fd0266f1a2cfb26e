//! A script's commands.

use console_promql::parser::duration_ms;

use crate::{
    expectation::Expectation,
    notation::{self, Slot},
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
}

#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub line: usize,
    pub step_ms: i64,
    pub with_nhcb: bool,
    pub series: Vec<(Labels, Vec<Slot>)>,
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

pub(crate) fn parse(text: &str) -> Result<Vec<Command>, ScriptError> {
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
        let word = line.split_whitespace().next().unwrap_or_default();
        let fail = |message: String| ScriptError { line: number, message };
        if word == "clear" {
            out.push(Command::Clear);
        } else if word.starts_with("load") {
            at += block.len();
            out.push(Command::Load(load(line, number, &block)?));
        } else if word.starts_with("eval") {
            let (eval, taken) = eval(line, number, &block)?;
            at += taken;
            out.push(Command::Eval(eval));
        } else {
            return Err(fail(format!("invalid command {line:?}")));
        }
    }
    Ok(out)
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
    let mut series: Vec<(Labels, Vec<Slot>)> = Vec::new();
    for (line, text) in block {
        let (labels, slots) = notation::series(text).map_err(|m| fail(*line, m))?;
        // A series that is written twice is what the last line says.
        series.retain(|(known, _)| *known != labels);
        series.push((labels, slots));
    }
    Ok(Load { line: number, step_ms, with_nhcb, series })
}

/// An evaluation, and how many lines of the block belong to it.
fn eval(line: &str, number: usize, block: &[(usize, &str)]) -> Result<(Eval, usize), ScriptError> {
    let fail = |message: String| ScriptError { line: number, message };
    let (command, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let modifier = command.trim_start_matches("eval").trim_start_matches('_');
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
        (When::Range { start_ms, end_ms, step_ms }, rest)
    } else {
        return Err(fail("expected instant or range".to_owned()));
    };
    let (expectation, taken) = Expectation::read(modifier, when, block)?;
    Ok((Eval { line: number, expr: expr.to_owned(), when, expectation }, taken))
}

/// The first word and what follows it.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}
