//! The syntax of Kubernetes' selectors (k8s.io/apimachinery/pkg/labels and fields): checked here, so that a mistake has a
//! line; what they mean is the API server's.

/// `key`, `!key`, `key=value`, `key!=value`, `key in (a, b)`, `key notin (a, b)`, `key > 1`, `key < 1`, with commas
/// between. Empty means everything.
pub fn check_label_selector(text: &str) -> Result<(), String> {
    for requirement in requirements(text)? {
        check_requirement(requirement).map_err(|e| format!("{text:?} is not a label selector: {e}"))?;
    }
    Ok(())
}

/// `path=value` and `path!=value`, with commas between. Empty means everything.
pub(super) fn check_field_selector(text: &str) -> Result<(), String> {
    for requirement in text.split(',').filter(|r| !r.is_empty()) {
        let path = requirement.split_once('=').map_or("", |(path, _)| path.trim_end_matches('!'));
        if path.is_empty() {
            return Err(format!(
                "{text:?} is not a field selector: {requirement:?} must be path=value or path!=value"
            ));
        }
    }
    Ok(())
}

/// Splits at commas that are not in parentheses.
fn requirements(text: &str) -> Result<Vec<&str>, String> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let (mut all, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for (i, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' if depth == 0 => return Err(format!("{text:?} is not a label selector: a ) without a (")),
            ')' => depth -= 1,
            ',' if depth == 0 => {
                all.push(&text[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    if depth > 0 {
        return Err(format!("{text:?} is not a label selector: a ( without a )"));
    }
    all.push(&text[start..]);
    Ok(all)
}

fn check_requirement(text: &str) -> Result<(), String> {
    let text = text.trim();
    if let Some(key) = text.strip_prefix('!') {
        return check_key(key.trim());
    }
    if let Some(end) = text.find('(') {
        let mut words = text[..end].split_whitespace();
        let (key, operator) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        if !matches!(operator, "in" | "notin") || words.next().is_some() {
            return Err(format!("{text:?} must be key in (values) or key notin (values)"));
        }
        let values = text[end + 1..].strip_suffix(')').ok_or_else(|| format!("{text:?} goes on behind )"))?;
        check_key(key)?;
        return values.split(',').try_for_each(|value| check_value(value.trim()));
    }
    let Some(at) = text.find(['=', '!', '<', '>']) else { return check_key(text) };
    let (key, rest) = text.split_at(at);
    check_key(key.trim())?;
    if let Some(number) = rest.strip_prefix(['<', '>']) {
        let number = number.trim();
        return number.parse::<i64>().map(drop).map_err(|_| format!("{number:?} is not a number"));
    }
    let value =
        rest.strip_prefix("==").or_else(|| rest.strip_prefix("!=")).or_else(|| rest.strip_prefix('='));
    check_value(value.ok_or_else(|| format!("{rest:?} must be an operator and a value"))?.trim())
}

/// A name, with or without a DNS name and a slash before it.
fn check_key(key: &str) -> Result<(), String> {
    let (prefix, name) = key.split_once('/').unwrap_or(("a", key));
    let is_dns = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    if prefix.is_empty() || prefix.len() > 253 || !prefix.bytes().all(is_dns) || name.is_empty() {
        return Err(format!("{key:?} is not a name of a label"));
    }
    check_value(name).map_err(|_| format!("{key:?} is not a name of a label"))
}

fn check_value(value: &str) -> Result<(), String> {
    let ends = |b: Option<u8>| b.is_none_or(|b| b.is_ascii_alphanumeric());
    let inner = value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if inner && value.len() <= 63 && ends(value.bytes().next()) && ends(value.bytes().last()) {
        return Ok(());
    }
    Err(format!("{value:?} is not a value of a label"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_selectors_are_what_kubernetes_takes() {
        for good in [
            "",
            "app",
            "!app",
            "app=shop",
            "app==shop",
            "app != shop",
            "app=",
            "app.kubernetes.io/name in (a, b),tier notin (c),!canary",
            "weight>1,weight < 5",
        ] {
            assert_eq!(check_label_selector(good), Ok(()), "{good}");
        }
        for (wrong, said) in [
            ("app in a, b", "not a name of a label"),
            ("app in (a", "( without a )"),
            ("app)", ") without a ("),
            ("app of (a)", "must be key in (values)"),
            ("app=a b", "not a value"),
            ("a/b/c=d", "not a name"),
            ("weight>many", "not a number"),
            ("app=a,,b", "\"\" is not a name"),
            ("app!shop", "must be an operator"),
        ] {
            let error = check_label_selector(wrong).unwrap_err();
            assert!(error.contains(said), "{wrong}: {error} instead of {said}");
        }
    }

    #[test]
    fn field_selectors_are_paths_with_values() {
        for good in ["", "spec.nodeName=n1", "metadata.name!=a,status.phase==Running"] {
            assert_eq!(check_field_selector(good), Ok(()), "{good}");
        }
        for wrong in ["spec.nodeName", "=a", "!=a"] {
            assert!(check_field_selector(wrong).unwrap_err().contains("must be path=value"), "{wrong}");
        }
    }
}
