//! One database and one role a service, each with a password of its own and no way into the others.

use sqlx::{AssertSqlSafe, Executor as _, PgConnection, Row as _};

use crate::platform::{layout::Layout, secrets};

/// Services with a database. Database, role and service bear one name.
pub const DATABASES: [&str; 6] = ["identity", "catalog", "inventory", "orders", "payments", "notifications"];

/// Makes the role with which standbys stream. The session is a superuser's on the primary.
pub async fn replication(session: &mut PgConnection, name: &str, password: &str) -> Result<(), String> {
    let made = role(session, name, password, "LOGIN REPLICATION").await;
    made.map_err(|e| format!("cannot make the role of the standby: {e}"))
}

/// Makes what is missing and sets every password. The session is a superuser's on the primary.
pub async fn ensure(layout: &Layout, session: &mut PgConnection) -> Result<(), String> {
    let fail = |e: sqlx::Error| format!("cannot make the services' databases: {e}");
    for service in DATABASES {
        let password = secrets::read(layout, &secrets::database_password(service))?;
        role(session, service, &password, "LOGIN").await.map_err(fail)?;
        if !exists(session, "pg_database", "datname", service).await.map_err(fail)? {
            execute(session, format!("CREATE DATABASE {service} OWNER {service}")).await.map_err(fail)?;
            execute(session, format!("REVOKE ALL ON DATABASE {service} FROM PUBLIC")).await.map_err(fail)?;
        }
    }
    Ok(())
}

async fn role(
    session: &mut PgConnection,
    name: &str,
    password: &str,
    rights: &str,
) -> Result<(), sqlx::Error> {
    let verb = if exists(session, "pg_roles", "rolname", name).await? { "ALTER" } else { "CREATE" };
    // Utility statements take no parameters; names are ours and passwords are hexadecimal.
    execute(session, format!("{verb} ROLE {name} {rights} PASSWORD '{password}'")).await
}

async fn exists(
    session: &mut PgConnection,
    table: &str,
    column: &str,
    name: &str,
) -> Result<bool, sqlx::Error> {
    let query = format!("SELECT EXISTS (SELECT FROM {table} WHERE {column} = $1)");
    sqlx::query(AssertSqlSafe(query)).bind(name).fetch_one(session).await?.try_get(0)
}

async fn execute(session: &mut PgConnection, statement: String) -> Result<(), sqlx::Error> {
    session.execute(AssertSqlSafe(statement)).await.map(|_| ())
}
