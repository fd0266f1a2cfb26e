//! Every service is replaced instance by instance while shoppers read and buy: old and new side by side, and no request
//! fails. Shoppers here press once: whatever is not answered well is a failure.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::Client;

use crate::{
    Failure, Outcome,
    buyer::{cart_form, checkout_form},
    ensure,
    local::{Platform, eventually},
    mailbox::mails_to,
    member::Member,
};

const SERVICES: [&str; 7] =
    ["storefront", "identity", "catalog", "inventory", "orders", "payments", "notifications"];
const READERS: usize = 3;
const BUYERS: usize = 2;
/// Each order has an address of its own here: one mailbox gets only so many mails an hour.
const BUYERS_DOMAIN: &str = "@deploy.example.com";
/// A shopper thinks; two cores have a whole platform to run.
const THINKING: Duration = Duration::from_millis(30);
const ANSWERED_WITHIN: Duration = Duration::from_secs(15);

#[derive(Default)]
struct Seen {
    pages: usize,
    orders: usize,
    /// Pages of a member, which identity is asked for.
    own_pages: usize,
    failures: Vec<String>,
}

#[derive(Clone)]
struct Load {
    shop: String,
    seen: Arc<Mutex<Seen>>,
    stop: Arc<AtomicBool>,
}

/// Each service in turn, under load, without one failed request.
pub async fn every_service_is_replaced_under_load_without_a_failed_request(p: &Platform) -> Outcome {
    let load = Load { shop: p.shop(""), seen: Arc::default(), stop: Arc::default() };
    let readers = (0..READERS).map(|i| tokio::spawn(load.clone().read(i)));
    let buyers = (0..BUYERS).map(|i| tokio::spawn(load.clone().buy(i)));
    let member = Arc::new(Member::register(p, "deploy").await?);
    let reader = tokio::spawn(load.clone().read_own(member.clone()));
    let shoppers: Vec<_> = readers.chain(buyers).chain([reader]).collect();
    let started = Instant::now();
    let mut replaced = Ok(());
    for service in SERVICES {
        let (pages, orders, own) = load.counts();
        let deployed = Instant::now();
        // Somebody registers meanwhile: identity, notifications and the mail between them have work.
        let (replacing, registering) = tokio::join!(replace(p, service), Member::register(p, "meanwhile"));
        replaced = replacing.and(registering.map(|_| ()).map_err(|e| format!("registering: {e}").into()));
        if replaced.is_err() {
            break;
        }
        // What follows a replacement shows whether the new instance works.
        let more = |now: (usize, usize, usize)| now.0 > pages + READERS && now.1 > orders && now.2 > own;
        let until = Instant::now() + ANSWERED_WITHIN;
        while !more(load.counts()) && Instant::now() < until {
            tokio::time::sleep(THINKING).await;
        }
        println!("  replaced {service} in {:.1} s", deployed.elapsed().as_secs_f64());
    }
    load.stop.store(true, Ordering::Relaxed);
    for shopper in shoppers {
        shopper.await?;
    }
    replaced?;
    let orders = load.counts().1;
    eventually("every order has its mail", ANSWERED_WITHIN, || async {
        let sent = mails_to(p, BUYERS_DOMAIN)?;
        let mails = sent.iter().filter(|mail| mail.subject.contains("is confirmed")).count();
        if mails >= orders { Ok(Some(())) } else { Err(format!("{mails} mails for {orders} orders").into()) }
    })
    .await?;
    let seen = load.seen.lock().unwrap_or_else(PoisonError::into_inner);
    println!(
        "figure: {} services replaced in {:.0} s under load: {} pages, {} of a member, {} orders, {} requests failed",
        SERVICES.len(),
        started.elapsed().as_secs_f64(),
        seen.pages,
        seen.own_pages,
        seen.orders,
        seen.failures.len()
    );
    ensure(seen.failures.is_empty(), || format!("requests failed: {:#?}", seen.failures))?;
    ensure(seen.orders >= SERVICES.len(), || format!("only {} orders: nothing is proven", seen.orders))
}

/// Replaces the instances of a service and sees that each is another process afterwards.
async fn replace(p: &Platform, service: &str) -> Outcome {
    let of = |all: Vec<(String, String, u32)>| -> Vec<(String, u32)> {
        let own = all
            .into_iter()
            .filter(|(name, _, _)| name.trim_end_matches(|c: char| !c.is_alphabetic()) == service);
        own.map(|(name, _, pid)| (name, pid)).collect()
    };
    let before = of(p.processes().await?);
    p.xtask(&["deploy", service]).await?;
    let after = of(p.processes().await?);
    let all_new =
        !before.is_empty() && before.iter().all(|old| !after.contains(old)) && after.len() == before.len();
    ensure(all_new, || format!("{service}: {before:?} became {after:?}"))
}

impl Load {
    fn counts(&self) -> (usize, usize, usize) {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        (seen.pages, seen.orders, seen.own_pages)
    }

    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }

    fn note(&self, count: impl FnOnce(&mut Seen)) {
        count(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Pages that differ from reader to reader and turn to turn, so that no cache answers for the services.
    async fn read(self, who: usize) {
        let Ok(http) = client() else { return self.note(|seen| seen.failures.push("no client".to_owned())) };
        let mut turn = 0;
        while self.goes_on() {
            turn += 1;
            let path = ["/", "/cart", "/search?q=lamp"][turn % 3];
            let path = format!("{path}{}reader={who}-{turn}", if path.contains('?') { '&' } else { '?' });
            match get(&http, &self.shop, &path).await {
                Ok(_) => self.note(|seen| seen.pages += 1),
                Err(e) => self.note(|seen| seen.failures.push(e.to_string())),
            }
            tokio::time::sleep(THINKING).await;
        }
    }

    async fn read_own(self, member: Arc<Member>) {
        while self.goes_on() {
            match member.read().await {
                Ok(()) => self.note(|seen| seen.own_pages += 1),
                Err(e) => self.note(|seen| seen.failures.push(e.to_string())),
            }
            tokio::time::sleep(THINKING).await;
        }
    }

    async fn buy(self, who: usize) {
        while self.goes_on() {
            match order(&self.shop, who).await {
                Ok(()) => self.note(|seen| seen.orders += 1),
                Err(e) => self.note(|seen| seen.failures.push(e.to_string())),
            }
        }
    }
}

fn client() -> Result<Client, Failure> {
    Ok(Client::builder().cookie_store(true).timeout(ANSWERED_WITHIN).no_proxy().build()?)
}

/// One order, each form sent once.
async fn order(shop: &str, who: usize) -> Outcome {
    let http = client()?;
    let list = get(&http, shop, "/search?q=lamp").await?;
    let mut products = list.split("href=\"/p/").skip(1).filter_map(|rest| rest.split('"').next());
    let product = products.nth(who).ok_or("the search finds no lamp")?;
    let product = get(&http, shop, &format!("/p/{product}")).await?;
    post(&http, shop, "/cart/add", &cart_form(&product)?).await?;
    let checkout = get(&http, shop, "/checkout").await?;
    let email = format!("{who}-{:016x}{BUYERS_DOMAIN}", rand::random::<u64>());
    let fields = checkout_form(&checkout, &email)?;
    let page = post(&http, shop, "/checkout", &fields).await?;
    ensure(page.contains("id=\"order-number\""), || "/checkout: the page shows no order".to_owned())
}

async fn get(http: &Client, shop: &str, path: &str) -> Result<String, Failure> {
    text(path, http.get(format!("{shop}{path}")).send().await).await
}

async fn post(http: &Client, shop: &str, path: &str, form: &[(String, String)]) -> Result<String, Failure> {
    text(path, http.post(format!("{shop}{path}")).form(form).send().await).await
}

async fn text(path: &str, answer: Result<reqwest::Response, reqwest::Error>) -> Result<String, Failure> {
    let answer = answer.map_err(|e| format!("{path}: {e}"))?;
    let status = answer.status();
    let text = answer.text().await.map_err(|e| format!("{path}: {e}"))?;
    if status.is_success() { Ok(text) } else { Err(format!("{path}: {status}").into()) }
}
