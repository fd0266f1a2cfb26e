//! A sample's line: `name{labels} value timestamp # {labels} value timestamp`.

use crate::scrape::exposition::{
    LabelText, SyntaxError,
    cursor::{Cursor, number},
};

/// Characters of all names and values of an exemplar's labels ("Exemplars").
const MAX_EXEMPLAR_CHARS: usize = 128;

pub struct Line<'a> {
    pub series: &'a str,
    pub name: &'a str,
    pub value: f64,
    /// Seconds.
    pub timestamp: Option<f64>,
    pub has_exemplar: bool,
    /// At the line's end, for errors.
    pub cursor: Cursor<'a>,
}

pub fn read<'a>(mut cursor: Cursor<'a>, labels: &mut Vec<LabelText<'a>>) -> Result<Line<'a>, SyntaxError> {
    let name = cursor.metric_name()?;
    labels.clear();
    if cursor.take("{") {
        cursor.labels(labels)?;
    }
    let series = cursor.before();
    space(&mut cursor)?;
    let value = value(&mut cursor)?;
    let (mut timestamp, mut has_exemplar) = (None, false);
    if !cursor.is_at_end() {
        space(&mut cursor)?;
        if !cursor.rest().starts_with('#') {
            timestamp = Some(self::timestamp(&mut cursor)?);
            if !cursor.is_at_end() {
                space(&mut cursor)?;
                has_exemplar = true;
            }
        } else {
            has_exemplar = true;
        }
    }
    if has_exemplar {
        exemplar(&mut cursor)?;
    }
    if !cursor.is_at_end() {
        return Err(cursor.expected("the end of the line"));
    }
    Ok(Line { series, name, value, timestamp, has_exemplar, cursor })
}

fn exemplar(cursor: &mut Cursor<'_>) -> Result<(), SyntaxError> {
    if !cursor.take("# {") {
        return Err(cursor.expected("an exemplar (# {…} value)"));
    }
    let mut labels = Vec::new();
    cursor.labels(&mut labels)?;
    let chars: usize = labels.iter().map(|l| l.name.chars().count() + l.value().chars().count()).sum();
    if chars > MAX_EXEMPLAR_CHARS {
        return Err(cursor.error(format!("the exemplar's labels have {chars} characters, more than 128")));
    }
    space(cursor)?;
    value(cursor)?;
    if !cursor.is_at_end() {
        space(cursor)?;
        timestamp(cursor)?;
    }
    Ok(())
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
