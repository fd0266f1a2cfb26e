//! What a browser tells: JSON, at most 4 KiB, every field bounded.
//!
//! `view` is the mark; `age` the milliseconds since the page's navigation began; `navigation` how the reader came;
//! `timings` milliseconds since the same begin, but `inp`, which is a duration, and `cls`, which is a score; `errors` what
//! failed. See <https://www.w3.org/TR/navigation-timing-2/> and <https://web.dev/articles/vitals>.

use serde::Deserialize;

use super::Refusal;

/// Bytes of a report at most; the edge takes no more either.
pub const MOST_BYTES: usize = 4_096;
/// Errors in one report at most.
const MOST_ERRORS: usize = 5;
/// Characters of an error's message and source at most.
const LONGEST_TEXT: usize = 200;
/// Milliseconds at most: ten minutes to load.
const LONGEST_MS: f64 = 600_000.0;
/// Milliseconds for which a page may have been open.
const OLDEST_MS: f64 = 4_000_000.0;
/// Above any layout shift that was ever seen.
const HIGHEST_SHIFT: f64 = 100.0;

/// A report, checked.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The mark as the page had it.
    pub view: String,
    /// Milliseconds since the navigation began.
    pub age: f64,
    /// How the reader came here.
    #[serde(default)]
    pub navigation: Navigation,
    /// What was measured.
    #[serde(default)]
    pub timings: Timings,
    /// What failed.
    #[serde(default)]
    pub errors: Vec<ClientError>,
}

/// How the reader came to the page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Navigation {
    /// By a link, a form, or an address.
    #[default]
    Navigate,
    /// By loading it again.
    Reload,
    /// With the browser's buttons.
    BackForward,
    /// It was loaded ahead.
    Prerender,
}

/// Measured times, milliseconds, and the layout shift's score.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timings {
    /// First byte.
    pub ttfb: Option<f64>,
    /// First contentful paint.
    pub fcp: Option<f64>,
    /// The document is parsed and its scripts have run.
    pub dom: Option<f64>,
    /// Everything is loaded.
    pub load: Option<f64>,
    /// Largest contentful paint.
    pub lcp: Option<f64>,
    /// Interaction to next paint.
    pub inp: Option<f64>,
    /// Cumulative layout shift.
    pub cls: Option<f64>,
}

/// Something that failed in the browser.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientError {
    /// What failed.
    pub kind: ErrorKind,
    /// What the browser says.
    pub message: String,
    /// The path of the script.
    #[serde(default)]
    pub source: String,
    /// The line in it.
    #[serde(default)]
    pub line: u32,
}

/// What failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// An exception that nobody caught.
    Error,
    /// A promise whose refusal nobody caught.
    Rejection,
}

impl Navigation {
    /// As an attribute.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Navigate => "navigate",
            Self::Reload => "reload",
            Self::BackForward => "back_forward",
            Self::Prerender => "prerender",
        }
    }
}

impl ErrorKind {
    /// As an attribute.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Rejection => "rejection",
        }
    }
}

impl Timings {
    /// Milliseconds by name; the score is not among them.
    pub fn milliseconds(&self) -> impl Iterator<Item = (&'static str, f64)> {
        let all = [
            ("ttfb", self.ttfb),
            ("fcp", self.fcp),
            ("dom", self.dom),
            ("load", self.load),
            ("lcp", self.lcp),
            ("inp", self.inp),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?)))
    }
}

impl Report {
    /// Reads and checks a body.
    pub fn parse(body: &[u8]) -> Result<Self, Refusal> {
        if body.len() > MOST_BYTES {
            return Err(Refusal::TooLarge);
        }
        // What serde says would repeat what was sent.
        let report: Self = serde_json::from_slice(body)
            .map_err(|_| Refusal::Malformed("the body is not a report in JSON".to_owned()))?;
        report.check().map_err(Refusal::Malformed)?;
        Ok(report)
    }

    fn check(&self) -> Result<(), String> {
        let within = |field: &str, value: f64, most: f64| {
            if (0.0..=most).contains(&value) { Ok(()) } else { Err(format!("{field} must be 0 to {most}")) }
        };
        within("age", self.age, OLDEST_MS)?;
        for (name, value) in self.timings.milliseconds() {
            within(&format!("timings.{name}"), value, LONGEST_MS)?;
        }
        within("timings.cls", self.timings.cls.unwrap_or_default(), HIGHEST_SHIFT)?;
        if self.errors.len() > MOST_ERRORS {
            return Err(format!("errors must be at most {MOST_ERRORS}"));
        }
        for (field, text) in self.errors.iter().flat_map(|e| [("message", &e.message), ("source", &e.source)])
        {
            if text.chars().count() > LONGEST_TEXT {
                return Err(format!("errors.{field} must be at most {LONGEST_TEXT} characters"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str) -> String {
        Report::parse(body.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn what_the_script_sends_is_read() {
        let body = r#"{"view":"v","age":1200.5,"navigation":"back_forward","timings":{"ttfb":3,"cls":0.02},
            "errors":[{"kind":"rejection","message":"no","source":"/assets/x.js","line":3}]}"#;
        let report = Report::parse(body.as_bytes()).unwrap();
        assert_eq!(report.navigation, Navigation::BackForward);
        assert_eq!(report.timings.milliseconds().collect::<Vec<_>>(), [("ttfb", 3.0)]);
        assert_eq!((report.timings.cls, report.errors[0].kind), (Some(0.02), ErrorKind::Rejection));
    }

    #[test]
    fn what_is_out_of_bounds_is_told_by_field_and_limit() {
        assert_eq!(refused(r#"{"view":"v","age":-1}"#), "age must be 0 to 4000000");
        assert_eq!(
            refused(r#"{"view":"v","age":1,"timings":{"lcp":1e9}}"#),
            "timings.lcp must be 0 to 600000"
        );
        assert_eq!(refused(r#"{"view":"v","age":1,"timings":{"cls":101}}"#), "timings.cls must be 0 to 100");
        let error = r#"{"kind":"error","message":"m"}"#;
        let many = [error; 6].join(",");
        assert_eq!(
            refused(&format!(r#"{{"view":"v","age":1,"errors":[{many}]}}"#)),
            "errors must be at most 5"
        );
        let long = error.replace("\"m\"", &format!("\"{}\"", "m".repeat(201)));
        assert_eq!(
            refused(&format!(r#"{{"view":"v","age":1,"errors":[{long}]}}"#)),
            "errors.message must be at most 200 characters"
        );
        assert_eq!(Report::parse(&[b' '; 4_097]), Err(Refusal::TooLarge));
    }

    #[test]
    fn anything_else_is_no_report_and_is_not_repeated() {
        for body in
            ["", "[]", "{\"view\":\"secret\"}", r#"{"view":"v","age":1,"trace_id":"secret"}"#, "\u{0}"]
        {
            let told = refused(body);
            assert_eq!(told, "the body is not a report in JSON", "{body}");
        }
        assert!(refused(r#"{"view":"v","age":1,"navigation":"teleport"}"#).contains("not a report"));
    }
}
