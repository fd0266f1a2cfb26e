//! What the database of orders says of orders that shoppers were told of.

use std::collections::BTreeMap;

use sqlx::{Connection as _, Row as _, postgres::PgConnection};

/// State of every order by its number, from the first of the nodes that takes writes.
pub async fn states(nodes: &[String]) -> Result<BTreeMap<String, String>, String> {
    let mut last = "no node of the database of orders is named".to_owned();
    for url in nodes {
        match read(url).await {
            Ok(Some(states)) => return Ok(states),
            Ok(None) => "every node of the database of orders is a standby".clone_into(&mut last),
            Err(e) => last = format!("database of orders: {e}"),
        }
    }
    Err(last)
}

/// Nothing where the node is a standby.
async fn read(url: &str) -> Result<Option<BTreeMap<String, String>>, sqlx::Error> {
    let mut session = PgConnection::connect(url).await?;
    let standby: bool = sqlx::query_scalar("SELECT pg_is_in_recovery()").fetch_one(&mut session).await?;
    if standby {
        return Ok(None);
    }
    let rows = sqlx::query("SELECT number, status FROM orders").fetch_all(&mut session).await?;
    let states = rows.iter().map(|row| Ok::<_, sqlx::Error>((row.try_get(0)?, row.try_get(1)?)));
    let states = states.collect::<Result<_, _>>()?;
    session.close().await?;
    Ok(Some(states))
}
