use serde_json::json;
use shop_contracts::events::IdentityEventKind;
use shop_identity::forget_person::OrderAnonymiser;
use shop_identity::workers::forget_once;
use shop_instrumentation::client::{ClientConfig, ServiceClient};
use shop_instrumentation::metrics::Metrics;
use shop_testkit::http::get;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::{Fixture, PASSWORD, fixture, kim, path_of};

async fn orders_answering(status: u16) -> (MockServer, ServiceClient) {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(status)).mount(&server).await;
    let metrics = Metrics::new("identity", "0.0.0-test").unwrap();
    let client = ServiceClient::new("orders", vec![server.uri()], metrics, ClientConfig::default()).unwrap();
    (server, client)
}

async fn delete(f: &Fixture, account: shop_contracts::AccountId, password: &str) -> u16 {
    f.post(&path_of(account, "/delete"), &json!({"password": password})).await.status.as_u16()
}

#[tokio::test]
async fn a_deleted_account_leaves_nothing_and_its_owner_is_told() {
    let f = fixture().await;
    let here = f.logged_in().await;
    let id = here.account.id;
    f.post("/v1/password-resets", &json!({"email": "kim@example.com"})).await;
    f.put(&path_of(id, "/addresses"), &json!({"addresses": []})).await;
    f.put(&path_of(id, "/cart"), &json!({"id": "a", "version": 1, "lines": []})).await;
    assert_eq!(delete(&f, id, "a wrong password").await, 401);
    assert!(f.is_open(&here.token).await);
    assert_eq!(delete(&f, id, PASSWORD).await, 204);
    assert!(!f.is_open(&here.token).await);
    for table in [
        "accounts",
        "sessions",
        "address_books",
        "account_carts",
        "registrations",
        "pending_registrations",
        "password_resets",
        "used_resets",
    ] {
        let count =
            sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}")));
        assert_eq!(count.fetch_one(&f.db.pool).await.unwrap(), 0, "{table}");
    }
    let last = f.events().await.pop().unwrap();
    assert_eq!((last.kind, last.email.as_str()), (IdentityEventKind::Deleted, "kim@example.com"));
    assert_eq!(delete(&f, id, PASSWORD).await, 404, "and it is gone");
    assert_eq!(get(&f.router, &path_of(id, "")).await.status.as_u16(), 404);
    assert_eq!(f.log_in("kim@example.com", PASSWORD, None).await.status.as_u16(), 401);
    f.confirmed("again", &kim()).await;
    assert_eq!(f.events().await.last().unwrap().kind, IdentityEventKind::Registered, "the address is free");
}

#[tokio::test]
async fn orders_forget_the_person_and_once_more_two_minutes_later() {
    let f = fixture().await;
    let id = f.logged_in().await.account.id;
    delete(&f, id, PASSWORD).await;
    let (server, orders) = orders_answering(204).await;
    assert_eq!(forget_once(&f.identity, &orders).await.unwrap(), 1);
    assert_eq!(forget_once(&f.identity, &orders).await.unwrap(), 0);
    f.clock.advance_seconds(120);
    assert_eq!(forget_once(&f.identity, &orders).await.unwrap(), 1);
    assert_eq!(f.scalar("SELECT count(*) FROM account_deletions").await, 0);
    let asked = server.received_requests().await.unwrap();
    assert_eq!(asked.len(), 2);
    assert!(asked.iter().all(|request| request.url.path() == path_of(id, "/anonymise")));
}

#[tokio::test]
async fn while_orders_do_not_take_it_it_is_tried_again_and_its_age_is_told() {
    let f = fixture().await;
    let id = f.logged_in().await.account.id;
    delete(&f, id, PASSWORD).await;
    let (failing, orders) = orders_answering(500).await;
    assert_eq!(forget_once(&f.identity, &orders).await.unwrap(), 1);
    assert_eq!(forget_once(&f.identity, &orders).await.unwrap(), 0, "not at once");
    f.clock.advance_seconds(5);
    assert_eq!(forget_once(&f.identity, &orders).await.unwrap(), 1);
    assert!(f.metrics().await.contains("shop_account_deletion_lag_seconds 5"));
    drop(failing);
    let (server, orders) = orders_answering(204).await;
    Mock::given(path(path_of(id, "/anonymise")))
        .respond_with(ResponseTemplate::new(204))
        .mount(&server)
        .await;
    f.clock.advance_seconds(5);
    assert_eq!(forget_once(&f.identity, &orders).await.unwrap(), 1);
    assert!(f.metrics().await.contains("shop_account_deletion_lag_seconds 0"));
}

#[tokio::test]
async fn two_workers_take_a_deletion_once() {
    let f = fixture().await;
    let id = f.logged_in().await.account.id;
    delete(&f, id, PASSWORD).await;
    let (server, orders) = orders_answering(204).await;
    let orders: &dyn OrderAnonymiser = &orders;
    let (one, two) = tokio::join!(forget_once(&f.identity, orders), forget_once(&f.identity, orders));
    assert_eq!(one.unwrap() + two.unwrap(), 1);
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}
