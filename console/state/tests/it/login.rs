use console_state::{LoginError, State, StateConfig, ThrottleConfig};

use crate::harness::{Bench, HOME, NOW, PASSWORD, config};

#[tokio::test]
async fn an_unknown_user_and_a_wrong_password_read_the_same() {
    let b = Bench::new().await;
    let unknown = b.state.log_in("nobody", PASSWORD, HOME, NOW).await.unwrap_err();
    let wrong = b.state.log_in("admin", "no", HOME, NOW).await.unwrap_err();
    let too_long = b.state.log_in("admin", &"x".repeat(5000), HOME, NOW).await.unwrap_err();
    assert_eq!((unknown.to_string(), wrong.to_string()), (too_long.to_string(), too_long.to_string()));
    assert!(b.state.log_in(" ADMIN ", PASSWORD, HOME, NOW + 60_000).await.is_ok(), "case does not matter");
}

#[tokio::test]
async fn wrong_log_ins_are_throttled_even_with_the_right_password() {
    let b = Bench::new().await;
    for _ in 0..2 {
        assert!(matches!(b.state.log_in("admin", "no", HOME, NOW).await, Err(LoginError::Wrong)));
    }
    let refused = b.log_in(NOW).await;
    assert!(matches!(refused, Err(LoginError::Throttled { retry_after_seconds: 60 })), "{refused:?}");
    let refused = b.log_in(NOW + 59_500).await;
    assert!(matches!(refused, Err(LoginError::Throttled { retry_after_seconds: 1 })), "{refused:?}");
    assert!(b.log_in(NOW + 60_000).await.is_ok());
}

#[tokio::test]
async fn an_address_is_throttled_over_all_users() {
    let b = Bench::new().await;
    for n in 0..20 {
        let refused = b.state.log_in(&format!("user{n}"), &"x".repeat(2000), HOME, NOW).await;
        assert!(matches!(refused, Err(LoginError::Wrong)), "{refused:?}");
    }
    assert!(matches!(b.log_in(NOW).await, Err(LoginError::Throttled { .. })));
    let elsewhere = "10.0.0.1".parse().unwrap();
    assert!(b.state.log_in("admin", PASSWORD, elsewhere, NOW).await.is_ok());
}

#[tokio::test]
async fn a_crowd_is_told_to_come_back() {
    let dir = tempfile::TempDir::new().unwrap();
    let throttle = ThrottleConfig { max_per_user: 100, max_per_address: 100, ..ThrottleConfig::default() };
    let limits = StateConfig { max_concurrent_hashes: 1, max_waiting_log_ins: 1, throttle, ..config(&dir) };
    let state = State::open(limits).await.unwrap();
    state.ensure_admin("admin", PASSWORD, NOW).await.unwrap();
    let log_in = || state.log_in("admin", PASSWORD, HOME, NOW);
    let (first, second, third) = tokio::join!(log_in(), log_in(), log_in());
    assert!(first.is_ok() && second.is_ok());
    assert!(matches!(third, Err(LoginError::Throttled { retry_after_seconds: 1 })), "{third:?}");
    assert!(log_in().await.is_ok(), "who was sent away was not counted as wrong");
}
