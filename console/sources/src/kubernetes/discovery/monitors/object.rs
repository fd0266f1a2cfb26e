//! ServiceMonitor and PodMonitor (monitoring.coreos.com/v1), as they are watched.

use std::{borrow::Cow, fmt::Debug};

use k8s_openapi::{NamespaceResourceScope, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::{Api, Client, Resource};
use serde::Deserialize;
use serde_json::Value;

use crate::kubernetes::discovery::kind::{Kind, Reach};

const GROUP: &str = "monitoring.coreos.com";

/// A kind of monitors.
pub(in crate::kubernetes::discovery) trait Monitor: Kind {
    /// First word of its jobs' names.
    const JOB: &'static str;

    fn spec(&self) -> &Value;
}

macro_rules! monitor {
    ($name:ident $plural:literal $resource:literal $job:literal) => {
        #[derive(Clone, Debug, Deserialize)]
        pub(in crate::kubernetes::discovery) struct $name {
            metadata: ObjectMeta,
            #[serde(default)]
            spec: Value,
        }

        impl Resource for $name {
            type DynamicType = ();
            type Scope = NamespaceResourceScope;

            fn kind((): &()) -> Cow<'_, str> {
                stringify!($name).into()
            }

            fn group((): &()) -> Cow<'_, str> {
                GROUP.into()
            }

            fn version((): &()) -> Cow<'_, str> {
                "v1".into()
            }

            fn plural((): &()) -> Cow<'_, str> {
                $plural.into()
            }

            fn meta(&self) -> &ObjectMeta {
                &self.metadata
            }

            fn meta_mut(&mut self) -> &mut ObjectMeta {
                &mut self.metadata
            }
        }

        impl Kind for $name {
            const RESOURCE: &'static str = $resource;

            fn api(client: Client, namespace: Option<&str>) -> Api<Self> {
                <NamespaceResourceScope as Reach<Self>>::api(client, namespace)
            }
        }

        impl Monitor for $name {
            const JOB: &'static str = $job;

            fn spec(&self) -> &Value {
                &self.spec
            }
        }
    };
}

monitor!(ServiceMonitor "servicemonitors" "servicemonitors.monitoring.coreos.com" "serviceMonitor");
monitor!(PodMonitor "podmonitors" "podmonitors.monitoring.coreos.com" "podMonitor");
