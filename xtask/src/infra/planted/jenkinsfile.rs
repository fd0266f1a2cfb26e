//! Mistakes in the Jenkinsfile.

use super::{Edit, Planted};

const FILE: &str = "Jenkinsfile";

pub fn mistakes() -> Vec<Planted> {
    let planted = |name, edit, check, says| Planted { name, file: FILE, edit, check, says };
    vec![
        planted(
            "a brace too few",
            Edit::Replace("stage('lint') {\n", "stage('lint')\n"),
            "jenkinsfile syntax",
            "nothing opened",
        ),
        planted(
            "a directive that does not exist",
            Edit::Replace("stage('unit') {\n      steps {", "stage('unit') {\n      step {"),
            "jenkinsfile syntax",
            "step is nothing that stage may hold",
        ),
        planted(
            "an option that does not exist",
            Edit::Replace("disableConcurrentBuilds()", "disableConcurrentBuild()"),
            "jenkinsfile syntax",
            "disableConcurrentBuild is nothing that options may hold",
        ),
        planted(
            "Groovy in the middle",
            Edit::Replace("sh 'make check'", "script { sh 'make check' }"),
            "jenkinsfile syntax",
            "script is nothing that steps may hold",
        ),
        planted(
            "a target that the Makefile does not have",
            Edit::Replace("sh 'make e2e'", "sh 'make end-to-end'"),
            "jenkinsfile stages",
            "no target end-to-end",
        ),
        planted(
            "a script that is not there",
            Edit::Replace("sh 'ci/sign.sh'", "sh 'ci/signature.sh'"),
            "jenkinsfile stages",
            "no program ci/signature.sh",
        ),
        planted(
            "two commands in a stage",
            Edit::Replace("sh 'make audit'", "sh 'make audit || true'"),
            "jenkinsfile stages",
            "more than one command",
        ),
        planted(
            "something that only works in Jenkins",
            Edit::Replace("sh 'make audit'", "sh 'cargo audit'"),
            "jenkinsfile stages",
            "neither a make target nor a script",
        ),
        planted(
            "a stage that was left out",
            Edit::Replace("stage('secrets')", "stage('secret')"),
            "jenkinsfile stages",
            "the stages are",
        ),
        planted(
            "a variable that nobody sets",
            Edit::Drop("name: 'GITHUB_REPOSITORY'"),
            "jenkinsfile variables",
            "ci/promote.sh wants GITHUB_REPOSITORY",
        ),
        planted(
            "images signed without a key of cosign's",
            Edit::Drop("variable: 'COSIGN_KEY'"),
            "jenkinsfile variables",
            "ci/sign.sh wants COSIGN_KEY",
        ),
        planted(
            "a good release taken back for one that nobody merged",
            Edit::Replace("sh 'ci/roll-back.sh --only-of'", "sh 'ci/roll-back.sh'"),
            "jenkinsfile stages",
            "--only-of is missing",
        ),
        planted(
            "a build without end",
            Edit::Drop("timeout(time:"),
            "jenkinsfile limits",
            "the options have no timeout",
        ),
        planted(
            "a token for every stage",
            Edit::Replace("environment {\n", "environment {\n    GITHUB_TOKEN = credentials('github')\n"),
            "jenkinsfile limits",
            "belongs into withCredentials",
        ),
    ]
}
