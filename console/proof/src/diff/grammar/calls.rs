//! Calls of every function that 2.42 has, with arguments of the right types.

use super::{Expr, Generator, render::quoted};

const MATH: &[&str] = &[
    "abs", "acos", "acosh", "asin", "asinh", "atan", "atanh", "ceil", "cos", "cosh", "deg", "exp", "floor",
    "ln", "log10", "log2", "rad", "sgn", "sin", "sinh", "sqrt", "tan", "tanh",
];
const CALENDAR: &[&str] =
    &["day_of_month", "day_of_week", "day_of_year", "days_in_month", "hour", "minute", "month", "year"];
const COUNTERS: &[&str] = &["rate", "increase", "irate", "resets", "changes"];
const WINDOWS: &[&str] = &[
    "absent_over_time",
    "avg_over_time",
    "changes",
    "count_over_time",
    "delta",
    "deriv",
    "idelta",
    "last_over_time",
    "max_over_time",
    "min_over_time",
    "present_over_time",
    "resets",
    "stddev_over_time",
    "stdvar_over_time",
    "sum_over_time",
];

impl Generator<'_> {
    pub(super) fn call(&mut self, depth: usize) -> Expr {
        match self.random.below(24) {
            0..5 => {
                let function = self.random.pick(COUNTERS);
                Expr::call(function_of(COUNTERS, function), vec![self.matrix(depth, true)])
            }
            5..11 => {
                let function = self.random.pick(WINDOWS);
                Expr::call(function_of(WINDOWS, function), vec![self.matrix(depth, false)])
            }
            11..13 => {
                let function = function_of(MATH, self.random.pick(MATH));
                // The sine of a huge number has no digit in common with that of the next number.
                let is_wild = matches!(function, "sin" | "cos" | "tan");
                let of = if is_wild { self.finite() } else { self.vector(depth) };
                Expr::call(function, vec![of])
            }
            13 => {
                let function = function_of(CALENDAR, self.random.pick(CALENDAR));
                // Never of what is no number: the date of NaN is whatever the processor makes of it.
                let of = self.finite();
                let of_times = Expr::call("timestamp", vec![self.selector()]);
                let args = [vec![], vec![of_times], vec![of]];
                Expr::call(function, args[self.random.below(3)].clone())
            }
            14 => self.clamp(depth),
            15 => {
                let mut args = vec![self.vector(depth)];
                if self.random.percent(60) {
                    args.push(self.scalar(depth));
                }
                Expr::call("round", args)
            }
            16 => self.relabel(depth),
            17 => self.trend(depth),
            18 => self.histogram_quantile(),
            19 => {
                let function = if self.random.percent(50) { "sort" } else { "sort_desc" };
                Expr::call(function, vec![self.vector(depth)])
            }
            20 => Expr::call("timestamp", vec![self.vector(depth)]),
            21 => Expr::call("absent", vec![self.vector(depth)]),
            22 => Expr::call("vector", vec![self.scalar(depth)]),
            _ => {
                let function = if self.random.percent(50) { "histogram_count" } else { "histogram_sum" };
                Expr::call(function, vec![self.selector()])
            }
        }
    }

    fn clamp(&mut self, depth: usize) -> Expr {
        let of = self.vector(depth);
        let (low, high) = (self.scalar(0), self.scalar(0));
        match self.random.below(3) {
            0 => Expr::call("clamp", vec![of, low, high]),
            1 => Expr::call("clamp_min", vec![of, low]),
            _ => Expr::call("clamp_max", vec![of, high]),
        }
    }

    fn relabel(&mut self, depth: usize) -> Expr {
        let of = self.vector(depth);
        let text = |t: &str| Expr::text(quoted(t));
        let labels = ["n", "service", "room", "code", "text", "missing", "__name__"];
        let targets = ["n", "service", "fresh", "room", "__name__", "text"];
        let (source, target) = (self.random.pick(&labels), self.random.pick(&targets));
        if self.random.percent(40) {
            let separator = self.random.pick(&["", "-", "/", "ü"]);
            let mut args = vec![of, text(target), text(separator), text(source)];
            while self.random.percent(50) && args.len() < 7 {
                let more = self.random.pick(&labels);
                args.push(text(more));
            }
            return Expr::call("label_join", args);
        }
        let patterns = ["(.*)", "(.+)", "([a-z])(.*)", "cart|orders", "(?P<x>.)b", "", "a.b", "(\\d)"];
        let replacements = ["$1", "x-$1", "${x}", "$0y", "", "$2$1", "$$1", "new", "$9"];
        let (pattern, replacement) = (self.random.pick(&patterns), self.random.pick(&replacements));
        let args = vec![of, text(target), text(replacement), text(source), Expr::Regex(pattern.to_owned())];
        Expr::call("label_replace", args)
    }

    fn trend(&mut self, depth: usize) -> Expr {
        match self.random.below(3) {
            0 => {
                let of = self.matrix(depth, false);
                let ahead = self.random.pick(&["0", "60", "3600", "-30", "0.5"]);
                Expr::call("predict_linear", vec![of, Expr::text(ahead)])
            }
            1 => {
                let q = self.quantile();
                let of = self.matrix(depth, false);
                Expr::call("quantile_over_time", vec![q, of])
            }
            _ => {
                let of = self.matrix(0, false);
                let factor = self.random.pick(&["0.1", "0.5", "0.9"]);
                Expr::call("double_exponential_smoothing", vec![of, Expr::text(factor), Expr::text("0.3")])
            }
        }
    }

    pub(super) fn quantile(&mut self) -> Expr {
        Expr::text(self.random.pick(&[
            "0.5",
            "0",
            "1",
            "0.99",
            "0.25",
            "-1",
            "2",
            "NaN",
            "+Inf",
            "scalar(small{n=\"1\"})",
        ]))
    }

    fn histogram_quantile(&mut self) -> Expr {
        let q = self.quantile();
        let buckets = Expr::Selector {
            name: Some(
                self.random
                    .pick(&["lat_bucket", "lat_bucket", "lat_bucket", "scraped_seconds_bucket", "temp"])
                    .to_owned(),
            ),
            matchers: Vec::new(),
            when: self.when(),
            is_name_quoted: false,
        };
        let of = match self.random.below(4) {
            0 => buckets,
            1 => self.summed_buckets(buckets),
            _ => Expr::call("rate", vec![Expr::Range { of: Box::new(buckets), range_ms: self.range_ms() }]),
        };
        Expr::call("histogram_quantile", vec![q, of])
    }
}

/// The static name of a drawn one.
pub(super) fn function_of(all: &'static [&'static str], drawn: &str) -> &'static str {
    all.iter().copied().find(|f| *f == drawn).unwrap_or("abs")
}
