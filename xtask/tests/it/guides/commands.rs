//! What a page tells to type: a command of this repository exists, and whatever needs a cloud says so.

use std::{collections::BTreeSet, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};

use super::page::{self, read, root};

/// Programs that a cloud is asked with.
const CLOUD: [&str; 6] = ["aws", "flux", "helm", "kubectl", "skopeo", "terraform"];

struct Known {
    makefile: String,
    targets: BTreeSet<String>,
    programs: BTreeSet<String>,
}

fn known() -> Known {
    let makefile = read("Makefile");
    let target = |line: &str| Some(line.split_once(':')?.0.to_owned());
    let targets = makefile.lines().filter(|l| l.contains(": ") && !l.starts_with(['.', '\t', '#']));
    let targets = targets.filter_map(target).collect();
    let mut programs: BTreeSet<String> = xtask_programs::all().into_iter().map(|p| p.name).collect();
    // Rust comes first; `cd` is the shell's.
    programs.extend(["cargo", "cd"].map(str::to_owned));
    Known { makefile, targets, programs }
}

fn is_script(word: &str) -> bool {
    ["ci/", "xtask/", "loadtests/", "packaging/"].iter().any(|folder| word.starts_with(folder))
        && Path::new(word).extension().is_some_and(|e| e == "sh")
}

/// What is wrong with one command; nothing when it can be typed here.
fn wrong(command: &str, known: &Known) -> Option<String> {
    let mut words = command.split_whitespace().peekable();
    let mut variables = Vec::new();
    while let Some((name, _)) = words.peek().and_then(|w| w.split_once('=')) {
        variables.push(name.to_owned());
        words.next();
    }
    let program = words.next()?;
    if program == "make" {
        let (assigned, targets): (Vec<&str>, Vec<&str>) = words.partition(|word| word.contains('='));
        let target = targets.iter().find(|target| !known.targets.contains(**target));
        let names = assigned.iter().filter_map(|word| Some(word.trim_start_matches('[').split_once('=')?.0));
        let taken = |n: &str| ["$(N)", "N="].iter().any(|p| known.makefile.contains(&p.replace('N', n)));
        let name = names.into_iter().find(|name| !taken(name));
        target.map(|t| format!("no target {t}")).or(name.map(|n| format!("no target reads {n}")))
    } else if is_script(program) {
        let Ok(data) = std::fs::metadata(root().join(program)) else {
            return Some("no such script".to_owned());
        };
        let text = read(program);
        let unread = variables.into_iter().find(|name| !text.contains(name.as_str()));
        unread
            .map(|name| format!("it does not read {name}"))
            .or((data.permissions().mode() & 0o111 == 0).then(|| "not executable".to_owned()))
    } else {
        (!known.programs.contains(program)).then(|| "no program of xtask/tools.toml".to_owned())
    }
}

#[test]
fn commands_of_blocks_can_be_typed_here_or_want_a_cloud_and_say_so() {
    let known = known();
    let (mut problems, mut held) = (Vec::new(), 0);
    for page in page::all().iter().filter(|page| page.path.starts_with("runbooks/guides/")) {
        for block in &page.blocks {
            let cloud_only = block.before.to_lowercase().contains("cloud only");
            let lines = block.lines.iter().map(|line| line.trim()).filter(|line| !line.is_empty());
            for line in lines.filter(|line| !line.starts_with('#')) {
                let program = line.split_whitespace().find(|word| !word.contains('=')).unwrap_or_default();
                let problem = if CLOUD.contains(&program) {
                    (!cloud_only).then(|| "wants a cloud and does not say so".to_owned())
                } else if block.language == "sh" {
                    held += 1;
                    wrong(line, &known)
                } else {
                    let ours = program == "make" || is_script(program);
                    (ours && !cloud_only).then(|| "is no block of sh".to_owned())
                };
                problems.extend(problem.map(|why| format!("{}: {line}: {why}", page.path)));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(held > 40, "only {held} commands were found");
}

#[test]
fn targets_and_scripts_that_text_names_exist() {
    let known = known();
    let mut problems = Vec::new();
    for page in page::all() {
        for command in page.prose.iter().flat_map(|line| page::code(line)) {
            // `make fault F=<name>`, and what the console fills in.
            let ours = command.starts_with("make ") || command.split(' ').next().is_some_and(is_script);
            if ours && !command.contains("{{") {
                problems.extend(wrong(command, &known).map(|why| format!("{}: {command}: {why}", page.path)));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn a_command_that_is_not_there_is_found() {
    let known = known();
    for fine in [
        "make up",
        "DEMO=0 make up",
        "make soak HOURS=1 RATE=3",
        "ENVIRONMENT=x ci/promote.sh 1.0.0",
        "git log",
    ] {
        assert_eq!(wrong(fine, &known), None, "{fine}");
    }
    for bad in
        ["make upp", "make soak DAYS=1", "ci/promoted.sh", "REGION=x ci/promote.sh", "frobnicate --all"]
    {
        assert!(wrong(bad, &known).is_some(), "{bad}");
    }
}

#[test]
fn keys_of_a_new_environment_are_of_the_form_that_services_read() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    let run = || {
        let mut command = Command::new(xtask_programs::path("bash").unwrap());
        command.arg(root().join("xtask/keys.sh")).arg(&keys).output().unwrap()
    };
    let first = run();
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    assert!(!run().status.success(), "keys of an environment are not written over");
    let text = |name: &str| std::fs::read_to_string(keys.join(name)).unwrap();

    let jwks: serde_json::Value = serde_json::from_str(&text("service-auth/jwks")).unwrap();
    let jwks = jwks["keys"].as_array().unwrap();
    assert_eq!(jwks.len(), 3);
    for (service, jwk) in ["storefront", "identity", "orders"].iter().zip(jwks) {
        let pem = text(&format!("service-auth/{service}"));
        let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let pair = Ed25519KeyPair::from_pkcs8(&STANDARD.decode(body).unwrap()).unwrap();
        assert_eq!(jwk["x"], URL_SAFE_NO_PAD.encode(pair.public_key().as_ref()), "{service}");
        assert_eq!((&jwk["kid"], &jwk["crv"]), (&(*service).into(), &"Ed25519".into()));
    }
    for name in ["cookie-key", "voucher-digest-key"] {
        assert_eq!(hex::decode(text(name).trim_end()).unwrap().len(), 32, "{name}");
        let mode = std::fs::metadata(keys.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name} is its owner's alone");
    }
}
