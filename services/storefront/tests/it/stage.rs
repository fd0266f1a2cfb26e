//! A storefront, its stand-in peers, and a shopper with a cookie jar.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Method;
use axum::{Extension, Router};
use shop_contracts::catalog::{
    Attribute, Categories, Category, Product, ProductPage, ProductSummary, Products,
};
use shop_contracts::inventory::{StockLevel, StockLevels};
use shop_contracts::{Currency, Money, ProductId};
use shop_instrumentation::Boot;
use shop_instrumentation::bootstrap::open_router;
use shop_instrumentation::config::Env;
use shop_storefront::wiring;
use shop_testkit::http::{Answer, call};
use wiremock::matchers::{method, path, path_regex};
use wiremock::{Mock, MockServer, ResponseTemplate};

/// Everything around one storefront.
pub struct Stage {
    pub router: Router,
    pub catalog: MockServer,
    pub inventory: MockServer,
    pub orders: MockServer,
    pub identity: MockServer,
}

/// Somebody with a browser that keeps cookies and reads forms.
#[derive(Clone)]
pub struct Shopper<'a> {
    router: &'a Router,
    pub cookies: BTreeMap<String, String>,
    pub page: String,
    /// What the browser says about who sends a form.
    pub site: &'static str,
    /// What the edge says about where the request comes from.
    pub forwarded: &'static str,
}

pub fn lamp() -> Product {
    Product {
        id: ProductId::from_slug("lamp"),
        slug: "lamp".to_owned(),
        name: "Lamp <of> brass".to_owned(),
        maker: "Maren & Sons".to_owned(),
        category: "lamps".to_owned(),
        category_name: "Lamps".to_owned(),
        description: "It shines.".to_owned(),
        attributes: vec![Attribute { name: "Height".to_owned(), value: "28 cm".to_owned() }],
        price: Money::new(129_900, Currency::Eur),
        picture_version: "v1".to_owned(),
        tax_class: shop_contracts::tax::TaxClass::Standard,
        variants: None,
    }
}

/// Where an answer leads.
pub trait Leads {
    /// Whether it leads to this page.
    fn leads_to(&self, path: &str) -> bool;
}

impl Leads for Answer {
    fn leads_to(&self, path: &str) -> bool {
        self.status == 303 && self.headers.get("location").is_some_and(|there| there == path)
    }
}

impl Stage {
    /// A lamp at its price, nine in stock; orders and identity answer nothing yet.
    pub async fn set() -> Self {
        let (catalog, inventory) = tokio::join!(MockServer::start(), MockServer::start());
        let (orders, identity) = tokio::join!(MockServer::start(), MockServer::start());
        let env = Env::from_pairs([
            ("COOKIE_KEY", "5a".repeat(32)),
            ("PUBLIC_URL", "http://shop.example".to_owned()),
            ("TRUSTED_PROXIES", "127.0.0.1/32".to_owned()),
            ("CATALOG_URLS", catalog.uri()),
            ("INVENTORY_URLS", inventory.uri()),
            ("ORDERS_URLS", orders.uri()),
            ("IDENTITY_URLS", identity.uri()),
        ]);
        let boot = Boot::for_tests("storefront", env).unwrap();
        let parts = boot.parts();
        let routes = wiring::routes(boot).unwrap();
        // Every connection comes from the edge.
        let edge = ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 40_000)));
        let router = open_router(routes, wiring::server(), &parts).layer(Extension(edge));
        let stage = Self { router, catalog, inventory, orders, identity };
        stage.sells(&lamp()).await;
        stage.has(9).await;
        stage
    }

    /// The catalogue now knows this product alone.
    pub async fn sells(&self, product: &Product) {
        self.catalog.reset().await;
        let category = Category {
            slug: "lamps".to_owned(),
            name: "Lamps".to_owned(),
            blurb: "They shine.".to_owned(),
            product_count: 1,
        };
        let categories = Categories { categories: vec![category] };
        let summary = ProductSummary {
            id: product.id,
            slug: product.slug.clone(),
            name: product.name.clone(),
            maker: product.maker.clone(),
            category: product.category.clone(),
            price: product.price,
            picture_version: product.picture_version.clone(),
            choices: None,
        };
        let page = ProductPage {
            items: vec![summary],
            page: 1,
            per_page: 24,
            total: 60,
            corrected: None,
            makers: vec![],
        };
        let products = Products { products: vec![product.clone()] };
        let json = |value: serde_json::Value| ResponseTemplate::new(200).set_body_json(value);
        for (route, body) in [
            ("/v1/categories", serde_json::to_value(categories)),
            ("/v1/products", serde_json::to_value(page)),
            ("/v1/products-by-id", serde_json::to_value(products)),
            ("/v1/products/lamp", serde_json::to_value(product)),
        ] {
            let mock = Mock::given(method("GET")).and(path(route)).respond_with(json(body.unwrap()));
            mock.mount(&self.catalog).await;
        }
        let svg = ResponseTemplate::new(200).set_body_raw("<svg/>", "image/svg+xml");
        Mock::given(path("/v1/products/lamp/picture.svg")).respond_with(svg).mount(&self.catalog).await;
        let missing = serde_json::json!({"status": 404, "code": "not_found"});
        Mock::given(path_regex(".*"))
            .respond_with(ResponseTemplate::new(404).set_body_json(missing))
            .with_priority(200)
            .mount(&self.catalog)
            .await;
    }

    /// Inventory now has this many lamps.
    pub async fn has(&self, available: u32) {
        self.inventory.reset().await;
        let levels = StockLevels { levels: vec![StockLevel { product_id: lamp().id, available }] };
        let answer = ResponseTemplate::new(200).set_body_json(levels);
        Mock::given(path("/v1/stock")).respond_with(answer).mount(&self.inventory).await;
    }

    pub fn shopper(&self) -> Shopper<'_> {
        Shopper {
            router: &self.router,
            cookies: BTreeMap::new(),
            page: String::new(),
            site: "same-origin",
            forwarded: "203.0.113.9",
        }
    }

    pub async fn metrics(&self) -> String {
        shop_testkit::http::get(&self.router, "/metrics").await.text()
    }
}

impl Shopper<'_> {
    /// Loads a page.
    pub async fn open(&mut self, path: &str) -> Answer {
        let answer = self.send(Method::GET, path, Body::empty()).await;
        self.page = answer.text();
        answer
    }

    /// Fills in the form with this action on the page last loaded and sends it. Hidden fields go along.
    pub async fn submit(&mut self, action: &str, fields: &[(&str, &str)]) -> Answer {
        let mut form = hidden_fields(&self.page, action);
        let there = self.page.contains(&format!("action=\"{action}\""));
        assert!(there, "no form for {action} on {}", self.page);
        form.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let answer = self.post(action, &form).await;
        if !answer.status.is_redirection() {
            self.page = answer.text();
        }
        answer
    }

    /// Presses a button of the checkout's form. Where that leads to the form again, this is the page now.
    pub async fn press(&mut self, fields: &[(&str, &str)]) -> Answer {
        let answer = self.submit("/checkout", fields).await;
        if answer.leads_to("/checkout") {
            self.open("/checkout").await;
        }
        answer
    }

    /// Sends exactly these fields.
    pub async fn post(&mut self, path: &str, fields: &[(String, String)]) -> Answer {
        let encode = |(name, value): &(String, String)| format!("{name}={}", urlencoding::encode(value));
        let body = fields.iter().map(encode).collect::<Vec<_>>().join("&");
        self.send(Method::POST, path, Body::from(body)).await
    }

    async fn send(&mut self, method: Method, path: &str, body: Body) -> Answer {
        let jar =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let mut headers = vec![("content-type", "application/x-www-form-urlencoded")];
        headers.push(("x-forwarded-for", self.forwarded));
        if method == Method::POST {
            headers.push(("sec-fetch-site", self.site));
        }
        if !jar.is_empty() {
            headers.push(("cookie", &jar));
        }
        let answer = call(self.router, method, path, &headers, body).await;
        for cookie in answer.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    /// Puts one lamp in the cart.
    pub async fn take_a_lamp(&mut self) {
        self.open("/p/lamp").await;
        let answer = self.submit("/cart/add", &[("quantity", "1")]).await;
        assert_eq!(answer.status, 303, "{}", answer.text());
    }
}

/// What the hidden fields of a form hold.
pub fn hidden_fields(page: &str, action: &str) -> Vec<(String, String)> {
    let Some(start) = page.find(&format!("action=\"{action}\"")) else { return Vec::new() };
    let form = &page[start..start + page[start..].find("</form>").unwrap()];
    let attribute = |tag: &str, name: &str| {
        let rest = tag.split(&format!("{name}=\"")).nth(1)?;
        let text = rest.split('"').next()?;
        // As maud escapes.
        Some(text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&"))
    };
    form.split('<')
        .filter(|tag| tag.starts_with("input type=\"hidden\""))
        .filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value")?)))
        .collect()
}
