//! Planted: mails that went to somebody else.

use super::{
    Database::{Identity, Notifications, Orders},
    finds,
    shop::{Shop, event, id},
};

#[tokio::test]
async fn an_order_whose_address_is_not_the_one_that_its_mails_went_to() {
    let plant = format!("UPDATE orders SET email = 'lee@example.com' WHERE id = '{}'", id(101));
    let words = ["QD-1 ", "order_confirmed went to another address than the order's"];
    finds(Orders, &plant, "mail_addresses", &words).await;
}

#[tokio::test]
async fn a_mail_to_somebody_else_names_nobody_in_the_report() {
    let shop = Shop::with_every_kind_of_order().await;
    let mail = id(event(1, "confirmed"));
    shop.write_mail_to(&mail, "wrong@example.com", "Your order QD-1 is confirmed");
    shop.names("mail_addresses", &["QD-1 ", "another address"]).await;
    assert!(!shop.check().await.to_string().contains("example.com"));
    // Case and the name before it are no difference.
    shop.write_mail_to(&mail, "=?utf-8?b?S2lt?=\r\n <Kim@Example.com>", "Your order QD-1 is confirmed");
    let report = shop.check().await;
    assert!(report.agrees(), "{report}");
}

#[tokio::test]
async fn an_anonymised_order_has_no_address_to_compare() {
    let shop = Shop::with_every_kind_of_order().await;
    let gone = format!("UPDATE orders SET email = '', account_id = NULL WHERE id = '{}'", id(101));
    shop.execute(Orders, &gone).await;
    let report = shop.check().await;
    assert!(report.agrees(), "{report}");
}

#[tokio::test]
async fn a_mail_about_an_account_to_an_address_that_identity_does_not_know() {
    let shop = Shop::with_every_kind_of_order().await;
    shop.write_mail_to(&id(812), "wrong@example.com", "confirm_registration");
    shop.names(
        "mail_addresses",
        &[&id(812), "confirm_registration went to an address that identity does not know"],
    )
    .await;
    // A day later nobody knows any more.
    let old = "UPDATE deliveries SET created_at = now() - interval '25 hours'";
    shop.execute(Notifications, old).await;
    shop.execute(Identity, "DELETE FROM pending_registrations").await;
    let report = shop.check().await;
    let finding = report.findings.iter().find(|f| f.invariant.name == "mail_addresses").unwrap();
    assert_eq!(finding.total, 0, "{report}");
}

#[tokio::test]
async fn mails_of_an_account_that_is_gone_are_explained_by_the_mail_that_says_so() {
    let shop = Shop::with_every_kind_of_order().await;
    shop.account_mail(818, "password_changed", "lee@example.com").await;
    let report = shop.check().await;
    assert!(report.agrees(), "{report}");
    shop.account_mail(819, "password_changed", "mia@example.com").await;
    shop.names("mail_addresses", &[&id(819), "identity does not know"]).await;
}
