//! Variants in the shop: pages as they come from the server, which no script adds to.

use axum::http::StatusCode;
use serde_json::Value;
use shop_contracts::catalog::{Product, ProductPage, ProductSummary, Suggestions};
use shop_contracts::inventory::{StockLevel, StockLevels};
use shop_contracts::variants::{Choices, OptionCount, Variant, VariantOption, Variants};
use shop_contracts::{Currency, Money, ProductId, VariantGroupId};
use wiremock::matchers::{method, path};
use wiremock::{Mock, ResponseTemplate};

use crate::stage::{Stage, lamp};

/// The lamp of brass, small; one of steel, small, and one of brass, large. None of steel is large.
pub fn lamps() -> Variants {
    let option = |name: &str, values: [&str; 2]| VariantOption {
        name: name.to_owned(),
        values: values.map(str::to_owned).to_vec(),
    };
    let variant = |slug: &str, values: [&str; 2]| Variant {
        id: ProductId::from_slug(slug),
        slug: slug.to_owned(),
        name: format!("Lamp, {}", values.join(", ")),
        values: values.map(str::to_owned).to_vec(),
        price: Money::new(129_900, Currency::Eur),
        picture_version: "v1".to_owned(),
    };
    Variants {
        group_id: VariantGroupId::from_title("Lamp"),
        title: "Lamp <of> all".to_owned(),
        options: vec![option("Colour", ["Brass <1>", "Steel"]), option("Length", ["Small", "Large"])],
        variants: vec![
            variant("lamp", ["Brass <1>", "Small"]),
            variant("lamp-steel", ["Steel", "Small"]),
            variant("lamp-large", ["Brass <1>", "Large"]),
        ],
    }
}

pub fn grouped_lamp() -> Product {
    Product { variants: Some(lamps()), ..lamp() }
}

fn summary(matching: u32) -> ProductSummary {
    let count = |name: &str, values| OptionCount { name: name.to_owned(), values };
    let choices = Choices {
        title: "Lamp <of> all".to_owned(),
        options: vec![count("Colour", 2), count("Length", 2)],
        variants: 3,
        matching,
        lowest: Money::new(99_900, Currency::Eur),
        highest: Money::new(149_900, Currency::Eur),
    };
    let Product { id, slug, name, maker, category, price, picture_version, .. } = lamp();
    ProductSummary { id, slug, name, maker, category, price, picture_version, choices: Some(choices) }
}

impl Stage {
    /// Nine lamps of brass and a large one; none of steel.
    async fn sells_variants(&self) {
        self.sells(&grouped_lamp()).await;
        self.inventory.reset().await;
        let level = |slug, available| StockLevel { product_id: ProductId::from_slug(slug), available };
        let levels = StockLevels { levels: vec![level("lamp", 9), level("lamp-large", 1)] };
        let answer = ResponseTemplate::new(200).set_body_json(levels);
        Mock::given(path("/v1/stock")).respond_with(answer).mount(&self.inventory).await;
    }
}

/// The choice with this value: from the beginning of its element to the end of its list item.
fn choice<'a>(page: &'a str, value: &str) -> &'a str {
    let items = page.split("<li>").filter(|item| item.starts_with("<a class=\"choice"));
    let items = items.map(|item| item.split("</li>").next().unwrap());
    let mut found = items.filter(|item| item.contains(value));
    let one = found.next().unwrap_or_else(|| panic!("no choice {value} on {page}"));
    assert!(found.next().is_none(), "{value} twice");
    one
}

#[tokio::test]
async fn options_are_links_that_tell_what_is_chosen_sold_out_and_not_made() {
    let stage = Stage::set().await;
    stage.sells_variants().await;
    let mut shopper = stage.shopper();
    shopper.open("/p/lamp").await;
    let page = shopper.page.clone();
    assert_eq!(page.matches("<fieldset class=\"option\">").count(), 2);
    for legend in ["Colour: <strong>Brass &lt;1&gt;</strong>", "Length: <strong>Small</strong>"] {
        assert!(page.contains(&format!("<legend>{legend}</legend>")), "{legend}");
    }
    assert!(choice(&page, "Brass &lt;1&gt;").contains("aria-current=\"true\""));
    assert!(choice(&page, "Small").contains("aria-current=\"true\""));
    let large = choice(&page, "Large");
    assert!(large.contains("href=\"/p/lamp-large#options\"") && !large.contains("aria-current"), "{large}");
    assert!(!large.contains("sold out"));
    let steel = choice(&page, "Steel");
    assert!(steel.contains("sold out") && steel.contains("href=\"/p/lamp-steel#options\""), "{steel}");
    assert!(page.contains("Only 9 left") && page.contains("id=\"add-to-cart\""));
    let asked = stage.inventory.received_requests().await.unwrap();
    assert_eq!(asked.len(), 1, "one question for all of the group's stock");
}

#[tokio::test]
async fn a_value_that_is_not_made_is_struck_and_leads_nowhere() {
    let stage = Stage::set().await;
    let steel = Product { id: ProductId::from_slug("lamp-steel"), ..grouped_lamp() };
    stage.sells(&steel).await;
    let mut shopper = stage.shopper();
    shopper.open("/p/lamp").await;
    let large = choice(&shopper.page, "Large");
    assert!(large.contains("aria-disabled=\"true\"") && large.contains("<s>Large</s>"), "{large}");
    assert!(large.contains("not with Steel") && !large.contains("href"), "{large}");
}

#[tokio::test]
async fn stock_that_is_not_known_marks_nothing_and_a_catalogue_of_the_version_before_has_no_options() {
    let stage = Stage::set().await;
    stage.sells(&grouped_lamp()).await;
    stage.inventory.reset().await;
    let mut shopper = stage.shopper();
    shopper.open("/p/lamp").await;
    assert!(shopper.page.contains("class=\"choice\"") && !shopper.page.contains("sold out"));
    let before = Stage::set().await;
    let mut shopper = before.shopper();
    let answer = shopper.open("/p/lamp").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(!shopper.page.contains("class=\"option\"") && !shopper.page.contains("isVariantOf"));
    let third = Stage::set().await;
    let alone = Variants { variants: lamps().variants[..1].to_vec(), ..lamps() };
    third.sells(&Product { variants: Some(alone), ..lamp() }).await;
    let mut shopper = third.shopper();
    shopper.open("/p/lamp").await;
    assert!(!shopper.page.contains("class=\"option\""), "nothing to choose");
}

#[tokio::test]
async fn tiles_call_a_group_by_its_title_with_a_price_from_unless_only_a_part_of_it_matches() {
    for (matching, name, hidden) in [
        (3, "Lamp &lt;of&gt; all", "Lamp &lt;of&gt; brass"),
        (1, "Lamp &lt;of&gt; brass", "Lamp &lt;of&gt; all"),
    ] {
        let stage = Stage::set().await;
        let page = ProductPage {
            items: vec![summary(matching)],
            page: 1,
            per_page: 24,
            total: 1,
            corrected: None,
            makers: vec![],
        };
        let answer = ResponseTemplate::new(200).set_body_json(page);
        let list = Mock::given(method("GET")).and(path("/v1/products")).respond_with(answer).with_priority(1);
        list.mount(&stage.catalog).await;
        let mut shopper = stage.shopper();
        shopper.open("/c/lamps").await;
        let page = &shopper.page;
        assert!(page.contains(&format!("<span class=\"tile-name\">{name}</span>")), "{page}");
        assert!(!page.contains(hidden), "{page}");
        assert!(page.contains("<span class=\"tile-choices\">2 colours, 2 lengths</span>"));
        assert!(page.contains("<span class=\"tile-price\">from €999.00</span>"));
    }
}

#[tokio::test]
async fn suggestions_name_a_group_and_its_lowest_price() {
    let stage = Stage::set().await;
    let answer = ResponseTemplate::new(200).set_body_json(Suggestions { products: vec![summary(3)] });
    Mock::given(path("/v1/suggestions")).respond_with(answer).with_priority(1).mount(&stage.catalog).await;
    let answer: Value = stage.shopper().open("/search/suggestions?q=lamp").await.json();
    assert_eq!(answer["suggestions"][0]["name"], "Lamp <of> all");
    assert_eq!(answer["suggestions"][0]["price"], "from €999.00");
    assert_eq!(answer["suggestions"][0]["url"], "/p/lamp");
}

#[tokio::test]
async fn search_engines_are_told_of_the_group_and_each_variant_is_a_page_of_its_own() {
    let stage = Stage::set().await;
    stage.sells_variants().await;
    let mut shopper = stage.shopper();
    shopper.open("/p/lamp").await;
    let page = &shopper.page;
    assert!(page.contains("<link rel=\"canonical\" href=\"http://shop.example/p/lamp\">"));
    let elements = page.split("<script type=\"application/ld+json\">").skip(1);
    let product: Value = elements
        .map(|rest| serde_json::from_str::<Value>(rest.split("</script").next().unwrap()).unwrap())
        .find(|data| data["@type"] == "Product")
        .unwrap();
    assert_eq!(product["color"], "Brass <1>");
    assert_eq!(product["additionalProperty"][0]["name"], "Length");
    let group = &product["isVariantOf"];
    assert_eq!(
        (&group["@type"], &group["name"]),
        (&Value::from("ProductGroup"), &Value::from("Lamp <of> all"))
    );
    assert_eq!(group["variesBy"], serde_json::json!(["https://schema.org/color", "Length"]));
    let urls: Vec<&Value> = group["hasVariant"].as_array().unwrap().iter().map(|it| &it["url"]).collect();
    let base = "http://shop.example/p";
    assert_eq!(urls, [&format!("{base}/lamp"), &format!("{base}/lamp-steel"), &format!("{base}/lamp-large")]);
}

#[tokio::test]
async fn the_cart_names_the_choice() {
    let stage = Stage::set().await;
    let name = "Storm lantern, brass, large";
    stage.sells(&Product { name: name.to_owned(), ..grouped_lamp() }).await;
    let mut shopper = stage.shopper();
    shopper.take_a_lamp().await;
    for page in ["/cart", "/checkout"] {
        shopper.open(page).await;
        assert!(shopper.page.contains(name), "{page}");
    }
}
