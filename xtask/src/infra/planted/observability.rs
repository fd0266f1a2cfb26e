//! Mistakes in what watches the platform.

use super::{Edit, Planted};

pub fn mistakes() -> Vec<Planted> {
    let mut all = rules();
    all.extend(dashboards());
    all.extend(pipelines());
    all
}

fn rules() -> Vec<Planted> {
    vec![
        Planted {
            name: "an alert's bound changed in the cluster only",
            file: "gitops/infrastructure/observability/prometheus/rules/shop.yaml",
            edit: Edit::Replace("shop_event_stream_length) > 7000", "shop_event_stream_length) > 9000"),
            check: "observability generated",
            says: "prometheus/rules/shop.yaml, line",
        },
        Planted {
            name: "an alert's bound changed for the console only",
            file: "alerting/rules/data.yml",
            edit: Edit::Replace(") > 0.75", ") > 0.95"),
            check: "observability generated",
            says: "prometheus/rules/data.yaml, line",
        },
        Planted {
            name: "a receiver's file that the cluster does not know",
            file: "alerting/routing/alertmanager.yml",
            edit: Edit::Replace("slack_api_url_file: slack-webhook-url", "slack_api_url_file: webhook"),
            check: "observability generated",
            says: "slack_api_url_file",
        },
        Planted {
            name: "a rule of the cluster that does not parse",
            file: "gitops/infrastructure/observability/prometheus/rules/cluster.yaml",
            edit: Edit::Replace(") > bool 0", " > bool 0"),
            check: "observability rules",
            says: "cluster.yaml",
        },
        Planted {
            name: "a standby that is taken for the primary",
            file: "gitops/infrastructure/observability/prometheus/rules/cluster.yaml",
            edit: Edit::Replace("in_recovery == 0", "in_recovery == 1"),
            check: "observability rules",
            says: "cluster.test.yml",
        },
        Planted {
            name: "a series that alerts read and nothing makes in the cluster",
            file: "gitops/infrastructure/observability/prometheus/rules/cluster.yaml",
            edit: Edit::Replace(
                "record: quarterdeck_postgres_synchronous",
                "record: quarterdeck_process_memory_bytes",
            ),
            check: "observability series",
            says: "would never fire",
        },
        Planted {
            name: "a file of Alertmanager that no secret has",
            file: "gitops/infrastructure/observability/alertmanager/receivers.yaml",
            edit: Edit::Replace("secretKey: smtp-password", "secretKey: smtp-pass"),
            check: "observability routing",
            says: "no ExternalSecret has: smtp-password",
        },
        Planted {
            name: "messages that lead to a pod",
            file: "gitops/infrastructure/observability/prometheus/prometheus.yaml",
            edit: Edit::Drop("externalUrl"),
            check: "observability routing",
            says: "prometheus.yaml: messages lead to null",
        },
        Planted {
            name: "messages that lead to a page which is not there",
            file: "gitops/infrastructure/observability/alertmanager/configuration.yaml",
            edit: Edit::Drop("title_link"),
            check: "observability routing",
            says: "a message of 1 alerts leads to",
        },
        Planted {
            name: "a metric of the console under another name",
            file: "gitops/infrastructure/observability/metrics.toml",
            edit: Edit::Replace("\"quarterdeck_alerts_dropped_total\"", "\"quarterdeck_alerts_lost_total\""),
            check: "observability series",
            says: "the console does not emit quarterdeck_alerts_lost_total",
        },
        Planted {
            name: "a metric derived from spans under another name",
            file: "gitops/infrastructure/observability/metrics.toml",
            edit: Edit::Replace(
                "\"traces_service_graph_request_total\"",
                "\"traces_service_graph_calls_total\"",
            ),
            check: "observability series",
            says: "do not agree on traces_service_graph_calls_total",
        },
    ]
}

fn dashboards() -> Vec<Planted> {
    vec![
        Planted {
            name: "a panel of a metric that nobody tells",
            file: "gitops/infrastructure/observability/grafana/dashboards/services.json",
            edit: Edit::Replace("shop_concurrency_limit{", "shop_concurrency_limits{"),
            check: "observability series",
            says: "nobody tells \"shop_concurrency_limits\"",
        },
        Planted {
            name: "a panel that asks for a label which is not there",
            file: "gitops/infrastructure/observability/grafana/dashboards/edge.json",
            edit: Edit::Replace("shop_requests_shed_total{job", "shop_requests_shed_total{service"),
            check: "observability series",
            says: "shop_requests_shed_total has no label service",
        },
        Planted {
            name: "a panel on another one",
            file: "gitops/infrastructure/observability/grafana/dashboards/redis.json",
            edit: Edit::Replace(
                "the cache evicts.\",\n   \"gridPos\": {\n    \"h\": 6,\n    \"w\": 9,\n    \"x\": 6",
                "the cache evicts.\",\n   \"gridPos\": {\n    \"h\": 6,\n    \"w\": 9,\n    \"x\": 5",
            ),
            check: "observability dashboards",
            says: "lies on Answers",
        },
        Planted {
            name: "a panel without unit",
            file: "gitops/infrastructure/observability/grafana/dashboards/slo.json",
            edit: Edit::Replace("\"unit\": \"currencyEUR\"", "\"unit\": \"\""),
            check: "observability dashboards",
            says: "Order value: unit",
        },
        Planted {
            name: "a query that does not parse",
            file: "gitops/infrastructure/observability/grafana/dashboards/slo.json",
            edit: Edit::Replace("\"sum(shop_payment_differences)\"", "\"sum(shop_payment_differences\""),
            check: "observability queries",
            says: "slo.json: Payments B",
        },
        Planted {
            name: "a dashboard that Grafana is not given",
            file: "gitops/infrastructure/observability/grafana/kustomization.yaml",
            edit: Edit::Drop("dashboards/redis.json"),
            check: "observability dashboards",
            says: "redis.json: no ConfigMap has it",
        },
        Planted {
            name: "a data source that others refer to by another name",
            file: "gitops/infrastructure/observability/grafana/datasources.yaml",
            edit: Edit::Replace("uid: console-logs\n    type", "uid: console-log\n    type"),
            check: "observability dashboards",
            says: "console-logs is referred to and not there",
        },
    ]
}

fn pipelines() -> Vec<Planted> {
    vec![
        Planted {
            name: "traces that keep what is personal",
            file: "gitops/infrastructure/observability/collector/gateway.yaml",
            edit: Edit::Replace(
                "[memory_limiter, redaction, batch]\n      exporters: [otlp_grpc/sampler]",
                "[memory_limiter, batch]\n      exporters: [otlp_grpc/sampler]",
            ),
            check: "observability collector",
            says: "pipeline traces: nothing takes out",
        },
        Planted {
            name: "a collector that takes out less than the others",
            file: "gitops/infrastructure/observability/collector/sampler.yaml",
            edit: Edit::Drop("hooks\\.slack"),
            check: "observability collector",
            says: "do not take out the same",
        },
        Planted {
            name: "an exporter that nothing uses",
            file: "gitops/infrastructure/observability/collector/sampler.yaml",
            edit: Edit::Replace("exporters: [otlp_grpc/tempo, ", "exporters: ["),
            check: "observability collector",
            says: "exporters/otlp_grpc/tempo is defined and not used",
        },
        Planted {
            name: "a port that the receiving Service has not",
            file: "gitops/infrastructure/observability/collector/sampler-service.yaml",
            edit: Edit::Replace("port: 4317", "port: 4319"),
            check: "observability collector",
            says: "collector-sampler has no port 4317",
        },
        Planted {
            name: "variables of the collector that Flux would empty",
            file: "gitops/infrastructure/observability/collector/kustomization.yaml",
            edit: Edit::Drop("substitute: disabled"),
            check: "observability substitution",
            says: "Flux replaces ${env:NODE_NAME} by nothing",
        },
        Planted {
            name: "an index template that names no pipeline of ours",
            file: "gitops/infrastructure/observability/elastic/template.json",
            edit: Edit::Replace(
                "\"index.default_pipeline\": \"quarterdeck-shop-logs\"",
                "\"index.default_pipeline\": \"quarterdeck-logs\"",
            ),
            check: "observability elastic",
            says: "index.default_pipeline is \"quarterdeck-logs\"",
        },
        Planted {
            name: "a pipeline that leaves the trace out",
            file: "gitops/infrastructure/observability/elastic/pipeline.json",
            edit: Edit::Drop("shop.trace_id"),
            check: "observability elastic",
            says: "does not read trace_id",
        },
        Planted {
            name: "a saved search of a field that is not mapped",
            file: "gitops/infrastructure/observability/elastic/searches.ndjson",
            edit: Edit::Replace("\"message\",\"error.message\"", "\"message\",\"error.text\""),
            check: "observability elastic",
            says: "shows error.text",
        },
    ]
}
