//! A shopper in a real browser.

use std::time::Duration;

use crate::{
    Outcome,
    browser::{Browser, Look},
    local::{Platform, eventually},
};

/// Search, product, cart, checkout, order number; the mail arrives, the order is in the books once.
pub async fn a_shopper_finds_a_product_and_buys_it(p: &Platform) -> Outcome {
    let browser = Browser::open(Look::DESKTOP).await?;
    let result = buy(p, &browser).await;
    if result.is_err() {
        let _ = browser.screenshot(&crate::local::screenshots().join("failure-shopper.png")).await;
    }
    browser.close().await?;
    result
}

async fn buy(p: &Platform, browser: &Browser) -> Outcome {
    browser.page.goto(p.shop("/")).await?;
    browser.fill("input[name=q]", "lamp").await?;
    browser.find("input[name=q]").await?.send_keys(thirtyfour::Key::Enter + "").await?;
    // The front page has links to products too.
    eventually("the search is answered", Duration::from_secs(15), || async {
        Ok((browser.page.current_url().await?.path() == "/search").then_some(()))
    })
    .await?;
    browser.click("a[href^='/p/']").await?;
    browser.find("#add-to-cart").await?;
    browser.click("#add-to-cart").await?;
    browser.says("main [role=status]", "is in your cart").await?;
    eventually("a page loaded anew does not say again what was put in", Duration::from_secs(15), || async {
        let there = browser.page.current_url().await?;
        Ok((there.path() == "/cart" && there.query().is_none_or(str::is_empty)).then_some(()))
    })
    .await?;
    browser.find(".count").await?;
    browser.page.goto(p.shop("/cart")).await?;
    browser.find("#cart-lines").await?;
    browser.page.goto(p.shop("/checkout")).await?;
    browser.find("#checkout-form").await?;
    let email = format!("kim.{}@example.com", std::process::id());
    for (field, value) in [
        ("name", "Kim Harbour"),
        ("email", email.as_str()),
        ("address1", "1 Quay Street"),
        ("city", "Kiel"),
        ("postcode", "24103"),
    ] {
        browser.fill(&format!("#checkout-form [name={field}]"), value).await?;
    }
    browser.click("#place-order").await?;
    let number = browser.find("#order-number").await?.text().await?;
    if number.trim().is_empty() {
        return Err("the order has no number".into());
    }
    let errors = browser.console_errors(&[]).await?;
    if !errors.is_empty() {
        return Err(format!("the browser's console shows {errors:?}").into());
    }
    let mail = p.data.join("mail");
    eventually("the confirmation is mailed", Duration::from_secs(30), || {
        let (mail, email) = (mail.clone(), email.clone());
        async move {
            let files = std::fs::read_dir(&mail)
                .map(|d| d.filter_map(Result::ok).collect::<Vec<_>>())
                .unwrap_or_default();
            let to_kim = files
                .iter()
                .any(|f| std::fs::read_to_string(f.path()).is_ok_and(|text| text.contains(email.as_str())));
            Ok(to_kim.then_some(()))
        }
    })
    .await
}
