//! Schema and first range. Both run at every start, under one advisory lock, and change nothing the second time.

use serde_json::json;
use shop_contracts::{ProductId, seed};
use shop_instrumentation::StartError;
use shop_instrumentation::db::migrate;
use sqlx::migrate::Migrator;
use sqlx::{PgConnection, PgPool};

/// Key of the advisory lock that keeps two instances from seeding at once ("catalog" in ASCII).
const SEED_LOCK: i64 = 0x0063_6174_616c_6f67;

static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// The schema's migrations.
pub fn migrator() -> &'static Migrator {
    &MIGRATOR
}

/// Brings the schema up to date and offers whatever of the first range is missing. Prices already there are kept.
pub async fn migrate_and_seed(pool: &PgPool) -> Result<u64, StartError> {
    migrate(pool, &MIGRATOR).await?;
    let mut transaction = pool.begin().await?;
    sqlx::query!("SELECT pg_advisory_xact_lock($1)", SEED_LOCK).execute(&mut *transaction).await?;
    insert_categories(&mut transaction).await?;
    let added = insert_products(&mut transaction).await?;
    insert_variant_groups(&mut transaction).await?;
    transaction.commit().await?;
    Ok(added)
}

async fn insert_categories(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    for (position, category) in (0_i32..).zip(seed::categories()) {
        let query = sqlx::query!(
            "INSERT INTO categories (slug, name, blurb, position) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (slug) DO UPDATE SET name = EXCLUDED.name, blurb = EXCLUDED.blurb, \
             position = EXCLUDED.position",
            category.slug,
            category.name,
            category.blurb,
            position
        );
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

async fn insert_products(connection: &mut PgConnection) -> Result<u64, sqlx::Error> {
    let range: Vec<_> = seed::products()
        .iter()
        .zip(0_i32..)
        .map(|(product, position)| {
            let attributes: Vec<_> =
                product.attributes.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
            json!({
                "id": product.id, "slug": product.slug, "name": product.name, "maker": product.maker,
                "category": product.category, "motif": product.motif, "price_minor": product.price.amount_minor,
                "currency": product.price.currency, "description": product.description,
                "attributes": attributes, "position": position, "tax_class": product.tax_class,
            })
        })
        .collect();
    let query = sqlx::query!(
        "INSERT INTO products (id, slug, name, maker, category, motif, price_minor, currency, description, \
         attributes, position, tax_class) \
         SELECT id, slug, name, maker, category, motif, price_minor, currency, description, attributes, position, \
         tax_class \
         FROM jsonb_to_recordset($1) AS range (id uuid, slug text, name text, maker text, category text, motif text, \
         price_minor bigint, currency text, description text, attributes jsonb, position integer, tax_class text) \
         ON CONFLICT (id) DO NOTHING",
        serde_json::Value::Array(range)
    );
    Ok(query.execute(connection).await?.rows_affected())
}

/// Groups that this database has never had, with those of their products that are in none. A group that is known keeps
/// what staff made of it, an empty one too.
async fn insert_variant_groups(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    for group in seed::variant_groups() {
        let options: Vec<String> = group.options.iter().map(|&option| option.to_owned()).collect();
        let insert = sqlx::query!(
            "INSERT INTO variant_groups (id, title, options) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING",
            group.id.uuid(),
            group.title,
            &options
        );
        if insert.execute(&mut *connection).await?.rows_affected() == 0 {
            continue;
        }
        for (slug, values) in &group.members {
            let values: Vec<String> = values.iter().map(|&value| value.to_owned()).collect();
            let put = sqlx::query!(
                "UPDATE products SET variant_group_id = $2, variant_values = $3 \
                 WHERE id = $1 AND variant_group_id IS NULL",
                ProductId::from_slug(slug).uuid(),
                group.id.uuid(),
                &values
            );
            put.execute(&mut *connection).await?;
        }
    }
    Ok(())
}
