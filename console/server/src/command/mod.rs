//! What the program is asked on its command line. Words that it does not know end it with 2, work that fails with 1.

mod backup;
mod export;
mod serve;

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use console_server::Config;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit that a release is made from; `make release` sets it.
const REVISION: Option<&str> = option_env!("QUARTERDECK_REVISION");

/// The ops console: telemetry stores, query APIs, alerting and pages in one program.
#[derive(Parser)]
#[command(name = "quarterdeck", version)]
pub struct Quarterdeck {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the console until it is told to stop.
    Serve {
        #[command(flatten)]
        config: ConfigFile,
        /// What is logged, as `tracing` filters are written.
        #[arg(long, env = "RUST_LOG", default_value = "info", hide_env = true)]
        log: String,
    },
    /// Read the configuration and the secrets that it names, and say what is wrong with them.
    CheckConfig {
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Copy telemetry, users and what was told of alerts into a new folder, while the console runs.
    Backup {
        #[command(flatten)]
        config: ConfigFile,
        /// The folder, which must not be there yet.
        #[arg(long)]
        to: PathBuf,
    },
    /// Put a copy into the data directory of a console that does not run and has no data.
    Restore {
        #[command(flatten)]
        config: ConfigFile,
        /// The folder that `backup` made.
        #[arg(long)]
        from: PathBuf,
    },
    /// Copy lines and traces of a window to any backend that takes Loki push or OTLP.
    Export(Box<export::Export>),
    /// Print the version, and the commit of a release.
    Version,
    /// Print completions: `quarterdeck completions bash > /etc/bash_completion.d/quarterdeck`.
    Completions { shell: Shell },
}

#[derive(clap::Args)]
struct ConfigFile {
    /// The configuration file (YAML).
    #[arg(long = "config", default_value = "quarterdeck.yml")]
    path: PathBuf,
}

/// The error is for the one who called the program.
pub fn run(program: Quarterdeck) -> Result<(), String> {
    match program.command {
        Command::Serve { config, log } => serve::serve(&config.path, &log),
        Command::CheckConfig { config } => {
            check_config(&config.path)?;
            print(&format!("{}: the configuration is correct\n", config.path.display()))
        }
        Command::Backup { config, to } => print(&backup::take(&config.path, &to)?),
        Command::Restore { config, from } => print(&backup::put_back(&config.path, &from)?),
        Command::Export(asked) => export::export(&asked),
        Command::Version => print(&version()),
        Command::Completions { shell } => print(&completions(shell)?),
    }
}

fn check_config(file: &Path) -> Result<(), String> {
    let config = Config::load(file).map_err(|e| e.to_string())?;
    console_server::check_files(&config)
        .map_err(|problems| format!("{}: {}", file.display(), problems.join("; ")))
}

fn version() -> String {
    let revision = REVISION.map(|commit| format!(" ({commit})")).unwrap_or_default();
    format!("quarterdeck {VERSION}{revision}\n")
}

fn completions(shell: Shell) -> Result<String, String> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Quarterdeck::command(), "quarterdeck", &mut script);
    String::from_utf8(script).map_err(|e| format!("completions: {e}"))
}

/// A reader that goes away, as `head` does, is no failure.
fn print(text: &str) -> Result<(), String> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(format!("cannot write: {e}")),
        _ => Ok(()),
    }
}
