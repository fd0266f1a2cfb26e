//! Buying, cancelling, sending back, and finding an order without an account.

use std::time::Duration;

use super::{Life, NAME};
use crate::{Failure, Outcome, clerk, ensure, local::eventually, mailbox::mail};

impl Life<'_> {
    /// Finds something, puts so many pieces into the cart and buys them; answers the order's path.
    pub(super) async fn buys(&mut self, pieces: u32) -> Result<String, Failure> {
        self.fills_the_cart(pieces).await?;
        self.open("/checkout").await?;
        let address = self.browser.find("#address1").await?.value().await?;
        ensure(address.as_deref() == Some("1 Quay Street"), || {
            format!("the book's first address does not fill the checkout: {address:?}")
        })?;
        self.page("checkout").await?;
        self.browser.click("#place-order").await?;
        self.is_confirmed().await?;
        self.page("order").await?;
        self.browser.path().await
    }

    async fn fills_the_cart(&mut self, pieces: u32) -> Outcome {
        self.open("/").await?;
        self.browser.fill("input[name=q]", "lamp").await?;
        self.browser.find("input[name=q]").await?.send_keys(thirtyfour::Key::Enter + "").await?;
        self.browser.says("h1", "lamp").await?;
        self.browser.click("main .tiles a[href^='/p/']").await?;
        self.browser.find("#add-to-cart").await?;
        if pieces > 1 {
            self.browser.choose("#quantity", &pieces.to_string()).await?;
        }
        self.browser.click("#add-to-cart").await?;
        self.browser.says("main [role=status]", "is in your cart").await
    }

    /// A payment may take a moment: the page loads itself again meanwhile.
    async fn is_confirmed(&self) -> Outcome {
        self.browser.find("#order-number").await?;
        self.browser.says("#order-status", "Confirmed").await
    }

    pub(super) async fn cancels(&mut self, order: &str) -> Outcome {
        self.browser.click(".order-action summary").await?;
        self.page("order-cancelling").await?;
        self.browser.press_twice("#cancel-form button[type=submit]").await?;
        self.browser.says("#order-status", "Cancelled").await?;
        self.money_is_back(order, 1).await?;
        self.page("order-cancelled").await
    }

    /// Waits until the order's page shows so many refunds, all of them done.
    async fn money_is_back(&self, order: &str, refunds: usize) -> Outcome {
        eventually("the money is back", Duration::from_secs(30), || async {
            self.open(order).await?;
            Ok((self.browser.count("#refunds .status.good").await? == refunds).then_some(()))
        })
        .await?;
        let shown = self.browser.count("#refunds > li").await?;
        ensure(shown == refunds, || format!("{shown} refunds instead of {refunds}"))
    }

    pub(super) async fn sends_back(&mut self, order: &str) -> Outcome {
        let number = self.browser.find("#order-number").await?.text().await?;
        clerk::ships(self.p, self.browser, &number).await?;
        self.open(order).await?;
        self.browser.says("h1", "It is on its way").await?;
        self.browser.says("#tracking-number", "T-").await?;
        mail(self.p, &self.email, &format!("{number} is on its way")).await?;
        self.browser.click(".order-action summary").await?;
        // Nothing chosen, then one of two.
        self.browser.click("#return-form button[type=submit]").await?;
        self.browser.says("main [role=alert]", "Nothing was chosen").await?;
        self.page("order-return-nothing").await?;
        if self.browser.count(".order-action[open]").await? == 0 {
            self.browser.click(".order-action summary").await?;
        }
        self.browser.choose("#return-form select", "1").await?;
        self.browser.fill("#return-form [name=reason]", "It shines too bright for the forecastle").await?;
        self.page("order-returning").await?;
        self.browser.press_twice("#return-form button[type=submit]").await?;
        self.browser.says("#returns", "Announced").await?;
        let returns = self.browser.count("#returns > li").await?;
        ensure(returns == 1, || format!("{returns} returns after two presses of one button"))?;
        self.page("order-return-announced").await?;
        clerk::receives(self.p, self.browser, &number).await?;
        self.money_is_back(order, 1).await?;
        self.browser.says("#returns", "Back with us").await?;
        self.page("order-returned").await?;
        mail(self.p, &self.email, &format!("A part of your money for order {number}")).await.map(|_| ())
    }

    /// What was in the cart at the log-out and what a guest put in afterwards are one cart after the next log-in.
    pub(super) async fn brings_carts_together(&mut self) -> Outcome {
        self.fills_the_cart(2).await?;
        self.open("/account").await?;
        self.browser.click("form[action='/logout'] button").await?;
        self.browser.says(".you", "Log in").await?;
        let left = self.browser.count(".cart-link .count").await?;
        ensure(left == 0, || "the cart stays in the browser for whoever comes next".to_owned())?;
        self.fills_the_cart(1).await?;
        self.logs_in().await?;
        self.open("/cart").await?;
        let pieces = self.browser.find("#cart-lines select").await?.value().await?;
        ensure(pieces.as_deref() == Some("3"), || format!("{pieces:?} pieces of 2 kept and 1 added"))?;
        self.page("cart-together").await?;
        self.browser.click(".line-remove button").await?;
        self.browser.says("main", "Nothing in it yet").await?;
        self.page("cart-empty").await
    }

    pub(super) async fn sees_orders(&mut self) -> Outcome {
        self.open("/account").await?;
        let orders = self.browser.count(".orders > li").await?;
        ensure(orders == 2, || format!("{orders} orders instead of two"))?;
        self.page("account-orders").await
    }

    /// A guest buys; another browser finds the order by number and address.
    pub(super) async fn finds_an_order_as_a_guest(&mut self) -> Outcome {
        let mine = self.browser.change_cookies(Vec::new()).await?;
        self.fills_the_cart(1).await?;
        self.page("cart").await?;
        self.open("/checkout").await?;
        let guest = self.email.replace("life.", "guest.");
        let fields = [
            ("email", guest.as_str()),
            ("name", NAME),
            ("address1", "7 Mole Road"),
            ("postcode", "24159"),
            ("city", "Kiel"),
        ];
        self.browser.fill_form("checkout-form", &fields).await?;
        self.browser.click("#place-order").await?;
        self.is_confirmed().await?;
        let number = self.browser.find("#order-number").await?.text().await?;
        let path = self.browser.path().await?;
        self.browser.change_cookies(Vec::new()).await?;
        self.open(&path).await?;
        let page = self.browser.page.source().await?;
        ensure(!page.contains("Mole Road"), || "a guest's address is shown to anybody".to_owned())?;
        self.page("order-glance").await?;
        self.open("/orders/lookup").await?;
        self.page("lookup").await?;
        self.browser.click("#lookup-form button[type=submit]").await?;
        self.is_wrong("lookup", "number", "Enter the number").await?;
        self.refused("lookup-wrong", 422).await?;
        self.browser.fill_form("lookup-form", &[("number", &number), ("email", "else@example.com")]).await?;
        self.browser.click("#lookup-form button[type=submit]").await?;
        self.browser.says("main [role=alert]", "We know no order").await?;
        self.refused("lookup-unknown", 404).await?;
        let typed = number.to_lowercase().replace('-', " ");
        self.browser.fill_form("lookup-form", &[("number", &typed), ("email", &guest)]).await?;
        self.browser.click("#lookup-form button[type=submit]").await?;
        self.browser.says("main", "7 Mole Road").await?;
        self.page("lookup-found").await?;
        self.browser.change_cookies(mine).await?;
        Ok(())
    }
}
