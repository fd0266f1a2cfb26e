//! Which names metrics and labels may have, and in which form targets are asked for them (prometheus/common/model:
//! `ValidationScheme`, `EscapingScheme`).

use console_model::names::{is_label_name, is_metric_name};

/// What jobs say of names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NameConfig {
    pub validation: NameScheme,
    pub escaping: Escaping,
}

/// Of what names consist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NameScheme {
    /// Anything but nothing.
    #[default]
    Utf8,
    /// Letters, digits and underscores, in names of metrics colons too; no digit comes first.
    Legacy,
}

/// What a target is asked to do with names that are not of the legacy scheme.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Escaping {
    /// To leave them as they are.
    #[default]
    AllowUtf8,
    Underscores,
    Dots,
    Values,
}

impl NameScheme {
    pub fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf8",
            Self::Legacy => "legacy",
        }
    }

    pub fn parse(name: &str) -> Result<Self, String> {
        let found = [Self::Utf8, Self::Legacy].into_iter().find(|s| s.name() == name);
        found.ok_or_else(|| format!("must be utf8 or legacy, not {name:?}"))
    }

    pub fn is_metric_name(self, name: &str) -> bool {
        match self {
            Self::Utf8 => !name.is_empty(),
            Self::Legacy => is_metric_name(name),
        }
    }

    pub fn is_label_name(self, name: &str) -> bool {
        match self {
            Self::Utf8 => !name.is_empty(),
            Self::Legacy => is_label_name(name),
        }
    }

    /// Whether a rule may make names of labels by this text, in which `$1` and `${name}` stand for parts of a match
    /// (prometheus/model/relabel: `relabelTargetLegacy`).
    pub fn is_label_template(self, text: &str) -> bool {
        if self == Self::Utf8 {
            return !text.is_empty();
        }
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let is_wrong_digit = first.is_ascii_digit() && rest.len() == text.len();
            let length = if first == '$' { reference_length(rest) } else { usize::from(is_word(first)) };
            if length == 0 || is_wrong_digit {
                return false;
            }
            rest = &rest[length..];
        }
        !text.is_empty()
    }
}

impl Escaping {
    const ALL: [Self; 4] = [Self::AllowUtf8, Self::Underscores, Self::Dots, Self::Values];

    /// As configurations and the header `Accept` have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::AllowUtf8 => "allow-utf-8",
            Self::Underscores => "underscores",
            Self::Dots => "dots",
            Self::Values => "values",
        }
    }

    pub fn parse(name: &str) -> Result<Self, String> {
        named(&Self::ALL, Self::name, name)
    }

    /// Where nothing is said of it.
    pub fn of(scheme: NameScheme) -> Self {
        match scheme {
            NameScheme::Utf8 => Self::AllowUtf8,
            NameScheme::Legacy => Self::Underscores,
        }
    }
}

/// The one of `all` with this name.
pub fn named<T: Copy>(all: &[T], name_of: impl Fn(T) -> &'static str, name: &str) -> Result<T, String> {
    all.iter().copied().find(|one| name_of(*one) == name).ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|one| name_of(*one)).collect();
        format!("{name:?} is none of {}", names.join(", "))
    })
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Bytes of `$1` or `${name}` at the beginning of `text`; 0 where there is neither.
fn reference_length(text: &str) -> usize {
    let word = |text: &str| text.chars().take_while(|c| is_word(*c)).count();
    let behind = text.trim_start_matches('$');
    match (text.len() - behind.len(), behind.strip_prefix('{')) {
        (1, None) if word(behind) > 0 => 1 + word(behind),
        (1, Some(inner)) if word(inner) > 0 && inner[word(inner)..].starts_with('}') => 3 + word(inner),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf8_names_are_anything_and_legacy_ones_are_not() {
        for name in ["my.metric", "0", "a-b", "é", " ", "$"] {
            assert!(NameScheme::Utf8.is_metric_name(name) && NameScheme::Utf8.is_label_name(name), "{name}");
            assert!(
                !NameScheme::Legacy.is_metric_name(name) && !NameScheme::Legacy.is_label_name(name),
                "{name}"
            );
        }
        for scheme in [NameScheme::Utf8, NameScheme::Legacy] {
            assert!(scheme.is_metric_name("a:b") && scheme.is_label_name("_a0") && !scheme.is_label_name(""));
            assert_eq!(NameScheme::parse(scheme.name()), Ok(scheme));
        }
        assert!(!NameScheme::Legacy.is_label_name("a:b"));
    }

    #[test]
    fn templates_of_legacy_names_have_references_among_letters() {
        let good = ["label", "label${1}", "${1}label", "$1", "asd$2asd", "_${1}_", "foo${bar}foo", "$1${2}3"];
        let wrong =
            ["", "-label", "$", "${", "${}", "foo${", "-foo${1}bar-", "bar.foo${1}bar", "0$1", "$$1", "é$1"];
        for text in good {
            assert!(NameScheme::Legacy.is_label_template(text), "{text}");
        }
        for text in wrong {
            assert!(!NameScheme::Legacy.is_label_template(text), "{text}");
            assert_eq!(NameScheme::Utf8.is_label_template(text), !text.is_empty(), "{text}");
        }
    }
}
