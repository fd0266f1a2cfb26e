//! Changes of products by staff, with their history.

use chrono::{DateTime, Utc};
use shop_contracts::catalog::{EditProduct, ExpectedProduct, Product, ProductChange};
use shop_contracts::variants::unsaid;
use shop_contracts::{Currency, ProductId};
use shop_instrumentation::db::observe;
use sqlx::PgConnection;

use super::grouping::values_of;
use super::products::{PgCatalog, product_by_id};

const HISTORY: i64 = 100;

/// What came of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edited {
    /// The product as it is now.
    Yes(Box<Product>),
    /// There is no such product.
    UnknownProduct,
    /// Nothing was changed: these fields are not what was expected. With the product as it is.
    ChangedMeanwhile(Box<Product>, Vec<&'static str>),
    /// The product is priced in this currency.
    OtherCurrency(Currency),
    /// The product is a variant, and its new name does not say this value.
    Unsaid(String),
}

impl PgCatalog {
    /// Changes a product and writes down what changed, both or neither. Fields that are as asked already do not count.
    pub async fn edit_product(
        &self,
        id: ProductId,
        edit: &EditProduct,
        now: DateTime<Utc>,
    ) -> Result<Edited, sqlx::Error> {
        observe("UPDATE products", async {
            let mut tx = self.pool.begin().await?;
            let Some(before) = find_locked(&mut tx, id).await? else {
                return Ok(Edited::UnknownProduct);
            };
            if edit.price.is_some_and(|price| price.currency != before.price.currency) {
                return Ok(Edited::OtherCurrency(before.price.currency));
            }
            if let Some(name) = edit.name.as_ref().filter(|name| **name != before.name) {
                let values = values_of(&mut tx, id).await?;
                if let Some(value) = unsaid(name, &values) {
                    return Ok(Edited::Unsaid(value.to_owned()));
                }
            }
            let after = Product {
                name: edit.name.clone().unwrap_or_else(|| before.name.clone()),
                description: edit.description.clone().unwrap_or_else(|| before.description.clone()),
                price: edit.price.unwrap_or(before.price),
                ..before.clone()
            };
            let foreign = changed_meanwhile(edit.expected.as_ref(), &before, &after);
            if !foreign.is_empty() {
                return Ok(Edited::ChangedMeanwhile(Box::new(before), foreign));
            }
            for (field, old, new) in [
                ("name", before.name.clone(), after.name.clone()),
                ("description", before.description.clone(), after.description.clone()),
                ("price", before.price.to_string(), after.price.to_string()),
            ] {
                if old != new {
                    let change = ProductChange {
                        at: now,
                        actor: edit.actor.clone(),
                        field: field.to_owned(),
                        before: old,
                        after: new,
                        note: edit.note.clone(),
                    };
                    insert_change(&mut tx, id, &change).await?;
                }
            }
            if after != before {
                update(&mut tx, &after).await?;
            }
            tx.commit().await?;
            Ok(Edited::Yes(Box::new(after)))
        })
        .await
    }

    /// A product's changes, newest first.
    pub async fn list_changes(&self, id: ProductId) -> Result<Vec<ProductChange>, sqlx::Error> {
        let query = sqlx::query_as!(
            ProductChange,
            "SELECT at, actor, field, before, after, note FROM product_changes WHERE product_id = $1 \
             ORDER BY id DESC LIMIT $2",
            id.uuid(),
            HISTORY
        );
        observe("SELECT product_changes", query.fetch_all(&self.pool)).await
    }
}

/// Fields that this edit would change although they are not what was expected. What is as asked already is no conflict:
/// the same edit may come twice.
fn changed_meanwhile(
    expected: Option<&ExpectedProduct>,
    before: &Product,
    after: &Product,
) -> Vec<&'static str> {
    let Some(expected) = expected else { return Vec::new() };
    let other =
        |text: &Option<String>, now: &str| text.as_deref().is_some_and(|text| text.trim() != now.trim());
    let fields = [
        ("name", before.name != after.name, other(&expected.name, &before.name)),
        (
            "description",
            before.description != after.description,
            other(&expected.description, &before.description),
        ),
        ("price", before.price != after.price, expected.price.is_some_and(|price| price != before.price)),
    ];
    fields.into_iter().filter(|(_, changes, other)| *changes && *other).map(|(field, ..)| field).collect()
}

pub(super) async fn find_locked(
    tx: &mut PgConnection,
    id: ProductId,
) -> Result<Option<Product>, sqlx::Error> {
    let lock = sqlx::query_scalar!("SELECT id FROM products WHERE id = $1 FOR NO KEY UPDATE", id.uuid());
    if lock.fetch_optional(&mut *tx).await?.is_none() {
        return Ok(None);
    }
    product_by_id(tx, id.uuid()).await?.map(Product::try_from).transpose()
}

async fn update(tx: &mut PgConnection, product: &Product) -> Result<(), sqlx::Error> {
    let query = sqlx::query!(
        "UPDATE products SET name = $2, description = $3, price_minor = $4 WHERE id = $1",
        product.id.uuid(),
        product.name,
        product.description,
        product.price.amount_minor
    );
    query.execute(tx).await.map(|_| ())
}

pub(super) async fn insert_change(
    tx: &mut PgConnection,
    id: ProductId,
    change: &ProductChange,
) -> Result<(), sqlx::Error> {
    let query = sqlx::query!(
        "INSERT INTO product_changes (product_id, at, actor, field, before, after, note) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        id.uuid(),
        change.at,
        change.actor,
        change.field,
        change.before,
        change.after,
        change.note
    );
    query.execute(tx).await.map(|_| ())
}
