//! Things that many rows share: resources, scopes and shapes, each written once a group.

use std::{collections::HashMap, sync::Arc};

use console_blockkit::record::{Reader, RecordError, Writer};
use foldhash::fast::RandomState;

/// Numbers distinct things by their bytes.
#[derive(Debug, Default)]
pub struct SetBuilder {
    ids: HashMap<Vec<u8>, u32, RandomState>,
    order: Vec<Vec<u8>>,
    rows: Vec<u32>,
    /// Things by their address: they are the same while their batches are held.
    addresses: HashMap<usize, u32, RandomState>,
}

impl SetBuilder {
    /// Adds a row; answers the bytes of its thing where that is new.
    pub fn push<T>(&mut self, thing: &Arc<T>, put: impl FnOnce(&mut Writer, &T)) -> Option<usize> {
        let address = Arc::as_ptr(thing) as usize;
        if let Some(id) = self.addresses.get(&address) {
            self.rows.push(*id);
            return None;
        }
        let mut out = Writer::default();
        put(&mut out, thing);
        let bytes = out.bytes.len();
        let (id, new) = self.push_bytes(out.bytes);
        self.addresses.insert(address, id);
        new.then_some(bytes)
    }

    fn push_bytes(&mut self, bytes: Vec<u8>) -> (u32, bool) {
        let (id, new) = match self.ids.get(&bytes) {
            Some(id) => (*id, false),
            None => {
                let id = self.order.len() as u32;
                self.ids.insert(bytes.clone(), id);
                self.order.push(bytes);
                (id, true)
            }
        };
        self.rows.push(id);
        (id, new)
    }

    /// An address may be another thing's later: forgets them.
    pub fn forget_addresses(&mut self) {
        self.addresses.clear();
    }

    /// Count and things, then a number a row; no numbers where there is one thing only.
    pub fn finish(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.uint(self.order.len() as u64);
        for bytes in &self.order {
            out.raw(bytes);
        }
        put_rows(&mut out, self.order.len(), &self.rows);
        out.bytes
    }
}

fn put_rows(out: &mut Writer, things: usize, rows: &[u32]) {
    if things > 1 {
        for id in rows {
            out.uint(u64::from(*id));
        }
    }
}

/// Things of a group, and which row has which.
#[derive(Debug)]
pub struct Sets<T> {
    pub things: Vec<T>,
    /// One a row.
    pub rows: Vec<u32>,
}

impl<T> Sets<T> {
    pub fn parse<'a>(
        payload: &'a [u8],
        rows: usize,
        mut take: impl FnMut(&mut Reader<'a>) -> Result<T, RecordError>,
    ) -> Result<Self, RecordError> {
        let mut r = Reader::new(payload);
        let things = crate::attributes::take_list(&mut r, &mut take)?;
        let ids = if things.len() > 1 {
            let mut ids = Vec::with_capacity(rows);
            for _ in 0..rows {
                ids.push(u32::try_from(r.uint()?).map_err(|_| RecordError::Reference)?);
            }
            ids
        } else {
            vec![0; rows]
        };
        if ids.iter().any(|id| *id as usize >= things.len()) {
            return Err(RecordError::Reference);
        }
        Ok(Self { things, rows: ids })
    }
}

/// Numbers distinct shapes: which columns a row's attributes lie in, in their order.
#[derive(Debug, Default)]
pub struct ShapeBuilder {
    ids: HashMap<Vec<u32>, u32, RandomState>,
    rows: Vec<u32>,
}

impl ShapeBuilder {
    pub fn push(&mut self, shape: &[u32]) {
        let id = match self.ids.get(shape) {
            Some(id) => *id,
            None => {
                let id = self.ids.len() as u32;
                self.ids.insert(shape.to_vec(), id);
                id
            }
        };
        self.rows.push(id);
    }

    pub fn finish(&self) -> Vec<u8> {
        let mut order: Vec<&[u32]> = vec![&[]; self.ids.len()];
        for (shape, id) in &self.ids {
            order[*id as usize] = shape;
        }
        let mut out = Writer::default();
        out.uint(order.len() as u64);
        for shape in &order {
            out.uint(shape.len() as u64);
            for element in *shape {
                out.uint(u64::from(*element));
            }
        }
        put_rows(&mut out, order.len(), &self.rows);
        out.bytes
    }
}
