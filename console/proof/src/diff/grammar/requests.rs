//! Requests whose parameters are the question: what is missing, wrong, at a limit, or in another form.

/// A path with its form.
#[derive(Clone, Debug)]
pub struct Request {
    pub path: &'static str,
    pub form: Vec<(&'static str, String)>,
}

/// `+N` is N seconds into the data; all else goes as it is.
const REQUESTS: &[(&str, &[(&str, &str)])] = &[
    ("query", &[]),
    ("query", &[("query", "temp"), ("time", "abc")]),
    ("query", &[("query", "temp"), ("time", "+600")]),
    ("query", &[("query", "vector(1)"), ("time", "1e400")]),
    ("query", &[("query", "vector(1)"), ("time", "-1")]),
    ("query", &[("query", "vector(1)"), ("time", "-0.001")]),
    ("query", &[("query", "vector(1)"), ("time", "1e3")]),
    ("query", &[("query", "vector(1)"), ("time", "1.0005")]),
    ("query", &[("query", "vector(1)"), ("time", "1.00049")]),
    ("query", &[("query", "vector(1)"), ("time", "2026-01-01T00:00:00Z")]),
    ("query", &[("query", "vector(1)"), ("time", "2026-01-01T00:00:00.123456789+02:00")]),
    ("query", &[("query", "vector(1)"), ("time", "2026-01-01")]),
    ("query", &[("query", "vector(1)"), ("time", "2026-01-01 00:00:00Z")]),
    ("query", &[("query", "vector(time())"), ("time", "1.5")]),
    ("query", &[("query", "vector(1)"), ("time", "5"), ("timeout", "5s")]),
    ("query", &[("query", "vector(1)"), ("time", "5"), ("timeout", "5")]),
    ("query", &[("query", "vector(1)"), ("time", "5"), ("timeout", "abc")]),
    ("query", &[("query", "vector("), ("time", "5"), ("timeout", "1s")]),
    ("query", &[("query", "vector("), ("time", "abc")]),
    ("query_range", &[("query", "temp"), ("start", "+600"), ("end", "+900"), ("step", "15")]),
    ("query_range", &[("query", "temp"), ("start", "+600"), ("end", "+900"), ("step", "1m")]),
    ("query_range", &[("query", "temp"), ("start", "+600"), ("end", "+600"), ("step", "1")]),
    ("query_range", &[("query", "temp"), ("start", "+600"), ("end", "+601"), ("step", "0.5")]),
    ("query_range", &[("query", "temp"), ("start", "+600"), ("end", "+900"), ("step", "1h")]),
    ("query_range", &[("query", "temp"), ("start", "+600"), ("end", "+900"), ("step", "1d1h")]),
    ("query_range", &[("query", "temp"), ("start", "+600"), ("end", "+900"), ("step", "1m30s")]),
    ("query_range", &[("query", "temp"), ("start", "+900"), ("end", "+600"), ("step", "15")]),
    ("query_range", &[("query", "temp"), ("start", "+600"), ("end", "+900"), ("step", "0")]),
    ("query_range", &[("query", "temp"), ("start", "+600"), ("end", "+900"), ("step", "-15")]),
    ("query_range", &[("query", "temp"), ("start", "+600"), ("end", "+900"), ("step", "abc")]),
    ("query_range", &[("query", "temp"), ("start", "+600"), ("end", "+900"), ("step", "")]),
    ("query_range", &[("query", "temp"), ("start", "+600"), ("end", "+900"), ("step", "NaN")]),
    ("query_range", &[("query", "temp"), ("start", "+600"), ("end", "+900"), ("step", "30m1h")]),
    ("query_range", &[("query", "temp"), ("start", "+600"), ("end", "+900")]),
    ("query_range", &[("query", "temp"), ("start", "+600"), ("step", "15")]),
    ("query_range", &[("query", "temp"), ("end", "+600"), ("step", "15")]),
    ("query_range", &[("query", "temp"), ("start", "abc"), ("end", "+900"), ("step", "15")]),
    ("query_range", &[("query", "temp"), ("start", "+600"), ("end", "abc"), ("step", "15")]),
    ("query_range", &[("start", "+600"), ("end", "+900"), ("step", "15")]),
    ("query_range", &[("query", "temp["), ("start", "+600"), ("end", "+900"), ("step", "15")]),
    ("query_range", &[("query", "temp[5m]"), ("start", "+600"), ("end", "+900"), ("step", "15")]),
    ("query_range", &[("query", "\"x\""), ("start", "+600"), ("end", "+900"), ("step", "15")]),
    ("query_range", &[("query", "vector(1)"), ("start", "0"), ("end", "11000"), ("step", "1")]),
    ("query_range", &[("query", "vector(1)"), ("start", "0"), ("end", "11001"), ("step", "1")]),
    ("query_range", &[("query", "vector(1)"), ("start", "0"), ("end", "11000.9"), ("step", "1")]),
    ("query_range", &[("query", "1"), ("start", "-5"), ("end", "5"), ("step", "1")]),
    (
        "query_range",
        &[("query", "time()"), ("start", "1970-01-01T00:00:00Z"), ("end", "10"), ("step", "2.5")],
    ),
    ("series", &[]),
    ("series", &[("match[]", "temp"), ("start", "abc")]),
    ("series", &[("match[]", "temp"), ("end", "abc")]),
    ("series", &[("match[]", "nothing")]),
    ("labels", &[("match[]", "temp"), ("start", "abc")]),
    ("labels", &[("match[]", "nothing")]),
    ("labels", &[("match[]", "{}")]),
];

impl Request {
    pub fn all(base_ms: i64) -> Vec<Self> {
        let value = |text: &str| match text.strip_prefix('+').and_then(|s| s.parse::<i64>().ok()) {
            Some(seconds) => (base_ms / 1000 + seconds).to_string(),
            None => text.to_owned(),
        };
        let request = |(path, form): &(&'static str, &'static [(&'static str, &'static str)])| Self {
            path,
            form: form.iter().map(|(n, v)| (*n, value(v))).collect(),
        };
        REQUESTS.iter().map(request).collect()
    }
}
