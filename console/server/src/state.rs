//! The state as the configuration has it.

use std::time::Duration;

use console_model::clock::now_ms;
use console_state::{AdminChange, Place, PostgresConfig, State, StateConfig};

use crate::{
    config::{Config, ConfigError, read_secret},
    runtime::StartError,
};

const FILE: &str = "state.sqlite";
const FIELD: &str = "state.postgres_url_file";

/// Opens it and makes sure of the administrator.
pub async fn open(config: &Config) -> Result<State, StartError> {
    // Read first: a wrong secret is told at once, not after a wait for a database.
    let password = config.admin.password()?;
    let state = State::open(StateConfig::at(place(config)?)).await?;
    match state.ensure_admin(&config.admin.username, &password, now_ms()).await? {
        AdminChange::Unchanged => {}
        change => tracing::info!(user = config.admin.username, ?change, "administrator"),
    }
    Ok(state)
}

/// Reads the address' file where there is one; an address that cannot be used is told with the field.
pub fn place(config: &Config) -> Result<Place, ConfigError> {
    let Some(file) = &config.state.postgres_url_file else {
        return Ok(Place::File(config.data_dir.join(FILE)));
    };
    let url = read_secret(FIELD, file)?;
    console_state::check_address(&url).map_err(|reason| ConfigError::Unreadable {
        file: file.display().to_string(),
        reason: format!("{FIELD}: {reason}"),
    })?;
    let mut postgres = PostgresConfig::new(url);
    if let Some(max) = config.state.max_connections {
        postgres.max_connections = max;
    }
    if let Some(seconds) = config.state.startup_timeout_s {
        postgres.startup_timeout = Duration::from_secs(seconds.into());
    }
    Ok(Place::Postgres(postgres))
}

/// What people are told while Postgres is away.
pub fn away_words(state: &State) -> Option<String> {
    let seconds = state.away_for()?.as_secs();
    let minutes = state.remembers_sessions_ms() / 60_000;
    Some(format!(
        "The console's database of users and sessions has been away for {seconds} s. Nobody can log in until it is back; \
         who was here in the last {minutes} minutes can go on reading."
    ))
}
