//! Alertmanager's template data, for receivers whose texts the routing file gives.

use std::path::Path;

use console_model::alert::{Alert, AlertState};
use console_template::{Limits, Template, Value};

use crate::{
    error::LoadError,
    glob,
    notify::{Notice, links::Links},
    rules::expand::to_map,
    yaml,
};

/// Names that Alertmanager's own default templates define.
const DEFAULTS: &str = r#"
{{ define "__subject" }}[{{ .Status | toUpper }}{{ if eq .Status "firing" }}:{{ .Alerts.Firing | len }}{{ end }}] {{ .GroupLabels.SortedPairs.Values | join " " }}{{ end }}
{{ define "__description" }}{{ end }}
{{ define "slack.default.title" }}{{ template "__subject" . }}{{ end }}
{{ define "slack.default.text" }}{{ range .Alerts }}{{ .Annotations.description }}
{{ end }}{{ end }}
{{ define "email.default.subject" }}{{ template "__subject" . }}{{ end }}
"#;

/// The library of named templates: the defaults and the files of the routing file's `templates`.
pub fn library(globs: &[String], beside: &Path) -> Result<Template, LoadError> {
    let mut library =
        Template::parse("defaults", DEFAULTS).map_err(|e| LoadError::of_file("defaults", e.to_string()))?;
    for pattern in globs {
        let pattern = beside.parent().unwrap_or(Path::new(".")).join(pattern);
        // As in Alertmanager, a pattern may match nothing.
        for file in glob::expand(&pattern.to_string_lossy()) {
            let text = yaml::read(&file)?;
            library = library
                .with_text(&file.display().to_string(), &text)
                .map_err(|e| LoadError::of_file(&file, e.to_string()))?;
        }
    }
    Ok(library)
}

/// Expands `text` for a notice.
pub fn expand(library: &Template, name: &str, text: &str, notice: &Notice) -> Result<String, String> {
    let template = library.with_text(name, text).map_err(|e| e.to_string())?;
    template.expand(&data(notice), &[], &Limits::default()).map_err(|e| e.to_string())
}

fn data(notice: &Notice) -> Value {
    Value::record(
        "Data",
        [
            ("Receiver", Value::Str(notice.receiver.clone())),
            ("Status", Value::Str(notice.status().to_owned())),
            ("Alerts", Value::List(notice.alerts.iter().map(|a| alert(a, notice)).collect())),
            ("GroupLabels", to_map(&notice.group_labels)),
            ("CommonLabels", to_map(&notice.common_labels())),
            ("CommonAnnotations", to_map(&notice.common_annotations())),
            ("ExternalURL", Value::Str(notice.external_url.clone())),
        ],
    )
}

fn alert(a: &Alert, notice: &Notice) -> Value {
    let status = if a.state == AlertState::Resolved { "resolved" } else { "firing" };
    Value::record(
        "Alert",
        [
            ("Status", Value::Str(status.to_owned())),
            ("Labels", to_map(&a.labels)),
            ("Annotations", to_map(&a.annotations)),
            ("StartsAt", Value::time_ms(a.fired_at_ms.unwrap_or(a.active_at_ms))),
            ("EndsAt", Value::time_ms(a.resolved_at_ms.unwrap_or(0))),
            ("GeneratorURL", Value::Str(Links::of(a, &notice.external_url).metrics)),
            ("Fingerprint", Value::Str(a.fingerprint.clone())),
        ],
    )
}
