//! Pages in schema.org's words (JSON-LD), for search engines.
//!
//! The text stands inside a `script` element, where HTML knows no escapes: whatever could end the element or open a
//! comment is written as JSON's own escape.

use maud::{Markup, PreEscaped, html};
use serde_json::{Value, json};
use shop_contracts::catalog::Product;
use shop_contracts::variants::Variants;

use crate::public_url::PublicUrl;

/// The shop and how to search it.
pub fn web_site(url: &PublicUrl) -> Option<Value> {
    let template = url.address("/search?q={search_term_string}")?;
    Some(json!({
        "@context": "https://schema.org",
        "@type": "WebSite",
        "name": "Quarterdeck",
        "url": url.address("/")?,
        "potentialAction": {
            "@type": "SearchAction",
            "target": {"@type": "EntryPoint", "urlTemplate": template},
            "query-input": "required name=search_term_string",
        },
    }))
}

/// The way from the front to a page: names and paths.
pub fn breadcrumbs(url: &PublicUrl, way: &[(&str, &str)]) -> Option<Value> {
    let items = way.iter().enumerate().map(|(at, (name, path))| {
        Some(json!({"@type": "ListItem", "position": at + 1, "name": name, "item": url.address(path)?}))
    });
    let items: Vec<Value> = items.collect::<Option<_>>()?;
    Some(json!({"@context": "https://schema.org", "@type": "BreadcrumbList", "itemListElement": items}))
}

/// A product and its offer. Of stock that is not known nothing is said.
pub fn product(url: &PublicUrl, product: &Product, available: Option<u32>) -> Option<Value> {
    let address = url.address(&format!("/p/{}", product.slug))?;
    let image = url.address(&format!("/pictures/{}.svg?v={}", product.slug, product.picture_version))?;
    // Without the currency's sign, and with a point.
    let minor = product.price.amount_minor;
    let price = format!("{}.{:02}", minor / 100, minor % 100);
    let mut offer = json!({
        "@type": "Offer",
        "url": address,
        "price": price,
        "priceCurrency": product.price.currency.code(),
        "itemCondition": "https://schema.org/NewCondition",
    });
    if let Some(pieces) = available {
        let availability = if pieces > 0 { "InStock" } else { "OutOfStock" };
        offer["availability"] = json!(format!("https://schema.org/{availability}"));
    }
    let mut data = json!({
        "@context": "https://schema.org",
        "@type": "Product",
        "name": product.name,
        "description": product.description,
        "sku": product.id,
        "brand": {"@type": "Brand", "name": product.maker},
        "category": product.category_name,
        "image": image,
        "url": address,
        "offers": offer,
    });
    if let Some(group) = product.variants.as_ref().filter(|group| group.variants.len() > 1) {
        add_group(&mut data, url, product, group)?;
    }
    Some(data)
}

/// What the product's options are for it, and the group with the addresses of all: each variant is a page of its own.
fn add_group(data: &mut Value, url: &PublicUrl, product: &Product, group: &Variants) -> Option<()> {
    let own = group.variants.iter().find(|variant| variant.id == product.id)?;
    let (mut varies_by, mut others) = (Vec::new(), Vec::new());
    for (option, value) in group.options.iter().zip(&own.values) {
        match property(&option.name) {
            Some(property) => {
                varies_by.push(format!("https://schema.org/{property}"));
                data[property] = json!(value);
            }
            None => {
                varies_by.push(option.name.clone());
                others.push(json!({"@type": "PropertyValue", "name": option.name, "value": value}));
            }
        }
    }
    if !others.is_empty() {
        data["additionalProperty"] = json!(others);
    }
    let variants = group.variants.iter().map(|variant| {
        let address = url.address(&format!("/p/{}", variant.slug))?;
        Some(json!({"@type": "Product", "name": variant.name, "sku": variant.id, "url": address}))
    });
    data["isVariantOf"] = json!({
        "@type": "ProductGroup",
        "name": group.title,
        "productGroupID": group.group_id,
        "brand": {"@type": "Brand", "name": product.maker},
        "variesBy": varies_by,
        "hasVariant": variants.collect::<Option<Vec<Value>>>()?,
    });
    Some(())
}

/// Schema.org's property for an option, where it has one.
fn property(option: &str) -> Option<&'static str> {
    match option.to_lowercase().as_str() {
        "colour" | "color" => Some("color"),
        "size" => Some("size"),
        "material" => Some("material"),
        "pattern" => Some("pattern"),
        _ => None,
    }
}

/// The element that carries it.
pub(super) fn script(data: &Value) -> Markup {
    let mut text = String::new();
    for c in data.to_string().chars() {
        match c {
            '<' | '>' | '&' | '\u{1}' | '\u{2028}' | '\u{2029}' => {
                text.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            _ => text.push(c),
        }
    }
    html! { script type="application/ld+json" { (PreEscaped(text)) } }
}

#[cfg(test)]
mod tests {
    use shop_contracts::{Currency, Money, ProductId};

    use super::*;

    fn lamp() -> Product {
        Product {
            id: ProductId::from_slug("lamp"),
            slug: "lamp".to_owned(),
            name: "</script><script>alert(1)</script><!-- \u{2028}\u{1}".to_owned(),
            maker: "Maren & Sons".to_owned(),
            category: "lamps".to_owned(),
            category_name: "Lamps".to_owned(),
            description: "It \"shines\".".to_owned(),
            attributes: vec![],
            price: Money::new(129_905, Currency::Eur),
            picture_version: "v1".to_owned(),
            tax_class: shop_contracts::tax::TaxClass::Standard,
            variants: None,
        }
    }

    #[test]
    fn nothing_in_a_product_ends_the_element_and_it_reads_back_the_same() {
        let url = PublicUrl::parse("https://shop.example").unwrap();
        let data = product(&url, &lamp(), Some(3)).unwrap();
        let element = script(&data).into_string();
        let text = element.strip_prefix("<script type=\"application/ld+json\">").unwrap();
        let text = text.strip_suffix("</script>").unwrap();
        assert!(!text.contains(['<', '>', '&', '\u{1}', '\u{2028}']), "{text}");
        let read: Value = serde_json::from_str(text).unwrap();
        assert_eq!(read, data);
        assert_eq!(
            (&read["offers"]["price"], &read["offers"]["priceCurrency"]),
            (&json!("1299.05"), &json!("EUR"))
        );
        assert_eq!(read["offers"]["availability"], "https://schema.org/InStock");
        assert_eq!(read["url"], "https://shop.example/p/lamp");
    }

    #[test]
    fn stock_that_is_not_known_is_not_told_and_without_an_address_nothing_is() {
        let url = PublicUrl::parse("https://shop.example").unwrap();
        assert!(product(&url, &lamp(), None).unwrap()["offers"].get("availability").is_none());
        let none = PublicUrl::default();
        assert!(product(&none, &lamp(), None).is_none() && web_site(&none).is_none());
        assert!(breadcrumbs(&none, &[("Home", "/")]).is_none());
    }
}
