use crate::harness::{Bench, NOW, on_both};

on_both! {
    a_preference_is_kept_within_its_limits,
}

async fn a_preference_is_kept_within_its_limits(b: Bench) {
    let token = b.token(NOW).await;
    let user = b.state.find_session(&token, NOW).await.unwrap().unwrap().user_id;
    assert_eq!(b.state.find_preference(user, "theme").await.unwrap(), None);
    b.state.set_preference(user, "theme", "dark").await.unwrap();
    b.state.set_preference(user, "theme", "light").await.unwrap();
    assert_eq!(b.state.find_preference(user, "theme").await.unwrap().as_deref(), Some("light"));
    assert!(b.state.set_preference(user, "theme", &"x".repeat(5000)).await.is_err());
    assert!(b.state.set_preference(user, "", "x").await.is_err());
    assert!(b.state.set_preference(user, "theme", "\0").await.is_err());
    assert_eq!(b.state.find_preference(user, "a\0").await.unwrap(), None);
}
