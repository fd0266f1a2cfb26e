//! Function calls.

use console_model::{Labels, MatchOp, Matcher, labels::METRIC_NAME};
use console_storage::SourceError;

use super::{
    calendar,
    eval::Eval,
    grid::{ABSENT, Row, Steps, Value, merged},
    math, relabel, sort,
};
use crate::{
    ast::{Expr, ExprKind, ValueType},
    function::Function,
    position::Span,
    regexp,
};

fn seconds(t_ms: i64) -> f64 {
    t_ms as f64 / 1000.0
}

impl Eval<'_> {
    pub(crate) fn call(
        &self,
        function: Function,
        args: &[Expr],
        span: Span,
        steps: &Steps,
    ) -> Result<Value, SourceError> {
        if args.iter().any(|a| a.value_type() == ValueType::Matrix) {
            return Ok(Value::Vector(self.over_time(function, args, steps)?));
        }
        if function.signature().returns == ValueType::Scalar {
            return Ok(Value::Scalar(self.scalar_call(function, args, steps)?));
        }
        Ok(Value::Vector(self.vector_call(function, args, span, steps)?))
    }

    fn scalar_call(&self, function: Function, args: &[Expr], steps: &Steps) -> Result<Vec<f64>, SourceError> {
        let same = |v: f64| vec![v; steps.count];
        let (start, end) = self.range;
        Ok(match (function, args) {
            (Function::Time, _) => steps.moments().map(seconds).collect(),
            (Function::Pi, _) => same(std::f64::consts::PI),
            (Function::Start, _) => same(seconds(start)),
            (Function::End, _) => same(seconds(end)),
            (Function::Range, _) => same(seconds(end - start)),
            (Function::Step, _) => same(if start == end { 0.0 } else { seconds(self.step_ms) }),
            (Function::Scalar, [v]) => only(&self.vector(v, steps)?, steps),
            (Function::MaxOf | Function::MinOf, [a, b]) => {
                let pick = if function == Function::MaxOf { math::larger } else { math::smaller };
                let (a, b) = (self.scalar(a, steps)?, self.scalar(b, steps)?);
                a.into_iter().zip(b).map(|(a, b)| pick(a, b)).collect()
            }
            _ => return Err(unsupported(function)),
        })
    }

    fn vector_call(
        &self,
        function: Function,
        args: &[Expr],
        span: Span,
        steps: &Steps,
    ) -> Result<Vec<Row>, SourceError> {
        match (function, args) {
            (Function::Vector, [s]) => Ok(vec![unlabelled(self.scalar(s, steps)?)]),
            (Function::Timestamp, [v]) => self.timestamps(v, steps),
            (Function::StartTimestamp, [v]) => self.start_timestamps(v, steps),
            (Function::Info, args) => self.info(args, steps),
            (Function::Absent, [v]) => {
                let rows = self.vector(v, steps)?;
                let present: Vec<bool> = (0..steps.count).map(|i| rows.iter().any(|r| r.has(i))).collect();
                Ok(Self::absence(v, &present))
            }
            (Function::Clamp | Function::ClampMin | Function::ClampMax, [v, limits @ ..]) => {
                self.clamped(function, v, limits, steps)
            }
            (Function::Round, [v, rest @ ..]) => {
                let rows = self.vector(v, steps)?;
                let to = match rest {
                    [to, ..] => self.scalar(to, steps)?,
                    [] => vec![1.0; steps.count],
                };
                self.mapped(rows, |i, v| {
                    let inverse = 1.0 / to[i];
                    (v * inverse + 0.5).floor() / inverse
                })
            }
            (
                Function::Sort | Function::SortDesc | Function::SortByLabel | Function::SortByLabelDesc,
                [v, labels @ ..],
            ) => self.sorted(function, v, labels, span, steps),
            (Function::LabelReplace, [v, rest @ ..]) => relabel::replace(|| self.vector(v, steps), rest),
            (Function::LabelJoin, [v, rest @ ..]) => relabel::join(|| self.vector(v, steps), rest),
            (Function::HistogramQuantile, [q, v]) => self.histogram_quantile(q, v, steps),
            (Function::HistogramQuantiles, args) => self.histogram_quantiles(args, steps),
            (Function::HistogramFraction, [lower, upper, v]) => {
                self.histogram_fraction(lower, upper, v, steps)
            }
            (
                Function::HistogramCount
                | Function::HistogramSum
                | Function::HistogramAvg
                | Function::HistogramStddev
                | Function::HistogramStdvar,
                [v],
            ) => self.of_histograms(function, self.vector(v, steps)?),
            (_, []) if calendar::part(function, 0.0).is_some() => {
                let part = |t| calendar::part(function, seconds(t)).unwrap_or(f64::NAN);
                Ok(vec![unlabelled(steps.moments().map(part).collect())])
            }
            (_, [v]) => match math::function_of(function) {
                Some(f) => self.mapped(self.vector(v, steps)?, |_, v| f(v)),
                None if calendar::part(function, 0.0).is_some() => self
                    .mapped(self.vector(v, steps)?, |_, v| calendar::part(function, v).unwrap_or(f64::NAN)),
                None => Err(unsupported(function)),
            },
            _ => Err(unsupported(function)),
        }
    }

    /// Applies `f` to every float; histograms and names go.
    fn mapped(&self, mut rows: Vec<Row>, f: impl Fn(usize, f64) -> f64) -> Result<Vec<Row>, SourceError> {
        for row in &mut rows {
            row.map_floats(&f);
            self.drop_name(row);
        }
        rows.retain(|r| !r.is_empty());
        merged(rows)
    }

    fn timestamps(&self, v: &Expr, steps: &Steps) -> Result<Vec<Row>, SourceError> {
        if let ExprKind::Selector(s) = &v.unwrap_parens().kind {
            return self.mapped(self.sample_times(s, steps)?, |_, t| t);
        }
        let mut rows = self.vector(v, steps)?;
        for row in &mut rows {
            for (i, _) in std::mem::take(&mut row.histograms) {
                row.floats[i] = 0.0;
            }
        }
        self.mapped(rows, |i, _| seconds(steps.at(i)))
    }

    /// When the counters of the samples started. Only a store knows: nothing else has any.
    fn start_timestamps(&self, v: &Expr, steps: &Steps) -> Result<Vec<Row>, SourceError> {
        let (ExprKind::Selector(s), Some(store)) = (&v.unwrap_parens().kind, self.start_times) else {
            // For what it has to say.
            self.vector(v, steps)?;
            return Ok(Vec::new());
        };
        let mut rows = self.sample_times(s, steps)?;
        for row in &mut rows {
            let starts = store.start_times(&row.labels);
            row.map_floats(|_, second| {
                let t_ms = (second * 1000.0).round() as i64;
                starts.binary_search_by_key(&t_ms, |s| s.0).map_or(0.0, |at| seconds(starts[at].1))
            });
        }
        self.mapped(rows, |_, start| start)
    }

    fn clamped(
        &self,
        function: Function,
        v: &Expr,
        limits: &[Expr],
        steps: &Steps,
    ) -> Result<Vec<Row>, SourceError> {
        let mut rows = self.vector(v, steps)?;
        let limits = limits.iter().map(|l| self.scalar(l, steps)).collect::<Result<Vec<_>, _>>()?;
        let least = |i: usize| if function == Function::ClampMax { f64::NEG_INFINITY } else { limits[0][i] };
        let most = |i: usize| match (function, limits.as_slice()) {
            (Function::ClampMin, _) => f64::INFINITY,
            (_, [.., most]) => most[i],
            (_, []) => f64::NAN,
        };
        for row in &mut rows {
            row.retain(|i| !matches!(most(i).partial_cmp(&least(i)), Some(std::cmp::Ordering::Less)));
        }
        self.mapped(rows, |i, v| math::larger(least(i), math::smaller(most(i), v)))
    }

    fn sorted(
        &self,
        function: Function,
        v: &Expr,
        labels: &[Expr],
        span: Span,
        steps: &Steps,
    ) -> Result<Vec<Row>, SourceError> {
        let rows = self.vector(v, steps)?;
        if steps.count > 1 {
            self.warn_of_sort(span);
        }
        let by_value = matches!(function, Function::Sort | Function::SortDesc);
        if steps.count > 1 {
            let mut rows = rows;
            if by_value {
                for row in &mut rows {
                    row.histograms.clear();
                }
                rows.retain(|r| !r.is_empty());
            }
            return Ok(rows);
        }
        let is_descending = matches!(function, Function::SortDesc | Function::SortByLabelDesc);
        if by_value {
            return Ok(sort::by_value(rows, is_descending));
        }
        let labels = labels
            .iter()
            .map(|l| relabel::literal(l).map(|l| l.value.as_str()))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(sort::by_label(rows, &labels, is_descending))
    }

    pub(crate) fn warn_of_sort(&self, span: Span) {
        let message = "sort is ineffective for range queries since results are always ordered by labels";
        self.notes.warn(span, message);
    }

    /// The warning for a range that has but one step: evaluated there, a sort looks like that of an instant.
    pub(crate) fn warn_of_sorts_in(&self, expr: &Expr) {
        if expr.is_step_invariant() || matches!(expr.kind, ExprKind::Subquery(_)) {
            return;
        }
        expr.children().into_iter().for_each(|c| self.warn_of_sorts_in(c));
        if let ExprKind::Call { function, .. } = &expr.kind
            && function.sorts()
        {
            self.warn_of_sort(expr.span);
        }
    }

    /// One, with the labels that the selector's equalities say, at the steps where `present` is false.
    pub(crate) fn absence(arg: &Expr, present: &[bool]) -> Vec<Row> {
        let matchers: &[Matcher] = match &arg.unwrap_parens().kind {
            ExprKind::Selector(s) | ExprKind::Range { selector: s, .. } => &s.matchers,
            _ => &[],
        };
        // A label's matchers that take series away count behind the others, as they do once Prometheus has read an index.
        let takes_away = |m: &&Matcher| {
            matches!(m.op, MatchOp::NotEqual | MatchOp::NotRegex)
                && regexp::fits_nothing(m)
                && matchers.iter().any(|o| o.name == m.name && !regexp::fits_nothing(o))
        };
        let (behind, before): (Vec<_>, Vec<_>) = matchers.iter().partition(takes_away);
        // A second equality of a label, or another matcher behind the first, takes the label away again.
        let mut said: Vec<(&str, Option<&str>)> = Vec::new();
        for m in before.into_iter().chain(behind).filter(|m| m.name != METRIC_NAME) {
            match said.iter_mut().find(|(name, _)| *name == m.name) {
                Some((_, before)) => *before = None,
                None if m.op == MatchOp::Equal => said.push((&m.name, Some(&m.value))),
                None => {}
            }
        }
        let labels = Labels::from_pairs(said.iter().filter_map(|(name, value)| Some((name, (*value)?))));
        let floats: Vec<f64> = present.iter().map(|here| if *here { ABSENT } else { 1.0 }).collect();
        let row = Row { labels, drop_name: false, floats, histograms: Vec::new() };
        if row.is_empty() { Vec::new() } else { vec![row] }
    }
}

fn unsupported(function: Function) -> SourceError {
    SourceError::Unsupported(format!("function {:?} is not supported", function.name()))
}

fn unlabelled(floats: Vec<f64>) -> Row {
    Row { labels: Labels::default(), drop_name: false, floats, histograms: Vec::new() }
}

/// The value of the only float at each step, else NaN.
fn only(rows: &[Row], steps: &Steps) -> Vec<f64> {
    let at = |i: usize| {
        let mut here = rows.iter().filter_map(|r| r.float(i));
        match (here.next(), here.next()) {
            (Some(v), None) => v,
            _ => f64::NAN,
        }
    };
    (0..steps.count).map(at).collect()
}
