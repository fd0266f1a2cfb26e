use console_model::{
    Labels,
    metric::{QueryValue, Sample, Series},
};

use crate::fakes::{Fakes, NOW_MS, answer, away};

fn rates() -> QueryValue {
    let series = |job: &str, v: f64| Series {
        labels: Labels::from_pairs([("job", job)]),
        samples: vec![Sample { t_ms: NOW_MS - 10_000, v }],
    };
    QueryValue::Matrix(vec![series("orders", 2.0), series("payments", f64::NAN)])
}

#[tokio::test]
async fn a_live_chart_asks_for_its_next_picture() {
    let fakes = Fakes { metrics: Box::new(|_| Ok(answer(rates()))), ..Fakes::default() };
    let got = fakes.call("/api/ui/chart?expr=up&by=job&unit=PerSecond&length_ms=60000&step_ms=10000").await;
    assert_eq!(got.status, 200, "{}", got.body);
    let chart: console_app::view::chart::ChartData = serde_json::from_str(&got.body).unwrap();
    assert_eq!((chart.start_ms, chart.end_ms), (NOW_MS - 60_000, NOW_MS));
    assert_eq!(chart.lines[0].label, "orders");
    assert_eq!(chart.lines[0].values, [None, None, None, None, None, Some(2.0), None]);
    assert!(chart.lines[1].values.iter().all(Option::is_none));
}

#[tokio::test]
async fn a_chart_cannot_ask_for_more_than_a_page_may() {
    for query in [
        "expr=up&by=&unit=Number&length_ms=60000&step_ms=1",
        "expr=up&by=&unit=Number&length_ms=0&step_ms=5000",
        "expr=up&by=&unit=Number&length_ms=99999999999&step_ms=5000",
        "expr=up&by=&unit=Parsecs&length_ms=60000&step_ms=5000",
        "by=&unit=Number&length_ms=60000&step_ms=5000",
    ] {
        let fakes = Fakes::default();
        let heard = fakes.heard.clone();
        let got = fakes.call(&format!("/api/ui/chart?{query}")).await;
        assert!(got.status.is_client_error() || got.status.is_server_error(), "{query}: {}", got.status);
        assert!(heard.lock().unwrap().is_empty(), "{query}");
    }
    let fakes = Fakes { metrics: Box::new(|_| Err(away("metrics"))), ..Fakes::default() };
    let got = fakes.call("/api/ui/chart?expr=up&by=&unit=Number&length_ms=60000&step_ms=5000").await;
    assert!(got.status.is_server_error());
}
