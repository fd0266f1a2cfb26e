//! Which alerts and rules the page shows: severity and service, from the URL.

use console_model::alert::{Alert, RuleStatus};

use crate::request::PageRequest;

/// None: all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub severity: Option<String>,
    pub service: Option<String>,
}

impl Filter {
    pub fn of(request: &PageRequest) -> Self {
        let get = |name: &str| request.param(name).map(str::to_owned);
        Self { severity: get("severity"), service: get("service") }
    }

    pub fn is_empty(&self) -> bool {
        self.severity.is_none() && self.service.is_none()
    }

    pub fn keeps(&self, alert: &Alert) -> bool {
        self.severity.as_deref().is_none_or(|s| s == alert.severity())
            && self.service.as_deref().is_none_or(|s| alert.service() == Some(s))
    }

    /// A rule whose service is a template can be about any.
    pub fn keeps_rule(&self, rule: &RuleStatus) -> bool {
        let severity = rule.labels.get("severity").unwrap_or("none");
        let service = rule.labels.get("service").unwrap_or_default();
        self.severity.as_deref().is_none_or(|s| s == severity)
            && self.service.as_deref().is_none_or(|s| s == service || service.contains("{{"))
    }

    /// The page with one part of the filter replaced.
    pub fn link(&self, request: &PageRequest, severity: Option<&str>, service: Option<&str>) -> String {
        request.link(
            "/alerts",
            &[("severity", severity.unwrap_or_default()), ("service", service.unwrap_or_default())],
        )
    }
}

#[cfg(test)]
mod tests {
    use console_model::alert::AlertState;

    use super::*;
    use crate::pages::testing::{alert, rule};

    #[test]
    fn rules_with_a_templated_service_stay() {
        let filter = Filter { severity: Some("critical".into()), service: Some("orders".into()) };
        assert!(filter.keeps_rule(&rule("A", 0)));
        assert!(!filter.keeps(&alert("A", AlertState::Firing)));
        let other = Filter { severity: Some("warning".into()), service: None };
        assert!(!other.keeps_rule(&rule("A", 0)));
        assert!(Filter::default().keeps(&alert("A", AlertState::Firing)));
    }
}
