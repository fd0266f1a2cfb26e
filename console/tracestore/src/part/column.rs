//! Columns of a row group as bytes. Each is sealed as [`console_blockkit::record`] describes, so compressed where that helps.

use std::collections::HashMap;

use console_blockkit::{
    part::PartError,
    record::{self, Reader, RecordError, Writer},
};
use foldhash::fast::RandomState;

/// Version of the sealed columns.
const VERSION: u8 = 1;
/// A column never inflates past this.
pub const MAX_COLUMN_BYTES: usize = 256 << 20;

/// Refuses what could not be read again.
pub fn seal(payload: &[u8]) -> Result<Vec<u8>, PartError> {
    if payload.len() > MAX_COLUMN_BYTES {
        return Err(PartError::TooLarge("a column that is larger than any may be"));
    }
    Ok(record::seal(VERSION, payload))
}

pub fn unseal(bytes: &[u8]) -> Result<Vec<u8>, RecordError> {
    let (version, payload) = record::open(bytes, MAX_COLUMN_BYTES)?;
    if version == VERSION { Ok(payload) } else { Err(RecordError::Version(version)) }
}

/// Whole numbers, zigzag LEB128 each.
pub fn put_ints(values: impl IntoIterator<Item = i64>) -> Vec<u8> {
    let mut out = Writer::default();
    values.into_iter().for_each(|v| out.int(v));
    out.bytes
}

/// Numbers in bytes that hold nothing else: each ends with a byte below 0x80.
fn count_of(payload: &[u8]) -> usize {
    payload.iter().filter(|b| **b < 0x80).count()
}

pub fn take_ints(payload: &[u8]) -> Result<Vec<i64>, RecordError> {
    let mut r = Reader::new(payload);
    let mut out = Vec::with_capacity(count_of(payload));
    while !r.is_empty() {
        out.push(r.int()?);
    }
    Ok(out)
}

/// Gives each distinct text a number; one number a row.
#[derive(Debug, Default)]
pub struct TextBuilder {
    ids: HashMap<Box<str>, u32, RandomState>,
    rows: Vec<u32>,
}

impl TextBuilder {
    pub fn push(&mut self, text: &str) {
        let id = match self.ids.get(text) {
            Some(id) => *id,
            None => {
                let id = self.ids.len() as u32;
                self.ids.insert(text.into(), id);
                id
            }
        };
        self.rows.push(id);
    }

    pub fn distinct(&self) -> impl Iterator<Item = &str> {
        self.ids.keys().map(|k| &**k)
    }

    /// Number of distinct texts, lengths, bytes, then a form: 0 one row each, 1 the first one in so many rows, 2 a number a row.
    pub fn finish(&self) -> Vec<u8> {
        let mut texts = vec![""; self.ids.len()];
        for (text, id) in &self.ids {
            texts[*id as usize] = text;
        }
        let dictionary = texts.len() * 2 <= self.rows.len();
        if !dictionary {
            texts = self.rows.iter().map(|id| texts[*id as usize]).collect();
        }
        let mut out = Writer::default();
        out.uint(texts.len() as u64);
        for text in &texts {
            out.uint(text.len() as u64);
        }
        for text in &texts {
            out.raw(text.as_bytes());
        }
        if !dictionary {
            out.u8(0);
        } else if texts.len() == 1 {
            out.u8(1);
            out.uint(self.rows.len() as u64);
        } else {
            out.u8(2);
            for id in &self.rows {
                out.uint(u64::from(*id));
            }
        }
        out.bytes
    }
}

/// A column of text, decoded: distinct texts (or one a row) and which row has which.
#[derive(Debug)]
pub struct TextColumn {
    text: String,
    ends: Vec<u32>,
    rows: Rows,
}

#[derive(Debug)]
enum Rows {
    Own,
    First(usize),
    Numbered(Vec<u32>),
}

impl TextColumn {
    pub fn parse(payload: &[u8]) -> Result<Self, RecordError> {
        let mut r = Reader::new(payload);
        let n = r.count()?;
        let mut ends = Vec::with_capacity(n);
        let mut end = 0u32;
        for _ in 0..n {
            let length = u32::try_from(r.uint()?).map_err(|_| RecordError::TooLarge)?;
            end = end.checked_add(length).ok_or(RecordError::TooLarge)?;
            ends.push(end);
        }
        let text = std::str::from_utf8(r.raw(end as usize)?).map_err(|_| RecordError::Utf8)?.to_owned();
        if ends.iter().any(|e| !text.is_char_boundary(*e as usize)) {
            return Err(RecordError::Utf8);
        }
        let rows = match r.u8()? {
            0 => Rows::Own,
            1 if n == 1 => {
                let rows = usize::try_from(r.uint()?).map_err(|_| RecordError::TooLarge)?;
                // Nothing is as long as this: a reader that counts to it would not end.
                if rows > super::MAX_GROUP_ROWS * super::MAX_GROUP_ROWS {
                    return Err(RecordError::TooLarge);
                }
                Rows::First(rows)
            }
            2 => {
                let mut ids = Vec::with_capacity(count_of(r.rest()));
                while !r.is_empty() {
                    ids.push(u32::try_from(r.uint()?).map_err(|_| RecordError::Reference)?);
                }
                if ids.iter().any(|id| *id as usize >= n) {
                    return Err(RecordError::Reference);
                }
                Rows::Numbered(ids)
            }
            _ => return Err(RecordError::Tag),
        };
        Ok(Self { text, ends, rows })
    }

    /// Number of distinct texts, or of rows where each has its own.
    pub fn texts(&self) -> usize {
        self.ends.len()
    }

    pub fn text(&self, number: usize) -> &str {
        let start = number.checked_sub(1).map_or(0, |n| self.ends[n] as usize);
        &self.text[start..self.ends[number] as usize]
    }

    pub fn rows(&self) -> usize {
        match &self.rows {
            Rows::Own => self.ends.len(),
            Rows::First(n) => *n,
            Rows::Numbered(ids) => ids.len(),
        }
    }

    /// The number of a row's text.
    pub fn number(&self, row: usize) -> Option<usize> {
        match &self.rows {
            Rows::Own => (row < self.ends.len()).then_some(row),
            Rows::First(n) => (row < *n).then_some(0),
            Rows::Numbered(ids) => ids.get(row).map(|id| *id as usize),
        }
    }

    pub fn get(&self, row: usize) -> Option<&str> {
        self.number(row).map(|n| self.text(n))
    }

    pub fn memory_bytes(&self) -> usize {
        let ids = if let Rows::Numbered(ids) = &self.rows { ids.len() } else { 0 };
        64 + self.text.len() + (self.ends.len() + ids) * 4
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_in_each_form_comes_back() {
        let forms: [&[&str]; 5] =
            [&[], &["a"], &["x", "x", "x"], &["é", "b", "é", "b", "é"], &["one", "two", "three"]];
        for rows in forms {
            let mut builder = TextBuilder::default();
            for text in rows {
                builder.push(text);
            }
            let column = TextColumn::parse(&unseal(&seal(&builder.finish()).unwrap()).unwrap()).unwrap();
            assert_eq!(column.rows(), rows.len());
            assert_eq!((0..rows.len()).map(|r| column.get(r).unwrap()).collect::<Vec<_>>(), rows);
            assert_eq!(column.get(rows.len()), None);
        }
    }

    #[test]
    fn text_cut_anywhere_or_with_a_wrong_byte_never_panics() {
        let mut builder = TextBuilder::default();
        for text in ["é", "b", "é", "b", "é"] {
            builder.push(text);
        }
        let good = builder.finish();
        for at in 0..good.len() {
            let _ = TextColumn::parse(&good[..at]);
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[at] ^= 1 << bit;
                if let Ok(column) = TextColumn::parse(&bad) {
                    assert!((0..column.rows().min(10)).all(|row| column.get(row).is_some()));
                }
            }
        }
    }
}
