//! The first stock of each product of the range.

use shop_contracts::seed;
use sqlx::PgPool;

/// Adds products that are not there yet; answers how many. Levels that are there stay as they are.
pub async fn seed(pool: &PgPool) -> Result<u64, sqlx::Error> {
    let products = seed::products();
    let ids: Vec<uuid::Uuid> = products.iter().map(|p| p.id.uuid()).collect();
    let levels: Vec<i32> = products.iter().map(|p| p.initial_stock.max(1) as i32).collect();
    let added = sqlx::query!(
        "INSERT INTO stock (product_id, available, target) \
         SELECT id, level, level FROM unnest($1::uuid[], $2::integer[]) AS fresh (id, level) ON CONFLICT DO NOTHING",
        &ids[..],
        &levels[..]
    );
    Ok(added.execute(pool).await?.rows_affected())
}
