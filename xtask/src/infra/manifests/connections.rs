//! Postgres takes the connections of every service at its largest: what a pool opens, times what the autoscaler may make. The
//! console's own takes those of all consoles.

use serde_json::Value;

use super::{Findings, object::text, render::rendered};
use crate::{
    infra::{Outcome, Tree, folder},
    platform::postgres::roles::DATABASES,
};

/// Kept back by Postgres for superusers, and used by the operator.
const OTHERS: u64 = 20;
const POOL: &str = "services/instrumentation/src/db/mod.rs";
const CONSOLE_POOL: &str = "console/state/src/config.rs";
const CONSOLE_SERVERS: &str = "console-postgres";

/// Connections of one instance: the default of its pool.
fn of_one(tree: &Tree, pool: &str) -> Result<u64, String> {
    let source = folder::read(&tree.root.join(pool))?;
    let number = source
        .lines()
        .find_map(|line| line.trim().strip_prefix("max_connections: ")?.strip_suffix(',')?.parse().ok());
    number.ok_or_else(|| format!("{pool}: no `max_connections: N,`"))
}

pub fn check(tree: &Tree) -> Result<Outcome, String> {
    let rendered = rendered(tree)?;
    let each = of_one(tree, POOL)?;
    let (mut findings, mut most) = (Findings::new(), 0);
    for cluster in &rendered.clusters {
        let number = |value: Option<&Value>| value.and_then(Value::as_u64).unwrap_or(0);
        let servers = |name: &str| {
            let found = cluster.objects.iter().find(|o| o.kind() == "Cluster" && o.name() == name)?;
            Some(found.text("/spec/postgresql/parameters/max_connections").parse::<u64>().unwrap_or(100))
        };
        let consoles = cluster.objects.iter().find(|o| o.is("Deployment", "console", "quarterdeck"));
        if let Some(consoles) = consoles {
            let wanted = (number(consoles.value.pointer("/spec/replicas")) + 1) * of_one(tree, CONSOLE_POOL)?;
            match servers(CONSOLE_SERVERS) {
                Some(limit) if wanted + OTHERS <= limit => {}
                limit => findings.add(format!(
                    "{}: consoles open {wanted} connections at the largest, and {CONSOLE_SERVERS} takes {limit:?}",
                    cluster.name
                )),
            }
        }
        let Some(limit) = servers("postgres") else { continue };
        let instances = |service: &str| {
            let scaler =
                cluster.objects.iter().find(|o| o.is("HorizontalPodAutoscaler", service, "quarterdeck"));
            // One more while a deploy replaces them.
            scaler.map_or(0, |s| number(s.value.pointer("/spec/maxReplicas")) + 1)
        };
        let wanted: u64 = DATABASES.iter().map(|service| instances(service) * each).sum();
        most = most.max(wanted);
        if wanted + OTHERS > limit {
            findings.add(format!(
                "{}: {wanted} connections at the largest, and Postgres takes {limit}",
                cluster.name
            ));
        }
        for pooler in cluster.objects.iter().filter(|o| o.kind() == "Pooler") {
            let size: u64 =
                text(&pooler.value, "/spec/pgbouncer/parameters/default_pool_size").parse().unwrap_or(20);
            for service in DATABASES {
                let wanted = instances(service) * each;
                if wanted > size {
                    findings.add(format!(
                        "{}: {service} opens {wanted} connections, and a pool has {size}",
                        pooler.shown()
                    ));
                }
            }
        }
    }
    findings.outcome(format!("{most} connections at the largest, {each} of each instance"))
}
