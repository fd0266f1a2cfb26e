//! OpenMetrics text 1.0 (github.com/prometheus/OpenMetrics, specification/OpenMetrics.md, "Text format").

mod family;
mod histogram;
mod sample;

use std::collections::HashSet;

use console_model::metric::MetricKind;
use family::Family;

use super::{
    Entry, Sample, SampleValue, SyntaxError,
    cursor::{Blanks, Cursor},
    entry::{Quotes, unescape},
};

pub fn parse<'a, E: From<SyntaxError>>(
    text: &'a str,
    mut visit: impl FnMut(Entry<'a, '_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut families = Families::default();
    let mut labels = Vec::new();
    let mut lines = text.split('\n').enumerate().peekable();
    let end = loop {
        let (index, line) = lines.next().unwrap_or((0, ""));
        let cursor = Cursor::new(line, index + 1, Blanks::Strict);
        if line.is_empty() && lines.peek().is_none() {
            return Err(cursor.error("# EOF is missing at the end").into());
        }
        if line == "# EOF" {
            break cursor;
        }
        if line.starts_with('#') {
            visit(families.metadata(cursor)?)?;
            continue;
        }
        let read = sample::read(cursor, &mut labels)?;
        families.sample(&read, &labels)?;
        let sample::Line { series, name, value, timestamp, exemplar, .. } = read;
        let timestamp_ms = timestamp.map(sample::milliseconds);
        visit(Entry::Sample(Sample {
            series: series.as_bytes(),
            name,
            labels: &labels,
            bound: None,
            value: SampleValue::Float(value),
            timestamp_ms,
            exemplars: exemplar.as_slice(),
        }))?;
    };
    families.finish(&end)?;
    match (lines.next(), lines.next()) {
        (None, _) | (Some((_, "")), None) => Ok(()),
        _ => Err(end.error("there is text behind # EOF").into()),
    }
}

/// The family that is being read, and the names of the ones before.
#[derive(Default)]
struct Families<'a> {
    current: Option<Family<'a>>,
    /// Every name that a family occupies.
    taken: HashSet<String>,
}

impl<'a> Families<'a> {
    fn metadata(&mut self, cursor: Cursor<'a>) -> Result<Entry<'a, 'a>, SyntaxError> {
        let mut parts = cursor.rest().splitn(4, ' ');
        let (Some("#"), Some(keyword), Some(name), Some(text)) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(cursor.expected("# TYPE, # HELP or # UNIT with a name and a text, or # EOF"));
        };
        if !super::is_metric_name(name) {
            return Err(cursor.error(format!("{name:?} is not a valid metric name")));
        }
        let family = match &mut self.current {
            Some(family) if family.name == name => family,
            _ => {
                self.finish(&cursor)?;
                self.current.insert(Family::new(name))
            }
        };
        family.metadata(keyword).map_err(|message| cursor.error(message))?;
        match keyword {
            "HELP" => Ok(Entry::Help { family: name, help: unescape(text, Quotes::Escaped) }),
            "UNIT" => {
                family.unit = text;
                Ok(Entry::Unit { family: name, unit: text })
            }
            "TYPE" => {
                family.kind = kind(text).ok_or_else(|| cursor.error(format!("{text:?} is not a type")))?;
                Ok(Entry::Type { family: name, kind: family.kind })
            }
            _ => Err(cursor.error(format!("there is no metadata {keyword:?}"))),
        }
    }

    fn sample(
        &mut self,
        line: &sample::Line<'a>,
        labels: &[super::LabelText<'a>],
    ) -> Result<(), SyntaxError> {
        let family = match &mut self.current {
            Some(family) if family.owns(line.name) => family,
            _ => {
                self.finish(&line.cursor)?;
                self.current.insert(Family::new(line.name))
            }
        };
        family.sample(line, labels).map_err(|message| line.cursor.error(message))
    }

    /// Checks the current family as a whole.
    fn finish(&mut self, cursor: &Cursor<'_>) -> Result<(), SyntaxError> {
        let Some(family) = self.current.take() else { return Ok(()) };
        family.finish().map_err(|message| cursor.error(message))?;
        for name in family.names() {
            if !self.taken.insert(name.clone()) {
                return Err(cursor.error(format!("the name {name} belongs to two metric families")));
            }
        }
        Ok(())
    }
}

fn kind(text: &str) -> Option<MetricKind> {
    Some(match text {
        "counter" => MetricKind::Counter,
        "gauge" => MetricKind::Gauge,
        "histogram" => MetricKind::Histogram,
        "gaugehistogram" => MetricKind::GaugeHistogram,
        "summary" => MetricKind::Summary,
        "info" => MetricKind::Info,
        "stateset" => MetricKind::StateSet,
        "unknown" => MetricKind::Unknown,
        _ => return None,
    })
}
