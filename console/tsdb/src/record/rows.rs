//! Samples and points of version 1: a series after the other. Nobody writes them any more.

use console_blockkit::record::{Reader, RecordError};
use console_model::metric::Sample;

use super::{
    columns::{Columns, Samples},
    fields,
};
use crate::chunk::histogram;

/// Reads what follows the kind. `points`: each series goes on with histograms and exemplars.
pub fn read(r: &mut Reader<'_>, points: bool, into: &mut Columns) -> Result<(), RecordError> {
    let base = r.int()?;
    into.exemplars.base_ms = base;
    let series = r.count()?;
    let (mut counts, mut all) = (Vec::with_capacity(series), Vec::new());
    // Declarations refer to it by place.
    into.text.extend_from_slice(r.rest());
    for place in 0..series {
        into.add_number(u32::try_from(r.uint()?).map_err(|_| RecordError::Overflow)?);
        match r.u8()? {
            0 => {}
            1 => into.declared.push((place, fields::skip_labels(r, &into.text)?)),
            _ => return Err(RecordError::Tag),
        }
        let n = r.count()?;
        counts.push(n as u32);
        let mut t_ms = base;
        for _ in 0..n {
            t_ms = t_ms.wrapping_add(r.int()?);
            into.newest = into.newest.max(t_ms);
            all.push(Sample { t_ms, v: fields::read_float(r)? });
        }
        if points {
            let chunk = r.blob()?;
            let histograms = histogram::decode(chunk)?;
            if let Some(newest) = histograms.iter().map(|h| h.t_ms).max() {
                into.add_histograms(place, histograms.len(), newest, chunk);
            }
            let (count, from) = (r.count()?, r.rest());
            fields::read_exemplars(r, count, base)?;
            if count > 0 {
                into.add_exemplars(place, count, &from[..from.len() - r.rest().len()]);
            }
        }
    }
    into.samples = Samples::Many { counts, all };
    Ok(())
}
