//! Objects as an API server with Flux has them, shortened.

use serde_json::{Value, json};

/// Of `flux-system`.
pub fn kustomization(name: &str, applied: &str) -> Value {
    json!({
        "metadata": {"namespace": "flux-system", "name": name, "generation": 1, "uid": "1",
            "managedFields": [
                {"manager": "flux", "operation": "Apply", "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
                    "time": "2026-01-02T03:00:00Z", "fieldsType": "FieldsV1",
                    "fieldsV1": {"f:spec": {"f:interval": {}, "f:path": {}}}},
            ]},
        "spec": {"interval": "10m0s", "path": "./gitops/apps/staging", "prune": true, "force": false,
            "sourceRef": {"kind": "GitRepository", "name": "flux-system"}},
        "status": {
            "conditions": [{"type": "Ready", "status": "True", "reason": "ReconciliationSucceeded",
                "message": format!("Applied revision: {applied}"), "observedGeneration": 1,
                "lastTransitionTime": "2026-01-02T03:04:05Z"}],
            "inventory": {"entries": [{"id": "quarterdeck_orders_apps_Deployment", "v": "v1"}]},
            "lastAppliedRevision": applied, "lastAttemptedRevision": applied, "observedGeneration": 1,
        },
    })
}

/// Of `shop`, applied by the Kustomization `apps`.
pub fn deployment(name: &str, tag: &str) -> Value {
    json!({
        "metadata": {"namespace": "shop", "name": name, "generation": 3,
            "labels": {"kustomize.toolkit.fluxcd.io/name": "apps",
                "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": name}}, "strategy": {"type": "RollingUpdate"},
            "template": {"metadata": {"creationTimestamp": null, "labels": {"app": name}},
                "spec": {"containers": [{"name": "service", "image": format!("registry:5000/shop-{name}:{tag}"),
                    "resources": {"requests": {"cpu": "100m"}}, "ports": [{"containerPort": 8080, "protocol": "TCP"}]}]}}},
        "status": {"observedGeneration": 3, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 1,
            "availableReplicas": 1, "unavailableReplicas": 1,
            "conditions": [{"type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable",
                "message": "Deployment does not have minimum availability.",
                "lastTransitionTime": "2026-01-02T03:04:05Z", "lastUpdateTime": "2026-01-02T03:04:05Z"}]},
    })
}

/// Of `shop`, about a pod.
pub fn warning(name: &str, pod: &str) -> Value {
    json!({
        "metadata": {"namespace": "shop", "name": name, "creationTimestamp": "2026-01-02T03:00:00Z"},
        "involvedObject": {"kind": "Pod", "namespace": "shop", "name": pod, "apiVersion": "v1", "uid": "2",
            "fieldPath": "spec.containers{service}"},
        "reason": "BackOff", "message": "Back-off pulling image", "type": "Warning", "count": 4,
        "source": {"component": "kubelet", "host": "n1"}, "reportingComponent": "kubelet", "reportingInstance": "n1",
        "firstTimestamp": "2026-01-02T03:00:00Z", "lastTimestamp": "2026-01-02T03:04:05Z", "eventTime": null,
    })
}
