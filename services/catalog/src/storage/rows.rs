//! Rows as types of the contracts.

use serde_json::Value;
use shop_contracts::catalog::{Attribute, Product, ProductSummary};
use shop_contracts::tax::TaxClass;
use shop_contracts::variants::{Choices, OptionCount, Variant};
use shop_contracts::{Currency, Money, ProductId};
use uuid::Uuid;

use crate::picture;

/// A product with its category's name.
pub(super) struct ProductRow {
    pub id: Uuid,
    pub slug: String,
    pub name: String,
    pub maker: String,
    pub category: String,
    pub category_name: String,
    pub motif: String,
    pub price_minor: i64,
    pub currency: String,
    pub description: String,
    pub attributes: Value,
    pub tax_class: String,
}

/// An entry of a list: a product and the group that it stands for.
#[derive(sqlx::FromRow)]
pub(super) struct EntryRow {
    pub id: Uuid,
    pub slug: String,
    pub name: String,
    pub maker: String,
    pub category: String,
    pub motif: String,
    pub price_minor: i64,
    pub currency: String,
    pub matching: i64,
    pub lowest: i64,
    pub highest: i64,
    pub group_title: Option<String>,
    pub group_options: Option<Vec<String>>,
    pub group_variants: i64,
    pub group_values: Option<Vec<i64>>,
}

/// A product as one of its group, with the group.
pub(super) struct VariantRow {
    pub id: Uuid,
    pub slug: String,
    pub name: String,
    pub variant_values: Vec<String>,
    pub price_minor: i64,
    pub currency: String,
    pub motif: String,
    pub category: String,
    pub group_id: Uuid,
    pub title: String,
    pub options: Vec<String>,
}

pub(super) fn count(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn currency(name: &str) -> Result<Currency, sqlx::Error> {
    name.parse().map_err(|cause| sqlx::Error::Decode(Box::new(cause)))
}

impl TryFrom<ProductRow> for Product {
    type Error = sqlx::Error;

    fn try_from(row: ProductRow) -> Result<Self, sqlx::Error> {
        let attributes: Vec<Attribute> =
            serde_json::from_value(row.attributes).map_err(|cause| sqlx::Error::Decode(Box::new(cause)))?;
        let tax_class = TaxClass::parse(&row.tax_class)
            .ok_or_else(|| sqlx::Error::Decode(format!("tax_class: unknown {:?}", row.tax_class).into()))?;
        Ok(Self {
            id: ProductId(row.id),
            picture_version: picture::version(&row.slug, &row.motif, &row.category),
            slug: row.slug,
            name: row.name,
            maker: row.maker,
            category: row.category,
            category_name: row.category_name,
            description: row.description,
            attributes,
            price: Money::new(row.price_minor, currency(&row.currency)?),
            tax_class,
            variants: None,
        })
    }
}

impl TryFrom<EntryRow> for ProductSummary {
    type Error = sqlx::Error;

    fn try_from(row: EntryRow) -> Result<Self, sqlx::Error> {
        let currency = currency(&row.currency)?;
        let choices = match (row.group_title, row.group_options, row.group_values) {
            // Of one there is nothing to choose.
            (Some(title), Some(names), Some(values)) if row.group_variants > 1 => Some(Choices {
                title,
                options: names
                    .into_iter()
                    .zip(values)
                    .map(|(name, values)| OptionCount { name, values: count(values) })
                    .collect(),
                variants: count(row.group_variants),
                matching: count(row.matching),
                lowest: Money::new(row.lowest, currency),
                highest: Money::new(row.highest, currency),
            }),
            _ => None,
        };
        Ok(Self {
            id: ProductId(row.id),
            picture_version: picture::version(&row.slug, &row.motif, &row.category),
            slug: row.slug,
            name: row.name,
            maker: row.maker,
            category: row.category,
            price: Money::new(row.price_minor, currency),
            choices,
        })
    }
}

impl TryFrom<VariantRow> for Variant {
    type Error = sqlx::Error;

    fn try_from(row: VariantRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: ProductId(row.id),
            picture_version: picture::version(&row.slug, &row.motif, &row.category),
            slug: row.slug,
            name: row.name,
            values: row.variant_values,
            price: Money::new(row.price_minor, currency(&row.currency)?),
        })
    }
}
