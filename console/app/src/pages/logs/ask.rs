//! What the Logs page was asked for.

use super::selector::Filter;
use crate::request::PageRequest;

/// Every line: each service sends its name as a stream label.
pub const ALL_LINES: &str = r#"{service_name=~".+"}"#;
/// Lines of one page that can be chosen.
pub const LIMITS: [usize; 4] = [50, 100, 300, 1000];
const DEFAULT_LIMIT: usize = 100;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogsAsk {
    pub query: String,
    pub limit: usize,
    /// Only lines older than this (exclusive), for paging.
    pub before_ns: Option<i64>,
    pub is_live: bool,
}

impl LogsAsk {
    pub fn of(request: &PageRequest) -> Self {
        let limit = request.param("limit").and_then(|l| l.parse().ok()).filter(|l| LIMITS.contains(l));
        Self {
            query: request.param("q").or_else(|| request.param("query")).unwrap_or(ALL_LINES).to_owned(),
            limit: limit.unwrap_or(DEFAULT_LIMIT),
            before_ns: request.param("before").and_then(|t| t.parse().ok()),
            is_live: request.param("live") == Some("1"),
        }
    }

    /// Selects lines, not numbers: a log expression begins with its selector.
    pub fn is_log_query(&self) -> bool {
        let mut rest = self.query.trim_start();
        while let Some(comment) = rest.strip_prefix('#') {
            rest = comment.split_once('\n').map_or("", |(_, next)| next).trim_start();
        }
        rest.starts_with('{')
    }

    /// The query as it goes into links; empty for the default.
    pub fn written(&self) -> &str {
        if self.query == ALL_LINES { "" } else { &self.query }
    }

    /// The limit as it goes into links; empty for the default.
    pub fn limit_text(&self) -> String {
        if self.limit == DEFAULT_LIMIT { String::new() } else { self.limit.to_string() }
    }

    /// Where a press on a filter button leads: the same page with the query that has the filter.
    pub fn filtered(&self, request: &PageRequest) -> Option<String> {
        let filter = Filter::from_param(request.param("add")?)?;
        let query = filter.add_to(&self.query);
        let live = if self.is_live { "1" } else { "" };
        Some(request.link("/logs", &[("q", &query), ("limit", &self.limit_text()), ("live", live)]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(query: &str) -> LogsAsk {
        LogsAsk { query: query.to_owned(), limit: DEFAULT_LIMIT, before_ns: None, is_live: false }
    }

    #[test]
    fn log_and_metric_queries_are_told_apart() {
        assert!(ask("# all\n  {a=\"b\"} |= \"x\"").is_log_query());
        assert!(!ask("sum(rate({a=\"b\"}[1m]))").is_log_query());
        assert!(!ask("# only a comment").is_log_query());
    }

    #[test]
    fn defaults_stay_out_of_links() {
        assert_eq!((ask(ALL_LINES).written(), ask("{}").written()), ("", "{}"));
        assert_eq!(ask("").limit_text(), "");
    }
}
