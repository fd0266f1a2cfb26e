//! A guest who buys one thing, through pages and forms as a browser without JavaScript does.

use std::time::Duration;

/// A shopper who sees an error presses the button again: the same form, the same key.
const PRESSES: usize = 6;
const BETWEEN_PRESSES: Duration = Duration::from_millis(700);
const PAGE_WITHIN: Duration = Duration::from_secs(20);

/// Each order that is wanted has an address of its own in this domain; a second order there was not wanted.
const ONE_ORDER_DOMAIN: &str = "once.example.com";

/// Buys; answers the order's number as the page showed it, which is the acknowledgement. `who` goes into the address.
pub async fn buy_once(shop: &str, who: usize) -> Result<String, String> {
    buy_as(shop, &format!("buyer{who}-{:016x}@{ONE_ORDER_DOMAIN}", rand::random::<u64>())).await
}

/// The same for a guest with this address.
pub async fn buy_as(shop: &str, email: &str) -> Result<String, String> {
    let http = reqwest::Client::builder()
        .cookie_store(true)
        .timeout(PAGE_WITHIN)
        .no_proxy()
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
    let fields = checkout_form(&checkout, email)?;
    let mut last = String::new();
    for _ in 0..PRESSES {
        match http.post(format!("{shop}/checkout")).form(&fields).send().await {
            Ok(answer) => {
                let status = answer.status();
                let text = answer.text().await.unwrap_or_default();
                if status.is_success()
                    && let Some(number) = order_number(&text)
                {
                    return Ok(number);
                }
                last = status.to_string();
            }
            Err(e) => last = e.to_string(),
        }
        tokio::time::sleep(BETWEEN_PRESSES).await;
    }
    Err(format!("the order could not be placed: {last}"))
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
