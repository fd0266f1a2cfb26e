//! A guest who buys one thing, through pages and forms as a browser without JavaScript does.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use reqwest::{Client, StatusCode};

/// A shopper who sees an error presses the button again: the same form, the same key.
const PRESSES: usize = 6;
const BETWEEN_PRESSES: Duration = Duration::from_millis(700);
const PAGE_WITHIN: Duration = Duration::from_secs(20);

/// Each order that is wanted has an address of its own in this domain; a second order there was not wanted.
const ONE_ORDER_DOMAIN: &str = "once.example.com";

/// What a guest does besides buying one piece with a good card.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    pub email: String,
    /// A voucher's code, sent with the order.
    pub voucher: Option<String>,
    /// Cancels the order on the page that told of it.
    pub cancels: bool,
}

/// An order as its shopper knows it.
#[derive(Clone, Debug)]
pub struct Bought {
    /// As the page showed it, which is the acknowledgement.
    pub number: String,
    pub told: Told,
}

/// What a shopper was told of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// That it is placed.
    Bought,
    /// That it is cancelled, as the shopper wished.
    Cancelled,
    /// That it is placed; whether it was cancelled afterwards no page told.
    PerhapsCancelled,
}

/// An address of which one order is wanted. `who` goes into it.
pub fn address_of_one_order(who: usize) -> String {
    format!("buyer{who}-{:016x}@{ONE_ORDER_DOMAIN}", rand::random::<u64>())
}

/// Buys as wished.
pub async fn buy(shop: &str, wish: &Wish) -> Result<Bought, String> {
    let http = Client::builder()
        .cookie_store(true)
        .timeout(PAGE_WITHIN)
        .no_proxy()
        .local_address(own_address())
        .build()
        .map_err(|e| format!("cannot build an HTTP client: {e}"))?;
    let page = async |path: String| {
        let answer = http.get(format!("{shop}{path}")).send().await.map_err(|e| format!("{path}: {e}"))?;
        answer.text().await.map_err(|e| format!("{path}: {e}"))
    };
    let home = page("/".to_owned()).await?;
    let category = between(&home, "href=\"/c/", "\"").ok_or("the home page links to no category")?;
    let list = page(format!("/c/{category}")).await?;
    let product = between(&list, "href=\"/p/", "\"").ok_or("the category lists no product")?;
    let product = page(format!("/p/{product}")).await?;
    let add = cart_form(&product)?;
    let added = http.post(format!("{shop}/cart/add")).form(&add).send().await;
    let added = added.map_err(|e| format!("/cart/add: {e}"))?;
    if !added.status().is_success() {
        return Err(format!("/cart/add: {}", added.status()));
    }
    let checkout = page("/checkout".to_owned()).await?;
    let mut fields = checkout_form(&checkout, &wish.email)?;
    if let Some(code) = &wish.voucher {
        let voucher = ("voucher".to_owned(), code.clone());
        fields.extend([voucher.clone(), ("do".to_owned(), "show".to_owned())]);
        let is_shown =
            |status: StatusCode, page: &str| status.is_success() && page.contains("id=\"checkout-form\"");
        let less = press(&http, &format!("{shop}/checkout"), &fields, is_shown).await;
        let less = less.map_err(|last| format!("the voucher could not be applied: {last}"))?;
        fields = checkout_form(&less, &wish.email)?;
        fields.push(voucher);
    }
    let order = press(&http, &format!("{shop}/checkout"), &fields, |status, page| {
        status.is_success() && order_number(page).is_some()
    })
    .await
    .map_err(|last| format!("the order could not be placed: {last}"))?;
    let number = order_number(&order).ok_or("the order's page has no number")?;
    let told = if wish.cancels { cancel(&http, shop, &order).await } else { Told::Bought };
    Ok(Bought { number, told })
}

/// A network of the shopper's own: what the shop counts by network (tries of voucher codes) is not counted for all of them
/// together.
fn own_address() -> IpAddr {
    let [a, b, c]: [u8; 3] = rand::random();
    Ipv4Addr::new(127, a, b, c.clamp(1, 254)).into()
}

/// Cancels the order of this page, where it offers that: a pending one does not.
async fn cancel(http: &Client, shop: &str, order: &str) -> Told {
    let form = hidden_fields(order, "id=\"cancel-form\"");
    let id = between(order, "action=\"/orders/", "/cancel\"");
    let (Some(fields), Some(id)) = (form, id) else { return Told::Bought };
    let is_cancelled =
        |status: StatusCode, page: &str| status.is_success() && page.contains("This order was cancelled");
    match press(http, &format!("{shop}/orders/{id}/cancel"), &fields, is_cancelled).await {
        Ok(_) => Told::Cancelled,
        Err(_) => Told::PerhapsCancelled,
    }
}

/// Presses a form's button until a page says that it is `done`, and answers that page; else the last answer's words.
async fn press(
    http: &Client,
    action: &str,
    fields: &[(String, String)],
    done: impl Fn(StatusCode, &str) -> bool,
) -> Result<String, String> {
    let mut last = String::new();
    for _ in 0..PRESSES {
        match http.post(action).form(fields).send().await {
            Ok(answer) => {
                let status = answer.status();
                let page = answer.text().await.unwrap_or_default();
                if done(status, &page) {
                    return Ok(page);
                }
                last = status.to_string();
            }
            Err(e) => last = e.to_string(),
        }
        tokio::time::sleep(BETWEEN_PRESSES).await;
    }
    Err(last)
}

/// The form of a product's page that puts one piece into the cart.
pub fn cart_form(product: &str) -> Result<Vec<(String, String)>, &'static str> {
    let mut fields = hidden_fields(product, "action=\"/cart/add\"").ok_or("the product is sold out")?;
    if !fields.iter().any(|(name, _)| name == "quantity") {
        fields.push(("quantity".to_owned(), "1".to_owned()));
    }
    Ok(fields)
}

/// The checkout's form, filled in for a guest who pays with a good card.
pub fn checkout_form(checkout: &str, email: &str) -> Result<Vec<(String, String)>, &'static str> {
    let mut fields = hidden_fields(checkout, "id=\"checkout-form\"").ok_or("there is no checkout form")?;
    for (name, value) in [
        ("name", "Kim Harbour"),
        ("email", email),
        ("address1", "1 Quay Street"),
        ("city", "Kiel"),
        ("postcode", "24103"),
        ("country", "DE"),
        ("payment_token", "tok_visa"),
    ] {
        fields.retain(|(n, _)| n != name);
        fields.push((name.to_owned(), value.to_owned()));
    }
    Ok(fields)
}

fn order_number(page: &str) -> Option<String> {
    let after = page.split("id=\"order-number\"").nth(1)?;
    Some(between(after, ">", "<")?.trim().to_owned()).filter(|n| !n.is_empty())
}

fn between(text: &str, start: &str, end: &str) -> Option<String> {
    let rest = &text[text.find(start)? + start.len()..];
    Some(rest[..rest.find(end)?].to_owned())
}

/// The hidden fields of the form whose tag has this attribute.
pub fn hidden_fields(page: &str, attribute: &str) -> Option<Vec<(String, String)>> {
    let body = &page[page.find(attribute)?..];
    let body = &body[..body.find("</form>").unwrap_or(body.len())];
    let tags = body.split("<input").skip(1).filter_map(|t| t.split('>').next());
    Some(
        tags.filter(|t| t.contains("type=\"hidden\""))
            .filter_map(|t| Some((between(t, "name=\"", "\"")?, between(t, "value=\"", "\"")?)))
            .collect(),
    )
}
