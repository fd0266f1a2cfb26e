//! Search in a real browser: suggestions by keyboard, a misspelt word, filters, the way back; a variant chosen by
//! keyboard and bought.

use std::time::Duration;

use thirtyfour::{By, Key};

use crate::{
    Failure, Outcome,
    audit::{Audit, in_time},
    browser::{Browser, Look},
    ensure,
    local::{Platform, eventually},
    mailbox::mail,
};

/// At both widths, with scripts and without.
pub async fn a_shopper_finds_things_by_keyboard_and_narrows_them_down(p: &Platform) -> Outcome {
    for (width, scripts) in [(1440, true), (390, true), (390, false)] {
        let look = Look { width, scripts, dark: false };
        let browser = Browser::open(look).await?;
        let mut walk = Walk { p, browser: &browser, audit: Audit::new("finding", look) };
        let started = std::time::Instant::now();
        let whole = in_time(walk.whole(scripts)).await;
        let result = walk.audit.conclude(&browser, started, whole).await;
        browser.close().await?;
        result?;
    }
    Ok(())
}

struct Walk<'a> {
    p: &'a Platform,
    browser: &'a Browser,
    audit: Audit,
}

impl Walk<'_> {
    async fn whole(&mut self, scripts: bool) -> Outcome {
        if scripts {
            self.suggested().await?;
        }
        self.corrected().await?;
        self.narrowed(scripts).await?;
        if scripts {
            self.arrowed().await?;
        }
        let variant = self.chosen(scripts).await?;
        self.bought(variant).await
    }

    async fn search(&self, words: &str) -> Outcome {
        self.browser.page.goto(self.p.shop("/")).await?;
        self.browser.fill("input[name=q]", words).await
    }

    async fn press(&self, key: Key) -> Outcome {
        Ok(self.browser.find("input[name=q]").await?.send_keys(key + "").await?)
    }

    async fn seen(&mut self, name: &str) -> Outcome {
        self.audit.page(self.browser, name, None).await
    }

    /// Letters, arrow, Enter: the product. Escape closes the list.
    async fn suggested(&mut self) -> Outcome {
        self.search("hurricane").await?;
        self.browser.find("#suggestions:not([hidden]) [role=option]").await?;
        self.press(Key::Down).await?;
        let active = self.browser.find("#suggestions [aria-selected=true] .s-name").await?.text().await?;
        self.seen("suggestions").await?;
        self.press(Key::Enter).await?;
        self.browser.find(".product-facts").await?;
        let name = self.browser.find("h1").await?.text().await?;
        // A group is offered by its title.
        ensure(name.starts_with(&active), || format!("{active:?} was chosen and {name:?} is shown"))?;
        self.browser.find("#related").await?;
        self.seen("product").await?;
        self.search("hurricane").await?;
        self.browser.find("#suggestions:not([hidden]) [role=option]").await?;
        self.press(Key::Escape).await?;
        self.browser.find("#suggestions[hidden]").await?;
        Ok(())
    }

    /// What is spelled alike is found, and the shopper can insist.
    async fn corrected(&mut self) -> Outcome {
        self.search("lantren").await?;
        self.press(Key::Enter).await?;
        let told = self.browser.find(".corrected").await?.text().await?;
        ensure(told.contains("lantern") && told.contains("lantren"), || format!("told: {told}"))?;
        self.seen("corrected").await?;
        self.browser.click(".corrected a").await?;
        self.browser.find(".suggested .tile").await?;
        self.seen("nothing").await
    }

    /// A maker is chosen, then prices; all can be taken away.
    async fn narrowed(&mut self, scripts: bool) -> Outcome {
        self.browser.page.goto(self.p.shop("/c/navigation")).await?;
        let maker = self.browser.find("#maker option:nth-of-type(2)").await?.attr("value").await?;
        self.browser.choose("#maker", &maker.ok_or("a maker has a value")?).await?;
        if scripts {
            self.browser.find(".chips.active").await?;
            let address = self.browser.page.current_url().await?.to_string();
            let tidy = address.contains("/c/navigation?maker=") && !address.contains("from=");
            ensure(tidy, || format!("at {address}"))?;
        }
        self.browser.fill("#from", "10").await?;
        self.browser.fill("#to", "200").await?;
        self.browser.click(".filters button").await?;
        self.browser.find(".chips.active .all").await?;
        let chips = self.browser.find(".chips.active").await?.text().await?;
        ensure(chips.contains("€10") && chips.contains("€200"), || format!("filters: {chips}"))?;
        self.seen("filters").await?;
        self.browser.click(".chips.active .all").await?;
        let browser = self.browser;
        eventually("the filters are gone", Duration::from_secs(10), || async {
            Ok((browser.page.current_url().await?.as_str() == self.p.shop("/c/navigation")).then_some(()))
        })
        .await?;
        // What cannot be read is told beside its field.
        self.browser.page.goto(self.p.shop("/c/navigation?from=cheap")).await?;
        self.browser.find("#from-error").await?;
        self.audit.page(self.browser, "refused", Some(422)).await
    }

    /// By keyboard an arrow only moves the choice; Enter sends it, and the focus stays where it was.
    async fn arrowed(&self) -> Outcome {
        self.browser.page.goto(self.p.shop("/c/navigation")).await?;
        let order = self.browser.find("#sort").await?;
        order.send_keys(Key::Down + "").await?;
        self.told("Press Enter").await?;
        let path = self.browser.path().await?;
        ensure(!path.contains("sort="), || format!("an arrow led to {path}"))?;
        order.send_keys(Key::Enter + "").await?;
        self.browser.arrives("sort=price_asc").await?;
        let browser = self.browser;
        eventually("the focus is where it was", Duration::from_secs(10), || async {
            let focused = browser.page.active_element().await?.id().await?;
            Ok((focused.as_deref() == Some("sort")).then_some(()))
        })
        .await?;
        self.told(" of ").await
    }

    /// Waits until a screen reader is told this.
    async fn told(&self, words: &str) -> Outcome {
        let browser = self.browser;
        eventually(&format!("{words:?} is told"), Duration::from_secs(10), || async {
            let status = browser.page.find(By::Css("body > .sr[role=status]")).await?;
            let text = status.prop("textContent").await?.unwrap_or_default();
            Ok(text.contains(words).then_some(()))
        })
        .await
    }

    /// One entry of a list, and then by keyboard the variant that is wanted, past a combination that is not made.
    async fn chosen(&mut self, scripts: bool) -> Result<&'static str, Failure> {
        self.browser.page.goto(self.p.shop("/search?q=harbour+dock+line&sort=price_asc")).await?;
        self.browser.says(".tile-choices", "3 diameters, 2 lengths").await?;
        self.browser.says(".tile-price", "from €").await?;
        self.seen("group").await?;
        self.browser.click(".tile a").await?;
        self.browser.says(".option legend", "Diameter: 12 mm").await?;
        self.seen("variant").await?;
        self.follow("20 mm", "/p/harbour-dock-line-20-mm-x-12-m").await?;
        if scripts {
            // The way goes on where it was: the next press of Tab is at the first choice.
            self.browser.page.action_chain().send_keys(Key::Tab + "").perform().await?;
            let words = self.browser.page.active_element().await?.text().await?;
            ensure(words.contains("12 mm"), || format!("after a choice Tab leads to {words:?}"))?;
        }
        self.browser.says(".choice.none", "not with 20 mm").await?;
        let ways = self.browser.count(".choice.none[href]").await?;
        ensure(ways == 0, || "what is not made leads somewhere".to_owned())?;
        self.seen("variant-not-made").await?;
        self.follow("16 mm", "/p/harbour-dock-line-16-mm-x-12-m").await?;
        self.follow("8 m", "/p/harbour-dock-line-16-mm-x-8-m").await?;
        let here = self.browser.count(".choice[aria-current=true]").await?;
        ensure(here == 2, || format!("{here} choices are marked as the present ones"))?;
        let name = "Harbour Dock Line 16 mm × 8 m";
        self.browser.says("h1", name).await?;
        Ok(name)
    }

    /// Presses Enter at the choice that begins with `value`.
    async fn follow(&self, value: &str, path: &str) -> Outcome {
        for choice in self.browser.page.find_all(By::Css("a.choice[href]")).await? {
            if choice.text().await?.starts_with(value) {
                choice.send_keys(Key::Enter + "").await?;
                return self.browser.arrives(path).await;
            }
        }
        Err(format!("no choice {value} on {}", self.browser.path().await?).into())
    }

    /// Cart, checkout, order and mail call the variant by its name.
    async fn bought(&mut self, name: &str) -> Outcome {
        self.browser.find("#add-to-cart").await?.send_keys(Key::Enter + "").await?;
        self.browser.says("#cart-lines", name).await?;
        self.browser.page.goto(self.p.shop("/checkout")).await?;
        self.browser.says(".summary", name).await?;
        let email = format!("finding.{}.{}@example.com", std::process::id(), self.audit.look_name());
        let fields = [
            ("name", "Kim Harbour"),
            ("email", email.as_str()),
            ("address1", "1 Quay Street"),
            ("city", "Kiel"),
            ("postcode", "24103"),
        ];
        self.browser.fill_form("checkout-form", &fields).await?;
        self.browser.click("#place-order").await?;
        self.browser.find("#order-number").await?;
        self.browser.says("#order-status", "Confirmed").await?;
        self.browser.says("main", name).await?;
        self.seen("order").await?;
        let letter = mail(self.p, &email, "").await?;
        ensure(letter.text.contains(name), || format!("the mail does not name {name}: {}", letter.text))
    }
}
