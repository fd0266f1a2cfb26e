//! Vector matching: one-to-one, many-to-one, one-to-many.

use std::collections::HashMap;

use console_model::{
    Labels,
    labels::{Label, METRIC_NAME},
    names::is_label_name,
};
use console_storage::SourceError;

use super::{
    LastNotes, Note,
    element::{apply, float, truth},
};
use crate::{
    ast::{Binary, BinaryOp, Cardinality, Matching},
    engine::{
        eval::Eval,
        grid::{self, Collector, Row, is_absent},
    },
    gofmt::Quoted,
    outcome::Point,
    position::Span,
};

/// The labels that two elements must share.
pub(super) fn signature(m: &Matching, labels: &Labels) -> Labels {
    let named = |name: &str| m.labels.iter().any(|l| l == name);
    if m.on { labels.filter(named) } else { labels.filter(|name| !named(name) && name != METRIC_NAME) }
}

/// All labels in braces, the name among them: `{__name__="up", job="a"}`. Names that are no words are quoted.
pub(crate) fn braced(labels: &Labels) -> String {
    let pair = |l: &Label| {
        let (name, value) = (&*l.name, Quoted(&l.value));
        if is_label_name(name) { format!("{name}={value}") } else { format!("{}={value}", Quoted(name)) }
    };
    let pairs: Vec<String> = labels.iter().map(pair).collect();
    format!("{{{}}}", pairs.join(", "))
}

/// The rows of one signature, each with its place on its side. `many` is the left side, but for `group_right`.
#[derive(Default)]
struct Group<'a> {
    many: Vec<(usize, &'a Row)>,
    one: Vec<(usize, &'a Row)>,
}

/// Which side of a query `many` is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sides {
    ManyIsLeft,
    ManyIsRight,
}

/// What is the same for all pairs of a signature, whose labels `labels` are.
#[derive(Clone, Copy)]
struct Target<'a> {
    b: &'a Binary,
    sides: Sides,
    count: usize,
    labels: &'a Labels,
}

/// Steps at which a signature has a result.
struct Made {
    /// For the whole signature, or by the result's labels; needed where more than one pair may have one.
    used: Option<HashMap<Option<Labels>, Vec<bool>>>,
    /// Of any pair; needed where elements without a partner are filled up.
    any: Option<Vec<bool>>,
}

/// Where the outcomes of pairs go.
#[derive(Default)]
struct Results {
    rows: Collector,
    notes: LastNotes,
    failure: Failure,
}

/// The failure of the first step that has one: Prometheus goes step by step.
#[derive(Default)]
struct Failure(Option<(usize, SourceError)>);

impl Failure {
    fn at(&mut self, step: usize, error: SourceError) {
        if self.0.as_ref().is_none_or(|(first, _)| step < *first) {
            self.0 = Some((step, error));
        }
    }

    /// Whether what happens at a step does not matter any more.
    fn is_before(&self, step: usize) -> bool {
        self.0.as_ref().is_some_and(|(first, _)| *first <= step)
    }
}

/// A row that stands for missing ones.
fn filler(labels: &Labels, value: f64, count: usize) -> Row {
    Row { labels: labels.clone(), drop_name: false, floats: vec![value; count], histograms: Vec::new() }
}

fn has_any_at(rows: &[Row], count: usize) -> Vec<bool> {
    let mut out = vec![false; count];
    for row in rows {
        for (i, v) in row.floats.iter().enumerate() {
            out[i] |= !is_absent(*v);
        }
        row.histograms.iter().for_each(|(i, _)| out[*i] = true);
    }
    out
}

impl Eval<'_> {
    pub(super) fn matched(
        &self,
        b: &Binary,
        span: Span,
        left: &[Row],
        right: &[Row],
        count: usize,
    ) -> Result<Vec<Row>, SourceError> {
        let m = &b.matching;
        let sides =
            if m.cardinality == Cardinality::OneToMany { Sides::ManyIsRight } else { Sides::ManyIsLeft };
        let (many, one) = if sides == Sides::ManyIsRight { (right, left) } else { (left, right) };
        let mut places: HashMap<Labels, usize> = HashMap::new();
        let mut groups: Vec<(Labels, Group<'_>)> = Vec::new();
        let mut place = |row: &Row, groups: &mut Vec<(Labels, Group<'_>)>| {
            let key = signature(m, &row.labels);
            *places.entry(key.clone()).or_insert_with(|| {
                groups.push((key, Group::default()));
                groups.len() - 1
            })
        };
        for (order, row) in many.iter().enumerate() {
            let at = place(row, &mut groups);
            groups[at].1.many.push((order, row));
        }
        for (order, row) in one.iter().enumerate() {
            let at = place(row, &mut groups);
            groups[at].1.one.push((many.len() + order, row));
        }
        // A step at which one side is empty has no result, and no error either, unless it is filled.
        let has_fill = m.fill_left.is_some() || m.fill_right.is_some();
        let mut many_at = has_fill.then(|| vec![true; count]);
        let mut out = Results::default();
        for (labels, group) in groups.iter().filter(|(_, g)| g.one.len() > 1) {
            let many_at = many_at.get_or_insert_with(|| has_any_at(many, count));
            unique(labels, &group.one, many_at, sides, &mut out.failure);
        }
        for (labels, group) in &groups {
            let target = Target { b, sides, count, labels };
            self.group(target, group, &mut out)?;
        }
        if let Some((_, error)) = out.failure.0 {
            return Err(error);
        }
        self.told(span, out.notes);
        let rows = out.rows.into_rows();
        self.budget.take(rows.len() * count)?;
        Ok(rows)
    }

    fn group(&self, t: Target<'_>, group: &Group<'_>, out: &mut Results) -> Result<(), SourceError> {
        let (b, count) = (t.b, t.count);
        let several = group.many.len() > 1 || group.one.len() > 1;
        let mut made = Made {
            used: several.then(HashMap::new),
            any: b.matching.fill_left.is_some().then(|| vec![false; count]),
        };
        for (m, (_, o)) in group.many.iter().flat_map(|m| group.one.iter().map(move |o| (*m, *o))) {
            self.budget.check()?;
            self.pairs(t, m, o, &mut made, out);
        }
        // As in Prometheus, "right" fills the side that is one, "left" the side that may be many, even where they stand the
        // other way round.
        if let Some(fill) = b.matching.fill_right {
            let mut filled = filler(t.labels, fill, count);
            filled.retain(|i| !group.one.iter().any(|(_, o)| o.has(i)));
            for m in &group.many {
                self.pairs(t, *m, &filled, &mut made, out);
            }
        }
        if let Some(fill) = b.matching.fill_left {
            let mut filled = filler(t.labels, fill, count);
            filled.retain(|i| made.any.as_ref().is_some_and(|any| !any[i]));
            for (order, o) in &group.one {
                self.pairs(t, (*order, &filled), o, &mut made, out);
            }
        }
        Ok(())
    }

    /// The outcomes of two rows at all steps. `order`: the place of the pair among all.
    fn pairs(
        &self,
        t: Target<'_>,
        (order, many): (usize, &Row),
        one: &Row,
        made: &mut Made,
        out: &mut Results,
    ) {
        let b = t.b;
        let labels = self.result_labels(b, &many.labels, &one.labels);
        let is_single = b.matching.cardinality == Cardinality::OneToOne;
        let mut used = made.used.as_mut().map(|used| {
            let key = (!is_single).then(|| labels.clone());
            used.entry(key).or_insert_with(|| vec![false; t.count])
        });
        let row = out.rows.row(labels, b.return_bool, t.count);
        for i in 0..t.count {
            if out.failure.is_before(i) {
                break;
            }
            let told = |note| out.notes.note(i, order, note);
            let Some((point, holds)) = pair(b, many, one, i, t.sides, told) else { continue };
            if let Some(any) = &mut made.any {
                any[i] = true;
            }
            if let Some(used) = &mut used
                && std::mem::replace(&mut used[i], true)
            {
                let message = format!(
                    "multiple matches for labels: {}",
                    if is_single {
                        "many-to-one matching must be explicit (group_left/group_right)"
                    } else {
                        "grouping labels must ensure unique matches"
                    }
                );
                out.failure.at(i, SourceError::Execution(message));
                break;
            }
            if !holds && !b.return_bool {
                continue;
            }
            if row.has(i) {
                out.failure.at(i, grid::same_labelset());
                break;
            }
            row.set(i, if b.return_bool { Point::Float(truth(holds)) } else { point });
        }
    }

    fn result_labels(&self, b: &Binary, many: &Labels, one: &Labels) -> Labels {
        let m = &b.matching;
        let drop_name = b.op.changes_meaning() || b.return_bool && !self.limits.delayed_name_removal;
        let mut labels = if drop_name { grid::nameless(many) } else { many.clone() };
        if m.cardinality == Cardinality::OneToOne {
            labels = labels.filter(|name| m.labels.iter().any(|l| l == name) == m.on);
        }
        for name in &m.include {
            labels = labels.with(name, one.get(name).unwrap_or_default());
        }
        labels
    }
}

/// The outcome of two rows at a step; `None` where one has no value or the two do not go together.
fn pair(
    b: &Binary,
    many: &Row,
    one: &Row,
    step: usize,
    sides: Sides,
    mut told: impl FnMut(Note),
) -> Option<(Point, bool)> {
    let (l, r) = if sides == Sides::ManyIsRight { (one, many) } else { (many, one) };
    let (lv, rv) = (l.floats[step], r.floats[step]);
    let is_trim = matches!(b.op, BinaryOp::TrimUpper | BinaryOp::TrimLower);
    if !is_absent(lv) && !is_absent(rv) && !is_trim {
        let (v, holds) = float(b.op, lv, rv);
        return Some((Point::Float(v), holds));
    }
    let outcome = apply(b.op, &l.point(step)?, &r.point(step)?);
    if let Some(note) = Note::of(b.op, &outcome) {
        told(note);
    }
    outcome.ok().map(|o| (o.point, o.holds))
}

/// At most one series of a group at any step at which the other side has something.
fn unique(group: &Labels, rows: &[(usize, &Row)], other_at: &[bool], sides: Sides, failure: &mut Failure) {
    for i in (0..other_at.len()).filter(|i| other_at[*i]) {
        let mut here = rows.iter().map(|(_, row)| row).filter(|r| r.has(i));
        if let (Some(a), Some(b)) = (here.next(), here.next()) {
            let mut both = [braced(&a.labels), braced(&b.labels)];
            both.sort();
            let side = if sides == Sides::ManyIsRight { "left" } else { "right" };
            let message = format!(
                "found duplicate series for the match group {} on the {side} hand-side of the operation: [{}, {}];many-to-many matching not allowed: matching labels must be unique on one side",
                braced(group),
                both[0],
                both[1],
            );
            failure.at(i, SourceError::Execution(message));
            return;
        }
    }
}
