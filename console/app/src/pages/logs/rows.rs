//! Log lines as rows, newest first, each unfolding to everything that is known of it.

use std::{collections::HashSet, sync::Arc};

use console_model::{
    Labels,
    log::{LogEntry, LogStream},
    span::TraceId,
};
use leptos::prelude::*;

use super::{
    FILTER_FORM,
    selector::{Filter, Place, json_label},
};
use crate::view::{
    format,
    log_line::{Level, LogLine},
    markup::shorten,
    tail_frame::{MESSAGE_CHARS, telling},
};

/// Characters of a raw line that are shown; a longer one says that it was cut.
const RAW_CHARS: usize = 16_000;
const VALUE_CHARS: usize = 2_000;
/// Longer values are no filters that anybody reads.
const FILTER_CHARS: usize = 200;

/// One line, taken apart.
#[derive(Clone, Debug, PartialEq)]
pub struct LogRow {
    pub t_ns: i64,
    pub level: Level,
    pub service: String,
    pub trace_id: Option<TraceId>,
    pub line: String,
    pub parsed: LogLine,
    labels: Labels,
    metadata: Vec<(String, String)>,
}

/// All lines of an answer, newest first.
pub fn newest_first(streams: Vec<LogStream>) -> Vec<LogRow> {
    let mut rows: Vec<LogRow> = streams
        .into_iter()
        .flat_map(|s| {
            let labels = s.labels;
            s.entries.into_iter().map(move |e| LogRow::new(labels.clone(), e))
        })
        .collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.t_ns));
    rows
}

impl LogRow {
    fn new(labels: Labels, entry: LogEntry) -> Self {
        let parsed = LogLine::parse(&entry.line);
        let find = |name: &str| {
            let metadata = || entry.metadata.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
            labels.get(name).or_else(metadata).or_else(|| parsed.field(name)).filter(|v| !v.is_empty())
        };
        let first = |names: &[&str]| names.iter().find_map(|n| find(n)).map(ToOwned::to_owned);
        let level = first(&["level", "detected_level", "severity_text", "severity"]);
        let trace_id = first(&["trace_id", "traceID", "traceId"]).filter(|id| id.len() == 32);
        Self {
            t_ns: entry.t_ns,
            level: level.as_deref().map(Level::from_text).unwrap_or_default(),
            service: first(&["service_name", "service", "job"]).unwrap_or_default(),
            trace_id: trace_id.and_then(|id| id.parse().ok()).filter(|id: &TraceId| !id.is_zero()),
            line: entry.line,
            parsed,
            labels,
            metadata: entry.metadata,
        }
    }

    /// Name, value and how to filter by it: stream labels, then metadata and extracted labels, then members of the line.
    fn fields(&self, stream_labels: &HashSet<String>) -> Vec<(String, String, Option<Filter>)> {
        let mut fields = Vec::new();
        let mut seen: HashSet<&str> = HashSet::new();
        let labels = self.labels.iter().map(|l| (&*l.name, &*l.value));
        let metadata = self.metadata.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        for (name, value) in labels.chain(metadata) {
            if seen.insert(name) {
                let place = if stream_labels.contains(name) { Place::Stream } else { Place::Label };
                fields.push((name.to_owned(), value.to_owned(), Some(Filter::new(place, name, value))));
            }
        }
        fields.sort_by_key(|(_, _, filter)| filter.as_ref().is_none_or(|f| f.place != Place::Stream));
        for (name, value) in &self.parsed.fields {
            let is_plain = !value.starts_with(['{', '[']) && !value.contains(" › ");
            let label = json_label(name);
            // A member with a label's name is extracted under another one.
            let label = if seen.contains(label.as_str()) { format!("{label}_extracted") } else { label };
            if !seen.contains(name.as_str()) || self.labels.get(name) != Some(value.as_str()) {
                let filter = is_plain.then(|| Filter::new(Place::Json, label, value.clone()));
                fields.push((name.clone(), value.clone(), filter));
            }
        }
        fields
    }
}

/// The rows. `filters`: the page has the form that filter buttons belong to.
#[component]
pub fn LogRows(
    rows: Vec<LogRow>,
    /// Which names are labels of streams.
    #[prop(optional)]
    stream_labels: Arc<HashSet<String>>,
    #[prop(optional)] filters: bool,
    /// Links to traces make no sense on the page of that trace.
    #[prop(optional)]
    hide_trace: bool,
) -> impl IntoView {
    let row = |row: LogRow| {
        let t_ms = row.t_ns.div_euclid(1_000_000);
        let level = row.level.as_str();
        let message = shorten(&row.parsed.message, MESSAGE_CHARS);
        let telling = telling(&row.parsed);
        let fields = row
            .fields(&stream_labels)
            .into_iter()
            .map(|(name, value, filter)| field(name, &value, filter.filter(|_| filters)))
            .collect_view();
        let trace = row.trace_id.filter(|_| !hide_trace).map(|id| {
            view! { <a class="button small" href=format!("/traces/{id}")>"Open trace "<span class="mono">{id.to_string()[..8].to_owned()}</span></a> }
        });
        view! {
            <details class=format!("log-row {level}")>
                <summary class="log-line">
                    <time class="log-time" datetime=format::rfc3339(t_ms)>{format::clock_utc(t_ms)}</time>
                    <span class="log-level">{level}</span>
                    <span class="log-service">{row.service.clone()}</span>
                    <span class="log-text">
                        <span class="log-message">{message}</span>
                        <span class="log-telling">{telling}</span>
                    </span>
                </summary>
                <div class="log-details">
                    <div class="log-head">
                        <span class="muted">{format!("{} UTC, {} ns", format::time_utc(t_ms), row.t_ns)}</span>
                        {trace}
                    </div>
                    <table class="fields"><tbody>{fields}</tbody></table>
                    <pre class="log-raw">{shorten(&row.line, RAW_CHARS)}</pre>
                </div>
            </details>
        }
    };
    view! { <div class="log-rows">{rows.into_iter().map(row).collect_view()}</div> }
}

fn field(name: String, value: &str, filter: Option<Filter>) -> impl IntoView + use<> {
    let usable = filter.filter(|f| f.value.chars().count() <= FILTER_CHARS && !f.value.is_empty());
    let buttons = usable.map(|filter| {
        let (with, without) = (filter.to_param(), filter.negated().to_param());
        let (with_words, without_words) = (format!("Only lines with this {name}"), format!("No lines with this {name}"));
        view! {
            <button type="submit" form=FILTER_FORM name="add" value=with title=with_words.clone() aria-label=with_words>"+"</button>
            <button type="submit" form=FILTER_FORM name="add" value=without title=without_words.clone() aria-label=without_words>"−"</button>
        }
    });
    view! { <tr><th scope="row">{name}</th><td>{shorten(value, VALUE_CHARS)}</td><td class="field-filters">{buttons}</td></tr> }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"message":"paid","trace_id":"0af7651916cd43dd8448eb211c80319c","level":"info","order":"7","_spans":["a","b"]}"#;

    fn stream(pairs: &[(&str, &str)], entries: &[(i64, &str)]) -> LogStream {
        let entry = |(t_ns, line): &(i64, &str)| LogEntry {
            t_ns: *t_ns,
            line: (*line).to_owned(),
            metadata: vec![("host".into(), "h1".into())],
        };
        LogStream {
            labels: Labels::from_pairs(pairs.iter().copied()),
            entries: entries.iter().map(entry).collect(),
        }
    }

    #[test]
    fn rows_of_all_streams_are_newest_first() {
        let rows = newest_first(vec![
            stream(&[("service_name", "a")], &[(1, "x"), (5, "y")]),
            stream(&[("service_name", "b"), ("level", "error")], &[(3, LINE)]),
        ]);
        let seen: Vec<_> =
            rows.iter().map(|r| (r.t_ns, r.service.as_str(), r.level, r.trace_id.is_some())).collect();
        assert_eq!(
            seen,
            [(5, "a", Level::Unknown, false), (3, "b", Level::Error, true), (1, "a", Level::Unknown, false)]
        );
    }

    #[test]
    fn every_field_is_filtered_where_it_can_be_found() {
        let rows = newest_first(vec![stream(&[("service_name", "b"), ("level", "error")], &[(3, LINE)])]);
        let streams = HashSet::from(["service_name".to_owned(), "level".to_owned()]);
        let fields: Vec<_> =
            rows[0].fields(&streams).into_iter().map(|(n, _, f)| (n, f.map(|f| f.to_param()))).collect();
        let find = |name: &str| -> Vec<Option<String>> {
            fields.iter().filter(|(n, _)| n == name).map(|(_, f)| f.clone()).collect()
        };
        assert_eq!(find("host"), [Some("l+host=h1".to_owned())]);
        assert_eq!(find("order"), [Some("j+order=7".to_owned())]);
        assert_eq!(find("_spans"), [None]);
        assert_eq!(
            find("level"),
            [Some("s+level=error".to_owned()), Some("j+level_extracted=info".to_owned())]
        );
    }
}
