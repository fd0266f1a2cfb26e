//! The money line: orders now against the hour before, and payments that fail.

use console_ui::{Card, ErrorPanel, Sparkline, Stat, Tone};
use leptos::prelude::*;

use crate::{
    pages::sample::{self, Asked},
    request::PageRequest,
    view::format,
};

/// A change of orders that is worth a colour.
const MARKED_DROP: f64 = 0.25;
const MARKED_FAILURES: f64 = 0.1;
/// Fewer orders a minute than this make percentages meaningless.
const FEW_PER_MINUTE: f64 = 0.5;

/// The queries: PromQL and what it asks.
pub const ORDERS_NOW: &str = "sum(rate(shop_orders_placed_total[5m])) * 60";
pub const ORDERS_HOUR_BEFORE: &str = "sum(rate(shop_orders_placed_total[1h] offset 5m)) * 60";
pub const REVENUE_NOW: &str = "sum by (currency) (rate(shop_order_value_minor_total[5m])) * 60 / 100";
pub const PAYMENTS_FAILED: &str =
    r#"sum(increase(shop_payment_authorisations_total{outcome=~"declined|error"}[15m]))"#;
pub const PAYMENTS_ALL: &str = "sum(increase(shop_payment_authorisations_total[15m]))";

/// The answers.
pub struct MoneySignals {
    pub orders_now: Asked,
    pub orders_before: Asked,
    pub orders_line: Vec<Option<f64>>,
    pub revenue: Asked,
    pub failed: Asked,
    pub payments: Asked,
}

/// How orders compare with the hour before.
fn comparison(now: Option<f64>, before: Option<f64>) -> (String, Tone) {
    match (now, before) {
        (None, _) => ("no orders are reported".to_owned(), Tone::Neutral),
        (_, None) => ("nothing to compare with yet".to_owned(), Tone::Neutral),
        (Some(_), Some(before)) if before < FEW_PER_MINUTE => {
            (format!("{} /min in the hour before", format::number(before)), Tone::Neutral)
        }
        (Some(now), Some(before)) => {
            let change = (now - before) / before;
            let tone = if change < -MARKED_DROP { Tone::Bad } else { Tone::Neutral };
            let side = if change < 0.0 { "below" } else { "above" };
            let percent = (change.abs() * 100.0).round();
            (format!("{percent} % {side} the hour before ({}\u{a0}/min)", format::number(before)), tone)
        }
    }
}

/// Failed over all, in words, with the colour of the share.
fn failures(failed: Option<f64>, all: Option<f64>) -> (String, String, Tone) {
    let (Some(failed), Some(all)) = (failed, all) else {
        return ("–".to_owned(), "no payments are reported".to_owned(), Tone::Neutral);
    };
    if all < 0.5 {
        return ("–".to_owned(), "no payment in the last 15 minutes".to_owned(), Tone::Neutral);
    }
    let share = (failed / all).clamp(0.0, 1.0);
    let tone = if share > MARKED_FAILURES { Tone::Bad } else { Tone::Neutral };
    let words =
        format!("{} of {} in 15 minutes", format::number(failed.round()), format::number(all.round()));
    (format::percent(share), words, tone)
}

/// `512 EUR/min`, one for each currency.
fn revenue(asked: &Asked) -> String {
    let each = asked.as_ref().map(sample::values).unwrap_or_default();
    let words: Vec<String> = each
        .iter()
        .map(|(labels, v)| format!("{} {}", format::number(*v), labels.get("currency").unwrap_or_default()))
        .collect();
    if words.is_empty() { "–".to_owned() } else { format!("{} /min", words.join(" + ")) }
}

#[component]
pub fn MoneyLine(request: PageRequest, money: MoneySignals) -> impl IntoView {
    let now = sample::single(&money.orders_now);
    let (note, tone) = comparison(now, sample::single(&money.orders_before));
    let (share, failed, failed_tone) =
        failures(sample::single(&money.failed), sample::single(&money.payments));
    let orders = now.map_or_else(|| "–".to_owned(), |v| format!("{} /min", format::number(v)));
    let problems = sample::problems(&[&money.orders_now, &money.orders_before, &money.failed]);
    let asked = "sum(rate(shop_orders_placed_total[1m])) * 60";
    let line = (!money.orders_line.is_empty()).then(|| {
        view! {
            <div class="stat money-line">
                <div class="stat-label">"Orders a minute, over the time range"</div>
                <Sparkline values=money.orders_line label="Orders a minute over the time range" class="s3"/>
            </div>
        }
    });
    let actions =
        view! { <a href=request.link("/metrics-explorer", &[("q", asked)])>"Metrics"</a> }.into_any();
    view! {
        <Card title="Money" note="orders and payments" actions>
            {problems
                .into_iter()
                .map(|message| view! { <ErrorPanel title="Orders cannot be counted" message/> })
                .collect_view()}
            <div class="stats money">
                <Stat label="Orders placed" value=orders note tone/>
                <Stat label="Revenue" value=revenue(&money.revenue) note="over the last 5 minutes"/>
                <Stat label="Failed payments" value=share note=failed tone=failed_tone/>
                {line}
            </div>
        </Card>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_compared_honestly() {
        assert_eq!(
            comparison(Some(6.0), Some(12.0)),
            ("50 % below the hour before (12\u{a0}/min)".to_owned(), Tone::Bad)
        );
        assert_eq!(comparison(Some(13.0), Some(12.0)).1, Tone::Neutral);
        assert_eq!(comparison(None, Some(12.0)).0, "no orders are reported");
        assert_eq!(comparison(Some(12.0), None).0, "nothing to compare with yet");
        assert_eq!(comparison(Some(0.0), Some(0.1)).1, Tone::Neutral);
    }

    #[test]
    fn no_payments_are_no_failures_and_no_success() {
        assert_eq!(failures(Some(0.0), Some(0.0)).0, "–");
        assert_eq!(failures(None, Some(3.0)).2, Tone::Neutral);
        assert_eq!(
            failures(Some(30.2), Some(60.0)),
            ("50.3 %".to_owned(), "30 of 60 in 15 minutes".to_owned(), Tone::Bad)
        );
    }
}
