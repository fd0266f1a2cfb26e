//! Questions about series and labels instead of values.

use super::{Expr, Generator, moment::seconds};
use crate::diff::data::LENGTH_MS;

/// A path with the selectors of its `match[]`.
#[derive(Clone, Debug)]
pub struct Listing {
    pub path: String,
    pub selectors: Vec<Expr>,
    start_ms: i64,
}

impl Listing {
    /// All of the data's time: which chunks a narrower range touches is the stores' own affair.
    pub fn times(&self) -> [(&'static str, String); 2] {
        [("start", seconds(self.start_ms)), ("end", seconds(self.start_ms + LENGTH_MS))]
    }
}

impl Generator<'_> {
    pub fn listing(&mut self) -> Listing {
        let label = self.random.pick(&["__name__", "room", "service", "n", "text", "le", "missing", "kind"]);
        let path = match self.random.below(3) {
            0 => "/api/v1/series".to_owned(),
            1 => "/api/v1/labels".to_owned(),
            _ => format!("/api/v1/label/{label}/values"),
        };
        let mut selectors = Vec::new();
        while selectors.is_empty() || (self.random.percent(40) && selectors.len() < 4) {
            selectors.push(match self.random.below(20) {
                0 => Expr::text(self.random.pick(&[
                    "{}",
                    "temp{",
                    "sum(temp)",
                    "temp[5m]",
                    "",
                    "1",
                    "temp offset 1m",
                    "{room=\"\"}",
                ])),
                _ => self.bare_selector(),
            });
        }
        Listing { path, selectors, start_ms: self.base_ms }
    }
}
