//! Structured metadata of a block's rows, by column.
//!
//! A column is one name, or the second pair of that name in a row, and so on. What does not fit into [`MAX_COLUMNS`] is
//! kept pair by pair. The bytes are documented in `FORMAT.md`.

use std::collections::HashMap;

use console_blockkit::record::{Reader, RecordError, Writer};

/// Columns of a block.
const MAX_COLUMNS: usize = 64;
/// Distinct values of a column that is kept as a dictionary.
const MAX_VALUES: usize = 255;
const CONSTANT: u8 = 0;
const DICTIONARY: u8 = 1;
const RAW: u8 = 2;
/// No value in this row.
const ABSENT: u32 = u32::MAX;

/// Collects the pairs of rows that come one after the other.
#[derive(Default)]
pub struct MetadataBuilder {
    columns: Vec<ColumnBuilder>,
    rest: Vec<(u32, String, String)>,
}

struct ColumnBuilder {
    name: String,
    /// 0 for the first pair of this name in a row.
    repeat: usize,
    /// Row and end of its value in `text`.
    cells: Vec<(u32, u32)>,
    text: String,
}

impl MetadataBuilder {
    /// The pairs of a row are sorted by name.
    pub fn row<'a>(&mut self, row: u32, pairs: impl Iterator<Item = (&'a str, &'a str)>) {
        let (mut before, mut repeat) = ("", 0);
        for (at, (name, value)) in pairs.enumerate() {
            repeat = if at > 0 && name == before { repeat + 1 } else { 0 };
            before = name;
            let is_it = |c: &ColumnBuilder| c.repeat == repeat && c.name == name;
            let place = match self.columns.get(at) {
                // Rows mostly have the same names in the same order.
                Some(c) if is_it(c) => Some(at),
                _ => self.columns.iter().position(is_it),
            };
            let place = place.or_else(|| {
                (self.columns.len() < MAX_COLUMNS).then(|| {
                    let (cells, text) = (Vec::new(), String::new());
                    self.columns.push(ColumnBuilder { name: name.to_owned(), repeat, cells, text });
                    self.columns.len() - 1
                })
            });
            match place {
                Some(place) => {
                    let column = &mut self.columns[place];
                    column.text.push_str(value);
                    column.cells.push((row, column.text.len() as u32));
                }
                None => self.rest.push((row, name.to_owned(), value.to_owned())),
            }
        }
    }

    /// The payload; nothing when no row has a pair. Begins anew.
    pub fn finish(&mut self, rows: u32) -> Option<Vec<u8>> {
        let (mut columns, rest) = (std::mem::take(&mut self.columns), std::mem::take(&mut self.rest));
        if columns.is_empty() && rest.is_empty() {
            return None;
        }
        columns.sort_by(|a, b| (&a.name, a.repeat).cmp(&(&b.name, b.repeat)));
        let mut out = Writer::default();
        out.uint(columns.len() as u64);
        for column in &columns {
            out.blob(column.name.as_bytes());
            column.put(rows, &mut out);
        }
        out.uint(rest.len() as u64);
        let mut before = 0;
        for (row, name, value) in &rest {
            out.uint(u64::from(row - before));
            before = *row;
            out.blob(name.as_bytes());
            out.blob(value.as_bytes());
        }
        Some(out.bytes)
    }
}

impl ColumnBuilder {
    fn values(&self) -> impl Iterator<Item = (u32, &str)> {
        let begins = std::iter::once(0).chain(self.cells.iter().map(|(_, end)| *end));
        begins.zip(&self.cells).map(|(from, (row, end))| (*row, &self.text[from as usize..*end as usize]))
    }

    /// The values in order of first use and the place of each cell's; nothing when there are too many.
    fn dictionary(&self) -> Option<(Vec<&str>, Vec<u8>)> {
        let (mut places, mut values) = (HashMap::new(), Vec::new());
        let mut cells = Vec::with_capacity(self.cells.len());
        for (_, value) in self.values() {
            let next = values.len();
            let place = *places.entry(value).or_insert(next);
            if place == next {
                // Ids are told by the first of them.
                if next == MAX_VALUES || (next > 32 && next * 2 > cells.len()) {
                    return None;
                }
                values.push(value);
            }
            cells.push(place as u8);
        }
        Some((values, cells))
    }

    fn put(&self, rows: u32, out: &mut Writer) {
        match self.dictionary() {
            Some((values, _)) if values.len() == 1 && self.cells.len() == rows as usize => {
                out.u8(CONSTANT);
                out.blob(values[0].as_bytes());
            }
            Some((values, places)) => {
                out.u8(DICTIONARY);
                out.uint(values.len() as u64);
                for value in values {
                    out.blob(value.as_bytes());
                }
                let mut cells = vec![0; rows as usize];
                for ((row, _), place) in self.cells.iter().zip(places) {
                    cells[*row as usize] = place + 1;
                }
                out.raw(&cells);
            }
            None => {
                out.u8(RAW);
                let mut lengths = vec![0; rows as usize];
                self.values().for_each(|(row, value)| lengths[row as usize] = value.len() as u64 + 1);
                for length in lengths {
                    out.uint(length);
                }
                out.raw(self.text.as_bytes());
            }
        }
    }
}

/// Decoded metadata.
#[derive(Debug, Default)]
pub struct Metadata {
    columns: Vec<Column>,
    /// By row.
    rest: Vec<(u32, String, String)>,
}

#[derive(Debug)]
struct Column {
    name: String,
    cells: Cells,
}

#[derive(Debug)]
enum Cells {
    Constant(String),
    /// Values, and of each row the place of its value and one more.
    Dictionary(Vec<String>, Vec<u8>),
    /// Where each row's value begins and ends.
    Raw(Vec<(u32, u32)>, String),
}

impl Column {
    fn value(&self, row: usize) -> Option<&str> {
        match &self.cells {
            Cells::Constant(value) => Some(value),
            Cells::Dictionary(values, cells) => {
                let place = usize::from(*cells.get(row)?).checked_sub(1)?;
                values.get(place).map(String::as_str)
            }
            Cells::Raw(cells, text) => {
                let (from, to) = cells.get(row).copied().filter(|(from, _)| *from != ABSENT)?;
                text.get(from as usize..to as usize)
            }
        }
    }

    fn decode(r: &mut Reader<'_>, rows: usize) -> Result<Self, RecordError> {
        let name = r.text()?.to_owned();
        let cells = match r.u8()? {
            CONSTANT => Cells::Constant(r.text()?.to_owned()),
            DICTIONARY => {
                let n = r.count()?;
                let values = (0..n).map(|_| r.text().map(str::to_owned)).collect::<Result<Vec<_>, _>>()?;
                let cells = r.raw(rows)?.to_vec();
                if cells.iter().any(|place| usize::from(*place) > values.len()) {
                    return Err(RecordError::Reference);
                }
                Cells::Dictionary(values, cells)
            }
            RAW => {
                if rows > r.rest().len() {
                    return Err(RecordError::Short);
                }
                let mut cells = Vec::with_capacity(rows);
                let mut end = 0u32;
                for _ in 0..rows {
                    cells.push(match r.uint()? {
                        0 => (ABSENT, ABSENT),
                        length => {
                            let from = end;
                            let length = u32::try_from(length - 1).map_err(|_| RecordError::TooLarge)?;
                            end = end.checked_add(length).ok_or(RecordError::TooLarge)?;
                            (from, end)
                        }
                    });
                }
                let text = std::str::from_utf8(r.raw(end as usize)?).map_err(|_| RecordError::Utf8)?;
                let is_end = |(from, to): &(u32, u32)| *from == ABSENT || text.is_char_boundary(*to as usize);
                if !cells.iter().all(is_end) {
                    return Err(RecordError::Utf8);
                }
                Cells::Raw(cells, text.to_owned())
            }
            _ => return Err(RecordError::Tag),
        };
        Ok(Self { name, cells })
    }
}

impl Metadata {
    pub fn decode(payload: &[u8], rows: usize) -> Result<Self, RecordError> {
        let mut r = Reader::new(payload);
        let n = r.count()?;
        if n > MAX_COLUMNS {
            return Err(RecordError::TooLarge);
        }
        let columns = (0..n).map(|_| Column::decode(&mut r, rows)).collect::<Result<_, _>>()?;
        let n = r.count()?;
        let (mut rest, mut row) = (Vec::new(), 0u32);
        for _ in 0..n {
            let more = u32::try_from(r.uint()?).map_err(|_| RecordError::Overflow)?;
            row = row.checked_add(more).ok_or(RecordError::Overflow)?;
            rest.push((row, r.text()?.to_owned(), r.text()?.to_owned()));
        }
        Ok(Self { columns, rest })
    }

    /// Adds the pairs of a row, sorted by name.
    pub fn row<'a>(&'a self, row: usize, out: &mut Vec<(&'a str, &'a str)>) {
        let first = out.len();
        out.extend(self.columns.iter().filter_map(|c| Some((c.name.as_str(), c.value(row)?))));
        if self.rest.is_empty() {
            return;
        }
        let from = self.rest.partition_point(|(r, ..)| (*r as usize) < row);
        let own = self.rest[from..].iter().take_while(|(r, ..)| *r as usize == row);
        out.extend(own.map(|(_, name, value)| (name.as_str(), value.as_str())));
        // Stable: pairs of one name stay in their order.
        out[first..].sort_by(|a, b| a.0.cmp(b.0));
    }

    pub fn memory_bytes(&self) -> usize {
        let column = |c: &Column| match &c.cells {
            Cells::Constant(value) => value.len(),
            Cells::Dictionary(values, cells) => {
                cells.len() + values.iter().map(|v| v.len() + 24).sum::<usize>()
            }
            Cells::Raw(cells, text) => cells.len() * 8 + text.len(),
        };
        let columns: usize = self.columns.iter().map(|c| 96 + column(c)).sum();
        columns + self.rest.iter().map(|(_, n, v)| 56 + n.len() + v.len()).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Pairs = Vec<(String, String)>;

    fn round_trip(rows: &[Pairs]) {
        let mut builder = MetadataBuilder::default();
        for (row, pairs) in rows.iter().enumerate() {
            builder.row(row as u32, pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())));
        }
        let payload = builder.finish(rows.len() as u32);
        assert_eq!(payload.is_none(), rows.iter().all(Vec::is_empty));
        let decoded = payload.map(|p| Metadata::decode(&p, rows.len()).unwrap()).unwrap_or_default();
        for (row, pairs) in rows.iter().enumerate() {
            let mut found = Vec::new();
            decoded.row(row, &mut found);
            let expected: Vec<_> = pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            assert_eq!(found, expected, "row {row}");
        }
    }

    fn pair(name: &str, value: impl ToString) -> (String, String) {
        (name.to_owned(), value.to_string())
    }

    #[test]
    fn constant_few_and_many_values_come_back_and_so_do_more_names_than_columns() {
        round_trip(&vec![vec![pair("pod", "orders-1")]; 300]);
        round_trip(&(0..300).map(|i| vec![pair("a", i % 7), pair("id", i * 7919)]).collect::<Vec<_>>());
        round_trip(&(0..300).map(|i| vec![pair(&format!("n{i:04}"), i)]).collect::<Vec<_>>());
        let twice = [vec![pair("a", "1"), pair("a", "1"), pair("b", "")], vec![], vec![pair("a", "2")]];
        round_trip(&twice);
    }

    proptest! {
           #[test]
           fn any_pairs_come_back(mut rows in prop::collection::vec(prop::collection::vec(("[a-d]", "[xyzä]{0,3}"), 0..5), 1..80)) {
               for row in &mut rows {
    row.sort();
    }
               round_trip(&rows);
           }

           #[test]
           fn no_bytes_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), rows in 0usize..50) {
               if let Ok(decoded) = Metadata::decode(&bytes, rows) {
                   (0..rows).for_each(|row| decoded.row(row, &mut Vec::new()));
               }
           }
       }
}
