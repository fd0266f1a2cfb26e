//! Which formats targets are asked for, and which one an answer is in (prometheus/config: `ScrapeProtocol`).

use super::{
    error::ScrapeError,
    exposition::Format,
    names::{Escaping, named},
};

/// A format and its version, as configurations name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    PrometheusProto,
    OpenMetricsText1_0_0,
    OpenMetricsText0_0_1,
    PrometheusText1_0_0,
    PrometheusText0_0_4,
}

impl Protocol {
    /// In the order in which targets are asked where native histograms are wanted.
    pub const ALL: [Self; 5] = [
        Self::PrometheusProto,
        Self::OpenMetricsText1_0_0,
        Self::OpenMetricsText0_0_1,
        Self::PrometheusText1_0_0,
        Self::PrometheusText0_0_4,
    ];

    /// What targets are asked for where nothing else is said.
    pub fn defaults(native_histograms: bool) -> &'static [Self] {
        if native_histograms { &Self::ALL } else { &Self::ALL[1..] }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::PrometheusProto => "PrometheusProto",
            Self::OpenMetricsText1_0_0 => "OpenMetricsText1.0.0",
            Self::OpenMetricsText0_0_1 => "OpenMetricsText0.0.1",
            Self::PrometheusText1_0_0 => "PrometheusText1.0.0",
            Self::PrometheusText0_0_4 => "PrometheusText0.0.4",
        }
    }

    pub fn parse(name: &str) -> Result<Self, String> {
        named(&Self::ALL, Self::name, name)
    }

    fn media_range(self) -> &'static str {
        match self {
            Self::PrometheusProto => {
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
            }
            Self::OpenMetricsText1_0_0 => "application/openmetrics-text;version=1.0.0",
            Self::OpenMetricsText0_0_1 => "application/openmetrics-text;version=0.0.1",
            Self::PrometheusText1_0_0 => "text/plain;version=1.0.0",
            Self::PrometheusText0_0_4 => "text/plain;version=0.0.4",
        }
    }

    /// Whether its targets know what to do with names that are not classic.
    fn has_escaping(self) -> bool {
        matches!(self, Self::OpenMetricsText1_0_0 | Self::PrometheusText1_0_0)
    }

    fn format(self) -> Format {
        match self {
            Self::PrometheusProto => Format::Protobuf,
            Self::OpenMetricsText1_0_0 | Self::OpenMetricsText0_0_1 => Format::OpenMetrics,
            Self::PrometheusText1_0_0 | Self::PrometheusText0_0_4 => Format::Prometheus,
        }
    }
}

/// The header `Accept`: the protocols with falling weights, then anything (prometheus/scrape: `acceptHeader`).
pub fn accept(protocols: &[Protocol], escaping: Escaping) -> String {
    let mut out = String::new();
    let mut weight = Protocol::ALL.len() + 1;
    for protocol in protocols {
        out.push_str(protocol.media_range());
        if protocol.has_escaping() {
            out.push_str(&format!(";escaping={}", escaping.name()));
        }
        out.push_str(&format!(";q=0.{weight},"));
        weight = weight.saturating_sub(1).max(1);
    }
    out.push_str(&format!("*/*;q=0.{weight}"));
    out
}

/// The format of an answer. One that does not say it, or says something else, is read as `fallback`; where there is none,
/// it is refused, as in Prometheus 3.
pub fn format(content_type: &str, fallback: Option<Protocol>) -> Result<Format, ScrapeError> {
    let mut parts = content_type.split(';').map(str::trim);
    let media = parts.next().unwrap_or_default().to_ascii_lowercase();
    let encoding =
        parts.filter_map(|p| p.split_once('=')).find(|(name, _)| name.eq_ignore_ascii_case("encoding"));
    let encoding = encoding.map_or("delimited", |(_, value)| value.trim_matches('"'));
    match (&*media, fallback) {
        ("application/openmetrics-text", _) => Ok(Format::OpenMetrics),
        ("text/plain", _) => Ok(Format::Prometheus),
        ("application/vnd.google.protobuf", _) if encoding.eq_ignore_ascii_case("delimited") => {
            Ok(Format::Protobuf)
        }
        (_, Some(fallback)) => Ok(fallback.format()),
        _ => Err(ScrapeError::ContentType(content_type.chars().take(100).collect())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_are_asked_for_with_falling_weights() {
        assert_eq!(
            accept(Protocol::defaults(true), Escaping::AllowUtf8),
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,\
             application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
             application/openmetrics-text;version=0.0.1;q=0.4,\
             text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
        );
        for escaping in ["underscores", "dots", "values"] {
            let header = accept(Protocol::defaults(false), Escaping::parse(escaping).unwrap());
            let first = format!("application/openmetrics-text;version=1.0.0;escaping={escaping};q=0.6,");
            assert!(header.starts_with(&first), "{header}");
            assert_eq!(header.matches("escaping=").count(), 2, "{header}");
        }
        let plain = accept(&[Protocol::PrometheusText0_0_4], Escaping::Dots);
        assert_eq!(plain, "text/plain;version=0.0.4;q=0.6,*/*;q=0.5");
    }

    #[test]
    fn an_answer_says_its_format_or_falls_back() {
        let proto = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=";
        for (content_type, is) in [
            ("text/plain", Format::Prometheus),
            ("Text/Plain; version=0.0.4; charset=utf-8", Format::Prometheus),
            ("application/openmetrics-text; version=1.0.0", Format::OpenMetrics),
            ("application/vnd.google.protobuf", Format::Protobuf),
            (&format!("{proto}delimited"), Format::Protobuf),
        ] {
            assert_eq!(format(content_type, Some(Protocol::OpenMetricsText0_0_1)), Ok(is), "{content_type}");
        }
        for content_type in ["", "text/html", "application/json", &format!("{proto}text")] {
            let refused = ScrapeError::ContentType(content_type.to_owned());
            assert_eq!(format(content_type, None), Err(refused), "{content_type}");
            assert_eq!(format(content_type, Some(Protocol::PrometheusProto)), Ok(Format::Protobuf));
        }
    }
}
