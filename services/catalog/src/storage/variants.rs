//! Groups of variants, read.

use shop_contracts::catalog::Product;
use shop_contracts::variants::{MAX_VARIANTS, Variant, VariantGroup, VariantGroups, VariantOption, Variants};
use shop_contracts::{ProductId, VariantGroupId};
use shop_instrumentation::db::observe;

use super::products::{PgCatalog, ProductRef};
use super::rows::{VariantRow, count};

/// Groups listed at most.
const GROUPS: i64 = 1_000;

impl PgCatalog {
    /// The product that is named so, with its group.
    pub async fn find_product_with_variants(
        &self,
        named: &ProductRef,
    ) -> Result<Option<Product>, sqlx::Error> {
        let Some(product) = self.find_product(named).await? else {
            return Ok(None);
        };
        let variants = self.find_variants(product.id).await?;
        Ok(Some(Product { variants, ..product }))
    }

    /// The group that a product is in.
    pub async fn find_variants(&self, of: ProductId) -> Result<Option<Variants>, sqlx::Error> {
        let query = sqlx::query_as!(
            VariantRow,
            "SELECT v.id, v.slug, v.name, v.variant_values AS \"variant_values!\", v.price_minor, v.currency, v.motif, \
             v.category, g.id AS group_id, g.title, g.options FROM products p \
             JOIN variant_groups g ON g.id = p.variant_group_id \
             JOIN products v ON v.variant_group_id = g.id WHERE p.id = $1 ORDER BY v.position, v.id LIMIT $2",
            of.uuid(),
            MAX_VARIANTS as i64
        );
        let rows = observe("SELECT variant_groups", query.fetch_all(&self.pool)).await?;
        let Some(first) = rows.first() else {
            return Ok(None);
        };
        let (group_id, title) = (VariantGroupId(first.group_id), first.title.clone());
        let options = first.options.clone();
        let variants: Vec<Variant> = rows.into_iter().map(Variant::try_from).collect::<Result<_, _>>()?;
        Ok(Some(Variants { group_id, title, options: valued(options, &variants), variants }))
    }

    /// Every group, by title.
    pub async fn list_variant_groups(&self) -> Result<VariantGroups, sqlx::Error> {
        let query = sqlx::query!(
            "SELECT g.id, g.title, g.options, \
             (SELECT count(*) FROM products v WHERE v.variant_group_id = g.id) AS \"variants!\" \
             FROM variant_groups g ORDER BY lower(g.title), g.id LIMIT $1",
            GROUPS
        );
        let rows = observe("SELECT variant_groups list", query.fetch_all(&self.pool)).await?;
        let groups = rows.into_iter().map(|row| VariantGroup {
            id: VariantGroupId(row.id),
            title: row.title,
            options: row.options,
            variants: count(row.variants),
        });
        Ok(VariantGroups { groups: groups.collect() })
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
