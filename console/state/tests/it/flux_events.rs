use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::harness::{Bench, Kept, on_both};

on_both! {
    the_newest_events_are_kept_once_and_over_a_restart,
    an_event_beyond_its_limit_is_refused,
}

async fn the_newest_events_are_kept_once_and_over_a_restart(b: Bench) {
    // The harness keeps three.
    for (body, at_ms) in [("c", 30), ("a", 10), ("d", 40), ("b", 20), ("d", 40)] {
        b.state.keep_flux_event(body.as_bytes(), at_ms, &format!("event {body}")).await.unwrap();
    }
    let b = b.reopen().await;
    assert_eq!(b.state.flux_events().await.unwrap(), ["event d", "event c", "event b"]);
    // One that was pushed out does not come back by being sent again.
    b.state.keep_flux_event(b"a", 10, "event a").await.unwrap();
    assert_eq!(b.state.flux_events().await.unwrap(), ["event d", "event c", "event b"]);
}

async fn an_event_beyond_its_limit_is_refused(b: Bench) {
    let error = b.state.keep_flux_event(b"x", 1, &"x".repeat(32 * 1024 + 1)).await.unwrap_err();
    assert!(error.to_string().contains("at most 32768 bytes"), "{error}");
    assert!(b.state.flux_events().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_acknowledged_after_sqlite_has_ended_a_transaction_is_there() {
    let b = Bench::in_file().await;
    let Kept::File(dir) = &b.kept else { unreachable!("this bench is a file") };
    let file = SqliteConnectOptions::new().filename(dir.path().join("console/state.db"));
    let mut other = SqliteConnection::connect_with(&file).await.unwrap();
    // As a full disk does, and as any other error does.
    for end in ["ROLLBACK", "ABORT"] {
        let trigger = format!(
            "CREATE TRIGGER on_{end} BEFORE INSERT ON flux_events WHEN NEW.event = '{end}' \
             BEGIN SELECT RAISE({end}, 'database or disk is full'); END"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(trigger)).execute(&mut other).await.unwrap();
    }
    for end in ["ROLLBACK", "ABORT"] {
        for body in [b"a", b"b", b"c", b"d"] {
            b.state.keep_flux_event(body, 1, end).await.unwrap_err();
        }
    }
    for (at_ms, body) in [b"a", b"b", b"c"].into_iter().enumerate() {
        b.state.keep_flux_event(body, at_ms as i64, "kept").await.unwrap();
    }
    let kept: i64 =
        sqlx::query_scalar("SELECT count(*) FROM flux_events").fetch_one(&mut other).await.unwrap();
    assert_eq!(kept, 3);
}
