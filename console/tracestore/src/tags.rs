//! Attribute names and values of a range, from the directories and dictionaries of row groups, and from the head.
//!
//! A row group answers for all its rows when it reaches into the range.

use std::{collections::BTreeSet, ops::ControlFlow};

use console_blockkit::part::PartError;
use console_model::{TimeRange, span::Attributes};
use console_storage::{
    StorageError,
    traces::{AttributeScope, INTRINSICS},
};

use crate::{
    condition::Place,
    part::{AttributeColumn, Directory, GroupMeta, OpenPart, TextColumn, fixed},
    search::Snapshot,
    state::tolerate,
    value::{Row, kind_word, status_word},
};

/// The order in which scopes are answered.
const SCOPES: [(AttributeScope, Place); 5] = [
    (AttributeScope::Resource, Place::Resource),
    (AttributeScope::Span, Place::Span),
    (AttributeScope::Event, Place::Event),
    (AttributeScope::Link, Place::Link),
    (AttributeScope::Instrumentation, Place::Scope),
];

/// Visits groups that reach into the range, until the visitor breaks.
fn each_group(
    snapshot: &Snapshot,
    range: TimeRange,
    visit: &mut dyn FnMut(Group<'_>) -> Result<ControlFlow<()>, PartError>,
) -> Result<(), StorageError> {
    let (from, to) = (range.start_ns(), range.end_ns());
    for part in snapshot.parts.iter().filter(|p| p.part.overlaps(from, to)) {
        let Some(directory) = tolerate(part, part.directory())? else { continue };
        for (number, meta) in (0u32..).zip(&directory.groups) {
            if meta.first_ns >= to || meta.last_ns < from {
                continue;
            }
            match tolerate(part, visit(Group { part, number, meta, directory: &directory }))? {
                Some(ControlFlow::Continue(())) => {}
                Some(ControlFlow::Break(())) => return Ok(()),
                None => break,
            }
        }
    }
    Ok(())
}

/// Visits rows of the head in the range, until the visitor breaks.
fn each_row(
    snapshot: &Snapshot,
    range: TimeRange,
    visit: &mut dyn FnMut(&Row<'_>) -> ControlFlow<()>,
) -> Result<(), StorageError> {
    let (from, to) = (range.start_ns(), range.end_ns());
    for trace in snapshot.head.iter().filter(|t| t.first_ns < to && t.last_ns >= from) {
        for entry in &trace.entries {
            let row = entry.row().map_err(|e| StorageError::Storage(e.to_string()))?;
            if visit(&row).is_break() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Names by scope: intrinsics, then resource, span, event, link and instrumentation, each in order.
pub fn names(snapshot: &Snapshot, range: TimeRange) -> Result<Vec<(AttributeScope, String)>, StorageError> {
    let mut sets: [BTreeSet<String>; Place::ALL.len()] = Default::default();
    let mut add = |place: Place, key: &str| {
        let set = &mut sets[place as usize];
        if !set.contains(key) {
            set.insert(key.to_owned());
        }
    };
    each_group(snapshot, range, &mut |group| {
        for column in &group.meta.columns {
            add(Place::Span, group.directory.key(column.key));
        }
        for (place, keys) in Place::ALL.into_iter().zip(&group.meta.keys) {
            for key in keys {
                add(place, group.directory.key(*key));
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    each_row(snapshot, range, &mut |row| {
        row.attributes.iter().for_each(|(key, _)| add(Place::Span, key));
        row.resource.iter().for_each(|(key, _)| add(Place::Resource, key));
        row.scope.attributes.iter().for_each(|(key, _)| add(Place::Scope, key));
        row.events.iter().flat_map(|e| &e.attributes).for_each(|(key, _)| add(Place::Event, key));
        row.links.iter().flat_map(|l| &l.attributes).for_each(|(key, _)| add(Place::Link, key));
        ControlFlow::Continue(())
    })?;
    let intrinsics = INTRINSICS.iter().map(|n| (AttributeScope::Intrinsic, (*n).to_owned()));
    let named = SCOPES.iter().flat_map(|(scope, place)| {
        std::mem::take(&mut sets[*place as usize]).into_iter().map(|name| (*scope, name))
    });
    Ok(intrinsics.chain(named).collect())
}

/// Values of a name, ordered, at most `limit`.
pub fn values(
    snapshot: &Snapshot,
    scope: Option<AttributeScope>,
    name: &str,
    range: TimeRange,
    limit: usize,
) -> Result<Vec<String>, StorageError> {
    let mut found = Found { values: BTreeSet::new(), limit };
    if limit == 0 {
        return Ok(Vec::new());
    }
    let places: Vec<Place> = match scope {
        None => vec![Place::Span, Place::Resource],
        Some(scope) => Place::of(scope).into_iter().collect(),
    };
    each_row(snapshot, range, &mut |row| {
        if places.is_empty() {
            found.intrinsic_of(row, name);
        }
        for place in &places {
            found.attributes_of(row, *place, name);
        }
        found.flow()
    })?;
    each_group(snapshot, range, &mut |group| {
        if found.flow().is_continue() {
            if places.is_empty() {
                group.intrinsics(name, &mut found)?;
            }
            for place in &places {
                group.attributes(*place, name, &mut found)?;
            }
        }
        Ok(found.flow())
    })?;
    Ok(found.values.into_iter().collect())
}

struct Found {
    values: BTreeSet<String>,
    limit: usize,
}

impl Found {
    fn add(&mut self, value: &str) {
        if self.values.len() < self.limit && !self.values.contains(value) {
            self.values.insert(value.to_owned());
        }
    }

    fn flow(&self) -> ControlFlow<()> {
        if self.values.len() >= self.limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn of(&mut self, attributes: &Attributes, name: &str) {
        for (_, value) in attributes.iter().filter(|(key, _)| key == name) {
            self.add(&value.to_string());
        }
    }

    fn attributes_of(&mut self, row: &Row<'_>, place: Place, name: &str) {
        match place {
            Place::Span => {
                for (_, value) in row.attributes.iter().filter(|(key, _)| *key == name) {
                    self.add(&value.to_owned().to_string());
                }
            }
            Place::Resource => self.of(row.resource, name),
            Place::Scope => self.of(&row.scope.attributes, name),
            Place::Event => row.events.iter().for_each(|e| self.of(&e.attributes, name)),
            Place::Link => row.links.iter().for_each(|l| self.of(&l.attributes, name)),
        }
    }

    fn intrinsic_of(&mut self, row: &Row<'_>, name: &str) {
        let is_root = row.parent.is_none();
        match name {
            "name" | "span:name" => self.add(row.name),
            "status" | "span:status" => self.add(row.status.word()),
            "kind" | "span:kind" => self.add(row.kind.word()),
            "statusMessage" | "span:statusMessage" if !row.status_message.is_empty() => {
                self.add(row.status_message);
            }
            "rootName" | "trace:rootName" if is_root => self.add(row.name),
            "rootServiceName" | "trace:rootService" if is_root => self.add(row.service),
            "event:name" => row.events.iter().for_each(|e| self.add(&e.name)),
            "instrumentation:name" => self.add(&row.scope.name),
            "instrumentation:version" => self.add(&row.scope.version),
            _ => {}
        }
    }
}

struct Group<'a> {
    part: &'a OpenPart,
    number: u32,
    meta: &'a GroupMeta,
    directory: &'a Directory,
}

impl Group<'_> {
    fn attributes(&self, place: Place, name: &str, found: &mut Found) -> Result<(), PartError> {
        let Some(key) = self.directory.id(name).filter(|key| self.meta.has_key(place, *key)) else {
            return Ok(());
        };
        match place {
            Place::Resource => {
                self.part.resources(self.number)?.things.iter().for_each(|list| found.of(list, name));
            }
            Place::Scope => {
                self.part.scopes(self.number)?.things.iter().for_each(|s| found.of(&s.attributes, name));
            }
            Place::Event => {
                let events = self.part.events(self.number)?;
                events.iter().flatten().for_each(|e| found.of(&e.attributes, name));
            }
            Place::Link => {
                let links = self.part.links(self.number)?;
                links.iter().flatten().for_each(|l| found.of(&l.attributes, name));
            }
            Place::Span => {
                for (at, _) in self.meta.columns.iter().enumerate().filter(|(_, c)| c.key == key) {
                    column(&*self.part.attribute(self.number, at)?, found);
                }
                if self.meta.keys[Place::Span as usize].binary_search(&key).is_ok() {
                    found.of(&self.part.shared(self.number)?, name);
                }
            }
        }
        Ok(())
    }

    fn intrinsics(&self, name: &str, found: &mut Found) -> Result<(), PartError> {
        let (part, group) = (self.part, self.number);
        match name {
            "name" | "span:name" => texts(&*part.texts(group, fixed::NAME)?, found),
            "status" | "span:status" => words(self.meta.statuses, status_word, found),
            "kind" | "span:kind" => words(self.meta.kinds, kind_word, found),
            "statusMessage" | "span:statusMessage" => {
                let messages = part.texts(group, fixed::MESSAGE)?;
                (0..messages.texts())
                    .map(|n| messages.text(n))
                    .filter(|t| !t.is_empty())
                    .for_each(|t| found.add(t));
            }
            "rootName" | "trace:rootName" => self.roots(fixed::NAME, found)?,
            "rootServiceName" | "trace:rootService" => self.roots(fixed::SERVICE, found)?,
            "event:name" => part.events(group)?.iter().flatten().for_each(|e| found.add(&e.name)),
            "instrumentation:name" => part.scopes(group)?.things.iter().for_each(|s| found.add(&s.name)),
            "instrumentation:version" => {
                part.scopes(group)?.things.iter().for_each(|s| found.add(&s.version));
            }
            _ => {}
        }
        Ok(())
    }

    /// Texts of rows without a parent.
    fn roots(&self, place: usize, found: &mut Found) -> Result<(), PartError> {
        let texts = self.part.texts(self.number, place)?;
        for row in self.part.root_rows(self.number)? {
            if let Some(text) = texts.get(row) {
                found.add(text);
            }
        }
        Ok(())
    }
}

fn words(bits: u8, word: fn(u8) -> &'static str, found: &mut Found) {
    (0..8).filter(|n| bits & 1 << n != 0).for_each(|n| found.add(word(n)));
}

fn texts(column: &TextColumn, found: &mut Found) {
    (0..column.texts()).for_each(|n| found.add(column.text(n)));
}

fn column(values: &AttributeColumn, found: &mut Found) {
    match values {
        AttributeColumn::Text(column) => texts(column, found),
        AttributeColumn::Bool(all) => all.iter().for_each(|b| found.add(&(*b == 1).to_string())),
        AttributeColumn::Int(all) => {
            let mut last = None;
            for value in all.iter().filter(|v| last.replace(**v) != Some(**v)) {
                found.add(&value.to_string());
            }
        }
        AttributeColumn::Double(all) => all.iter().for_each(|d| found.add(&d.to_string())),
        AttributeColumn::Other(all) => all.iter().for_each(|v| found.add(&v.to_string())),
    }
}
