use crate::harness::{Bench, on_both};

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
