//! Where the state lies: a file of this console, or a Postgres that several consoles share. Queries are written once, with
//! `$1` for both; where the two need other words, both stand side by side at the query.

use sqlx::SqlitePool;

use crate::{StateError, postgres::Postgres};

pub enum Database {
    File(SqlitePool),
    Postgres(Postgres),
}

impl Database {
    /// The words of the one that is used.
    pub fn words(&self, file: &'static str, postgres: &'static str) -> &'static str {
        match self {
            Self::File(_) => file,
            Self::Postgres(_) => postgres,
        }
    }
}

/// A file is there or its failure is told; nothing is observed.
pub async fn in_file<T>(work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, StateError> {
    work.await.map_err(StateError::from)
}

/// Does the same work on whichever pool there is. The work is a block that ends with `Result<_, sqlx::Error>`; what comes
/// out has a [`StateError`](crate::StateError).
macro_rules! on {
    ($database:expr, $pool:ident => $work:block) => {
        match &$database {
            $crate::database::Database::File($pool) => $crate::database::in_file(async { $work }).await,
            $crate::database::Database::Postgres(postgres) => {
                let $pool = &postgres.pool;
                postgres.observe(async { $work }).await
            }
        }
    };
}

pub(crate) use on;
