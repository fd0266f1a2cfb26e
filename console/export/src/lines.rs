//! Lines, oldest first.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{ExportError, Plan, copied::Copied, http::Endpoint};

const FROM: &str = "/loki/api/v1/query_range";
const TO: &str = "/loki/api/v1/push";
/// Lines asked for at once: as many as Loki gives by default.
const PAGE: usize = 5000;
/// Longest window asked for at once; backends bound it.
const MAX_WINDOW_NS: i64 = 24 * 3_600 * 1_000_000_000;

#[derive(Deserialize)]
struct Answer {
    data: Data,
}

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Data {
    Streams(Vec<AnswerStream>),
}

#[derive(Deserialize)]
struct AnswerStream {
    stream: BTreeMap<String, String>,
    values: Vec<AnswerEntry>,
}

/// Time, line and, where the backend tells it apart, what is no label of the stream.
#[derive(Deserialize)]
struct AnswerEntry(String, String, #[serde(default)] Option<Categories>);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Categories {
    #[serde(default)]
    structured_metadata: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Push {
    streams: Vec<PushStream>,
}

#[derive(Serialize)]
struct PushStream {
    stream: BTreeMap<String, String>,
    values: Vec<(String, String, BTreeMap<String, String>)>,
}

/// Lines of a window, by stream; the time of each apart.
struct Page(Vec<(BTreeMap<String, String>, Vec<Entry>)>);

struct Entry {
    t_ns: i64,
    line: String,
    metadata: BTreeMap<String, String>,
}

pub async fn copy(plan: &Plan, target: &Endpoint, copied: &mut Copied<'_>) -> Result<(), ExportError> {
    loop {
        let mut position = copied.position();
        if position.logs_ns >= plan.end_ns {
            return Ok(());
        }
        let window = (position.logs_ns, plan.end_ns.min(position.logs_ns.saturating_add(MAX_WINDOW_NS)));
        let mut page = ask(plan, window).await?;
        let next = if page.len() < PAGE { window.1 } else { page.cut(plan, window.0)? };
        let lines = page.len() as u64;
        if lines > 0 {
            let body = serde_json::to_vec(&page.push()).map_err(|e| target.unreadable(TO, e))?;
            target.post(TO, "application/json", body.into()).await?;
        }
        position.logs_ns = next;
        position.lines += lines;
        copied.advance(position)?;
    }
}

async fn ask(plan: &Plan, window: (i64, i64)) -> Result<Page, ExportError> {
    let query = [
        ("query", plan.selector.clone()),
        ("start", window.0.to_string()),
        ("end", window.1.to_string()),
        ("limit", PAGE.to_string()),
        ("direction", "forward".to_owned()),
    ];
    // Without it what is no label of a stream comes as one, and each line would be a stream at the target.
    let headers = [("x-loki-response-encoding-flags", "categorize-labels")];
    let absent = || plan.from.unreadable(FROM, "there is nothing at this address");
    let body = plan.from.get(FROM, &query, &headers).await?.ok_or_else(absent)?;
    let answer: Answer = serde_json::from_slice(&body).map_err(|e| plan.from.unreadable(FROM, e))?;
    let Data::Streams(streams) = answer.data;
    let mut page = Page(Vec::with_capacity(streams.len()));
    for stream in streams {
        let entries = stream.values.into_iter().map(|AnswerEntry(time, line, categories)| {
            let t_ns =
                time.parse().map_err(|_| plan.from.unreadable(FROM, format!("{time:?} is no time")))?;
            let metadata = categories.map(|c| c.structured_metadata).unwrap_or_default();
            Ok(Entry { t_ns, line, metadata })
        });
        page.0.push((stream.stream, entries.collect::<Result<_, ExportError>>()?));
    }
    Ok(page)
}

impl Page {
    fn len(&self) -> usize {
        self.0.iter().map(|(_, entries)| entries.len()).sum()
    }

    /// A full page may end in the middle of an instant: leaves that instant to the next one, and answers which it is.
    fn cut(&mut self, plan: &Plan, start_ns: i64) -> Result<i64, ExportError> {
        let last = self.0.iter().flat_map(|(_, entries)| entries).map(|e| e.t_ns).max().unwrap_or(start_ns);
        if last <= start_ns {
            let (url, at) = (plan.from.url().to_owned(), format!("{start_ns} ns"));
            return Err(ExportError::TooMany { url, what: "lines", limit: PAGE, at });
        }
        for (_, entries) in &mut self.0 {
            entries.retain(|e| e.t_ns < last);
        }
        Ok(last)
    }

    fn push(self) -> Push {
        let full = self.0.into_iter().filter(|(_, entries)| !entries.is_empty());
        let streams = full.map(|(stream, entries)| PushStream {
            stream,
            values: entries.into_iter().map(|e| (e.t_ns.to_string(), e.line, e.metadata)).collect(),
        });
        Push { streams: streams.collect() }
    }
}
