//! Parameters from the query string or a form body, with the field named in each error.

use axum::{
    body::Bytes,
    extract::Request,
    http::{Method, header::CONTENT_TYPE},
};

/// Bounds of what a request may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest form body and query string, bytes.
    pub max_parameters_bytes: usize,
    /// Longest expression, bytes.
    pub max_query_bytes: usize,
    /// Most items that `limit` may ask for.
    pub max_limit: usize,
    /// Longest range of a log or trace query, milliseconds.
    pub max_range_ms: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_parameters_bytes: 256 << 10,
            max_query_bytes: 64 << 10,
            max_limit: 5000,
            max_range_ms: 32 * 24 * 3_600_000,
        }
    }
}

/// All parameters in the order sent; names may repeat (`match[]`).
#[derive(Clone, Debug, Default)]
pub struct Params(Vec<(String, String)>);

/// Why parameters could not be read.
#[derive(Debug, PartialEq, Eq)]
pub struct BadParams(pub String);

impl Params {
    pub fn parse(text: &str) -> Self {
        Self(url::form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// The first value of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// As [`Self::get`], where an empty value counts as absent.
    pub fn non_empty(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|v| !v.is_empty())
    }

    /// All values of a name.
    pub fn all(&self, name: &str) -> Vec<String> {
        self.0.iter().filter(|(n, _)| n == name).map(|(_, v)| v.clone()).collect()
    }
}

/// Query string and, for a POST with a form, its body. Answers the text of the refusal otherwise.
pub async fn read(request: Request, limits: Limits) -> Result<Params, BadParams> {
    let query = request.uri().query().unwrap_or_default().to_owned();
    if query.len() > limits.max_parameters_bytes {
        return Err(BadParams(format!("query string is longer than {} bytes", limits.max_parameters_bytes)));
    }
    let mut params = Params::parse(&query);
    let is_form = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|t| t.starts_with("application/x-www-form-urlencoded"));
    if request.method() == Method::POST && is_form {
        let body = limited_body(request, limits.max_parameters_bytes).await?;
        let text =
            std::str::from_utf8(&body).map_err(|e| BadParams(format!("form body is not UTF-8: {e}")))?;
        let mut form = Params::parse(text).0;
        form.append(&mut params.0);
        params.0 = form;
    }
    Ok(params)
}

async fn limited_body(request: Request, max: usize) -> Result<Bytes, BadParams> {
    let body = http_body_util::Limited::new(request.into_body(), max);
    let collected = http_body_util::BodyExt::collect(body).await;
    collected
        .map(http_body_util::Collected::to_bytes)
        .map_err(|e| BadParams(format!("form body is cut off or longer than {max} bytes: {e}")))
}

/// Unix seconds with fraction, or RFC 3339; answers milliseconds.
pub fn time_ms(name: &str, text: &str) -> Result<i64, String> {
    if let Ok(seconds) = text.parse::<f64>() {
        if seconds.is_finite() && seconds.abs() < 9e12 {
            return Ok((seconds * 1000.0).round() as i64);
        }
    } else if let Some(ms) = rfc3339_ns(text) {
        return Ok(ms / 1_000_000);
    }
    Err(format!("invalid parameter \"{name}\": cannot parse \"{text}\" to a valid timestamp"))
}

/// RFC 3339 to nanoseconds.
pub fn rfc3339_ns(text: &str) -> Option<i64> {
    chrono::DateTime::parse_from_rfc3339(text).ok()?.timestamp_nanos_opt()
}

/// Seconds with fraction, or a Prometheus duration such as `1h30m`; answers milliseconds.
pub fn duration_ms(name: &str, text: &str) -> Result<i64, String> {
    if let Ok(seconds) = text.parse::<f64>() {
        if seconds.is_finite() && seconds.abs() < 9e12 {
            return Ok((seconds * 1000.0).round() as i64);
        }
    } else if let Some(ms) = prometheus_duration_ms(text) {
        return Ok(ms);
    }
    Err(format!("invalid parameter \"{name}\": cannot parse \"{text}\" to a valid duration"))
}

fn prometheus_duration_ms(text: &str) -> Option<i64> {
    const UNITS: [(&str, i64); 7] = [
        ("y", 365 * 86_400_000),
        ("w", 7 * 86_400_000),
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1000),
        ("ms", 1),
    ];
    let (mut rest, mut total, mut next_unit) = (text, 0i64, 0usize);
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let amount: i64 = rest.get(..digits)?.parse().ok()?;
        rest = &rest[digits..];
        let unit: String = rest.chars().take_while(char::is_ascii_alphabetic).collect();
        let at = UNITS.iter().position(|(name, _)| *name == unit)?;
        // Each unit once, from large to small.
        if at < next_unit {
            return None;
        }
        next_unit = at + 1;
        total = total.checked_add(amount.checked_mul(UNITS[at].1)?)?;
        rest = &rest[unit.len()..];
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_unix_or_rfc3339() {
        assert_eq!(time_ms("t", "1.5"), Ok(1500));
        assert_eq!(time_ms("t", "1970-01-01T00:00:01.5Z"), Ok(1500));
        assert!(time_ms("start", "now").unwrap_err().contains("\"start\""));
        assert!(time_ms("t", "NaN").is_err());
    }

    #[test]
    fn durations_are_seconds_or_prometheus_words() {
        assert_eq!(duration_ms("step", "15"), Ok(15_000));
        assert_eq!(duration_ms("step", "1h30m5ms"), Ok(5_400_005));
        for wrong in ["5m1h", "m", "", "1x", "-5m"] {
            assert!(duration_ms("step", wrong).is_err(), "{wrong}");
        }
    }
}
