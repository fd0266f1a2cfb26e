//! Spans of the evaluation files:
//! `span TRACE/SPAN PARENT SERVICE NAME KIND START_MS DURATION_MS STATUS key=value .. event(name@ms key=value ..) link(TRACE/SPAN ..)`.
//! Keys begin with `resource.` or `scope.` where they are of those; `message`, `library` and `version` are the span's own.

use std::collections::BTreeMap;

use console_model::span::{
    AttributeValue as V, Attributes, Span, SpanEvent, SpanId, SpanKind, SpanLink, SpanStatus, Trace, TraceId,
};

fn trace_id(n: u8) -> TraceId {
    let mut id = [0; 16];
    id[15] = n;
    TraceId(id)
}

fn span_id(n: u8) -> SpanId {
    let mut id = [0; 8];
    id[7] = n;
    SpanId(id)
}

/// Words between spaces outside of quotes and brackets.
fn words(text: &str) -> Vec<String> {
    let (mut out, mut word, mut quoted, mut depth) = (Vec::new(), String::new(), false, 0);
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            '(' | '[' if !quoted => depth += 1,
            ')' | ']' if !quoted => depth -= 1,
            _ => {}
        }
        if c == ' ' && !quoted && depth == 0 {
            if !word.is_empty() {
                out.push(std::mem::take(&mut word));
            }
        } else {
            word.push(c);
        }
    }
    if !word.is_empty() {
        out.push(word);
    }
    out
}

fn value(text: &str) -> V {
    if let Some(items) = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
        return V::Array(items.split(',').filter(|i| !i.is_empty()).map(value).collect());
    }
    if let Some(s) = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')) {
        return V::String(s.to_owned());
    }
    if let Ok(b) = text.parse() {
        return V::Bool(b);
    }
    if let Ok(i) = text.parse() {
        return V::Int(i);
    }
    V::Double(text.parse().unwrap_or_else(|_| panic!("{text} is no value")))
}

fn pair(text: &str) -> (String, V) {
    let (key, v) = text.split_once('=').unwrap_or_else(|| panic!("{text} is no key=value"));
    (key.to_owned(), value(v))
}

fn pairs(words: &[String]) -> Attributes {
    words.iter().map(|w| pair(w)).collect()
}

fn ids(text: &str) -> (TraceId, SpanId) {
    let (trace, span) = text.split_once('/').unwrap();
    (trace_id(trace.parse().unwrap()), span_id(span.parse().unwrap()))
}

fn kind(word: &str) -> SpanKind {
    match word {
        "unspecified" => SpanKind::Unspecified,
        "internal" => SpanKind::Internal,
        "server" => SpanKind::Server,
        "client" => SpanKind::Client,
        "producer" => SpanKind::Producer,
        "consumer" => SpanKind::Consumer,
        other => panic!("{other} is no kind"),
    }
}

fn status(word: &str) -> SpanStatus {
    match word {
        "unset" => SpanStatus::Unset,
        "ok" => SpanStatus::Ok,
        "error" => SpanStatus::Error,
        other => panic!("{other} is no status"),
    }
}

fn span(line: &str) -> Span {
    let words = words(line);
    let unquoted = |w: &str| w.trim_matches('"').to_owned();
    let ms = |w: &str| (w.parse::<f64>().unwrap() * 1e6) as i64;
    let (trace_id, own) = ids(&words[1]);
    let mut out = Span {
        trace_id,
        span_id: own,
        parent_span_id: (words[2] != "-").then(|| span_id(words[2].parse().unwrap())),
        service: unquoted(&words[3]),
        name: unquoted(&words[4]),
        kind: kind(&words[5]),
        start_ns: ms(&words[6]),
        duration_ns: ms(&words[7]),
        status: status(&words[8]),
        status_message: String::new(),
        attributes: vec![],
        resource: vec![("service.name".into(), V::String(unquoted(&words[3])))],
        scope_name: String::new(),
        scope_version: String::new(),
        scope_attributes: vec![],
        events: vec![],
        links: vec![],
    };
    for word in &words[9..] {
        if let Some(inside) = word.strip_prefix("event(").and_then(|w| w.strip_suffix(')')) {
            let inside = self::words(inside);
            let (name, at) = inside[0].split_once('@').unwrap();
            let (t_ns, attributes) = (out.start_ns + ms(at), pairs(&inside[1..]));
            out.events.push(SpanEvent { t_ns, name: name.into(), attributes });
        } else if let Some(inside) = word.strip_prefix("link(").and_then(|w| w.strip_suffix(')')) {
            let inside = self::words(inside);
            let (trace_id, span_id) = ids(&inside[0]);
            out.links.push(SpanLink { trace_id, span_id, attributes: pairs(&inside[1..]) });
        } else {
            let (key, v) = pair(word);
            match (key.as_str(), &v) {
                ("message", V::String(s)) => out.status_message = s.clone(),
                ("library", V::String(s)) => out.scope_name = s.clone(),
                ("version", V::String(s)) => out.scope_version = s.clone(),
                _ => match (key.strip_prefix("resource."), key.strip_prefix("scope.")) {
                    (Some(key), _) => out.resource.push((key.into(), v)),
                    (_, Some(key)) => out.scope_attributes.push((key.into(), v)),
                    _ => out.attributes.push((key, v)),
                },
            }
        }
    }
    out
}

/// By id; spans in order of start.
pub fn traces(lines: &str) -> Vec<Trace> {
    let mut traces: BTreeMap<TraceId, Vec<Span>> = BTreeMap::new();
    for line in lines.lines() {
        let span = span(line);
        traces.entry(span.trace_id).or_default().push(span);
    }
    let sorted = |(trace_id, mut spans): (TraceId, Vec<Span>)| {
        spans.sort_by_key(|s| s.start_ns);
        Trace { trace_id, spans }
    };
    traces.into_iter().map(sorted).collect()
}
