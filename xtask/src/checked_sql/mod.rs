//! Metadata of checked queries: `services/<service>/.sqlx`, written from a database with the service's migrations.
//!
//! What must always hold: only here do the macros of sqlx ask a database; every other build reads what is committed
//! (`.cargo/config.toml`). Neither a failure nor an unchanged query changes a file.

mod folder;
mod server;

use std::{fs, path::Path, process::Command, time::SystemTime};

use sqlx::{Connection as _, PgConnection, migrate::Migrator};

use self::server::Server;
use crate::platform::layout::repository_root;

/// Renews the metadata of one service, or of all.
pub async fn renew(only: Option<&str>) -> Result<(), String> {
    let root = repository_root()?;
    let services = services(&root, only)?;
    let server = Server::start().await?;
    for service in services {
        let database = server.create_database(&service).await?;
        migrate(&database, &root.join("services").join(&service)).await?;
        let changes = check(&root, &service, &database, &server)?;
        println!("{service}: {changes}");
    }
    Ok(())
}

/// Services with a database, in the order of their names.
fn services(root: &Path, only: Option<&str>) -> Result<Vec<String>, String> {
    let folder = root.join("services");
    let entries = fs::read_dir(&folder).map_err(|e| format!("cannot list {}: {e}", folder.display()))?;
    let with_database = entries.filter_map(Result::ok).filter(|e| e.path().join("migrations").is_dir());
    let mut names: Vec<String> =
        with_database.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    let Some(only) = only else { return Ok(names) };
    if names.iter().any(|name| name == only) {
        return Ok(vec![only.to_owned()]);
    }
    Err(format!("no service {only} has a database; these have one: {}", names.join(", ")))
}

async fn migrate(database: &str, service: &Path) -> Result<(), String> {
    let folder = service.join("migrations");
    let fail = |e: &dyn std::fmt::Display| format!("{}: {e}", folder.display());
    let migrator = Migrator::new(folder.as_path()).await.map_err(|e| fail(&e))?;
    let mut connection = PgConnection::connect(database).await.map_err(|e| fail(&e))?;
    migrator.run(&mut connection).await.map_err(|e| fail(&e))?;
    connection.close().await.map_err(|e| fail(&e))
}

/// Compiles the service's queries against the database, and puts what the macros wrote in the place of what is there.
fn check(root: &Path, service: &str, database: &str, server: &Server) -> Result<folder::Changes, String> {
    let written = server.directory().join("metadata").join(service);
    fs::create_dir_all(&written).map_err(|e| format!("cannot create {}: {e}", written.display()))?;
    let folder = root.join("services").join(service);
    touch(&folder.join("src/lib.rs"))?;
    // By its program's name and not by its package's: cargo chooses the features of dependencies by packages, and would
    // compile all of them anew.
    let status = Command::new(xtask_programs::path("bash")?)
        .args(["-c", "exec cargo check --quiet --locked --bin \"$1\"", "bash", &format!("shop-{service}")])
        .current_dir(root)
        .env("DATABASE_URL", database)
        .env("SQLX_OFFLINE", "false")
        .env("SQLX_OFFLINE_DIR", &written)
        .status()
        .map_err(|e| format!("cannot run cargo: {e}"))?;
    if !status.success() {
        return Err(format!(
            "services/{service} does not compile against its migrations; nothing was written"
        ));
    }
    folder::replace(&written, &folder.join(".sqlx"))
}

/// Macros run only when their crate is compiled, and a query that none of them asked about would count as gone.
fn touch(file: &Path) -> Result<(), String> {
    let now = SystemTime::now();
    let opened = fs::File::options().append(true).open(file);
    opened.and_then(|f| f.set_modified(now)).map_err(|e| format!("cannot touch {}: {e}", file.display()))
}
