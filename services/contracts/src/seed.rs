//! The deterministic product range that catalog and inventory both start from.
//!
//! The range stands in `seed/*.txt`, one file a category, three lines a product: `name | price in cents | motif | maker`,
//! then `attribute: value; …`, then the description. It is compiled in; there is no I/O. What must always hold: a slug
//! never changes once it has been sold, since the product's id is derived from it.

mod variants;

use std::sync::LazyLock;

pub use self::variants::{SeedGroup, variant_groups};
use crate::tax::TaxClass;
use crate::{Currency, Money, ProductId};

/// A department of the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeedCategory {
    /// Its name in URLs.
    pub slug: &'static str,
    /// Its name for people.
    pub name: &'static str,
    /// One sentence under the name.
    pub blurb: &'static str,
}

/// A product as it is first offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeedProduct {
    /// Derived from the slug.
    pub id: ProductId,
    /// Its name in URLs.
    pub slug: String,
    /// Its name for people.
    pub name: &'static str,
    /// Slug of its category.
    pub category: &'static str,
    /// Who makes it.
    pub maker: &'static str,
    /// What its picture shows.
    pub motif: &'static str,
    /// Price of one.
    pub price: Money,
    /// Two to four sentences.
    pub description: &'static str,
    /// Facts in the order to show them.
    pub attributes: Vec<(&'static str, &'static str)>,
    /// Which rate of value-added tax it has: printed matter has its own.
    pub tax_class: TaxClass,
    /// Pieces in stock on the first day.
    pub initial_stock: u32,
}

const SHELVES: [(SeedCategory, &str); 8] = [
    (
        SeedCategory {
            slug: "rope-and-fenders",
            name: "Rope & fenders",
            blurb: "Lines that run, hold and splice, and what keeps them from chafing.",
        },
        include_str!("../seed/rope.txt"),
    ),
    (
        SeedCategory {
            slug: "deck-hardware",
            name: "Deck hardware",
            blurb: "Blocks, cleats, winches and ground tackle that can be serviced.",
        },
        include_str!("../seed/hardware.txt"),
    ),
    (
        SeedCategory {
            slug: "navigation",
            name: "Navigation",
            blurb: "Compass, chart, glass and radio: know where you are, twice.",
        },
        include_str!("../seed/navigation.txt"),
    ),
    (
        SeedCategory {
            slug: "safety",
            name: "Safety",
            blurb: "Things to fit, test, explain to the crew, and never need.",
        },
        include_str!("../seed/safety.txt"),
    ),
    (
        SeedCategory {
            slug: "foul-weather",
            name: "Foul-weather wear",
            blurb: "Cloth for spray, wool for the watch, boots that grip.",
        },
        include_str!("../seed/clothing.txt"),
    ),
    (
        SeedCategory {
            slug: "galley-and-cabin",
            name: "Galley & cabin",
            blurb: "Warm food, dry berths and a mug that stays where it is put.",
        },
        include_str!("../seed/galley.txt"),
    ),
    (
        SeedCategory {
            slug: "lamps-and-power",
            name: "Lamps & power",
            blurb: "Light to see and be seen by, and the amperes behind it.",
        },
        include_str!("../seed/lamps.txt"),
    ),
    (
        SeedCategory {
            slug: "bosuns-locker",
            name: "Bosun’s locker",
            blurb: "Tools, bags, brushes and tins for the winter list.",
        },
        include_str!("../seed/bosun.txt"),
    ),
];

static PRODUCTS: LazyLock<Vec<SeedProduct>> =
    LazyLock::new(|| SHELVES.iter().flat_map(|(category, text)| parse_shelf(category.slug, text)).collect());

/// All categories, in the order to show them.
pub fn categories() -> impl Iterator<Item = &'static SeedCategory> {
    SHELVES.iter().map(|(category, _)| category)
}

/// The whole range, in the order of the categories.
pub fn products() -> &'static [SeedProduct] {
    &PRODUCTS
}

/// The product with this slug.
pub fn find(slug: &str) -> Option<&'static SeedProduct> {
    products().iter().find(|product| product.slug == slug)
}

/// Lower-case ASCII words joined by hyphens: `Cool Box 24 L, Passive` becomes `cool-box-24-l-passive`.
pub fn slugify(name: &str) -> String {
    let mut slug = String::with_capacity(name.len());
    for character in name.chars() {
        match character {
            '\'' | '’' => {}
            '×' => slug.push('x'),
            '₄' => slug.push('4'),
            c if c.is_ascii_alphanumeric() => slug.push(c.to_ascii_lowercase()),
            _ if slug.ends_with('-') || slug.is_empty() => {}
            _ => slug.push('-'),
        }
    }
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}

fn parse_shelf(category: &'static str, text: &'static str) -> impl Iterator<Item = SeedProduct> {
    text.split("\n\n").filter_map(move |block| parse_product(category, block.trim()))
}

/// A block that is not a product is left out; the tests hold the count.
fn parse_product(category: &'static str, block: &'static str) -> Option<SeedProduct> {
    let mut lines = block.lines();
    let mut head = lines.next()?.split(" | ");
    let (name, price, motif, maker) = (head.next()?, head.next()?, head.next()?, head.next()?);
    let attributes = lines.next()?.split("; ").filter_map(|pair| pair.split_once(": ")).collect();
    let description = lines.next()?;
    let slug = slugify(name);
    let id = ProductId::from_slug(&slug);
    let price = Money::new(price.parse().ok()?, Currency::Eur);
    let initial_stock = initial_stock(id, price);
    Some(SeedProduct {
        id,
        slug,
        name,
        category,
        maker,
        motif,
        price,
        description,
        attributes,
        tax_class: tax_class(maker),
        initial_stock,
    })
}

/// A house of charts and books sells nothing else.
fn tax_class(maker: &str) -> TaxClass {
    if maker == "Blue Line Charts" { TaxClass::Printed } else { TaxClass::Standard }
}

/// Cheap things by the hundred, dear ones by the dozen; the id decides the rest.
fn initial_stock(id: ProductId, price: Money) -> u32 {
    let spread = u32::from(id.uuid().as_bytes()[15]);
    match price.amount_minor {
        ..=4_999 => 400 + spread * 2,
        5_000..=19_999 => 240 + spread,
        _ => 120 + spread / 2,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn range_has_at_least_240_products_in_8_categories_with_30_each() {
        assert!(products().len() >= 240, "{} products", products().len());
        assert_eq!(categories().count(), 8);
        for category in categories() {
            assert!(products().iter().filter(|product| product.category == category.slug).count() >= 30);
        }
    }

    #[test]
    fn no_block_of_the_seed_files_is_lost() {
        let blocks =
            SHELVES.iter().flat_map(|(_, text)| text.split("\n\n")).filter(|block| !block.trim().is_empty());
        assert_eq!(blocks.count(), products().len());
    }

    #[test]
    fn slugs_ids_names_and_descriptions_are_unique() {
        let count = |values: BTreeSet<String>| values.len();
        assert_eq!(count(products().iter().map(|p| p.slug.clone()).collect()), products().len());
        assert_eq!(count(products().iter().map(|p| p.id.to_string()).collect()), products().len());
        assert_eq!(count(products().iter().map(|p| p.name.to_owned()).collect()), products().len());
        assert_eq!(count(products().iter().map(|p| p.description.to_owned()).collect()), products().len());
    }

    #[test]
    fn every_product_is_described_in_two_to_four_sentences_with_facts_and_a_price() {
        for product in products() {
            let sentences =
                product.description.split_inclusive(['.', '?', '!']).filter(|s| s.len() > 2).count();
            assert!((2..=4).contains(&sentences), "{}: {sentences} sentences", product.slug);
            assert!(product.attributes.len() >= 2, "{}", product.slug);
            assert!(product.price.amount_minor > 0 && product.initial_stock >= 100, "{}", product.slug);
        }
    }

    #[test]
    fn slugs_are_plain_ascii() {
        assert_eq!(slugify("LiFePO₄ Battery 100 Ah"), "lifepo4-battery-100-ah");
        assert_eq!(slugify("Binoculars 7 × 50, Compass"), "binoculars-7-x-50-compass");
        assert_eq!(slugify("Skagen Coastal Jacket, Men's"), "skagen-coastal-jacket-mens");
    }
}
