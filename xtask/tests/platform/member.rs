//! A shopper with an account: registers, confirms by mail, logs in, and reads what only identity knows.

use std::time::Duration;

use reqwest::Client;

use crate::{
    Failure, Outcome,
    buyer::hidden_fields,
    ensure,
    local::Platform,
    mailbox::{link_in, mail},
};

const PASSWORD: &str = "a password of a member";
const ANSWERED_WITHIN: Duration = Duration::from_secs(15);

/// Somebody with an account, and a browser that is logged in.
pub struct Member {
    http: Client,
    shop: String,
    email: String,
}

impl Member {
    /// Registers a new account and confirms it by the link in the mail.
    pub async fn register(p: &Platform, who: &str) -> Result<Self, Failure> {
        let http = Client::builder().cookie_store(true).timeout(ANSWERED_WITHIN).no_proxy().build()?;
        let email = format!("{who}-{:016x}@example.com", rand::random::<u64>());
        let member = Self { http, shop: p.shop(""), email };
        let fields = [("name", "Robin Quay"), ("email", member.email.as_str()), ("password", PASSWORD)];
        member.send("/register", "/register", &fields).await?;
        let letter = mail(p, &member.email, "Confirm your account").await?;
        let link = link_in(&letter.text, "/register/confirm?")?;
        let link = link.strip_prefix(&member.shop).unwrap_or(link).to_owned();
        member.send(&link, "/register/confirm", &[("password", PASSWORD)]).await?;
        member.read().await?;
        Ok(member)
    }

    /// The address book, which identity is asked for each time. A page that asks to log in is a failure.
    pub async fn read(&self) -> Outcome {
        let page = self.page("/account/addresses").await?;
        ensure(page.contains("action=\"/account/addresses\""), || {
            "/account/addresses: the page has no address book: the session was lost".to_owned()
        })
    }

    /// Tries to log in from another browser, with the wrong password where `wrong`. Answers the status.
    pub async fn logs_in_elsewhere(&self) -> Result<u16, Failure> {
        let http = Client::builder().cookie_store(true).timeout(ANSWERED_WITHIN).no_proxy().build()?;
        let elsewhere = Self { http, shop: self.shop.clone(), email: self.email.clone() };
        elsewhere.post("/login", "/login", &[("email", &self.email), ("password", PASSWORD)]).await
    }

    /// Asks for a new password: identity writes an event.
    pub async fn forgets_the_password(&self) -> Outcome {
        self.send("/forgot-password", "/forgot-password", &[("email", &self.email)]).await
    }

    async fn page(&self, path: &str) -> Result<String, Failure> {
        let answer = self.http.get(format!("{}{path}", self.shop)).send().await;
        let answer = answer.map_err(|e| format!("{path}: {e}"))?;
        let status = answer.status();
        ensure(status.is_success(), || format!("{path}: {status}"))?;
        Ok(answer.text().await?)
    }

    async fn send(&self, page: &str, action: &str, typed: &[(&str, &str)]) -> Outcome {
        let status = self.post(page, action, typed).await?;
        ensure(status < 400, || format!("{action}: {status}"))
    }

    /// Sends a form of a page as a browser does; answers the status after redirections.
    async fn post(&self, page: &str, action: &str, typed: &[(&str, &str)]) -> Result<u16, Failure> {
        let found = hidden_fields(&self.page(page).await?, &format!("action=\"{action}\""));
        let mut fields = found.ok_or_else(|| format!("{page} has no form for {action}"))?;
        for (name, value) in typed {
            fields.retain(|(known, _)| known != name);
            fields.push(((*name).to_owned(), (*value).to_owned()));
        }
        let request = self.http.post(format!("{}{action}", self.shop)).header("origin", &self.shop);
        let answer = request.form(&fields).send().await.map_err(|e| format!("{action}: {e}"))?;
        Ok(answer.status().as_u16())
    }
}
