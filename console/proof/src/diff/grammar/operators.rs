//! Operators with their matching.

use super::{Expr, Generator, calls::function_of};

const ARITHMETIC: &[&str] = &["+", "-", "*", "/", "%", "^", "atan2"];
const COMPARISON: &[&str] = &["==", "!=", "<", ">", "<=", ">="];
const SETS: &[&str] = &["and", "or", "unless"];

/// Two sides that meet under the matching between them. Their ranges begin beside samples: nothing here is translated.
const PAIRS: &[(&str, &str, &str)] = &[
    ("temp", "", "temp offset 1m"),
    ("req_total", "", "req_total offset 30s"),
    ("req_total{code=\"500\"}", "ignoring(code)", "req_total{code=\"200\"}"),
    ("req_total{code=\"500\"}", "on(service, instance)", "capacity"),
    ("req_total", "on(service, instance) group_left()", "capacity"),
    ("req_total", "on(service, instance) group_left(zone)", "capacity"),
    ("capacity", "on(service, instance) group_right()", "req_total"),
    ("capacity", "on(service, instance) group_right(zone)", "req_total"),
    ("req_total", "on(service) group_left(version, team)", "build_info"),
    ("build_info", "on(service) group_right(team)", "rate(req_total[2m7s333ms])"),
    ("req_total", "ignoring(code, zone) group_left(zone)", "capacity"),
    ("sum by (service) (req_total)", "on(service) group_left(missing)", "build_info"),
    ("sum by (service, code) (req_total)", "ignoring(code) group_left()", "sum by (service) (req_total)"),
    ("twin_a", "", "twin_b"),
    ("twin_a", "on(n)", "twin_b"),
    ("twin_a", "on(n)", "gappy"),
    ("stale", "on(n)", "gappy"),
    ("stale", "on(n) group_left()", "sparse"),
    ("odd", "on() group_left()", "small{n=\"1\"}"),
    ("odd", "", "odd offset 15s"),
    ("small", "on() group_left()", "scalar_like"),
    ("req_total", "on(service)", "build_info"),
    ("req_total", "on(service) group_left()", "capacity"),
    ("weird", "on(text)", "weird offset 1m"),
    ("lat_bucket", "on(service) group_left()", "lat_count"),
    ("rate(lat_sum[5m7s333ms])", "", "rate(lat_count[5m7s333ms])"),
];

impl Generator<'_> {
    pub(super) fn binary(&mut self, depth: usize) -> Expr {
        if self.random.percent(45) {
            return self.paired();
        }
        let (op, mut matching) = self.operator();
        if SETS.contains(&op) {
            matching = self
                .random
                .pick(&["", "on(n)", "on(service)", "ignoring(code)", "on()", "ignoring(n, room)"])
                .to_owned();
            let (left, right) = (self.operand(depth), self.operand(depth));
            return Expr::Binary { op, matching, left: Box::new(left), right: Box::new(right) };
        }
        let (left, right) = match self.random.below(4) {
            0 => (self.operand(depth), self.scalar(depth)),
            1 => (self.scalar(depth), self.operand(depth)),
            _ => {
                if self.random.percent(40) {
                    let on = self.random.pick(&[
                        "on(n)",
                        "on(service)",
                        "ignoring(code)",
                        "on()",
                        "on(n) group_left()",
                    ]);
                    matching = format!("{matching} {on}").trim().to_owned();
                }
                (self.operand(depth), self.operand(depth))
            }
        };
        Expr::Binary { op, matching, left: Box::new(left), right: Box::new(right) }
    }

    /// An operator that is no set's, and `bool` behind some comparisons.
    fn operator(&mut self) -> (&'static str, String) {
        match self.random.below(10) {
            0..5 => (function_of(ARITHMETIC, self.random.pick(ARITHMETIC)), String::new()),
            5..8 => {
                let op = function_of(COMPARISON, self.random.pick(COMPARISON));
                (op, if self.random.percent(40) { "bool".to_owned() } else { String::new() })
            }
            _ => (function_of(SETS, self.random.pick(SETS)), String::new()),
        }
    }

    fn paired(&mut self) -> Expr {
        let (left, on, right) = PAIRS[self.random.below(PAIRS.len())];
        let (op, word) = self.operator();
        let on = match (SETS.contains(&op), on.split_once(" group_")) {
            (true, Some((on, _))) => on,
            _ => on,
        };
        let matching = format!("{word} {on}").trim().to_owned();
        let right = if right == "scalar_like" { "sum(small)" } else { right };
        Expr::Binary { op, matching, left: Box::new(Expr::text(left)), right: Box::new(Expr::text(right)) }
    }

    /// In brackets mostly; without them precedence is proved as well.
    fn operand(&mut self, depth: usize) -> Expr {
        let of = self.vector(depth);
        if matches!(of, Expr::Binary { .. } | Expr::Unary(..)) && self.random.percent(70) {
            return Expr::Paren(Box::new(of));
        }
        of
    }

    pub(super) fn scalar(&mut self, depth: usize) -> Expr {
        if depth > 0 && self.random.percent(25) {
            let op = function_of(ARITHMETIC, self.random.pick(ARITHMETIC));
            let (left, right) = (self.scalar(depth - 1), self.scalar(depth - 1));
            let both =
                Expr::Binary { op, matching: String::new(), left: Box::new(left), right: Box::new(right) };
            return if self.random.percent(60) { Expr::Paren(Box::new(both)) } else { both };
        }
        match self.random.below(14) {
            0..8 => {
                let text = self.random.pick(&[
                    "0", "1", "2", "-1", "0.5", "10", "100", "1e3", "NaN", "+Inf", "-Inf", "0x1F", "-0.25",
                    "1.5e-3", ".5", "007",
                ]);
                Expr::text(text)
            }
            8 => Expr::text("time()"),
            9 => Expr::text("pi()"),
            10 => {
                let of = self.selector();
                Expr::call("scalar", vec![of])
            }
            11 => Expr::text("scalar(small{n=\"2\"})"),
            12 => Expr::Spelled { now: "1_000".to_owned(), then: "1000".to_owned() },
            _ => Expr::Spelled { now: "1m30s".to_owned(), then: "90".to_owned() },
        }
    }
}
