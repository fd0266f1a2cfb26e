//! Checksums of every table of every database, and the accident that they were taken before.

use std::{collections::BTreeMap, time::Duration};

use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _,
    types::chrono::{DateTime, Utc},
};

use crate::platform::postgres::{node::Node, roles::DATABASES};

/// The table that is dropped: orders without a voucher go on, as if nothing had happened.
const DROPPED: (&str, &str) = ("orders", "vouchers");
const TRIES: usize = 10;
const BETWEEN_TRIES: Duration = Duration::from_millis(500);

/// Every row is read.
const PATIENT: &str = "SET statement_timeout = '2min'";

/// Rows and a digest of them, by `database.table`.
pub type Sums = BTreeMap<String, (i64, String)>;

/// A table that was dropped.
pub struct Accident {
    /// The last moment before.
    pub moment: DateTime<Utc>,
    /// What every table held then.
    pub sums: Sums,
}

/// Drops a table while shoppers buy. For a moment no table can be written, so that the sums of all are of one moment.
pub async fn drop_table(primary: &Node) -> Result<Accident, String> {
    let mut last = String::new();
    for _ in 0..TRIES {
        match try_to_drop(primary).await {
            Ok(accident) => return Ok(accident),
            // Whoever wrote has won: it is as if nobody had asked.
            Err(e) => last = e.to_string(),
        }
        tokio::time::sleep(BETWEEN_TRIES).await;
    }
    Err(format!("the tables could not be held still: {last}"))
}

async fn try_to_drop(primary: &Node) -> Result<Accident, sqlx::Error> {
    let mut sessions = Vec::new();
    for database in DATABASES {
        let mut session = primary.connect(database).await?;
        session.execute("BEGIN").await?;
        session.execute("SET LOCAL lock_timeout = '5s'").await?;
        session.execute(PATIENT).await?;
        // The one who looks first gives way: the drill, not a service.
        session.execute("SET LOCAL deadlock_timeout = '100ms'").await?;
        let tables = tables(&mut session).await?;
        session.execute(AssertSqlSafe(format!("LOCK TABLE {} IN SHARE MODE", tables.join(", ")))).await?;
        sessions.push((database, session));
    }
    let mut sums = Sums::new();
    for (database, session) in &mut sessions {
        sums.extend(sums_of(database, session).await?);
    }
    let (database, table) = DROPPED;
    let mut moment = None;
    for (_, session) in sessions.iter_mut().filter(|(name, _)| *name == database) {
        moment = Some(session.fetch_one("SELECT clock_timestamp()").await?.try_get(0)?);
        session.execute(AssertSqlSafe(format!("DROP TABLE {table} CASCADE"))).await?;
        session.execute("COMMIT").await?;
    }
    for (_, session) in sessions {
        session.close().await?;
    }
    Ok(Accident { moment: moment.ok_or(sqlx::Error::RowNotFound)?, sums })
}

/// The sums of all tables as they are; the node may be one that only reads.
pub async fn all(node: &Node) -> Result<Sums, String> {
    let mut sums = Sums::new();
    for database in DATABASES {
        let fail = |e: sqlx::Error| format!("the database {database} of {}: {e}", node.name);
        let mut session = node.connect(database).await.map_err(fail)?;
        session.execute(PATIENT).await.map_err(fail)?;
        sums.extend(sums_of(database, &mut session).await.map_err(fail)?);
    }
    Ok(sums)
}

async fn tables(session: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
    let query = "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename";
    session.fetch_all(query).await?.iter().map(|row| row.try_get(0)).collect()
}

/// The digest does not depend on the order of rows: the sum of sixty bits of each row's.
async fn sums_of(database: &str, session: &mut PgConnection) -> Result<Sums, sqlx::Error> {
    let mut sums = Sums::new();
    for table in tables(session).await? {
        let query = format!(
            "SELECT count(*), COALESCE(sum(('x' || substr(md5(t::text), 1, 15))::bit(60)::int8), 0)::text FROM {table} t"
        );
        let row = session.fetch_one(AssertSqlSafe(query)).await?;
        sums.insert(format!("{database}.{table}"), (row.try_get(0)?, row.try_get(1)?));
    }
    Ok(sums)
}

/// Which tables differ, and how many rows each had and has.
pub fn differences(before: &Sums, after: &Sums) -> Vec<String> {
    let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let rows =
        |sums: &Sums, name: &str| sums.get(name).map_or("none".to_owned(), |(rows, _)| rows.to_string());
    names
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name))
        .map(|name| format!("{name}: {} rows before, {} after", rows(before, name), rows(after, name)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_changed_and_a_table_that_is_gone_are_named() {
        let sum = |rows: i64, digest: &str| (rows, digest.to_owned());
        let before = Sums::from([
            ("orders.orders".to_owned(), sum(2, "7")),
            ("orders.vouchers".to_owned(), sum(1, "5")),
            ("payments.captures".to_owned(), sum(3, "9")),
        ]);
        assert!(differences(&before, &before).is_empty());
        let after = Sums::from([
            ("orders.orders".to_owned(), sum(2, "8")),
            ("payments.captures".to_owned(), sum(3, "9")),
            ("payments.more".to_owned(), sum(0, "0")),
        ]);
        assert_eq!(
            differences(&before, &after),
            [
                "orders.orders: 2 rows before, 2 after",
                "orders.vouchers: 1 rows before, none after",
                "payments.more: none rows before, 0 after"
            ]
        );
    }
}
