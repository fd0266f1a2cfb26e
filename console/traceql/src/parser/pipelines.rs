//! Comparisons of numbers of whole pipelines: `({a} | count()) / ({b} | count()) > ({c} | avg(duration))`.

use super::Parser;
use crate::{ast::*, error::Error, lexer::Token};

impl Parser<'_> {
    pub(crate) fn pipeline_comparison(&mut self) -> Result<Body, Error> {
        let left = self.pipeline_number(0)?;
        let Some(op) = self.comparison() else { return self.fail("a comparison") };
        self.at += 1;
        // A plain number stands alone and on the right: elsewhere it would be a scalar of a pipeline or of a metric.
        let number = match self.peek() {
            Token::Int(_) | Token::Float(_) | Token::Duration(_) => self.literal(),
            _ => None,
        };
        let right = match number {
            Some(number) => {
                self.at += 1;
                PipelineNumber::Static(number)
            }
            None => self.pipeline_number(0)?,
        };
        Ok(Body::Compare { left, op, right })
    }

    /// Sums at level 0, products at 1, powers at 2.
    fn pipeline_number(&mut self, level: u8) -> Result<PipelineNumber, Error> {
        if level == 2 {
            let left = self.number_of_pipeline()?;
            if self.take("^") {
                let right = self.nested(|p| p.pipeline_number(2))?;
                let (left, right) = (Box::new(left), Box::new(right));
                return Ok(PipelineNumber::Binary { op: Op::Pow, left, right });
            }
            return Ok(left);
        }
        let mut left = self.pipeline_number(level + 1)?;
        while let Some(op) = self.arithmetic_op(level) {
            self.at += 1;
            let right = self.pipeline_number(level + 1)?;
            left = PipelineNumber::Binary { op, left: Box::new(left), right: Box::new(right) };
        }
        Ok(left)
    }

    /// `(pipeline | aggregate)`
    fn number_of_pipeline(&mut self) -> Result<PipelineNumber, Error> {
        self.expect("(")?;
        let mut stages = vec![self.nested(|p| p.stage(true))?];
        while self.take("|") {
            let start = self.at;
            if let Ok(stage) = self.nested(|p| p.stage(false)) {
                stages.push(stage);
                continue;
            }
            self.at = start;
            let of = self.nested(|p| p.scalar(0))?;
            self.expect(")")?;
            return Ok(PipelineNumber::Pipeline { stages, of });
        }
        self.fail("an aggregate")
    }
}
