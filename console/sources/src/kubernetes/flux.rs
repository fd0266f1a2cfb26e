//! Objects of Flux, as far as they say what is applied: kustomize.toolkit.fluxcd.io/v1, helm.toolkit.fluxcd.io/v2 and
//! source.toolkit.fluxcd.io/v1.
//!
//! Phases are those of kstatus (sigs.k8s.io/cli-utils), by the conditions that Flux sets for it.

use std::collections::BTreeMap;

use console_model::cluster::{FluxObject, FluxPhase, ObjectRef, Suspension};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, ManagedFieldsEntry, Time};
use kube::core::ObjectMeta;
use serde::Deserialize;
use serde_json::Value;

use super::kind::bounded;

const DEPENDENCY_NOT_READY: &str = "DependencyNotReady";
const RECONCILED: &str = "ReconciliationSucceeded";
const DEPLOYED: &str = "deployed";

#[derive(Default, Deserialize)]
struct Body {
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    suspend: bool,
    source_ref: Option<SourceRef>,
    /// Of a HelmRelease.
    chart: Option<Chart>,
    chart_ref: Option<SourceRef>,
}

#[derive(Deserialize)]
struct Chart {
    spec: ChartSpec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChartSpec {
    source_ref: SourceRef,
}

#[derive(Deserialize)]
struct SourceRef {
    kind: String,
    name: String,
    namespace: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    observed_generation: Option<i64>,
    conditions: Vec<Condition>,
    last_applied_revision: Option<String>,
    last_attempted_revision: Option<String>,
    history: Vec<Snapshot>,
    artifact: Option<Artifact>,
}

/// One entry of a history, of a Kustomization or of a HelmRelease.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Snapshot {
    first_reconciled: Option<Time>,
    last_reconciled: Option<Time>,
    last_reconciled_status: Option<String>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    chart_version: Option<String>,
    status: Option<String>,
    last_deployed: Option<Time>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Artifact {
    revision: String,
    last_update_time: Option<Time>,
}

/// Reads a Kustomization, a HelmRelease, or a source; `body` is the object without its metadata.
pub fn read(object: ObjectRef, meta: &ObjectMeta, body: Value) -> Result<FluxObject, serde_json::Error> {
    let Body { spec, status } = serde_json::from_value(body)?;
    let (phase, condition) = phase(meta, &status);
    let (applied_revision, applied_at_ms) = applied(&status);
    let source = spec.source_ref.or(spec.chart_ref).or(spec.chart.map(|c| c.spec.source_ref));
    Ok(FluxObject {
        source: source.map(|s| ObjectRef {
            kind: s.kind,
            namespace: s.namespace.unwrap_or_else(|| object.namespace.clone()),
            name: s.name,
        }),
        object,
        phase,
        reason: condition.map(|c| c.reason.clone()).unwrap_or_default(),
        message: condition.map(|c| bounded(&c.message)).unwrap_or_default(),
        since_ms: condition.map(|c| ms(&c.last_transition_time)),
        suspended: spec.suspend.then(|| suspension(meta.managed_fields.as_deref().unwrap_or_default())),
        applied_revision,
        applied_at_ms,
        attempted_revision: status.last_attempted_revision,
    })
}

pub fn ms(time: &Time) -> i64 {
    time.0.as_millisecond()
}

/// The phase with the condition that says so.
fn phase<'a>(meta: &ObjectMeta, status: &'a Status) -> (FluxPhase, Option<&'a Condition>) {
    let of = |kind: &str| status.conditions.iter().find(|c| c.type_ == kind);
    let Some(ready) = of("Ready") else { return (FluxPhase::Reconciling, of("Reconciling")) };
    let is_observed = status.observed_generation.is_none_or(|seen| meta.generation.is_none_or(|g| seen >= g));
    let phase = match ready.status.as_str() {
        "True" if is_observed => FluxPhase::Ready,
        "False" if ready.reason == DEPENDENCY_NOT_READY => FluxPhase::Reconciling,
        // Flux tries again and again, and is reconciling all the while: that does not make it less of a failure.
        "False" => FluxPhase::Failed,
        _ => FluxPhase::Reconciling,
    };
    (phase, Some(ready))
}

/// The revision that the cluster has, and since when.
fn applied(status: &Status) -> (Option<String>, Option<i64>) {
    if let Some(artifact) = &status.artifact {
        return (Some(artifact.revision.clone()), artifact.last_update_time.as_ref().map(ms));
    }
    if let Some(revision) = &status.last_applied_revision {
        return (Some(revision.clone()), applied_at(&status.history, revision));
    }
    let release = status.history.iter().find(|s| s.status.as_deref() == Some(DEPLOYED));
    match release {
        Some(release) => (release.chart_version.clone(), release.last_deployed.as_ref().map(ms)),
        None => (None, None),
    }
}

/// An entry's first time is of the same objects, which may have been replaced and come back: not before another entry's
/// last time.
fn applied_at(history: &[Snapshot], revision: &str) -> Option<i64> {
    let is_it = |s: &&Snapshot| {
        s.metadata.get("revision").is_some_and(|r| r == revision)
            && s.last_reconciled_status.as_deref() == Some(RECONCILED)
    };
    let entry = history.iter().find(is_it)?;
    let last = entry.last_reconciled.as_ref().map(ms)?;
    let others = history.iter().filter_map(|s| s.last_reconciled.as_ref().map(ms)).filter(|at| *at < last);
    entry.first_reconciled.as_ref().map(ms).into_iter().chain(others).max()
}

/// The last manager whose fields hold `spec.suspend` (kubernetes.io/docs/reference/using-api/server-side-apply).
fn suspension(managers: &[ManagedFieldsEntry]) -> Suspension {
    let wrote = |m: &&ManagedFieldsEntry| {
        m.fields_v1.as_ref().is_some_and(|f| f.0.pointer("/f:spec/f:suspend").is_some())
    };
    let last = managers.iter().filter(wrote).max_by_key(|m| m.time.as_ref().map(ms));
    Suspension {
        manager: last.and_then(|m| m.manager.clone()),
        at_ms: last.and_then(|m| m.time.as_ref().map(ms)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn named(kind: &str) -> ObjectRef {
        ObjectRef { kind: kind.into(), namespace: "flux-system".into(), name: "apps".into() }
    }

    fn read_of(kind: &str, meta: Value, body: Value) -> FluxObject {
        read(named(kind), &serde_json::from_value(meta).unwrap(), body).unwrap()
    }

    fn condition(kind: &str, status: &str, reason: &str) -> Value {
        json!({"type": kind, "status": status, "reason": reason, "message": format!("{reason} it is\n"),
            "lastTransitionTime": "2026-01-02T03:04:05Z", "observedGeneration": 2})
    }

    fn phase_of(generation: i64, conditions: Value) -> (FluxPhase, String) {
        let body = json!({"status": {"observedGeneration": 2, "conditions": conditions}});
        let read = read_of("Kustomization", json!({"generation": generation}), body);
        (read.phase, read.reason)
    }

    #[test]
    fn phases_follow_the_conditions() {
        use FluxPhase::{Failed, Ready, Reconciling};
        let ready = condition("Ready", "True", "ReconciliationSucceeded");
        let cases = [
            (2, json!([ready]), Ready, "ReconciliationSucceeded"),
            (3, json!([ready]), Reconciling, "ReconciliationSucceeded"),
            (2, json!([condition("Ready", "Unknown", "Progressing")]), Reconciling, "Progressing"),
            (
                2,
                json!([condition("Ready", "False", "DependencyNotReady")]),
                Reconciling,
                "DependencyNotReady",
            ),
            (
                2,
                json!([
                    condition("Reconciling", "True", "ProgressingWithRetry"),
                    condition("Ready", "False", "BuildFailed")
                ]),
                Failed,
                "BuildFailed",
            ),
            (2, json!([]), Reconciling, ""),
        ];
        for (generation, conditions, phase, reason) in cases {
            assert_eq!(phase_of(generation, conditions.clone()), (phase, reason.to_owned()), "{conditions}");
        }
    }

    #[test]
    fn a_kustomization_tells_what_is_applied_and_what_was_tried() {
        let snapshot = |revision: &str, status: &str, first: &str, last: &str| {
            json!({"digest": "sha256:0", "firstReconciled": first, "lastReconciled": last,
                "lastReconciledDuration": "1s", "lastReconciledStatus": status, "totalReconciliations": 1,
                "metadata": {"revision": revision}})
        };
        let body = json!({
            "spec": {"interval": "1m", "path": "./gitops/apps", "sourceRef": {"kind": "GitRepository", "name": "platform"}},
            "status": {
                "observedGeneration": 2,
                "conditions": [condition("Ready", "False", "HealthCheckFailed")],
                "lastAppliedRevision": "main@sha1:aa", "lastAttemptedRevision": "main@sha1:bb",
                "history": [
                    snapshot("main@sha1:bb", "HealthCheckFailed", "2026-01-02T03:00:00Z", "2026-01-02T03:04:00Z"),
                    snapshot("main@sha1:aa", RECONCILED, "2026-01-01T00:00:00Z", "2026-01-02T02:59:00Z"),
                    snapshot("main@sha1:99", RECONCILED, "2026-01-01T01:00:00Z", "2026-01-01T02:00:00Z"),
                ],
                "inventory": {"entries": []},
            },
        });
        let read = read_of("Kustomization", json!({"generation": 2}), body);
        assert_eq!(read.applied_revision.as_deref(), Some("main@sha1:aa"));
        // It came back after another.
        assert_eq!(read.applied_at_ms, Some(1_767_232_800_000));
        assert_eq!(read.attempted_revision.as_deref(), Some("main@sha1:bb"));
        assert_eq!(
            (read.message.as_str(), read.since_ms),
            ("HealthCheckFailed it is", Some(1_767_323_045_000))
        );
        let source = read.source.unwrap();
        assert_eq!(
            (source.kind.as_str(), source.namespace.as_str(), source.name.as_str()),
            ("GitRepository", "flux-system", "platform")
        );
        assert_eq!(read.suspended, None);
    }

    #[test]
    fn a_release_and_a_source_tell_what_the_cluster_has() {
        let body = json!({
            "spec": {"chart": {"spec": {"chart": "loki", "version": "6.x",
                "sourceRef": {"kind": "HelmRepository", "name": "grafana", "namespace": "sources"}}}},
            "status": {"lastAttemptedRevision": "6.2.0", "history": [
                {"name": "loki", "version": 2, "status": "failed", "chartVersion": "6.2.0", "lastDeployed": "2026-01-02T03:04:05Z"},
                {"name": "loki", "version": 1, "status": "deployed", "chartVersion": "6.1.0", "lastDeployed": "2026-01-01T00:00:00Z"},
            ]},
        });
        let read = read_of("HelmRelease", json!({}), body);
        assert_eq!(read.applied_revision.as_deref(), Some("6.1.0"));
        assert_eq!(read.applied_at_ms, Some(1_767_225_600_000));
        assert_eq!(read.source.unwrap().namespace, "sources");
        let body = json!({"status": {"artifact": {"revision": "main@sha1:cc", "digest": "sha256:0",
            "lastUpdateTime": "2026-01-01T00:00:00Z"}}});
        let read = read_of("GitRepository", json!({}), body);
        assert_eq!(
            (read.applied_revision.as_deref(), read.applied_at_ms),
            (Some("main@sha1:cc"), Some(1_767_225_600_000))
        );
    }

    #[test]
    fn who_suspended_is_who_wrote_the_field_last() {
        let wrote = |manager: &str, at: &str, fields: Value| {
            json!({"manager": manager, "operation": "Update", "time": at, "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
                "fieldsType": "FieldsV1", "fieldsV1": fields})
        };
        let managers = json!([
            wrote("flux", "2026-01-02T03:00:00Z", json!({"f:spec": {"f:suspend": {}}})),
            wrote("kubectl-patch", "2026-01-02T03:04:05Z", json!({"f:spec": {"f:suspend": {}}})),
            wrote("kustomize-controller", "2026-01-02T04:00:00Z", json!({"f:status": {"f:conditions": {}}})),
        ]);
        let read =
            read_of("Kustomization", json!({"managedFields": managers}), json!({"spec": {"suspend": true}}));
        let expected = Suspension { manager: Some("kubectl-patch".into()), at_ms: Some(1_767_323_045_000) };
        assert_eq!(read.suspended, Some(expected));
        let read = read_of("Kustomization", json!({}), json!({"spec": {"suspend": true}}));
        assert_eq!(read.suspended, Some(Suspension { manager: None, at_ms: None }));
    }

    #[test]
    fn a_field_of_another_type_is_named() {
        let body = json!({"spec": {"suspend": "yes"}});
        let error = read(named("Kustomization"), &ObjectMeta::default(), body).unwrap_err().to_string();
        assert!(error.contains("\"yes\"") && error.contains("boolean"), "{error}");
    }
}
