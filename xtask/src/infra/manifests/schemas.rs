//! Every object against the schema of its kind, strictly: an unknown field is a mistake. Kubernetes' own kinds by
//! `kubernetes-validate`, custom resources by schemas made from their definitions: some lie here, most beside the checkout.

use std::{
    collections::{BTreeMap, HashMap},
    io::Write as _,
    process::{Command, Stdio},
    sync::{LazyLock, Mutex},
};

use serde::Deserialize;

use super::{Findings, object::Object, render::rendered};
use crate::infra::{Outcome, Tree};

/// What the clusters run.
const KUBERNETES: &str = "1.34";
const VALIDATE: &str = include_str!("validate.py");
const OWN: &str = "xtask/src/infra/manifests/schemas";
const SHARED: &str = "schemas/crds";
/// Kinds whose definitions may not be copied: nobody but their operator checks them.
const UNKNOWN: [&str; 1] = ["k8s.elastic.co"];

/// What the script says of one object.
#[derive(Clone, Deserialize)]
struct Answer {
    number: usize,
    /// Nothing where the object is right.
    wrong: Option<String>,
    /// No schema of its kind was found.
    unknown: bool,
}

/// Answers by object: copies of the tree with one change have nearly all objects in common.
static ANSWERS: LazyLock<Mutex<HashMap<String, Answer>>> = LazyLock::new(Mutex::default);

pub fn check(tree: &Tree) -> Result<Outcome, String> {
    let rendered = rendered(tree)?;
    let objects: BTreeMap<String, &Object> = rendered
        .clusters
        .iter()
        .flat_map(|c| &c.objects)
        .filter(|o| !UNKNOWN.iter().any(|group| group_of(o).ends_with(group)))
        .map(|o| (o.value.to_string(), o))
        .collect();
    let shared = tree.shared.join(SHARED);
    let mut answers = ANSWERS.lock().map_err(|e| e.to_string())?;
    let new: Vec<&String> = objects.keys().filter(|text| !answers.contains_key(*text)).collect();
    for answer in ask(tree, &shared, &new)? {
        let text = new.get(answer.number).ok_or("an answer about no object")?;
        answers.insert((*text).clone(), answer);
    }
    let (mut findings, mut unknown) = (Findings::new(), 0);
    for (text, object) in &objects {
        let answer = answers.get(text).ok_or_else(|| format!("{}: no answer", object.shown()))?;
        if answer.unknown {
            unknown += 1;
            if shared.is_dir() {
                findings.add(format!("{}: no schema of {}", object.shown(), object.text("/apiVersion")));
            }
        } else if let Some(wrong) = &answer.wrong {
            findings.add(format!("{}: {wrong}", object.shown()));
        }
    }
    let outcome = findings.outcome(format!("{} objects", objects.len()))?;
    Ok(if shared.is_dir() {
        outcome
    } else {
        Outcome::LeftOut(format!("../shared/{SHARED}: schemas of {unknown} objects"))
    })
}

fn group_of(object: &Object) -> &str {
    object.text("/apiVersion").split('/').next().unwrap_or_default()
}

fn ask(tree: &Tree, shared: &std::path::Path, objects: &[&String]) -> Result<Vec<Answer>, String> {
    if objects.is_empty() {
        return Ok(Vec::new());
    }
    let lines = objects
        .iter()
        .enumerate()
        .map(|(number, value)| format!("{{\"number\":{number},\"value\":{value}}}\n"));
    let mut command = Command::new(python()?);
    command.args(["-c", VALIDATE, KUBERNETES]).arg(tree.root.join(OWN)).arg(shared);
    let printed = talk(command, &lines.collect::<String>())?;
    printed.lines().map(|line| serde_json::from_str(line).map_err(|e| format!("{line}: {e}"))).collect()
}

/// The Python of the tool's own environment.
fn python() -> Result<std::path::PathBuf, String> {
    let tool = xtask_programs::path("kubernetes-validate")?;
    let tool = tool.canonicalize().map_err(|e| format!("{}: {e}", tool.display()))?;
    let folder = tool.parent().ok_or("kubernetes-validate lies in no folder")?;
    Ok(folder.join("python3"))
}

fn talk(mut command: Command, input: &str) -> Result<String, String> {
    let fail = |e: std::io::Error| format!("kubernetes-validate: {e}");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(fail)?;
    let mut writer = child.stdin.take().ok_or("kubernetes-validate: no input")?;
    std::thread::scope(|scope| {
        // Apart from reading: both pipes are bounded.
        let writing = scope.spawn(move || writer.write_all(input.as_bytes()));
        let output = child.wait_with_output().map_err(fail)?;
        let _ = writing.join();
        if !output.status.success() {
            return Err(format!("kubernetes-validate: {}", String::from_utf8_lossy(&output.stderr)));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    })
}
