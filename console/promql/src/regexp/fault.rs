//! Why RE2 refuses a pattern, in the words and the order of Go's regexp/syntax. What it refuses, the `regex` crate may take
//! (`a**`, a thousand repetitions and more), so it decides too.

/// Most repetitions in braces.
const MAX_REPEAT: u32 = 1000;

/// The first fault of a pattern; names of Unicode's classes are not looked up.
pub(super) fn of(pattern: &str) -> Option<String> {
    Walk { whole: pattern, rest: pattern, groups: 0, has_operand: false, repeated_from: None }.go().err()
}

struct Walk<'a> {
    whole: &'a str,
    rest: &'a str,
    groups: usize,
    /// Something that can be repeated stands before.
    has_operand: bool,
    /// What stands before ends in a repetition; the text from there.
    repeated_from: Option<&'a str>,
}

fn fault<T>(what: &str, text: &str) -> Result<T, String> {
    Err(format!("{what}: `{text}`"))
}

/// `text` up to where `rest`, its end, begins.
fn before<'a>(text: &'a str, rest: &str) -> &'a str {
    &text[..text.len() - rest.len()]
}

impl<'a> Walk<'a> {
    fn go(&mut self) -> Result<(), String> {
        while let Some(c) = self.rest.chars().next() {
            let start = self.rest;
            self.rest = &start[c.len_utf8()..];
            let mut repeated_from = None;
            match c {
                '(' => self.group(start)?,
                ')' => {
                    self.groups = match self.groups.checked_sub(1) {
                        Some(left) => left,
                        None => return fault("unexpected )", self.whole),
                    };
                    self.has_operand = true;
                }
                '|' => self.has_operand = false,
                '[' => self.class(start)?,
                '\\' => self.escape(start)?,
                '*' | '+' | '?' => repeated_from = Some(self.repetition(start)?),
                '{' if self.counts(start)? => repeated_from = Some(self.repetition(start)?),
                _ => self.has_operand = true,
            }
            self.repeated_from = repeated_from;
        }
        if self.groups > 0 { fault("missing closing )", self.whole) } else { Ok(()) }
    }

    fn group(&mut self, start: &'a str) -> Result<(), String> {
        self.has_operand = false;
        let Some(flags) = start.strip_prefix("(?") else {
            self.groups += 1;
            return Ok(());
        };
        if let Some(name) = flags.strip_prefix("P<").or_else(|| flags.strip_prefix('<')) {
            let Some(end) = name.find('>') else { return fault("invalid named capture", start) };
            self.rest = &name[end + 1..];
            let is_name = |n: &str| !n.is_empty() && n.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            if !is_name(&name[..end]) {
                return fault("invalid named capture", before(start, self.rest));
            }
            self.groups += 1;
            return Ok(());
        }
        let (mut is_negative, mut has_flag) = (false, false);
        for (i, c) in flags.char_indices() {
            self.rest = &flags[i + c.len_utf8()..];
            match c {
                'i' | 'm' | 's' | 'U' => has_flag = true,
                '-' if !is_negative => (is_negative, has_flag) = (true, false),
                ':' | ')' if !is_negative || has_flag => {
                    self.groups += usize::from(c == ':');
                    return Ok(());
                }
                _ => return fault("invalid or unsupported Perl syntax", before(start, self.rest)),
            }
        }
        fault("invalid or unsupported Perl syntax", start)
    }

    /// A repetition at `start`, of which the rest is known; gives the text from the first of adjacent ones.
    fn repetition(&mut self, start: &'a str) -> Result<&'a str, String> {
        self.rest = self.rest.strip_prefix('?').unwrap_or(self.rest);
        if let Some(from) = self.repeated_from {
            return fault("invalid nested repetition operator", before(from, self.rest));
        }
        if !self.has_operand {
            return fault("missing argument to repetition operator", before(start, self.rest));
        }
        Ok(start)
    }

    /// Whether `{3}`, `{3,}` or `{3,5}` begins at `start`; then the rest is behind it. Otherwise the brace is text.
    fn counts(&mut self, start: &'a str) -> Result<bool, String> {
        let found = start[1..].split_once('}').and_then(|(inside, rest)| {
            let (least, most) = inside.split_once(',').map_or((inside, None), |(l, m)| (l, Some(m)));
            let is_count = |n: &str| {
                let digits = !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit());
                digits && (n.len() == 1 || !n.starts_with('0'))
            };
            let fits = is_count(least) && most.is_none_or(|m| m.is_empty() || is_count(m));
            fits.then(|| (least, most.filter(|m| !m.is_empty()), rest))
        });
        let Some((least, most, rest)) = found else {
            self.has_operand = true;
            return Ok(false);
        };
        self.rest = rest;
        let count = |n: &str| n.parse().unwrap_or(u32::MAX);
        let (least, most) = (count(least), most.map(count));
        if least > MAX_REPEAT || most.is_some_and(|m| m > MAX_REPEAT || m < least) {
            return fault("invalid repeat count", before(start, rest));
        }
        Ok(true)
    }

    /// Behind a backslash outside of a class.
    fn escape(&mut self, start: &'a str) -> Result<(), String> {
        self.has_operand = true;
        if let Some(quoted) = self.rest.strip_prefix('Q') {
            self.rest = quoted.split_once(r"\E").map_or("", |(_, behind)| behind);
            return Ok(());
        }
        if let Some(behind) = self.rest.strip_prefix(['A', 'b', 'B', 'z', 'd', 'D', 's', 'S', 'w', 'W']) {
            self.rest = behind;
            return Ok(());
        }
        if self.rest.starts_with(['p', 'P']) {
            return self.unicode_class(start);
        }
        self.character(start)
    }

    fn unicode_class(&mut self, start: &'a str) -> Result<(), String> {
        let name = &self.rest[1..];
        self.rest = match name.strip_prefix('{') {
            Some(inside) => match inside.split_once('}') {
                Some((_, behind)) => behind,
                None => return fault("invalid character class range", start),
            },
            None => name.chars().next().map_or("", |c| &name[c.len_utf8()..]),
        };
        Ok(())
    }

    /// An escaped character; the backslash was taken.
    fn character(&mut self, start: &'a str) -> Result<(), String> {
        let Some(c) = self.rest.chars().next() else {
            return fault("trailing backslash at end of expression", "");
        };
        self.rest = &self.rest[c.len_utf8()..];
        let is_octal = |c: char| c.is_digit(8);
        let is_known = match c {
            '1'..='7' => self.rest.starts_with(is_octal),
            '0' => true,
            'x' => return self.hexadecimal(start),
            'a' | 'f' | 'n' | 'r' | 't' | 'v' => true,
            c => c.is_ascii() && !c.is_ascii_alphanumeric(),
        };
        if !is_known {
            return fault("invalid escape sequence", before(start, self.rest));
        }
        if c.is_ascii_digit() {
            for _ in 0..2 {
                self.rest = self.rest.strip_prefix(is_octal).unwrap_or(self.rest);
            }
        }
        Ok(())
    }

    fn hexadecimal(&mut self, start: &'a str) -> Result<(), String> {
        let is_hex = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_hexdigit());
        let (digits, rest) = match self.rest.strip_prefix('{') {
            Some(inside) => inside.split_once('}').unwrap_or((inside, "")),
            None => self.rest.split_at_checked(2).unwrap_or((self.rest, "")),
        };
        if is_hex(digits) && u32::from_str_radix(digits, 16).is_ok_and(|c| c <= u32::from(char::MAX)) {
            self.rest = rest;
            return Ok(());
        }
        let end = self.rest.find(|c: char| c != '{' && !c.is_ascii_hexdigit());
        let shown = end.map_or("", |at| &self.rest[at..]);
        let shown = shown.chars().next().map_or("", |c| &shown[c.len_utf8()..]);
        fault("invalid escape sequence", before(start, shown))
    }

    /// A class in brackets.
    fn class(&mut self, start: &'a str) -> Result<(), String> {
        self.has_operand = true;
        self.rest = self.rest.strip_prefix('^').unwrap_or(self.rest);
        let mut is_first = true;
        while is_first || !self.rest.starts_with(']') {
            if self.rest.is_empty() {
                return fault("missing closing ]", start);
            }
            is_first = false;
            if let Some(named) = self.rest.strip_prefix("[:")
                && let Some((name, behind)) = named.split_once(":]")
            {
                if !NAMED.contains(&name.trim_start_matches('^')) {
                    return fault("invalid character class range", before(self.rest, behind));
                }
                self.rest = behind;
                continue;
            }
            if let Some(behind) = self.rest.strip_prefix('\\') {
                if behind.starts_with(['p', 'P']) {
                    let escaped = self.rest;
                    self.rest = behind;
                    self.unicode_class(escaped)?;
                    continue;
                }
                if let Some(behind) = behind.strip_prefix(['d', 'D', 's', 'S', 'w', 'W']) {
                    self.rest = behind;
                    continue;
                }
            }
            self.range()?;
        }
        self.rest = &self.rest[1..];
        Ok(())
    }

    /// A character of a class, or two with all between.
    fn range(&mut self) -> Result<(), String> {
        let start = self.rest;
        let low = self.class_character()?;
        let Some(behind) = self.rest.strip_prefix('-').filter(|b| !b.is_empty() && !b.starts_with(']'))
        else {
            return Ok(());
        };
        self.rest = behind;
        let high = self.class_character()?;
        match (low, high) {
            (Some(low), Some(high)) if high < low => {
                fault("invalid character class range", before(start, self.rest))
            }
            _ => Ok(()),
        }
    }

    /// The character, where it stands for itself.
    fn class_character(&mut self) -> Result<Option<char>, String> {
        let start = self.rest;
        let Some(c) = start.chars().next() else { return Ok(None) };
        self.rest = &start[c.len_utf8()..];
        if c == '\\' {
            self.character(start)?;
            return Ok(None);
        }
        Ok(Some(c))
    }
}

const NAMED: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
    "upper", "word", "xdigit",
];

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn faults_are_told_as_go_tells_them() {
        for (pattern, wanted) in [
            ("a(b", "missing closing ): `a(b`"),
            ("a)b", "unexpected ): `a)b`"),
            ("x[a", "missing closing ]: `[a`"),
            ("*a", "missing argument to repetition operator: `*`"),
            ("a|+?", "missing argument to repetition operator: `+?`"),
            ("a**b", "invalid nested repetition operator: `**`"),
            ("a{2}{3}", "invalid nested repetition operator: `{2}{3}`"),
            ("a{1001}", "invalid repeat count: `{1001}`"),
            ("a{3,2}", "invalid repeat count: `{3,2}`"),
            (r"a\q", r"invalid escape sequence: `\q`"),
            (r"a\1", r"invalid escape sequence: `\1`"),
            ("a\\", "trailing backslash at end of expression: ``"),
            ("[z-a]", "invalid character class range: `z-a`"),
            ("[[:nope:]]", "invalid character class range: `[:nope:]`"),
            ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
            ("(?P<1-2>a)", "invalid named capture: `(?P<1-2>`"),
        ] {
            assert_eq!(of(pattern).as_deref(), Some(wanted), "{pattern}");
        }
    }

    #[test]
    fn what_re2_reads_has_none() {
        for pattern in [
            "",
            ".*",
            "a{",
            "a{,3}",
            "a{2,3}?",
            "[]a]",
            "[^]-]",
            "[a-]",
            r"[\d\]]",
            r"\Qa*(\E",
            "(?i:a)",
            "(?i)a",
            "(?P<n>a)",
            r"\x{1F600}\pL\p{Greek}",
            "[[:^alpha:]x]",
            "a??",
            "(a|b)*",
            r"\.\_\-",
            "^*",
        ] {
            assert_eq!(of(pattern), None, "{pattern}");
        }
    }
}
