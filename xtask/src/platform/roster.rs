//! The processes of the platform and the order in which they start.

use std::fmt::Write as _;

use super::{
    age_limits::AgeLimits,
    edge,
    layout::{INSTANCES, INTERNAL_OFFSET, Layout, SERVICES},
    postgres,
    probe::Probe,
    process::Unit,
    redis, secrets, service_auth,
};

/// The phase of what services stand on.
pub const FOUNDATION: usize = 0;

/// Units by phase; a phase starts when the one before is ready.
pub struct Roster {
    /// What the services stand on, and the console, so that no telemetry of theirs is lost.
    pub foundation: Vec<Unit>,
    pub postgres: postgres::Cluster,
    pub services: Vec<Unit>,
    pub edge: Unit,
}

impl Roster {
    /// Writes all configuration, starts nothing but Postgres' own tools.
    pub fn prepare(layout: &Layout) -> Result<Self, String> {
        self::secrets(layout)?;
        let postgres = postgres::Cluster::prepare(layout, FOUNDATION)?;
        let mut foundation = vec![postgres.primary()?, console(layout)?];
        for store in redis::Store::ALL {
            foundation.push(redis::unit(layout, store)?);
        }
        Ok(Self { foundation, postgres, services: services(layout)?, edge: edge::unit(layout)? })
    }
}

/// Makes the secrets and keys that are missing.
pub fn secrets(layout: &Layout) -> Result<(), String> {
    let passwords = postgres::roles::DATABASES.map(secrets::database_password);
    secrets::ensure(layout, &passwords)?;
    service_auth::ensure(layout)
}

/// Every instance of every service.
pub fn services(layout: &Layout) -> Result<Vec<Unit>, String> {
    let version = version(layout);
    let mut units = Vec::new();
    for service in SERVICES {
        for instance in 0..INSTANCES {
            units.push(service_unit(layout, service, instance, &version)?);
        }
    }
    Ok(units)
}

/// `0.1.0+<commit>`: what the services report as `service.version`.
fn version(layout: &Layout) -> String {
    let commit = std::process::Command::new("git")
        .args(["rev-parse", "--short=8", "HEAD"])
        .current_dir(&layout.root)
        .output()
        .ok()
        .filter(|o| o.status.success())
        .map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned())
        .unwrap_or_default();
    let base = env!("CARGO_PKG_VERSION");
    if commit.is_empty() { base.to_owned() } else { format!("{base}+{commit}") }
}

/// One instance of a service, counted from 0.
pub fn service_unit(layout: &Layout, service: &str, instance: u16, version: &str) -> Result<Unit, String> {
    let name = format!("{service}-{}", instance + 1);
    let program = layout.binaries.join(format!("shop-{service}"));
    if !program.is_file() {
        return Err(format!("{} is missing: `make up` builds it", program.display()));
    }
    let port = layout.service_port(service, instance).ok_or_else(|| format!("{service} has no port"))?;
    let internal = format!("127.0.0.1:{}", port + INTERNAL_OFFSET);
    let mut unit = Unit::new(&name, service, program, layout.log_file(&name));
    let mut set = |key: &str, value: String| unit.env.push((key.to_owned(), value));
    set("HTTP_ADDR", format!("127.0.0.1:{port}"));
    set("INTERNAL_ADDR", internal.clone());
    set("SERVICE_INSTANCE", name.clone());
    set("SERVICE_VERSION", version.to_owned());
    set("DEPLOYMENT_ENVIRONMENT", "local".to_owned());
    if postgres::roles::DATABASES.contains(&service) {
        let password = secrets::read(layout, &secrets::database_password(service))?;
        set("DATABASE_URL", layout.database_url(service, &password));
    }
    set("REDIS_URL", redis::Store::Durable.url(layout));
    set("REDIS_CACHE_URL", redis::Store::Cache.url(layout));
    set("SERVICE_AUTH_KEY_FILE", service_auth::key_file(layout, service).display().to_string());
    set("SERVICE_AUTH_JWKS_FILE", service_auth::jwks_file(layout).display().to_string());
    set("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://127.0.0.1:{}", layout.ports.otlp_grpc));
    set("LOKI_URL", layout.console_url());
    set("TELEMETRY_TOKEN", secrets::read(layout, secrets::TELEMETRY_WRITE_TOKEN)?);
    set("FAULTS_TOKEN", secrets::read(layout, secrets::FAULTS_TOKEN)?);
    set("RUST_LOG", "info".to_owned());
    // On one machine everything can be looked at. In production a share is sampled, see decision 0021.
    set("OTEL_TRACES_SAMPLER", "parentbased_always_on".to_owned());
    set("ACCESS_LOG", "all".to_owned());
    set("DRAIN_SECONDS", "5".to_owned());
    for peer in ["identity", "catalog", "inventory", "orders", "payments"] {
        set(&format!("{}_URLS", peer.to_uppercase()), layout.service_urls(peer).join(","));
    }
    let secret_file = |name| secrets::path(layout, name).display().to_string();
    match service {
        "storefront" => {
            set("COOKIE_KEY_FILE", secret_file(secrets::COOKIE_KEY));
            // The edge, which tells the shopper's own address.
            set("TRUSTED_PROXIES", "127.0.0.1/32".to_owned());
        }
        "identity" => set("STAFF_PASSWORD_FILE", secret_file(secrets::STAFF_PASSWORD)),
        "orders" => {
            set("VOUCHER_DIGEST_KEY_FILE", secret_file(secrets::VOUCHER_DIGEST_KEY));
            AgeLimits::from_environment()?.variables().for_each(|(name, value)| set(&name, value));
        }
        "payments" => set("PAYMENTS_WEBHOOK_SECRET_FILE", secret_file(secrets::PAYMENTS_WEBHOOK_SECRET)),
        _ => {}
    }
    set("MAIL_DIR", layout.data.join("mail").display().to_string());
    set("PUBLIC_URL", layout.shop_url());
    unit.probe = Probe::Http {
        ready: format!("http://{internal}/readyz"),
        live: format!("http://{internal}/healthz"),
    };
    unit.address = format!("http://127.0.0.1:{port}");
    Ok(unit)
}

/// The console's process.
pub fn console(layout: &Layout) -> Result<Unit, String> {
    let program = layout.binaries.join("quarterdeck");
    if !program.is_file() {
        return Err(format!("{} is missing: `make up` builds it", program.display()));
    }
    let dir = layout.data.join("console");
    let fail = |e: std::io::Error| format!("cannot prepare {}: {e}", dir.display());
    std::fs::create_dir_all(&dir).map_err(fail)?;
    std::fs::write(dir.join("scrape.yml"), scrape_configuration(layout)).map_err(fail)?;
    let file = dir.join("quarterdeck.yml");
    // Both telemetry tokens stand in it.
    secrets::write(&file, console_configuration(layout)?.as_bytes())?;
    let mut unit = Unit::new("console", "console", program, layout.log_file("console"));
    unit.args = vec!["serve".to_owned(), "--config".to_owned(), file.display().to_string()];
    unit.env = vec![("RUST_LOG".to_owned(), "info".to_owned())];
    unit.probe = console_probe(layout);
    unit.address = layout.console_url();
    Ok(unit)
}

/// Ready is the listener that everybody uses; alive is the one that answers when that one is late.
fn console_probe(layout: &Layout) -> Probe {
    Probe::Http {
        ready: format!("{}/readyz", layout.console_url()),
        live: format!("http://127.0.0.1:{}/healthz", layout.console_health_port()),
    }
}

/// Prometheus' own format, so that the same file feeds a real Prometheus.
fn scrape_configuration(layout: &Layout) -> String {
    let mut out = String::from("# Written by `make up`.\nscrape_configs:\n");
    let mut job = |name: &str, targets: &[String]| {
        let _ = write!(
            out,
            "  - job_name: {name}\n    scrape_interval: 2s\n    scrape_timeout: 2s\n    static_configs:\n      - targets: [{}]\n",
            targets.join(", ")
        );
    };
    for service in SERVICES {
        let targets: Vec<String> = layout
            .internal_urls(service)
            .iter()
            .map(|u| format!("\"{}\"", u.trim_start_matches("http://")))
            .collect();
        job(service, &targets);
    }
    job("console", &[format!("\"127.0.0.1:{}\"", layout.ports.console)]);
    job("platform", &[format!("\"127.0.0.1:{}\"", layout.ports.supervisor)]);
    out
}

fn console_configuration(layout: &Layout) -> Result<String, String> {
    let (data, root) = (layout.data.display(), layout.root.display());
    let slack = slack_setting(layout);
    Ok(format!(
        r#"# Written by `make up`.
listen: 127.0.0.1:{console}
health: 127.0.0.1:{health}
otlp_grpc: 127.0.0.1:{grpc}
otlp_http: 127.0.0.1:{http}
data_dir: "{data}/console"
external_url: "{url}"
version: "{version}"
site_dir: "{site}"
tokens:
  ingest: ["{write_token}"]
  query: ["{read_token}"]
admin:
  username: admin
  password_file: "{password}"
scrape_config_file: "{data}/console/scrape.yml"
rule_files: ["{root}/alerting/rules/*.yml"]
routing_file: "{root}/alerting/routing/alertmanager.yml"
runbooks_dir: "{root}/runbooks"
gitops:
  repository: "{root}"
  folder: gitops
{slack}"#,
        console = layout.ports.console,
        health = layout.console_health_port(),
        grpc = layout.ports.otlp_grpc,
        http = layout.ports.otlp_http,
        url = layout.console_url(),
        version = version(layout),
        site = layout.site.display(),
        write_token = secrets::read(layout, secrets::TELEMETRY_WRITE_TOKEN)?,
        read_token = secrets::read(layout, secrets::TELEMETRY_READ_TOKEN)?,
        password = secrets::path(layout, secrets::ADMIN_PASSWORD).display(),
    ))
}

/// A webhook that the user put into the secrets folder, or into `SLACK_WEBHOOK_URL_FILE`.
fn slack_setting(layout: &Layout) -> String {
    let file = std::env::var_os("SLACK_WEBHOOK_URL_FILE")
        .map_or_else(|| secrets::path(layout, "slack-webhook-url"), std::path::PathBuf::from);
    if file.is_file() {
        format!("slack:\n  webhook_url_file: \"{}\"\n", file.display())
    } else {
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::layout::{Demo, Ports};

    #[test]
    fn the_console_is_asked_whether_it_lives_where_that_is_answered_apart() {
        let data = tempfile::tempdir().unwrap();
        let at = |part: &str| data.path().join(part);
        let layout = Layout {
            root: at("root"),
            data: data.path().to_owned(),
            binaries: at("debug"),
            site: at("site"),
            sockets: at("sockets"),
            ports: Ports {
                edge: 1,
                console: 2,
                otlp_grpc: 3,
                otlp_http: 4,
                traffic: 5,
                supervisor: 6,
                services: 100,
            },
            demo: Demo::Off,
        };
        secrets::ensure(&layout, &[]).unwrap();
        let configuration = console_configuration(&layout).unwrap();
        let health =
            configuration.lines().find_map(|l| l.strip_prefix("health: ")).expect("a listener for it");
        let Probe::Http { ready, live } = console_probe(&layout) else { panic!("the console speaks HTTP") };
        assert_eq!(live, format!("http://{health}/healthz"));
        assert_eq!(ready, "http://127.0.0.1:2/readyz");
        // In nobody else's way.
        let taken = SERVICES.iter().flat_map(|s| (0..INSTANCES).filter_map(|i| layout.service_port(s, i)));
        assert!(
            taken
                .clone()
                .chain(taken.map(|p| p + INTERNAL_OFFSET))
                .all(|p| !health.ends_with(&format!(":{p}")))
        );
    }
}
