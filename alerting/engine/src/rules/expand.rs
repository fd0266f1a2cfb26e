//! Templates of labels and annotations, with the data that Prometheus gives them.

use console_model::Labels;
use console_template::{Limits, Template, Value};

/// What templates may refer to besides the sample.
#[derive(Clone, Debug, Default)]
pub struct ExternalData {
    pub url: String,
    pub labels: Labels,
}

/// Parses `text` and reports what is wrong with it.
pub fn check(name: &str, text: &str) -> Result<(), String> {
    Template::parse(name, text).map(|_| ()).map_err(|e| e.to_string())
}

/// Expands `text` for one sample. An error becomes the text, as in Prometheus, so that the alert still fires.
pub fn expand(name: &str, text: &str, labels: &Labels, value: f64, external: &ExternalData) -> String {
    let label_map = to_map(labels);
    let external_map = to_map(&external.labels);
    let url = Value::Str(external.url.clone());
    let data = Value::record(
        "AlertTemplateData",
        [
            ("Labels", label_map.clone()),
            ("ExternalLabels", external_map.clone()),
            ("ExternalURL", url.clone()),
            ("Value", Value::Float(value)),
        ],
    );
    let variables = [
        ("labels", label_map),
        ("externalLabels", external_map),
        ("externalURL", url),
        ("value", Value::Float(value)),
    ];
    Template::parse(name, text)
        .and_then(|t| t.expand(&data, &variables, &Limits::default()))
        .unwrap_or_else(|e| format!("<error expanding template: {e}>"))
}

/// A label set as a template's map.
pub(crate) fn to_map(labels: &Labels) -> Value {
    Value::map(labels.iter().map(|l| (&*l.name, &*l.value)))
}
