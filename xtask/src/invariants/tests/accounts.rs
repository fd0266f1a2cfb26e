//! Planted: accounts that orders name and identity does not, and mails of identity that nobody got.

use super::{
    Database::{Identity, Notifications, Orders},
    finds,
    shop::{Shop, id},
};

/// Takes a mail away, as if its event had never been.
async fn untold(shop: &Shop, event: u32) {
    let plant = format!("DELETE FROM deliveries WHERE event_id = '{}'", id(event));
    shop.execute(Notifications, &plant).await;
    shop.remove_mail(&id(event));
}

#[tokio::test]
async fn an_order_of_an_account_that_does_not_exist() {
    let plant = format!("UPDATE orders SET account_id = '{}' WHERE id = '{}'", id(899), id(101));
    finds(Orders, &plant, "order_accounts", &["QD-1 ", &id(899), "does not exist"]).await;
}

/// Identity forgets a deletion when orders knows of it; orders keeps the account while the parcel needs its address.
#[tokio::test]
async fn an_order_of_a_deleted_account_is_to_be_anonymised() {
    let shop = Shop::with_every_kind_of_order().await;
    shop.execute(Identity, "DELETE FROM account_deletions").await;
    shop.names("order_accounts", &["QD-5 ", &id(802), "does not exist"]).await;
    let asked = format!("UPDATE orders SET anonymise_requested_at = now() WHERE id = '{}'", id(105));
    shop.execute(Orders, &asked).await;
    let report = shop.check().await;
    assert!(report.agrees(), "{report}");
}

#[tokio::test]
async fn a_registration_that_nobody_was_asked_to_confirm() {
    let shop = Shop::with_every_kind_of_order().await;
    untold(&shop, 812).await;
    shop.names("account_mails", &["Asked at", "1 times to tell, 0 of confirm_registration"]).await;
}

/// Its mailbox had enough of them.
#[tokio::test]
async fn a_registration_whose_mail_was_withheld_is_not_missed() {
    let shop = Shop::with_every_kind_of_order().await;
    let withheld = format!("UPDATE deliveries SET withheld = true WHERE event_id = '{}'", id(812));
    shop.execute(Notifications, &withheld).await;
    shop.remove_mail(&id(812));
    let report = shop.check().await;
    assert!(report.agrees(), "{report}");
}

#[tokio::test]
async fn an_account_that_was_not_told_or_was_told_twice() {
    let shop = Shop::with_every_kind_of_order().await;
    shop.account_mail(819, "registered", "kim@example.com").await;
    shop.names("account_mails", &["Registered at", "1 times to tell, 2 of registered"]).await;
    untold(&shop, 819).await;
    untold(&shop, 811).await;
    shop.names("account_mails", &["Registered at", "1 times to tell, 0 of registered"]).await;
}

#[tokio::test]
async fn a_new_password_that_left_the_outbox_and_never_arrived() {
    let words = ["Reset at", "1 times to tell, 0 of password_reset"];
    finds(Identity, "DELETE FROM outbox", "account_mails", &words).await;
}

#[tokio::test]
async fn a_deletion_that_was_not_told() {
    let shop = Shop::with_every_kind_of_order().await;
    untold(&shop, 813).await;
    shop.names("account_mails", &["deletions since", "1 times to tell, 0 of account_deleted"]).await;
}

/// What is older than the folder keeps may be gone.
#[tokio::test]
async fn mails_that_the_folder_need_not_keep_are_not_missed() {
    let shop = Shop::with_every_kind_of_order().await;
    let old = "UPDATE accounts SET created_at = now() - interval '1 hour'";
    shop.execute(Identity, old).await;
    shop.execute(Notifications, "UPDATE deliveries SET created_at = created_at - interval '1 minute'").await;
    untold(&shop, 811).await;
    let mut books = shop.books();
    books.mails.as_mut().unwrap().keep = 13;
    let report = crate::invariants::check(&books).await.unwrap();
    assert!(report.agrees(), "{report}");
    books.mails.as_mut().unwrap().keep = 14;
    assert!(!crate::invariants::check(&books).await.unwrap().agrees());
}
