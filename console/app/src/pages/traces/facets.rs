//! Simple questions about traces, written as TraceQL.

use console_model::names::GoQuoted;

use crate::request::PageRequest;

/// Every trace.
pub const ALL_TRACES: &str = "{}";

/// The fields beside the query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facets {
    pub service: Option<String>,
    pub errors_only: bool,
    /// As written: `250ms`.
    pub min_duration: Option<String>,
}

impl Facets {
    pub fn of(request: &PageRequest) -> Self {
        Self {
            service: request.param("service").map(ToOwned::to_owned),
            errors_only: request.param("errors") == Some("1"),
            min_duration: request.param("min").map(ToOwned::to_owned),
        }
    }

    /// What is wrong with a field.
    pub fn problem(&self) -> Option<String> {
        let wrong = self.min_duration.as_deref().filter(|min| !is_duration(min))?;
        let shown: String = wrong.chars().take(40).collect();
        Some(format!("The least duration must be like 250ms or 1.5s; got {shown:?}."))
    }

    /// The query that these fields mean. A wrong field is left out: [`Self::problem`] tells it.
    pub fn traceql(&self) -> String {
        let mut conditions = Vec::new();
        if let Some(service) = &self.service {
            conditions.push(format!("resource.service.name = {}", GoQuoted(service)));
        }
        if self.errors_only {
            conditions.push("status = error".to_owned());
        }
        if let Some(min) = self.min_duration.as_deref().filter(|min| is_duration(min)) {
            conditions.push(format!("duration >= {}", min.replace(' ', "")));
        }
        if conditions.is_empty() {
            ALL_TRACES.to_owned()
        } else {
            format!("{{ {} }}", conditions.join(" && "))
        }
    }
}

/// A number with one of TraceQL's units.
fn is_duration(text: &str) -> bool {
    let text = text.replace(' ', "");
    let digits = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    number.starts_with(|c: char| c.is_ascii_digit())
        && !number.ends_with('.')
        && number.parse::<f64>().is_ok_and(f64::is_finite)
        && matches!(unit, "ns" | "us" | "µs" | "ms" | "s" | "m" | "h")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facets(service: &str, errors_only: bool, min: &str) -> Facets {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Facets { service: some(service), errors_only, min_duration: some(min) }
    }

    #[test]
    fn fields_become_one_spanset() {
        assert_eq!(facets("", false, "").traceql(), "{}");
        assert_eq!(
            facets("orders", true, "1.5 s").traceql(),
            r#"{ resource.service.name = "orders" && status = error && duration >= 1.5s }"#
        );
    }

    #[test]
    fn text_cannot_leave_its_quotes() {
        let query = facets(r#"a" || true || "\"#, false, "").traceql();
        assert_eq!(query, r#"{ resource.service.name = "a\" || true || \"\\" }"#);
        assert_balanced(&query);
    }

    /// Quotes are balanced: outside of them only what was composed is left.
    fn assert_balanced(query: &str) {
        let (mut outside, mut inside, mut escaped) = (String::new(), false, false);
        for c in query.chars() {
            match (inside, escaped, c) {
                (true, true, _) => escaped = false,
                (true, false, '\\') => escaped = true,
                (_, false, '"') => inside = !inside,
                (false, _, c) => outside.push(c),
                _ => {}
            }
        }
        assert_eq!((outside.as_str(), inside), ("{ resource.service.name =  }", false));
    }

    #[test]
    fn a_wrong_duration_is_told_and_left_out() {
        for wrong in ["fast", "10", "1.s", ".5s", "1.2.3s", "-1s", "5s || true", "1d"] {
            let facets = facets("", false, wrong);
            assert!(facets.problem().is_some(), "{wrong}");
            assert_eq!(facets.traceql(), "{}");
        }
        for right in ["250ms", "1.5s", "10 µs", "2m"] {
            assert_eq!(facets("", false, right).problem(), None, "{right}");
        }
    }
}
