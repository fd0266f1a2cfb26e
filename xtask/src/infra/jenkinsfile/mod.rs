//! The Jenkinsfile, without a Jenkins: its syntax, its words, and that each stage is one command that anybody can run.

mod lexer;
mod parser;
mod variables;
mod words;

use std::{collections::BTreeSet, os::unix::fs::PermissionsExt as _, path::Path};

use super::{Check, Outcome, Tree, folder};
use parser::Directive;

const FILE: &str = "Jenkinsfile";

/// What a change passes, in this order.
const STAGES: [&str; 17] = [
    "set-up",
    "lint",
    "build",
    "unit",
    "integration",
    "end to end",
    "load",
    "coverage",
    "quality",
    "dependencies",
    "secrets",
    "infrastructure",
    "images",
    "release",
    "sign",
    "promote",
    "verify",
];

pub fn checks() -> Vec<Check> {
    vec![
        Check::new("jenkinsfile syntax", |tree: &Tree| {
            let pipeline = read(tree)?;
            let mut problems = Vec::new();
            check_words("", &pipeline, &mut problems);
            done(problems, || format!("{} directives", count(&pipeline)))
        }),
        Check::new("jenkinsfile stages", |tree: &Tree| {
            let pipeline = read(tree)?;
            let stages = stages(&pipeline);
            let mut problems = order_problems(&stages);
            let makefile = folder::read(&tree.root.join("Makefile"))?;
            for command in commands(&pipeline) {
                problems.extend(command_problem(&tree.root, &makefile, command));
            }
            for stage in &stages {
                if stage.named("steps").flat_map(|s| runs(s)).count() != 1 {
                    problems
                        .push(format!("line {}: the stage {:?} is not one command", stage.line, stage.texts));
                }
            }
            done(problems, || format!("{} stages", stages.len()))
        }),
        Check::new("jenkinsfile variables", |tree: &Tree| {
            let pipeline = read(tree)?;
            done(variables::problems(&tree.root, &pipeline)?, || {
                "set by parameters and credentials".to_owned()
            })
        }),
        Check::new("jenkinsfile limits", |tree: &Tree| {
            let pipeline = read(tree)?;
            done(limit_problems(&pipeline), || "bounded".to_owned())
        }),
    ]
}

fn read(tree: &Tree) -> Result<Vec<Directive>, String> {
    parser::parse(&folder::read(&tree.root.join(FILE))?).map_err(|e| format!("{FILE}: {e}"))
}

fn done(problems: Vec<String>, said: impl FnOnce() -> String) -> Result<Outcome, String> {
    if problems.is_empty() { Ok(Outcome::Passed(said())) } else { Err(problems.join("\n")) }
}

fn count(directives: &[Directive]) -> usize {
    directives.iter().map(|d| 1 + count(d.block.as_deref().unwrap_or_default())).sum()
}

fn check_words(block: &str, directives: &[Directive], problems: &mut Vec<String>) {
    let Some(allowed) = words::allowed_in(block) else { return };
    for directive in directives {
        let Directive { name, line, .. } = directive;
        if !allowed.contains(&name.as_str()) {
            let place = if block.is_empty() { "the file" } else { block };
            problems.push(format!(
                "line {line}: {name} is nothing that {place} may hold ({})",
                allowed.join(", ")
            ));
        } else if let Some(inside) = &directive.block {
            check_words(name, inside, problems);
        }
    }
    for required in words::required_in(block) {
        if !directives.iter().any(|d| d.name == *required) {
            problems.push(format!("{block} has no {required}"));
        }
    }
}

/// Every stage that has steps, those in `parallel` and `stages` of a stage too, in order.
fn stages(directives: &[Directive]) -> Vec<&Directive> {
    let mut found = Vec::new();
    for directive in directives {
        if directive.name == "stage" && directive.named("steps").next().is_some() {
            found.push(directive);
        }
        found.extend(stages(directive.block.as_deref().unwrap_or_default()));
    }
    found
}

fn order_problems(stages: &[&Directive]) -> Vec<String> {
    let names: Vec<&str> = stages.iter().filter_map(|s| s.texts.first()).map(String::as_str).collect();
    if names == STAGES {
        Vec::new()
    } else {
        vec![format!("the stages are {names:?}, and should be {STAGES:?}")]
    }
}

/// What a block runs, however deep.
fn runs(directive: &Directive) -> Vec<&Directive> {
    let inside = directive.block.as_deref().unwrap_or_default().iter().flat_map(|d| runs(d));
    std::iter::once(directive).filter(|d| d.name == "sh").chain(inside).collect()
}

fn commands(directives: &[Directive]) -> Vec<&Directive> {
    directives.iter().flat_map(|d| runs(d)).collect()
}

/// One make target or one script under `ci/`, without anything that only a shell of Jenkins' would do.
fn command_problem(root: &Path, makefile: &str, step: &Directive) -> Option<String> {
    let line = step.line;
    let [command] = &step.texts[..] else { return Some(format!("line {line}: sh takes one text")) };
    if command.contains(['\n', ';', '|', '&', '`']) || command.contains("$(") {
        return Some(format!("line {line}: more than one command: {command}"));
    }
    let words: Vec<&str> = command.split_whitespace().collect();
    // What failed may be a release that nobody merged: the last one that was is good.
    if words[..] == ["ci/roll-back.sh"] {
        return Some(format!("line {line}: takes back whatever was released last: --only-of is missing"));
    }
    match words[..] {
        ["make", target, ..] => {
            let defined = makefile.lines().any(|l| l.split(':').next() == Some(target) && l.contains(':'));
            (!defined).then(|| format!("line {line}: the Makefile has no target {target}"))
        }
        [script, ..] if script.starts_with("ci/") => {
            let executable =
                std::fs::metadata(root.join(script)).is_ok_and(|m| m.permissions().mode() & 0o111 != 0);
            (!executable).then(|| format!("line {line}: there is no program {script}"))
        }
        _ => Some(format!("line {line}: neither a make target nor a script of ci/: {command}")),
    }
}

fn limit_problems(pipeline: &[Directive]) -> Vec<String> {
    let mut problems = Vec::new();
    for options in pipeline.iter().flat_map(|p| p.named("options")) {
        for needed in ["timeout", "disableConcurrentBuilds", "buildDiscarder"] {
            if options.named(needed).next().is_none() {
                problems.push(format!("line {}: the options have no {needed}", options.line));
            }
        }
    }
    let mut names = BTreeSet::new();
    for environment in pipeline.iter().flat_map(|p| p.named("environment")) {
        for variable in environment.block.iter().flatten() {
            if !names.insert(variable.name.as_str()) {
                problems.push(format!("line {}: {} is set twice", variable.line, variable.name));
            }
            let secret =
                ["TOKEN", "PASSWORD", "SECRET", "KEY"].iter().any(|word| variable.name.contains(word));
            if secret && !variable.name.ends_with("_ID") {
                problems
                    .push(format!("line {}: {} belongs into withCredentials", variable.line, variable.name));
            }
        }
    }
    problems
}
