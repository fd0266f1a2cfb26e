//! Where a program of `xtask/tools.toml` lies on this machine: the one look-up of tests, xtask and proofs.
//!
//! A program that is absent is an error that names it and its package, and a program that the list does not have is an
//! error too. Without dependencies, so that everybody can afford it.

mod list;
mod namespace;
mod search;
mod unprivileged;

use std::{fmt, path::PathBuf};

pub use list::Program;
pub use namespace::repeat_as_root_of_a_namespace;
pub use unprivileged::unprivileged;

/// Every program of the list, in its order.
pub fn all() -> Vec<Program> {
    list::parse(include_str!("../../tools.toml"))
}

/// The path of a listed program.
pub fn path(name: &str) -> Result<PathBuf, Missing> {
    let Some(program) = all().into_iter().find(|p| p.name == name) else {
        return Err(Missing::Unlisted(name.to_owned()));
    };
    search::Places::of_this_process().find(&program).ok_or(Missing::Absent(program))
}

/// Why there is no path.
#[derive(Clone)]
pub enum Missing {
    /// The list has no such program.
    Unlisted(String),
    /// The machine has it nowhere.
    Absent(Program),
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unlisted(name) => write!(f, "{name} is not in xtask/tools.toml: add it with its packages"),
            Self::Absent(program) => {
                let Program { name, apt, brew, pypi, venv, go, target, .. } = program;
                write!(f, "{name} is missing (")?;
                let sources = [
                    ("Debian package ", apt),
                    ("Homebrew ", brew),
                    ("PyPI ", pypi),
                    ("PyPI ", venv),
                    ("Go package ", go),
                ];
                let named: Vec<String> =
                    sources.iter().filter(|(_, p)| !p.is_empty()).map(|(of, p)| format!("{of}{p}")).collect();
                let command = if target.is_empty() { "make setup" } else { "xtask/setup.sh " };
                write!(f, "{}): `{command}{target}` installs it", named.join(", "))
            }
        }
    }
}

/// As shown: what a test that unwraps prints.
impl fmt::Debug for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Missing {}

impl From<Missing> for String {
    fn from(missing: Missing) -> Self {
        missing.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_program_is_named_with_its_packages() {
        let program = all().into_iter().find(|p| p.name == "promtool").unwrap();
        assert_eq!(
            Missing::Absent(program).to_string(),
            "promtool is missing (Debian package prometheus, Homebrew prometheus): `make setup` installs it"
        );
        let program = all().into_iter().find(|p| p.name == "wrk").unwrap();
        assert!(Missing::Absent(program).to_string().ends_with("`xtask/setup.sh bench-shop` installs it"));
    }

    #[test]
    fn a_program_outside_the_list_is_refused_even_where_it_is_installed() {
        assert_eq!(
            path("true").unwrap_err().to_string(),
            "true is not in xtask/tools.toml: add it with its packages"
        );
    }

    #[test]
    fn a_listed_program_is_found() {
        assert!(path("sh").unwrap().is_absolute());
    }
}
