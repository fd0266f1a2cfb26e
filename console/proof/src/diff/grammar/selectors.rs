//! Selectors, ranges and subqueries.

use super::{Expr, Generator, Matcher, When, moment::seconds};
use crate::diff::data::{Family, LENGTH_MS, families};

const RANGES_MS: &[&i64] =
    &[&15_000, &30_000, &45_000, &60_000, &90_500, &120_000, &300_000, &600_000, &1_800_000];

impl Generator<'_> {
    pub(super) fn family(&mut self) -> &'static Family {
        &families()[self.random.below(families().len())]
    }

    pub(super) fn when(&mut self) -> When {
        let mut when = When::default();
        if self.random.percent(12) {
            let ms = self.random.between(0, LENGTH_MS / 1000) * 1000;
            let at = match self.random.below(5) {
                0 => "start()".to_owned(),
                1 => "end()".to_owned(),
                _ => seconds(self.base_ms + ms),
            };
            when.at = Some(at);
        }
        if self.random.percent(15) {
            let ms = *self.random.pick(&[&1_000, &15_000, &60_000, &300_000, &1_234_567]);
            when.offset_ms = Some(if self.random.percent(30) { -ms } else { ms });
        }
        when
    }

    /// A selector of ordinary numbers.
    pub(super) fn finite(&mut self) -> Expr {
        let finite: Vec<&Family> = families().iter().filter(|f| !matches!(f.name, "odd" | "huge")).collect();
        let family = finite[self.random.below(finite.len())];
        self.selector_of(family)
    }

    /// Matchers of a family's labels; they may exclude everything.
    pub(super) fn matchers(&mut self, family: &Family) -> Vec<Matcher> {
        let mut out = Vec::new();
        while self.random.percent(35) && out.len() < 3 {
            let (label, values) = family.labels[self.random.below(family.labels.len())];
            let (one, other) = (self.random.pick(values), self.random.pick(values));
            let matcher = |op, value: String| Matcher { label: label.to_owned(), op, value };
            out.push(match self.random.below(11) {
                0 | 1 => matcher("=", one.to_owned()),
                2 | 3 => matcher("!=", one.to_owned()),
                4 => matcher("=~", format!("{}|{}", escaped(one), escaped(other))),
                5 => matcher("!~", format!("{}|{}", escaped(one), escaped(other))),
                6 => matcher(
                    "=~",
                    self.random
                        .pick(&[".+", ".*", "a.b", "[a-l].*", "(?i:CART)", "^a.*", "", ".?b?"])
                        .to_owned(),
                ),
                7 => matcher(
                    "!~",
                    self.random.pick(&[".+", "a.+", "[^1-3]", "s.*k", "", "(a|l).*"]).to_owned(),
                ),
                8 => Matcher { label: "missing".to_owned(), op: "=", value: String::new() },
                9 => Matcher { label: "missing".to_owned(), op: "!=", value: String::new() },
                _ => matcher("=", String::new()),
            });
        }
        out
    }

    pub(super) fn selector_of(&mut self, family: &Family) -> Expr {
        let matchers = self.matchers(family);
        let when = self.when();
        Expr::Selector {
            name: Some(family.name.to_owned()),
            matchers,
            when,
            is_name_quoted: self.random.percent(2),
        }
    }

    pub(super) fn selector(&mut self) -> Expr {
        if self.random.percent(4) {
            let names = ["twin_.*", "gappy|stale", "lat_(sum|count)", ".+_total", "odd|temp", "scraped_.+"];
            let value = self.random.pick(&names).to_owned();
            let when = self.when();
            let mut matchers = vec![Matcher { label: "__name__".to_owned(), op: "=~", value }];
            if self.random.percent(30) {
                matchers.push(Matcher { label: "n".to_owned(), op: "!=", value: "2".to_owned() });
            }
            return Expr::Selector { name: None, matchers, when, is_name_quoted: false };
        }
        if self.random.percent(4) {
            let names = ["scraped_requests_total", "scraped_level", "scraped_seconds_bucket", "scraped_size"];
            let name = Some(self.random.pick(&names).to_owned());
            return Expr::Selector { name, matchers: Vec::new(), when: self.when(), is_name_quoted: false };
        }
        let family = self.family();
        self.selector_of(family)
    }

    /// A selector of one moment, as the metadata endpoints take it.
    pub(super) fn bare_selector(&mut self) -> Expr {
        match self.selector() {
            Expr::Selector { name, matchers, is_name_quoted, .. } => {
                Expr::Selector { name, matchers, when: When::default(), is_name_quoted }
            }
            other => other,
        }
    }

    pub(super) fn range_ms(&mut self) -> i64 {
        *self.random.pick(RANGES_MS)
    }

    /// A range vector of a counter mostly, where `for_counters`.
    pub(super) fn matrix(&mut self, depth: usize, for_counters: bool) -> Expr {
        if depth > 0 && self.random.percent(20) {
            return self.subquery(depth - 1);
        }
        let of = if for_counters && self.random.percent(75) {
            let counters: Vec<&Family> = families().iter().filter(|f| f.is_counter).collect();
            let family = counters[self.random.below(counters.len())];
            self.selector_of(family)
        } else {
            self.selector()
        };
        Expr::Range { of: Box::new(of), range_ms: self.range_ms() }
    }

    pub(super) fn subquery(&mut self, depth: usize) -> Expr {
        let of = self.vector(depth.min(1));
        let of = match of {
            Expr::Binary { .. } | Expr::Unary(..) => Expr::Paren(Box::new(of)),
            other => other,
        };
        let range_ms = *self.random.pick(&[&60_000, &90_000, &300_000, &605_000]);
        let step_ms = if self.random.percent(25) {
            None
        } else {
            Some(*self.random.pick(&[&10_000, &15_000, &30_000, &60_000, &7_500]))
        };
        Expr::Subquery { of: Box::new(of), range_ms, step_ms, when: self.when() }
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if "\\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
