//! What is kept of spans between ingest, which must not wait, and counting: a few numbers a span, and all text of a batch in
//! one piece of memory.

use std::collections::HashSet;

use console_model::span::{Span, SpanId, SpanKind, SpanStatus, TraceId};

use crate::{
    config::SpanMetricsConfig,
    peer::{self, NodeKind},
    size,
};

/// Spans of one batch; a larger request becomes several.
const MAX_SPANS: usize = 512;

/// A piece of a batch's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Text {
    start: u32,
    end: u32,
}

/// One span.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    /// The span that the other side of a request has: of the parent, or of a consumer's first link.
    pub caller: Option<(TraceId, SpanId)>,
    pub kind: SpanKind,
    pub status: SpanStatus,
    pub end_ns: i64,
    pub duration_ns: i64,
    pub size_bytes: u64,
    pub service: Text,
    pub name: Text,
    pub node: Option<(NodeKind, Text)>,
}

/// Some spans of one request.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    text: String,
    pub records: Vec<Record>,
    /// Of each record, as many as the configuration has.
    dimensions: Vec<Text>,
}

impl Batch {
    /// Spans in their order, in batches of a bounded number.
    pub fn of(spans: &[Span], config: &SpanMetricsConfig) -> Vec<Self> {
        spans.chunks(MAX_SPANS).map(|chunk| Self::one(chunk, config)).collect()
    }

    /// Drops the records at these places among the spans of all batches. Their text stays until the batch goes.
    pub fn leave_out(batches: &mut Vec<Self>, places: &HashSet<usize>) {
        let mut place = 0;
        for batch in &mut *batches {
            let n = batch.dimensions.len() / batch.records.len().max(1);
            let keeps: Vec<bool> =
                batch.records.iter().zip(place..).map(|(_, p)| !places.contains(&p)).collect();
            place += keeps.len();
            let mut at = keeps.iter();
            batch.records.retain(|_| at.next() == Some(&true));
            let mut at = keeps.iter().flat_map(|keep| std::iter::repeat_n(keep, n));
            batch.dimensions.retain(|_| at.next() == Some(&true));
        }
        batches.retain(|batch| !batch.records.is_empty());
    }

    fn one(spans: &[Span], config: &SpanMetricsConfig) -> Self {
        let mut batch = Self { records: Vec::with_capacity(spans.len()), ..Self::default() };
        let mut service = (usize::MAX, Text::default());
        for (place, span) in spans.iter().enumerate() {
            // Most spans of a request are of one service.
            if service.0 == usize::MAX || spans[service.0].service != span.service {
                service = (place, batch.add(&span.service, config.max_label_bytes));
            }
            batch.push(span, service.1, config);
        }
        batch
    }

    fn push(&mut self, span: &Span, service: Text, config: &SpanMetricsConfig) {
        let max = config.max_label_bytes;
        for key in &config.dimensions {
            let value = span.resource_attribute(key).or_else(|| span.attribute(key));
            let text = value.map_or_else(Text::default, |value| self.add(&peer::text(value), max));
            self.dimensions.push(text);
        }
        let name = self.add(&span.name, max);
        let node = peer::node(span).map(|(kind, name)| (kind, self.add(&name, max)));
        let linked = span.links.first().filter(|link| !link.span_id.is_zero());
        let caller = match linked.filter(|_| span.kind == SpanKind::Consumer) {
            Some(link) => Some((link.trace_id, link.span_id)),
            None => span.parent_span_id.map(|parent| (span.trace_id, parent)),
        };
        self.records.push(Record {
            trace_id: span.trace_id,
            span_id: span.span_id,
            caller,
            kind: span.kind,
            status: span.status,
            end_ns: span.end_ns(),
            duration_ns: span.duration_ns,
            size_bytes: size::of(span),
            service,
            name,
            node,
        });
    }

    /// Adds text, cut to `max` bytes at a character.
    fn add(&mut self, text: &str, max: usize) -> Text {
        let start = self.text.len();
        self.text.push_str(&text[..text.floor_char_boundary(max)]);
        Text { start: start as u32, end: self.text.len() as u32 }
    }

    pub fn text(&self, piece: Text) -> &str {
        &self.text[piece.start as usize..piece.end as usize]
    }

    /// Values of the configured dimensions of a record.
    pub fn dimensions(&self, record: usize) -> impl Iterator<Item = &str> {
        let n = self.dimensions.len() / self.records.len().max(1);
        self.dimensions[record * n..(record + 1) * n].iter().map(|piece| self.text(*piece))
    }

    /// Memory, about.
    pub fn bytes(&self) -> usize {
        self.text.capacity()
            + self.records.capacity() * size_of::<Record>()
            + self.dimensions.capacity() * size_of::<Text>()
    }
}

#[cfg(test)]
mod tests {
    use console_model::span::{AttributeValue, SpanLink};

    use super::*;
    use crate::testing::span;

    #[test]
    fn records_have_the_text_of_their_spans_cut_at_a_character() {
        let config = SpanMetricsConfig {
            dimensions: vec!["http.route".to_owned(), "zone".to_owned()],
            max_label_bytes: 16,
            ..SpanMetricsConfig::default()
        };
        let mut spans: Vec<Span> = (0..1_200).map(|n| span(1, n + 1, None)).collect();
        spans[3].name = "ä".repeat(20) + "x";
        spans[4].name = format!("x{}", "ä".repeat(20));
        spans[5].service = "other".to_owned();
        spans[7].attributes = vec![("http.route".to_owned(), AttributeValue::String("/a".to_owned()))];
        spans[7].resource = vec![("zone".to_owned(), AttributeValue::Int(3))];
        let batches = Batch::of(&spans, &config);
        assert_eq!(batches.iter().map(|b| b.records.len()).collect::<Vec<_>>(), [512, 512, 176]);
        let batch = &batches[0];
        let name = |n: usize| batch.text(batch.records[n].name);
        assert_eq!((name(3), name(4)), ("ä".repeat(8).as_str(), format!("x{}", "ä".repeat(7)).as_str()));
        let services: Vec<&str> = batch.records[4..7].iter().map(|r| batch.text(r.service)).collect();
        assert_eq!(services, ["shop", "other", "shop"]);
        assert_eq!(batch.dimensions(7).collect::<Vec<_>>(), ["/a", "3"]);
        assert_eq!(batch.dimensions(8).collect::<Vec<_>>(), ["", ""]);
        assert!(batch.bytes() > 512 * size_of::<Record>());
    }

    #[test]
    fn what_is_left_out_takes_its_dimensions_with_it_and_no_other_s() {
        let config = SpanMetricsConfig {
            dimensions: vec!["zone".to_owned(), "host".to_owned()],
            ..Default::default()
        };
        let spans: Vec<Span> = (0..1_030)
            .map(|n| {
                let mut span = span(1, n + 1, None);
                span.attributes = vec![("zone".to_owned(), AttributeValue::Int(n as i64))];
                span
            })
            .collect();
        let mut batches = Batch::of(&spans, &config);
        // Some of the first, all of the second, none of the third.
        let places: HashSet<usize> = (0..1_024).filter(|p| *p >= 512 || p % 2 == 0).collect();
        Batch::leave_out(&mut batches, &places);
        assert_eq!(batches.iter().map(|b| b.records.len()).collect::<Vec<_>>(), [256, 6]);
        for (batch, first, step) in [(&batches[0], 1, 2), (&batches[1], 1_024, 1)] {
            for record in 0..batch.records.len() {
                let zone = (first + record * step).to_string();
                assert_eq!(batch.dimensions(record).collect::<Vec<_>>(), [zone.as_str(), ""]);
                let id = batch.records[record].span_id;
                assert_eq!(id, SpanId(((first + record * step + 1) as u64).to_be_bytes()));
            }
        }
    }

    #[test]
    fn a_consumer_s_link_goes_before_its_parent() {
        let mut consumer = span(1, 2, Some(9));
        consumer.kind = SpanKind::Consumer;
        let parent = Some((consumer.trace_id, SpanId([0, 0, 0, 0, 0, 0, 0, 9])));
        let caller =
            |s: &Span| Batch::of(std::slice::from_ref(s), &SpanMetricsConfig::default())[0].records[0].caller;
        assert_eq!(caller(&consumer), parent);
        let link = SpanLink { trace_id: TraceId([5; 16]), span_id: SpanId([6; 8]), attributes: Vec::new() };
        consumer.links = vec![link];
        assert_eq!(caller(&consumer), Some((TraceId([5; 16]), SpanId([6; 8]))));
        consumer.kind = SpanKind::Server;
        assert_eq!(caller(&consumer), parent);
    }
}
