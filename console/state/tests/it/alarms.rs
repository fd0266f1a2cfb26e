use console_state::{Alarm, State};

use crate::harness::{Bench, on_both};

const WEEK_MS: i64 = 7 * 24 * 3_600_000;
const HOUR_MS: i64 = 3_600_000;

on_both! {
    the_last_change_counts_and_an_end_has_the_labels_that_fired,
    an_end_is_remembered_for_two_hours,
    there_are_no_more_than_the_limit,
    more_than_the_limit_are_told_at_once,
    what_is_told_at_once_is_kept_in_its_own_order,
    texts_beyond_the_limit_are_refused,
}

fn fires(changed_at_ms: i64, labels: &str) -> Alarm {
    Alarm {
        key: "arn:a".to_owned(),
        changed_at_ms,
        ends_at_ms: changed_at_ms + WEEK_MS,
        labels: labels.to_owned(),
        annotations: format!("changed at {changed_at_ms}"),
    }
}

/// Told at once.
fn ends(changed_at_ms: i64, labels: &str) -> Alarm {
    Alarm { ends_at_ms: changed_at_ms, ..fires(changed_at_ms, labels) }
}

/// Tells it when it changed.
async fn keep(state: &State, told: &Alarm) -> Alarm {
    state.keep_alarm(told, told.changed_at_ms).await.unwrap()
}

async fn the_last_change_counts_and_an_end_has_the_labels_that_fired(b: Bench) {
    let first = fires(10, "critical");
    assert_eq!(keep(&b.state, &first).await, first);
    // Again, and under other labels: it goes on under those that are known elsewhere.
    assert_eq!(keep(&b.state, &fires(10, "warning")).await, first);
    assert_eq!(keep(&b.state, &fires(20, "warning")).await, fires(20, "critical"));
    let over = ends(30, "critical");
    for labels in ["", "warning"] {
        assert_eq!(keep(&b.state, &ends(30, labels)).await, over);
    }
    let b = b.reopen().await;
    for late in [fires(10, "critical"), fires(29, "warning"), ends(25, "")] {
        assert_eq!(b.state.keep_alarm(&late, 40).await.unwrap(), over, "{late:?}");
    }
    // An end after the end has nothing else to end.
    assert_eq!(keep(&b.state, &ends(50, "warning")).await, ends(50, "critical"));
    assert_eq!(keep(&b.state, &fires(60, "warning")).await, fires(60, "warning"));
    let other = Alarm { key: "arn:b".to_owned(), ..fires(1, "info") };
    assert_eq!(keep(&b.state, &other).await, other);
}

async fn an_end_is_remembered_for_two_hours(b: Bench) {
    keep(&b.state, &fires(10, "a")).await;
    let over = keep(&b.state, &ends(20, "a")).await;
    assert_eq!(b.state.keep_alarm(&fires(19, "b"), 20 + 2 * HOUR_MS).await.unwrap(), over);
    let late = fires(19, "b");
    assert_eq!(b.state.keep_alarm(&late, 21 + 2 * HOUR_MS).await.unwrap(), late);
}

async fn there_are_no_more_than_the_limit(b: Bench) {
    let named = |key: &str, told: Alarm| Alarm { key: key.to_owned(), ..told };
    // The harness keeps two.
    keep(&b.state, &named("a", fires(10, "a"))).await;
    keep(&b.state, &named("b", ends(20, "b"))).await;
    keep(&b.state, &named("c", fires(30, "c"))).await;
    let late = |key: &str| named(key, fires(1, "late"));
    for (key, known) in [("a", fires(10, "a")), ("c", fires(30, "c"))] {
        assert_eq!(b.state.keep_alarm(&late(key), 30).await.unwrap(), named(key, known));
    }
    assert_eq!(
        b.state.keep_alarm(&late("b"), 30).await.unwrap(),
        late("b"),
        "the one that was over is forgotten"
    );
}

/// More alarms than are kept: whoever writes makes room by another's row, and must not wait for it while that one waits.
async fn more_than_the_limit_are_told_at_once(b: Bench) {
    let named = |n: i64| Alarm { key: format!("arn:{}", n % 6), ..fires(n, "f") };
    for round in 0..5 {
        let all: Vec<Alarm> = (round * 24..(round + 1) * 24).map(named).collect();
        for known in
            futures::future::join_all(all.iter().map(|a| b.state.keep_alarm(a, a.changed_at_ms))).await
        {
            known.unwrap();
        }
    }
}

async fn what_is_told_at_once_is_kept_in_its_own_order(b: Bench) {
    let all: Vec<Alarm> = (1..=20).map(|n| if n % 2 == 0 { ends(n, "e") } else { fires(n, "f") }).collect();
    let told = futures::future::join_all(all.iter().rev().map(|a| b.state.keep_alarm(a, 20))).await;
    for (known, told) in told.into_iter().zip(all.iter().rev()) {
        assert!(known.unwrap().changed_at_ms >= told.changed_at_ms, "{told:?}");
    }
    assert_eq!(keep(&b.state, &fires(1, "late")).await.changed_at_ms, 20);
}

async fn texts_beyond_the_limit_are_refused(b: Bench) {
    for labels in ["x".repeat(64 << 10), "a\0b".to_owned()] {
        let error = b.state.keep_alarm(&fires(1, &labels), 1).await.unwrap_err();
        assert!(error.to_string().contains("at most 65536 bytes and no NUL"), "{error}");
    }
}
