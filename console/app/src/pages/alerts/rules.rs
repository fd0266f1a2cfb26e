//! All rules with their health.

use console_model::alert::{AlertState, RuleStatus};
use console_ui::{Badge, Dot, TableScroll, Tone};
use leptos::prelude::*;

use crate::{
    pages::{
        moment::When,
        severity::{severity_tone, state_words},
    },
    request::PageRequest,
    view::format,
};

/// Broken rules first: a rule that cannot be evaluated watches nothing.
pub fn in_order(mut rules: Vec<RuleStatus>) -> Vec<RuleStatus> {
    let rank = |r: &RuleStatus| (r.last_error.is_none(), std::cmp::Reverse(r.state));
    rules.sort_by(|a, b| {
        rank(a).cmp(&rank(b)).then_with(|| a.group.cmp(&b.group)).then_with(|| a.name.cmp(&b.name))
    });
    rules
}

#[component]
pub fn Rules(rules: Vec<RuleStatus>, request: PageRequest) -> impl IntoView {
    let rows = in_order(rules).into_iter().map(|rule| row(rule, &request)).collect_view();
    view! {
        <TableScroll label="Rules">
            <table class="table rules">
                <thead>
                    <tr>
                        <th scope="col">"Rule"</th>
                        <th scope="col">"Health"</th>
                        <th scope="col">"Severity"</th>
                        <th scope="col" class="num">"For"</th>
                        <th scope="col">"Last evaluation"</th>
                        <th scope="col" class="num">"Took"</th>
                        <th scope="col">"Expression"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </TableScroll>
    }
}

fn row(rule: RuleStatus, request: &PageRequest) -> impl IntoView + use<> {
    let health = match (&rule.last_error, rule.state) {
        (Some(_), _) => view! { <Badge tone=Tone::Bad>"Cannot be evaluated"</Badge> }.into_any(),
        (None, _) if rule.is_recording => {
            view! { <span class="with-dot"><Dot tone=Tone::Ok/>"Recording"</span> }.into_any()
        }
        (None, AlertState::Inactive) => {
            view! { <span class="with-dot"><Dot tone=Tone::Ok/>"Watching"</span> }.into_any()
        }
        (None, state) => {
            let severity = rule.labels.get("severity").unwrap_or("none");
            let tone = if state == AlertState::Firing { severity_tone(severity) } else { Tone::Info };
            view! { <Badge tone>{state_words(state)}</Badge> }.into_any()
        }
    };
    let severity = rule.labels.get("severity").unwrap_or("–").to_owned();
    let expr: String = rule.expr.split_whitespace().collect::<Vec<_>>().join(" ");
    let title = expr.clone();
    let class = if rule.last_error.is_some() { "row-bad" } else { "" };
    let metrics = request.link("/metrics-explorer", &[("q", rule.expr.trim())]);
    let evaluated = if rule.last_evaluation_ms > 0 {
        view! { <When t_ms=rule.last_evaluation_ms now_ms=request.now_ms/> }.into_any()
    } else {
        view! { <span class="muted">"not yet"</span> }.into_any()
    };
    let held = if rule.for_ms > 0 {
        format::duration_ns(rule.for_ms.saturating_mul(1_000_000))
    } else {
        "–".to_owned()
    };
    view! {
        <tr class=class>
            <th scope="row">
                <span class="strong">{rule.name}</span>
                <span class="muted small block">{rule.group}</span>
            </th>
            <td>{health}{rule.last_error.map(|e| view! { <span class="error-message block">{e}</span> })}</td>
            <td>{severity}</td>
            <td class="num">{held}</td>
            <td>{evaluated}</td>
            <td class="num">{format::duration_ns(rule.evaluation_us as i64 * 1000)}</td>
            <td class="expr"><a class="mono clip" href=metrics title=title>{expr}</a></td>
        </tr>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::testing::rule;

    #[test]
    fn broken_rules_stand_first_then_firing_ones() {
        let mut broken = rule("Z", 0);
        broken.last_error = Some("no such function".into());
        let mut firing = rule("Y", 0);
        firing.state = AlertState::Firing;
        let names: Vec<String> =
            in_order(vec![rule("A", 0), firing, broken]).into_iter().map(|r| r.name).collect();
        assert_eq!(names, ["Z", "Y", "A"]);
    }
}
