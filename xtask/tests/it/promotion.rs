//! What `ci/promote.sh` offers, with a repository and a registry of the test's own.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::TempDir;

const OVERLAY: &str = "gitops/apps/production/kustomization.yaml";
const VERSION: &str = "9.9.9";
/// A reference's image is a file of the folder: `docker://registry.example/shop-orders:9.9.9` is `shop-orders:9.9.9`.
const SKOPEO: &str = r#"#!/bin/sh
for reference; do :; done
[ -e "$REGISTRY_FOLDER/${reference#docker://registry.example/}" ] || { echo 'manifest unknown' >&2; exit 1; }
"#;
const CURL: &str = r#"#!/bin/sh
cat >/dev/null
echo '{"html_url": "https://example.com/pull/1"}'
"#;

struct Stage {
    folder: TempDir,
}

impl Stage {
    /// A repository that declares what this checkout does, and a registry without an image.
    fn new() -> Self {
        let stage = Self { folder: tempfile::tempdir().unwrap() };
        for (name, text) in [("skopeo", SKOPEO), ("curl", CURL)] {
            let program = stage.at("bin").join(name);
            write(&program, text);
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        }
        fs::create_dir(stage.at("registry")).unwrap();
        write(&stage.at("repository").join(OVERLAY), &overlay());
        stage.git(&["init", "--quiet", "--initial-branch=main"]);
        stage.commit("test");
        stage
    }

    fn commit(&self, message: &str) {
        self.git(&["add", "."]);
        let author = ["-c", "user.name=test", "-c", "user.email=test@example.com"];
        self.git(&[&author[..], &["commit", "--quiet", "--message", message]].concat());
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn git(&self, arguments: &[&str]) -> String {
        let mut git = Command::new(xtask_programs::path("git").unwrap());
        let done = git.arg("-C").arg(self.at("repository")).args(arguments).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    }

    fn push(&self, image: &str, version: &str) {
        write(&self.at("registry").join(format!("{image}:{version}")), "");
    }

    /// Without a version it is this checkout's.
    fn promote(&self, version: Option<&str>) -> Output {
        let mut script = Command::new(xtask_programs::path("bash").unwrap());
        script.args(["-c", "PATH=$0:$PATH exec \"$@\""]).arg(self.at("bin"));
        script.arg(root().join("ci/promote.sh")).args(version);
        script.env("REGISTRY_FOLDER", self.at("registry"));
        script.env("ENVIRONMENT", "production").env("REGISTRY", "registry.example");
        script.env("GITHUB_TOKEN", "test").env("GITHUB_REPOSITORY", "owner/name");
        script.env("GITOPS_REPOSITORY", self.at("repository")).output().unwrap()
    }

    fn branches(&self) -> String {
        self.git(&["branch", "--format=%(refname:short)"])
    }
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn overlay() -> String {
    fs::read_to_string(root().join(OVERLAY)).unwrap()
}

/// Names of the images that an overlay declares.
fn images(overlay: &str) -> Vec<&str> {
    overlay.lines().filter_map(|line| line.split_once("name: quarterdeck/")).map(|l| l.1).collect()
}

fn write(file: &Path, text: &str) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

#[test]
fn a_version_is_offered_when_the_registry_of_its_environment_has_every_image() {
    let stage = Stage::new();
    let overlay = overlay();
    let images = images(&overlay);
    let (last, others) = images.split_last().unwrap();
    for image in others {
        stage.push(image, VERSION);
    }
    let refused = stage.promote(Some(VERSION));
    let told = String::from_utf8_lossy(&refused.stderr);
    assert!(
        !refused.status.success() && told.contains(&format!("registry.example/{last}:{VERSION}")),
        "{told}"
    );
    assert_eq!(stage.branches(), "main\n", "nothing was offered");

    stage.push(last, VERSION);
    let offered = stage.promote(Some(VERSION));
    assert!(offered.status.success(), "{}", String::from_utf8_lossy(&offered.stderr));
    let branch = format!("promote-production-{VERSION}");
    assert_eq!(stage.branches(), format!("main\n{branch}\n"));
    let declared = stage.git(&["show", &format!("{branch}:{OVERLAY}")]);
    assert_eq!(declared.matches(&format!("newTag: {VERSION}")).count(), images.len());
}

#[test]
fn a_version_that_was_taken_back_is_offered_only_to_who_names_it() {
    const OURS: &str = env!("CARGO_PKG_VERSION");
    let stage = Stage::new();
    let overlay = overlay();
    for image in images(&overlay) {
        stage.push(image, OURS);
    }
    let before: String = overlay
        .lines()
        .map(|line| match line.split_once("newTag: ") {
            Some((indent, _)) => format!("{indent}newTag: 0.0.1\n"),
            None => format!("{line}\n"),
        })
        .collect();
    write(&stage.at("repository").join(OVERLAY), &before);
    stage.commit(&format!("revert(production): {OURS}"));

    let refused = stage.promote(None);
    let told = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && told.contains("was taken back"), "{told}");
    assert_eq!(stage.branches(), "main\n", "nothing was offered");

    let offered = stage.promote(Some(OURS));
    assert!(offered.status.success(), "{}", String::from_utf8_lossy(&offered.stderr));
    assert_eq!(stage.branches(), format!("main\npromote-production-{OURS}\n"));
}
