use console_state::{AdminChange, LoginError, StateError};

use crate::harness::{Bench, HOME, NOW, PASSWORD, on_both};

on_both! {
    the_same_password_at_the_next_start_changes_nothing,
    another_password_replaces_the_old_one_and_ends_sessions,
    another_name_is_another_user_and_ends_no_sessions,
    a_name_or_password_outside_the_limits_is_refused,
}

async fn the_same_password_at_the_next_start_changes_nothing(b: Bench) {
    let token = b.token(NOW).await;
    let b = b.reopen().await;
    assert_eq!(b.state.ensure_admin(" Admin ", PASSWORD, NOW).await.unwrap(), AdminChange::Unchanged);
    assert!(b.state.find_session(&token, NOW).await.unwrap().is_some());
}

async fn another_password_replaces_the_old_one_and_ends_sessions(b: Bench) {
    let token = b.token(NOW).await;
    let b = b.reopen().await;
    assert_eq!(b.state.ensure_admin("admin", "other one", NOW).await.unwrap(), AdminChange::PasswordChanged);
    assert!(b.state.find_session(&token, NOW).await.unwrap().is_none());
    assert!(matches!(b.log_in(NOW).await, Err(LoginError::Wrong)));
    assert!(b.state.log_in("admin", "other one", HOME, NOW).await.is_ok());
}

async fn another_name_is_another_user_and_ends_no_sessions(b: Bench) {
    let token = b.token(NOW).await;
    assert_eq!(b.state.ensure_admin("root", "other one", NOW).await.unwrap(), AdminChange::Created);
    assert!(b.state.find_session(&token, NOW).await.unwrap().is_some());
}

async fn a_name_or_password_outside_the_limits_is_refused(b: Bench) {
    let long = "x".repeat(1025);
    let names = [" ", "a\nb", long.as_str()].map(|name| (name, PASSWORD));
    let passwords = ["", "x", "sevenés", long.as_str()].map(|password| ("admin", password));
    for (name, password) in names.into_iter().chain(passwords) {
        let refused = b.state.ensure_admin(name, password, NOW).await;
        assert!(matches!(refused, Err(StateError::Invalid(_))), "{name:?} {password:?}");
    }
}
