//! Answers as JSON, written straight into one buffer: an answer may hold millions of samples, and a tree of values of it
//! would cost many times its size.
//!
//! Numbers and text come out as Prometheus writes them (util/jsonutil/marshal.go, web/api/v1/json_codec.go).

mod histogram;
mod number;
mod points;
mod text;

use console_model::Labels;
use serde::{Serialize, Serializer, ser::SerializeMap};

pub use number::{general, scientific};
pub use points::{exemplars, query_value};
pub use text::text;

/// `[…,…]`.
pub fn list<T>(
    out: &mut Vec<u8>,
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut Vec<u8>, T),
) {
    out.push(b'[');
    for (i, item) in items.into_iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}

/// `{"__name__":"up","job":"x"}`.
pub fn labels(out: &mut Vec<u8>, labels: &Labels) {
    out.push(b'{');
    for (i, label) in labels.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        text(out, &label.name);
        out.push(b':');
        text(out, &label.value);
    }
    out.push(b'}');
}

/// A small part, by its own description.
pub fn value(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    if let Err(error) = serde_json::to_writer(&mut *out, value) {
        // Only a type of ours that is no JSON, such as a map without text as keys.
        tracing::error!(%error, "part of an answer cannot be written");
        out.extend_from_slice(b"null");
    }
}

/// Labels as an object inside of what serde writes.
#[derive(Clone, Copy, Debug)]
pub struct LabelMap<'a>(pub &'a Labels);

impl Serialize for LabelMap<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for label in self.0.iter() {
            map.serialize_entry(&*label.name, &*label.value)?;
        }
        map.end()
    }
}
