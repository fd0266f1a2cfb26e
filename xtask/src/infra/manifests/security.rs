//! Pods run as nobody in particular, on a root that they cannot write, without rights and without a token.

use serde_json::Value;

use super::{Findings, object::text, render::rendered};
use crate::infra::{Outcome, Tree};

pub fn check(tree: &Tree) -> Result<Outcome, String> {
    let rendered = rendered(tree)?;
    let (mut findings, mut count) = (Findings::new(), 0);
    for cluster in &rendered.clusters {
        // Who looks at nodes needs more, in a namespace that says so.
        let privileged = |space: &str| {
            cluster.objects.iter().any(|o| {
                o.is("Namespace", space, "")
                    && o.text("/metadata/labels/pod-security.kubernetes.io~1enforce") == "privileged"
            })
        };
        for object in &cluster.objects {
            let Some(pod) = object.pod() else { continue };
            count += 1;
            let looks_at_nodes = object.kind() == "DaemonSet" && privileged(object.namespace());
            let mut must = |is_so: bool, what: &str| {
                if !is_so {
                    findings.add(format!("{}: {what}", object.shown()));
                }
            };
            let is = |value: &Value, pointer: &str, wanted: bool| {
                value.pointer(pointer).and_then(Value::as_bool) == Some(wanted)
            };
            for field in ["hostNetwork", "hostPID", "hostIPC"] {
                must(!is(pod, &format!("/{field}"), true), &format!("{field} is the node's"));
            }
            let has_account = !text(pod, "/serviceAccountName").is_empty();
            must(
                has_account || is(pod, "/automountServiceAccountToken", false),
                "neither an account of its own nor without a token",
            );
            if !looks_at_nodes {
                must(is(pod, "/securityContext/runAsNonRoot", true), "runAsNonRoot is not set");
            }
            must(
                text(pod, "/securityContext/seccompProfile/type") == "RuntimeDefault",
                "no seccompProfile RuntimeDefault",
            );
            if object.service().is_some() {
                must(
                    is(pod, "/automountServiceAccountToken", false),
                    "a token of Kubernetes' API that it does not use",
                );
                must(
                    pod.pointer("/securityContext/runAsUser")
                        .and_then(Value::as_u64)
                        .is_some_and(|user| user > 0),
                    "no user",
                );
            }
            for (_, container) in object.containers() {
                let name = text(container, "/name");
                let mut must = |is_so: bool, what: &str| {
                    if !is_so {
                        findings.add(format!("{}: container {name}: {what}", object.shown()));
                    }
                };
                must(is(container, "/securityContext/allowPrivilegeEscalation", false), "may gain rights");
                must(
                    is(container, "/securityContext/readOnlyRootFilesystem", true),
                    "its root can be written",
                );
                must(!is(container, "/securityContext/privileged", true), "is privileged");
                let dropped = container.pointer("/securityContext/capabilities/drop");
                must(dropped == Some(&serde_json::json!(["ALL"])), "keeps capabilities");
                must(
                    container.pointer("/resources/limits/cpu").is_none(),
                    "a limit of CPU only makes it late",
                );
            }
        }
    }
    findings.outcome(format!("{count} workloads"))
}
