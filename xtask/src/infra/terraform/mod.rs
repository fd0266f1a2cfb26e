//! Terraform: form, schema, assertions, lints and policies of every module and environment.
//!
//! Formatting, lints and policies need nothing from outside. `validate`, `test` and `values` run against a provider that
//! knows AWS' schema and makes up what AWS would compute (`../shared/tools/terraform-schema-provider`): they are left out
//! where it is absent.

mod agreement;
mod docs;
mod edge;
mod hcl;
mod policies;
mod provider;
mod rotation;
mod values;
mod workspace;

use super::{Check, Outcome, Tree, folder, program};
use workspace::Workspace;

pub use docs::write as write_docs;

/// What is initialised by itself, by its folder below `terraform/`: modules first, then the state, then environments.
fn configurations(tree: &Tree) -> Result<Vec<String>, String> {
    let dir = tree.root.join("terraform");
    let named = |kind: &str| -> Result<Vec<String>, String> {
        let names = folder::folders(&dir.join(kind))?;
        Ok(names.into_iter().map(|name| format!("{kind}/{name}")).collect())
    };
    let mut all = named("modules")?;
    all.push("state".to_owned());
    all.extend(named("environments")?);
    Ok(all)
}

/// What takes longest begins first.
pub fn checks(tree: &Tree) -> Result<Vec<Check>, String> {
    let mut checks = vec![Check::new("terraform policies", policies::hold)];
    for name in configurations(tree)?.into_iter().rev() {
        let test = name.clone();
        checks.push(Check::new(format!("terraform test {name}"), move |tree| assertions(tree, &test)));
        if name.starts_with("environments/") {
            let planned = name.clone();
            checks.push(Check::new(format!("terraform values {name}"), move |tree| {
                values::hold(tree, &planned)
            }));
        }
        checks.push(Check::new(format!("terraform validate {name}"), move |tree| validate(tree, &name)));
    }
    checks.push(Check::new("terraform lint", lint));
    checks.push(Check::new("terraform fmt", formatted));
    checks.push(Check::new("terraform scripts", scripts));
    checks.push(Check::new("terraform docs", docs::hold));
    checks.push(Check::new("terraform environments", agreement::of_environments));
    checks.push(Check::new("terraform secrets", agreement::of_secrets));
    checks.push(Check::new("terraform rotation", rotation::holds));
    checks.push(Check::new("terraform edge", edge::agrees));
    checks.push(Check::new("terraform edge function", edge::function));
    Ok(checks)
}

fn formatted(tree: &Tree) -> Result<Outcome, String> {
    let dir = tree.root.join("terraform");
    let mut terraform = program::command("terraform")?;
    terraform.args(["fmt", "-check", "-diff", "-recursive", "-no-color"]).arg(&dir);
    program::output(terraform.env("TF_CLI_CONFIG_FILE", "/dev/null")).map_err(|message| {
        format!("`terraform fmt -recursive terraform` writes them as they should be\n{message}")
    })?;
    Ok(Outcome::Passed(format!("{} files", folder::files(&dir, ".tf")?.len())))
}

fn validate(tree: &Tree, name: &str) -> Result<Outcome, String> {
    let Some(workspace) = Workspace::open(tree, name)? else { return Ok(provider::absent()) };
    workspace.terraform(&["validate", "-no-color"])?;
    Ok(Outcome::Passed(String::new()))
}

fn assertions(tree: &Tree, name: &str) -> Result<Outcome, String> {
    let Some(workspace) = Workspace::open(tree, name)? else { return Ok(provider::absent()) };
    let printed = workspace.terraform(&["test", "-no-color"])?;
    let passed = printed.lines().find(|line| line.contains(" passed")).unwrap_or_default();
    // `terraform test` is content with no test at all.
    if passed.is_empty() || passed.contains(" 0 passed") {
        return Err(format!("terraform/{name} has no test that ran"));
    }
    let runs = passed.trim_start_matches("Success! ").split(',').next().unwrap_or_default();
    Ok(Outcome::Passed(runs.to_owned()))
}

/// What Terraform runs, as far as bash reads it without running it.
fn scripts(tree: &Tree) -> Result<Outcome, String> {
    let found = folder::files(&tree.root.join("terraform"), ".sh")?;
    for script in &found {
        program::output(program::command("bash")?.arg("-n").arg(script))?;
    }
    Ok(Outcome::Passed(format!("{} scripts", found.len())))
}

fn lint(tree: &Tree) -> Result<Outcome, String> {
    let terraform = tree.root.join("terraform");
    let (names, mut found) = (configurations(tree)?, Vec::new());
    for name in &names {
        let mut tflint = program::command("tflint")?;
        tflint.arg("--no-color").arg(format!("--chdir={}", terraform.join(name).display()));
        tflint.arg(format!("--config={}", terraform.join(".tflint.hcl").display()));
        if let Err(message) = program::output(&mut tflint) {
            found.push(format!("terraform/{name}: {message}"));
        }
    }
    if found.is_empty() {
        Ok(Outcome::Passed(format!("{} folders", names.len())))
    } else {
        Err(found.join("\n"))
    }
}
