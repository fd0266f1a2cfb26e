//! What a span costs, and what searches take: a million spans of a shop's traces, written as a collector sends them
//! (512 a push) by 1, 4 and 16 appenders: `cargo run --release -p console-tracestore --example trace_cost`.
//! An argument is the number of spans.

use std::{
    fs,
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use console_model::{
    TimeRange,
    span::{AttributeValue as V, Span, SpanId, SpanKind, SpanStatus, TraceId},
};
use console_storage::traces::{
    AttributeScope as Scope, ConditionOp as Op, SpanAppender, SpanCondition, SpanReader,
};
use console_tracestore::{TraceStore, TraceStoreConfig};

const NOW_MS: i64 = 1_700_000_000_000;
const SPANS_A_TRACE: u64 = 10;
const SPANS_A_PUSH: usize = 512;

fn mix(n: u64) -> u64 {
    let n = (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (n ^ (n >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) ^ n
}

fn trace_id(trace: u64) -> TraceId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&mix(trace).to_be_bytes());
    id[8..].copy_from_slice(&mix(!trace).to_be_bytes());
    TraceId(id)
}

/// Span `n` of a trace: who calls whom is a chain of five services.
fn span(trace: u64, n: u64, traces: u64) -> Span {
    let noise = mix(trace * SPANS_A_TRACE + n);
    let service = ["storefront", "orders", "payments", "inventory", "postgres"][(n % 5) as usize];
    let failed = noise.is_multiple_of(200);
    let text = |s: &str| V::String(s.to_owned());
    let mut attributes = vec![
        ("http.request.method".to_owned(), text(["GET", "POST"][(noise % 2) as usize])),
        ("http.route".to_owned(), V::String(format!("/api/v1/things/{}", noise % 40))),
        ("http.response.status_code".to_owned(), V::Int(if failed { 500 } else { 200 })),
        ("server.address".to_owned(), V::String(format!("10.0.{}.{}", noise % 4, noise % 60))),
        ("network.peer.port".to_owned(), V::Int((32_768 + noise % 28_000) as i64)),
        ("thread.id".to_owned(), V::Int((noise % 64) as i64)),
    ];
    if n == 0 {
        attributes.push(("user.id".to_owned(), V::String(format!("u-{:08x}", mix(trace) as u32))));
    }
    let offset_ms = (trace * 3_600_000 / traces) as i64;
    Span {
        trace_id: trace_id(trace),
        span_id: SpanId(mix(noise).to_be_bytes()),
        parent_span_id: (n > 0).then(|| SpanId(mix(mix(trace * SPANS_A_TRACE + n - 1)).to_be_bytes())),
        service: service.to_owned(),
        name: format!("{service} operation {}", noise % 12),
        kind: if n.is_multiple_of(2) { SpanKind::Server } else { SpanKind::Client },
        start_ns: (NOW_MS - 3_600_000 + offset_ms) * 1_000_000 + (n * 1_000_000 + noise % 900_000) as i64,
        duration_ns: if noise.is_multiple_of(997) {
            400_000_000
        } else {
            1_000_000 + (noise % 40_000_000) as i64
        },
        status: if failed { SpanStatus::Error } else { SpanStatus::Unset },
        status_message: if failed { "the upstream did not answer".to_owned() } else { String::new() },
        attributes,
        resource: vec![
            ("service.name".to_owned(), text(service)),
            ("service.version".to_owned(), text("1.42.0")),
            ("deployment.environment.name".to_owned(), text("production")),
            ("k8s.pod.name".to_owned(), V::String(format!("{service}-7d9f8b6c5-{}", trace % 6))),
        ],
        scope_name: "shop".to_owned(),
        scope_version: "0.3.0".to_owned(),
        scope_attributes: vec![],
        events: vec![],
        links: vec![],
    }
}

/// Time of all threads of the process on a processor.
fn on_cpu() -> Duration {
    let ticks = |line: &str| {
        let fields: Vec<&str> = line.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let tick = |n: usize| fields.get(n).and_then(|f| f.parse::<u64>().ok()).unwrap_or(0);
        tick(11) + tick(12)
    };
    Duration::from_millis(10 * ticks(&fs::read_to_string("/proc/self/stat").unwrap_or_default()))
}

fn memory_mb(field: &str) -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find(|l| l.starts_with(field)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// Pushes numbered by `next`, until there is none left.
fn pushes(next: &AtomicU64, traces: u64) -> impl Iterator<Item = Vec<Span>> {
    const TRACES: u64 = SPANS_A_PUSH as u64 / SPANS_A_TRACE;
    std::iter::from_fn(move || {
        let from = next.fetch_add(TRACES, Ordering::Relaxed);
        (from < traces).then(|| {
            let all = from..traces.min(from + TRACES);
            all.flat_map(|t| (0..SPANS_A_TRACE).map(move |n| span(t, n, traces))).collect()
        })
    })
}

/// Time of this thread on a processor.
fn own_cpu() -> Duration {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split_whitespace().next().and_then(|ns| ns.parse().ok()).unwrap_or(0))
}

/// Pushes everything; answers time on a processor inside of `append`, and of the whole thread.
fn push_all(store: &TraceStore, next: &AtomicU64, traces: u64) -> (Duration, Duration) {
    let mut inside = Duration::ZERO;
    for push in pushes(next, traces) {
        let mut push = Some(push);
        while let Some(spans) = push.take() {
            let again = spans.clone();
            let begun = own_cpu();
            let done = store.append(spans);
            inside += own_cpu().saturating_sub(begun);
            if let Err(error) = done {
                eprintln!("again: {error}");
                std::thread::sleep(Duration::from_millis(200));
                push = Some(again);
            }
        }
    }
    (inside, own_cpu())
}

fn write(store: &TraceStore, appenders: usize, traces: u64) {
    let (begun, clock) = (on_cpu(), Instant::now());
    let next = AtomicU64::new(0);
    let spent: Vec<(Duration, Duration)> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..appenders).map(|_| scope.spawn(|| push_all(store, &next, traces))).collect();
        all.into_iter().filter_map(|a| a.join().ok()).collect()
    });
    let took = clock.elapsed();
    let (inside, threads): (Duration, Duration) =
        spent.iter().fold(Default::default(), |(a, b), (c, d)| (a + *c, b + *d));
    // Threads of the store have what is left of the process.
    let behind = on_cpu().saturating_sub(begun + threads);
    let spans = (traces * SPANS_A_TRACE) as f64;
    println!(
        "{appenders} appenders: {:.0} spans a CPU-second ({:.2} µs to take one, {:.2} µs behind), {took:?} by the clock, \
         {} MB resident",
        spans / (inside + behind).as_secs_f64().max(0.01),
        inside.as_secs_f64() * 1e6 / spans,
        behind.as_secs_f64() * 1e6 / spans,
        memory_mb("VmRSS:")
    );
}

fn search(store: &TraceStore, name: &str, conditions: Vec<SpanCondition>) {
    let range = TimeRange { start_ms: NOW_MS - 4_000_000, end_ms: NOW_MS + 1 };
    for round in ["first", "again"] {
        let begun = Instant::now();
        let mut found = 0;
        let done = store.scan_matching(range, std::slice::from_ref(&conditions), &mut |_| {
            found += 1;
            if found == 20 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        println!(
            "{name}, {round}: {found} traces in {:?} {}",
            begun.elapsed(),
            if done.is_ok() { "" } else { "FAILED" }
        );
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let spans: u64 = std::env::args().nth(1).map_or(Ok(1_000_000), |n| n.parse())?;
    let traces = spans / SPANS_A_TRACE;
    for appenders in [1, 4, 16] {
        let dir = tempfile::tempdir()?;
        let config = TraceStoreConfig { clock: Arc::new(|| NOW_MS), ..TraceStoreConfig::new(dir.path()) };
        let store = TraceStore::open(config)?;
        write(&store, appenders, traces);
        if appenders > 1 {
            continue;
        }
        store.flush()?;
        store.maintain(NOW_MS);
        let stats = store.stats();
        let bytes = stats.part_bytes as f64 / (traces * SPANS_A_TRACE) as f64;
        println!("{} spans in {} parts, {bytes:.1} bytes a span", stats.spans, stats.parts);
        let mut times: Vec<Duration> = (0..101)
            .map(|n| {
                let begun = Instant::now();
                let trace = store.trace(trace_id(n * traces / 101));
                assert!(trace.is_ok_and(|t| t.is_some_and(|t| t.spans.len() == SPANS_A_TRACE as usize)));
                begun.elapsed()
            })
            .collect();
        times.sort_unstable();
        println!("by id: {:?} at the median, {:?} at most", times[50], times[100]);
        let of =
            |scope, name: &str, op, value| SpanCondition { scope: Some(scope), name: name.into(), op, value };
        let text = |s: &str| Some(V::String(s.to_owned()));
        let service = || of(Scope::Resource, "service.name", Op::Equal, text("payments"));
        search(
            &store,
            "service and error",
            vec![service(), of(Scope::Intrinsic, "status", Op::Equal, text("error"))],
        );
        search(
            &store,
            "longer than 300 ms",
            vec![of(Scope::Intrinsic, "duration", Op::Greater, Some(V::Int(300_000_000)))],
        );
        search(
            &store,
            "two attributes that never meet",
            vec![
                of(Scope::Span, "http.route", Op::Equal, text("/api/v1/things/7")),
                of(Scope::Span, "http.response.status_code", Op::Equal, Some(V::Int(404))),
            ],
        );
        search(
            &store,
            "two attributes, nothing skipped",
            vec![
                of(Scope::Span, "http.route", Op::Equal, text("/api/v1/things/7")),
                of(Scope::Span, "thread.id", Op::Greater, Some(V::Int(63))),
            ],
        );
        search(
            &store,
            "an attribute that no span has",
            vec![of(Scope::Span, "no.such.key", Op::Exists, None)],
        );
        let user = format!("u-{:08x}", mix(traces / 3) as u32);
        search(&store, "one user", vec![of(Scope::Span, "user.id", Op::Equal, text(&user))]);
        let range = TimeRange { start_ms: NOW_MS - 4_000_000, end_ms: NOW_MS + 1 };
        let begun = Instant::now();
        let values = store.tag_values(Some(Scope::Span), "http.route", range, 1000)?.len();
        println!("values of a tag: {values} in {:?}", begun.elapsed());
        let (begun, mut all) = (Instant::now(), 0);
        store.scan(range, None, &mut |t| {
            all += t.spans.len();
            ControlFlow::Continue(())
        })?;
        println!("every trace: {all} spans in {:?}", begun.elapsed());
        println!("{} MB resident, {} MB at most", memory_mb("VmRSS:"), memory_mb("VmHWM:"));
    }
    Ok(())
}
