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
    /// Longest time of a metrics query, milliseconds; a shorter `timeout` is obeyed.
    pub max_query_ms: u64,
    /// Longest range of a log or trace query, milliseconds.
    pub max_range_ms: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_parameters_bytes: 256 << 10,
            max_query_bytes: 64 << 10,
            max_limit: 5000,
            max_query_ms: 55_000,
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
pub fn parse_time_ms(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<f64>() {
        // A number that is too large to be one is no infinity.
        let overflows = seconds.is_infinite() && text.bytes().any(|b| b.is_ascii_digit());
        // As Prometheus rounds: the fraction by itself.
        let ms = (seconds.trunc() * 1000.0) as i64;
        let fraction = if seconds.is_finite() { (seconds.fract() * 1000.0).round() as i64 } else { 0 };
        return (!seconds.is_nan() && !overflows).then(|| ms.saturating_add(fraction));
    }
    Some(rfc3339(text)?.timestamp_millis())
}

/// The library takes a space for the `T` too.
fn rfc3339(text: &str) -> Option<chrono::DateTime<chrono::FixedOffset>> {
    (text.as_bytes().get(10) == Some(&b'T')).then(|| chrono::DateTime::parse_from_rfc3339(text).ok())?
}

/// RFC 3339 to nanoseconds.
pub fn rfc3339_ns(text: &str) -> Option<i64> {
    rfc3339(text)?.timestamp_nanos_opt()
}

/// Seconds with fraction, or a Prometheus duration such as `1h30m`; answers milliseconds.
pub fn parse_duration_ms(text: &str) -> Result<i64, String> {
    if let Ok(seconds) = text.parse::<f64>() {
        // Prometheus keeps durations as nanoseconds in 64 bits.
        if (seconds * 1e9).abs() > i64::MAX as f64 {
            return Err(format!("cannot parse {text:?} to a valid duration. It overflows int64"));
        }
        if !seconds.is_nan() {
            return Ok((seconds * 1000.0).round() as i64);
        }
    }
    let ms = console_promql::parser::duration_ms(text);
    ms.ok_or_else(|| format!("cannot parse {text:?} to a valid duration"))
}

/// As [`parse_duration_ms`], with the parameter's name in the refusal.
pub fn duration_ms(name: &str, text: &str) -> Result<i64, String> {
    parse_duration_ms(text).map_err(|reason| format!("invalid parameter \"{name}\": {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_unix_or_rfc3339() {
        assert_eq!(parse_time_ms("1.5"), Some(1500));
        assert_eq!(parse_time_ms("1970-01-01T00:00:01.5Z"), Some(1500));
        assert_eq!(parse_time_ms("1970-01-01T01:00:01+01:00"), Some(1000));
        assert_eq!((parse_time_ms("1.0005"), parse_time_ms("-1.5")), (Some(1000), Some(-1500)));
        assert_eq!((parse_time_ms("1e400"), parse_time_ms("1970-01-01 00:00:01Z")), (None, None));
        assert_eq!((parse_time_ms("now"), parse_time_ms("NaN"), parse_time_ms("")), (None, None, None));
    }

    #[test]
    fn durations_are_seconds_or_prometheus_words() {
        assert_eq!(duration_ms("step", "15"), Ok(15_000));
        assert_eq!(duration_ms("step", "1h30m5ms"), Ok(5_400_005));
        assert_eq!(duration_ms("step", "0.25"), Ok(250));
        assert!(duration_ms("step", "1e20").unwrap_err().ends_with("It overflows int64"));
        for wrong in ["5m1h", "m", "", "1x", "-5m"] {
            assert!(duration_ms("step", wrong).is_err(), "{wrong}");
        }
    }
}
