//! Names of Prometheus for what OTLP names with dots and units.
//!
//! Rules: OpenTelemetry specification, "Prometheus and OpenMetrics compatibility", and the table of units of
//! prometheus/otlptranslator.

/// What decides about suffixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameKind {
    Gauge,
    /// A sum that only grows: gets `_total`.
    Counter,
    /// A sum that may shrink, a histogram, a summary.
    Other,
}

/// `http.server.request.duration` in `s` is `http_server_request_duration_seconds`. `None` for a name without a
/// single usable character.
pub fn metric_name(name: &str, unit: &str, kind: NameKind) -> Option<String> {
    let mut tokens: Vec<&str> =
        name.split(|c: char| !(c.is_ascii_alphanumeric() || c == ':')).filter(|t| !t.is_empty()).collect();
    if tokens.is_empty() {
        return None;
    }
    let (main, per) = unit.split_once('/').map_or((unit, None), |(main, per)| (main, Some(per)));
    let main = sanitise_unit(main.trim(), main_unit);
    let per = per.and_then(|per| sanitise_unit(per.trim(), per_unit));
    if let Some(main) = main.as_deref().filter(|m| !tokens.contains(m)) {
        tokens.push(main);
    }
    if let Some(per) = per.as_deref().filter(|p| !tokens.contains(p)) {
        tokens.extend(["per", per]);
    }
    let suffix = match kind {
        NameKind::Counter => Some("total"),
        NameKind::Gauge if unit.trim() == "1" => Some("ratio"),
        NameKind::Gauge | NameKind::Other => None,
    };
    if let Some(suffix) = suffix {
        tokens.retain(|t| *t != suffix);
        tokens.push(suffix);
    }
    let joined = tokens.join("_");
    Some(if joined.starts_with(|c: char| c.is_ascii_digit()) { format!("_{joined}") } else { joined })
}

/// A label's name: letters, digits and `_`, not starting with a digit, and not reserved (`__...`).
pub fn label_name(key: &str) -> String {
    let clean: String =
        key.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect();
    if clean.starts_with(|c: char| c.is_ascii_digit()) {
        format!("key_{clean}")
    } else if clean.starts_with("__") {
        format!("key{clean}")
    } else {
        clean
    }
}

/// The word for a unit, or `None` for no suffix: annotations (`{request}`) and `1` say nothing about scale.
fn sanitise_unit(unit: &str, known: fn(&str) -> Option<&'static str>) -> Option<String> {
    if unit.is_empty() || unit == "1" || unit.contains(['{', '}']) {
        return None;
    }
    if let Some(word) = known(unit) {
        return Some(word.to_owned());
    }
    let words = unit.split(|c: char| !(c.is_ascii_alphanumeric() || c == ':')).filter(|t| !t.is_empty());
    Some(words.collect::<Vec<_>>().join("_")).filter(|w| !w.is_empty())
}

fn main_unit(unit: &str) -> Option<&'static str> {
    Some(match unit {
        "d" => "days",
        "h" => "hours",
        "min" => "minutes",
        "s" => "seconds",
        "ms" => "milliseconds",
        "us" => "microseconds",
        "ns" => "nanoseconds",
        "By" => "bytes",
        "KiBy" => "kibibytes",
        "MiBy" => "mebibytes",
        "GiBy" => "gibibytes",
        "TiBy" => "tibibytes",
        "KBy" => "kilobytes",
        "MBy" => "megabytes",
        "GBy" => "gigabytes",
        "TBy" => "terabytes",
        "m" => "meters",
        "V" => "volts",
        "A" => "amperes",
        "J" => "joules",
        "W" => "watts",
        "g" => "grams",
        "Cel" => "celsius",
        "Hz" => "hertz",
        "%" => "percent",
        _ => return None,
    })
}

fn per_unit(unit: &str) -> Option<&'static str> {
    Some(match unit {
        "s" => "second",
        "m" => "minute",
        "h" => "hour",
        "d" => "day",
        "w" => "week",
        "mo" => "month",
        "y" => "year",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metric_names_follow_the_compatibility_rules() {
        let cases = [
            ("http.server.request.duration", "s", NameKind::Other, "http_server_request_duration_seconds"),
            ("system.filesystem.usage", "By", NameKind::Gauge, "system_filesystem_usage_bytes"),
            ("memory.limit_bytes", "By", NameKind::Gauge, "memory_limit_bytes"),
            ("network.io", "By/s", NameKind::Gauge, "network_io_bytes_per_second"),
            ("orders.placed", "{order}", NameKind::Counter, "orders_placed_total"),
            ("orders_total", "1", NameKind::Counter, "orders_total"),
            ("cpu.utilization", "1", NameKind::Gauge, "cpu_utilization_ratio"),
            ("2xx", "", NameKind::Gauge, "_2xx"),
            ("a..b__c", "", NameKind::Other, "a_b_c"),
        ];
        for (name, unit, kind, want) in cases {
            assert_eq!(metric_name(name, unit, kind).as_deref(), Some(want));
        }
        assert_eq!(metric_name("..", "s", NameKind::Gauge), None);
    }

    #[test]
    fn label_names_are_never_reserved() {
        assert_eq!(label_name("http.route"), "http_route");
        assert_eq!(label_name("2nd"), "key_2nd");
        assert_eq!(label_name("__name__"), "key__name__");
    }
}
