//! Go's `fmt.Sprintf` for the verbs and flags that templates use. A wrong verb is written into the text, as Go does.

use crate::{
    float::{exponent_form, format_float, format_significant},
    value::Value,
};

const MAX_WIDTH: usize = 1000;

#[derive(Default)]
struct Flags {
    minus: bool,
    plus: bool,
    zero: bool,
    space: bool,
    sharp: bool,
    width: usize,
    precision: Option<usize>,
}

pub(crate) fn printf(format: &str, arguments: &[Value]) -> String {
    let mut out = String::new();
    let mut chars = format.chars().peekable();
    let mut next = 0;
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut flags = Flags::default();
        while let Some(f) = chars.next_if(|c| "-+0 #".contains(*c)) {
            match f {
                '-' => flags.minus = true,
                '+' => flags.plus = true,
                '0' => flags.zero = true,
                ' ' => flags.space = true,
                _ => flags.sharp = true,
            }
        }
        flags.width = number(&mut chars).unwrap_or(0);
        if chars.next_if_eq(&'.').is_some() {
            flags.precision = Some(number(&mut chars).unwrap_or(0));
        }
        let Some(verb) = chars.next() else {
            out.push_str("%!(NOVERB)");
            break;
        };
        if verb == '%' {
            out.push('%');
            continue;
        }
        match arguments.get(next) {
            Some(v) => out.push_str(&pad(&one(verb, v, &flags), &flags, v)),
            None => out.push_str(&format!("%!{verb}(MISSING)")),
        }
        next += 1;
    }
    if next < arguments.len() {
        let extra: Vec<String> =
            arguments[next..].iter().map(|v| format!("{}={}", v.kind(), v.print())).collect();
        out.push_str(&format!("%!(EXTRA {})", extra.join(", ")));
    }
    out
}

fn number(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<usize> {
    let mut n = None;
    while let Some(d) = chars.next_if(char::is_ascii_digit) {
        let digit = d.to_digit(10).unwrap_or(0) as usize;
        n = Some((n.unwrap_or(0) * 10 + digit).min(MAX_WIDTH));
    }
    n
}

fn one(verb: char, v: &Value, flags: &Flags) -> String {
    let text = match (verb, v) {
        ('v', Value::Float(f)) => {
            flags.precision.map_or_else(|| format_float(*f), |p| format_significant(*f, p))
        }
        ('v' | 's', Value::Str(s)) => match flags.precision {
            Some(p) => s.chars().take(p).collect(),
            None => s.clone(),
        },
        ('v', other) => other.print(),
        ('s', Value::List(_) | Value::Map(_) | Value::Time(_) | Value::Struct(..)) => v.print(),
        ('q', Value::Str(s)) => format!("{s:?}"),
        ('t', Value::Bool(b)) => b.to_string(),
        ('d', Value::Int(i)) => i.to_string(),
        ('x', Value::Int(i)) => format!("{i:x}"),
        ('X', Value::Int(i)) => format!("{i:X}"),
        ('c', Value::Int(i)) => {
            u32::try_from(*i).ok().and_then(char::from_u32).unwrap_or('\u{fffd}').to_string()
        }
        ('x', Value::Str(s)) => s.bytes().fold(String::new(), |out, b| out + &format!("{b:02x}")),
        ('f' | 'F' | 'e' | 'g' | 'G', Value::Float(f)) if !f.is_finite() => format_float(*f),
        ('f' | 'F', Value::Float(f)) => format!("{f:.*}", flags.precision.unwrap_or(6)),
        ('e', Value::Float(f)) => exponent_form(&format!("{f:.*e}", flags.precision.unwrap_or(6))),
        ('g' | 'G', Value::Float(f)) => {
            flags.precision.map_or_else(|| format_float(*f), |p| format_significant(*f, p))
        }
        (verb, other) => return format!("%!{verb}({}={})", other.kind(), other.print()),
    };
    let numeric = matches!(v, Value::Int(_) | Value::Float(_)) && verb != 'c';
    match (numeric && !text.starts_with(['-', '+']), flags.plus, flags.space) {
        (true, true, _) => format!("+{text}"),
        (true, false, true) => format!(" {text}"),
        _ => text,
    }
}

fn pad(text: &str, flags: &Flags, v: &Value) -> String {
    let length = text.chars().count();
    if length >= flags.width {
        return text.to_owned();
    }
    let missing = flags.width - length;
    if flags.minus {
        return format!("{text}{}", " ".repeat(missing));
    }
    if flags.zero && matches!(v, Value::Int(_) | Value::Float(_)) {
        let (sign, digits) = text.split_at(usize::from(text.starts_with(['-', '+'])));
        return format!("{sign}{}{digits}", "0".repeat(missing));
    }
    format!("{}{text}", " ".repeat(missing))
}
