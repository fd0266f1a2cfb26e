//! Flux replaces `${name}` in all objects before it applies them, and by nothing where it knows no such name. So an object
//! either is left alone (an annotation says so), or has only names that Flux is told.

use super::{
    super::{Outcome, Tree, folder, program},
    FOLDER, text, verdict, yaml,
};

/// Names that Flux is told.
const KNOWN: [&str; 6] =
    ["console_host", "environment", "mail_from", "on_call_receiver", "region", "telemetry_bucket"];
/// What Terraform tells Flux of a cluster.
const FACTS: &str = "terraform/modules/flux/main.tf";
const ANNOTATION: &str = "kustomize.toolkit.fluxcd.io/substitute";

pub fn check(tree: &Tree) -> Result<Outcome, String> {
    let rendered =
        program::output(program::command("kubectl")?.arg("kustomize").arg(tree.root.join(FOLDER)))?;
    let mut wrong = Vec::new();
    let mut objects = 0;
    for document in rendered.split("\n---\n") {
        let object = yaml(document)?;
        objects += 1;
        let name = format!("{} {}", text(&object["kind"]), text(&object["metadata"]["name"]));
        let is_left_alone = object["metadata"]["annotations"][ANNOTATION] == "disabled";
        let names = names(&object.to_string());
        let is_known = |name: &&String| KNOWN.contains(&name.as_str());
        if is_left_alone {
            for variable in names.iter().filter(is_known) {
                wrong.push(format!("{name}: ${{{variable}}} stays as it is: Flux leaves this object alone"));
            }
        } else {
            for variable in names.iter().filter(|v| !is_known(v)) {
                wrong.push(format!("{name}: Flux replaces ${{{variable}}} by nothing"));
            }
        }
    }
    let facts = folder::read(&tree.root.join(FACTS))?;
    let settings = settings(tree)?;
    for variable in KNOWN {
        let is_fact = facts.lines().any(|line| named(line, variable, '='));
        let is_set = settings.iter().all(|text| text.lines().any(|line| named(line, variable, ':')));
        if !is_fact && !is_set {
            wrong.push(format!(
                "${{{variable}}}: neither {FACTS} nor every gitops/clusters/* tells Flux what it is"
            ));
        }
    }
    verdict(&wrong, format!("{objects} objects"))
}

/// Whether the line gives the name a value.
fn named(line: &str, name: &str, sign: char) -> bool {
    line.trim().strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with(sign))
}

/// What each cluster's own files say.
fn settings(tree: &Tree) -> Result<Vec<String>, String> {
    let clusters = tree.root.join("gitops/clusters");
    let text_of = |cluster: String| -> Result<String, String> {
        let files = folder::files(&clusters.join(cluster), ".yaml")?;
        files.iter().map(|file| folder::read(file)).collect()
    };
    folder::folders(&clusters)?.into_iter().map(text_of).collect()
}

/// The names in `${…}`.
fn names(text: &str) -> Vec<String> {
    let after = text.split("${").skip(1);
    after.filter_map(|rest| Some(rest.split_once('}')?.0.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_stands_in_braces() {
        assert_eq!(names("a ${b} $c ${env:D} {{ $e }}"), ["b", "env:D"]);
    }

    #[test]
    fn a_name_has_a_value_where_the_sign_follows_it() {
        assert!(named("    region     = var.region", "region", '='));
        assert!(named("      environment: staging", "environment", ':'));
        assert!(!named("    regions = []", "region", '='));
    }
}
