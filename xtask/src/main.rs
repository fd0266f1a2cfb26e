//! The local platform and the repository's own tools. `make` is the command surface; this is what it calls.

#![expect(clippy::disallowed_methods, reason = "a developer's tool: it reads its environment and the clock")]

mod back_office;
mod bench;
mod buyer;
mod checked_sql;
mod client;
mod drill;
mod infra;
mod invariants;
mod openapi;
mod platform;
mod sbom;
mod schemathesis;
mod soak;
mod wiki;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Runs Quarterdeck on one machine")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start everything, stay in the foreground, stop everything on Ctrl-C.
    Up,
    /// Stop a running platform.
    Down,
    /// List processes with state, memory and restarts.
    Status,
    /// Follow the log of a service, an instance, or all.
    Logs {
        /// `orders`, `orders-1`, `postgres`; all when absent.
        service: Option<String>,
    },
    /// Replace the instances of a service one after the other.
    Deploy { service: String },
    /// Switch a fault on (or off); without a name, list the faults.
    Fault(platform::FaultOrder),
    /// Compare all books of the running platform: orders, stock, payments, events, mails.
    CheckInvariants(invariants::CheckOrder),
    /// Compare the OpenAPI documents with those of the last tag.
    OpenapiDiff,
    /// Ask the running services what their OpenAPI documents say they answer.
    Schemathesis(schemathesis::Order),
    /// Compile queries against a database with the service's migrations, and renew services/*/.sqlx.
    Sqlx {
        /// `orders`; every service with a database when absent.
        service: Option<String>,
    },
    /// Build the browser client into the target directory.
    Client,
    /// Measure the shop's figures against their targets; needs the release builds that `make bench-shop` makes.
    BenchShop {
        /// All when absent.
        parts: Vec<bench::Part>,
    },
    /// Fail Postgres and Redis over while shoppers buy, on servers of its own, and hold the books against it.
    DrillDb,
    /// Drop a table while shoppers buy, and restore the moment before from the archive, on a platform of its own.
    DrillRestore,
    /// Lose a region while shoppers buy, and go on in another one from the archive, on platforms of their own.
    DrillRegion,
    /// End random processes with SIGKILL while shoppers buy, and hold the books against it.
    DrillKills(drill::kills::Order),
    /// Check what the cloud form is made of: Terraform, manifests, images, pipeline; with --planted, check the checks.
    Infra(infra::Order),
    /// Print what programs are made of, as CycloneDX.
    Sbom(sbom::Order),
    /// Let shoppers buy for long and fail when a process or Redis grows.
    Soak(soak::Order),
    /// Write the knowledge base as a GitHub wiki.
    Wiki(wiki::Order),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => {
            eprintln!("error: cannot start the runtime: {e}");
            return ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(async {
        match cli.command {
            Command::Up => platform::up().await,
            Command::Down => platform::down().await,
            Command::Status => platform::status().await,
            Command::Logs { service } => platform::logs(service.as_deref()).await,
            Command::Deploy { service } => platform::deploy(&service).await,
            Command::Fault(order) => platform::fault(&order).await,
            Command::CheckInvariants(order) => invariants::check_local(order).await,
            Command::OpenapiDiff => openapi::check(std::path::Path::new(".")),
            Command::Schemathesis(order) => schemathesis::run(order).await,
            Command::Sqlx { service } => checked_sql::renew(service.as_deref()).await,
            Command::Client => client::build(),
            Command::BenchShop { parts } => bench::shop(&parts).await,
            Command::DrillDb => drill::database::run().await,
            Command::DrillRestore => drill::restore::run().await,
            Command::DrillRegion => drill::region::run().await,
            Command::DrillKills(order) => drill::kills::run(order).await,
            Command::Infra(order) => infra::run(&order),
            Command::Sbom(order) => sbom::run(&order),
            Command::Soak(order) => soak::run(order).await,
            Command::Wiki(order) => wiki::run(&order),
        }
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}
