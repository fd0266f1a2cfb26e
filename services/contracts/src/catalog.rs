//! Catalogue: products, categories and search as they travel.
//!
//! `GET /v1/categories` → [`Categories`]; `GET /v1/products?category=&q=&page=&per_page=&sort=` → [`ProductPage`];
//! `GET /v1/products/{slug or id}` → [`Product`]; `GET /v1/products-by-id?ids=a,b` → [`Products`];
//! `GET /v1/products/{slug}/picture.svg?v=` → SVG, under its version only (404 for another, so that nothing wrong is pinned).
//!
//! Lists take `maker=`, `min_price=`, `max_price=` (minor units) too. A search that finds nothing literally finds what is
//! spelled alike and says so in `corrected`, unless `exact=true`. `GET /v1/products/{slug}/related` → [`Products`]; `GET /v1/suggestions?q=` →
//! [`Suggestions`]; `GET /v1/sitemap` → [`Sitemap`].
//!
//! A product that is one of several makes of the same thing comes with the others, and a list shows one of them: see
//! [`crate::variants`]; `ungrouped=true` lists each.
//!
//! Staff: `POST /v1/staff/products/{id}` [`EditProduct`] → [`Product`], or 409 with the product as it is now as `existing`; `GET /v1/staff/products/{id}/history` → [`ProductHistory`].

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::tax::TaxClass;
use crate::variants::{Choices, Variants};
use crate::{Money, ProductId};

/// A department of the shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Category {
    /// Its name in URLs.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// One sentence about it.
    #[serde(default)]
    pub blurb: String,
    /// How many products it holds.
    #[serde(default)]
    pub product_count: u32,
}

/// Every category, in the order to show them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Categories {
    /// The categories.
    pub categories: Vec<Category>,
}

/// One fact about a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Attribute {
    /// What the fact is about.
    pub name: String,
    /// The fact.
    pub value: String,
}

/// A product with everything there is to show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Product {
    /// Its id, the same in inventory and orders.
    pub id: ProductId,
    /// Its name in URLs.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// Who makes it.
    pub maker: String,
    /// Slug of its category.
    pub category: String,
    /// Name of its category.
    pub category_name: String,
    /// Two to four sentences.
    pub description: String,
    /// Facts in the order to show them.
    #[serde(default)]
    pub attributes: Vec<Attribute>,
    /// Price of one.
    pub price: Money,
    /// Changes whenever the picture changes; part of the picture's URL.
    #[serde(default)]
    pub picture_version: String,
    /// Which rate of value-added tax it has.
    #[serde(default)]
    pub tax_class: TaxClass,
    /// The group that it is one of. Only the answer about one product has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variants: Option<Variants>,
}

/// A product as one tile of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProductSummary {
    /// Its id.
    pub id: ProductId,
    /// Its name in URLs.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// Who makes it.
    pub maker: String,
    /// Slug of its category.
    pub category: String,
    /// Price of one.
    pub price: Money,
    /// Changes whenever the picture changes.
    #[serde(default)]
    pub picture_version: String,
    /// Where it stands for a group of variants: what there is to choose from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choices: Option<Choices>,
}

/// One page of a list of products.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProductPage {
    /// The products of this page.
    pub items: Vec<ProductSummary>,
    /// Page number, from 1.
    pub page: u32,
    /// Products on a full page.
    pub per_page: u32,
    /// Entries on all pages: products, and groups of variants once each.
    pub total: u64,
    /// The words that were searched instead, when nothing matched as it was spelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrected: Option<String>,
    /// Makers among all matches with how many products each, most first; for filters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub makers: Vec<MakerCount>,
}

/// A maker and how many of the matches are its.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MakerCount {
    /// The maker.
    pub maker: String,
    /// Its entries among the matches.
    pub count: u64,
}

/// What a search box offers while somebody types.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Suggestions {
    /// Products, best first; at most 8.
    #[schema(max_items = 8)]
    pub products: Vec<ProductSummary>,
}

/// Everything that search engines may index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Sitemap {
    /// Slugs of all products.
    pub products: Vec<String>,
    /// Slugs of all categories.
    pub categories: Vec<String>,
}

/// What a member of the staff saw before changing it; a field that was not looked at is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExpectedProduct {
    /// The name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 120)]
    pub name: Option<String>,
    /// The description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000)]
    pub description: Option<String>,
    /// The price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
}

/// Staff changes a product; absent fields stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditProduct {
    /// The staff member.
    #[schema(min_length = 1, max_length = 120)]
    pub actor: String,
    /// Its new name, 1 to 120 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 120)]
    pub name: Option<String>,
    /// Its new description, 1 to 2000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 2000)]
    pub description: Option<String>,
    /// Its new price; positive, in the same currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
    /// Why; at most 500 bytes.
    #[serde(default)]
    #[schema(max_length = 500)]
    pub note: String,
    /// The values that it is to replace. Where another stands by now nothing is changed, and the answer is a conflict that
    /// names the fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<ExpectedProduct>,
}

/// One change of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProductChange {
    /// When.
    pub at: chrono::DateTime<chrono::Utc>,
    /// Who.
    pub actor: String,
    /// Which field: `name`, `description`, `price`, `variant`.
    pub field: String,
    /// Its value before.
    pub before: String,
    /// Its value since.
    pub after: String,
    /// Why.
    #[serde(default)]
    pub note: String,
}

/// A product's changes, newest first; at most 100.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProductHistory {
    /// The changes.
    #[schema(max_items = 100)]
    pub changes: Vec<ProductChange>,
}

impl ProductPage {
    /// How many pages there are; at least one.
    pub fn pages(&self) -> u32 {
        u32::try_from(self.total.div_ceil(u64::from(self.per_page.max(1)))).unwrap_or(u32::MAX).max(1)
    }
}

/// Products asked for by id; unknown ids are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Products {
    /// The products found, in the order asked for.
    pub products: Vec<Product>,
}

/// Order of a list of products.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// The shop's own order; for a search, the best match first.
    #[default]
    Relevance,
    /// Cheapest first.
    PriceAsc,
    /// Dearest first.
    PriceDesc,
    /// By name.
    Name,
}

impl Sort {
    /// Every order there is.
    pub const ALL: [Self; 4] = [Self::Relevance, Self::PriceAsc, Self::PriceDesc, Self::Name];

    /// The order as it stands in a URL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Relevance => "relevance",
            Self::PriceAsc => "price_asc",
            Self::PriceDesc => "price_desc",
            Self::Name => "name",
        }
    }
}

impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is no order of a list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown sort '{0}': one of relevance, price_asc, price_desc, name")]
pub struct UnknownSort(pub String);

impl FromStr for Sort {
    type Err = UnknownSort;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|sort| sort.as_str() == text).ok_or_else(|| UnknownSort(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sort_survives_url_and_json() {
        for sort in Sort::ALL {
            assert_eq!(sort.as_str().parse::<Sort>().unwrap(), sort);
            assert_eq!(serde_json::to_value(sort).unwrap(), sort.as_str());
        }
        assert!("cheapest".parse::<Sort>().is_err());
    }

    #[test]
    fn an_empty_list_has_one_page() {
        let page =
            ProductPage { items: vec![], page: 1, per_page: 24, total: 0, corrected: None, makers: vec![] };
        assert_eq!(page.pages(), 1);
        assert_eq!(ProductPage { total: 25, ..page }.pages(), 2);
    }
}
