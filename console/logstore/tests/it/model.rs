//! Random work on the store against a list of lines: every reading gives what the list has, once.

use std::{collections::BTreeMap, collections::BTreeSet, ops::ControlFlow, path::Path, sync::Mutex};

use console_logstore::{LogStore, LogStoreConfig};
use console_model::{
    Labels, MatchOp, Matcher,
    log::{Direction, LogEntry, LogStream},
};
use console_storage::logs::{LogAppender, LogReader, Windows};

use crate::{DAY_NS, NOW_MS, NOW_NS, Random, config};

type Row = (Labels, i64, String, Vec<(String, String)>);

fn row(labels: &Labels, entry: &LogEntry) -> Row {
    (labels.clone(), entry.t_ns, entry.line.clone(), entry.metadata.clone())
}

fn pushed(random: &mut Random) -> Vec<LogStream> {
    let streams = 1 + random.below(4);
    let stream = |random: &mut Random| {
        let service = random.below(5).to_string();
        let near = random.below(3) * 20 + random.below(2);
        let entries = (0..=random.below(40))
            .map(|_| {
                // Coarse times, so that many lines share one.
                let age_ns = near as i64 * DAY_NS / 24 + random.below(60) as i64 * 1_000_000_000;
                let metadata = match random.below(3) {
                    0 => vec![("pod".to_owned(), random.below(3).to_string())],
                    1 => vec![],
                    _ => vec![
                        ("trace".to_owned(), format!("{:032x}", random.below(1000))),
                        ("u".to_owned(), "ä".to_owned()),
                    ],
                };
                let line = match random.below(4) {
                    0 => format!("GET /orders/{} 200", random.below(5)),
                    1 => format!("paid id=4bf92f3577b34da6a3ce929d0e0e{:04x} ok", random.below(40)),
                    2 => "é".repeat(random.below(4) as usize),
                    _ => format!("retry {} of job", random.below(3)),
                };
                LogEntry { t_ns: NOW_NS - age_ns, line, metadata }
            })
            .collect();
        LogStream { labels: Labels::from_pairs([("service_name", service)]), entries }
    };
    (0..streams).map(|_| stream(random)).collect()
}

fn small(dir: &Path) -> LogStoreConfig {
    LogStoreConfig { max_head_bytes: 60_000, segment_bytes: 4_000, ..config(dir) }
}

/// Compares every way of reading with the list.
fn check(store: &LogStore, model: &BTreeSet<Row>, random: &mut Random) {
    let start = NOW_NS - 4 * DAY_NS + random.below(3) as i64 * DAY_NS + 30_000_000_000;
    let end = start + random.below(5) as i64 * DAY_NS;
    let matchers = match random.below(3) {
        0 => vec![],
        1 => vec![Matcher::equal("service_name", "2")],
        _ => vec![Matcher { name: "service_name".into(), op: MatchOp::Regex, value: "[0-2]".into() }],
    };
    let hints: Vec<String> = match random.below(5) {
        0 => vec![format!("4bf92f3577b34da6a3ce929d0e0e{:04x}", random.below(50))],
        1 => vec!["id=4bf92f3577b34da6".into(), " ok".into()],
        2 => vec!["ders/3 2".into()],
        3 => vec![String::new(), "é".into()],
        _ => vec![],
    };
    let is_asked = |labels: &Labels, t_ns: i64| {
        let service = labels.get("service_name").unwrap();
        let matches = matchers.is_empty()
            || if matchers.len() == 1 && matchers[0].op == MatchOp::Equal {
                service == "2"
            } else {
                service < "3"
            };
        matches && t_ns >= start && t_ns < end
    };
    let wanted = |row: &&Row| is_asked(&row.0, row.1) && hints.iter().all(|h| row.2.contains(h.as_str()));
    let expected: Vec<Row> = model.iter().filter(wanted).cloned().collect();
    let has_hints = |e: &str| hints.iter().all(|h| e.contains(h.as_str()));

    for direction in [Direction::Forward, Direction::Backward] {
        let (mut found, mut times) = (Vec::new(), Vec::new());
        store
            .scan(&matchers, start, end, direction, &hints, &mut |labels, entry| {
                times.push(entry.t_ns);
                if has_hints(&entry.line) {
                    found.push(row(labels, entry));
                }
                ControlFlow::Continue(())
            })
            .unwrap();
        match direction {
            Direction::Forward => assert!(times.is_sorted()),
            Direction::Backward => assert!(times.is_sorted_by(|a, b| a >= b)),
        }
        found.sort();
        assert_eq!(found, expected, "{direction:?}");
    }

    let found: Mutex<Vec<Row>> = Mutex::new(Vec::new());
    store
        .scan_unordered(&matchers, start, end, &hints, &|labels, lines| {
            let mut found = found.lock().unwrap();
            for l in lines.iter().filter(|l| has_hints(l.line)) {
                let metadata = l.metadata.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
                found.push((labels.clone(), l.t_ns, l.line.to_owned(), metadata));
            }
            ControlFlow::Continue(())
        })
        .unwrap();
    let mut found = found.into_inner().unwrap();
    found.sort();
    assert_eq!(found, expected, "unordered");

    let step_ns = [7_000_000_000, 3_600_000_000_000, DAY_NS][random.below(3) as usize];
    let windows = Windows { start_ns: start, step_ns, count: 1 + random.below(100) as usize };
    let mut sums: BTreeMap<Labels, (Vec<u64>, Vec<u64>)> = BTreeMap::new();
    for (labels, t_ns, line, _) in model {
        let matches = is_asked(labels, start) || start == end && matchers.is_empty();
        let Some(place) = windows.place(*t_ns).filter(|_| matches) else { continue };
        let empty = || (vec![0; windows.count], vec![0; windows.count]);
        let (n, bytes) = sums.entry(labels.clone()).or_insert_with(empty);
        n[place] += 1;
        bytes[place] += line.len() as u64;
    }
    if end > start {
        let found = store.volumes(&matchers, windows).unwrap();
        let found: BTreeMap<_, _> = found.into_iter().map(|v| (v.labels, (v.entries, v.bytes))).collect();
        assert_eq!(found, sums, "volumes of {windows:?}");
    }
}

#[test]
fn every_reading_gives_what_was_pushed_once_whatever_happens_between() {
    for seed in 0..40 {
        let mut random = Random(seed * 7919 + 1);
        let dir = tempfile::tempdir().unwrap();
        let mut store = LogStore::open(small(dir.path())).unwrap();
        let mut model: BTreeSet<Row> = BTreeSet::new();
        let mut pushes: Vec<Vec<LogStream>> = Vec::new();
        for _ in 0..40 {
            match random.below(10) {
                0..=4 => {
                    let push = pushed(&mut random);
                    model.extend(push.iter().flat_map(|s| s.entries.iter().map(|e| row(&s.labels, e))));
                    store.append(push.clone()).unwrap();
                    pushes.push(push);
                }
                5 if !pushes.is_empty() => {
                    let again = pushes[random.below(pushes.len() as u64) as usize].clone();
                    store.append(again).unwrap();
                }
                6 => store.flush().unwrap(),
                7 => store.maintain(NOW_MS),
                8 => {
                    drop(store);
                    store = LogStore::open(small(dir.path())).unwrap();
                }
                _ => {}
            }
            check(&store, &model, &mut random);
        }
        store.flush().unwrap();
        store.maintain(NOW_MS + 2 * DAY_NS / 1_000_000);
        check(&store, &model, &mut random);
        // A merge leaves no line twice: all old stretches of time are one part now, or a few of different sizes.
        let stats = store.stats();
        assert!(stats.damaged_parts == 0 && stats.entries >= model.len() as u64, "{stats:?}");
    }
}

#[test]
fn parts_are_merged_and_the_same_line_of_several_is_there_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = LogStore::open(config(dir.path())).unwrap();
    for _ in 0..8 {
        store.append(vec![crate::stream("a", &[(50, "1"), (40, "2")])]).unwrap();
        store.flush().unwrap();
    }
    let before = store.stats();
    assert_eq!((before.parts, before.entries, crate::everything(&store).len()), (8, 16, 2));
    store.maintain(NOW_MS);
    let after = store.stats();
    assert_eq!((after.parts, after.entries, after.streams), (1, 2, 1));
    drop(store);
    assert_eq!(crate::everything(&LogStore::open(config(dir.path())).unwrap()), ["1", "2"]);
}
