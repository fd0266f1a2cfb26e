//! Reading the books: one read-only snapshot a database, rows in bounded number, and the folder of mails.

pub mod identity;
pub mod inventory;
pub mod mail_folder;
pub mod notifications;
pub mod orders;
pub mod payments;
mod vouchers;

use std::{str::FromStr as _, time::Duration};

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, PgConnection, Row as _,
    postgres::{PgConnectOptions, PgRow},
    types::Uuid,
};

use super::snapshot::Pieces;

/// Most rows of one kind. All books are in memory together: beyond this the machine would be what fails.
const MAX_ROWS: usize = 1_000_000;
const CONNECT_WITHIN: Duration = Duration::from_secs(3);

/// One database, as it was at one moment. The snapshot ends with this.
pub struct Reader {
    session: PgConnection,
    name: &'static str,
}

impl Reader {
    /// A snapshot of the first of `urls` that takes writes; `name` is the service's.
    pub async fn open(name: &'static str, urls: &[String]) -> Result<Self, String> {
        let mut refusals = Vec::new();
        for url in urls {
            match tokio::time::timeout(CONNECT_WITHIN, leader(url)).await {
                Ok(Ok(Some(session))) => return Ok(Self { session, name }),
                Ok(Ok(None)) => refusals.push("a standby".to_owned()),
                Ok(Err(e)) => refusals.push(e.to_string()),
                Err(_) => refusals.push(format!("no answer within {} s", CONNECT_WITHIN.as_secs())),
            }
        }
        Err(format!("the database of {name} cannot be read: {}", refusals.join("; ")))
    }

    /// All rows of a query; more than a million are refused.
    pub async fn rows<T>(
        &mut self,
        sql: &str,
        parse: impl Fn(&PgRow) -> Result<T, sqlx::Error>,
    ) -> Result<Vec<T>, String> {
        let name = self.name;
        let fail = |e: sqlx::Error| format!("the database of {name} cannot be read: {e}");
        let bounded = format!("SELECT * FROM ({sql}) AS bounded LIMIT {}", MAX_ROWS + 1);
        let rows = self.session.fetch_all(AssertSqlSafe(bounded)).await.map_err(fail)?;
        if rows.len() > MAX_ROWS {
            return Err(format!("the database of {name} has more than {MAX_ROWS} rows for: {sql}"));
        }
        rows.iter().map(parse).collect::<Result<_, _>>().map_err(fail)
    }
}

async fn leader(url: &str) -> Result<Option<PgConnection>, sqlx::Error> {
    let options = PgConnectOptions::from_str(url)?
        .application_name("check-invariants")
        .options([("statement_timeout", "30s")])
        .disable_statement_logging();
    let mut session = PgConnection::connect_with(&options).await?;
    let leads = session.fetch_one("SELECT NOT pg_is_in_recovery()").await?.try_get(0)?;
    session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    Ok(Some(session).filter(|_| leads))
}

/// A column that holds a name.
fn named<T>(row: &PgRow, column: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, sqlx::Error> {
    let name: String = row.try_get(column)?;
    parse(&name).ok_or_else(|| sqlx::Error::Decode(format!("{column}: unknown {name:?}").into()))
}

/// Minor units of an amount as JSON.
fn minor(money: &serde_json::Value) -> Option<i64> {
    money["amount_minor"].as_i64()
}

/// A column with `[{"product_id": …, "quantity": …}]`.
fn pieces(row: &PgRow, column: &str) -> Result<Pieces, sqlx::Error> {
    let value: serde_json::Value = row.try_get(column)?;
    let damaged = || sqlx::Error::Decode(format!("{column}: no list of pieces").into());
    let mut pieces = Pieces::new();
    for line in value.as_array().ok_or_else(damaged)? {
        let product = line["product_id"].as_str().and_then(|id| Uuid::from_str(id).ok());
        let quantity = line["quantity"].as_i64().ok_or_else(damaged)?;
        *pieces.entry(product.ok_or_else(damaged)?).or_default() += quantity;
    }
    Ok(pieces)
}
