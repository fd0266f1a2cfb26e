//! Groups of variants, read.

use shop_contracts::catalog::Product;
use shop_contracts::variants::{MAX_VARIANTS, Variant, VariantGroup, VariantGroups, VariantOption, Variants};
use shop_contracts::{ProductId, VariantGroupId};
use shop_instrumentation::db::observe;
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::products::{PgCatalog, ProductRef, price};
use crate::picture;

/// Groups listed at most.
const GROUPS: i64 = 1_000;

impl PgCatalog {
    /// The product that is named so, with its group.
    pub async fn find_product_with_variants(
        &self,
        named: &ProductRef,
    ) -> Result<Option<Product>, sqlx::Error> {
        let Some(product) = self.find_product(named).await? else { return Ok(None) };
        let variants = self.find_variants(product.id).await?;
        Ok(Some(Product { variants, ..product }))
    }

    /// The group that a product is in.
    pub async fn find_variants(&self, of: ProductId) -> Result<Option<Variants>, sqlx::Error> {
        let query = sqlx::query(
            "SELECT g.id AS group_id, g.title, g.options, v.id, v.slug, v.name, v.variant_values, v.price_minor, \
             v.currency, v.motif, v.category FROM products p JOIN variant_groups g ON g.id = p.variant_group_id \
             JOIN products v ON v.variant_group_id = g.id WHERE p.id = $1 ORDER BY v.position, v.id LIMIT $2",
        );
        let rows = query.bind(of.uuid()).bind(MAX_VARIANTS as i64).fetch_all(&self.pool);
        let rows = observe("SELECT variant_groups", rows).await?;
        let Some(first) = rows.first() else { return Ok(None) };
        let variants: Vec<Variant> = rows.iter().map(variant).collect::<Result<_, _>>()?;
        let options: Vec<String> = first.try_get("options")?;
        let group_id = VariantGroupId(first.try_get("group_id")?);
        Ok(Some(Variants {
            group_id,
            title: first.try_get("title")?,
            options: valued(options, &variants),
            variants,
        }))
    }

    /// Every group, by title.
    pub async fn list_variant_groups(&self) -> Result<VariantGroups, sqlx::Error> {
        let query = sqlx::query(
            "SELECT g.id, g.title, g.options, \
             (SELECT count(*) FROM products v WHERE v.variant_group_id = g.id) AS variants \
             FROM variant_groups g ORDER BY lower(g.title), g.id LIMIT $1",
        );
        let rows = observe("SELECT variant_groups list", query.bind(GROUPS).fetch_all(&self.pool)).await?;
        Ok(VariantGroups { groups: rows.iter().map(group).collect::<Result<_, _>>()? })
    }
}

/// Each option with its values as they first occur.
fn valued(options: Vec<String>, variants: &[Variant]) -> Vec<VariantOption> {
    let values = |at: usize| {
        let mut values: Vec<String> = Vec::new();
        for value in variants.iter().filter_map(|variant| variant.values.get(at)) {
            if !values.contains(value) {
                values.push(value.clone());
            }
        }
        values
    };
    options.into_iter().enumerate().map(|(at, name)| VariantOption { name, values: values(at) }).collect()
}

fn variant(row: &PgRow) -> Result<Variant, sqlx::Error> {
    let (slug, category): (String, String) = (row.try_get("slug")?, row.try_get("category")?);
    Ok(Variant {
        id: ProductId(row.try_get("id")?),
        name: row.try_get("name")?,
        values: row.try_get("variant_values")?,
        price: price(row)?,
        picture_version: picture::version(&slug, row.try_get("motif")?, &category),
        slug,
    })
}

pub(super) fn group(row: &PgRow) -> Result<VariantGroup, sqlx::Error> {
    let variants: i64 = row.try_get("variants")?;
    Ok(VariantGroup {
        id: VariantGroupId(row.try_get("id")?),
        title: row.try_get("title")?,
        options: row.try_get("options")?,
        variants: u32::try_from(variants).unwrap_or(u32::MAX),
    })
}
