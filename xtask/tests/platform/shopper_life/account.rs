//! Registering, the address book, passwords and sessions, and the end.

use std::time::Duration;

use super::{Life, NAME};
use crate::{
    Outcome, ensure,
    local::eventually,
    mailbox::{link_in, mail},
};

const SECOND_PASSWORD: &str = "the second long password";
const THIRD_PASSWORD: &str = "the third long password";

impl Life<'_> {
    pub(super) async fn registers(&mut self) -> Outcome {
        self.open("/register").await?;
        self.page("register").await?;
        let email = self.email.clone();
        self.browser.fill_form("register-form", &[("email", &email), ("password", "short")]).await?;
        self.browser.click("#register-form button[type=submit]").await?;
        self.is_wrong("register", "name", "Enter your name").await?;
        self.is_wrong("register", "password", "Use 10 to 200 characters").await?;
        let kept = self.browser.find("#email").await?.value().await?;
        ensure(kept.as_deref() == Some(&email), || format!("the address typed was not kept: {kept:?}"))?;
        self.refused("register-wrong", 422).await?;
        let guessed = [("name", NAME), ("password", "Quarterdeck 2026")];
        self.browser.fill_form("register-form", &guessed).await?;
        self.browser.click("#register-form button[type=submit]").await?;
        self.is_wrong("register", "password", "People guess that one first").await?;
        self.refused("register-guessed", 422).await?;
        let password = self.password.clone();
        self.browser.fill_form("register-form", &[("name", NAME), ("password", &password)]).await?;
        self.browser.press_twice("#register-form button[type=submit]").await?;
        self.browser.says("h1", "Look into your mail").await?;
        self.page("register-sent").await?;
        let letter = mail(self.p, &email, "Confirm your account").await?;
        self.browser.page.goto(link_in(&letter.text, "/register/confirm?token=")?).await?;
        self.page("confirm").await?;
        self.browser.fill("#confirm-form [name=password]", "not the password").await?;
        self.browser.click("#confirm-form button[type=submit]").await?;
        self.is_wrong("confirm", "password", "That is not the password that you chose").await?;
        self.refused("confirm-wrong", 422).await?;
        self.browser.fill("#confirm-form [name=password]", &password).await?;
        self.browser.press_twice("#confirm-form button[type=submit]").await?;
        let first = NAME.split(' ').next().unwrap_or(NAME);
        self.browser.says("h1", &format!("Ahoy, {first}")).await?;
        mail(self.p, &email, "Welcome aboard").await?;
        self.page("account-empty").await?;
        self.browser.page.goto(link_in(&letter.text, "/register/confirm?token=")?).await?;
        self.browser.says("main [role=alert]", "not valid any more").await?;
        self.refused("confirm-used-up", 410).await?;
        self.open("/account/security").await?;
        let sessions = self.browser.count("#sessions > li").await?;
        ensure(sessions == 1, || format!("{sessions} sessions after two presses of one button"))?;
        // Out and in again, with a wrong password between.
        self.open("/account").await?;
        self.browser.click("form[action='/logout'] button").await?;
        self.browser.says(".you", "Log in").await?;
        self.open("/login?return_to=/account").await?;
        self.page("login").await?;
        self.browser.fill_form("login-form", &[("email", &email), ("password", "not the password")]).await?;
        self.browser.click("#login-form button[type=submit]").await?;
        self.browser.says("main [role=alert]", "is not right").await?;
        self.refused("login-wrong", 401).await?;
        self.logs_in().await
    }

    /// From a browser that nobody is logged in with.
    pub(super) async fn logs_in(&mut self) -> Outcome {
        self.open("/login").await?;
        let fields = [("email", self.email.as_str()), ("password", self.password.as_str())];
        self.browser.fill_form("login-form", &fields).await?;
        self.browser.press_twice("#login-form button[type=submit]").await?;
        self.browser.says("h1", "Ahoy").await
    }

    pub(super) async fn keeps_addresses(&mut self) -> Outcome {
        self.open("/account/addresses").await?;
        self.page("addresses-empty").await?;
        self.browser.fill_form("address-form", &[("label", "Home"), ("city", "Kiel")]).await?;
        self.browser.click("#address-form button[type=submit]").await?;
        self.is_wrong("addresses", "address1", "Enter street and number").await?;
        self.refused("addresses-wrong", 422).await?;
        let home =
            [("label", "Home"), ("address1", "1 Quay Street"), ("postcode", "24103"), ("city", "Kiel")];
        self.browser.fill_form("address-form", &home).await?;
        self.browser.click("#address-form button[type=submit]").await?;
        self.browser.says(".book", "1 Quay Street").await?;
        let boat = [
            ("label", "The boat, in the summer months only"),
            ("name", NAME),
            ("address1", "Yachthafen Wendtorf, Steg 14, Liegeplatz 203, bitte beim Hafenmeister abgeben"),
            ("postcode", "24235"),
            ("city", "Wendtorf an der Kieler Aussenfoerde"),
        ];
        self.browser.fill_form("address-form", &boat).await?;
        self.browser.click("#address-form button[type=submit]").await?;
        self.browser.says(".book", "Wendtorf").await?;
        self.page("addresses").await?;
        self.browser.click(".book li:nth-child(2) form[action$=remove] button").await?;
        eventually("the second address is gone", Duration::from_secs(10), || async {
            Ok((self.browser.count(".book > li").await? == 1).then_some(()))
        })
        .await
    }

    /// On another device, by the link of a mail; the first device is logged out by it.
    pub(super) async fn forgets_the_password(&mut self) -> Outcome {
        let first = self.browser.change_cookies(Vec::new()).await?;
        self.open("/login").await?;
        self.browser.click("main a[href='/forgot-password']").await?;
        self.page("forgotten").await?;
        self.browser.fill("#forgotten-form [name=email]", "no address").await?;
        self.browser.click("#forgotten-form button[type=submit]").await?;
        self.is_wrong("forgotten", "email", "Enter an address like").await?;
        self.refused("forgotten-wrong", 422).await?;
        self.browser.fill("#forgotten-form [name=email]", &self.email).await?;
        self.browser.click("#forgotten-form button[type=submit]").await?;
        self.browser.says("h1", "Look into your mail").await?;
        self.page("forgotten-sent").await?;
        let letter = mail(self.p, &self.email, "A new password for your account").await?;
        let link = link_in(&letter.text, "/reset-password?token=")?;
        self.browser.page.goto(link).await?;
        self.page("reset").await?;
        self.browser.fill("#reset-form [name=password]", "short").await?;
        self.browser.click("#reset-form button[type=submit]").await?;
        self.is_wrong("reset", "password", "Use 10 to 200 characters").await?;
        self.refused("reset-wrong", 422).await?;
        self.browser.fill("#reset-form [name=password]", SECOND_PASSWORD).await?;
        self.browser.click("#reset-form button[type=submit]").await?;
        self.browser.says("h1", "Your new password is set").await?;
        self.page("reset-done").await?;
        // The link works once, and says so when it is opened.
        self.browser.page.goto(link).await?;
        self.browser.says("main [role=alert]", "not valid any more").await?;
        self.refused("reset-used-up", 410).await?;
        self.browser.change_cookies(first).await?;
        self.is_logged_out("a new password").await?;
        self.password = SECOND_PASSWORD.to_owned();
        self.browser.change_cookies(Vec::new()).await?;
        self.logs_in().await
    }

    async fn is_logged_out(&self, why: &str) -> Outcome {
        self.open("/account").await?;
        let path = self.browser.path().await?;
        ensure(path.starts_with("/login"), || format!("{why} did not end the session: {path}"))
    }

    pub(super) async fn looks_after_sessions(&mut self) -> Outcome {
        let laptop = self.browser.change_cookies(Vec::new()).await?;
        self.logs_in().await?;
        self.open("/account/security").await?;
        let sessions = self.browser.count("#sessions > li").await?;
        ensure(sessions == 2, || format!("{sessions} sessions of two devices"))?;
        self.page("security").await?;
        self.browser.click("#sessions button").await?;
        eventually("the other session is gone", Duration::from_secs(10), || async {
            Ok((self.browser.count("#sessions > li").await? == 1).then_some(()))
        })
        .await?;
        let phone = self.browser.change_cookies(laptop).await?;
        self.is_logged_out("ending it from another device").await?;
        self.browser.change_cookies(phone).await?;
        self.open("/account/security").await?;
        let wrong = [("current", "not the password"), ("new", THIRD_PASSWORD)];
        self.browser.fill_form("password-form", &wrong).await?;
        self.browser.click("#password-form button[type=submit]").await?;
        self.is_wrong("security", "current", "That is not your present password").await?;
        self.refused("security-wrong", 422).await?;
        let right = [("current", self.password.as_str()), ("new", THIRD_PASSWORD)];
        self.browser.fill_form("password-form", &right).await?;
        self.browser.click("#password-form button[type=submit]").await?;
        self.browser.says("main [role=status]", "Your password is changed").await?;
        self.password = THIRD_PASSWORD.to_owned();
        self.page("security-changed").await
    }

    pub(super) async fn deletes_the_account(&mut self, orders: &[String]) -> Outcome {
        self.open("/account/security").await?;
        self.browser.click("a[href='/account/delete']").await?;
        self.page("delete").await?;
        self.browser.fill("#delete-form [name=password]", "not the password").await?;
        self.browser.click("#delete-form button[type=submit]").await?;
        self.is_wrong("delete", "password", "That is not your present password").await?;
        self.refused("delete-wrong", 422).await?;
        self.browser.fill("#delete-form [name=password]", &self.password).await?;
        self.browser.press_twice("#delete-form button[type=submit]").await?;
        self.browser.says("h1", "Your account is gone").await?;
        self.page("deleted").await?;
        self.open("/login").await?;
        let fields = [("email", self.email.as_str()), ("password", self.password.as_str())];
        self.browser.fill_form("login-form", &fields).await?;
        self.browser.click("#login-form button[type=submit]").await?;
        self.browser.says("main [role=alert]", "is not right").await?;
        self.refused("login-deleted", 401).await?;
        let mine = format!("SELECT count(*) FROM orders WHERE email = '{}'", self.email);
        eventually("no order names the shopper any more", Duration::from_secs(30), || async {
            Ok((self.p.sql("orders", &mine).await? == "0").then_some(()))
        })
        .await?;
        for order in orders {
            self.open(order).await?;
            self.browser.find("#order-number").await?;
            let page = self.browser.page.source().await?;
            ensure(!page.contains("Maximiliane") && !page.contains("Quay Street"), || {
                format!("{order} still names the shopper")
            })?;
        }
        self.page("order-anonymised").await
    }
}
