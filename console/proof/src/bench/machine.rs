//! The machine that a bench runs on, and how a bench ends.

use std::{path::PathBuf, process::ExitCode};

use crate::peer::PeerError;

/// The servers whose programs are there, with them. A peer that is absent is a line, not a failure.
pub fn present<S: Copy>(
    servers: Vec<S>,
    name: impl Fn(S) -> &'static str,
    program: impl Fn(S) -> Result<PathBuf, PeerError>,
) -> Result<Vec<(S, PathBuf)>, PeerError> {
    let mut found = Vec::new();
    for server in servers {
        match program(server) {
            Ok(path) => found.push((server, path)),
            Err(e) if e.is_absence() => println!("{} is not measured: {e}", name(server)),
            Err(e) => return Err(e),
        }
    }
    Ok(found)
}

/// How busy the machine is: over one, five and fifteen minutes.
pub fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_ascii_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

/// The program's exit, and a failure with all of its causes.
pub fn told(program: &str, outcome: Result<(), PeerError>) -> ExitCode {
    let Err(e) = outcome else { return ExitCode::SUCCESS };
    eprintln!("{program}: {}", causes(&e));
    ExitCode::FAILURE
}

/// An error and what caused it, in one line.
pub fn causes(error: &PeerError) -> String {
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(c) = cause {
        message += &format!(": {c}");
        cause = c.source();
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_peer_is_left_out_and_any_other_error_ends_the_run() {
        let absent = || PeerError::Unnamed { name: "Loki", option: "loki" };
        let program = |s: u8| if s == 1 { Ok(PathBuf::from("/one")) } else { Err(absent()) };
        assert_eq!(present(vec![1, 2], |_| "peer", program).unwrap(), [(1, PathBuf::from("/one"))]);
        let broken = |_| Err(PeerError::io("no console")(std::io::ErrorKind::NotFound.into()));
        assert_eq!(present(vec![1], |_| "peer", broken).unwrap_err().to_string(), "no console");
    }

    #[test]
    fn causes_are_told_in_their_order() {
        let error =
            PeerError::Io { what: "cannot read".to_owned(), source: std::io::Error::other("no disk") };
        assert_eq!(causes(&error), "cannot read: no disk");
    }
}
