//! Draws queries.

use super::{Expr, Moment, Style};
use crate::diff::Random;

/// A query with the moment at which it is asked.
#[derive(Clone, Debug)]
pub struct Asked {
    pub expr: Expr,
    pub style: Style,
    pub moment: Moment,
}

/// Draws from one source of randomness, so that the same seed gives the same queries.
pub struct Generator<'a> {
    pub(super) base_ms: i64,
    pub(super) random: &'a mut Random,
}

impl<'a> Generator<'a> {
    pub fn new(base_ms: i64, random: &'a mut Random) -> Self {
        Self { base_ms, random }
    }

    pub fn draw(&mut self) -> Asked {
        let moment = Moment::draw(self.base_ms, self.random);
        let depth = self.random.below(5);
        let style = self.style();
        let expr = match self.random.below(100) {
            0..8 => Expr::text(self.invalid()),
            8..11 => self.matrix(depth, false),
            11..15 => self.steady_scalar(depth),
            15 => Expr::text(self.peculiar()),
            16 => Expr::text("\"a string, with \\\"quotes\\\" and \\u00e9\""),
            _ => self.bounded(depth),
        };
        Asked { expr: expr.settled(), style, moment }
    }

    /// A vector whose value no change of extrapolation can turn into something else: rates near zero stay outermost,
    /// where how far they may differ is known.
    fn bounded(&mut self, depth: usize) -> Expr {
        loop {
            let expr = self.vector(depth);
            let is_outermost = match &expr {
                Expr::Call { args, .. } => !args.iter().any(Expr::extrapolates_to_zero),
                _ => false,
            };
            if (is_outermost || !expr.extrapolates_to_zero()) && !expr.is_chaotic() {
                return expr;
            }
        }
    }

    fn steady_scalar(&mut self, depth: usize) -> Expr {
        loop {
            let expr = self.scalar(depth);
            if !expr.is_chaotic() {
                return expr;
            }
        }
    }

    fn style(&mut self) -> Style {
        Style {
            is_loud: self.random.percent(10),
            groups_behind: self.random.percent(30),
            is_loose: self.random.percent(10),
            offset_first: self.random.percent(40),
        }
    }

    pub(super) fn vector(&mut self, depth: usize) -> Expr {
        if depth == 0 {
            return self.selector();
        }
        match self.random.below(20) {
            0..3 => self.selector(),
            3..10 => self.call(depth - 1),
            10..14 => self.aggregation(depth - 1),
            14..18 => self.binary(depth - 1),
            18 => {
                let sign = if self.random.percent(70) { '-' } else { '+' };
                Expr::Unary(sign, Box::new(self.vector(depth - 1)))
            }
            _ => Expr::Paren(Box::new(self.vector(depth - 1))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::Dialect;

    #[test]
    fn a_seed_repeats_its_queries() {
        let draw = || {
            let mut random = Random::new(3);
            let mut generator = Generator::new(1_000_000_000, &mut random);
            (0..50).map(|_| generator.draw().expr.render(Dialect::default())).collect::<Vec<_>>()
        };
        assert_eq!(draw(), draw());
    }

    #[test]
    fn all_functions_are_drawn() {
        let mut random = Random::new(5);
        let mut generator = Generator::new(1_000_000_000, &mut random);
        let text: String =
            (0..5_000).map(|_| generator.draw().expr.render(Dialect::default()) + "\n").collect();
        for name in [
            "atan2",
            "double_exponential_smoothing(",
            "label_join(",
            "days_in_month(",
            "count_values",
            "group_right",
            " @ end()",
            "offset -",
        ] {
            assert!(text.contains(name), "{name}");
        }
    }
}
