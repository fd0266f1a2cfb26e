//! `date_histogram` over `@timestamp`, and `terms` of a label or of structured metadata.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    dates::{self, Rounding},
    dsl,
    envelope::EsError,
    fields::{self, TIME},
    predicate::Place,
    search::Reader,
};

/// Of all terms of an answer together.
const MAX_INNER_BUCKETS: usize = 65_536;
const MAX_BUCKETS: i64 = 10_000;
const MAX_TERMS: usize = 10_000;
const DEFAULT_TERMS: usize = 10;

/// Counts, and within each of them counts of the other kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Aggregation {
    Histogram(DateHistogram, Option<(String, Terms)>),
    Terms(Terms, Option<(String, DateHistogram)>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DateHistogram {
    pub step_ms: i64,
    pub offset_ms: i64,
    pub min_count: u64,
    /// Where buckets begin and end at least, milliseconds.
    pub extended: Option<(i64, i64)>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Terms {
    pub label: String,
    pub size: usize,
    pub order: TermsOrder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TermsOrder {
    Most,
    Fewest,
    Key,
    KeyDown,
}

impl Aggregation {
    pub fn parse(name: &str, value: &Value) -> Result<Self, EsError> {
        let (kind, body, inner) = definition(name, value)?;
        let inner =
            inner.map(|(name, value)| Ok::<_, EsError>((name, definition(name, value)?))).transpose()?;
        if let Some((name, (_, _, Some(_)))) = &inner {
            return Err(EsError::parsing(format!("aggregation [{name}]: none is supported two deep")));
        }
        match (kind, inner) {
            ("date_histogram", None) => Ok(Self::Histogram(date_histogram(name, body)?, None)),
            ("date_histogram", Some((inner, ("terms", of, _)))) => {
                let within = terms(inner, of)?;
                Ok(Self::Histogram(date_histogram(name, body)?, Some((inner.to_owned(), within))))
            }
            ("terms", None) => Ok(Self::Terms(terms(name, body)?, None)),
            ("terms", Some((inner, ("date_histogram", of, _)))) => {
                let histogram = date_histogram(inner, of)?;
                Ok(Self::Terms(terms(name, body)?, Some((inner.to_owned(), histogram))))
            }
            ("date_histogram" | "terms", Some((inner, (other, ..)))) => {
                let shown: String = other.chars().take(64).collect();
                Err(EsError::parsing(format!(
                    "aggregation [{inner}]: [{shown}] is not supported inside of [{kind}]"
                )))
            }
            (other, _) => {
                let shown: String = other.chars().take(64).collect();
                Err(EsError::parsing(format!("aggregation [{name}]: [{shown}] is not supported")))
            }
        }
    }

    pub async fn answer(&self, reader: &Reader<'_>) -> Result<Value, EsError> {
        match self {
            Self::Histogram(histogram, None) => {
                histogram.check(reader)?;
                let counts = reader.histogram(None, histogram.step_ms, histogram.offset_ms).await?;
                let counts = counts.into_values().next().unwrap_or_default();
                Ok(json!({"buckets": histogram.buckets(counts)?.into_iter().map(moment).collect::<Vec<_>>()}))
            }
            Self::Histogram(histogram, Some((name, terms))) => {
                histogram.check(reader)?;
                let (step, offset) = (histogram.step_ms, histogram.offset_ms);
                let counts = reader.histogram(Some(&terms.label), step, offset).await?;
                let mut totals = BTreeMap::new();
                for (begin, n) in counts.values().flatten() {
                    *totals.entry(*begin).or_insert(0) += n;
                }
                let buckets = histogram.buckets(totals)?.into_iter().map(|(begin, n)| {
                    let of = |(term, counts): (&String, &BTreeMap<i64, u64>)| {
                        Some((term.clone(), *counts.get(&begin)?))
                    };
                    let mut bucket = moment((begin, n));
                    bucket[name] = terms.told(counts.iter().filter_map(of).collect(), |_| json!({}));
                    bucket
                });
                Ok(json!({"buckets": buckets.collect::<Vec<_>>()}))
            }
            Self::Terms(terms, None) => {
                let counts = reader.counts_by(&terms.label).await?;
                Ok(terms.told(counts.into_iter().collect(), |_| json!({})))
            }
            Self::Terms(terms, Some((name, histogram))) => {
                histogram.check(reader)?;
                let (step, offset) = (histogram.step_ms, histogram.offset_ms);
                let counts = reader.histogram(Some(&terms.label), step, offset).await?;
                let totals =
                    counts.iter().map(|(term, counts)| (term.clone(), counts.values().sum())).collect();
                let (shown, others) = terms.cut(totals);
                // Only of terms that are shown: empty buckets are made too.
                let (mut within, mut made) = (BTreeMap::new(), 0);
                for (term, _) in &shown {
                    let of_term = counts.get(term).cloned().unwrap_or_default();
                    let buckets: Vec<Value> = histogram.buckets(of_term)?.into_iter().map(moment).collect();
                    made += buckets.len();
                    if made > MAX_INNER_BUCKETS {
                        let message = format!(
                            "Trying to create too many buckets. Must be less than or equal to: [{MAX_INNER_BUCKETS}]"
                        );
                        return Err(EsError::argument(message));
                    }
                    within.insert(term.clone(), json!({"buckets": buckets}));
                }
                Ok(told((shown, others), |term| json!({name: within.get(term)})))
            }
        }
    }
}

/// Kind and body of an aggregation, and the one inside of it.
type Definition<'a> = (&'a str, &'a Map<String, Value>, Option<(&'a str, &'a Value)>);

fn definition<'a>(name: &str, value: &'a Value) -> Result<Definition<'a>, EsError> {
    let (mut found, mut inner) = (None, None);
    for (kind, body) in dsl::object(name, value)? {
        let body = dsl::object(kind, body)?;
        match kind.as_str() {
            "meta" => {}
            "aggs" | "aggregations" => {
                if body.len() > 1 {
                    let message =
                        format!("aggregation [{name}]: more than one inside of it is not supported");
                    return Err(EsError::parsing(message));
                }
                inner = body.iter().next().map(|(name, value)| (name.as_str(), value));
            }
            kind if found.is_none() => found = Some((kind, body)),
            other => {
                let shown: String = other.chars().take(64).collect();
                return Err(EsError::parsing(format!(
                    "aggregation [{name}]: [{shown}] beside another is not supported"
                )));
            }
        }
    }
    let missing = || EsError::parsing(format!("Missing definition for aggregation [{name}]"));
    found.map(|(kind, body)| (kind, body, inner)).ok_or_else(missing)
}

fn moment((key, n): (i64, u64)) -> Value {
    json!({"key_as_string": dates::iso(key.saturating_mul(1_000_000)), "key": key, "doc_count": n})
}

impl DateHistogram {
    /// Refuses more windows than an answer may have.
    fn check(&self, reader: &Reader<'_>) -> Result<(), EsError> {
        let windows = reader.end_ns.saturating_sub(reader.start_ns) / self.step_ms.saturating_mul(1_000_000);
        if windows <= MAX_BUCKETS {
            return Ok(());
        }
        Err(EsError::argument(format!(
            "Trying to create too many buckets. Must be less than or equal to: [{MAX_BUCKETS}] but was [{windows}]"
        )))
    }

    /// Counts by where their window begins, those without any between the first and the last among them.
    fn buckets(&self, mut counts: BTreeMap<i64, u64>) -> Result<Vec<(i64, u64)>, EsError> {
        if self.min_count > 0 {
            return Ok(counts.into_iter().filter(|(_, n)| *n >= self.min_count).collect());
        }
        let floor = |t: i64| (t - self.offset_ms).div_euclid(self.step_ms) * self.step_ms + self.offset_ms;
        let (low, high) =
            self.extended.map_or((None, None), |(low, high)| (Some(floor(low)), Some(floor(high))));
        let low = counts.keys().next().copied().into_iter().chain(low).min();
        let high = counts.keys().next_back().copied().into_iter().chain(high).max();
        let Some((low, high)) = low.zip(high) else { return Ok(Vec::new()) };
        if high.saturating_sub(low) / self.step_ms > MAX_BUCKETS {
            let message = format!("[extended_bounds] asks for more than {MAX_BUCKETS} buckets");
            return Err(EsError::argument(message));
        }
        let mut key = low;
        while key <= high {
            counts.entry(key).or_insert(0);
            key += self.step_ms;
        }
        Ok(counts.into_iter().collect())
    }
}

impl Terms {
    /// The answer, with what `within` has of each term.
    fn told(&self, counts: Vec<(String, u64)>, within: impl Fn(&str) -> Value) -> Value {
        told(self.cut(counts), within)
    }

    /// The terms that are shown, in order, and how many lines the others have.
    fn cut(&self, mut counts: Vec<(String, u64)>) -> (Vec<(String, u64)>, u64) {
        counts.retain(|(key, _)| !key.is_empty());
        match self.order {
            TermsOrder::Most => counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0))),
            TermsOrder::Fewest => counts.sort_by(|a, b| a.1.cmp(&b.1).then_with(|| a.0.cmp(&b.0))),
            TermsOrder::Key => {}
            TermsOrder::KeyDown => counts.reverse(),
        }
        let others = counts.iter().skip(self.size).map(|(_, n)| n).sum();
        counts.truncate(self.size);
        (counts, others)
    }
}

fn told((shown, others): (Vec<(String, u64)>, u64), within: impl Fn(&str) -> Value) -> Value {
    let buckets = shown.into_iter().map(|(key, n)| {
        let mut bucket = within(&key);
        bucket["key"] = key.into();
        bucket["doc_count"] = n.into();
        bucket
    });
    let buckets: Vec<Value> = buckets.collect();
    json!({"doc_count_error_upper_bound": 0, "sum_other_doc_count": others, "buckets": buckets})
}

fn only(name: &str, body: &Map<String, Value>, allowed: &[&str]) -> Result<(), EsError> {
    match body.keys().find(|key| !allowed.contains(&key.as_str())) {
        Some(other) => Err(EsError::parsing(format!("aggregation [{name}] does not support [{other}]"))),
        None => Ok(()),
    }
}

fn date_histogram(name: &str, body: &Map<String, Value>) -> Result<DateHistogram, EsError> {
    let allowed = [
        "field",
        "fixed_interval",
        "calendar_interval",
        "interval",
        "min_doc_count",
        "extended_bounds",
        "format",
        "time_zone",
        "offset",
        "keyed",
        "order",
        "hard_bounds_none",
    ];
    only(name, body, &allowed)?;
    if body.get("field").and_then(Value::as_str) != Some(TIME) {
        return Err(EsError::parsing(format!(
            "aggregation [{name}]: [date_histogram] is supported of [@timestamp] only"
        )));
    }
    if body.get("time_zone").is_some_and(|z| !dsl::is_utc(z)) {
        return Err(EsError::parsing(format!("aggregation [{name}]: [time_zone] is supported as UTC only")));
    }
    if body.get("keyed") == Some(&Value::Bool(true)) {
        return Err(EsError::parsing(format!("aggregation [{name}]: [keyed] is not supported")));
    }
    let order = body.get("order");
    if order.is_some_and(|o| *o != json!({"_key": "asc"})) {
        return Err(EsError::parsing(format!(
            "aggregation [{name}]: [order] is supported as by [_key], upwards, only"
        )));
    }
    let given = ["fixed_interval", "calendar_interval", "interval"].into_iter().find_map(|m| body.get(m));
    let step_ms = given.and_then(Value::as_str).and_then(interval_ms).ok_or_else(|| {
        EsError::parsing(format!(
            "aggregation [{name}]: an interval of whole milliseconds, seconds, minutes, hours or days is required"
        ))
    })?;
    let offset_ms = match body.get("offset").map(|o| (o, o.as_str())) {
        None => 0,
        Some((_, Some(text))) => {
            let (sign, text) = text.strip_prefix('-').map_or((1, text.trim_start_matches('+')), |t| (-1, t));
            let ms = interval_ms(text).or_else(|| (text == "0" || text == "0ms").then_some(0));
            sign * ms
                .ok_or_else(|| EsError::parsing(format!("aggregation [{name}]: [offset] is no duration")))?
        }
        Some((value, None)) => value
            .as_i64()
            .ok_or_else(|| EsError::parsing(format!("aggregation [{name}]: [offset] is no duration")))?,
    };
    let bound = |member: &str| match body.get("extended_bounds").and_then(|b| b.get(member)) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let parsed = dates::parse(value, Rounding::Down, console_model::clock::now_ns());
            parsed.map(|(ns, _)| Some(ns.div_euclid(1_000_000))).map_err(EsError::parsing)
        }
    };
    let extended = bound("min")?.zip(bound("max")?);
    let min_count = body.get("min_doc_count").and_then(Value::as_u64).unwrap_or(0);
    Ok(DateHistogram { step_ms, offset_ms: offset_ms % step_ms, min_count, extended })
}

/// `30s`, `1m`, `minute`.
fn interval_ms(text: &str) -> Option<i64> {
    let text = match text {
        "second" => "1s",
        "minute" => "1m",
        "hour" => "1h",
        "day" => "1d",
        other => other,
    };
    let digits = text.find(|c: char| !c.is_ascii_digit()).filter(|n| *n > 0)?;
    let scale = match &text[digits..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    text[..digits].parse::<i64>().ok()?.checked_mul(scale).filter(|ms| *ms > 0 && *ms < i64::MAX / 2_000_000)
}

fn terms(name: &str, body: &Map<String, Value>) -> Result<Terms, EsError> {
    only(
        name,
        body,
        &["field", "size", "order", "min_doc_count", "shard_size", "show_term_doc_count_error"],
    )?;
    let field = body.get("field").and_then(Value::as_str);
    let field =
        field.ok_or_else(|| EsError::parsing(format!("aggregation [{name}]: [terms] requires a [field]")))?;
    let Place::Label(label) = fields::place(field)? else {
        return Err(EsError::argument(format!(
            "aggregation [{name}]: [message] is text and has no terms to count"
        )));
    };
    let number = |v: &Value| v.as_u64().or_else(|| v.as_str()?.parse().ok());
    let size = body.get("size").map_or(Some(DEFAULT_TERMS as u64), number);
    let size = size.and_then(|n| usize::try_from(n).ok()).filter(|n| (1..=MAX_TERMS).contains(n));
    let size = size.ok_or_else(|| {
        EsError::argument(format!("aggregation [{name}]: [size] has to be from 1 to {MAX_TERMS}"))
    })?;
    if body.get("min_doc_count").and_then(Value::as_u64).is_some_and(|n| n > 1) {
        return Err(EsError::parsing(format!(
            "aggregation [{name}]: [min_doc_count] above 1 is not supported"
        )));
    }
    let order = match body.get("order") {
        None => TermsOrder::Most,
        Some(order) => {
            let order =
                if let Value::Array(values) = order { values.first().unwrap_or(&Value::Null) } else { order };
            let by = |key: &str| order.get(key).and_then(Value::as_str);
            match (by("_count"), by("_key").or_else(|| by("_term"))) {
                (Some("desc"), _) => TermsOrder::Most,
                (Some("asc"), _) => TermsOrder::Fewest,
                (None, Some("asc")) => TermsOrder::Key,
                (None, Some("desc")) => TermsOrder::KeyDown,
                _ => {
                    return Err(EsError::parsing(format!(
                        "aggregation [{name}]: [order] is supported as by [_count] or [_key] only"
                    )));
                }
            }
        }
    };
    Ok(Terms { label, size, order })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grafana_and_kibana_send_is_read() {
        let histogram = json!({"date_histogram": {"field": "@timestamp", "fixed_interval": "30s", "min_doc_count": 0,
            "extended_bounds": {"min": 1000, "max": 2000}, "format": "epoch_millis"}});
        let minutes =
            DateHistogram { step_ms: 30_000, offset_ms: 0, min_count: 0, extended: Some((1000, 2000)) };
        assert_eq!(Aggregation::parse("2", &histogram).unwrap(), Aggregation::Histogram(minutes, None));
        let mut terms =
            json!({"terms": {"field": "log.level", "size": "3", "order": {"_key": "desc"}}, "aggs": {}});
        let levels = Terms { label: "level".to_owned(), size: 3, order: TermsOrder::KeyDown };
        assert_eq!(Aggregation::parse("a", &terms).unwrap(), Aggregation::Terms(levels.clone(), None));
        terms["aggs"] = json!({"2": histogram});
        let want = Aggregation::Terms(levels, Some(("2".to_owned(), minutes)));
        assert_eq!(Aggregation::parse("a", &terms).unwrap(), want);
    }

    #[test]
    fn others_are_refused_by_name() {
        let of = |body: Value| Aggregation::parse("a", &body).unwrap_err().reason;
        let histogram = |member: &str, value: Value| {
            let mut body = json!({"field": "@timestamp", "fixed_interval": "1m"});
            body[member] = value;
            json!({"date_histogram": body})
        };
        let cases = [
            (json!({"avg": {"field": "x"}}), "[avg] is not supported"),
            (json!({}), "Missing definition for aggregation [a]"),
            (json!({"terms": {"field": "x"}, "aggs": {"b": {}}}), "Missing definition for aggregation [b]"),
            (
                json!({"terms": {"field": "x"}, "aggs": {"b": {"terms": {"field": "y"}}}}),
                "[terms] is not supported inside",
            ),
            (json!({"terms": {"field": "x"}, "date_histogram": {}}), "] beside another is not supported"),
            (json!({"terms": {"field": "message"}}), "[message] is text"),
            (json!({"terms": {"field": "x", "size": 0}}), "[size] has to be from 1"),
            (json!({"terms": {"field": "x", "include": "a.*"}}), "does not support [include]"),
            (histogram("field", json!("x")), "of [@timestamp] only"),
            (histogram("time_zone", json!("Europe/Berlin")), "as UTC only"),
            (histogram("fixed_interval", json!("1M")), "an interval of whole"),
            (histogram("fixed_interval", json!("0s")), "an interval of whole"),
        ];
        for (body, want) in cases {
            let told = of(body.clone());
            assert!(told.contains(want), "{body}: {told}");
        }
    }
}
