use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::body::{Body, Bytes};
use console_export::{Endpoint, ExportError, Pace, Plan, Position, run};
use tempfile::TempDir;

use super::backend::{Backend, Fault};

const SECOND: i64 = 1_000_000_000;
const START: i64 = 1_764_547_200 * SECOND;
const PACE: Pace = Pace { timeout: Duration::from_secs(20), give_up_after: Duration::from_secs(20) };

struct Copy {
    source: Backend,
    target: Backend,
    plan: Plan,
    _dir: TempDir,
}

impl Copy {
    async fn new() -> Self {
        let (source, target) = (Backend::default(), Backend::default());
        let dir = tempfile::tempdir().unwrap();
        let to =
            Endpoint::new(&target.serve().await, Some("secret".into()), Some("ops".into()), PACE).unwrap();
        let plan = Plan {
            from: Endpoint::new(&format!("{}/", source.serve().await), None, None, PACE).unwrap(),
            logs_to: Some(to.clone()),
            traces_to: Some(to),
            start_ns: START,
            end_ns: START + 3 * 24 * 3600 * SECOND,
            selector: r#"{app="shop"}"#.to_owned(),
            search: "{}".to_owned(),
            journal: dir.path().join("export.json"),
        };
        Self { source, target, plan, _dir: dir }
    }

    /// Twelve thousand lines, of which some hundred share each instant, and as many traces.
    async fn fill(&self) {
        let mut held = self.source.held.lock().await;
        for i in 0..12_000_i64 {
            held.lines.push((START + i / 300 * SECOND, format!("line {i}")));
            held.traces.push((format!("{i:032x}"), START + i / 300 * SECOND + i));
        }
        held.lines.push((START - 1, "before".to_owned()));
        held.lines.push((self.plan.end_ns, "after".to_owned()));
        held.traces.push((format!("{:032x}", 77_777), self.plan.end_ns + 5 * SECOND));
    }

    async fn assert_is_whole(&self) {
        let (source, target) = (self.source.held.lock().await, self.target.held.lock().await);
        let inside = |t: i64| (self.plan.start_ns..self.plan.end_ns).contains(&t);
        let sorted = |mut all: Vec<(i64, String)>| {
            all.sort();
            all
        };
        let wanted = source.lines.iter().filter(|(t, _)| inside(*t)).cloned().collect();
        assert_eq!(sorted(target.lines.clone()), sorted(wanted));
        let mut found: Vec<_> = target.traces.clone();
        found.sort();
        found.dedup();
        assert_eq!(found, source.traces.iter().filter(|(_, t)| inside(*t)).cloned().collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_window_is_copied_whole_and_only_it() {
    let copy = Copy::new().await;
    copy.fill().await;
    let mut ratios = Vec::new();
    let done = run(&copy.plan, &mut |p| ratios.push(p.ratio())).await.unwrap();
    assert!(done.is_done());
    assert_eq!((done.position.lines, done.position.traces), (12_000, 12_000));
    assert!(ratios.is_sorted() && ratios.first() == Some(&0.0) && ratios.last() == Some(&1.0), "{ratios:?}");
    copy.assert_is_whole().await;
    let target = copy.target.held.lock().await;
    assert_eq!(target.traces.len(), 12_000, "each once");
    assert!(
        target.headers.iter().all(|h| h["authorization"] == "Bearer secret" && h["x-scope-orgid"] == "ops")
    );
}

#[tokio::test]
async fn what_is_copied_is_not_copied_again() {
    let copy = Copy::new().await;
    copy.fill().await;
    run(&copy.plan, &mut |_| {}).await.unwrap();
    let questions = copy.source.held.lock().await.questions;
    let again = run(&copy.plan, &mut |_| {}).await.unwrap();
    assert!(again.is_done() && again.lines() == 0);
    assert_eq!(copy.source.held.lock().await.questions, questions, "nothing is asked");
}

#[tokio::test]
async fn a_target_that_is_busy_or_loses_answers_is_asked_again() {
    let copy = Copy::new().await;
    copy.fill().await;
    copy.target.held.lock().await.faults =
        [Fault::Status(429), Fault::Lost, Fault::Status(503), Fault::Status(500)].into();
    run(&copy.plan, &mut |_| {}).await.unwrap();
    assert!(copy.target.held.lock().await.faults.is_empty());
    copy.assert_is_whole().await;
}

#[tokio::test]
async fn a_copy_that_was_stopped_goes_on_where_it_was() {
    let copy = Copy::new().await;
    copy.fill().await;
    let mut lines = 0;
    // In the middle of the lines, and in the middle of the traces.
    for (passed, place) in [(2, "/loki/api/v1/push"), (4, "/v1/traces")] {
        let mut target = copy.target.held.lock().await;
        target.faults = std::iter::repeat_n(Fault::Pass, passed).chain([Fault::Status(400)]).collect();
        drop(target);
        let error = run(&copy.plan, &mut |p| lines = p.position.lines).await.unwrap_err();
        assert!(error.to_string().ends_with(&format!("{place} refuses: 400 told to fail")), "{error}");
        assert!(lines > 0);
    }
    let pushes = copy.target.held.lock().await.headers.len();
    let rest = run(&copy.plan, &mut |_| {}).await.unwrap();
    assert!(rest.lines() == 0 && rest.traces() > 0 && rest.traces() < 12_000, "{rest:?}");
    assert!(copy.target.held.lock().await.headers.len() > pushes);
    copy.assert_is_whole().await;
}

#[tokio::test]
async fn an_instant_that_no_answer_holds_is_named() {
    let copy = Copy::new().await;
    copy.source.held.lock().await.lines = (0..5001).map(|i| (START + 7, format!("{i}"))).collect();
    let error = run(&copy.plan, &mut |_| {}).await.unwrap_err();
    assert!(matches!(error, ExportError::TooMany { what: "lines", limit: 5000, .. }), "{error}");
    assert!(error.to_string().contains(&format!("{} ns", START + 7)), "{error}");
}

#[tokio::test]
async fn a_journal_of_another_copy_is_refused_by_what_differs() {
    let copy = Copy::new().await;
    run(&copy.plan, &mut |_| {}).await.unwrap();
    let other = Plan { selector: r#"{app="bank"}"#.to_owned(), ..copy.plan.clone() };
    let error = run(&other, &mut |_| {}).await.unwrap_err().to_string();
    assert!(error.contains(r#"its selector of streams is {app="shop"}, not {app="bank"}"#), "{error}");
    let later = Plan { end_ns: copy.plan.end_ns + 1, ..copy.plan.clone() };
    assert!(run(&later, &mut |_| {}).await.unwrap_err().to_string().contains("its end is "));
    for garbage in ["", "{}", "[1]", "not json"] {
        std::fs::write(&copy.plan.journal, garbage).unwrap();
        let error = run(&copy.plan, &mut |_| {}).await.unwrap_err().to_string();
        assert!(error.contains("export.json: is no journal of a copy: "), "{error}");
    }
    std::fs::write(&copy.plan.journal, "x".repeat(70_000)).unwrap();
    assert!(run(&copy.plan, &mut |_| {}).await.unwrap_err().to_string().contains("larger than 65536 bytes"));
}

#[tokio::test]
async fn a_call_that_makes_no_sense_is_refused_before_anything_is_asked() {
    let copy = Copy::new().await;
    let nowhere = Plan { logs_to: None, traces_to: None, ..copy.plan.clone() };
    let backwards = Plan { end_ns: copy.plan.start_ns, ..copy.plan.clone() };
    let nothing = Plan { selector: " ".to_owned(), ..copy.plan.clone() };
    for (plan, told) in
        [(nowhere, "--logs-to: neither"), (backwards, "--end: "), (nothing, "--logs: must have")]
    {
        let error = run(&plan, &mut |_| {}).await.unwrap_err().to_string();
        assert!(error.starts_with(told), "{error}");
    }
    assert!(!copy.plan.journal.exists());
    for (url, told) in
        [("loki", "is no address"), ("ftp://loki", "http://"), ("http://kim:x@loki", "token file")]
    {
        let error = Endpoint::new(url, None, None, PACE).unwrap_err();
        assert!(error.contains(told) && !error.contains(":x@"), "{error}");
    }
}

#[tokio::test]
async fn a_dead_source_and_a_target_of_another_kind_are_named() {
    let mut copy = Copy::new().await;
    copy.fill().await;
    let pace = Pace { timeout: Duration::from_secs(1), give_up_after: Duration::from_millis(300) };
    let target = copy.plan.logs_to.clone();
    copy.plan.logs_to =
        Some(Endpoint::new(&format!("{}/elsewhere", target.unwrap().url()), None, None, pace).unwrap());
    let error = run(&copy.plan, &mut |_| {}).await.unwrap_err().to_string();
    assert!(error.contains("/elsewhere/loki/api/v1/push refuses: 404"), "{error}");
    let unfinished = Position { logs_ns: START, traces_ns: START, lines: 0, traces: 0 };
    let journal = std::fs::read_to_string(&copy.plan.journal).unwrap();
    let journal: serde_json::Value = serde_json::from_str(&journal).unwrap();
    assert_eq!(serde_json::from_value::<Position>(journal["position"].clone()).unwrap(), unfinished);
    copy.plan.from = Endpoint::new("http://127.0.0.1:1", None, None, pace).unwrap();
    std::fs::remove_file(&copy.plan.journal).unwrap();
    let error = run(&copy.plan, &mut |_| {}).await.unwrap_err().to_string();
    assert!(error.contains("http://127.0.0.1:1/loki/api/v1/query_range does not answer: "), "{error}");
}

/// Asked again, it would be as large again.
#[tokio::test]
async fn an_answer_that_is_too_large_is_an_error_at_once() {
    let asked = Arc::new(AtomicUsize::new(0));
    let answer = {
        let asked = Arc::clone(&asked);
        move || {
            asked.fetch_add(1, Ordering::Relaxed);
            // A mebibyte over and over, without a length that would say how often.
            let piece = Bytes::from(vec![b' '; 1 << 20]);
            let pieces = (0..300).map(move |_| Ok::<_, Infallible>(piece.clone()));
            async move { Body::from_stream(futures::stream::iter(pieces)) }
        }
    };
    let router = axum::Router::new().route("/loki/api/v1/query_range", axum::routing::get(answer));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let mut copy = Copy::new().await;
    copy.plan.from = Endpoint::new(&format!("http://{address}"), None, None, PACE).unwrap();
    let error = run(&copy.plan, &mut |_| {}).await.unwrap_err();
    assert!(matches!(error, ExportError::Unreadable { .. }), "{error}");
    assert!(error.to_string().contains("larger than 268435456 bytes"), "{error}");
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}
