//! What a query reads.

use crate::ast::{Expr, ExprKind, Selector};

/// The selectors of an expression, from left to right. A literal or an arithmetic of literals has none.
pub fn selectors(expr: &Expr) -> Vec<&Selector> {
    let mut found = Vec::new();
    let mut open = vec![expr];
    while let Some(expr) = open.pop() {
        match &expr.kind {
            ExprKind::Selector(selector) | ExprKind::Range { selector, .. } => found.push(selector),
            _ => open.extend(expr.children().into_iter().rev()),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ParseOptions, parse};

    #[test]
    fn selectors_come_from_left_to_right() {
        let names = |text: &str| {
            let expr = parse(text, ParseOptions::default()).unwrap();
            selectors(&expr).iter().filter_map(|s| s.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(names("a + sum(rate(b[5m])) / max_over_time(c[1h:1m])"), ["a", "b", "c"]);
        assert!(names("1 + vector(2)").is_empty());
    }
}
