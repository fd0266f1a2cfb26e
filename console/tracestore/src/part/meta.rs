//! What a part says about its row groups, so that a search passes by those that cannot matter.

use std::collections::HashMap;

use console_blockkit::{
    part::Section,
    record::{Reader, RecordError, Writer},
};

use super::fixed;
use crate::{attributes::take_list, condition::Place};

/// What a column of attributes holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttributeType {
    Text,
    Bool,
    Int,
    Double,
    /// Bytes, arrays and maps.
    Other,
}

impl AttributeType {
    pub const ALL: [Self; 5] = [Self::Text, Self::Bool, Self::Int, Self::Double, Self::Other];
}

#[derive(Clone, Copy, Debug)]
pub struct ColumnMeta {
    /// The key's number in the directory.
    pub key: u32,
    pub of: AttributeType,
    pub section: Section,
}

#[derive(Clone, Debug, Default)]
pub struct GroupMeta {
    pub rows: u32,
    /// Starts of spans.
    pub first_ns: i64,
    pub last_ns: i64,
    /// The latest first start of a trace.
    pub newest_trace_ns: i64,
    pub min_duration_ns: i64,
    pub max_duration_ns: i64,
    /// A bit for each number of a status and of a kind.
    pub statuses: u8,
    pub kinds: u8,
    pub sections: [Section; fixed::COUNT],
    /// Columns of span attributes.
    pub columns: Vec<ColumnMeta>,
    /// Keys by place, sorted; those of spans are in columns and, here, those that had none of their own.
    pub keys: [Vec<u32>; Place::ALL.len()],
}

impl GroupMeta {
    pub fn has_key(&self, place: Place, key: u32) -> bool {
        self.keys[place as usize].binary_search(&key).is_ok()
            || place == Place::Span && self.columns.iter().any(|c| c.key == key)
    }

    fn put(&self, out: &mut Writer) {
        out.uint(u64::from(self.rows));
        for v in
            [self.first_ns, self.last_ns, self.newest_trace_ns, self.min_duration_ns, self.max_duration_ns]
        {
            out.int(v);
        }
        out.raw(&[self.statuses, self.kinds]);
        for section in &self.sections {
            section.put(out);
        }
        out.uint(self.columns.len() as u64);
        for column in &self.columns {
            out.uint(u64::from(column.key));
            out.u8(column.of as u8);
            column.section.put(out);
        }
        for keys in &self.keys {
            out.uint(keys.len() as u64);
            for key in keys {
                out.uint(u64::from(*key));
            }
        }
    }

    fn take(r: &mut Reader<'_>, keys: usize) -> Result<Self, RecordError> {
        let key = |r: &mut Reader<'_>| {
            u32::try_from(r.uint()?).ok().filter(|k| (*k as usize) < keys).ok_or(RecordError::Reference)
        };
        let mut out = Self {
            rows: u32::try_from(r.uint()?).map_err(|_| RecordError::TooLarge)?,
            first_ns: r.int()?,
            last_ns: r.int()?,
            newest_trace_ns: r.int()?,
            min_duration_ns: r.int()?,
            max_duration_ns: r.int()?,
            statuses: r.u8()?,
            kinds: r.u8()?,
            ..Self::default()
        };
        if out.rows as usize > super::MAX_GROUP_ROWS {
            return Err(RecordError::TooLarge);
        }
        for section in &mut out.sections {
            *section = Section::take(r)?;
        }
        out.columns = take_list(r, |r| {
            let key = key(r)?;
            let of = *AttributeType::ALL.get(usize::from(r.u8()?)).ok_or(RecordError::Tag)?;
            Ok(ColumnMeta { key, of, section: Section::take(r)? })
        })?;
        for keys in &mut out.keys {
            *keys = take_list(r, key)?;
        }
        Ok(out)
    }
}

/// Numbers keys while a part is written.
#[derive(Debug, Default)]
pub struct Keys {
    ids: HashMap<String, u32>,
}

impl Keys {
    pub fn id(&mut self, key: &str) -> u32 {
        if let Some(id) = self.ids.get(key) {
            return *id;
        }
        let id = self.ids.len() as u32;
        self.ids.insert(key.to_owned(), id);
        id
    }
}

/// All groups of a part.
#[derive(Debug)]
pub struct Directory {
    keys: Vec<String>,
    ids: HashMap<String, u32>,
    pub groups: Vec<GroupMeta>,
}

impl Directory {
    pub fn write(keys: &Keys, groups: &[GroupMeta]) -> Vec<u8> {
        let mut texts = vec![""; keys.ids.len()];
        for (key, id) in &keys.ids {
            texts[*id as usize] = key;
        }
        let mut out = Writer::default();
        out.uint(texts.len() as u64);
        for text in &texts {
            out.blob(text.as_bytes());
        }
        out.uint(groups.len() as u64);
        for group in groups {
            group.put(&mut out);
        }
        out.bytes
    }

    pub fn parse(payload: &[u8]) -> Result<Self, RecordError> {
        let mut r = Reader::new(payload);
        let keys = take_list(&mut r, |r| r.text().map(str::to_owned))?;
        let groups = take_list(&mut r, |r| GroupMeta::take(r, keys.len()))?;
        let ids = keys.iter().zip(0u32..).map(|(k, n)| (k.clone(), n)).collect();
        Ok(Self { keys, ids, groups })
    }

    pub fn key(&self, id: u32) -> &str {
        self.keys.get(id as usize).map_or("", |k| k)
    }

    pub fn id(&self, key: &str) -> Option<u32> {
        self.ids.get(key).copied()
    }

    pub fn memory_bytes(&self) -> usize {
        let columns = |g: &GroupMeta| {
            g.columns.len() * size_of::<ColumnMeta>() + g.keys.iter().map(|k| k.len() * 4 + 24).sum::<usize>()
        };
        self.keys.iter().map(|k| 2 * k.len() + 96).sum::<usize>()
            + self.groups.iter().map(|g| size_of::<GroupMeta>() + columns(g)).sum::<usize>()
    }
}
