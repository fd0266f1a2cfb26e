//! A query written out again: on one line, over several lines, and as a tree for programs. As Prometheus does it
//! (promql/parser/printer.go, promql/parser/prettier.go, web/api/v1/translate_ast.go).
//!
//! What holds: what is written parses to the same query. Comments are lost.

mod line;
mod literal;
mod pretty;
mod tree;

use crate::ast::Expr;

/// Longest line of a pretty-printed query before it is divided, bytes.
const WIDTH: usize = 100;

/// On one line. `text` is what `expr` was parsed from.
pub fn one_line(expr: &Expr, text: &str) -> String {
    line::Line { text }.of(expr)
}

/// Divided and indented where a line would be long. `text` is what `expr` was parsed from.
pub fn pretty(expr: &Expr, text: &str) -> String {
    pretty::Pretty::new(text, WIDTH).of(expr)
}

/// As an object with `type` and parts.
pub fn tree(expr: &Expr) -> serde_json::Value {
    tree::of(expr)
}
