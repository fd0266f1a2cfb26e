//! Random `kill -9` of a process that writes lines, over and over on one folder. After every kill each acknowledged batch is
//! there, wholly and once: `cargo run --release -p console-logstore --example crash_logs -- 200`.

use std::{
    collections::BTreeMap,
    error::Error,
    io::{BufRead as _, BufReader, Write as _},
    ops::ControlFlow,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use console_logstore::{LogStore, LogStoreConfig};
use console_model::{
    Labels,
    log::{Direction, LogEntry, LogStream},
};
use console_storage::logs::{LogAppender as _, LogReader as _};

/// Batch number 0 would lie here; one follows every millisecond.
const BASE_MS: i64 = 1_700_000_000_000;
const STREAMS: i64 = 7;
/// Batches after which a victim may be killed.
const MAX_BATCHES: u64 = 250;
/// Every so many rounds the kill comes by the clock, and so most of the time while the store opens.
const EARLY_EVERY: u64 = 8;
const EARLY_US: u64 = 20_000;

/// So small that flushes, merges and new segments never cease.
fn open(dir: &Path) -> Result<LogStore, Box<dyn Error>> {
    Ok(LogStore::open(LogStoreConfig {
        max_head_bytes: 60_000,
        segment_bytes: 6_000,
        min_free_bytes: 0,
        clock: Arc::new(|| BASE_MS + 600_000),
        ..LogStoreConfig::new(dir)
    })?)
}

fn batch(number: i64) -> Vec<LogStream> {
    let stream = |n: i64| LogStream {
        labels: Labels::from_pairs([("n", n.to_string())]),
        entries: vec![LogEntry {
            // Late ones among them.
            t_ns: (BASE_MS + number - number * n % 50) * 1_000_000,
            line: format!("batch {number} of stream {n}"),
            metadata: vec![("trace_id".to_owned(), format!("{:032x}", number * 7919))],
        }],
    };
    (0..STREAMS).map(stream).collect()
}

/// How many lines of each batch the store has.
fn found(store: &LogStore) -> Result<BTreeMap<i64, i64>, Box<dyn Error>> {
    let mut found = BTreeMap::new();
    store.scan(&[], i64::MIN, i64::MAX, Direction::Forward, &[], &mut |_, entry| {
        let number = entry.line.split(' ').nth(1).and_then(|n| n.parse().ok()).unwrap_or(-1);
        *found.entry(number).or_insert(0) += 1;
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

/// Writes batches until somebody kills this process; a line says which are acknowledged.
fn write(dir: &Path) -> Result<(), Box<dyn Error>> {
    let store = open(dir)?;
    let next = found(&store)?.last_key_value().map_or(1, |(newest, _)| newest + 1);
    for number in next.. {
        store.append(batch(number))?;
        writeln!(std::io::stdout(), "stored {number}")?;
        if number % 200 == 0 {
            store.maintain(BASE_MS + 600_000);
        }
    }
    Ok(())
}

fn kills(rounds: u64) -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let mut seed = 0x9e37_79b9_7f4a_7c15u64;
    let mut below = |n: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % n
    };
    let (mut acknowledged, mut slowest) = (0i64, Duration::ZERO);
    for round in 1..=rounds {
        let mut victim = Command::new(std::env::current_exe()?)
            .arg("write")
            .arg(dir.path())
            .stdout(Stdio::piped())
            .spawn()?;
        let answers = BufReader::new(victim.stdout.take().ok_or("no output")?);
        if round % EARLY_EVERY == 0 {
            std::thread::sleep(Duration::from_micros(below(EARLY_US)));
            victim.kill()?;
        }
        let until = 1 + below(MAX_BATCHES);
        for (n, line) in (1..).zip(answers.lines().map_while(Result::ok)) {
            // A line that the kill cut short says nothing.
            if let Some(number) = line.strip_prefix("stored ").and_then(|n| n.parse::<i64>().ok()) {
                acknowledged = acknowledged.max(number);
            }
            if n == until {
                victim.kill()?;
            }
        }
        victim.wait()?;
        let began = Instant::now();
        let store = open(dir.path())?;
        slowest = slowest.max(began.elapsed());
        let found = found(&store)?;
        for number in 1..=acknowledged {
            if found.get(&number) != Some(&STREAMS) {
                return Err(format!("round {round}: {:?} lines of batch {number}", found.get(&number)).into());
            }
        }
        // One that was cut off may be there, and then wholly.
        if let Some((number, lines)) = found.iter().find(|(_, lines)| **lines != STREAMS) {
            return Err(format!("round {round}: {lines} lines of batch {number}").into());
        }
        if store.stats().damaged_parts > 0 {
            return Err(format!("round {round}: a part is damaged").into());
        }
    }
    println!(
        "{rounds} kills: {acknowledged} acknowledged batches of {STREAMS} lines are there once; slowest open {} ms",
        slowest.as_millis()
    );
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["write", dir] => write(Path::new(dir)),
        [rounds] => kills(rounds.parse()?),
        _ => kills(200),
    }
}
