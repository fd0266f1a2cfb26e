//! The back office as a manager uses it, through pages and forms as a browser without JavaScript does.

use reqwest::{Client, Response};

use crate::buyer::hidden_fields;

/// The first log-in, who is there from the start and may do everything.
pub const MANAGER: &str = "staff";

/// A manager who is logged in.
pub struct BackOffice {
    http: Client,
    shop: String,
}

impl BackOffice {
    /// Logs in, with the first member's password.
    pub async fn enter(shop: &str, password: &str) -> Result<Self, String> {
        let http = Client::builder()
            .cookie_store(true)
            .no_proxy()
            .build()
            .map_err(|e| format!("cannot build an HTTP client: {e}"))?;
        let office = Self { http, shop: shop.to_owned() };
        office.send("/staff/login", &[("email", MANAGER), ("password", password)]).await?;
        Ok(office)
    }

    /// A page's text.
    pub async fn page(&self, path: &str) -> Result<String, String> {
        let fail = |e: reqwest::Error| format!("{path}: {e}");
        let answer = self.http.get(format!("{}{path}", self.shop)).send().await;
        answer.and_then(Response::error_for_status).map_err(fail)?.text().await.map_err(fail)
    }

    /// Fills in the form of this page whose tag has this attribute, and sends it to where the page is.
    pub async fn fill(&self, path: &str, attribute: &str, typed: &[(&str, &str)]) -> Result<(), String> {
        let page = self.page(path).await?;
        let hidden =
            hidden_fields(&page, attribute).ok_or_else(|| format!("{path} has no form {attribute}"))?;
        let hidden = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let fields: Vec<(&str, &str)> = hidden.chain(typed.iter().copied()).collect();
        self.send(path, &fields).await
    }

    async fn send(&self, path: &str, fields: &[(&str, &str)]) -> Result<(), String> {
        let request =
            self.http.post(format!("{}{path}", self.shop)).header("origin", &self.shop).form(fields);
        let answer = request.send().await.and_then(Response::error_for_status);
        answer.map(|_| ()).map_err(|e| format!("{path}: {e}"))
    }
}
