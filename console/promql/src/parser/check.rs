//! Types: what each part must be for the whole to mean something.

use super::{ParseError, Parser};
use crate::{
    ast::{Binary, Expr, ExprKind, ValueType},
    function::Function,
    position::Span,
};

impl Parser<'_> {
    /// Checks an expression and all below it.
    pub(super) fn check(&self, expr: &Expr) -> Result<(), ParseError> {
        for child in expr.children() {
            self.check(child)?;
        }
        match &expr.kind {
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
        if left == ValueType::Vector && right == ValueType::Vector {
            return Ok(());
        }
        if !m.labels.is_empty() {
            return self.fail(span, "vector matching only allowed between instant vectors");
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
