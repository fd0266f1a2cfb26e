//! One story for all pages: payments fail after a deploy, and everything around it is there.

use console_app::{About, Component, ScrapeTarget};
use console_model::{
    Labels,
    alert::{Alert, AlertState, DeliveryOutcome, Evidence, Notification, RuleStatus},
    deploy::{DeclaredVersion, DeployCommit},
    flux::FluxEvent,
    metric::{QueryValue, Sample, Series},
    runbook::Runbook,
};

use crate::fakes::{Fakes, NOW_MS, answer};

pub const FINGERPRINT: &str = "a1b2c3d4e5f60718";
pub const TRACE_ID: &str = "0af7651916cd43dd8448eb211c80319c";
pub const SHA: &str = "4f2a9c1e7b3d5f60718293a4b5c6d7e8f9012345";
/// What an attacker would put into a label.
pub const EVIL: &str = "<script>alert(1)</script>";

const JOBS: [(&str, f64, f64); 8] = [
    ("catalog", 41.8, 0.021),
    ("console", 2.4, 0.012),
    ("identity", 6.2, 0.094),
    ("inventory", 12.7, 0.008),
    ("notifications", 0.6, 0.004),
    ("orders", 9.1, 0.183),
    ("payments", 8.7, 0.064),
    ("storefront", 63.4, 0.142),
];

const EXPR: &str = "(\n  sum by (job) (rate(shop_payment_authorisations_total{outcome=~\"declined|error\"}[20s]))\n  /\n  sum by (job) (rate(shop_payment_authorisations_total[20s]))\n) > 0.25\nand\nsum by (job) (increase(shop_payment_authorisations_total{outcome=~\"declined|error\"}[20s])) > 1.5";

fn alert(name: &str, state: AlertState, severity: &str, service: &str, age_ms: i64) -> Alert {
    Alert {
        fingerprint: format!("{name:0>16}").to_lowercase().chars().take(16).collect(),
        name: name.to_owned(),
        labels: Labels::from_pairs([
            ("alertname", name),
            ("severity", severity),
            ("service", service),
            ("job", service),
        ]),
        annotations: Labels::default(),
        state,
        active_at_ms: NOW_MS - age_ms,
        fired_at_ms: (state != AlertState::Pending).then_some(NOW_MS - age_ms + 10_000),
        resolved_at_ms: None,
        value: 0.0,
        expr: "up == 0".to_owned(),
        for_ms: 10_000,
        runbook: Some(format!("alerts/{name}")),
        evidence: Evidence::default(),
    }
}

pub fn payment_failures() -> Alert {
    let mut a = alert("PaymentFailures", AlertState::Firing, "critical", "payments", 254_000);
    a.fingerprint = FINGERPRINT.to_owned();
    a.labels = a.labels.with("team", EVIL);
    a.annotations = Labels::from_pairs([
        ("summary", "98.4 % of payments fail"),
        (
            "description",
            "The provider declines or fails 98.4 % of the authorisations over the last 20 s: shoppers cannot pay.",
        ),
    ]);
    a.value = 0.984;
    a.expr = EXPR.to_owned();
    a.evidence = Evidence {
        trace_query: Some(
            r#"{ resource.service.name = "payments" && span.shop.payment.outcome =~ "declined|error" }"#
                .to_owned(),
        ),
        trace_id: Some(TRACE_ID.parse().unwrap()),
        log_query: Some(r#"{service_name="payments", level="error"}"#.to_owned()),
        log_line: Some(format!(
            r#"{{"message":"payment declined by provider","order_id":"019c-77","amount_minor":4990,"currency":"EUR","reason":"{EVIL}"}}"#
        )),
    };
    a
}

fn alerts() -> Vec<Alert> {
    let mut latency = alert("LatencyHigh", AlertState::Pending, "warning", "orders", 8_000);
    latency.annotations = Labels::from_pairs([("summary", "orders is slow: p95 is 1.2 s")]);
    latency.expr = "histogram_quantile(0.95, sum by (job, le) (rate(http_server_request_duration_seconds_bucket[30s]))) > 1".to_owned();
    latency.value = 1.24;
    let mut down = alert("ServiceDown", AlertState::Resolved, "critical", "catalog", 1_500_000);
    down.resolved_at_ms = Some(NOW_MS - 1_320_000);
    down.annotations = Labels::from_pairs([("summary", "catalog at 127.0.0.1:7103 is down")]);
    let mut switch = alert("DeadMansSwitch", AlertState::Firing, "none", "console", 7_200_000);
    switch.annotations = Labels::from_pairs([("summary", "The alerting path works")]);
    switch.value = 1.0;
    switch.expr = "vector(1)".to_owned();
    vec![payment_failures(), switch, latency, down]
}

fn rule(name: &str, severity: &str, expr: &str, state: AlertState) -> RuleStatus {
    RuleStatus {
        group: "shop-requests".to_owned(),
        file: "shop.yml".to_owned(),
        name: name.to_owned(),
        is_recording: false,
        expr: expr.to_owned(),
        for_ms: 10_000,
        labels: Labels::from_pairs([("severity", severity), ("service", "{{ $labels.job }}")]),
        annotations: Labels::default(),
        state,
        last_error: None,
        last_evaluation_ms: NOW_MS - 1_500,
        evaluation_us: 412,
    }
}

fn rules() -> Vec<RuleStatus> {
    let mut broken = rule("StockLow", "warning", "predict_linear(x[1h], 60) < 0", AlertState::Inactive);
    broken.last_error = Some("predict_linear is not supported yet".to_owned());
    vec![
        rule("PaymentFailures", "critical", EXPR, AlertState::Firing),
        rule("ServiceDown", "critical", "min by (job, instance) (up) == 0", AlertState::Inactive),
        rule(
            "LatencyHigh",
            "warning",
            "histogram_quantile(0.95, sum by (job, le) (rate(http_server_request_duration_seconds_bucket[30s]))) > 1",
            AlertState::Pending,
        ),
        broken,
    ]
}

/// As the engine composes it.
pub fn slack_payload() -> String {
    let mrkdwn = |t: &str| serde_json::json!({"type": "mrkdwn", "text": t});
    let button = |t: &str, url: &str| serde_json::json!({"type": "button", "text": {"type": "plain_text", "text": t}, "url": url});
    let mut open = button("Open alert", &format!("http://127.0.0.1:7200/alerts/{FINGERPRINT}"));
    open["style"] = serde_json::json!("primary");
    serde_json::json!({
        "text": "🔴 PaymentFailures: payments — 98.4 % of payments fail",
        "attachments": [{
            "color": "#d1293d",
            "blocks": [
                {"type": "header", "text": {"type": "plain_text", "text": "🔴 PaymentFailures: payments", "emoji": true}},
                {"type": "section", "text": mrkdwn("*98.4 % of payments fail*\nThe provider declines &lt;script&gt;alert(1)&lt;/script&gt; the authorisations over the last 20 s.")},
                {"type": "section", "fields": [
                    mrkdwn("*Service*\n`payments`"), mrkdwn("*Value*\n`0.984`"),
                    mrkdwn("*Since*\n<!date^1799999746^{date_short_pretty} {time_secs}|2027-01-15 07:55:46 UTC>"),
                    mrkdwn("*Severity*\n`critical`")]},
                {"type": "section", "text": mrkdwn(&format!("*Trace* <http://127.0.0.1:7200/traces/{TRACE_ID}|0af7651916cd43dd>\n*Log line*\n```payment declined by provider amount_minor=4990 currency=EUR order_id=019c-77```"))},
                {"type": "actions", "elements": [open, button("Trace", "http://127.0.0.1:7200/traces/x"), button("Logs", "http://127.0.0.1:7200/logs"), button("Runbook", "http://127.0.0.1:7200/runbooks/alerts/PaymentFailures")]},
                {"type": "context", "elements": [mrkdwn("Quarterdeck · alertname=PaymentFailures · receiver on-call")]}
            ]
        }]
    })
    .to_string()
}

fn notifications() -> Vec<Notification> {
    let slack = Notification {
        id: 7,
        at_ms: NOW_MS - 240_000,
        receiver: "on-call".to_owned(),
        integration: "slack".to_owned(),
        status: "firing".to_owned(),
        group: Labels::from_pairs([("alertname", "PaymentFailures")]),
        title: "🔴 PaymentFailures: payments".to_owned(),
        payload: slack_payload(),
        outcome: DeliveryOutcome::NotConfigured,
    };
    let mail = Notification {
        id: 6,
        at_ms: NOW_MS - 1_300_000,
        integration: "email".to_owned(),
        status: "resolved".to_owned(),
        group: Labels::from_pairs([("alertname", "ServiceDown")]),
        title: format!("[RESOLVED] ServiceDown: catalog {EVIL}"),
        payload: format!("ServiceDown is over. {EVIL}"),
        outcome: DeliveryOutcome::Failed { reason: "connection refused".to_owned(), attempts: 3 },
        ..slack.clone()
    };
    vec![slack, mail]
}

fn commits() -> Vec<DeployCommit> {
    let commit = |sha: &str, minutes: i64, author: &str, subject: &str, services: &[&str]| DeployCommit {
        sha: sha.to_owned(),
        author: author.to_owned(),
        at_ms: NOW_MS - minutes * 60_000,
        subject: subject.to_owned(),
        body: String::new(),
        services: services.iter().map(|s| (*s).to_owned()).collect(),
        files: services.iter().map(|s| format!("gitops/apps/base/{s}/deployment.yaml")).collect(),
        url: None,
    };
    let mut first =
        commit(SHA, 7, "Ada Park", "deploy(payments): provider timeout 2 s, retries off", &["payments"]);
    first.body =
        "The provider's p99 is 1.1 s; waiting 10 s only fills our queues.\n\nReviewed by Kim.".to_owned();
    vec![
        first,
        commit(
            "b81c0d2f4e6a8091a2b3c4d5e6f708192a3b4c5d",
            6,
            "Kim Ito",
            "deploy(catalog): search cache of 60 s",
            &["catalog"],
        ),
        commit(
            "77d0e1f2a3b4c5d6e7f8091a2b3c4d5e6f708192",
            190,
            "Ada Park",
            "chore: raise memory limits of storefront and orders",
            &["orders", "storefront"],
        ),
        commit(
            "0c1d2e3f405162738495a6b7c8d9e0f102132435",
            2_900,
            "Noor Haddad",
            &format!("docs: note {EVIL}"),
            &[],
        ),
    ]
}

const DIFF: &str = "diff --git a/gitops/apps/base/payments/deployment.yaml b/gitops/apps/base/payments/deployment.yaml\nindex 1111111..2222222 100644\n--- a/gitops/apps/base/payments/deployment.yaml\n+++ b/gitops/apps/base/payments/deployment.yaml\n@@ -32,10 +32,10 @@ spec:\n       containers:\n         - name: payments\n-          image: quarterdeck/shop-payments:1.3.9\n+          image: quarterdeck/shop-payments:1.4.0\n           env:\n             - name: PAYMENT_PROVIDER_TIMEOUT_MS\n-              value: \"10000\"\n+              value: \"2000\"\n             - name: PAYMENT_PROVIDER_RETRIES\n-              value: \"2\"\n+              value: \"0\" # <script>alert(1)</script>\n           ports:\n";

const RUNBOOK: &str = "<h1 id=\"paymentfailures\">PaymentFailures</h1>\n<h2 id=\"meaning\">Meaning</h2>\n<p>More than a quarter of the payment authorisations of the last twenty seconds were declined or failed. So many at once is the provider or us, not the shoppers' cards.</p>\n<h2 id=\"first-look\">First look</h2>\n<p>Declined or error? <em>Declined</em> is the provider's answer; <em>error</em> means that we got none.</p>\n<pre><code class=\"language-promql\">sum by (outcome) (rate(shop_payment_authorisations_total{job=&quot;{{ $labels.service }}&quot;}[1m]))\n</code></pre>\n<p>The failing authorisation, from the shopper's click to the provider:</p>\n<pre><code class=\"language-traceql\">{ resource.service.name = &quot;{{ $labels.service }}&quot; &amp;&amp; status = error }\n</code></pre>\n<h2 id=\"likely-causes\">Likely causes</h2>\n<ol>\n<li>\n<p>The fault <code>payments.decline</code> is on (a drill, or the demo's own):</p>\n<pre><code class=\"language-promql\">shop_fault_active{fault=~&quot;payments.*&quot;} == 1\n</code></pre>\n</li>\n<li>\n<p>A deploy of payments in the minutes before: see <a href=\"/deploys\">Deploys</a>.</p>\n</li>\n</ol>\n<h2 id=\"act\">Act</h2>\n<ul>\n<li>Revert: <code>git revert &lt;commit&gt;</code> in gitops, push.</li>\n<li>Tell support; the text is in <a href=\"/runbooks/guides/on-call\">On call</a>.</li>\n</ul>\n<table><thead><tr><th>Outcome</th><th>Means</th></tr></thead><tbody><tr><td>declined</td><td>the provider said no</td></tr><tr><td>error</td><td>nobody answered in time</td></tr></tbody></table>\n";

fn runbooks() -> Vec<Runbook> {
    let page = |slug: &str, title: &str| Runbook {
        slug: slug.to_owned(),
        title: title.to_owned(),
        html: RUNBOOK.to_owned(),
        markdown: String::new(),
    };
    vec![
        page("alerts/PaymentFailures", "PaymentFailures"),
        page("alerts/ServiceDown", "ServiceDown"),
        page("guides/on-call", "On call"),
        page("decisions/0002-islands", "Islands, not full hydration"),
    ]
}

fn about() -> About {
    let component = |name: &str, backend: &str, facts: &[(&str, &str)]| Component {
        name: name.to_owned(),
        backend: backend.to_owned(),
        facts: facts.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
    };
    let target = |job: &str, instance: &str, error: Option<&str>| ScrapeTarget {
        job: job.to_owned(),
        instance: instance.to_owned(),
        url: format!("http://{instance}/metrics"),
        is_up: error.is_none(),
        last_scrape_ms: Some(NOW_MS - 1_200),
        duration_ms: 4,
        last_error: error.map(str::to_owned),
    };
    About {
        version: "0.1.0".to_owned(),
        started_at_ms: NOW_MS - 9_000_000,
        components: vec![
            component(
                "Metrics",
                "embedded",
                &[("series", "12,034"), ("samples", "8,120,441"), ("memory", "84 MB"), ("disk", "31 MB")],
            ),
            component("Logs", "embedded", &[("streams", "38"), ("lines", "1,204,118"), ("memory", "40 MB")]),
            component("Traces", "http://tempo:3200", &[("traces", "18,220"), ("spans", "160,911")]),
            component("Deploys", "git", &[]),
        ],
        targets: vec![
            target("orders", "127.0.0.1:7105", None),
            target("payments", "127.0.0.1:7106", None),
            target("catalog", "127.0.0.1:7103", Some(&format!("connection refused {EVIL}"))),
        ],
        discovery_problems: vec![(
            "serviceMonitor/shop/old/0".to_owned(),
            format!("basicAuth is not supported {EVIL}"),
        )],
    }
}

fn series(pairs: &[(&str, &str)], values: impl Fn(i64) -> f64, step_ms: i64, count: i64) -> Series {
    let end = NOW_MS.div_euclid(step_ms) * step_ms;
    let samples = (0..=count).rev().map(|i| Sample { t_ms: end - i * step_ms, v: values(count - i) });
    Series { labels: Labels::from_pairs(pairs.iter().copied()), samples: samples.collect() }
}

/// Answers like a store that has seen the story. The shape of the expression picks the answer.
fn metrics(expr: &str) -> QueryValue {
    let one = |labels: &[(&str, &str)], v: f64| {
        (Labels::from_pairs(labels.iter().copied()), Sample { t_ms: NOW_MS, v })
    };
    let wobble = |i: i64, seed: i64| 1.0 + 0.12 * ((i * 7 + seed * 13) % 11 - 5) as f64 / 5.0;
    let lines = |value: &dyn Fn(f64, f64, i64, i64) -> f64| {
        let all = JOBS.iter().zip(1_i64..);
        QueryValue::Matrix(
            all.map(|((job, rate, p95), n)| {
                series(&[("job", job)], |i| value(*rate, *p95, i, n), 15_000, 60)
            })
            .collect(),
        )
    };
    match expr {
        "max(timestamp(up))" => QueryValue::Vector(vec![one(&[], (NOW_MS - 1_200) as f64 / 1000.0)]),
        "sum by (job) (up)" => QueryValue::Vector(
            JOBS.iter()
                .map(|(job, ..)| one(&[("job", job)], if *job == "catalog" { 1.0 } else { 2.0 }))
                .collect(),
        ),
        "count by (job) (up)" => {
            QueryValue::Vector(JOBS.iter().map(|(job, ..)| one(&[("job", job)], 2.0)).collect())
        }
        e if e.starts_with("count by (job, version)") => {
            let mut all: Vec<_> =
                JOBS.iter().map(|(job, ..)| one(&[("job", job), ("version", "0.1.0")], 2.0)).collect();
            all[6] = one(&[("job", "payments"), ("version", "1.4.0")], 1.0);
            all.push(one(&[("job", "payments"), ("version", "1.3.9")], 1.0));
            QueryValue::Vector(all)
        }
        e if e.starts_with("histogram_quantile") => lines(&|_, p95, i, n| p95 * wobble(i, n)),
        e if e.starts_with("(sum by (job) (rate(http_server") => {
            lines(&|rate, _, i, _| if (rate - 8.7).abs() < 0.01 && i > 43 { 0.46 } else { 0.0 })
        }
        e if e.starts_with("sum by (job) (rate(http_server") => lines(&|rate, _, i, n| rate * wobble(i, n)),
        e if e.contains("shop_fault_active") => {
            QueryValue::Vector(vec![one(&[("fault", "payments.decline"), ("job", "payments")], 1.0)])
        }
        e if e.starts_with("sum by (currency)") => {
            QueryValue::Vector(vec![one(&[("currency", "EUR")], 214.3)])
        }
        e if e.contains("orders_placed") && e.contains("[60s]") => QueryValue::Matrix(vec![series(
            &[],
            |i| if i > 43 { 1.2 } else { 13.0 * wobble(i, 3) },
            15_000,
            60,
        )]),
        e if e.contains("orders_placed") && e.contains("[1h]") => QueryValue::Vector(vec![one(&[], 12.8)]),
        e if e.contains("orders_placed") => QueryValue::Vector(vec![one(&[], 4.3)]),
        e if e.contains("increase") && e.contains("declined|error") => {
            QueryValue::Vector(vec![one(&[], 38.0)])
        }
        e if e.contains("increase") => QueryValue::Vector(vec![one(&[], 171.0)]),
        e if e.contains("sum by (outcome)") => QueryValue::Vector(vec![
            one(&[("outcome", "declined")], 2.31),
            one(&[("outcome", "approved")], 0.04),
            one(&[("outcome", EVIL)], 0.0),
        ]),
        e if e.contains("shop_payment_authorisations_total") => QueryValue::Matrix(vec![series(
            &[("job", "payments")],
            |i| if i > 118 { 0.97 + 0.02 * wobble(i, 1) } else { 0.02 * wobble(i, 2) },
            5_000,
            170,
        )]),
        _ => QueryValue::Vector(Vec::new()),
    }
}

fn flux() -> Vec<FluxEvent> {
    let event = |name: &str, ago_s: i64, reason: &str, message: &str| FluxEvent {
        kind: "Kustomization".to_owned(),
        namespace: "flux-system".to_owned(),
        name: name.to_owned(),
        is_failure: reason.ends_with("Failed"),
        reason: reason.to_owned(),
        message: message.to_owned(),
        revision: format!("main@sha1:{SHA}"),
        at_ms: NOW_MS - ago_s * 1000,
    };
    let applied = "Applied revision: main@sha1:0a1b";
    vec![
        event("data", 30, "ReconciliationSucceeded", applied),
        event("apps", 90, "HealthCheckFailed", EVIL),
        event("apps", 700, "ReconciliationSucceeded", applied),
    ]
}

/// Sources that know the story.
pub fn fakes() -> Fakes {
    let declared = |service: &str, version: &str| DeclaredVersion {
        service: service.to_owned(),
        environment: None,
        version: version.to_owned(),
        file: format!("gitops/apps/base/{service}/deployment.yaml"),
    };
    Fakes {
        metrics: Box::new(|expr| Ok(answer(metrics(expr)))),
        alerts: Ok(alerts()),
        rules: Ok(rules()),
        notifications: Ok(notifications()),
        commits: Ok(commits()),
        diff: Ok(Some(DIFF.to_owned())),
        versions: Ok(vec![
            declared("payments", "1.4.0"),
            declared("orders", "0.1.0"),
            declared("catalog", "0.2.0"),
        ]),
        flux: Ok(Some(flux())),
        runbooks: Ok(runbooks()),
        about: about(),
        ..Fakes::default()
    }
}
