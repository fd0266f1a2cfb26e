//! A copy of `terraform/` in which one module or environment is initialised, so that nothing is left in the checkout.

use std::path::PathBuf;

use tempfile::TempDir;

use super::{
    super::{Tree, folder, program},
    provider::Provider,
};

/// Pins the provider that is there, and keeps state out of S3. An override belongs to the check; the project names a range.
const OVERRIDE: &str = "terraform {\n  required_providers {\n    aws = {\n      source  = \"hashicorp/aws\"\n      \
                        version = \"6.25.0\"\n    }\n  }\n}\n";
const LOCAL_STATE: &str = "terraform {\n  backend \"local\" {}\n}\n";

pub struct Workspace {
    dir: PathBuf,
    settings: PathBuf,
    _copy: TempDir,
}

impl Workspace {
    /// `modules/network`, `environments/staging`. None where the provider is not beside the checkout.
    pub fn open(tree: &Tree, name: &str) -> Result<Option<Self>, String> {
        let Some(provider) = Provider::find(tree)? else { return Ok(None) };
        let copy = tempfile::tempdir().map_err(|e| e.to_string())?;
        let (source, terraform) = (tree.root.join("terraform"), copy.path().join("terraform"));
        folder::copy(&source, &terraform)?;
        let dir = terraform.join(name);
        folder::write(&dir.join("check_override.tf"), OVERRIDE)?;
        if name.starts_with("environments/") {
            folder::write(&dir.join("state_override.tf"), LOCAL_STATE)?;
        }
        let settings = provider.mirror(&source, copy.path())?;
        let workspace = Self { dir, settings, _copy: copy };
        workspace.terraform(&["init", "-no-color", "-input=false"])?;
        Ok(Some(workspace))
    }

    /// Runs it there and returns what it printed.
    pub fn terraform(&self, arguments: &[&str]) -> Result<String, String> {
        program::output(
            program::command("terraform")?
                .args(arguments)
                .current_dir(&self.dir)
                .env("TF_CLI_CONFIG_FILE", &self.settings)
                .env("TF_IN_AUTOMATION", "1")
                .env("CHECKPOINT_DISABLE", "1"),
        )
    }
}
