//! Durations and byte sizes, in queries and in label values.

const NS: [(&str, f64); 11] = [
    ("ns", 1.0),
    ("us", 1e3),
    ("µs", 1e3),
    ("μs", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("m", 60e9),
    ("h", 3_600e9),
    ("d", 86_400e9),
    ("w", 604_800e9),
    ("y", 31_536_000e9),
];

/// Sizes as a query writes them: case matters.
const SIZES: [(&str, f64); 14] = [
    ("B", 1.0),
    ("kB", 1e3),
    ("KB", 1e3),
    ("KiB", 1024.0),
    ("MB", 1e6),
    ("MiB", 1_048_576.0),
    ("GB", 1e9),
    ("GiB", 1_073_741_824.0),
    ("TB", 1e12),
    ("TiB", 1_099_511_627_776.0),
    ("PB", 1e15),
    ("PiB", 1_125_899_906_842_624.0),
    ("EB", 1e18),
    ("EiB", 1_152_921_504_606_846_976.0),
];

/// Number and length of the leading duration of a query (`1h30m`, also days, weeks, years), in nanoseconds.
pub fn leading_duration(text: &str) -> Option<(i64, usize)> {
    let (mut total, mut at) = (0f64, 0);
    loop {
        let rest = &text[at..];
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let Some((number, (unit, scale))) = rest[..digits]
            .parse::<f64>()
            .ok()
            .zip(NS.iter().filter(|(u, _)| rest[digits..].starts_with(u)).max_by_key(|(u, _)| u.len()))
        else {
            return (at > 0 && total < i64::MAX as f64).then_some((total as i64, at));
        };
        total += number * scale;
        at += digits + unit.len();
    }
}

/// Number and length of the leading size of a query (`10MB`).
pub fn leading_size(text: &str) -> Option<(f64, usize)> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let number: f64 = text[..digits].parse().ok()?;
    let rest = &text[digits..];
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
    let (_, scale) = SIZES.iter().find(|(u, _)| *u == &rest[..end])?;
    Some(((number * scale).trunc(), digits + end))
}

/// A duration in a label value, with the errors of Go's `time.ParseDuration`; nanoseconds.
pub fn parse_duration(text: &str) -> Result<f64, String> {
    let invalid = || format!("time: invalid duration {text:?}");
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
    if unsigned == "0" {
        return Ok(0.0);
    }
    if unsigned.is_empty() {
        return Err(invalid());
    }
    let (mut rest, mut total) = (unsigned, 0.0);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number: f64 = rest[..digits].parse().map_err(|_| invalid())?;
        rest = &rest[digits..];
        let unit_end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let unit = &rest[..unit_end];
        if unit.is_empty() {
            return Err(format!("time: missing unit in duration {text:?}"));
        }
        // Go knows no days.
        let scale = NS.iter().take(8).find(|(u, _)| *u == unit);
        let Some((_, scale)) = scale else {
            return Err(format!("time: unknown unit {unit:?} in duration {text:?}"));
        };
        total += number * scale;
        rest = &rest[unit_end..];
    }
    Ok(sign * total)
}

/// A size in a label value, in whole bytes: case does not matter, the unit may be missing.
pub fn parse_bytes(text: &str) -> Result<f64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ',').unwrap_or(text.len());
    let number = text[..digits].replace(',', "");
    let value: f64 =
        number.parse().map_err(|_| format!("strconv.ParseFloat: parsing {number:?}: invalid syntax"))?;
    let unit = text[digits..].trim().to_ascii_lowercase();
    let scale = match unit.as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "ki" | "kib" => 1024.0,
        "m" | "mb" => 1e6,
        "mi" | "mib" => 1_048_576.0,
        "g" | "gb" => 1e9,
        "gi" | "gib" => 1_073_741_824.0,
        "t" | "tb" => 1e12,
        "ti" | "tib" => 1_099_511_627_776.0,
        "p" | "pb" => 1e15,
        "pi" | "pib" => 1_125_899_906_842_624.0,
        "e" | "eb" => 1e18,
        "ei" | "eib" => 1_152_921_504_606_846_976.0,
        _ => return Err(format!("unhandled size name: {unit}")),
    };
    let total = value * scale;
    // As github.com/dustin/go-humanize, which counts in 64 bits.
    if total >= u64::MAX as f64 { Err(format!("too large: {text}")) } else { Ok(total.trunc()) }
}

/// A number in a label value, as Go's `strconv.ParseFloat` reads it.
pub fn parse_number(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| format!("strconv.ParseFloat: parsing {text:?}: invalid syntax"))
}

/// `0x1.8p3`. Hexadecimal numbers need their exponent.
pub fn parse_hex_float(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.get(2..)?.split_once(['p', 'P'])?;
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |s: &str| if s.is_empty() { Some(0) } else { u64::from_str_radix(s, 16).ok() };
    if whole.is_empty() && fraction.is_empty() || whole.len() + fraction.len() > 13 {
        return None;
    }
    let value = digits(whole)? as f64 + digits(fraction)? as f64 / 16f64.powi(fraction.len() as i32);
    Some(value * 2f64.powi(exponent))
}
