//! Text that whatever a regular expression matches must contain: a store skips blocks by it.

use regex_syntax::hir::{Hir, HirKind};

/// Literals that stand in every match; an expression that says nothing certain has none.
pub fn required(pattern: &str) -> Vec<String> {
    let Ok(hir) = regex_syntax::parse(pattern) else { return Vec::new() };
    let mut found = Found::default();
    found.walk(&hir);
    found.end();
    found.out
}

#[derive(Default)]
struct Found {
    out: Vec<String>,
    /// Bytes that follow one another in every match.
    run: Vec<u8>,
}

impl Found {
    fn end(&mut self) {
        if let Ok(text) = String::from_utf8(std::mem::take(&mut self.run))
            && !text.is_empty()
        {
            self.out.push(text);
        }
    }

    fn walk(&mut self, hir: &Hir) {
        match hir.kind() {
            HirKind::Literal(literal) => self.run.extend_from_slice(&literal.0),
            HirKind::Concat(parts) => parts.iter().for_each(|part| self.walk(part)),
            HirKind::Capture(capture) => self.walk(&capture.sub),
            HirKind::Repetition(repetition) if repetition.min > 0 => {
                self.end();
                self.walk(&repetition.sub);
                self.end();
            }
            // Nothing of these is certain, and what follows is not next to what came before.
            HirKind::Repetition(_) | HirKind::Alternation(_) | HirKind::Class(_) => self.end(),
            HirKind::Look(_) | HirKind::Empty => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::required;

    #[test]
    fn only_what_every_match_holds_is_required() {
        for (pattern, wanted) in [
            ("foo.*bar", vec!["foo", "bar"]),
            ("^a(bc)d$", vec!["abcd"]),
            ("ab+c", vec!["a", "b", "c"]),
            ("x(foo|bar)y", vec!["x", "y"]),
            ("ab?c", vec!["a", "c"]),
            ("(?i)foo", vec![]),
            ("a|b", vec![]),
            ("(", vec![]),
            ("é{2}", vec!["é"]),
        ] {
            assert_eq!(required(pattern), wanted, "{pattern}");
        }
    }
}
