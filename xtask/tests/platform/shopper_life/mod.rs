//! A shopper's whole life with the shop, in a real browser: registers, buys, cancels, sends back, forgets the password,
//! looks after sessions, finds a guest's order, deletes the account. Wide and narrow, with scripts and without.

mod account;
mod orders;

use crate::{
    Outcome,
    audit::{Audit, in_time},
    browser::{Browser, Look},
    clerk,
    local::Platform,
    mailbox::{mail, mails_to},
};

/// Long, as some names are.
const NAME: &str = "Maximiliane-Theodora Wasserkante-Oldenburg";
const FIRST_PASSWORD: &str = "the first long password";

/// One shopper in one browser.
struct Life<'a> {
    p: &'a Platform,
    browser: &'a Browser,
    audit: Audit,
    look: Look,
    email: String,
    /// The one that is good now.
    password: String,
}

/// All four ways of looking at the shop, two at a time.
pub async fn a_shopper_s_whole_life_from_registering_to_the_deleted_account(p: &Platform) -> Outcome {
    clerk::hire(p).await?;
    let look = |width, scripts| Look { width, dark: false, scripts };
    tokio::try_join!(live(p, look(1440, true)), live(p, look(390, false)))?;
    tokio::try_join!(live(p, look(390, true)), live(p, look(1440, false)))?;
    Ok(())
}

async fn live(p: &Platform, look: Look) -> Outcome {
    let started = std::time::Instant::now();
    let browser = Browser::open(look).await?;
    let email = format!("life.{}.{}@example.com", look.name(), std::process::id());
    let audit = Audit::new("life", look);
    let mut life = Life { p, browser: &browser, audit, look, email, password: FIRST_PASSWORD.to_owned() };
    let walk = in_time(life.walk()).await;
    let result = life.audit.conclude(&browser, started, walk).await;
    browser.close().await?;
    result
}

impl Life<'_> {
    async fn walk(&mut self) -> Outcome {
        self.registers().await?;
        self.keeps_addresses().await?;
        let cancelled = self.buys(1).await?;
        self.cancels(&cancelled).await?;
        let kept = self.buys(2).await?;
        self.sends_back(&kept).await?;
        self.sees_orders().await?;
        self.brings_carts_together().await?;
        self.forgets_the_password().await?;
        self.looks_after_sessions().await?;
        self.finds_an_order_as_a_guest().await?;
        self.deletes_the_account(&[cancelled, kept]).await?;
        self.was_told_by_mail().await
    }

    async fn open(&self, path: &str) -> Outcome {
        self.browser.page.goto(self.p.shop(path)).await?;
        Ok(())
    }

    async fn page(&mut self, name: &str) -> Outcome {
        self.audit.page(self.browser, name, None).await
    }

    async fn refused(&mut self, name: &str, status: u16) -> Outcome {
        self.audit.page(self.browser, name, Some(status)).await
    }

    /// The message at a field of a refused form; with scripts the first wrong field has the focus.
    async fn is_wrong(&mut self, page: &str, field: &str, words: &str) -> Outcome {
        self.browser.says(&format!("#{field}-error"), words).await?;
        if self.look.scripts {
            let active = self.browser.page.active_element().await?;
            let focused = active.attr("aria-invalid").await?.is_some();
            if !focused {
                self.audit.fault(page, "no wrong field has the focus");
            }
        }
        Ok(())
    }

    /// Exactly the mails that this life gave reason for: a second press of a button is no reason.
    async fn was_told_by_mail(&self) -> Outcome {
        mail(self.p, &self.email, "Your account is deleted").await?;
        let mails = mails_to(self.p, &self.email)?;
        let count = |subject: &str| mails.iter().filter(|mail| mail.subject.contains(subject)).count();
        for (subject, times) in [
            ("Confirm your account", 1),
            ("Welcome aboard", 1),
            ("You have an account already", 0),
            ("is confirmed", 2),
            ("is cancelled", 1),
            ("is on its way", 1),
            ("Your return for order", 1),
            ("A new password for your account", 1),
            ("Your password was changed", 2),
            ("Your account is deleted", 1),
        ] {
            // "Your money … is on its way back" is another mail.
            let found = match subject {
                "is on its way" => count(subject) - count("is on its way back"),
                _ => count(subject),
            };
            if found != times {
                let subjects: Vec<&str> = mails.iter().map(|mail| mail.subject.as_str()).collect();
                return Err(format!("{found} mails {subject:?} instead of {times}: {subjects:?}").into());
            }
        }
        Ok(())
    }
}
