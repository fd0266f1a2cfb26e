//! What an alert costs: orders since its onset against the hour before.

use console_model::alert::Alert;
use console_ui::{Card, Stat, Tone};
use leptos::prelude::*;

use crate::{
    backends::Backends,
    pages::sample::{instant, single},
    view::format,
};

/// Orders a minute before and since.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    pub before_per_min: Option<f64>,
    pub since_per_min: Option<f64>,
    pub minutes: f64,
}

impl Cost {
    /// Orders that would have been placed; none when either side is unknown.
    pub fn missing(&self) -> Option<f64> {
        let (before, since) = (self.before_per_min?, self.since_per_min?);
        Some(((before - since) * self.minutes).max(0.0).round())
    }
}

/// Asks for both sides. An alert of the last seconds has no "since" yet.
pub async fn cost(backends: &Backends, alert: &Alert, now_ms: i64) -> Cost {
    let end_ms = alert.resolved_at_ms.unwrap_or(now_ms);
    let seconds = ((end_ms - alert.active_at_ms) / 1000).clamp(10, 6 * 3600);
    let since = format!("sum(rate(shop_orders_placed_total[{seconds}s])) * 60");
    let (before, since) = futures::join!(
        instant(backends, "sum(rate(shop_orders_placed_total[1h])) * 60", alert.active_at_ms),
        instant(backends, &since, end_ms),
    );
    Cost { before_per_min: single(&before), since_per_min: single(&since), minutes: seconds as f64 / 60.0 }
}

#[component]
pub fn CostCard(cost: Cost) -> impl IntoView {
    let rate =
        |v: Option<f64>| v.map_or_else(|| "no data".to_owned(), |v| format!("{} /min", format::number(v)));
    let (missing, note, tone) = match cost.missing() {
        None => ("–".to_owned(), "orders are not reported", Tone::Neutral),
        Some(0.0) => ("none".to_owned(), "as many as in the hour before", Tone::Neutral),
        Some(n) => (format!("about {}", format::number(n)), "against the hour before the onset", Tone::Bad),
    };
    view! {
        <Card title="What it costs">
            <div class="stats">
                <Stat label="Orders missing" value=missing note tone/>
                <Stat label="Orders since the onset" value=rate(cost.since_per_min)/>
                <Stat label="Orders in the hour before" value=rate(cost.before_per_min)/>
            </div>
        </Card>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_orders_are_never_negative_and_never_invented() {
        let cost =
            |before, since| Cost { before_per_min: before, since_per_min: since, minutes: 5.0 }.missing();
        assert_eq!(cost(Some(12.0), Some(4.0)), Some(40.0));
        assert_eq!(cost(Some(4.0), Some(12.0)), Some(0.0));
        assert_eq!(cost(None, Some(12.0)), None);
    }
}
