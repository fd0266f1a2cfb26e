//! `gitops/`: what Flux would apply, rendered as Flux renders it, and held against schemas, our policies and the programs.
//!
//! Every check looks at the same rendered objects (`render`), of each cluster and of each variant of one. What a program
//! reads, serves and may call is asked of the program or of its own tables, never written down here once more.

mod access;
mod annotations;
mod connections;
mod console;
mod environment;
mod flux;
mod images;
mod leaks;
mod network;
mod object;
mod probes;
mod references;
mod render;
mod routes;
mod schemas;
mod secrets;
mod security;
mod spread;
mod variables;

use super::{Check, Outcome};

pub use access::write as write_policies;

/// What a check found wrong, a line each; nothing wrong passes with what was looked at.
struct Findings(Vec<String>);

impl Findings {
    fn new() -> Self {
        Self(Vec::new())
    }

    fn add(&mut self, finding: String) {
        if !self.0.contains(&finding) {
            self.0.push(finding);
        }
    }

    fn outcome(self, looked_at: String) -> Result<Outcome, String> {
        if self.0.is_empty() { Ok(Outcome::Passed(looked_at)) } else { Err(self.0.join("\n")) }
    }
}

pub fn checks() -> Vec<Check> {
    vec![
        Check::new("manifests kustomize", render::every_folder),
        Check::new("manifests schemas", schemas::check),
        Check::new("manifests flux", flux::check),
        Check::new("manifests variables", variables::check),
        Check::new("manifests references", references::check),
        Check::new("manifests images", images::check),
        Check::new("manifests security", security::check),
        Check::new("manifests spread", spread::check),
        Check::new("manifests network", network::check),
        Check::new("manifests access", access::check),
        Check::new("manifests secrets", secrets::check),
        Check::new("manifests environment", environment::check),
        Check::new("manifests probes", probes::check),
        Check::new("manifests routes", routes::check),
        Check::new("manifests console", console::check),
        Check::new("manifests connections", connections::check),
        Check::new("manifests annotations", annotations::check),
        Check::new("secrets gitleaks", leaks::check),
    ]
}
