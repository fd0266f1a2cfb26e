//! Secrets and personal data, planted at every door of the shop: none of it stands in stored logs, spans or metrics.

use std::{collections::BTreeSet, path::Path, time::Duration};

use serde_json::Value;

use crate::{
    Failure, Outcome,
    bad_input::url_encode,
    buyer::hidden_fields,
    ensure,
    local::{Platform, eventually},
    mailbox::{link_in, mail},
};

/// Part of all that is planted; nothing else on the platform is called so.
const PLANTED: &str = "planted";
/// Traces that are read, at most.
const TRACES: usize = 1_000;
/// A scan that saw less than this looked at the wrong place.
const FEWEST: usize = 20;

/// A shopper's name, addresses, passwords and tokens, tokens of callers, words of a search and of a form: typed rightly
/// and wrongly. And the platform's own secrets, as they lie on disk.
pub async fn planted_secrets_and_personal_data_stay_out_of_telemetry(p: &Platform) -> Outcome {
    let planted_at = now_seconds()?;
    plant(p).await?;
    eventually("the last visit is stored", Duration::from_secs(30), || async {
        let last = search(p, "{ span.http.route = \"/reset-password\" }", planted_at).await?;
        Ok((!last.is_empty()).then_some(()))
    })
    .await?;
    let read = Stored::read(p, planted_at).await?;
    read.tells_of_the_visits()?;
    println!(
        "figure: searched {} spans' traces, {} label values, {} kB of log files",
        read.traces.len(),
        read.labels.len(),
        read.files.iter().map(|(_, text)| text.len()).sum::<usize>() / 1_000
    );
    let mut words = secrets(&p.data.join("secrets"))?;
    words.push(PLANTED.to_owned());
    for word in &words {
        let found = read.places_of(word);
        // A secret is not repeated by the message that reports it.
        let shown = if word == PLANTED { PLANTED } else { "a secret of the platform" };
        if !found.is_empty() {
            return Err(format!("{shown} stands in {found:?}").into());
        }
    }
    let lines = log_lines(p, &format!("|~ \"(?i){PLANTED}\""), planted_at).await?;
    if lines.is_empty() { Ok(()) } else { Err(format!("{PLANTED} stands in stored lines: {lines:?}").into()) }
}

/// Walks through the shop with things that must not be remembered.
async fn plant(p: &Platform) -> Outcome {
    let http = reqwest::Client::builder().cookie_store(true).no_proxy().build()?;
    let email = format!("planted-{}@example.com", std::process::id());
    let page = async |path: &str| {
        let request = http
            .get(p.shop(path))
            .header("authorization", "Bearer planted-bearer")
            .header("referer", format!("{}?email=planted-referer", p.shop("/")))
            .header("user-agent", "planted-browser");
        Ok::<String, Failure>(request.send().await?.text().await?)
    };
    let send = async |form: &str, path: &str, typed: &[(&str, &str)]| {
        let mut fields = hidden_fields(&page(form).await?, &format!("action=\"{path}\""))
            .ok_or_else(|| format!("{form} has no form for {path}"))?;
        for (name, value) in typed {
            fields.retain(|(known, _)| known != name);
            fields.push(((*name).to_owned(), (*value).to_owned()));
        }
        let answer = http.post(p.shop(path)).header("origin", p.shop("")).form(&fields).send().await?;
        let status = answer.status().as_u16();
        Ok::<(u16, String), Failure>((status, answer.text().await?))
    };
    // A form that is turned away at the door plants nothing: each has its answer.
    let answered = |what: &str, answer: &(u16, String), expected: u16| {
        ensure(answer.0 == expected, || format!("{what} was answered {}, expected was {expected}", answer.0))
    };
    let password = "planted-password-right";
    let wrong =
        send("/login", "/login", &[("email", &email), ("password", "planted-password-wrong")]).await?;
    answered("a wrong password", &wrong, 401)?;
    let fields = [("name", "Planted Name"), ("email", email.as_str()), ("password", password)];
    answered("registering", &send("/register", "/register", &fields).await?, 200)?;
    let letter = mail(p, &email, "Confirm your account").await?;
    let link = link_in(&letter.text, "/register/confirm?")?;
    let confirm = link.strip_prefix(&p.shop("")).unwrap_or(link);
    let confirmed = send(confirm, "/register/confirm", &[("password", password)]).await?;
    answered("confirming the account", &confirmed, 200)?;
    let forgot = send("/forgot-password", "/forgot-password", &[("email", &email)]).await?;
    answered("asking for a new password", &forgot, 200)?;
    let fields = [("number", "QD-000000-000000"), ("email", email.as_str())];
    answered("looking an order up", &send("/orders/lookup", "/orders/lookup", &fields).await?, 404)?;
    let fields = [("email", "planted-staff@example.com"), ("password", "planted-password-staff")];
    answered("a staff log-in", &send("/staff/login", "/staff/login", &fields).await?, 401)?;
    let street = [
        ("name", "Planted Name"),
        ("address1", "1 Planted Street"),
        ("city", "Planted"),
        ("postcode", "24103"),
        ("country", "DE"),
    ];
    let labelled = [&[("label", "Planted Home")], &street[..]].concat();
    let kept = send("/account/addresses", "/account/addresses", &labelled).await?;
    answered("keeping an address", &kept, 200)?;
    ensure(kept.1.contains("1 Planted Street"), || "the address book does not show the address".to_owned())?;
    let list = page("/").await?;
    let product =
        list.split("href=\"/p/").nth(1).and_then(|rest| rest.split('"').next()).ok_or("no product")?;
    let product = format!("/p/{product}");
    answered("adding to the cart", &send(&product, "/cart/add", &[("quantity", "1")]).await?, 200)?;
    for token in ["planted-card", "tok_declined", "tok_visa"] {
        let mut order = street.to_vec();
        order.extend([("email", email.as_str()), ("payment_token", token)]);
        let (status, page) = send("/checkout", "/checkout", &order).await?;
        ensure(status < 500, || format!("a checkout with {token} was answered {status}"))?;
        let is_order = page.contains("id=\"order-number\"");
        ensure(is_order == (token == "tok_visa"), || {
            format!("a checkout with {token} ({status}): order {is_order}")
        })?;
    }
    // What stands in a query; paths name pages, and are told.
    for path in [
        format!("/search?q={email}"),
        "/reset-password?token=planted-reset-token".to_owned(),
        "/p/no-such-product?utm_source=planted".to_owned(),
        "/no-such-page?password=planted-query".to_owned(),
        "/orders/lookup?number=planted-number".to_owned(),
    ] {
        page(&path).await?;
    }
    Ok(())
}

/// What a reader of telemetry finds.
struct Stored {
    /// Each trace as the API gives it.
    traces: Vec<String>,
    /// Values of labels of metrics and streams.
    labels: BTreeSet<String>,
    /// Log files of all processes.
    files: Vec<(String, String)>,
}

impl Stored {
    async fn read(p: &Platform, since: u64) -> Result<Self, Failure> {
        Ok(Self {
            traces: traces(p, since).await?,
            labels: label_values(p, "/api/v1")
                .await?
                .into_iter()
                .chain(label_values(p, "/loki/api/v1").await?)
                .collect(),
            files: log_files(&p.data)?,
        })
    }

    /// The forms that were sent can be seen, and enough else that the scan is one.
    fn tells_of_the_visits(&self) -> Outcome {
        for route in [
            "/register",
            "/orders/lookup",
            "/reset-password",
            "/checkout",
            "/account/addresses",
            "/staff/login",
            "/cart/add",
            // What the shop's own services were asked with it.
            "/v1/orders",
            "/v1/authorisations",
            "/v1/reservations",
            "/v1/accounts/{id}/addresses",
            "/v1/staff/sessions",
        ] {
            if !self.traces.iter().any(|trace| trace.contains(&format!("\"{route}\""))) {
                return Err(format!("none of {} traces is of {route}", self.traces.len()).into());
            }
        }
        let counts = [self.traces.len(), self.labels.len(), self.files.len()];
        let enough = counts.iter().all(|count| *count >= FEWEST);
        if enough { Ok(()) } else { Err(format!("only {counts:?} traces, labels and files").into()) }
    }

    /// Where the word stands, with a bit of what is around it.
    fn places_of(&self, word: &str) -> Vec<String> {
        let word = word.to_lowercase();
        let texts = self
            .traces
            .iter()
            .map(|text| ("a trace", text))
            .chain(self.labels.iter().map(|text| ("a label", text)))
            .chain(self.files.iter().map(|(name, text)| (name.as_str(), text)));
        texts.filter_map(|(name, text)| Some(format!("{name}: {}", around(text, &word)?))).take(5).collect()
    }
}

fn around(text: &str, word: &str) -> Option<String> {
    let lower = text.to_lowercase();
    let at = lower.find(word)?;
    let before =
        lower[..at].chars().rev().take(120).collect::<Vec<_>>().into_iter().rev().collect::<String>();
    Some(format!("{before}[…]{}", lower[at + word.len()..].chars().take(60).collect::<String>()))
}

/// All of the shop's: who reads them makes traces of the console.
async fn traces(p: &Platform, since: u64) -> Result<Vec<String>, Failure> {
    let mut traces = Vec::new();
    for id in search(p, "{ resource.service.name != \"console\" }", since).await? {
        traces.push(p.query(&format!("/api/traces/{id}")).await?.to_string());
    }
    Ok(traces)
}

/// Ids of the traces that a query finds.
pub async fn search(p: &Platform, query: &str, since: u64) -> Result<Vec<String>, Failure> {
    let end = now_seconds()? + 1;
    let path = format!("/api/search?q={}&limit={TRACES}&start={since}&end={end}", url_encode(query));
    let found = p.query(&path).await?;
    let ids = found["traces"].as_array().into_iter().flatten().filter_map(|trace| trace["traceID"].as_str());
    Ok(ids.map(str::to_owned).collect())
}

async fn label_values(p: &Platform, api: &str) -> Result<Vec<String>, Failure> {
    let strings = |answer: &Value| -> Vec<String> {
        answer["data"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|v| v.as_str().map(str::to_owned))
            .collect()
    };
    let mut values = Vec::new();
    for name in strings(&p.query(&format!("{api}/labels")).await?) {
        values.extend(strings(&p.query(&format!("{api}/label/{name}/values")).await?));
    }
    Ok(values)
}

async fn log_lines(p: &Platform, filter: &str, since: u64) -> Result<Vec<String>, Failure> {
    let query = url_encode(&format!("{{service_name=~\".+\"}} {filter}"));
    let path = format!("/loki/api/v1/query_range?limit=10&start={since}&query={query}");
    let answer = p.query(&path).await?;
    let streams = answer["data"]["result"].as_array().cloned().unwrap_or_default();
    Ok(streams
        .iter()
        .flat_map(|s| s["values"].as_array().cloned().unwrap_or_default())
        .map(|v| v.to_string())
        .collect())
}

/// What every process wrote, the edge's access log among it.
fn log_files(data: &Path) -> Result<Vec<(String, String)>, Failure> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(data.join("logs"))? {
        let path = entry?.path();
        if path.is_file() {
            let text = String::from_utf8_lossy(&std::fs::read(&path)?).into_owned();
            files.push((path.file_name().unwrap_or_default().to_string_lossy().into_owned(), text));
        }
    }
    Ok(files)
}

/// The platform's own secrets; of a private key the line in its middle. What is public (`jwks.json`) is none.
fn secrets(folder: &Path) -> Result<Vec<String>, Failure> {
    let mut words = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            words.extend(secrets(&path)?);
        } else if path.extension().is_none_or(|e| e != "json") {
            let text = std::fs::read_to_string(&path)?;
            let line = text.lines().find(|line| !line.starts_with("-----")).unwrap_or_default().trim();
            if line.len() >= 16 {
                words.push(line.to_owned());
            }
        }
    }
    Ok(words)
}

fn now_seconds() -> Result<u64, Failure> {
    Ok(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs())
}
