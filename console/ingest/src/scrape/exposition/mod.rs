//! The formats in which targets show their metrics: Prometheus text 0.0.4, OpenMetrics text 1.0, and Prometheus' protobuf,
//! the only one that has native histograms.
//!
//! All parsers walk the bytes once and copy nothing but names that are written with escapes: entries borrow from them. An
//! error has its place; what was visited before it is for the caller to forget.
//!
//! Both text formats have names in quotes, which may be any text but the empty one: `{"my.metric","a.label"="x"} 1`. The
//! metric's name stands anywhere among the labels, once.

mod conversion;
mod cursor;
mod entry;
mod openmetrics;
mod prometheus;
mod protobuf;
#[cfg(test)]
mod testing;

pub use cursor::number;
pub use entry::{Bound, Entry, ExemplarText, LabelText, Place, Sample, SampleValue, SyntaxError};

use self::conversion::Conversion;

/// Labels of one metric: far more than anybody has, so that what they cost is bounded.
const MAX_LABELS: usize = 1000;

/// Which format an answer is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Prometheus,
    OpenMetrics,
    Protobuf,
}

/// What is read of histograms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Histograms {
    /// Native parts are read; else they are ignored.
    pub native: bool,
    /// Classic buckets are read also where there is a native histogram, or one is made of them.
    pub classic_too: bool,
    /// Histograms that are only classic become native ones with custom buckets.
    pub convert: bool,
}

/// Shows each entry of `bytes` to `visit`, in order, up to the first error.
pub fn parse<'a, E: From<SyntaxError>>(
    format: Format,
    histograms: Histograms,
    bytes: &'a [u8],
    mut visit: impl FnMut(Entry<'a, '_>) -> Result<(), E>,
) -> Result<(), E> {
    if format == Format::Protobuf {
        return protobuf::parse(bytes, histograms, visit);
    }
    let text = std::str::from_utf8(bytes).map_err(|e| SyntaxError::not_utf8(bytes, e.valid_up_to()))?;
    if !histograms.convert {
        return parse_text(format, text, visit);
    }
    let mut conversion = Conversion::new(histograms.classic_too);
    parse_text(format, text, |entry| conversion.take(entry, &mut visit))?;
    conversion.finish(&mut visit)
}

fn parse_text<'a, E: From<SyntaxError>>(
    format: Format,
    text: &'a str,
    visit: impl FnMut(Entry<'a, '_>) -> Result<(), E>,
) -> Result<(), E> {
    if format == Format::OpenMetrics {
        openmetrics::parse(text, visit)
    } else {
        prometheus::parse(text, visit)
    }
}
