//! The back office in a real browser: a clerk's day, and what a clerk does for a shopper.

use std::time::Duration;

use crate::{
    Failure, Outcome,
    audit::{Audit, in_time},
    back_office::{BackOffice, MANAGER},
    browser::{Browser, Look},
    buying::buy_as,
    ensure,
    local::{Platform, eventually},
};

/// A clerk, and somebody who may only look.
const CLERK: &str = "ada";
const VIEWER: &str = "vic";

/// Has the manager add the shop's clerk and viewer, with the first member's password, unless they are there.
pub async fn hire(p: &Platform) -> Outcome {
    let password = p.secret("shop-staff-password")?;
    let office = BackOffice::enter(&p.shop(""), &password).await?;
    for (name, role) in [(CLERK, "clerk"), (VIEWER, "viewer")] {
        let page = office.page("/staff/people").await?;
        if !page.contains(&format!("href=\"/staff/people/{name}\"")) {
            let member = [("username", name), ("role", role), ("password", password.as_str())];
            office.fill("/staff/people", "action=\"/staff/people\"", &member).await?;
        }
    }
    Ok(())
}

/// The parcel of this order leaves.
pub async fn ships(p: &Platform, browser: &Browser, number: &str) -> Outcome {
    open_order(p, browser, number).await?;
    browser.fill_form("ship-form", &[("carrier", "Tug & Sons"), ("tracking_number", "T-4711")]).await?;
    browser.press_twice("#ship-form button[type=submit]").await?;
    browser.says("main [role=status]", "The parcel is on its way").await
}

/// The pieces that were announced for this order have arrived.
pub async fn receives(p: &Platform, browser: &Browser, number: &str) -> Outcome {
    open_order(p, browser, number).await?;
    browser.press_twice("form.receive button").await?;
    browser.says("main [role=status]", "The return is booked").await?;
    let refunds = browser.count("#money > li").await?;
    if refunds == 1 { Ok(()) } else { Err(format!("{refunds} refunds for one return received").into()) }
}

async fn open_order(p: &Platform, browser: &Browser, number: &str) -> Outcome {
    browser.page.goto(p.shop("/staff/orders")).await?;
    if browser.path().await?.starts_with("/staff/login") {
        log_in(p, browser, CLERK).await?;
        browser.page.goto(p.shop("/staff/orders")).await?;
    }
    browser.fill("#q", number).await?;
    browser.click(".filters button").await?;
    browser.arrives(number).await?;
    browser.click("main table td:first-child a").await?;
    browser.says("h1", number).await
}

async fn log_in(p: &Platform, browser: &Browser, who: &str) -> Outcome {
    browser.page.goto(p.shop("/staff/login")).await?;
    let password = p.secret("shop-staff-password")?;
    browser.fill_form("staff-login", &[("email", who), ("password", &password)]).await?;
    browser.click("#staff-login button").await?;
    browser.says(".who", who).await
}

/// From the log-in to the log-out: orders found, shipped, refunded; stock corrected; a price changed by a manager; nothing
/// changed by somebody who may only look.
pub async fn a_clerk_s_day_from_log_in_to_log_out(p: &Platform) -> Outcome {
    hire(p).await?;
    let look = |width, scripts| Look { width, dark: false, scripts };
    tokio::try_join!(work(p, look(1440, true), 901), work(p, look(390, false), 902))?;
    work(p, look(390, true), 903).await
}

async fn work(p: &Platform, look: Look, buyer: usize) -> Outcome {
    let started = std::time::Instant::now();
    let email = format!("chaos{buyer}@example.com");
    let number = buy_as(&p.shop(""), &email).await?;
    let browser = Browser::open(look).await?;
    let mut day = Day { p, browser: &browser, audit: Audit::new("clerk", look), look, number, email };
    let whole = in_time(day.whole()).await;
    let result = day.audit.conclude(&browser, started, whole).await;
    browser.close().await?;
    result
}

/// A clerk's day with one order.
struct Day<'a> {
    p: &'a Platform,
    browser: &'a Browser,
    audit: Audit,
    look: Look,
    number: String,
    email: String,
}

impl Day<'_> {
    async fn whole(&mut self) -> Outcome {
        self.comes_in().await?;
        self.finds_the_order().await?;
        self.gives_a_part_back().await?;
        self.sends_the_parcel().await?;
        self.corrects_stock().await?;
        self.leaves().await?;
        self.changes_a_product().await?;
        self.looks_after_people().await?;
        self.may_only_look().await
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

    async fn comes_in(&mut self) -> Outcome {
        self.open("/staff").await?;
        self.browser.find("#staff-login").await?;
        self.page("login").await?;
        self.browser.fill_form("staff-login", &[("email", CLERK), ("password", "not the password")]).await?;
        self.browser.click("#staff-login button").await?;
        self.browser.says("main [role=alert]", "is not right").await?;
        self.refused("login-wrong", 401).await?;
        log_in(self.p, self.browser, CLERK).await?;
        self.browser.says("h1", "Overview").await?;
        self.page("overview").await
    }

    async fn finds_the_order(&mut self) -> Outcome {
        self.open("/staff/orders").await?;
        self.page("orders").await?;
        self.browser.fill("#q", &self.email).await?;
        self.browser.click(".filters button").await?;
        self.browser.says("main table", &self.number).await?;
        self.browser.fill("#q", "").await?;
        self.browser.choose("#status", "confirmed").await?;
        self.browser.click(".filters button").await?;
        self.browser.arrives("q=&status=confirmed").await?;
        self.browser.says("main table", "Confirmed").await?;
        let (rows, confirmed) = (
            self.browser.count("main tbody tr").await?,
            self.browser.count("main tbody .status.good").await?,
        );
        ensure(rows == confirmed, || format!("{confirmed} of {rows} orders listed as confirmed are"))?;
        self.page("orders-confirmed").await?;
        self.browser.fill("#q", "nobody@example.com").await?;
        self.browser.click(".filters button").await?;
        self.browser.says("main", "No order matches").await?;
        self.page("orders-none").await?;
        open_order(self.p, self.browser, &self.number).await?;
        self.page("order").await
    }

    async fn gives_a_part_back(&mut self) -> Outcome {
        self.browser.fill_form("refund-form", &[("amount", "1,00"), ("reason", "A scratch")]).await?;
        self.browser.press_twice("#refund-form button[type=submit]").await?;
        self.browser.says("main [role=status]", "The money goes back").await?;
        let refunds = self.browser.count("#money > li").await?;
        ensure(refunds == 1, || format!("{refunds} refunds after two presses of one button"))?;
        let fields = [("amount", "99999.00"), ("reason", "Far too much")];
        self.browser.fill_form("refund-form", &fields).await?;
        self.browser.click("#refund-form button[type=submit]").await?;
        self.browser.says("#refund-amount-error", "can be given back").await?;
        let kept = self.browser.find("#refund-reason").await?.value().await?;
        ensure(kept.as_deref() == Some("Far too much"), || format!("the reason was not kept: {kept:?}"))?;
        self.refused("order-refund-too-large", 409).await?;
        let refunds = self.browser.count("#money > li").await?;
        ensure(refunds == 1, || format!("{refunds} refunds after one that was refused"))
    }

    async fn sends_the_parcel(&mut self) -> Outcome {
        self.browser.click("#ship-form button[type=submit]").await?;
        self.browser.says("main [role=alert]", "Not done").await?;
        self.refused("order-ship-empty", 422).await?;
        ships(self.p, self.browser, &self.number).await?;
        let history = self.browser.find(".history").await?.text().await?;
        for entry in ["Money is to go back: €1.00, asked for by ada", "Handed over by ada", "Ordered by"] {
            ensure(history.contains(entry), || format!("the history lacks {entry:?}: {history}"))?;
        }
        self.page("order-shipped").await
    }

    async fn corrects_stock(&mut self) -> Outcome {
        self.open("/staff/stock").await?;
        self.page("stock").await?;
        self.browser.click("main tbody tr:last-child td:first-child a").await?;
        self.browser.find("#adjust-form").await?;
        self.browser.fill_form("adjust-form", &[("delta", "many")]).await?;
        self.browser.click("#adjust-form button[type=submit]").await?;
        self.browser.says("#adjust-delta-error", "how many pieces").await?;
        self.refused("stock-wrong", 422).await?;
        // In brackets: no look's name may be the beginning of another's note on the same product.
        let note = format!("Wet through ({})", self.look.name());
        self.browser.choose("#adjust-reason", "damage").await?;
        self.browser.fill_form("adjust-form", &[("delta", "-1"), ("note", &note)]).await?;
        self.browser.press_twice("#adjust-form button[type=submit]").await?;
        // The answer may come between the two presses: then the second one meets a link where the button was.
        if !self.browser.path().await?.starts_with("/staff/stock/") {
            self.browser.page.back().await?;
        }
        self.browser.says("main [role=status]", "corrected").await?;
        let ledger = self.browser.find("main table").await?.text().await?;
        ensure(ledger.matches(&note).count() == 1, || {
            format!("not one movement after two presses of one button: {ledger}")
        })?;
        let row = ledger.lines().find(|line| line.contains(&note)).unwrap_or_default();
        ensure(["-1", "Damaged", CLERK].iter().all(|part| row.contains(part)), || {
            format!("movement: {row}")
        })?;
        self.page("stock-ledger").await
    }

    async fn leaves(&mut self) -> Outcome {
        self.browser.click(".who button").await?;
        self.browser.find("#staff-login").await?;
        self.open("/staff/orders").await?;
        let path = self.browser.path().await?;
        ensure(path == "/staff/login", || format!("after the log-out {path} is shown"))
    }

    async fn changes_a_product(&mut self) -> Outcome {
        log_in(self.p, self.browser, MANAGER).await?;
        self.open("/staff/products?q=anchor").await?;
        self.page("products").await?;
        // One of each walk, so that they do not meet.
        let rows = self.browser.count("main tbody tr").await?.max(1);
        let row = 1 + (self.look.width as usize + usize::from(self.look.scripts)) % rows;
        self.browser.click(&format!("main tbody tr:nth-child({row}) a")).await?;
        self.browser.find("#edit-form").await?;
        let path = self.browser.path().await?;
        self.page("product").await?;
        let before = self.browser.find("#edit-price").await?.value().await?.unwrap_or_default();
        self.browser.fill("#edit-price", "cheap").await?;
        self.browser.click("#edit-form button[type=submit]").await?;
        self.browser.says("#edit-price-error", "Enter a price").await?;
        self.refused("product-wrong", 422).await?;
        let description = format!("Holds where others drag, seen at {}.", self.look.name());
        let change =
            [("price", "123.45"), ("description", &description), ("note", "The chandler's new list")];
        self.browser.fill_form("edit-form", &change).await?;
        self.browser.press_twice("#edit-form button[type=submit]").await?;
        self.browser.find(".history ins").await?;
        let history = self.browser.find(".history").await?.text().await?;
        for part in ["price by staff", &before, "123.45", "description by staff", "The chandler's new list"] {
            ensure(history.contains(part), || format!("the history lacks {part:?}: {history}"))?;
        }
        ensure(history.matches(&description).count() == 1, || format!("not one change: {history}"))?;
        self.page("product-changed").await?;
        let shop = path.split('?').next().unwrap_or_default().replace("/staff/products/", "/p/");
        eventually("the shop shows the new price", Duration::from_secs(30), || async {
            self.open(&shop).await?;
            let page = self.browser.page.source().await?;
            Ok((page.contains("123.45") && page.contains(&description)).then_some(()))
        })
        .await?;
        self.open(&path).await?;
        self.browser.fill("#edit-price", &before).await?;
        self.browser.click("#edit-form button[type=submit]").await?;
        self.browser.says("main [role=status]", "Saved").await
    }

    /// Somebody comes, becomes a clerk, and leaves again.
    async fn looks_after_people(&mut self) -> Outcome {
        self.open("/staff/people").await?;
        self.page("people").await?;
        let name = format!("new.{}.{}", self.look.name().to_lowercase(), std::process::id());
        self.browser.fill_form("new-form", &[("username", &name), ("password", "short")]).await?;
        self.browser.click("#new-form button[type=submit]").await?;
        self.browser.says("#new-password-error", "10 to 200 characters").await?;
        self.refused("people-wrong", 422).await?;
        self.browser.fill("#new-form [name=password]", "a long enough one").await?;
        self.browser.press_twice("#new-form button[type=submit]").await?;
        self.browser.says("#people", &name).await?;
        self.open(&format!("/staff/people/{name}")).await?;
        self.page("person").await?;
        self.browser.choose("#role-role", "clerk").await?;
        self.browser.click("#role-form button[type=submit]").await?;
        self.browser.says("main [role=status]", "The role is changed").await?;
        self.browser.click("#end-form button[type=submit]").await?;
        self.browser.says("main [role=status]", "is ended and logged out").await?;
        let history = self.browser.find(".history").await?.text().await?;
        for part in ["added as viewer by staff", "from viewer to clerk by staff", "ended by staff"] {
            ensure(history.matches(part).count() == 1, || format!("not once {part:?}: {history}"))?;
        }
        self.page("person-ended").await?;
        self.browser.click(".who button").await?;
        self.browser.find("#staff-login").await.map(|_| ())
    }

    async fn may_only_look(&mut self) -> Outcome {
        log_in(self.p, self.browser, VIEWER).await?;
        self.open("/staff/orders").await?;
        self.browser.fill("#q", &self.number).await?;
        self.browser.click(".filters button").await?;
        self.browser.arrives(&self.number).await?;
        self.browser.click("main table td:first-child a").await?;
        self.browser.says("h1", &self.number).await?;
        self.has_no_form("order").await?;
        let order = self.browser.path().await?;
        self.open("/staff/stock").await?;
        self.browser.click("main tbody tr:last-child td:first-child a").await?;
        self.browser.arrives("/staff/stock/").await?;
        self.browser.find("main table").await?;
        self.has_no_form("stock").await?;
        let stock = self.browser.path().await?;
        self.open("/staff/products?q=anchor").await?;
        self.browser.click("main tbody td a").await?;
        self.browser.find(".history, main h2").await?;
        self.browser.arrives("/staff/products/").await?;
        self.has_no_form("product").await?;
        let product = self.browser.path().await?;
        let key = "0123456789abcdef0123456789abcdef";
        for (to, fields) in [
            (format!("{order}/refund"), vec![("amount", "1.00"), ("reason", "x"), ("key", key)]),
            (format!("{order}/ship"), vec![("carrier", "x"), ("tracking_number", "x")]),
            (format!("{order}/cancel"), vec![("reason", "x")]),
            (stock, vec![("delta", "1"), ("reason", "count"), ("key", key)]),
            (product, vec![("name", "x"), ("description", "x"), ("price", "1")]),
        ] {
            let status = self.posts(&to, fields).await?;
            ensure(status == 403, || format!("a viewer's POST to {to} answered {status}"))?;
        }
        self.browser.click(".who button").await?;
        self.browser.find("#staff-login").await.map(|_| ())
    }

    async fn has_no_form(&mut self, page: &str) -> Outcome {
        let forms = self.browser.count("main form").await?;
        ensure(forms == 0, || format!("a viewer sees {forms} forms on the page of the {page}"))?;
        self.page(&format!("viewer-{page}")).await
    }

    /// Sends a form with this browser's cookie and token, as somebody would who takes a page apart.
    async fn posts(&self, path: &str, mut fields: Vec<(&str, &str)>) -> Result<u16, Failure> {
        let token = self.browser.find(".who [name=csrf]").await?.attr("value").await?.unwrap_or_default();
        fields.push(("csrf", &token));
        let cookies = self.browser.page.get_all_cookies().await?;
        let cookies: Vec<String> = cookies.iter().map(|c| format!("{}={}", c.name, c.value)).collect();
        let shop = self.p.shop("");
        let request = self.p.http.post(self.p.shop(path)).form(&fields);
        let request = request.header("cookie", cookies.join("; ")).header("origin", shop);
        Ok(request.send().await?.status().as_u16())
    }
}
