//! Types: what each part must be for the whole to mean something.

use console_model::labels::METRIC_NAME;

use super::{ParseError, Parser};
use crate::{
    ast::{Binary, Expr, ExprKind, Selector, ValueType},
    function::Function,
    position::Span,
    regexp::fits_nothing,
};

impl Parser<'_> {
    /// Checks an expression and all below it.
    pub(super) fn check(&self, expr: &Expr) -> Result<(), ParseError> {
        if let ExprKind::Call { function: Function::Info, args } = &expr.kind {
            return self.check_info(args, expr.span);
        }
        for child in expr.children() {
            self.check(child)?;
        }
        match &expr.kind {
            ExprKind::Selector(s) | ExprKind::Range { selector: s, .. } => self.check_selector(s, expr.span),
            ExprKind::Aggregate(a) => {
                self.check_type(&a.expr, ValueType::Vector, "aggregation expression")?;
                if let (Some(p), Some(wanted)) = (&a.parameter, a.op.parameter()) {
                    self.check_type(p, wanted, "aggregation parameter")?;
                }
                Ok(())
            }
            ExprKind::Call { function, args } => self.check_call(*function, args, expr.span),
            ExprKind::Negate(inner) | ExprKind::Plus(inner) => match inner.value_type() {
                ValueType::Scalar | ValueType::Vector => Ok(()),
                other => self.fail(
                    expr.span,
                    format!(
                        "unary expression only allowed on expressions of type scalar or instant vector, got {:?}",
                        other.name()
                    ),
                ),
            },
            ExprKind::Subquery(s) => match s.expr.value_type() {
                ValueType::Vector => Ok(()),
                other => self.fail(
                    expr.span,
                    format!("subquery is only allowed on instant vector, got {} instead", short(other)),
                ),
            },
            _ => Ok(()),
        }
    }

    fn check_selector(&self, s: &Selector, span: Span) -> Result<(), ParseError> {
        match &s.name {
            Some(name) => {
                let mut before = s.matchers.iter().take(s.matchers.len().saturating_sub(1));
                match before.find(|m| m.name == METRIC_NAME) {
                    Some(m) => {
                        let message = format!("metric name must not be set twice: {name:?} or {:?}", m.value);
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
    fn check_info(&self, args: &[Expr], span: Span) -> Result<(), ParseError> {
        if let Some(first) = args.first() {
            self.check(first)?;
        }
        if let Some(second) = args.get(1) {
            let got = second.value_type();
            if got != ValueType::Vector {
                let wanted = ValueType::Vector.name();
                let message =
                    format!("expected type {wanted} in call to function \"info\", got {}", got.name());
                return self.fail(span, message);
            }
            match &second.kind {
                ExprKind::Selector(Selector { name: None, .. }) => {}
                ExprKind::Selector(_) => {
                    return self
                        .fail(second.span, "expected label selectors only, got vector selector instead");
                }
                _ => return self.fail(second.span, "expected label selectors only"),
            }
        }
        self.check_call(Function::Info, args, span)
    }

    fn check_type(&self, expr: &Expr, wanted: ValueType, context: &str) -> Result<(), ParseError> {
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
        for (i, arg) in args.iter().enumerate() {
            let wanted = signature.args[i.min(declared - 1)];
            self.check_type(arg, wanted, &format!("call to function {name:?}"))?;
        }
        Ok(())
    }

    pub(super) fn check_binary(&self, b: &Binary, op_span: Span, span: Span) -> Result<(), ParseError> {
        let (left, right) = (b.left.value_type(), b.right.value_type());
        let scalars = left == ValueType::Scalar && right == ValueType::Scalar;
        if b.op.is_comparison() && !b.return_bool && scalars {
            return self.fail(op_span, "comparisons between scalars must use BOOL modifier");
        }
        let m = &b.matching;
        if let Some(both) = m.labels.iter().find(|l| m.on && m.include.contains(l)) {
            let message = format!("label {both:?} must not occur in ON and GROUP clause at once");
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
        if scalars && matches!(b.op, crate::ast::BinaryOp::TrimUpper | crate::ast::BinaryOp::TrimLower) {
            let message = format!("operator {:?} not allowed for Scalar operations", b.op.symbol());
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
