//! Asks the logs source: lines in order of time, and counts.

use std::collections::BTreeMap;

use console_model::{
    Labels,
    log::{Direction, LogAnswer},
    metric::QueryValue,
};

use super::{
    Api,
    envelope::EsError,
    indices::Pattern,
    predicate::Predicate,
    request::{After, SearchRequest},
    translate,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Ascending,
    Descending,
}

/// A line that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub t_ns: i64,
    /// Of its stream, and its structured metadata.
    pub labels: Labels,
    pub line: String,
    /// How many of the same time come before it.
    pub rank: usize,
}

/// One question, and the range of time in which it is asked.
pub struct Reader<'a> {
    api: &'a Api,
    /// None: nothing can be found.
    query: Option<String>,
    /// `start <= t < end`
    pub start_ns: i64,
    pub end_ns: i64,
}

impl<'a> Reader<'a> {
    pub fn new(
        api: &'a Api,
        indices: &Pattern,
        predicate: &Predicate,
        (start_ns, end_ns): (i64, i64),
    ) -> Result<Self, EsError> {
        let query = translate::logql(indices, predicate);
        let max = api.limits.max_query_bytes;
        if query.as_ref().is_some_and(|q| q.len() > max) {
            return Err(EsError::argument(format!("the query's translation is longer than {max} bytes")));
        }
        Ok(Self { api, query, start_ns, end_ns })
    }

    fn is_empty(&self) -> bool {
        self.query.is_none() || self.end_ns <= self.start_ns
    }

    /// At most `limit` lines from one end of the range. Lines of one time have an order of their own, the same each time.
    pub async fn rows(&self, limit: usize, order: Order) -> Result<Vec<Row>, EsError> {
        let mut rows = self.fetch(self.start_ns, self.end_ns, limit, order).await?;
        if rows.len() >= limit
            && let Some(last) = rows.last().map(|row| row.t_ns)
        {
            // The limit may have cut through lines of one time, of which a store gives any: all of them are read.
            rows.retain(|row| row.t_ns != last);
            rows.extend(self.fetch(last, last + 1, self.api.limits.max_limit, order).await?);
            rows.truncate(limit);
        }
        for at in 1..rows.len() {
            if rows[at].t_ns == rows[at - 1].t_ns {
                rows[at].rank = rows[at - 1].rank + 1;
            }
        }
        Ok(rows)
    }

    /// Lines from one end of a range, in order.
    async fn fetch(
        &self,
        start_ns: i64,
        end_ns: i64,
        limit: usize,
        order: Order,
    ) -> Result<Vec<Row>, EsError> {
        let Some(query) = self.query.as_ref().filter(|_| end_ns > start_ns && limit > 0) else {
            return Ok(Vec::new());
        };
        let direction = match order {
            Order::Ascending => Direction::Forward,
            Order::Descending => Direction::Backward,
        };
        let asked = self.api.source.query_range(query, start_ns, end_ns, 1000, limit, direction);
        let LogAnswer::Streams { streams, .. } = asked.await? else { return Ok(Vec::new()) };
        let mut rows: Vec<Row> = streams
            .into_iter()
            .flat_map(|stream| {
                let labels = stream.labels;
                stream.entries.into_iter().map(move |entry| Row {
                    t_ns: entry.t_ns,
                    labels: with_metadata(&labels, &entry.metadata),
                    line: entry.line,
                    rank: 0,
                })
            })
            .collect();
        rows.sort_by(|a, b| {
            let by_time = match order {
                Order::Ascending => a.t_ns.cmp(&b.t_ns),
                Order::Descending => b.t_ns.cmp(&a.t_ns),
            };
            by_time.then_with(|| (&a.labels, &a.line).cmp(&(&b.labels, &b.line)))
        });
        Ok(rows)
    }

    /// How many lines there are.
    pub async fn count(&self) -> Result<u64, EsError> {
        Ok(self.counts("sum", self.start_ns, self.end_ns).await?.values().sum())
    }

    /// How many lines each value of a label has; lines without it have the value "".
    pub async fn counts_by(&self, label: &str) -> Result<BTreeMap<String, u64>, EsError> {
        let grouped = format!("sum by ({label})");
        let counts = self.counts(&grouped, self.start_ns, self.end_ns).await?;
        Ok(counts.into_iter().map(|(l, n)| (l.get(label).unwrap_or_default().to_owned(), n)).collect())
    }

    async fn counts(&self, sum: &str, start_ns: i64, end_ns: i64) -> Result<BTreeMap<Labels, u64>, EsError> {
        let Some(query) = self.query.as_ref().filter(|_| end_ns > start_ns) else {
            return Ok(BTreeMap::new());
        };
        // A window is open at its start and closed at its end: shifted by a nanosecond it is the range.
        let asked = format!("{sum} (count_over_time({query} [{}ns]))", end_ns - start_ns);
        match self.api.source.query(&asked, end_ns - 1, 1, Direction::Backward).await? {
            LogAnswer::Metric(answer) => match answer.value {
                QueryValue::Vector(values) => Ok(values.into_iter().map(|(l, s)| (l, s.v as u64)).collect()),
                _ => Ok(BTreeMap::new()),
            },
            LogAnswer::Streams { .. } => Ok(BTreeMap::new()),
        }
    }

    /// How many lines are in each window of `step_ms`, by the value of a label (or all together, under "") and by where the
    /// window begins (milliseconds); only windows with any. Windows begin at multiples of the step after `offset_ms`; those
    /// that the range cuts count what is inside of it.
    pub async fn histogram(
        &self,
        label: Option<&str>,
        step_ms: i64,
        offset_ms: i64,
    ) -> Result<BTreeMap<String, BTreeMap<i64, u64>>, EsError> {
        let (step_ns, offset_ns) = (step_ms.saturating_mul(1_000_000), offset_ms.saturating_mul(1_000_000));
        let floor = |t: i64| (t - offset_ns).div_euclid(step_ns) * step_ns + offset_ns;
        let value = |labels: &Labels| label.and_then(|l| labels.get(l)).unwrap_or_default().to_owned();
        let mut out: BTreeMap<String, BTreeMap<i64, u64>> = BTreeMap::new();
        let Some(query) = self.query.as_ref().filter(|_| !self.is_empty()) else { return Ok(out) };
        let sum = label.map_or("sum".to_owned(), |label| format!("sum by ({label})"));
        let (first, last) = (floor(self.start_ns), floor(self.end_ns - 1));
        // What the range cuts, at its start and at its end.
        let mut cut = vec![(first, self.start_ns, self.end_ns.min(first + step_ns))];
        if last > first {
            cut.push((last, last, self.end_ns));
        }
        for (begin, start, end) in cut {
            for (labels, n) in self.counts(&sum, start, end).await? {
                *out.entry(value(&labels)).or_default().entry(begin / 1_000_000).or_insert(0) += n;
            }
        }
        if last - first <= step_ns {
            return Ok(out);
        }
        let asked = format!("{sum} (count_over_time({query} [{step_ms}ms]))");
        let (from, to) = (first + 2 * step_ns - 1, last - 1);
        let answer = self.api.source.query_range(&asked, from, to, step_ms, 1, Direction::Forward).await?;
        if let LogAnswer::Metric(answer) = answer
            && let QueryValue::Matrix(series) = answer.value
        {
            for series in series {
                let windows = out.entry(value(&series.labels)).or_default();
                for sample in series.samples.into_iter().filter(|s| s.v > 0.0) {
                    // Windows end a nanosecond before the next begins.
                    *windows.entry(sample.t_ms + 1 - step_ms).or_insert(0) += sample.v as u64;
                }
            }
        }
        Ok(out)
    }
}

/// Remote backends give metadata beside the labels, the embedded engine among them.
fn with_metadata(labels: &Labels, metadata: &[(String, String)]) -> Labels {
    let is_new = |(name, _): &&(String, String)| labels.get(name).is_none();
    if !metadata.iter().any(|m| is_new(&m)) {
        return labels.clone();
    }
    let own = labels.iter().map(|l| (l.name.to_string(), l.value.to_string()));
    Labels::from_pairs(own.chain(metadata.iter().filter(is_new).cloned()))
}

/// The hits of a search, in order.
pub async fn hits(reader: &mut Reader<'_>, request: &SearchRequest) -> Result<Vec<Row>, EsError> {
    let mut skip = request.from;
    if let Some(After { t_ns, rank }) = request.after {
        // Those of the same time are read again, and left out as far as they were seen.
        match (request.order, rank) {
            (Order::Descending, Some(rank)) => {
                reader.end_ns = reader.end_ns.min(t_ns.saturating_add(1));
                skip = rank.saturating_add(1);
            }
            (Order::Ascending, Some(rank)) => {
                reader.start_ns = reader.start_ns.max(t_ns);
                skip = rank.saturating_add(1);
            }
            (Order::Descending, None) => reader.end_ns = reader.end_ns.min(t_ns),
            (Order::Ascending, None) => reader.start_ns = reader.start_ns.max(t_ns.saturating_add(1_000_000)),
        }
    }
    if request.size == 0 {
        return Ok(Vec::new());
    }
    let max = reader.api.limits.max_limit;
    if skip.saturating_add(request.size) > max {
        let message =
            format!("[search_after] with size [{}]: more than {max} lines of one time", request.size);
        return Err(EsError::argument(message));
    }
    let rows = reader.rows(skip + request.size, request.order).await?;
    Ok(rows.into_iter().skip(skip).collect())
}
