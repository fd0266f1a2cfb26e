//! Counts against counts made the long way.

use std::collections::BTreeMap;

use console_model::{
    Matcher,
    metric::is_stale_nan,
    span::{AttributeValue, Span, SpanKind, SpanStatus},
};
use console_storage::metrics::SeriesReader as _;
use prometheus::Registry;

use super::*;
use crate::testing::{MemoryAppender, span_at};

const START_MS: i64 = 1_700_000_000_000;

struct Bench {
    config: SpanMetricsConfig,
    generator: Generator,
    store: MemoryAppender,
    own: OwnMetrics,
}

impl Bench {
    fn new(config: SpanMetricsConfig) -> Self {
        assert_eq!(config.problems("c"), Vec::<String>::new());
        let own = OwnMetrics::register(&Registry::new()).unwrap();
        let generator = Generator::new(&config, own.clone(), START_MS);
        Self { config, generator, store: MemoryAppender::default(), own }
    }

    fn take(&mut self, spans: &[Span], after_ms: i64) {
        for batch in Batch::of(spans, &self.config) {
            self.generator.take(&batch, START_MS + after_ms);
        }
    }

    fn flush(&mut self, after_ms: i64) {
        self.generator.flush(&self.store, START_MS + after_ms);
    }

    fn last(&self, series: &str) -> f64 {
        self.store.last(series).unwrap_or_else(|| panic!("no {series}"))
    }
}

/// A span that ended just before the start.
fn at(trace: u64, id: u64, parent: Option<u64>, kind: SpanKind, service: &str) -> Span {
    Span { kind, service: service.to_owned(), ..span_at(trace, id, parent, START_MS) }
}

fn with(mut span: Span, attributes: &[(&str, &str)]) -> Span {
    let pair = |(k, v): &(&str, &str)| ((*k).to_owned(), AttributeValue::String((*v).to_owned()));
    span.attributes.extend(attributes.iter().map(pair));
    span
}

/// Numbers that look like chance (SplitMix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }

    fn shuffle<T>(&mut self, all: &mut [T]) {
        for n in (1..all.len()).rev() {
            all.swap(n, self.below(n as u64 + 1) as usize);
        }
    }
}

/// Traces of services that call each other, databases and a queue.
fn traces(chance: &mut Chance, n: u64) -> Vec<Span> {
    const SERVICES: [&str; 4] = ["edge", "orders", "stock", "mail"];
    let mut all = Vec::new();
    for trace in 1..=n {
        let mut id = 1;
        let mut open = vec![(1, 0usize)];
        all.push(at(trace, 1, None, SpanKind::Server, SERVICES[0]));
        for _ in 0..chance.below(6) {
            let (parent, service) = open[chance.below(open.len() as u64) as usize];
            id += 1;
            let other = chance.below(4) as usize;
            let call = id;
            match chance.below(5) {
                0 => all.push(with(
                    at(trace, call, Some(parent), SpanKind::Client, SERVICES[service]),
                    &[("db.system.name", "postgresql"), ("db.namespace", SERVICES[service])],
                )),
                1 => all.push(at(trace, call, Some(parent), SpanKind::Internal, SERVICES[service])),
                what => {
                    let (from, to) = if what == 2 {
                        (SpanKind::Producer, SpanKind::Consumer)
                    } else {
                        (SpanKind::Client, SpanKind::Server)
                    };
                    all.push(at(trace, call, Some(parent), from, SERVICES[service]));
                    // None: its spans are not sent. Two: it was called again, or many consume.
                    for _ in 0..chance.below(3) {
                        id += 1;
                        all.push(at(trace, id, Some(call), to, SERVICES[other]));
                        open.push((id, other));
                    }
                }
            }
        }
    }
    for span in &mut all {
        span.name = format!("op{}", chance.below(5));
        span.duration_ns = chance.below(4_000_000_000) as i64;
        span.start_ns = START_MS * 1_000_000 - span.duration_ns;
        span.status = [SpanStatus::Unset, SpanStatus::Ok, SpanStatus::Error][chance.below(3) as usize];
    }
    all
}

fn of_kind(span: &Span) -> (bool, bool) {
    let client = matches!(span.kind, SpanKind::Client | SpanKind::Producer);
    (client, matches!(span.kind, SpanKind::Server | SpanKind::Consumer))
}

/// Edges counted from whole traces: requests and failed ones by the labels that they print.
fn edges(all: &[Span]) -> BTreeMap<String, (f64, f64)> {
    let mut counts = BTreeMap::<String, (f64, f64)>::new();
    let mut count = |client: &str, server: &str, connection: &str, failed: bool| {
        let connection = match connection {
            "" => String::new(),
            other => format!("connection_type=\"{other}\", "),
        };
        // Labels print in order of their names.
        let (a, b) = (format!("client=\"{client}\", "), format!("server=\"{server}\""));
        let entry = counts.entry(format!("{{{a}{connection}{b}}}")).or_default();
        entry.0 += 1.0;
        entry.1 += f64::from(u8::from(failed));
    };
    let is_error = |s: &Span| s.status == SpanStatus::Error;
    for span in all {
        let (_, is_server) = of_kind(span);
        if let Some(AttributeValue::String(name)) = span.attribute("db.namespace") {
            count(&span.service, name, "database", is_error(span));
        } else if is_server {
            match span.parent_span_id {
                None => count("user", &span.service, "virtual_node", is_error(span)),
                Some(parent) => {
                    let client =
                        all.iter().find(|c| c.trace_id == span.trace_id && c.span_id == parent).unwrap();
                    let connection = if span.kind == SpanKind::Consumer { "messaging_system" } else { "" };
                    count(&client.service, &span.service, connection, is_error(span) || is_error(client));
                }
            }
        }
    }
    counts
}

#[test]
fn random_traces_in_random_batches_count_as_when_they_are_seen_whole() {
    for seed in 0..30 {
        let mut chance = Chance(seed);
        let all = traces(&mut chance, 60);
        // Some come twice, as senders repeat what was not answered.
        let mut sent = all.clone();
        sent.extend((0..20).map(|_| all[chance.below(all.len() as u64) as usize].clone()));
        chance.shuffle(&mut sent);
        let mut bench = Bench::new(SpanMetricsConfig::default());
        let mut rest = &sent[..];
        let mut after_ms = 0;
        while !rest.is_empty() {
            let (batch, later) = rest.split_at(rest.len().min(1 + chance.below(40) as usize));
            rest = later;
            bench.take(batch, after_ms);
            if chance.below(4) == 0 {
                bench.flush(after_ms);
            }
            // All within the time that one side waits for the other.
            after_ms += chance.below(100) as i64;
        }
        assert!(after_ms < 10_000);
        bench.flush(after_ms + 20_000);
        let values = bench.store.all();
        let last = |series: &str| *values.get(series).unwrap_or_else(|| panic!("no {series}"));

        let mut calls = BTreeMap::<String, (f64, f64, f64, f64)>::new();
        for span in &all {
            let kind = format!("{:?}", span.kind).to_uppercase();
            let status = format!("{:?}", span.status).to_uppercase();
            let key = format!(
                "{{service=\"{}\", span_kind=\"SPAN_KIND_{kind}\", span_name=\"{}\", status_code=\"STATUS_CODE_{status}\"}}",
                span.service, span.name
            );
            let entry = calls.entry(key).or_default();
            entry.0 += 1.0;
            entry.1 += crate::size::of(span) as f64;
            entry.2 += span.duration_ns as f64 / 1e9;
            entry.3 += f64::from(u8::from(span.duration_ns <= 512_000_000));
        }
        assert_eq!(bench.store.metric("traces_spanmetrics_calls_total").len(), calls.len());
        for (labels, (n, bytes, seconds, below)) in &calls {
            assert_eq!(last(&format!("traces_spanmetrics_calls_total{labels}")), *n, "{seed} {labels}");
            assert_eq!(last(&format!("traces_spanmetrics_size_total{labels}")), *bytes);
            assert_eq!(last(&format!("traces_spanmetrics_latency_count{labels}")), *n);
            assert!((last(&format!("traces_spanmetrics_latency_sum{labels}")) - seconds).abs() < 1e-6);
            let le = labels.replace("{service", "{le=\"0.512\", service");
            assert_eq!(last(&format!("traces_spanmetrics_latency_bucket{le}")), *below, "{seed} {le}");
        }
        let wanted = edges(&all);
        assert!(wanted.len() > 10, "the traces are not worth much: {wanted:?}");
        assert_eq!(bench.store.metric("traces_service_graph_request_total").len(), wanted.len());
        for (labels, (n, failed)) in &wanted {
            assert_eq!(last(&format!("traces_service_graph_request_total{labels}")), *n, "{seed} {labels}");
            assert_eq!(last(&format!("traces_service_graph_request_failed_total{labels}")), *failed);
            let virtual_client = labels.contains("client=\"user\"");
            let of_client = if virtual_client { 0.0 } else { *n };
            assert_eq!(
                last(&format!("traces_service_graph_request_client_seconds_count{labels}")),
                of_client
            );
            assert_eq!(last(&format!("traces_service_graph_request_server_seconds_count{labels}")), *n);
        }
        // Clients whose server never came: nothing says what they called.
        let is_alone = |c: &&Span| {
            of_kind(c).0
                && c.attributes.is_empty()
                && !all
                    .iter()
                    .any(|s| s.trace_id == c.trace_id && s.parent_span_id == Some(c.span_id) && of_kind(s).1)
        };
        let alone = all.iter().filter(is_alone).count();
        assert_eq!(bench.store.sum("traces_service_graph_unpaired_spans_total"), alone as f64, "{seed}");
        assert_eq!(bench.own.counted.get(), all.len() as u64);
        assert_eq!(bench.own.duplicate.get(), 20);
    }
}

const CALLS: &str = r#"traces_spanmetrics_calls_total{service="shop", span_kind="SPAN_KIND_INTERNAL", span_name="work", status_code="STATUS_CODE_UNSET"}"#;

fn work(id: u64) -> Span {
    at(1, id, None, SpanKind::Internal, "shop")
}

#[test]
fn counters_begin_at_zero_with_the_process_and_go_on_rising() {
    let mut bench = Bench::new(SpanMetricsConfig::default());
    bench.take(&[work(1), work(2)], 5_000);
    bench.flush(15_000);
    bench.take(&[work(3)], 16_000);
    bench.flush(30_000);
    let samples = |bench: &Bench| -> Vec<(i64, f64)> {
        bench.store.samples(CALLS).iter().map(|s| (s.t_ms - START_MS, s.v)).collect()
    };
    assert_eq!(samples(&bench), [(1, 0.0), (15_000, 2.0), (30_000, 3.0)]);
    // The process is another: counters begin anew, and a zero says so even where more was counted since than before.
    let store = std::mem::take(&mut bench.store);
    let mut next = Bench::new(SpanMetricsConfig::default());
    next.store = store;
    next.generator = Generator::new(&next.config, next.own.clone(), START_MS + 40_000);
    next.take(&[work(1), work(4), work(5), work(6), work(7)], 41_000);
    next.flush(55_000);
    assert_eq!(samples(&next)[3..], [(40_001, 0.0), (55_000, 5.0)]);
}

#[test]
fn a_clock_that_goes_back_writes_no_sample_before_another() {
    let mut bench = Bench::new(SpanMetricsConfig::default());
    bench.take(&[work(1)], 0);
    bench.flush(15_000);
    bench.take(&[work(2)], -100_000);
    bench.flush(-90_000);
    bench.flush(-75_000);
    bench.flush(30_000);
    let samples = bench.store.samples(CALLS);
    assert!(samples.windows(2).all(|w| w[0].t_ms < w[1].t_ms), "{samples:?}");
    assert_eq!(samples.last().map(|s| (s.t_ms, s.v)), Some((START_MS + 30_000, 2.0)));
}

#[test]
fn a_clock_that_was_a_day_ahead_does_not_stop_anything_for_a_day() {
    const DAY_MS: i64 = 86_400_000;
    let mut bench = Bench::new(SpanMetricsConfig::default());
    let ahead = |mut span: Span| {
        span.start_ns += DAY_MS * 1_000_000;
        span
    };
    bench.take(&[ahead(work(1)), ahead(at(3, 1, None, SpanKind::Client, "edge"))], DAY_MS);
    bench.flush(DAY_MS + 1_000);
    bench.take(&[work(2), at(2, 1, None, SpanKind::Client, "edge")], 2_000);
    bench.flush(17_000);
    let last = bench.store.samples(CALLS).last().map(|s| (s.t_ms - START_MS, s.v));
    assert_eq!(last, Some((17_000, 2.0)));
    assert_eq!(bench.last(r#"traces_service_graph_unpaired_spans_total{client="edge"}"#), 2.0);
    bench.flush(318_000);
    assert!(is_stale_nan(bench.last(CALLS)), "it ends five minutes later and not a day");
}

#[test]
fn an_idle_series_ends_and_begins_anew() {
    let mut bench = Bench::new(SpanMetricsConfig::default());
    bench.take(&[work(1)], 0);
    bench.flush(15_000);
    bench.flush(299_000);
    assert_eq!(bench.last(CALLS), 1.0);
    bench.flush(301_000);
    assert!(is_stale_nan(bench.last(CALLS)));
    let ended = bench.store.samples(CALLS).len();
    bench.flush(316_000);
    assert_eq!(bench.store.samples(CALLS).len(), ended, "it ended once");
    bench.take(&[work(2), work(3)], 317_000);
    bench.flush(331_000);
    let last: Vec<(i64, f64)> =
        bench.store.samples(CALLS)[ended..].iter().map(|s| (s.t_ms - START_MS, s.v)).collect();
    assert_eq!(last, [(316_001, 0.0), (331_000, 2.0)]);
}

#[test]
fn a_failed_write_loses_nothing() {
    let mut bench = Bench::new(SpanMetricsConfig::default());
    bench.store.set_failing(true);
    bench.take(&[work(1)], 0);
    bench.flush(15_000);
    bench.store.set_failing(false);
    bench.take(&[work(2)], 16_000);
    bench.flush(30_000);
    let samples: Vec<(i64, f64)> =
        bench.store.samples(CALLS).iter().map(|s| (s.t_ms - START_MS, s.v)).collect();
    assert_eq!(samples, [(1, 0.0), (30_000, 2.0)]);
    assert_eq!((bench.own.failed.get(), bench.own.written.get()), (1, 1));
}

#[test]
fn names_with_ids_in_them_become_one_name_and_make_room_when_they_end() {
    let config = SpanMetricsConfig { max_span_names: 3, ..SpanMetricsConfig::default() };
    let mut bench = Bench::new(config);
    let named =
        |id: u64, service: &str, name: String| Span { name, ..at(1, id, None, SpanKind::Internal, service) };
    let spans: Vec<Span> = (0..50).map(|n| named(n + 1, "shop", format!("GET /orders/{n}"))).collect();
    bench.take(&spans, 0);
    bench.take(&[named(90, "other", "GET /".to_owned())], 0);
    bench.flush(15_000);
    let calls = bench.store.metric("traces_spanmetrics_calls_total");
    assert_eq!(calls.len(), 3 + 1 + 1, "{calls:?}");
    let over = CALLS.replace("work", "__cardinality_overflow__");
    assert_eq!(bench.last(&over), 47.0);
    // All of them end, and others have their names.
    bench.flush(400_000);
    let span = Span { name: "GET /carts".to_owned(), ..span_at(1, 91, None, START_MS + 410_000) };
    bench.take(&[span], 410_000);
    bench.flush(415_000);
    assert_eq!(bench.last(&CALLS.replace("work", "GET /carts")), 1.0);
}

#[test]
fn series_have_a_bound_whatever_comes() {
    let config =
        SpanMetricsConfig { max_series: 500, max_span_names: 100_000, ..SpanMetricsConfig::default() };
    let (sets, edges) = (config.max_span_sets(), config.max_edges());
    let mut bench = Bench::new(config);
    let mut total = 0.0;
    for n in 0..300u64 {
        let mut server = at(n + 1, 1, None, SpanKind::Server, &format!("service{n}"));
        server.name = format!("op{n}");
        bench.take(&[server], 0);
        total += 1.0;
    }
    bench.flush(15_000);
    assert_eq!(bench.store.metric("traces_spanmetrics_calls_total").len(), sets + 1);
    assert_eq!(bench.store.metric("traces_service_graph_request_total").len(), edges + 1);
    assert_eq!(bench.store.sum("traces_spanmetrics_calls_total"), total, "all are counted somewhere");
    assert_eq!(bench.store.sum("traces_service_graph_request_total"), total);
    let over = bench.last(r#"traces_spanmetrics_calls_total{metric_overflow="true"}"#);
    assert_eq!(over, total - sets as f64);
    assert!(bench.store.series() <= 500 + 19 + 36, "{} series", bench.store.series());
}

#[test]
fn a_span_of_another_time_is_not_counted_and_clocks_that_differ_are_no_matter_to_pairs() {
    let mut bench = Bench::new(SpanMetricsConfig::default());
    for end_ms in [START_MS - 601_000, START_MS + 601_000, i64::MAX / 1_000_000] {
        bench.take(&[span_at(1, end_ms as u64, None, end_ms)], 0);
    }
    assert_eq!((bench.own.outside_slack.get(), bench.own.counted.get()), (3, 0));
    // The server's clock is eight minutes behind: it seems to answer before it is asked.
    let client = at(2, 1, None, SpanKind::Client, "edge");
    let mut server = at(2, 2, Some(1), SpanKind::Server, "orders");
    server.start_ns -= 480_000_000_000;
    bench.take(&[server, client], 0);
    bench.flush(15_000);
    let labels = r#"{client="edge", server="orders"}"#;
    assert_eq!(bench.last(&format!("traces_service_graph_request_total{labels}")), 1.0);
    assert_eq!(bench.last(&format!("traces_service_graph_request_server_seconds_sum{labels}")), 0.05);
}

#[test]
fn a_server_that_comes_too_late_leaves_both_sides_unpaired() {
    let mut bench = Bench::new(SpanMetricsConfig::default());
    bench.take(&[at(1, 1, None, SpanKind::Client, "edge")], 0);
    bench.take(&[at(1, 2, Some(1), SpanKind::Server, "orders")], 9_999);
    bench.take(&[at(2, 1, None, SpanKind::Client, "edge")], 10_000);
    bench.take(&[at(2, 2, Some(1), SpanKind::Server, "orders")], 20_000);
    bench.flush(31_000);
    assert_eq!(bench.last(r#"traces_service_graph_request_total{client="edge", server="orders"}"#), 1.0);
    assert_eq!(bench.last(r#"traces_service_graph_unpaired_spans_total{client="edge"}"#), 1.0);
    assert_eq!(bench.last(r#"traces_service_graph_unpaired_spans_total{server="orders"}"#), 1.0);
}

#[test]
fn what_is_not_traced_is_a_node_by_its_attributes() {
    let mut bench = Bench::new(SpanMetricsConfig::default());
    let stripe = with(at(1, 1, None, SpanKind::Client, "payments"), &[("peer.service", "stripe")]);
    let known = with(at(1, 2, None, SpanKind::Client, "edge"), &[("peer.service", "the-orders")]);
    let server = at(1, 3, Some(2), SpanKind::Server, "orders");
    let producer = with(at(1, 4, None, SpanKind::Producer, "orders"), &[("messaging.system", "kafka")]);
    let consumer = with(at(1, 5, Some(99), SpanKind::Consumer, "mail"), &[("messaging.system", "redis")]);
    bench.take(&[stripe, known, server, producer, consumer], 0);
    bench.flush(15_000);
    let requests = bench.store.metric("traces_service_graph_request_total");
    let wanted = [
        r#"{client="edge", server="orders"}"#,
        r#"{client="orders", connection_type="messaging_system", server="kafka"}"#,
        r#"{client="payments", connection_type="virtual_node", server="stripe"}"#,
        r#"{client="redis", connection_type="messaging_system", server="mail"}"#,
    ];
    let got: Vec<&str> = requests.keys().map(|k| &k["traces_service_graph_request_total".len()..]).collect();
    assert_eq!(got, wanted);
    let seconds =
        |side: &str| bench.last(&format!("traces_service_graph_request_{side}_seconds_count{}", wanted[2]));
    assert_eq!((seconds("client"), seconds("server")), (1.0, 0.0), "nobody saw the other side");
    assert_eq!(bench.store.sum("traces_service_graph_unpaired_spans_total"), 0.0);
}

#[test]
fn sides_that_find_no_room_are_counted_as_dropped() {
    let mut bench = Bench::new(SpanMetricsConfig { max_waiting: 3, ..SpanMetricsConfig::default() });
    let clients: Vec<Span> = (1..=8).map(|n| at(n, 1, None, SpanKind::Client, "edge")).collect();
    bench.take(&clients, 0);
    bench.flush(15_000);
    assert_eq!(bench.last(r#"traces_service_graph_dropped_spans_total{client="edge"}"#), 5.0);
    assert_eq!(bench.last(r#"traces_service_graph_unpaired_spans_total{client="edge"}"#), 3.0);
}

#[test]
fn buckets_have_exemplars_of_traces_and_the_store_takes_them() {
    let dir = tempfile::tempdir().unwrap();
    let now_ms = crate::testing::now_ms();
    let store = console_tsdb::Tsdb::open(console_tsdb::TsdbConfig::new(dir.path())).unwrap();
    let config =
        SpanMetricsConfig { dimensions: vec!["http.route".to_owned()], ..SpanMetricsConfig::default() };
    let own = OwnMetrics::register(&Registry::new()).unwrap();
    let mut generator = Generator::new(&config, own.clone(), now_ms - 20_000);
    let span = with(span_at(7, 1, None, now_ms - 10_000), &[("http.route", "/orders/{id}")]);
    for batch in Batch::of(&[span], &config) {
        generator.take(&batch, now_ms - 9_000);
    }
    generator.flush(&store, now_ms - 5_000);
    generator.flush(&store, now_ms);
    assert_eq!((own.written.get(), own.rejected.get()), (2, 0));
    let matchers = vec![
        Matcher::equal("__name__", "traces_spanmetrics_latency_bucket"),
        Matcher::equal("http_route", "/orders/{id}"),
    ];
    let series = store.select(&matchers, now_ms - 30_000, now_ms, 1_000).unwrap();
    assert_eq!(series.len(), 15);
    assert!(series.iter().all(|s| s.samples.len() == 3 && s.samples[0].v == 0.0), "{series:?}");
    let exemplars = store.exemplars(&[matchers], now_ms - 30_000, now_ms).unwrap();
    assert_eq!(exemplars.len(), 1, "{exemplars:?}");
    assert_eq!(exemplars[0].labels.get("le"), Some("0.064"));
    let exemplar = &exemplars[0].exemplars[..];
    assert_eq!(exemplar.len(), 1);
    assert_eq!(exemplar[0].labels.get("trace_id"), Some("00000000000000000000000000000007"));
    assert_eq!((exemplar[0].value, exemplar[0].t_ms), (0.05, now_ms - 9_000));
}
