//! The words of declarative pipelines, by the block that they stand in: "Pipeline Syntax" and "Pipeline Steps Reference"
//! of Jenkins' handbook, as far as this pipeline has a use for them.

/// What may stand in a block. None: the block holds no directives, or somebody else's.
pub fn allowed_in(block: &str) -> Option<&'static [&'static str]> {
    Some(match block {
        "" => &["pipeline"],
        "pipeline" => {
            &["agent", "environment", "options", "parameters", "post", "stages", "tools", "triggers"]
        }
        "agent" => &["label", "node", "docker", "kubernetes"],
        "options" => &[
            "buildDiscarder",
            "disableConcurrentBuilds",
            "disableResume",
            "preserveStashes",
            "quietPeriod",
            "retry",
            "skipDefaultCheckout",
            "skipStagesAfterUnstable",
            "timeout",
            "timestamps",
        ],
        "parameters" => &["booleanParam", "choice", "string", "text", "password"],
        "triggers" => &["cron", "pollSCM", "upstream"],
        "stages" => &["stage"],
        "parallel" => &["stage"],
        "stage" => &[
            "agent",
            "environment",
            "failFast",
            "input",
            "options",
            "parallel",
            "post",
            "stages",
            "steps",
            "tools",
            "when",
        ],
        "when" => &["allOf", "anyOf", "beforeAgent", "branch", "changeset", "expression", "not", "tag"],
        "allOf" | "anyOf" | "not" => &["branch", "changeset", "expression", "not", "tag"],
        "post" => &[
            "aborted",
            "always",
            "changed",
            "cleanup",
            "failure",
            "fixed",
            "regression",
            "success",
            "unstable",
        ],
        "steps" | "aborted" | "always" | "changed" | "cleanup" | "failure" | "fixed" | "regression"
        | "success" | "unstable" | "withCredentials" | "lock" => &[
            "archiveArtifacts",
            "cleanWs",
            "echo",
            "junit",
            "lock",
            "sh",
            "stash",
            "unstash",
            "withCredentials",
        ],
        _ => return None,
    })
}

/// What a directive must hold to be one.
pub fn required_in(block: &str) -> &'static [&'static str] {
    match block {
        "pipeline" => &["agent", "options", "stages"],
        "stages" => &["stage"],
        _ => &[],
    }
}
