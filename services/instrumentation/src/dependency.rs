//! What an error of Postgres or Redis means for the request in hand.
//!
//! What must always hold: only a lost connection, or a server that says "not now", is [`Failed::Away`]. Anything else would
//! have a caller repeat what can never succeed, and breakers open for one shopper's bad input.

use redis::{ErrorKind, RedisError, ServerErrorKind};

/// Why an operation failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failed {
    /// There is no such row.
    Missing,
    /// The server cannot be reached, is going away, or is not the one that takes writes: try again later.
    Away,
    /// The server cannot represent a value that the request held.
    BadInput,
    /// The server stopped the statement at its time limit.
    TooSlow,
    /// Everything else: a defect of ours.
    Defect,
}

/// Meaning of a Postgres error.
pub fn of_postgres(error: &sqlx::Error) -> Failed {
    match error {
        sqlx::Error::RowNotFound => Failed::Missing,
        sqlx::Error::Io(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::Tls(_)
        | sqlx::Error::WorkerCrashed => Failed::Away,
        // The connection ended before the server had said whether it speaks TLS: a proxy without a server behind it. The
        // driver takes the missing byte for a zero.
        sqlx::Error::Protocol(text) if text.starts_with("unexpected response from SSLRequest: 0x00") => {
            Failed::Away
        }
        sqlx::Error::Database(cause) => cause.code().map_or(Failed::Defect, |code| of_sqlstate(&code)),
        _ => Failed::Defect,
    }
}

/// Meaning of a SQLSTATE (PostgreSQL manual, appendix A).
pub fn of_sqlstate(code: &str) -> Failed {
    match code {
        // admin_shutdown, crash_shutdown, cannot_connect_now, database_dropped, idle_session_timeout
        _ if code.starts_with("57P0") => Failed::Away,
        // read_only_sql_transaction: the server has become, or still is, a standby.
        "25006" => Failed::Away,
        // too_many_connections: refused at the door.
        "53300" => Failed::Away,
        _ if code.starts_with("08") => Failed::Away,
        "57014" => Failed::TooSlow,
        _ if code.starts_with("22") => Failed::BadInput,
        _ => Failed::Defect,
    }
}

/// Meaning of a Redis error.
pub fn of_redis(error: &RedisError) -> Failed {
    let is_lost = error.is_io_error()
        || error.is_timeout()
        || error.is_connection_refusal()
        || error.is_connection_dropped();
    let is_not_now = matches!(
        error.kind(),
        ErrorKind::ClusterConnectionNotFound
            | ErrorKind::MasterNameNotFoundBySentinel
            | ErrorKind::NoValidReplicasFoundBySentinel
            | ErrorKind::Server(
                ServerErrorKind::BusyLoading
                    | ServerErrorKind::MasterDown
                    | ServerErrorKind::ReadOnly
                    | ServerErrorKind::TryAgain
                    | ServerErrorKind::ClusterDown
            )
    );
    if is_lost || is_not_now { Failed::Away } else { Failed::Defect }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_connection_failures_and_not_now_are_away() {
        for code in ["57P01", "57P02", "57P03", "25006", "08006", "08001", "53300"] {
            assert_eq!(of_sqlstate(code), Failed::Away, "{code}");
        }
        for code in ["22021", "22P02", "22003"] {
            assert_eq!(of_sqlstate(code), Failed::BadInput, "{code}");
        }
        for code in ["23505", "42601", "42P01", "40001", "53100", "XX000"] {
            assert_eq!(of_sqlstate(code), Failed::Defect, "{code}");
        }
        assert_eq!(of_sqlstate("57014"), Failed::TooSlow);
        assert_eq!(of_postgres(&sqlx::Error::PoolTimedOut), Failed::Away);
        assert_eq!(of_postgres(&sqlx::Error::Protocol("odd".into())), Failed::Defect);
    }
}
