//! Warnings of the cluster (events of the type `Warning`), as far as they are about what is watched or its pods.

use console_model::cluster::{ClusterWarning, ObjectRef};
use k8s_openapi::api::core::v1::Event;
use kube::core::ObjectMeta;
use serde_json::Value;

use super::{flux::ms, kind::bounded};

/// Warnings that are shown at most.
const MAX_TOLD: usize = 100;
/// Kinds whose warnings may be of interest; of others there are too many.
const KINDS: [&str; 9] = [
    "Kustomization",
    "HelmRelease",
    "GitRepository",
    "OCIRepository",
    "HelmRepository",
    "Deployment",
    "StatefulSet",
    "ReplicaSet",
    "Pod",
];

/// A warning about an object that may not be watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    pub object: ObjectRef,
    pub reason: String,
    pub message: String,
    pub count: u32,
    pub at_ms: i64,
}

/// `body` is the event without its metadata. None: about an object of no interest.
pub fn read(meta: &ObjectMeta, body: Value) -> Result<Option<Warning>, serde_json::Error> {
    let event: Event = serde_json::from_value(body)?;
    let about = event.involved_object;
    let kind = about.kind.unwrap_or_default();
    if !KINDS.contains(&kind.as_str()) {
        return Ok(None);
    }
    let series = event.series.unwrap_or_default();
    // Old clients count in `count` and `lastTimestamp`, new ones in `series` and `eventTime`.
    let micro = |t: k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime| t.0.as_millisecond();
    let at_ms = [
        series.last_observed_time.map(micro),
        event.last_timestamp.as_ref().map(ms),
        event.event_time.map(micro),
        meta.creation_timestamp.as_ref().map(ms),
    ];
    Ok(Some(Warning {
        object: ObjectRef {
            kind,
            namespace: about.namespace.or_else(|| meta.namespace.clone()).unwrap_or_default(),
            name: about.name.unwrap_or_default(),
        },
        reason: event.reason.unwrap_or_default(),
        message: bounded(&event.message.unwrap_or_default()),
        count: series.count.or(event.count).and_then(|n| u32::try_from(n).ok()).unwrap_or(1),
        at_ms: at_ms.into_iter().flatten().next().unwrap_or_default(),
    }))
}

/// Warnings about known objects and what they made, the newest first.
pub fn of_known(warnings: Vec<Warning>, is_known: impl Fn(&ObjectRef) -> bool) -> Vec<ClusterWarning> {
    let mut told: Vec<ClusterWarning> = warnings
        .into_iter()
        .filter_map(|w| {
            let owner = owners(&w.object).into_iter().find(|o| is_known(o))?;
            let Warning { object, reason, message, count, at_ms } = w;
            Some(ClusterWarning { object, owner, reason, message, count, at_ms })
        })
        .collect();
    told.sort_by(|a, b| b.at_ms.cmp(&a.at_ms).then_with(|| a.object.cmp(&b.object)));
    told.truncate(MAX_TOLD);
    told
}

/// What an object may be of, by its name: `orders-6f7c9d` is a replica set and `orders-6f7c9d-x2x4z` a pod of the
/// deployment `orders`, `redis-0` a pod of the stateful set `redis`.
fn owners(object: &ObjectRef) -> Vec<ObjectRef> {
    let parent = |name: &str| name.rsplit_once('-').map(|(parent, _)| parent.to_owned());
    let of = |kind: &str, name: Option<String>| {
        name.map(|name| ObjectRef { kind: kind.to_owned(), namespace: object.namespace.clone(), name })
    };
    let one_up = parent(&object.name);
    match object.kind.as_str() {
        "ReplicaSet" => of("Deployment", one_up).into_iter().collect(),
        "Pod" => {
            let deployment = of("Deployment", one_up.as_deref().and_then(parent));
            deployment.into_iter().chain(of("StatefulSet", one_up)).collect()
        }
        _ => vec![object.clone()],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn about(kind: &str, name: &str, at_ms: i64) -> Warning {
        let object = ObjectRef { kind: kind.into(), namespace: "shop".into(), name: name.into() };
        Warning { object, reason: "BackOff".into(), message: String::new(), count: 1, at_ms }
    }

    #[test]
    fn warnings_of_pods_are_their_workload_s() {
        let known = |o: &ObjectRef| {
            [("Deployment", "orders"), ("Deployment", "orders-api"), ("StatefulSet", "redis")]
                .contains(&(o.kind.as_str(), o.name.as_str()))
        };
        let told = of_known(
            vec![
                about("Pod", "orders-6f7c9d-x2x4z", 1),
                about("ReplicaSet", "orders-api-6f7c9d", 2),
                about("Pod", "redis-0", 3),
                about("Pod", "loose", 4),
                about("Deployment", "unknown", 5),
                about("Deployment", "orders", 6),
            ],
            known,
        );
        let owners: Vec<(i64, &str)> = told.iter().map(|w| (w.at_ms, w.owner.name.as_str())).collect();
        assert_eq!(owners, [(6, "orders"), (3, "redis"), (2, "orders-api"), (1, "orders")]);
    }

    #[test]
    fn both_ways_to_count_are_read() {
        let old = json!({"involvedObject": {"kind": "Pod", "namespace": "shop", "name": "orders-1-2"}, "type": "Warning",
            "reason": "Failed", "message": "ImagePullBackOff\n", "count": 7, "lastTimestamp": "2026-01-02T03:04:05Z"});
        let read_old = read(&ObjectMeta::default(), old.clone()).unwrap().unwrap();
        assert_eq!((read_old.count, read_old.at_ms), (7, 1_767_323_045_000));
        assert_eq!(read_old.message, "ImagePullBackOff");
        let mut new = old;
        new["series"] = json!({"count": 9, "lastObservedTime": "2026-01-02T03:04:06.000000Z"});
        new["eventTime"] = json!("2026-01-02T03:00:00.000000Z");
        let read_new = read(&ObjectMeta::default(), new).unwrap().unwrap();
        assert_eq!((read_new.count, read_new.at_ms), (9, 1_767_323_046_000));
    }

    #[test]
    fn objects_of_no_interest_are_left_out() {
        let body = json!({"involvedObject": {"kind": "Node", "name": "n"}, "reason": "Rebooted"});
        assert_eq!(read(&ObjectMeta::default(), body).unwrap(), None);
    }
}
