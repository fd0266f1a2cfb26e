//! One rule.

use regex::{Regex, RegexBuilder};

use super::{LabelMap, Verdict, md5::md5, set};
use crate::scrape::names::NameScheme;

/// Bytes of a compiled regular expression.
const REGEX_SIZE_LIMIT: usize = 1 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Replace,
    Keep,
    Drop,
    KeepEqual,
    DropEqual,
    HashMod,
    LabelMap,
    LabelDrop,
    LabelKeep,
    Lowercase,
    Uppercase,
}

impl Action {
    const ALL: [Self; 11] = [
        Self::Replace,
        Self::Keep,
        Self::Drop,
        Self::KeepEqual,
        Self::DropEqual,
        Self::HashMod,
        Self::LabelMap,
        Self::LabelDrop,
        Self::LabelKeep,
        Self::Lowercase,
        Self::Uppercase,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::Keep => "keep",
            Self::Drop => "drop",
            Self::KeepEqual => "keepequal",
            Self::DropEqual => "dropequal",
            Self::HashMod => "hashmod",
            Self::LabelMap => "labelmap",
            Self::LabelDrop => "labeldrop",
            Self::LabelKeep => "labelkeep",
            Self::Lowercase => "lowercase",
            Self::Uppercase => "uppercase",
        }
    }
}

/// A rule as it is written; absent fields have Prometheus' defaults.
#[derive(Clone, Debug, Default)]
pub struct RuleFields {
    pub source_labels: Option<Vec<String>>,
    pub separator: Option<String>,
    pub target_label: Option<String>,
    pub regex: Option<String>,
    pub modulus: Option<u64>,
    pub replacement: Option<String>,
    pub action: Option<String>,
}

/// What is wrong with a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct RuleError {
    pub field: &'static str,
    pub message: String,
}

/// A checked rule.
#[derive(Clone, Debug)]
pub struct Rule {
    action: Action,
    source_labels: Vec<String>,
    separator: String,
    target_label: String,
    /// Anchored at both ends.
    regex: Regex,
    modulus: u64,
    replacement: String,
    /// What the names are that it makes.
    scheme: NameScheme,
}

impl Rule {
    pub fn new(fields: RuleFields, scheme: NameScheme) -> Result<Self, RuleError> {
        let action = action(fields.action.as_deref().unwrap_or("replace"))?;
        check(action, &fields, scheme)?;
        let pattern = fields.regex.as_deref().unwrap_or("(.*)");
        let regex = RegexBuilder::new(&format!("^(?s:{pattern})$")).size_limit(REGEX_SIZE_LIMIT).build();
        let regex = regex.map_err(|e| {
            // The last line says what, the ones before show where.
            let text = e.to_string();
            let what = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
            wrong("regex", format!("{pattern:?} is not a valid regular expression: {what}"))
        })?;
        Ok(Self {
            action,
            source_labels: fields.source_labels.unwrap_or_default(),
            separator: fields.separator.unwrap_or_else(|| ";".to_owned()),
            target_label: fields.target_label.unwrap_or_default(),
            regex,
            modulus: fields.modulus.unwrap_or(0),
            replacement: fields.replacement.unwrap_or_else(|| "$1".to_owned()),
            scheme,
        })
    }

    /// The rule as it may be written, with everything that it means.
    pub fn fields(&self) -> RuleFields {
        let pattern = self.regex.as_str();
        let pattern = pattern.strip_prefix("^(?s:").and_then(|p| p.strip_suffix(")$")).unwrap_or(pattern);
        let text = |s: &str| (!s.is_empty()).then(|| s.to_owned());
        let forbidden = forbidden(self.action);
        let allowed = |name: &str| !forbidden.contains(&name);
        RuleFields {
            source_labels: Some(self.source_labels.clone()).filter(|l| !l.is_empty()),
            separator: allowed("separator").then(|| self.separator.clone()),
            target_label: text(&self.target_label),
            regex: allowed("regex").then(|| pattern.to_owned()),
            modulus: Some(self.modulus).filter(|m| *m > 0),
            replacement: allowed("replacement").then(|| self.replacement.clone()),
            action: Some(self.action.name().to_owned()),
        }
    }

    pub fn apply(&self, labels: &mut LabelMap) -> Verdict {
        let get = |name: &str| labels.get(name).map_or("", String::as_str);
        let sources: Vec<&str> = self.source_labels.iter().map(|name| get(name)).collect();
        let value = sources.join(&self.separator);
        match self.action {
            Action::Keep if !self.regex.is_match(&value) => return Verdict::Drop,
            Action::Drop if self.regex.is_match(&value) => return Verdict::Drop,
            Action::KeepEqual if get(&self.target_label) != value => return Verdict::Drop,
            Action::DropEqual if get(&self.target_label) == value => return Verdict::Drop,
            Action::Keep | Action::Drop | Action::KeepEqual | Action::DropEqual => {}
            Action::Replace => self.replace(&value, labels),
            Action::Lowercase => set(labels, &self.target_label, value.to_lowercase()),
            Action::Uppercase => set(labels, &self.target_label, value.to_uppercase()),
            Action::HashMod => {
                let hash = md5(value.as_bytes());
                // The last eight bytes, big-endian, as Prometheus takes them.
                let number = hash[8..].iter().fold(0u64, |n, byte| n << 8 | u64::from(*byte));
                set(labels, &self.target_label, (number % self.modulus).to_string());
            }
            Action::LabelMap => {
                let mapped: Vec<(String, String)> = labels
                    .iter()
                    .filter(|(name, _)| self.regex.is_match(name))
                    .map(|(name, value)| {
                        (self.regex.replace(name, &*self.replacement).into_owned(), value.clone())
                    })
                    .collect();
                for (name, value) in mapped {
                    set(labels, &name, value);
                }
            }
            Action::LabelDrop => labels.retain(|name, _| !self.regex.is_match(name)),
            Action::LabelKeep => labels.retain(|name, _| self.regex.is_match(name)),
        }
        Verdict::Keep
    }

    fn replace(&self, value: &str, labels: &mut LabelMap) {
        let Some(captures) = self.regex.captures(value) else { return };
        let (mut target, mut result) = (String::new(), String::new());
        captures.expand(&self.target_label, &mut target);
        captures.expand(&self.replacement, &mut result);
        if self.scheme.is_label_name(&target) {
            set(labels, &target, result);
        }
    }
}

fn wrong(field: &'static str, message: impl Into<String>) -> RuleError {
    RuleError { field, message: message.into() }
}

fn action(text: &str) -> Result<Action, RuleError> {
    let found = Action::ALL.into_iter().find(|a| text.eq_ignore_ascii_case(a.name()));
    found.ok_or_else(|| wrong("action", format!("there is no relabel action {text:?}")))
}

/// Fields that must not be there with an action.
fn forbidden(action: Action) -> &'static [&'static str] {
    match action {
        Action::LabelDrop | Action::LabelKeep => {
            &["source_labels", "separator", "target_label", "modulus", "replacement"]
        }
        Action::KeepEqual | Action::DropEqual => &["separator", "regex", "modulus", "replacement"],
        Action::Lowercase | Action::Uppercase => &["replacement"],
        _ => &[],
    }
}

/// Which fields an action needs, and which it must not have (prometheus/model/relabel: `Config.Validate`).
fn check(action: Action, fields: &RuleFields, scheme: NameScheme) -> Result<(), RuleError> {
    use Action::{DropEqual, HashMod, KeepEqual, LabelMap, Lowercase, Replace, Uppercase};
    let target = fields.target_label.as_deref().unwrap_or_default();
    if matches!(action, Replace | HashMod | Lowercase | Uppercase | KeepEqual | DropEqual) {
        if target.is_empty() {
            return Err(wrong("target_label", "is missing, and this action needs it"));
        }
        let good = if action == Replace && target.contains('$') {
            scheme.is_label_template(target)
        } else {
            scheme.is_label_name(target)
        };
        if !good {
            return Err(wrong("target_label", format!("{target:?} is not a valid label name")));
        }
    }
    if action == HashMod && fields.modulus.unwrap_or(0) == 0 {
        return Err(wrong("modulus", "must be more than 0 for hashmod"));
    }
    let replacement = fields.replacement.as_deref().unwrap_or("$1");
    if action == LabelMap && !scheme.is_label_template(replacement) {
        return Err(wrong("replacement", format!("{replacement:?} is not a valid label name")));
    }
    // What a label is read from may have any name under either scheme, so that rules can rename it.
    if fields.source_labels.iter().flatten().any(String::is_empty) {
        return Err(wrong("source_labels", "a label's name is empty"));
    }
    let set: [(&'static str, bool); 6] = [
        ("source_labels", fields.source_labels.is_some()),
        ("separator", fields.separator.is_some()),
        ("target_label", fields.target_label.is_some()),
        ("regex", fields.regex.is_some()),
        ("modulus", fields.modulus.is_some()),
        ("replacement", fields.replacement.is_some()),
    ];
    let forbidden = forbidden(action);
    match set.iter().find(|(name, is_set)| *is_set && forbidden.contains(name)) {
        Some((name, _)) => Err(wrong(name, "must not be there with this action")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(action: &str) -> RuleFields {
        RuleFields { action: Some(action.to_owned()), ..RuleFields::default() }
    }

    fn from(labels: &[&str], regex: &str) -> RuleFields {
        RuleFields {
            source_labels: Some(labels.iter().map(|l| (*l).to_owned()).collect()),
            regex: Some(regex.to_owned()),
            ..RuleFields::default()
        }
    }

    fn to(target: &str, fields: RuleFields) -> RuleFields {
        RuleFields { target_label: Some(target.to_owned()), ..fields }
    }

    /// The labels afterwards as `a=1,b=2`, or `dropped`.
    fn run(fields: RuleFields, labels: &str) -> String {
        let mut map: LabelMap =
            labels.split(',').filter_map(|l| l.split_once('=')).map(|(n, v)| (n.into(), v.into())).collect();
        match Rule::new(fields, NameScheme::Utf8).unwrap().apply(&mut map) {
            Verdict::Drop => "dropped".to_owned(),
            Verdict::Keep => map.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join(","),
        }
    }

    #[test]
    fn replace_rewrites_moves_and_removes() {
        assert_eq!(run(to("d", from(&["a", "b"], "(.*);(.*)")), "a=x,b=y"), "a=x,b=y,d=x");
        let swapped = RuleFields { replacement: Some("${2}-$1".into()), ..from(&["a", "b"], "(.*);(.*)") };
        assert_eq!(run(to("a", swapped), "a=x,b=y"), "a=y-x,b=y");
        assert_eq!(run(to("a", from(&["a"], "no match")), "a=x"), "a=x");
        assert_eq!(run(to("a", from(&["none"], "(.*)")), "a=x"), "", "an empty result removes");
        let named = RuleFields { replacement: Some("v".into()), ..from(&["a"], "(.*)") };
        assert_eq!(run(to("n_$1", named.clone()), "a=x"), "a=x,n_x=v");
        assert_eq!(run(to("$1", named.clone()), "a=-"), "-=v,a=-");
        assert_eq!(run(to("$2", named.clone()), "a=-"), "a=-", "an invalid name changes nothing");
        let mut map = LabelMap::from([("a".to_owned(), "-".to_owned())]);
        Rule::new(to("$1", named), NameScheme::Legacy).unwrap().apply(&mut map);
        assert_eq!(map.len(), 1);
    }

    #[test]
    fn keep_and_drop_look_at_the_whole_value() {
        let with = |action: &str, fields: RuleFields| RuleFields { action: Some(action.into()), ..fields };
        assert_eq!(run(with("keep", from(&["a"], "x")), "a=xx"), "dropped");
        assert_eq!(run(with("Keep", from(&["a"], "x+")), "a=xx"), "a=xx");
        assert_eq!(run(with("drop", from(&["a"], "x|y")), "a=y"), "dropped");
        assert_eq!(run(with("drop", from(&["a"], ".")), "a=\n"), "dropped", "a dot is also a line's end");
        let equal = |action: &str| RuleFields { regex: None, ..to("b", with(action, from(&["a"], ""))) };
        assert_eq!(run(equal("keepequal"), "a=1,b=2"), "dropped");
        assert_eq!(run(equal("dropequal"), "a=1,b=1"), "dropped");
        assert_eq!(run(equal("dropequal"), "a=1,b=2"), "a=1,b=2");
    }

    #[test]
    fn names_are_mapped_kept_and_dropped() {
        let name = |action: &str, regex: &str| RuleFields { regex: Some(regex.into()), ..fields(action) };
        assert_eq!(run(name("labelmap", "meta_(.+)"), "meta_a=1,b=2"), "a=1,b=2,meta_a=1");
        assert_eq!(run(name("labeldrop", "meta_.*"), "meta_a=1,b=2"), "b=2");
        assert_eq!(run(name("labelkeep", "meta_.*"), "meta_a=1,b=2"), "meta_a=1");
    }

    #[test]
    fn case_and_hash_as_prometheus_has_them() {
        let case = |action: &str| to("t", RuleFields { regex: None, ..from(&["a"], "") }).clone_with(action);
        assert_eq!(run(case("lowercase"), "a=FoO"), "a=FoO,t=foo");
        assert_eq!(run(case("uppercase"), "a=FoO"), "a=FoO,t=FOO");
        // From prometheus/model/relabel/relabel_test.go.
        let hash = RuleFields {
            modulus: Some(1000),
            separator: Some(";".into()),
            regex: None,
            ..to("d", from(&["c"], ""))
        };
        assert_eq!(run(hash.clone_with("hashmod"), "a=foo,b=bar,c=baz"), "a=foo,b=bar,c=baz,d=976");
    }

    #[test]
    fn a_wrong_rule_names_its_field() {
        let field = |fields: RuleFields| Rule::new(fields, NameScheme::Legacy).unwrap_err().field;
        assert_eq!(field(fields("nothing")), "action");
        assert_eq!(field(fields("replace")), "target_label");
        assert_eq!(field(to("a-b", fields("lowercase"))), "target_label");
        assert_eq!(field(to("a", fields("hashmod"))), "modulus");
        assert_eq!(field(from(&["a"], "(").clone_with("keep")), "regex");
        assert_eq!(field(from(&["a"], ".*").clone_with("labeldrop")), "source_labels");
        assert_eq!(field(to("a", from(&["a"], ".*")).clone_with("keepequal")), "regex");
    }

    impl RuleFields {
        fn clone_with(&self, action: &str) -> Self {
            Self { action: Some(action.to_owned()), ..self.clone() }
        }
    }
}
