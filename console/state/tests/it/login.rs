use console_state::{LoginError, State, StateConfig, ThrottleConfig};

use crate::harness::{Bench, HOME, NOW, PASSWORD, on_both};

on_both! {
    an_unknown_user_and_a_wrong_password_read_the_same,
    wrong_log_ins_are_throttled_even_with_the_right_password,
    an_address_is_throttled_over_all_users,
    a_crowd_is_told_to_come_back,
}

async fn an_unknown_user_and_a_wrong_password_read_the_same(b: Bench) {
    let unknown = b.state.log_in("nobody", PASSWORD, HOME, NOW).await.unwrap_err();
    let wrong = b.state.log_in("admin", "no", HOME, NOW).await.unwrap_err();
    let too_long = b.state.log_in("admin", &"x".repeat(5000), HOME, NOW).await.unwrap_err();
    assert_eq!((unknown.to_string(), wrong.to_string()), (too_long.to_string(), too_long.to_string()));
    let nul = b.state.log_in("ad\0min", PASSWORD, HOME, NOW).await.unwrap_err();
    assert_eq!(nul.to_string(), wrong.to_string());
    assert!(b.state.log_in(" ADMIN ", PASSWORD, HOME, NOW + 60_000).await.is_ok(), "case does not matter");
}

async fn wrong_log_ins_are_throttled_even_with_the_right_password(b: Bench) {
    for _ in 0..2 {
        assert!(matches!(b.state.log_in("admin", "no", HOME, NOW).await, Err(LoginError::Wrong)));
    }
    let refused = b.log_in(NOW).await;
    assert!(matches!(refused, Err(LoginError::Throttled { retry_after_seconds: 60 })), "{refused:?}");
    let refused = b.log_in(NOW + 59_500).await;
    assert!(matches!(refused, Err(LoginError::Throttled { retry_after_seconds: 1 })), "{refused:?}");
    assert!(b.log_in(NOW + 60_000).await.is_ok());
}

async fn an_address_is_throttled_over_all_users(b: Bench) {
    for n in 0..20 {
        let refused = b.state.log_in(&format!("user{n}"), &"x".repeat(2000), HOME, NOW).await;
        assert!(matches!(refused, Err(LoginError::Wrong)), "{refused:?}");
    }
    assert!(matches!(b.log_in(NOW).await, Err(LoginError::Throttled { .. })));
    let elsewhere = "10.0.0.1".parse().unwrap();
    assert!(b.state.log_in("admin", PASSWORD, elsewhere, NOW).await.is_ok());
}

async fn a_crowd_is_told_to_come_back(b: Bench) {
    b.state.close().await;
    let throttle = ThrottleConfig { max_per_user: 100, max_per_address: 100, ..ThrottleConfig::default() };
    let limits =
        StateConfig { max_concurrent_hashes: 1, max_waiting_log_ins: 1, throttle, ..b.kept.config() };
    let state = State::open(limits).await.unwrap();
    let log_in = || state.log_in("admin", PASSWORD, HOME, NOW);
    let (first, second, third) = tokio::join!(log_in(), log_in(), log_in());
    let all = [first, second, third];
    let sent_away = |r: &&Result<_, _>| matches!(r, Err(LoginError::Throttled { retry_after_seconds: 1 }));
    assert_eq!(all.iter().filter(|r| r.is_ok()).count(), 2, "{all:?}");
    assert_eq!(all.iter().filter(sent_away).count(), 1, "{all:?}");
    assert!(log_in().await.is_ok(), "who was sent away was not counted as wrong");
}
