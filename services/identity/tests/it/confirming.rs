//! An account is made by the link of a mail and the password that was chosen.

use serde_json::json;
use shop_contracts::events::IdentityEventKind;
use shop_contracts::identity::Account;
use shop_identity::workers;
use shop_testkit::http::get;

use crate::{Fixture, PASSWORD, fields, fixture, kim, path_of};

const REQUESTED: IdentityEventKind = IdentityEventKind::RegistrationRequested;

async fn asked(f: &Fixture) -> String {
    f.register("k", &kim()).await;
    f.mailed_token(REQUESTED).await
}

#[tokio::test]
async fn the_owner_confirms_and_logs_in_however_often_the_button_is_pressed() {
    let f = fixture().await;
    let token = asked(&f).await;
    let (one, two) = tokio::join!(f.confirm(&token, PASSWORD), f.confirm(&token, PASSWORD));
    assert_eq!((one.status.as_u16(), two.status.as_u16()), (201, 201), "{} {}", one.text(), two.text());
    let account: Account = one.json();
    assert_eq!((account.email.as_str(), account.display_name.as_str()), ("kim@example.com", "Kim Harbour"));
    assert_eq!(get(&f.router, &path_of(account.id, "")).await.json::<Account>(), account);
    assert_eq!(f.confirm(&token, PASSWORD).await.json::<Account>().id, account.id);
    assert_eq!(f.kinds().await, ["identity.registration_requested", "identity.registered"]);
    assert_eq!(f.log_in("kim@example.com", PASSWORD, None).await.status.as_u16(), 201);
    assert!(f.metrics().await.contains("shop_registrations_total 1"));
}

#[tokio::test]
async fn a_link_alone_makes_no_account_and_guessing_the_password_is_slow() {
    let f = fixture().await;
    let token = asked(&f).await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(f.confirm(&token, "a wrong password").await.status.as_u16());
    }
    assert_eq!(statuses, [401, 401, 401, 429]);
    assert_eq!(f.scalar("SELECT count(*) FROM accounts").await, 0);
    f.clock.advance_seconds(300);
    assert_eq!(f.confirm(&token, PASSWORD).await.status.as_u16(), 201);
}

#[tokio::test]
async fn a_link_is_over_after_a_day_and_nonsense_never_was_one() {
    let f = fixture().await;
    let token = asked(&f).await;
    let never = "A".repeat(43);
    for token in ["", "nonsense", &never] {
        let answer = f.confirm(token, PASSWORD).await;
        assert_eq!((answer.status.as_u16(), fields(&answer)), (422, vec!["token".to_owned()]), "{token}");
    }
    f.clock.advance_seconds(86_400);
    assert_eq!(fields(&f.confirm(&token, PASSWORD).await), ["token"]);
    workers::once(&f.identity).await.unwrap();
    assert_eq!(f.scalar("SELECT count(*) FROM pending_registrations").await, 0);
}

#[tokio::test]
async fn of_several_who_asked_for_one_address_the_first_to_confirm_has_it() {
    let f = fixture().await;
    let token = asked(&f).await;
    let stranger =
        json!({"email": "kim@example.com", "display_name": "Mallory", "password": "another long one"});
    f.register("other", &stranger).await;
    let other = f.mailed_token(REQUESTED).await;
    assert_eq!(f.confirm(&token, PASSWORD).await.status.as_u16(), 201);
    assert_eq!(fields(&f.confirm(&other, "another long one").await), ["token"]);
    assert_eq!(f.log_in("kim@example.com", "another long one", None).await.status.as_u16(), 401);
}

#[tokio::test]
async fn the_link_of_an_account_that_is_gone_brings_nothing_back() {
    let f = fixture().await;
    let token = asked(&f).await;
    let account: Account = f.confirm(&token, PASSWORD).await.json();
    f.post(&path_of(account.id, "/delete"), &json!({"password": PASSWORD})).await;
    assert_eq!(fields(&f.confirm(&token, PASSWORD).await), ["token"]);
    assert_eq!(f.scalar("SELECT count(*) FROM accounts").await, 0);
}
