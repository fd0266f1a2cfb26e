//! Why a peer is of no use.

use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    #[error(transparent)]
    Missing(#[from] xtask_programs::Missing),
    #[error("no package has {name}: --{option} names its program")]
    Unnamed { name: &'static str, option: &'static str },
    #[error("{program} does not start; is it installed?")]
    Spawn { program: PathBuf, source: std::io::Error },
    #[error("{name} ended instead of serving:\n{output}")]
    Ended { name: &'static str, output: String },
    #[error("{name} is not ready after {seconds} s:\n{output}")]
    NotReady { name: &'static str, seconds: u64, output: String },
    #[error("{name} does not stop within {seconds} s")]
    NotStopped { name: &'static str, seconds: u64 },
    #[error("{what}")]
    Io { what: String, source: std::io::Error },
    #[error("{what}")]
    Http { what: String, source: reqwest::Error },
    #[error("{what}: status {status}: {body}")]
    Refused { what: String, status: u16, body: String },
}

impl PeerError {
    /// The peer's program is not on this machine.
    pub(crate) fn is_absence(&self) -> bool {
        matches!(self, Self::Missing(_) | Self::Unnamed { .. })
    }

    /// For `map_err`: names what was tried.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    pub(crate) fn http(what: impl Into<String>) -> impl FnOnce(reqwest::Error) -> Self {
        let what = what.into();
        move |source| Self::Http { what, source }
    }
}
