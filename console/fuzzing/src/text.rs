//! Queries as bytes.

use std::borrow::Cow;

/// The text that bytes stand for, and whether `position` lies in it.
pub(crate) fn of(data: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(data)
}

/// A position in an error can be shown to a person: it is in the text, or at its end.
pub(crate) fn assert_in(position: usize, text: &str) {
    assert!(position <= text.len(), "position {position} is outside {text:?}");
}
