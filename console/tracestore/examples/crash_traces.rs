//! Random `kill -9` of a process that writes, 200 times: every acknowledged push is there, and no span twice.
//! `cargo run --release -p console-tracestore --example crash_traces [rounds]`.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use console_model::span::{AttributeValue, Span, SpanId, TraceId};
use console_storage::traces::{SpanAppender, SpanReader};
use console_tracestore::{TraceStore, TraceStoreConfig};

const NOW_MS: i64 = 1_700_000_000_000;
const SPANS: u64 = 20;

fn trace_id(push: u64) -> TraceId {
    TraceId((u128::from(push) << 64 | u128::from(push)).to_be_bytes())
}

fn span(push: u64, n: u64) -> Span {
    let service = ["a", "b"][(n % 2) as usize].to_owned();
    Span {
        trace_id: trace_id(push),
        span_id: SpanId(n.to_be_bytes()),
        parent_span_id: None,
        service: service.clone(),
        name: format!("operation {}", n % 3),
        kind: console_model::span::SpanKind::Server,
        start_ns: (NOW_MS - 1000) * 1_000_000 + n as i64,
        duration_ns: 1000,
        status: console_model::span::SpanStatus::Unset,
        status_message: String::new(),
        attributes: vec![("push".into(), AttributeValue::Int(push as i64))],
        resource: vec![("service.name".into(), AttributeValue::String(service))],
        scope_name: String::new(),
        scope_version: String::new(),
        scope_attributes: vec![],
        events: vec![],
        links: vec![],
    }
}

fn open(dir: &Path) -> Result<TraceStore, Box<dyn std::error::Error>> {
    let config = TraceStoreConfig {
        clock: Arc::new(|| NOW_MS),
        // Parts are written, merged and cut from the log all the time.
        max_head_bytes: 128 << 10,
        segment_bytes: 32 << 10,
        ..TraceStoreConfig::new(dir)
    };
    Ok(TraceStore::open(config)?)
}

fn victim(dir: &Path, first: u64) -> Result<(), Box<dyn std::error::Error>> {
    let store = open(dir)?;
    for push in first.. {
        // Half of a trace comes later: it is joined in parts.
        store.append((1..=SPANS / 2).map(|n| span(push, n)).collect())?;
        if push > first + 5 {
            store.append((SPANS / 2 + 1..=SPANS).map(|n| span(push - 5, n)).collect())?;
            println!("{}", push - 5);
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, word, dir, first] = arguments.as_slice()
        && word == "victim"
    {
        return victim(Path::new(dir), first.parse()?);
    }
    let rounds: u64 = arguments.get(1).map_or(Ok(200), |n| n.parse())?;
    let dir = tempfile::tempdir()?;
    let (mut next, mut chosen, mut acknowledged) = (1u64, 88_172_645_463_325_252u64, Vec::new());
    for round in 1..=rounds {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["victim", &dir.path().display().to_string(), &next.to_string()])
            .stdout(Stdio::piped())
            .spawn()?;
        let lines = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
        chosen ^= chosen << 13;
        chosen ^= chosen >> 7;
        chosen ^= chosen << 17;
        let (kill_after, pause) = (1 + chosen % 60, Duration::from_micros(chosen >> 32 & 0x3fff));
        let mut seen = 0;
        for line in lines.map_while(Result::ok) {
            let push: u64 = line.parse()?;
            acknowledged.push(push);
            next = push + 100;
            seen += 1;
            if seen == kill_after {
                std::thread::sleep(pause);
                child.kill()?;
            }
        }
        child.wait()?;
        assert!(seen >= kill_after, "round {round}: the victim ended by itself");
        let store = open(dir.path())?;
        let from = if round % 20 == 0 { 0 } else { acknowledged.len().saturating_sub(300) };
        for push in &acknowledged[from..] {
            let spans = store.trace(trace_id(*push))?.map_or(0, |t| t.spans.len() as u64);
            assert_eq!(spans, SPANS, "round {round}: push {push}");
        }
        assert_eq!(store.stats().damaged_parts, 0);
    }
    println!(
        "{rounds} kills, {} acknowledged pushes of {SPANS} spans: all there, none twice",
        acknowledged.len()
    );
    Ok(())
}
