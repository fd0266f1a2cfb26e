//! Writes a part from traces in the order of their first start.

use console_blockkit::{
    part::{Filled, Mark, PartError, PartMeta, PartWriter},
    record::Writer,
};
use console_model::span::TraceId;

use super::{
    bloom::{Bloom, trace_hash},
    column::seal,
    group::GroupBuilder,
    meta::{Directory, GroupMeta, Keys},
};
use crate::value::Row;

const TRACE_BITS: usize = 16;
/// Entries of one page of the index.
const PAGE: usize = 512;

/// A trace that has spans elsewhere too, and when its spans start, everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Late {
    pub id: TraceId,
    pub first_ns: i64,
    pub last_ns: i64,
}

pub struct PartBuilder<'w, 'p> {
    writer: &'w mut PartWriter<'p>,
    keys: Keys,
    groups: Vec<GroupMeta>,
    index: Vec<(TraceId, u32)>,
    late: Vec<Late>,
    group: GroupBuilder,
    traces: u64,
    rows: u64,
    first_ns: i64,
    last_ns: i64,
}

impl<'w, 'p> PartBuilder<'w, 'p> {
    pub fn new(writer: &'w mut PartWriter<'p>) -> Self {
        Self {
            writer,
            keys: Keys::default(),
            groups: Vec::new(),
            index: Vec::new(),
            late: Vec::new(),
            group: GroupBuilder::default(),
            traces: 0,
            rows: 0,
            first_ns: i64::MAX,
            last_ns: i64::MIN,
        }
    }

    /// Adds a trace, its rows in order of start. `elsewhere`: it has spans in other parts too, and when they start.
    pub fn trace(&mut self, rows: &[Row<'_>], elsewhere: Option<(i64, i64)>) -> Result<(), PartError> {
        let Some(id) = rows.first().map(|r| r.trace_id) else { return Ok(()) };
        let (mut first, mut last, mut groups) = (i64::MAX, i64::MIN, 0);
        for row in rows {
            if self.group.push(row) {
                self.index.push((id, self.groups.len() as u32));
                groups += 1;
            }
            (first, last) = (first.min(row.start_ns), last.max(row.start_ns));
            if self.group.is_over() {
                self.end_group()?;
            }
        }
        if self.group.is_full() {
            self.end_group()?;
        }
        self.traces += 1;
        self.rows += rows.len() as u64;
        (self.first_ns, self.last_ns) = (self.first_ns.min(first), self.last_ns.max(last));
        // In two groups, a trace is in two places as well.
        if elsewhere.is_some() || groups > 1 {
            let (f, l) = elsewhere.unwrap_or((first, last));
            self.late.push(Late { id, first_ns: first.min(f), last_ns: last.max(l) });
        }
        Ok(())
    }

    /// What was pushed so far may come from memory that goes away now.
    pub fn forget_addresses(&mut self) {
        self.group.forget_addresses();
    }

    fn end_group(&mut self) -> Result<(), PartError> {
        let group = std::mem::take(&mut self.group);
        if !group.is_empty() {
            self.groups.push(group.finish(self.writer, &mut self.keys)?);
        }
        Ok(())
    }

    /// Ends the part; nothing when no trace was added.
    pub fn finish(mut self, marks: Vec<Mark>, replaces: Vec<u64>) -> Result<Option<Filled>, PartError> {
        self.end_group()?;
        if self.groups.is_empty() {
            return Ok(None);
        }
        let mut footer = Writer::default();
        footer.uint(self.traces);
        self.writer.section(&seal(&Directory::write(&self.keys, &self.groups))?)?.put(&mut footer);
        self.late.sort_unstable_by_key(|l| l.id);
        let mut late = Writer::default();
        late.uint(self.late.len() as u64);
        for l in &self.late {
            late.raw(&l.id.0);
            late.int(l.first_ns);
            late.int(l.last_ns);
        }
        self.writer.section(&seal(&late.bytes)?)?.put(&mut footer);
        self.index.sort_unstable();
        let bloom = Bloom::new(self.index.iter().map(|(id, _)| trace_hash(*id)), TRACE_BITS);
        self.writer.section(bloom.bytes())?.put(&mut footer);
        footer.uint(self.index.len().div_ceil(PAGE) as u64);
        for page in self.index.chunks(PAGE) {
            let mut out = Writer::default();
            out.uint(page.len() as u64);
            for (id, group) in page {
                out.raw(&id.0[..8]);
                out.uint(u64::from(*group));
            }
            footer.raw(&page[0].0.0);
            self.writer.section(&seal(&out.bytes)?)?.put(&mut footer);
        }
        let meta =
            PartMeta { first_t_ns: self.first_ns, last_t_ns: self.last_ns, rows: self.rows, marks, replaces };
        Ok(Some(Filled { meta, footer: footer.bytes }))
    }
}
