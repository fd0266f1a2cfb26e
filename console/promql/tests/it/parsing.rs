//! The parser from outside: what it accepts, how it refuses, and that no input breaks it.

use console_promql::{
    ParseOptions,
    ast::{BinaryOp, ExprKind, ValueType},
    parse, parse_selector,
};
use proptest::prelude::*;

fn stable(text: &str) -> Result<console_promql::ast::Expr, console_promql::ParseError> {
    parse(text, ParseOptions::default())
}

#[test]
fn every_alert_rule_of_the_platform_parses() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../alerting/rules");
    let mut expressions = 0;
    for entry in std::fs::read_dir(folder).expect("rules are in the repository") {
        let path = entry.expect("readable").path();
        if path.extension().is_none_or(|e| e != "yml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("readable");
        for line in text.lines() {
            let Some(expr) = line.trim().trim_start_matches("- ").strip_prefix("expr:") else { continue };
            let expr = expr.trim().trim_matches('\'');
            if matches!(expr, "|" | ">" | ">-" | "|-") {
                continue;
            }
            stable(expr).unwrap_or_else(|e| panic!("{}: {expr}: {e}", path.display()));
            expressions += 1;
        }
    }
    assert!(expressions > 0, "no expression was found");
}

#[test]
fn power_groups_to_the_right_and_others_to_the_left() {
    let ExprKind::Binary(b) = stable("a ^ b ^ c").unwrap().kind else { panic!("not a binary") };
    assert!(matches!(b.right.kind, ExprKind::Binary(_)));
    let ExprKind::Binary(b) = stable("a - b - c").unwrap().kind else { panic!("not a binary") };
    assert!(matches!(b.left.kind, ExprKind::Binary(_)));
    let ExprKind::Binary(b) = stable("a + b * c").unwrap().kind else { panic!("not a binary") };
    assert_eq!(b.op, BinaryOp::Add);
}

#[test]
fn types_are_those_of_the_language() {
    for (text, wanted) in [
        ("1", ValueType::Scalar),
        ("1 + 2", ValueType::Scalar),
        ("up", ValueType::Vector),
        ("up[5m]", ValueType::Matrix),
        ("rate(up[5m])[1h:1m]", ValueType::Matrix),
        ("sum by (job) (rate(up[5m] offset 1h @ end()))", ValueType::Vector),
        (r#""text""#, ValueType::String),
        ("histogram_quantile(0.9, sum by (le) (rate(x_bucket[5m])))", ValueType::Vector),
        ("a * on (job) group_left (version) b", ValueType::Vector),
    ] {
        assert_eq!(stable(text).unwrap_or_else(|e| panic!("{text}: {e}")).value_type(), wanted, "{text}");
    }
}

#[test]
fn wrong_queries_are_refused_with_a_place() {
    for text in [
        "",
        "sum(",
        "rate(up)",
        "up[5m",
        "{}",
        "1 and up",
        "up offset",
        "nothing_known(up)",
        "up{a=b}",
        "sum()",
        "up[0s]",
        "a + on (job) group_left b and c)",
        "rate(up[5m]) @ foo",
    ] {
        let error = stable(text).expect_err(text);
        assert!(!error.message.is_empty());
        assert!(error.place.contains(':') || error.place.ends_with(" position"), "{text}: {error}");
    }
    let error = stable("sum(up) +\n rate(up)").expect_err("a vector is no range");
    assert!(error.to_string().starts_with("2:"), "{error}");
}

#[test]
fn experimental_functions_need_to_be_enabled() {
    assert!(stable("mad_over_time(up[5m])").is_err());
    assert!(parse("mad_over_time(up[5m])", ParseOptions { experimental: true }).is_ok());
}

#[test]
fn a_deep_query_is_refused_instead_of_exhausting_the_stack() {
    let text = format!("{}1{}", "(".repeat(100_000), ")".repeat(100_000));
    assert!(stable(&text).expect_err("too deep").message.contains("nested deeper"));
    let text = "-".repeat(100_000) + "up";
    assert!(stable(&text).is_err());
}

#[test]
fn a_selector_with_modifiers_is_no_match_parameter() {
    assert_eq!(parse_selector(r#"up{job="x"}"#).unwrap().len(), 2);
    assert!(parse_selector("up offset 5m").is_err());
    assert!(parse_selector("sum(up)").is_err());
}

proptest! {
    #[test]
    fn any_text_is_answered_without_a_panic(text in "\\PC{0,80}") {
        let _ = stable(&text);
    }

    #[test]
    fn any_mix_of_tokens_is_answered_without_a_panic(
        tokens in proptest::collection::vec(
            prop_oneof![
                Just("sum"), Just("by"), Just("("), Just(")"), Just("up"), Just("{"), Just("}"), Just("[5m]"),
                Just("[5m:]"), Just("offset"), Just("-1h"), Just("@"), Just("1"), Just("+"), Just("on"),
                Just("group_left"), Just(","), Just("a=\"b\""), Just("rate"), Just("and"), Just("bool"), Just("#x"),
            ],
            0..20,
        )
    ) {
        let _ = stable(&tokens.join(" "));
    }
}
