//! The Containerfile: hadolint, and what our images promise to the cluster that runs them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Check, Outcome, Tree, folder, program};
use crate::platform::layout::SERVICES;

const FILE: &str = "packaging/Containerfile";

pub fn checks() -> Vec<Check> {
    vec![
        Check::new("container hadolint", |tree: &Tree| {
            let file = tree.root.join(FILE);
            program::output(program::command("hadolint")?.arg("--failure-threshold=style").arg(&file))?;
            Ok(Outcome::Passed(FILE.to_owned()))
        }),
        Check::new("container bases", |tree: &Tree| {
            let stages = stages(&folder::read(&tree.root.join(FILE))?);
            done(base_problems(&stages), || format!("{} stages", stages.len()))
        }),
        Check::new("container images", |tree: &Tree| {
            let stages = stages(&folder::read(&tree.root.join(FILE))?);
            let images = images();
            let mut problems = Vec::new();
            for image in &images {
                problems.extend(image_problems(image, &stages));
            }
            done(problems, || format!("{} images", images.len()))
        }),
        Check::new("container names", |tree: &Tree| {
            let mut named = BTreeSet::new();
            for file in folder::files(&tree.root.join("gitops/apps"), ".yaml")? {
                named.extend(images_in(&folder::read(&file)?));
            }
            let built: BTreeSet<String> = images().into_iter().collect();
            done(name_problems(&named, &built), || format!("{} images run", named.len()))
        }),
    ]
}

fn done(problems: Vec<String>, said: impl FnOnce() -> String) -> Result<Outcome, String> {
    if problems.is_empty() { Ok(Outcome::Passed(said())) } else { Err(problems.join("\n")) }
}

/// What runs in the cluster.
fn images() -> Vec<String> {
    SERVICES.iter().map(|s| format!("shop-{s}")).chain(["console".to_owned()]).collect()
}

/// A stage: what it begins from, and its instructions, each with everything that follows its name.
#[derive(Debug, Default, PartialEq, Eq)]
struct Stage {
    from: String,
    instructions: Vec<(String, String)>,
}

/// By name. What stands before the first stage is the stage "".
fn stages(text: &str) -> BTreeMap<String, Stage> {
    let joined = text
        .lines()
        .filter(|l| !l.trim_start().starts_with('#'))
        .collect::<Vec<_>>()
        .join("\n")
        .replace("\\\n", " ");
    let mut found = BTreeMap::from([(String::new(), Stage::default())]);
    let mut current = String::new();
    for line in joined.lines() {
        let Some((instruction, rest)) = line.trim().split_once(char::is_whitespace) else { continue };
        let words: Vec<&str> = rest.split_whitespace().collect();
        if instruction == "FROM" {
            let [from, .., name] = words[..] else { continue };
            current = name.to_owned();
            found.insert(current.clone(), Stage { from: from.to_owned(), instructions: Vec::new() });
        } else if let Some(stage) = found.get_mut(&current) {
            stage.instructions.push((instruction.to_owned(), words.join(" ")));
        }
    }
    found
}

/// Bases come by digest from outside, and never move by themselves.
fn base_problems(stages: &BTreeMap<String, Stage>) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, stage) in stages.iter().filter(|(name, _)| !name.is_empty()) {
        let is_stage = stages.contains_key(&stage.from) || stage.from == "scratch";
        if !is_stage && !stage.from.starts_with("${") && !stage.from.contains("@sha256:") {
            problems.push(format!("{name}: {} is not named by its digest", stage.from));
        }
    }
    for (instruction, rest) in stages.get("").into_iter().flat_map(|s| &s.instructions) {
        if instruction == "ARG" && rest.contains('=') && !rest.contains("@sha256:") {
            problems.push(format!("ARG {rest}: a default that is not named by its digest"));
        }
    }
    problems
}

/// The instructions of a stage and of those that it begins from, its own first.
fn effective<'a>(name: &str, stages: &'a BTreeMap<String, Stage>) -> Vec<&'a (String, String)> {
    let Some(stage) = stages.get(name) else { return Vec::new() };
    let mut all: Vec<_> = stage.instructions.iter().rev().collect();
    if stage.from != name {
        all.extend(effective(&stage.from, stages));
    }
    all
}

fn image_problems(image: &str, stages: &BTreeMap<String, Stage>) -> Vec<String> {
    if !stages.contains_key(image) {
        return vec![format!("no stage is called {image}")];
    }
    let all = effective(image, stages);
    let last = |wanted: &str| all.iter().find(|(name, _)| name == wanted).map(|(_, rest)| rest.as_str());
    let mut problems = Vec::new();
    let mut want = |holds: bool, what: &str| {
        if !holds {
            problems.push(format!("{image}: {what}"));
        }
    };
    let user = last("USER").and_then(|user| user.split(':').next()).unwrap_or("0");
    want(user == "10001", "its user is not 10001, as the manifests run it");
    want(
        last("HEALTHCHECK").is_some_and(|h| h.contains("CMD [\"/usr/bin/image-health\"")),
        "it has no health check",
    );
    let program = if image == "console" { "quarterdeck" } else { image };
    want(
        last("ENTRYPOINT") == Some(&format!("[\"/usr/bin/{program}\"]")),
        "its entry point is not its program, without a shell",
    );
    let titled = format!("org.opencontainers.image.title=\"{image}\"");
    want(
        all.iter().any(|(name, rest)| name == "LABEL" && rest.contains(&titled)),
        "its title is not its name",
    );
    want(
        all.iter().any(|(n, rest)| n == "LABEL" && rest.contains("image.revision=")),
        "it does not tell its revision",
    );
    let ports = if image == "console" { "4317 4318 8090 8091" } else { "8080 8081" };
    want(last("EXPOSE") == Some(ports), "its ports are not those of the manifests");
    let foreign =
        all.iter().find(|(n, rest)| n == "ADD" || (n == "COPY" && !rest.starts_with("--from=programs ")));
    want(foreign.is_none(), "something is copied that is not a program that was built");
    let secret =
        |rest: &str| ["PASSWORD", "SECRET", "TOKEN"].iter().any(|word| rest.to_uppercase().contains(word));
    want(
        !all.iter().any(|(n, rest)| (n == "ENV" || n == "ARG") && secret(rest)),
        "a secret would stay in it",
    );
    want(!all.iter().any(|(n, _)| n == "RUN"), "something runs in it while it is built");
    problems
}

/// Names of our images in a manifest: `image: …/quarterdeck/NAME:TAG`, or `name: quarterdeck/NAME` of kustomize.
fn images_in(text: &str) -> Vec<String> {
    let values = text.lines().filter_map(|line| {
        let line = line.trim_start().trim_start_matches("- ");
        line.strip_prefix("image:").or_else(|| line.strip_prefix("name: quarterdeck/").map(|_| &line[5..]))
    });
    let ours = values.filter_map(|value| value.split_once("quarterdeck/").map(|(_, name)| name));
    ours.map(|name| name.split([':', '@', ' ', '"']).next().unwrap_or(name).to_owned()).collect()
}

fn name_problems(named: &BTreeSet<String>, built: &BTreeSet<String>) -> Vec<String> {
    let unknown = named
        .difference(built)
        .map(|name| format!("gitops/apps runs quarterdeck/{name}, which is not built"));
    let idle = built.difference(named).map(|name| format!("quarterdeck/{name} is built and runs nowhere"));
    unknown.chain(idle).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "ARG BASE\n# FROM x AS commented\nFROM ${BASE} AS common\nUSER 10001:10001\nLABEL a=\"b\" \\\n      c=\"d\"\nFROM common AS shop-x\nCOPY --from=programs /x/ /\nUSER 0\n";

    #[test]
    fn a_stage_has_the_instructions_of_what_it_begins_from_and_its_own_win() {
        let stages = stages(TEXT);
        assert_eq!(stages.keys().collect::<Vec<_>>(), ["", "common", "shop-x"]);
        let all = effective("shop-x", &stages);
        assert_eq!(all[0], &("USER".to_owned(), "0".to_owned()));
        assert!(all.contains(&&("LABEL".to_owned(), "a=\"b\" c=\"d\"".to_owned())));
        let problems = image_problems("shop-x", &stages).join("\n");
        assert!(problems.contains("10001") && problems.contains("health check"), "{problems}");
    }

    #[test]
    fn bases_are_named_by_digest() {
        assert!(base_problems(&stages(TEXT)).is_empty());
        let moving =
            TEXT.replace("FROM ${BASE} AS", "FROM debian:12 AS").replace("ARG BASE", "ARG BASE=debian:12");
        assert_eq!(base_problems(&stages(&moving)).len(), 2);
    }

    #[test]
    fn our_images_are_found_in_manifests_and_in_overlays() {
        let text = "      - image: registry.example/quarterdeck/shop-orders:0.1.0\nimages:\n  - name: quarterdeck/console\n    image: postgres:15\n";
        assert_eq!(images_in(text), ["shop-orders", "console"]);
    }
}
