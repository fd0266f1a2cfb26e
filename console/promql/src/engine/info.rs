//! `info`: labels of info metrics such as `target_info`, added to the series of the same target.
//! Source: prometheus/promql/info.go.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use console_model::{
    Labels, MatchOp, Matcher,
    labels::METRIC_NAME,
    metric::{PointSeries, Sample, is_stale_nan},
};
use console_storage::SourceError;

use super::{
    binary::braced,
    eval::Eval,
    grid::{Collector, Row, Steps},
    view::{Gaze, advance},
};
use crate::{
    ast::{At, Expr, ExprKind, Selector},
    regexp::{Fits, fits_nothing},
};

/// Labels that say which target a series is of.
const IDENTIFYING: [&str; 2] = ["instance", "job"];

/// Info series and the time of their newest sample at each step.
struct InfoSeries {
    labels: Labels,
    times: Vec<Option<i64>>,
}

/// What the second argument asks for.
struct Wanted {
    /// Which info metrics count.
    names: Vec<Matcher>,
    /// By label; only these labels are added, where there are any.
    data: BTreeMap<String, Vec<Matcher>>,
}

impl Wanted {
    fn of(selector: Option<&Selector>) -> Self {
        let all = selector.map_or(&[] as &[Matcher], |s| s.matchers.as_slice());
        let (mut names, rest): (Vec<Matcher>, Vec<Matcher>) =
            all.iter().cloned().partition(|m| m.name == METRIC_NAME);
        if names.is_empty() {
            names.push(Matcher::equal(METRIC_NAME, "target_info"));
        } else if names.iter().all(|m| matches!(m.op, MatchOp::NotEqual | MatchOp::NotRegex)) {
            names.push(Matcher { name: METRIC_NAME.into(), op: MatchOp::Regex, value: ".+_info".into() });
        }
        let mut data: BTreeMap<String, Vec<Matcher>> = BTreeMap::new();
        for m in rest {
            data.entry(m.name.clone()).or_default().push(m);
        }
        Self { names, data }
    }

    fn adds(&self, label: &str) -> bool {
        label != METRIC_NAME && (self.data.is_empty() || self.data.contains_key(label))
    }

    /// Whether a series without any of the labels is still wanted.
    fn allows_nothing(&self) -> bool {
        self.data.values().flatten().all(fits_nothing)
    }
}

/// The labels that a series is found by.
fn identity(labels: &Labels) -> Labels {
    labels.filter(|name| IDENTIFYING.contains(&name))
}

impl Eval<'_> {
    pub(super) fn info(&self, args: &[Expr], steps: &Steps) -> Result<Vec<Row>, SourceError> {
        let [base, selector @ ..] = args else {
            return Err(SourceError::Internal("info needs an argument".to_owned()));
        };
        let selector = match selector.first().map(|e| &e.kind) {
            Some(ExprKind::Selector(s)) => Some(s),
            _ => None,
        };
        let wanted = Wanted::of(selector);
        let (at, offset_ms) = moment_of(base).unwrap_or((None, 0));
        let gaze = self.gaze(at, offset_ms);
        let rows = self.vector(base, steps)?;
        let is_info: Vec<bool> = {
            let fits = Fits::all(&wanted.names)?;
            rows.iter().map(|r| fits.accept(&r.labels)).collect()
        };
        let infos = self.info_series(&rows, &is_info, &wanted, gaze, steps)?;
        self.combined(rows, &is_info, &infos, &wanted, steps)
    }

    /// The info series of the targets that are in `rows`.
    fn info_series(
        &self,
        rows: &[Row],
        is_info: &[bool],
        wanted: &Wanted,
        gaze: Gaze,
        steps: &Steps,
    ) -> Result<Vec<InfoSeries>, SourceError> {
        let mut matchers = wanted.names.clone();
        for name in IDENTIFYING {
            let base = rows.iter().zip(is_info).filter(|(_, is_info)| !**is_info).map(|(r, _)| r);
            let values: BTreeSet<&str> = base.filter_map(|r| r.labels.get(name)).collect();
            if !values.is_empty() {
                let value = values.into_iter().map(regex::escape).collect::<Vec<_>>().join("|");
                matchers.push(Matcher { name: name.to_owned(), op: MatchOp::Regex, value });
            }
        }
        if matchers.len() == wanted.names.len() {
            return Ok(Vec::new());
        }
        matchers.extend(wanted.data.values().flatten().cloned());
        let selector = Selector { matchers, ..Selector::default() };
        let lookback = self.lookback_ms();
        let (first, last) = (gaze.at(steps, 0), gaze.at(steps, steps.count - 1));
        let (series, held) = self.read(&selector, first.saturating_sub(lookback), last)?;
        let mut out = Vec::with_capacity(series.len());
        for s in series {
            if let Some(h) = s.histograms.iter().find(|h| !is_stale_nan(h.h.sum) && h.t_ms <= last) {
                let is_seen =
                    (0..steps.count).map(|i| gaze.at(steps, i)).any(|t| t >= h.t_ms && t - lookback < h.t_ms);
                if is_seen {
                    let message =
                        format!("this should be an info metric, with float samples: {}", braced(&s.labels));
                    return Err(SourceError::Execution(message));
                }
            }
            out.push(times_of(s, gaze, lookback, steps));
        }
        self.budget.give(held);
        out.retain(|s| s.times.iter().any(Option::is_some));
        Ok(out)
    }

    fn combined(
        &self,
        rows: Vec<Row>,
        is_info: &[bool],
        infos: &[InfoSeries],
        wanted: &Wanted,
        steps: &Steps,
    ) -> Result<Vec<Row>, SourceError> {
        // By metric's name and target.
        let mut groups: BTreeMap<&str, HashMap<Labels, Vec<&InfoSeries>>> = BTreeMap::new();
        for info in infos {
            let by_target = groups.entry(info.labels.metric_name()).or_default();
            by_target.entry(identity(&info.labels)).or_default().push(info);
        }
        let has_any: Vec<bool> = (0..steps.count).map(|i| rows.iter().any(|r| r.has(i))).collect();
        for same in groups.values().flat_map(HashMap::values).filter(|same| same.len() > 1) {
            (0..steps.count).filter(|i| has_any[*i]).try_for_each(|i| newest(same, i).map(drop))?;
        }
        let mut out = Collector::default();
        for (row, is_info) in rows.into_iter().zip(is_info) {
            self.budget.check()?;
            if *is_info {
                out.add(row)?;
                continue;
            }
            let target = identity(&row.labels);
            let candidates: Vec<&[&InfoSeries]> =
                groups.values().filter_map(|g| g.get(&target)).map(Vec::as_slice).collect();
            self.enriched(&row, &candidates, wanted, steps, &mut out)?;
        }
        let rows = out.into_rows();
        self.budget.take(rows.len() * steps.count)?;
        Ok(rows)
    }

    /// Adds `row` with the labels of the info series at each step; these may change from step to step.
    fn enriched(
        &self,
        row: &Row,
        candidates: &[&[&InfoSeries]],
        wanted: &Wanted,
        steps: &Steps,
        out: &mut Collector,
    ) -> Result<(), SourceError> {
        let mut known: HashMap<Vec<Option<usize>>, Option<Labels>> = HashMap::new();
        for i in 0..steps.count {
            let Some(point) = row.point(i) else { continue };
            let chosen =
                candidates.iter().map(|same| newest(same, i)).collect::<Result<Vec<Option<usize>>, _>>()?;
            if !known.contains_key(&chosen) {
                let infos: Vec<&Labels> = candidates
                    .iter()
                    .zip(&chosen)
                    .filter_map(|(same, at)| Some(&same[(*at)?].labels))
                    .collect();
                known.insert(chosen.clone(), with_data(&row.labels, &infos, wanted)?);
            }
            let Some(Some(labels)) = known.get(&chosen) else { continue };
            let target = out.row(labels.clone(), row.drop_name, steps.count);
            if target.has(i) {
                return Err(super::grid::same_labelset());
            }
            target.set(i, point);
        }
        Ok(())
    }
}

/// The base labels and what the info series add. `None`: the series is not wanted without them.
fn with_data(base: &Labels, infos: &[&Labels], wanted: &Wanted) -> Result<Option<Labels>, SourceError> {
    if infos.is_empty() {
        return Ok(wanted.allows_nothing().then(|| base.clone()));
    }
    let mut added: BTreeMap<&str, &str> = BTreeMap::new();
    for label in infos.iter().flat_map(|labels| labels.iter()).filter(|l| wanted.adds(&l.name)) {
        match added.get(&*label.name) {
            Some(value) if *value != &*label.value => {
                return Err(SourceError::Execution(format!("conflicting label: {}", label.name)));
            }
            _ if base.get(&label.name).is_some() => {}
            _ => {
                added.insert(&label.name, &label.value);
            }
        }
    }
    let pairs = base.iter().map(|l| (&*l.name, &*l.value)).chain(added);
    Ok(Some(Labels::from_pairs(pairs)))
}

/// The info series with the newest sample at a step.
fn newest(same: &[&InfoSeries], step: usize) -> Result<Option<usize>, SourceError> {
    let mut best: Option<(usize, i64)> = None;
    for (at, t_ms) in same.iter().enumerate().filter_map(|(at, s)| Some((at, s.times[step]?))) {
        match best {
            Some((_, newest)) if newest > t_ms => {}
            Some((before, newest)) if newest == t_ms => {
                return Err(SourceError::Execution(format!(
                    "found duplicate series for info metric: existing {} @ {t_ms}, new {} @ {t_ms}",
                    braced(&same[before].labels),
                    braced(&same[at].labels),
                )));
            }
            _ => best = Some((at, t_ms)),
        }
    }
    Ok(best.map(|(at, _)| at))
}

fn times_of(series: PointSeries, gaze: Gaze, lookback: i64, steps: &Steps) -> InfoSeries {
    let mut seen = 0;
    let at = |i: usize| {
        let moment = gaze.at(steps, i);
        seen = advance(&series.samples, seen, |s: &Sample| s.t_ms <= moment);
        let newest = series.samples[..seen].last()?;
        (newest.t_ms > moment.saturating_sub(lookback) && !is_stale_nan(newest.v)).then_some(newest.t_ms)
    };
    let times = (0..steps.count).map(at).collect();
    InfoSeries { labels: series.labels, times }
}

/// Where the first selector of an expression looks: the innermost `@` around it, and all offsets up to that.
fn moment_of(expr: &Expr) -> Option<(Option<At>, i64)> {
    match &expr.kind {
        ExprKind::Selector(s) | ExprKind::Range { selector: s, .. } => Some((s.at, s.offset_ms)),
        ExprKind::Subquery(s) => {
            let (at, offset_ms) = moment_of(&s.expr)?;
            Some(if at.is_some() { (at, offset_ms) } else { (s.at, offset_ms.saturating_add(s.offset_ms)) })
        }
        _ => expr.children().into_iter().find_map(moment_of),
    }
}
