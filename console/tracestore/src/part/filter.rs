//! Which traces of a row group meet which patterns, from statistics, then from the columns that conditions name.

use console_blockkit::part::PartError;
use console_storage::traces::ConditionOp;

use super::{
    OpenPart, TextColumn, fixed,
    group::SHARED,
    meta::{Directory, GroupMeta},
    open::AttributeColumn,
};
use crate::{
    condition::{Condition, Pattern, Place, Target},
    value::{Value, kind_word, status_word},
};

/// Patterns told apart; a store that is asked for more looks at the first ones.
pub const MAX_PATTERNS: usize = 64;

/// For each trace of the group a bit for each pattern that one of its rows meets; nothing when no row meets any.
pub fn group_hits(part: &OpenPart, group: u32, patterns: &[Pattern]) -> Result<Option<Vec<u64>>, PartError> {
    let directory = part.directory()?;
    let Some(meta) = directory.groups.get(group as usize) else {
        return Err(PartError::Damaged("a group that the directory does not have"));
    };
    let filter = Filter { part, group, directory: &directory, meta };
    let mut hits: Option<Vec<u64>> = None;
    for (number, pattern) in patterns.iter().take(MAX_PATTERNS).enumerate() {
        let Some(rows) = filter.pattern(pattern)? else { continue };
        let traces = part.trace_rows(group)?;
        let hits = hits.get_or_insert_with(|| vec![0; traces.len()]);
        for (hit, trace) in hits.iter_mut().zip(traces.iter()) {
            let from = trace.first_row as usize;
            if rows[from..from + trace.rows as usize].contains(&true) {
                *hit |= 1 << number;
            }
        }
    }
    Ok(hits)
}

struct Filter<'a> {
    part: &'a OpenPart,
    group: u32,
    directory: &'a Directory,
    meta: &'a GroupMeta,
}

impl Filter<'_> {
    /// Rows that meet all conditions; nothing when there are none.
    fn pattern(&self, pattern: &Pattern) -> Result<Option<Vec<bool>>, PartError> {
        for condition in pattern {
            if !self.may_meet(condition) {
                return Ok(None);
            }
        }
        let values = if pattern.iter().any(|c| !c.hashes.is_empty()) {
            Some(self.part.values(self.group)?)
        } else {
            None
        };
        if let Some(values) = values {
            let absent =
                |c: &Condition| !c.hashes.is_empty() && !c.hashes.iter().any(|h| values.may_contain(*h));
            if pattern.iter().any(absent) {
                return Ok(None);
            }
        }
        let mut rows: Option<Vec<bool>> = None;
        for condition in pattern {
            let mut met = vec![false; self.meta.rows as usize];
            self.condition(condition, &mut met)?;
            if let Some(before) = rows {
                met.iter_mut().zip(before).for_each(|(m, b)| *m &= b);
            }
            if !met.contains(&true) {
                return Ok(None);
            }
            rows = Some(met);
        }
        Ok(rows)
    }

    fn may_meet(&self, condition: &Condition) -> bool {
        let any = |bits: u8, word: fn(u8) -> &'static str| {
            (0..8).any(|n| bits & 1 << n != 0 && condition.holds_text(word(n)))
        };
        match &condition.target {
            Target::Status => any(self.meta.statuses, status_word),
            Target::Kind => any(self.meta.kinds, kind_word),
            Target::Duration => {
                let (min, max) = (self.meta.min_duration_ns, self.meta.max_duration_ns);
                match condition.op {
                    ConditionOp::Greater | ConditionOp::GreaterOrEqual => condition.holds(&Value::Int(max)),
                    ConditionOp::Less | ConditionOp::LessOrEqual => condition.holds(&Value::Int(min)),
                    _ => true,
                }
            }
            Target::EventName => self.meta.sections[fixed::EVENTS].length > 0,
            Target::Attribute(places, key) => self
                .directory
                .id(key)
                .is_some_and(|key| places.iter().any(|place| self.meta.has_key(*place, key))),
            Target::Name
            | Target::StatusMessage
            | Target::ScopeName
            | Target::ScopeVersion
            | Target::Service => true,
        }
    }

    /// Marks rows that meet the condition.
    fn condition(&self, condition: &Condition, met: &mut [bool]) -> Result<(), PartError> {
        let group = self.group;
        match &condition.target {
            Target::Name => mark_texts(&*self.part.texts(group, fixed::NAME)?, condition, met),
            Target::StatusMessage => mark_texts(&*self.part.texts(group, fixed::MESSAGE)?, condition, met),
            Target::Status | Target::Kind => {
                let (shift, mask, word): (u8, u8, fn(u8) -> &'static str) =
                    if condition.target == Target::Status {
                        (4, 15, status_word)
                    } else {
                        (0, 15, kind_word)
                    };
                let holds: Vec<bool> = (0..16).map(|n| condition.holds_text(word(n))).collect();
                let flags = self.part.bytes(group, fixed::FLAGS)?;
                met.iter_mut()
                    .zip(flags.iter())
                    .for_each(|(m, f)| *m |= holds[usize::from(f >> shift & mask)]);
            }
            Target::Duration => {
                let durations = self.part.ints(group, fixed::DURATIONS)?;
                met.iter_mut()
                    .zip(durations.iter())
                    .for_each(|(m, d)| *m |= condition.holds(&Value::Int(*d)));
            }
            Target::EventName => {
                for (m, events) in met.iter_mut().zip(self.part.events(group)?.iter()) {
                    *m |= events.iter().any(|e| condition.holds_text(&e.name));
                }
            }
            Target::ScopeName | Target::ScopeVersion => {
                let scopes = self.part.scopes(group)?;
                let name = condition.target == Target::ScopeName;
                let text =
                    |s: &crate::value::Scope| condition.holds_text(if name { &s.name } else { &s.version });
                mark_sets(scopes.things.iter().map(|s| text(s)).collect(), &scopes.rows, met);
            }
            Target::Service => {
                mark_texts(&*self.part.texts(group, fixed::SERVICE)?, condition, met);
                self.attribute(condition, Place::Resource, "service.name", met)?;
            }
            Target::Attribute(places, key) => {
                for place in places {
                    self.attribute(condition, *place, key, met)?;
                }
            }
        }
        Ok(())
    }

    fn attribute(
        &self,
        condition: &Condition,
        place: Place,
        key: &str,
        met: &mut [bool],
    ) -> Result<(), PartError> {
        let Some(id) = self.directory.id(key).filter(|id| self.meta.has_key(place, *id)) else {
            return Ok(());
        };
        let group = self.group;
        match place {
            Place::Resource => {
                let sets = self.part.resources(group)?;
                mark_sets(sets.things.iter().map(|r| condition.holds_in(r, key)).collect(), &sets.rows, met);
            }
            Place::Scope => {
                let sets = self.part.scopes(group)?;
                let holds = sets.things.iter().map(|s| condition.holds_in(&s.attributes, key)).collect();
                mark_sets(holds, &sets.rows, met);
            }
            Place::Event => {
                for (m, events) in met.iter_mut().zip(self.part.events(group)?.iter()) {
                    *m |= events.iter().any(|e| condition.holds_in(&e.attributes, key));
                }
            }
            Place::Link => {
                for (m, links) in met.iter_mut().zip(self.part.links(group)?) {
                    *m |= links.iter().any(|l| condition.holds_in(&l.attributes, key));
                }
            }
            Place::Span => {
                for (number, _) in self.meta.columns.iter().enumerate().filter(|(_, c)| c.key == id) {
                    let values = self.part.attribute(group, number)?;
                    let holds = holding(&values, condition);
                    self.mark_element(number as u32 + 1, &holds, met)?;
                }
                if self.meta.keys[Place::Span as usize].binary_search(&id).is_ok() {
                    let shared = self.part.shared(group)?;
                    let holds: Vec<bool> =
                        shared.iter().map(|(k, v)| k == key && condition.holds(&Value::from(v))).collect();
                    self.mark_element(SHARED, &holds, met)?;
                }
            }
        }
        Ok(())
    }

    /// Marks rows one of whose values in a column holds.
    fn mark_element(&self, element: u32, holds: &[bool], met: &mut [bool]) -> Result<(), PartError> {
        if !holds.contains(&true) {
            return Ok(());
        }
        let shapes = self.part.shapes(self.group)?;
        let times: Vec<usize> =
            shapes.things.iter().map(|s| s.iter().filter(|e| **e == element).count()).collect();
        let mut at = 0;
        for (m, shape) in met.iter_mut().zip(&shapes.rows) {
            let n = times[*shape as usize];
            if n > 0 {
                let own = holds.get(at..at + n).ok_or(PartError::Damaged("a column is too short"))?;
                *m |= own.contains(&true);
                at += n;
            }
        }
        Ok(())
    }
}

/// Which of the values of a column meet the condition.
fn holding(values: &AttributeColumn, condition: &Condition) -> Vec<bool> {
    match values {
        AttributeColumn::Text(texts) => {
            let holds: Vec<bool> = (0..texts.texts()).map(|n| condition.holds_text(texts.text(n))).collect();
            (0..texts.rows()).map(|row| texts.number(row).is_some_and(|n| holds[n])).collect()
        }
        AttributeColumn::Bool(all) => all.iter().map(|b| condition.holds(&Value::Bool(*b == 1))).collect(),
        AttributeColumn::Int(all) => all.iter().map(|i| condition.holds(&Value::Int(*i))).collect(),
        AttributeColumn::Double(all) => all.iter().map(|d| condition.holds(&Value::Double(*d))).collect(),
        AttributeColumn::Other(all) => all.iter().map(|v| condition.holds(&Value::from(v))).collect(),
    }
}

fn mark_texts(texts: &TextColumn, condition: &Condition, met: &mut [bool]) {
    let holds: Vec<bool> = (0..texts.texts()).map(|n| condition.holds_text(texts.text(n))).collect();
    if holds.contains(&true) {
        for (row, m) in met.iter_mut().enumerate() {
            *m |= texts.number(row).is_some_and(|n| holds[n]);
        }
    }
}

fn mark_sets(holds: Vec<bool>, rows: &[u32], met: &mut [bool]) {
    met.iter_mut().zip(rows).for_each(|(m, set)| *m |= holds[*set as usize]);
}
