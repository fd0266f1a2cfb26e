//! Damaged inputs from a fixed random sequence, for every target. `FUZZ_N` in the environment sets the number of
//! inputs a target.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    time::{Duration, Instant},
};

use console_fuzzing::{find, mutate::Mutator, rng::Rng};

/// No input may take longer, on a busy machine too; what a query costs is bounded by its limits.
const SLOWEST: Duration = Duration::from_secs(10);
/// Memory of the whole test process at its peak.
const MAX_MEMORY_KB: u64 = 1 << 20;

fn run(name: &str) {
    let target = find(name).unwrap();
    let inputs = std::env::var_os("FUZZ_N").map_or(target.inputs, |n| n.to_str().unwrap().parse().unwrap());
    let seeds = (target.seeds)();
    let rng = Rng::new(name.bytes().fold(17, |h: u64, b| h.wrapping_mul(31) + u64::from(b)));
    let mut mutator = Mutator { rng, seeds: &seeds, words: target.words, max_bytes: target.max_bytes };
    let mut slowest = Duration::ZERO;
    let mutated = std::iter::repeat_with(|| mutator.next_input()).take(inputs);
    for input in seeds.iter().cloned().chain(mutated) {
        let begun = Instant::now();
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (target.body)(&input))) {
            println!("{name}: b\"{}\"", input.escape_ascii());
            resume_unwind(panic);
        }
        let took = begun.elapsed();
        assert!(took < SLOWEST, "{name}: {took:?} for b\"{}\"", input.escape_ascii());
        slowest = slowest.max(took);
    }
    println!("{name}: {} seeds, {inputs} inputs, slowest {slowest:?}", seeds.len());
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|l| l.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    let peak: u64 = peak.map_or(0, |kb| kb.parse().unwrap());
    assert!(peak < MAX_MEMORY_KB, "{name}: {peak} kB");
}

macro_rules! survives {
    ($($name:ident),*) => {
        $(#[test]
        fn $name() {
            run(stringify!($name));
        })*

        #[test]
        fn every_target_is_run() {
            let run: Vec<&str> = vec![$(stringify!($name)),*];
            let all: Vec<&str> = console_fuzzing::TARGETS.iter().map(|t| t.name).collect();
            assert_eq!(run, all);
        }
    };
}

survives!(
    exposition,
    exposition_protobuf,
    remote_write_v1,
    remote_write_v2,
    otlp_metrics,
    otlp_logs,
    otlp_traces,
    loki_push,
    elasticsearch_bulk,
    forward_message,
    syslog_message,
    zipkin_spans,
    promql_parse,
    promql_eval,
    logql_parse,
    logql_eval,
    traceql_parse,
    traceql_eval,
    wal_record,
    wal_segment,
    tsdb_block,
    tsdb_append
);
