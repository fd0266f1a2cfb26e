//! What the scripts of a pipeline want to be given, and whether it gives it: `${NAME:?…}` in a script is a parameter, a
//! variable of the pipeline's environment, or a credential around the step.

use std::{collections::BTreeSet, path::Path};

use super::{folder, parser::Directive};

pub fn problems(root: &Path, pipeline: &[Directive]) -> Result<Vec<String>, String> {
    let mut given = BTreeSet::new();
    for block in pipeline.iter().flat_map(|p| p.named("parameters")) {
        given.extend(block.block.iter().flatten().filter_map(|parameter| parameter.texts.first().cloned()));
    }
    for block in pipeline.iter().flat_map(|p| p.named("environment")) {
        given.extend(block.block.iter().flatten().map(|variable| variable.name.clone()));
    }
    let mut problems = Vec::new();
    look(root, pipeline, &given, &mut problems)?;
    Ok(problems)
}

fn look(
    root: &Path,
    directives: &[Directive],
    given: &BTreeSet<String>,
    problems: &mut Vec<String>,
) -> Result<(), String> {
    for directive in directives {
        let mut given = given.clone();
        if directive.name == "withCredentials" {
            given.extend(directive.texts.iter().cloned());
        }
        let command = directive.texts.first().map_or("", String::as_str);
        if directive.name == "sh" && command.starts_with("ci/") {
            let script = command.split_whitespace().next().unwrap_or_default();
            let mut wanted = BTreeSet::new();
            collect(root, script, &mut BTreeSet::new(), &mut wanted)?;
            for name in wanted.difference(&given) {
                problems.push(format!("line {}: {script} wants {name}, and nothing sets it", directive.line));
            }
        }
        look(root, directive.block.as_deref().unwrap_or_default(), &given, problems)?;
    }
    Ok(())
}

/// What a script wants, and what those want that it runs (lines that begin with `ci/`).
fn collect(
    root: &Path,
    script: &str,
    seen: &mut BTreeSet<String>,
    wanted: &mut BTreeSet<String>,
) -> Result<(), String> {
    // One that is not there is told by the check of the stages.
    if !seen.insert(script.to_owned()) || !root.join(script).is_file() {
        return Ok(());
    }
    let text = folder::read(&root.join(script))?;
    wanted.extend(names(&text));
    for line in text.lines().map(str::trim).filter(|line| line.starts_with("ci/")) {
        collect(root, line.split_whitespace().next().unwrap_or_default(), seen, wanted)?;
    }
    Ok(())
}

fn names(text: &str) -> impl Iterator<Item = String> {
    let wanted = text.split("${").skip(1).filter_map(|rest| Some(rest.split_once(":?")?.0));
    let is_name = |name: &&str| {
        name.starts_with(|c: char| c.is_ascii_uppercase())
            && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    };
    wanted.filter(is_name).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_script_must_be_given_is_what_it_refuses_to_run_without() {
        let text = "clone=${1:?usage}\n: \"${REGISTRY:?where}\"\nx=${CONSOLE:-y} ${KEY_2:?}";
        assert_eq!(names(text).collect::<Vec<_>>(), ["REGISTRY", "KEY_2"]);
    }
}
