use crate::harness::{Bench, NOW, PASSWORD, on_both};

on_both! {
    a_session_survives_a_restart_and_ends_with_log_out,
    a_csrf_token_belongs_to_one_session_and_survives_a_restart,
    use_moves_the_end_of_a_session_up_to_its_greatest_age,
    an_unused_session_ends,
    the_oldest_session_makes_room_and_secrets_are_not_on_disk,
}

async fn a_session_survives_a_restart_and_ends_with_log_out(b: Bench) {
    let token = b.token(NOW).await;
    let b = b.reopen().await;
    assert_eq!(b.state.find_session(&token, NOW).await.unwrap().unwrap().user_name, "admin");
    assert!(b.state.find_session("other", NOW).await.unwrap().is_none());
    b.state.log_out(&token).await.unwrap();
    b.state.log_out(&token).await.unwrap();
    assert!(b.state.find_session(&token, NOW).await.unwrap().is_none());
}

async fn a_csrf_token_belongs_to_one_session_and_survives_a_restart(b: Bench) {
    let (first, second) = (b.token(NOW).await, b.token(NOW + 1).await);
    let find = async |b: &Bench, token| b.state.find_session(token, NOW + 1).await.unwrap().unwrap();
    let (one, two) = (find(&b, &first).await, find(&b, &second).await);
    assert!(one.owns_csrf_token(&one.csrf_token));
    assert!(!one.owns_csrf_token(&two.csrf_token) && !one.owns_csrf_token(&first));
    assert!(!one.owns_csrf_token(""));
    assert!(!format!("{one:?}").contains(&one.csrf_token), "a token does not print");
    let b = b.reopen().await;
    assert_eq!(find(&b, &first).await, one);
}

async fn use_moves_the_end_of_a_session_up_to_its_greatest_age(b: Bench) {
    let token = b.token(NOW).await;
    for minute in [8, 16, 24] {
        let now = NOW + minute * 60_000;
        assert!(b.state.find_session(&token, now).await.unwrap().is_some(), "minute {minute}");
    }
    let end = NOW + 1_500_000;
    assert_eq!(b.state.find_session(&token, end - 1).await.unwrap().unwrap().expires_ms, end);
    assert!(b.state.find_session(&token, end).await.unwrap().is_none());
    assert_eq!(b.state.purge_expired(end - 1).await.unwrap(), 0);
    assert_eq!(b.state.purge_expired(end).await.unwrap(), 1);
}

async fn an_unused_session_ends(b: Bench) {
    let session = b.log_in(NOW).await.unwrap();
    assert_eq!(session.expires_ms, NOW + 600_000);
    assert!(b.state.find_session(&session.token, NOW + 600_000).await.unwrap().is_none());
}

async fn the_oldest_session_makes_room_and_secrets_are_not_on_disk(b: Bench) {
    let mut tokens = Vec::new();
    for later in 0..3 {
        tokens.push(b.token(NOW + later).await);
    }
    assert!(b.state.find_session(&tokens[0], NOW + 3).await.unwrap().is_none());
    let kept = b.state.find_session(&tokens[2], NOW + 3).await.unwrap().unwrap();
    let text = b.stored().await;
    assert!(text.contains("admin"));
    for secret in [&*tokens[2], PASSWORD, &kept.csrf_token] {
        assert!(!text.contains(secret));
    }
}
