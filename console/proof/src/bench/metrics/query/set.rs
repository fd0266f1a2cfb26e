//! The queries: what dashboards, alerts and people ask of the generated load.

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// At the end of the load.
    Instant(&'static str),
    /// Over the last minutes of the load, with a step in seconds.
    Range { expr: &'static str, minutes: i64, step_seconds: i64 },
    /// Another endpoint with `match[]`, over the last hour.
    Path { path: &'static str, matches: &'static str },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query {
    pub name: &'static str,
    pub shape: Shape,
}

const fn instant(name: &'static str, expr: &'static str) -> Query {
    Query { name, shape: Shape::Instant(expr) }
}

const fn range(name: &'static str, minutes: i64, step_seconds: i64, expr: &'static str) -> Query {
    Query { name, shape: Shape::Range { expr, minutes, step_seconds } }
}

const fn path(name: &'static str, path: &'static str, matches: &'static str) -> Query {
    Query { name, shape: Shape::Path { path, matches } }
}

/// In the order of the table.
pub const SET: [Query; 24] = [
    instant("up", "up"),
    instant("sum by, high cardinality", "sum by (pod, route) (http_requests_total)"),
    instant("sum by of rate", "sum by (pod) (rate(http_requests_total[5m]))"),
    instant("topk of rate", "topk(10, rate(http_requests_total[5m]))"),
    instant(
        "histogram_quantile",
        "histogram_quantile(0.99, sum by (le, job) (rate(http_request_duration_seconds_bucket[5m])))",
    ),
    instant("max_over_time 1h", "max_over_time(queue_depth[1h])"),
    instant("subquery", "max_over_time(sum by (job) (rate(http_requests_total[5m]))[1h:1m])"),
    instant("count by name", "count by (__name__) ({job=\"checkout\"})"),
    instant("quantile", "quantile by (job) (0.9, container_memory_working_set_bytes)"),
    instant("absent", "absent(http_requests_total{job=\"nobody\"})"),
    instant(
        "join group_left",
        "container_memory_working_set_bytes * on (pod) group_left (node) kube_pod_info",
    ),
    range("1h raw, one job", 60, 15, "http_requests_total{job=\"cart\",status=\"200\"}"),
    range("1h rate, one pod", 60, 15, "rate(http_requests_total{instance=\"10.0.0.7:9100\"}[5m])"),
    range("1h sum by job of rate", 60, 15, "sum by (job) (rate(http_requests_total[5m]))"),
    range("3h sum by route of rate", 180, 60, "sum by (route, status) (rate(http_requests_total[5m]))"),
    range(
        "1h histogram_quantile",
        60,
        30,
        "histogram_quantile(0.95, sum by (le, route) (rate(http_request_duration_seconds_bucket[5m])))",
    ),
    range("1h topk of sum", 60, 60, "topk(5, sum by (pod) (rate(http_requests_total[5m])))"),
    range(
        "1h regex matchers",
        60,
        30,
        "sum(rate(http_requests_total{route=~\"/api/v1/(items|search).*\",status=~\"4..|5..\"}[5m]))",
    ),
    range(
        "1h error ratio, on()",
        60,
        30,
        "sum by (job) (rate(http_requests_total{status=~\"5..\"}[5m])) / on (job) sum by (job) (rate(http_requests_total[5m]))",
    ),
    range("1h avg of gauges", 60, 15, "avg by (zone) (cpu_utilisation_ratio)"),
    range("1h avg_over_time", 60, 60, "avg_over_time(cpu_utilisation_ratio{job=\"search\"}[10m])"),
    path("label values", "/api/v1/label/pod/values", ""),
    path("label values, matched", "/api/v1/label/route/values", "http_requests_total{job=\"orders\"}"),
    path("series", "/api/v1/series", "db_pool_connections"),
];
