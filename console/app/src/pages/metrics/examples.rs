//! Questions that this platform can answer, for an empty page.

use console_ui::Card;
use leptos::prelude::*;

use crate::request::PageRequest;

/// What it tells, and the query.
const EXAMPLES: [(&str, &str); 9] = [
    ("Requests per second by service", "sum by (job) (rate(http_server_request_duration_seconds_count[1m]))"),
    (
        "Share of failed requests",
        "sum by (job) (rate(http_server_request_duration_seconds_count{http_response_status_code=~\"5..\"}[1m])) \
         / sum by (job) (rate(http_server_request_duration_seconds_count[1m]))",
    ),
    (
        "95th percentile of latency",
        "histogram_quantile(0.95, sum by (job, le) (rate(http_server_request_duration_seconds_bucket[1m])))",
    ),
    ("Orders placed per minute", "60 * sum(rate(shop_orders_placed_total[1m]))"),
    ("Payments by outcome", "sum by (outcome) (rate(shop_payment_authorisations_total[1m]))"),
    ("What shoppers are told at the checkout", "sum by (outcome) (rate(shop_checkouts_total[1m]))"),
    (
        "Slowest database operations",
        "topk(5, histogram_quantile(0.95, sum by (job, db_operation_name, le) \
         (rate(db_client_operation_duration_seconds_bucket[1m]))))",
    ),
    ("Injected faults that are on", "max by (job, fault) (shop_fault_active) > 0"),
    ("Which instances answer", "up"),
];

#[component]
pub fn Examples(request: PageRequest) -> impl IntoView {
    let item = move |(words, query): &(&'static str, &'static str)| {
        view! {
            <li>
                <a href=request.link("/metrics-explorer", &[("q", query)])>
                    <b>{*words}</b>
                    <code class="mono">{*query}</code>
                </a>
            </li>
        }
    };
    view! {
        <Card title="Try one of these" class="flush">
            <ul class="examples">{EXAMPLES.iter().map(item).collect_view()}</ul>
        </Card>
    }
}
