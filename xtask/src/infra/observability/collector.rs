//! The three configurations of the OpenTelemetry Collector, as far as files tell: `make infra-collector` has a real one read
//! them.
//!
//! What must hold: what a pipeline names is there and used; memory is limited first, people's data is taken out everywhere by
//! the same rules, batches are made last; and whoever sends finds a Service with that port, and the pod listens there.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    super::{Outcome, Tree, folder},
    document, list, text, verdict,
};

/// Configurations with the objects that run them.
pub const ALL: [(&str, &str); 3] =
    [("agent", "agent-daemon-set"), ("gateway", "gateway-deployment"), ("sampler", "sampler-stateful-set")];
/// What the cluster's image has and the collector that is built here has not: their modules are not to be had in the
/// version of the others. Nothing but this file looks at their settings.
pub const NOT_BUILT: [&str; 2] = ["k8s_attributes", "tail_sampling"];
const BUILDER: &str = "xtask/tools/otelcol/builder.yaml";
/// What the builder made of it.
const MODULES: &str = "xtask/tools/otelcol/go.mod";
const KINDS: [&str; 4] = ["receivers", "processors", "exporters", "extensions"];

pub fn check(tree: &Tree) -> Result<Outcome, String> {
    let mut wrong = Vec::new();
    let built = built(tree, &mut wrong)?;
    let mut components = 0;
    let mut privacy = Vec::new();
    for (name, workload) in ALL {
        let file = format!("collector/{name}.yaml");
        let configuration = document(tree, &file)?;
        let mut tell = |what: String| wrong.push(format!("{file}: {what}"));
        components += references(&configuration, &built, &mut tell);
        pipelines(&configuration, &mut tell);
        endpoints(tree, &configuration, &mut tell)?;
        listeners(&configuration, &document(tree, &format!("collector/{workload}.yaml"))?, &mut tell);
        privacy.push(configuration["processors"]["redaction"].clone());
    }
    if privacy.windows(2).any(|pair| pair[0] != pair[1]) || privacy[0].is_null() {
        wrong.push("collector: the three do not take out the same (processors.redaction)".to_owned());
    }
    verdict(&wrong, format!("{} configurations, {components} components", ALL.len()))
}

/// Types that the builder's manifest makes, without underscores: `processors/redaction`.
fn built(tree: &Tree, wrong: &mut Vec<String>) -> Result<BTreeSet<String>, String> {
    let modules = folder::read(&tree.root.join(MODULES))?;
    let manifest =
        super::yaml(&folder::read(&tree.root.join(BUILDER))?).map_err(|e| format!("{BUILDER}: {e}"))?;
    let mut types = BTreeSet::new();
    for kind in KINDS {
        for module in list(&manifest[kind]) {
            // `…/receiver/filelogreceiver v1.2.3`
            if !modules.lines().any(|line| line.trim() == text(&module["gomod"])) {
                wrong.push(format!(
                    "{MODULES} was not made of {BUILDER}: it has no {}",
                    text(&module["gomod"])
                ));
            }
            let path = text(&module["gomod"]).split(' ').next().unwrap_or_default();
            let name = path.rsplit('/').next().unwrap_or_default();
            let of = name.trim_end_matches(kind.trim_end_matches('s'));
            // The one whose type is not its module's name.
            let of = if kind == "exporters" && of == "otlp" { "otlpgrpc" } else { of };
            types.insert(format!("{kind}/{of}"));
        }
    }
    Ok(types)
}

/// What is defined is used and can be built, and what is used is defined. Returns how many there are.
fn references(configuration: &Value, built: &BTreeSet<String>, tell: &mut impl FnMut(String)) -> usize {
    let mut used: BTreeSet<String> = BTreeSet::new();
    used.extend(
        list(&configuration["service"]["extensions"]).iter().map(|n| format!("extensions/{}", text(n))),
    );
    for pipeline in configuration["service"]["pipelines"].as_object().into_iter().flat_map(|p| p.values()) {
        for kind in KINDS {
            used.extend(list(&pipeline[kind]).iter().map(|name| format!("{kind}/{}", text(name))));
        }
    }
    let mut defined = BTreeSet::new();
    for kind in KINDS {
        for name in configuration[kind].as_object().into_iter().flat_map(|c| c.keys()) {
            defined.insert(format!("{kind}/{name}"));
            let of = name.split('/').next().unwrap_or_default();
            if !NOT_BUILT.contains(&of) && !built.contains(&format!("{kind}/{}", of.replace('_', ""))) {
                tell(format!("{kind} {name}: {BUILDER} has no such component"));
            }
        }
    }
    for name in used.difference(&defined) {
        tell(format!("{name} is used and not defined"));
    }
    for name in defined.difference(&used) {
        tell(format!("{name} is defined and not used"));
    }
    defined.len()
}

fn pipelines(configuration: &Value, tell: &mut impl FnMut(String)) {
    for (name, pipeline) in configuration["service"]["pipelines"].as_object().into_iter().flatten() {
        let processors: Vec<&str> = list(&pipeline["processors"]).iter().map(text).collect();
        if processors.first() != Some(&"memory_limiter") {
            tell(format!("pipeline {name}: memory is not limited first"));
        }
        if processors.last() != Some(&"batch") {
            tell(format!("pipeline {name}: batches are not made last"));
        }
        if !processors.contains(&"redaction") {
            tell(format!("pipeline {name}: nothing takes out what is personal or secret"));
        }
    }
}

/// Exporters that send to a collector's Service, by its name and a port that it has.
fn endpoints(tree: &Tree, configuration: &Value, tell: &mut impl FnMut(String)) -> Result<(), String> {
    for (name, exporter) in configuration["exporters"].as_object().into_iter().flatten() {
        let Some((host, port)) = text(&exporter["endpoint"]).rsplit_once(':') else { continue };
        let Some(of) = host.strip_prefix("collector-").and_then(|h| h.strip_suffix(".observability")) else {
            continue;
        };
        let service = document(tree, &format!("collector/{of}-service.yaml"))?;
        if !list(&service["spec"]["ports"]).iter().any(|p| p["port"].as_u64() == port.parse().ok()) {
            tell(format!("exporter {name}: the Service collector-{of} has no port {port}"));
        }
    }
    Ok(())
}

/// Ports that the configuration opens are those that the pod says.
fn listeners(configuration: &Value, workload: &Value, tell: &mut impl FnMut(String)) {
    let mut opened = BTreeSet::new();
    let protocols = &configuration["receivers"]["otlp"]["protocols"];
    for endpoint in protocols.as_object().into_iter().flat_map(|p| p.values()) {
        opened.extend(port(&endpoint["endpoint"]));
    }
    opened.extend(port(&configuration["extensions"]["health_check"]["endpoint"]));
    let readers = &configuration["service"]["telemetry"]["metrics"]["readers"];
    opened.extend(list(readers).iter().filter_map(|r| r["pull"]["exporter"]["prometheus"]["port"].as_u64()));
    let container = &workload["spec"]["template"]["spec"]["containers"][0];
    let said: BTreeSet<u64> =
        list(&container["ports"]).iter().filter_map(|p| p["containerPort"].as_u64()).collect();
    if opened != said {
        tell(format!("it listens on {opened:?}, and its pod says {said:?}"));
    }
}

fn port(endpoint: &Value) -> Option<u64> {
    text(endpoint).rsplit_once(':')?.1.parse().ok()
}
