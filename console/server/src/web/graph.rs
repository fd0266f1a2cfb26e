//! Prometheus' own page, whose address stands in its alerts (`generatorURL`): the same expression in the metrics explorer.

use axum::{extract::RawQuery, response::Redirect};
use url::form_urlencoded;

/// To the expression that Prometheus' address asks for; to the empty explorer where it has none.
pub async fn to_explorer(RawQuery(query): RawQuery) -> Redirect {
    Redirect::to(&explorer(query.as_deref().unwrap_or_default()))
}

fn explorer(query: &str) -> String {
    let asked = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "g0.expr");
    match asked {
        Some((_, expr)) if !expr.is_empty() => {
            let pair = form_urlencoded::Serializer::new(String::new()).append_pair("q", &expr).finish();
            format!("/metrics-explorer?{pair}")
        }
        _ => "/metrics-explorer".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_expression_is_asked_for_and_stays_one_parameter() {
        let source = "g0.expr=sum%28rate%28up%5B1m%5D%29%29+%3E+0+and+a%3D%22b%26c%22&g0.tab=1&g1.expr=up";
        assert_eq!(
            explorer(source),
            "/metrics-explorer?q=sum%28rate%28up%5B1m%5D%29%29+%3E+0+and+a%3D%22b%26c%22"
        );
        assert_eq!(explorer("g0.expr=%0d%0aLocation%3A+x"), "/metrics-explorer?q=%0D%0ALocation%3A+x");
    }

    #[test]
    fn without_an_expression_the_explorer_is_empty() {
        for query in ["", "g0.tab=1", "g0.expr="] {
            assert_eq!(explorer(query), "/metrics-explorer", "{query}");
        }
    }
}
