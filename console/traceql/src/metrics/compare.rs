//! `compare()`: how often each value of each attribute comes, in a selection of the spans and in the rest.

use std::collections::{BTreeMap, HashSet};

use console_model::span::AttributeValue;
use console_storage::SourceError;

use super::{grid::Grid, leaf::label_value, math::Series, room::Room};
use crate::{
    ast::*,
    context::Context,
    error::Error,
    eval::{Compiled, attribute},
    value::Value,
};

/// Values of one attribute that are told apart; an attribute with more is reported as such.
const MAX_VALUES: usize = 1000;
/// Intrinsics that are compared beside the attributes.
const INTRINSICS: [Intrinsic; 7] = [
    Intrinsic::Name,
    Intrinsic::Kind,
    Intrinsic::Status,
    Intrinsic::StatusMessage,
    Intrinsic::RootName,
    Intrinsic::RootService,
    Intrinsic::ScopeName,
];

pub struct Groups {
    selection: Compiled,
    within: Option<(i64, i64)>,
    top_n: usize,
    baseline: Attributes,
    selected: Attributes,
}

#[derive(Default)]
struct Attributes(BTreeMap<String, Counted>);

#[derive(Default)]
struct Counted {
    /// By type and text of the value.
    values: BTreeMap<(u8, String), (AttributeValue, Vec<f64>)>,
    /// Spans that have the attribute, by interval.
    total: Vec<f64>,
    too_many: bool,
}

impl Groups {
    pub fn new(c: &Comparison) -> Result<Self, Error> {
        Ok(Self {
            selection: Compiled::new(&c.selection)?,
            within: c.within,
            top_n: usize::try_from(c.top_n).unwrap_or(1),
            baseline: Attributes::default(),
            selected: Attributes::default(),
        })
    }

    pub fn observe(
        &mut self,
        at: &Context<'_>,
        i: usize,
        interval: usize,
        grid: &Grid,
        room: &mut Room,
    ) -> Result<(), SourceError> {
        let span = &at.trace.spans[i];
        let in_time = self.within.is_none_or(|(start, end)| span.start_ns >= start && span.start_ns < end);
        let selected = in_time && self.selection.eval(at, i).is_true();
        let into = if selected { &mut self.selected } else { &mut self.baseline };
        for intrinsic in INTRINSICS {
            let this = Attribute::Intrinsic(intrinsic);
            let value = attribute(at, &this, i);
            if !matches!(&value, Value::String(s) if s.is_empty()) {
                into.count(this.to_string(), &value, interval, grid, room)?;
            }
        }
        for (scope, list) in [("span", &span.attributes), ("resource", &span.resource)] {
            for (name, value) in list {
                into.count(format!("{scope}.{name}"), &Value::from(value), interval, grid, room)?;
            }
        }
        Ok(())
    }

    pub fn finish(self) -> Vec<Series> {
        let mut out = self.baseline.finish("baseline", self.top_n);
        out.extend(self.selected.finish("selection", self.top_n));
        // Both groups may have too many values of an attribute: that is told once.
        let mut told = HashSet::new();
        out.retain(|s| told.insert(s.key()));
        out
    }
}

impl Attributes {
    fn count(
        &mut self,
        name: String,
        value: &Value<'_>,
        interval: usize,
        grid: &Grid,
        room: &mut Room,
    ) -> Result<(), SourceError> {
        if !self.0.contains_key(&name) {
            room.series(grid.count)?;
        }
        let counted = self.0.entry(name).or_default();
        if counted.total.is_empty() {
            counted.total = vec![0.0; grid.count];
        }
        counted.total[interval] += 1.0;
        let key = value.key();
        if let Some((_, numbers)) = counted.values.get_mut(&key) {
            numbers[interval] += 1.0;
        } else if counted.values.len() >= MAX_VALUES {
            counted.too_many = true;
        } else {
            room.numbers(grid.count + key.1.len() / 4)?;
            let mut numbers = vec![0.0; grid.count];
            numbers[interval] = 1.0;
            counted.values.insert(key, (label_value(value), numbers));
        }
        Ok(())
    }

    fn finish(self, group: &str, top_n: usize) -> Vec<Series> {
        let text = |s: &str| AttributeValue::String(s.to_owned());
        let mut out = Vec::new();
        for (name, counted) in self.0 {
            let mut series = |kind: (&str, String), value: AttributeValue, values: Vec<f64>| {
                let labels = vec![(kind.0.to_owned(), AttributeValue::String(kind.1)), (name.clone(), value)];
                out.push(Series { labels, values, exemplars: Vec::new() });
            };
            let mut values: Vec<_> = counted.values.into_values().collect();
            let too_many = counted.too_many || values.len() > top_n;
            let sum = |v: &(AttributeValue, Vec<f64>)| v.1.iter().sum::<f64>();
            values.sort_by(|a, b| sum(b).total_cmp(&sum(a)));
            for (value, numbers) in values.into_iter().take(top_n) {
                series(("__meta_type", group.to_owned()), value, numbers);
            }
            if too_many {
                let numbers = vec![0.0; counted.total.len()];
                series(("__meta_error", "__too_many_values__".to_owned()), text("nil"), numbers);
            }
            series(("__meta_type", format!("{group}_total")), text("nil"), counted.total);
        }
        out
    }
}
