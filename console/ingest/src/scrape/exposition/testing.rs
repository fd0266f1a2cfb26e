//! What tests of the text formats compare.

use super::{Entry, LabelText, SyntaxError};

type Visit<'v> = &'v mut dyn FnMut(Entry<'_, '_>) -> Result<(), SyntaxError>;

/// Entries that `parse` gives, a line each, samples with their series as it is written where that is asked for; the error
/// last.
pub fn shown(with_series: bool, parse: impl FnOnce(Visit<'_>) -> Result<(), SyntaxError>) -> String {
    let mut out = String::new();
    let list = |labels: &[LabelText<'_>]| {
        labels.iter().map(|l| format!("{}={:?}", l.name(), l.value())).collect::<Vec<_>>().join(",")
    };
    let done = parse(&mut |entry| {
        match entry {
            Entry::Sample(s) => {
                if with_series {
                    out.push_str(&format!("{}|", String::from_utf8_lossy(s.series)));
                }
                out.push_str(&format!("{}|{} {}", s.name, list(s.labels), s.value.float().unwrap()));
                out.push_str(&s.timestamp_ms.map(|t| format!(" @{t}")).unwrap_or_default());
                for e in s.exemplars {
                    out.push_str(&format!(" # {} {}", list(&e.labels), e.value));
                }
            }
            other => out.push_str(&format!("{other:?}")),
        }
        out.push('\n');
        Ok(())
    });
    if let Err(e) = done {
        out.push_str(&e.to_string());
    }
    out
}
