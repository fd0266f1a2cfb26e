//! Types: what each part must be for the whole to mean something.

use console_model::labels::METRIC_NAME;

use super::{ParseError, Parser};
use crate::{
    ast::{Binary, Cardinality, Expr, ExprKind, Selector, ValueType},
    function::Function,
    gofmt::Quoted,
    position::Span,
    regexp::fits_nothing,
};

impl Parser<'_> {
    /// Checks an expression and all below it, in the order of Prometheus' `checkAST`.
    pub(super) fn check(&self, expr: &Expr) -> Result<(), ParseError> {
        match &expr.kind {
            ExprKind::Number(_) | ExprKind::String(_) => Ok(()),
            ExprKind::Paren(inner) => self.check(inner),
            ExprKind::Selector(s) | ExprKind::Range { selector: s, .. } => self.check_selector(s, expr.span),
            ExprKind::Aggregate(a) => {
                self.check_type(&a.expr, ValueType::Vector, "aggregation expression")?;
                match (&a.parameter, a.op.parameter()) {
                    (Some(p), Some(wanted)) => self.check_type(p, wanted, "aggregation parameter"),
                    _ => Ok(()),
                }
            }
            ExprKind::Binary(b) => self.check_binary(b, expr.span),
            ExprKind::Call { function, args } => self.check_call(*function, args, expr.span),
            ExprKind::Negate(inner) | ExprKind::Plus(inner) => {
                self.check(inner)?;
                match inner.value_type() {
                    ValueType::Scalar | ValueType::Vector => Ok(()),
                    other => self.fail(
                        expr.span,
                        format!(
                            "unary expression only allowed on expressions of type scalar or instant vector, got {:?}",
                            other.name()
                        ),
                    ),
                }
            }
            ExprKind::Subquery(s) => {
                self.check(&s.expr)?;
                match s.expr.value_type() {
                    ValueType::Vector => Ok(()),
                    other => self.fail(
                        expr.span,
                        format!("subquery is only allowed on instant vector, got {} instead", short(other)),
                    ),
                }
            }
        }
    }

    fn check_selector(&self, s: &Selector, span: Span) -> Result<(), ParseError> {
        match &s.name {
            Some(name) => {
                let mut before = s.matchers.iter().take(s.matchers.len().saturating_sub(1));
                match before.find(|m| m.name == METRIC_NAME) {
                    Some(m) => {
                        let (name, other) = (Quoted(name), Quoted(&m.value));
                        let message = format!("metric name must not be set twice: {name} or {other}");
                        self.fail(span, message)
                    }
                    None => Ok(()),
                }
            }
            None if s.matchers.iter().all(fits_nothing) => {
                self.fail(span, "vector selector must contain at least one non-empty matcher")
            }
            None => Ok(()),
        }
    }

    /// The second argument of `info` is no vector but a set of matchers, which may match everything.
    fn check_info(&self, second: &Expr, span: Span) -> Result<(), ParseError> {
        let got = second.value_type();
        if got != ValueType::Vector {
            let wanted = ValueType::Vector.name();
            let message = format!("expected type {wanted} in call to function \"info\", got {}", got.name());
            return self.fail(span, message);
        }
        match &second.kind {
            ExprKind::Selector(Selector { name: None, .. }) => Ok(()),
            ExprKind::Selector(_) => {
                self.fail(second.span, "expected label selectors only, got vector selector instead")
            }
            _ => self.fail(second.span, "expected label selectors only"),
        }
    }

    fn check_type(&self, expr: &Expr, wanted: ValueType, context: &str) -> Result<(), ParseError> {
        self.check(expr)?;
        self.has_type(expr, wanted, context)
    }

    fn has_type(&self, expr: &Expr, wanted: ValueType, context: &str) -> Result<(), ParseError> {
        let got = expr.value_type();
        if got == wanted {
            return Ok(());
        }
        self.fail(expr.span, format!("expected type {} in {context}, got {}", wanted.name(), got.name()))
    }

    fn check_call(&self, function: Function, args: &[Expr], span: Span) -> Result<(), ParseError> {
        let (signature, name) = (function.signature(), function.name());
        let declared = signature.args.len();
        let (least, most) = match signature.variadic {
            0 => (declared, Some(declared)),
            v => (declared - 1, usize::try_from(v).ok().map(|v| declared - 1 + v)),
        };
        let got = args.len();
        if signature.variadic == 0 && got != declared {
            return self
                .fail(span, format!("expected {declared} argument(s) in call to {name:?}, got {got}"));
        }
        if got < least {
            let message = format!("expected at least {least} argument(s) in call to {name:?}, got {got}");
            return self.fail(span, message);
        }
        if let Some(most) = most.filter(|most| got > *most) {
            let message = format!("expected at most {most} argument(s) in call to {name:?}, got {got}");
            return self.fail(span, message);
        }
        let matchers = args.get(1).filter(|_| function == Function::Info);
        if let Some(second) = matchers {
            self.check_info(second, span)?;
        }
        let context = format!("call to function {name:?}");
        for (i, arg) in args.iter().enumerate() {
            let wanted = signature.args[i.min(declared - 1)];
            if matchers.is_some() && i == 1 {
                self.has_type(arg, wanted, &context)?;
            } else {
                self.check_type(arg, wanted, &context)?;
            }
        }
        Ok(())
    }

    fn check_binary(&self, b: &Binary, span: Span) -> Result<(), ParseError> {
        self.check(&b.left)?;
        self.check(&b.right)?;
        let between = &self.text[b.left.span.end..];
        let op_start = self.text.len() - between.trim_start_matches([' ', '\t', '\n', '\r']).len();
        let op_span = Span::new(op_start, op_start);
        let (left, right) = (b.left.value_type(), b.right.value_type());
        if b.return_bool && !b.op.is_comparison() {
            return self.fail(op_span, "bool modifier can only be used on comparison operators");
        }
        let scalars = left == ValueType::Scalar && right == ValueType::Scalar;
        if b.op.is_comparison() && !b.return_bool && scalars {
            return self.fail(op_span, "comparisons between scalars must use BOOL modifier");
        }
        let m = &b.matching;
        if let Some(both) = m.labels.iter().find(|l| m.on && m.include.contains(l)) {
            let both = Quoted(both);
            let message = format!("label {both} must not occur in ON and GROUP clause at once");
            return self.fail(op_span, message);
        }
        for (side, got) in [(&b.left, left), (&b.right, right)] {
            if !matches!(got, ValueType::Scalar | ValueType::Vector) {
                return self
                    .fail(side.span, "binary expression must contain only scalar and instant vector types");
            }
        }
        let has_fill = m.fill_left.is_some() || m.fill_right.is_some();
        if left == ValueType::Vector && right == ValueType::Vector {
            if b.op.is_set() && matches!(m.cardinality, Cardinality::OneToMany | Cardinality::ManyToOne) {
                return self.fail(span, format!("no grouping allowed for {:?} operation", b.op.symbol()));
            }
            if b.op.is_set() && has_fill {
                return self.fail(span, "filling in missing series not allowed for set operators");
            }
            return Ok(());
        }
        if !m.labels.is_empty() {
            return self.fail(span, "vector matching only allowed between instant vectors");
        }
        if has_fill {
            return self.fail(span, "filling in missing series only allowed between instant vectors");
        }
        if b.op.is_set() {
            let message = format!("set operator {:?} not allowed in binary scalar expression", b.op.symbol());
            return self.fail(span, message);
        }
        Ok(())
    }
}

fn short(t: ValueType) -> &'static str {
    match t {
        ValueType::Scalar => "scalar",
        ValueType::Vector => "vector",
        ValueType::Matrix => "matrix",
        ValueType::String => "string",
    }
}
