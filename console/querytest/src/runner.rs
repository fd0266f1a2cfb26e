//! Executes a script.

use std::{
    collections::HashSet,
    sync::{Arc, atomic::AtomicBool},
};

use console_promql::{
    Moments, Outcome, OutcomeValue, ParseOptions, Point, PromqlLimits,
    ast::{At, Expr, ExprKind},
    evaluate_with_start_times,
    function::Function,
    parse,
};
use console_storage::SourceError;

use crate::{
    compare::{self, Times},
    expectation::{Expectation, Expected},
    nhcb::Converter,
    notation::Slot,
    script::{self, Command, Eval, Load, LoadedSeries, ScriptError, When},
    store::MemoryStore,
};

/// What became of one evaluation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub line: usize,
    pub expr: String,
    /// Why it failed.
    pub failure: Option<String>,
}

/// The engine as Prometheus sets it for its own scripts: experimental syntax is on, names are removed late.
fn own_limits() -> PromqlLimits {
    PromqlLimits { experimental: true, delayed_name_removal: true, ..PromqlLimits::default() }
}

/// Runs all commands of a script as Prometheus runs its own. One verdict an `eval`; fails at the first command that cannot
/// be read.
pub fn run(text: &str) -> Result<Vec<Verdict>, ScriptError> {
    run_with(text, &own_limits())
}

/// As [`run`], with the engine set as given.
pub fn run_with(text: &str, limits: &PromqlLimits) -> Result<Vec<Verdict>, ScriptError> {
    let mut first = None;
    let verdicts = execute(text, limits, &mut |_, error| {
        first.get_or_insert(error);
    });
    first.map_or(Ok(verdicts), Err)
}

/// As [`run`], to the end of the script: a command that cannot be read is a failure among the others.
pub fn run_all(text: &str) -> Vec<Verdict> {
    let mut broken = Vec::new();
    let mut verdicts = execute(text, &own_limits(), &mut |expr, error| {
        broken.push(Verdict { line: error.line, expr, failure: Some(error.message) });
    });
    verdicts.append(&mut broken);
    verdicts.sort_by_key(|v| v.line);
    verdicts
}

fn execute(text: &str, limits: &PromqlLimits, broken: &mut dyn FnMut(String, ScriptError)) -> Vec<Verdict> {
    let mut store = MemoryStore::default();
    let mut verdicts = Vec::new();
    for command in script::parse(text) {
        match command {
            Command::Clear => store = MemoryStore::default(),
            Command::Load(load) => {
                if let Err(error) = fill(&mut store, &load) {
                    broken("load".to_owned(), error);
                }
            }
            Command::Eval(eval) => {
                let failure = Bench { store: &store, limits }.judge(&eval).err();
                verdicts.push(Verdict { line: eval.line, expr: eval.expr, failure });
            }
            Command::Broken { text, error } => broken(text, error),
        }
    }
    verdicts
}

fn fill(store: &mut MemoryStore, load: &Load) -> Result<(), ScriptError> {
    let mut converter = Converter::default();
    let mut seen = HashSet::new();
    // Of several lines of a series the last holds.
    for LoadedSeries { labels, slots, starts } in load.series.iter().rev().filter(|s| seen.insert(&s.labels))
    {
        for (i, slot) in slots.iter().enumerate() {
            let Slot::Point { point, .. } = slot else { continue };
            let t_ms = load.step_ms * i as i64;
            store.put(labels, t_ms, point.clone());
            if let Some(Some(offset_ms)) = starts.get(i) {
                store.put_start(labels, t_ms, t_ms + offset_ms);
            }
            if let (true, Point::Float(v)) = (load.with_nhcb, point) {
                converter.add(labels, t_ms, *v);
            }
        }
    }
    let converted = converter.finish().map_err(|message| ScriptError { line: load.line, message })?;
    for (labels, t_ms, h) in converted {
        store.put(&labels, t_ms, Point::Histogram(h));
    }
    Ok(())
}

struct Bench<'a> {
    store: &'a MemoryStore,
    limits: &'a PromqlLimits,
}

impl Bench<'_> {
    fn parsed(&self, text: &str) -> Result<Expr, SourceError> {
        Ok(parse(text, ParseOptions { experimental: self.limits.experimental })?)
    }

    fn evaluate(&self, expr: &Expr, text: &str, moments: Moments) -> Result<Outcome, SourceError> {
        let stop = Arc::new(AtomicBool::new(false));
        evaluate_with_start_times(self.store, Some(self.store), expr, text, moments, self.limits, &stop)
    }

    fn judge(&self, eval: &Eval) -> Result<(), String> {
        let first =
            |moments| self.parsed(&eval.expr).and_then(|expr| self.evaluate(&expr, &eval.expr, moments));
        match eval.when {
            When::Range { start_ms, end_ms, step_ms } => {
                let moments = Moments::Range { start_ms, end_ms, step_ms };
                check(&eval.expectation, Times { start_ms, end_ms, step_ms }, first(moments)).map(drop)
            }
            When::Instant(at_ms) => {
                // An expected range vector is asked for at its own end.
                let times = eval.expectation.range_vector;
                let (start_ms, end_ms, step_ms) = times.unwrap_or((at_ms, at_ms, 1));
                let times = Times { start_ms, end_ms, step_ms };
                let at_ms = end_ms;
                let result = first(Moments::Instant { at_ms });
                let Some(outcome) = check(&eval.expectation, times, result)? else { return Ok(()) };
                let Ok(expr) = self.parsed(&eval.expr) else { return Ok(()) };
                self.as_range(eval, &expr, at_ms, &outcome)?;
                self.elsewhere(eval, expr, at_ms, times)
            }
        }
    }

    /// The same value must come out at the middle step of a range.
    fn as_range(&self, eval: &Eval, expr: &Expr, at_ms: i64, outcome: &Outcome) -> Result<(), String> {
        let has_a_range_form = matches!(outcome.value, OutcomeValue::Scalar(_) | OutcomeValue::Vector { .. });
        let expectation = &eval.expectation;
        if !has_a_range_form
            || expectation.is_ordered
            || expectation.range_vector.is_some()
            || asks_for_range(&eval.expr)
        {
            return Ok(());
        }
        let moments = Moments::Range { start_ms: at_ms - 60_000, end_ms: at_ms + 60_000, step_ms: 60_000 };
        let context = |e: String| format!("as a range: {e}");
        let result = self.evaluate(expr, &eval.expr, moments);
        let OutcomeValue::Matrix(series) = result.map_err(|e| context(e.to_string()))?.value else {
            return Err(context("no matrix".to_owned()));
        };
        let at = |s: &console_model::metric::PointSeries| {
            let point = compare::points(s).into_iter().find(|(t, _)| *t == at_ms);
            point.map(|(_, point)| (s.labels.clone(), point))
        };
        let elements: Vec<_> = series.iter().filter_map(at).collect();
        let value = match (&outcome.value, elements.first()) {
            (OutcomeValue::Scalar(_), Some((_, Point::Float(v)))) => {
                OutcomeValue::Scalar(console_model::metric::Sample { t_ms: at_ms, v: *v })
            }
            _ => OutcomeValue::Vector { t_ms: at_ms, elements },
        };
        let times = Times { start_ms: at_ms, end_ms: at_ms, step_ms: 1 };
        compare::value(expectation, times, &value).map_err(context)
    }

    /// With `@` on every selector the moment of the query does not matter.
    fn elsewhere(&self, eval: &Eval, mut expr: Expr, at_ms: i64, times: Times) -> Result<(), String> {
        let asks = |f| matches!(f, Function::Start | Function::End | Function::Range | Function::Step);
        if contains(&expr, &|f| f.reads_time() || asks(f)) {
            return Ok(());
        }
        pin(&mut expr, at_ms);
        let moments: &[i64] =
            if at_ms == 0 { &[-1000, 1000] } else { &[-10 * at_ms, 0, at_ms / 5, at_ms, 10 * at_ms] };
        for moment in moments {
            let context = |e: String| format!("with @ {at_ms} at {moment}: {e}");
            let result = self.evaluate(&expr, &eval.expr, Moments::Instant { at_ms: *moment });
            let outcome = check(&eval.expectation, times, result).map_err(context)?;
            if let Some(outcome) = outcome {
                self.as_range(eval, &expr, *moment, &outcome).map_err(context)?;
            }
        }
        Ok(())
    }
}

/// The outcome where it is as expected; nothing where a failure was expected and came.
fn check(
    expectation: &Expectation,
    times: Times,
    result: Result<Outcome, SourceError>,
) -> Result<Option<Outcome>, String> {
    match (&expectation.failure, result) {
        (Some(wanted), Err(e)) if wanted.accepts(&e.to_string()) => Ok(None),
        (Some(wanted), Err(e)) => Err(format!("expected failure {wanted:?}, failed with {e}")),
        (Some(wanted), Ok(_)) => Err(format!("expected failure {wanted:?}, but there was none")),
        (None, Err(e)) => Err(e.to_string()),
        (None, Ok(outcome)) => {
            compare::annotations(expectation, &outcome)?;
            // A string that nothing is said about is expected to be empty.
            let is_text = matches!(outcome.value, OutcomeValue::String { .. });
            match (&expectation.value, is_text) {
                (Expected::Series(all), true) if all.is_empty() => {}
                _ => compare::value(expectation, times, &outcome.value)?,
            }
            Ok(Some(outcome))
        }
    }
}

fn contains(expr: &Expr, is: &dyn Fn(Function) -> bool) -> bool {
    let here = matches!(&expr.kind, ExprKind::Call { function, .. } if is(*function));
    here || expr.children().into_iter().any(|c| contains(c, is))
}

/// Whether a query says something about its own range, in functions, durations or moments.
fn asks_for_range(text: &str) -> bool {
    ["start()", "end()", "range()", "step()"].iter().any(|call| text.contains(call))
}

/// Fixes every selector, and the outermost subqueries, at a moment.
fn pin(expr: &mut Expr, at_ms: i64) {
    expr.walk_mut(&mut |e| {
        let (at, go_on) = match &mut e.kind {
            ExprKind::Selector(s) | ExprKind::Range { selector: s, .. } => (&mut s.at, true),
            ExprKind::Subquery(s) => (&mut s.at, false),
            _ => return true,
        };
        if !matches!(at, Some(At::Time(_))) {
            *at = Some(At::Time(at_ms));
        }
        go_on
    });
}
