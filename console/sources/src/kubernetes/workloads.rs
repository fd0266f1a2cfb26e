//! Deployments and stateful sets: what they run, how much of it is ready, and who applied them.

use console_model::cluster::{ClusterWorkload, ObjectRef, WorkloadCondition, WorkloadContainer};
use k8s_openapi::api::{apps::v1::DeploymentCondition, core::v1::PodTemplateSpec};
use kube::core::ObjectMeta;
use serde::Deserialize;
use serde_json::Value;

use super::kind::bounded;
use crate::manifests::Image;

const MAX_CONTAINERS: usize = 20;
const MAX_CONDITIONS: usize = 10;
/// Kinds that apply, with the group whose labels Flux puts on what they applied.
const APPLIERS: [(&str, &str); 2] =
    [("Kustomization", "kustomize.toolkit.fluxcd.io"), ("HelmRelease", "helm.toolkit.fluxcd.io")];

/// What both kinds have.
#[derive(Deserialize)]
struct Body {
    spec: Spec,
    status: Option<Status>,
}

#[derive(Deserialize)]
struct Spec {
    replicas: Option<i32>,
    template: PodTemplateSpec,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    observed_generation: Option<i64>,
    replicas: Option<i32>,
    updated_replicas: Option<i32>,
    ready_replicas: Option<i32>,
    /// Of a StatefulSet alone, as the next one.
    current_revision: Option<String>,
    update_revision: Option<String>,
    /// Those of a StatefulSet have the same fields.
    conditions: Option<Vec<DeploymentCondition>>,
}

/// Reads a Deployment or a StatefulSet; `body` is the object without its metadata.
pub fn read(object: ObjectRef, meta: &ObjectMeta, body: Value) -> Result<ClusterWorkload, serde_json::Error> {
    let Body { spec, status } = serde_json::from_value(body)?;
    let status = status.unwrap_or_default();
    // Once an update of a StatefulSet is through, the API server no longer counts what is updated.
    let is_through = status.current_revision.is_some() && status.current_revision == status.update_revision;
    let conditions = status.conditions.unwrap_or_default().into_iter().take(MAX_CONDITIONS);
    Ok(ClusterWorkload {
        object,
        containers: containers(&spec.template),
        desired: count(spec.replicas.or(Some(1))),
        updated: count(if is_through { status.replicas } else { status.updated_replicas }),
        ready: count(status.ready_replicas),
        is_observed: is_observed(meta, status.observed_generation),
        conditions: conditions.map(condition).collect(),
        applied_by: applied_by(meta),
    })
}

fn count(replicas: Option<i32>) -> u32 {
    replicas.and_then(|n| u32::try_from(n).ok()).unwrap_or_default()
}

fn is_observed(meta: &ObjectMeta, observed: Option<i64>) -> bool {
    meta.generation.is_none_or(|generation| observed.is_some_and(|seen| seen >= generation))
}

fn containers(template: &PodTemplateSpec) -> Vec<WorkloadContainer> {
    let all = template.spec.iter().flat_map(|s| &s.containers);
    all.take(MAX_CONTAINERS)
        .map(|c| {
            let image = c.image.clone().unwrap_or_default();
            let version = Image::parse(&image).version().map(str::to_owned);
            WorkloadContainer { name: c.name.clone(), image, version }
        })
        .collect()
}

fn condition(condition: DeploymentCondition) -> WorkloadCondition {
    WorkloadCondition {
        kind: condition.type_.unwrap_or_default(),
        is_true: condition.status.as_deref() == Some("True"),
        reason: condition.reason.unwrap_or_default(),
        message: bounded(&condition.message.unwrap_or_default()),
    }
}

fn applied_by(meta: &ObjectMeta) -> Option<ObjectRef> {
    let labels = meta.labels.as_ref()?;
    APPLIERS.iter().find_map(|(kind, group)| {
        Some(ObjectRef {
            kind: (*kind).to_owned(),
            namespace: labels.get(&format!("{group}/namespace"))?.clone(),
            name: labels.get(&format!("{group}/name"))?.clone(),
        })
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn named(kind: &str) -> ObjectRef {
        ObjectRef { kind: kind.into(), namespace: "shop".into(), name: "orders".into() }
    }

    fn meta(generation: i64) -> ObjectMeta {
        let labels = json!({"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"});
        serde_json::from_value(json!({"generation": generation, "labels": labels})).unwrap()
    }

    fn template() -> Value {
        json!({"metadata": {"labels": {"app": "orders"}}, "spec": {"containers": [
            {"name": "orders", "image": "registry:5000/shop-orders:1.2.3@sha256:ab"}, {"name": "proxy", "image": "proxy"}]}})
    }

    #[test]
    fn a_deployment_tells_its_images_its_numbers_and_what_applied_it() {
        let body = json!({
            "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "orders"}}, "template": template()},
            "status": {"observedGeneration": 2, "replicas": 4, "updatedReplicas": 1, "readyReplicas": 2,
                "conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded",
                    "message": "ReplicaSet \"orders-1\" has timed out progressing."}]},
        });
        let of = |generation| read(named("Deployment"), &meta(generation), body.clone()).unwrap();
        let read = of(2);
        assert_eq!((read.desired, read.updated, read.ready, read.is_observed), (3, 1, 2, true));
        let versions: Vec<_> = read.containers.iter().map(|c| c.version.as_deref()).collect();
        assert_eq!(versions, [Some("1.2.3"), None]);
        let told = &read.conditions[0];
        assert_eq!(
            (told.kind.as_str(), told.is_true, told.reason.as_str()),
            ("Progressing", false, "ProgressDeadlineExceeded")
        );
        let applied_by = read.applied_by.unwrap();
        assert_eq!((applied_by.kind.as_str(), applied_by.name.as_str()), ("Kustomization", "apps"));
        assert!(!of(3).is_observed);
    }

    #[test]
    fn a_workload_without_numbers_wants_one_and_has_none() {
        let body = json!({"spec": {"selector": {}, "template": template()}});
        let read = read(named("Deployment"), &ObjectMeta::default(), body).unwrap();
        assert_eq!((read.desired, read.updated, read.ready, read.applied_by), (1, 0, 0, None));
    }

    #[test]
    fn a_stateful_set_whose_update_is_through_is_up_to_date() {
        let body = |update: &str| {
            json!({
                "spec": {"replicas": 2, "serviceName": "s", "selector": {}, "template": template()},
                "status": {"observedGeneration": 1, "replicas": 2, "readyReplicas": 2, "updatedReplicas": 1,
                    "currentRevision": "s-1", "updateRevision": update},
            })
        };
        let updated = |update| read(named("StatefulSet"), &meta(1), body(update)).unwrap().updated;
        assert_eq!((updated("s-1"), updated("s-2")), (2, 1));
    }
}
