//! A sample's line: `name{labels} value timestamp # {labels} value timestamp`.

use std::borrow::Cow;

use crate::{
    limits::MAX_EXEMPLAR_CHARS,
    scrape::exposition::{
        ExemplarText, LabelText, SyntaxError,
        cursor::{Braces, Cursor, number},
    },
};

pub struct Line<'a> {
    pub series: &'a str,
    pub name: Cow<'a, str>,
    pub value: f64,
    /// Seconds.
    pub timestamp: Option<f64>,
    pub exemplar: Option<ExemplarText<'a>>,
}

pub fn read<'a>(cursor: &mut Cursor<'a>, labels: &mut Vec<LabelText<'a>>) -> Result<Line<'a>, SyntaxError> {
    let name = cursor.series(labels)?;
    let series = cursor.before();
    space(cursor)?;
    let value = value(cursor)?;
    let (mut timestamp, mut has_exemplar) = (None, false);
    if !cursor.is_at_end() {
        space(cursor)?;
        if !cursor.rest().starts_with('#') {
            timestamp = Some(self::timestamp(cursor)?);
            if !cursor.is_at_end() {
                space(cursor)?;
                has_exemplar = true;
            }
        } else {
            has_exemplar = true;
        }
    }
    let exemplar = if has_exemplar { Some(exemplar(cursor)?) } else { None };
    if !cursor.is_at_end() {
        return Err(cursor.expected("the end of the line"));
    }
    Ok(Line { series, name, value, timestamp, exemplar })
}

fn exemplar<'a>(cursor: &mut Cursor<'a>) -> Result<ExemplarText<'a>, SyntaxError> {
    if !cursor.take("# {") {
        return Err(cursor.expected("an exemplar (# {…} value)"));
    }
    let mut labels = Vec::new();
    cursor.braces(Braces::Exemplar, &mut labels)?;
    let chars: usize = labels.iter().map(|l| l.name().chars().count() + l.value().chars().count()).sum();
    if chars > MAX_EXEMPLAR_CHARS {
        return Err(cursor.error(format!(
            "the exemplar's labels have {chars} characters, more than {MAX_EXEMPLAR_CHARS}"
        )));
    }
    space(cursor)?;
    let value = value(cursor)?;
    let mut timestamp_ms = None;
    if !cursor.is_at_end() {
        space(cursor)?;
        timestamp_ms = Some(milliseconds(timestamp(cursor)?));
    }
    Ok(ExemplarText { labels, value, timestamp_ms })
}

/// Of seconds; what is out of range is the nearest that is not. Parts of a millisecond are left out, as in Prometheus.
pub fn milliseconds(seconds: f64) -> i64 {
    (seconds * 1000.0) as i64
}

fn space(cursor: &mut Cursor<'_>) -> Result<(), SyntaxError> {
    if cursor.take(" ") { Ok(()) } else { Err(cursor.expected("one space")) }
}

fn value(cursor: &mut Cursor<'_>) -> Result<f64, SyntaxError> {
    let start = *cursor;
    number(cursor.word("a value")?).ok_or_else(|| start.expected("a value"))
}

fn timestamp(cursor: &mut Cursor<'_>) -> Result<f64, SyntaxError> {
    let start = *cursor;
    let seconds = number(cursor.word("a timestamp")?).filter(|t| t.is_finite());
    seconds.ok_or_else(|| start.expected("a timestamp in seconds"))
}
