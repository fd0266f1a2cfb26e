//! Orders to ask for, and how much there is to sell.

use serde_json::{Value, json};
use sqlx::{Connection as _, Row as _};

use super::stage::Stage;

/// Something that is sold.
#[derive(Clone, Debug)]
pub struct Product {
    pub id: String,
    pub price_minor: i64,
    pub currency: String,
}

/// Some products of the catalogue.
pub async fn products(stage: &Stage, how_many: i64) -> Result<Vec<Product>, String> {
    let fail = |e: sqlx::Error| format!("products: {e}");
    let mut database = stage.database("catalog").await?;
    let sql = "SELECT id::text AS id, price_minor, currency FROM products ORDER BY id LIMIT $1";
    let rows = sqlx::query(sql).bind(how_many).fetch_all(&mut database).await.map_err(fail)?;
    let _ = database.close().await;
    rows.iter()
        .map(|row| {
            Ok(Product {
                id: row.try_get("id")?,
                price_minor: row.try_get("price_minor")?,
                currency: row.try_get("currency")?,
            })
        })
        .collect::<Result<_, sqlx::Error>>()
        .map_err(fail)
}

/// From now on so many pieces of each are on sale.
pub async fn stock(stage: &Stage, products: &[Product], pieces: i32) -> Result<(), String> {
    let mut database = stage.database("inventory").await?;
    let ids: Vec<&str> = products.iter().map(|product| product.id.as_str()).collect();
    // The table books the difference by itself.
    let sql = "UPDATE stock SET available = $2 WHERE product_id::text = ANY ($1)";
    sqlx::query(sql)
        .bind(ids)
        .bind(pieces)
        .execute(&mut database)
        .await
        .map_err(|e| format!("stock: {e}"))?;
    let _ = database.close().await;
    Ok(())
}

/// An order of one piece by a guest, from the cart of this id.
pub fn order(product: &Product, cart: &str) -> Value {
    json!({
        "account_id": null,
        // One mailbox gets only so many mails an hour.
        "email": format!("{cart}@bench.example.com"),
        "lines": [{
            "product_id": product.id,
            "quantity": 1,
            "unit_price": { "amount_minor": product.price_minor, "currency": product.currency },
        }],
        "ship_to": {
            "name": "Bench", "address1": "Quay 1", "city": "Hamburg", "postcode": "20457", "country": "DE",
        },
        "payment_token": "tok_visa",
        "cart": { "id": cart, "version": 1 },
    })
}
