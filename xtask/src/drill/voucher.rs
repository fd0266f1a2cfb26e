//! A voucher for the shoppers of a drill, made on the staff's pages as a manager makes it.

use reqwest::Client;

use crate::{
    buyer::hidden_fields,
    platform::{layout::Layout, secrets},
};

/// The first log-in, who may make vouchers.
const MANAGER: &str = "staff";

/// Makes a voucher of 10 % that any number of orders may use; answers its code.
pub async fn make(layout: &Layout) -> Result<String, String> {
    let http = Client::builder()
        .cookie_store(true)
        .no_proxy()
        .build()
        .map_err(|e| format!("cannot build an HTTP client: {e}"))?;
    let shop = layout.shop_url();
    let password = secrets::read(layout, secrets::STAFF_PASSWORD)?;
    let send = async |path: &str, fields: &[(&str, &str)]| {
        let request = http.post(format!("{shop}{path}")).header("origin", &shop).form(fields);
        let answer = request.send().await.and_then(reqwest::Response::error_for_status);
        answer.map_err(|e| format!("{path}: {e}"))
    };
    send("/staff/login", &[("email", MANAGER), ("password", &password)]).await?;
    let fail = |e: reqwest::Error| format!("/staff/vouchers: {e}");
    let page = http.get(format!("{shop}/staff/vouchers")).send().await.map_err(fail)?;
    let page = page.text().await.map_err(fail)?;
    let hidden = hidden_fields(&page, "id=\"new-form\"").ok_or("no form for a new voucher")?;
    let code = format!("DRILL-{:08X}", rand::random::<u32>());
    let mut fields: Vec<(&str, &str)> =
        hidden.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    fields.extend([
        ("code", code.as_str()),
        ("benefit", "10 %"),
        ("starts_at", "2020-01-01"),
        ("ends_at", "2099-12-31"),
        ("max_uses", "1000000"),
        ("note", "a drill"),
    ]);
    send("/staff/vouchers", &fields).await?;
    Ok(code)
}
