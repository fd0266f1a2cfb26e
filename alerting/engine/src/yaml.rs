//! Reading YAML files: unknown fields are refused, errors carry the line, and an empty value means the default
//! (`rules:` alone is an empty list, as in Prometheus).

use std::path::Path;

use console_storage::file::read_text;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use crate::error::{LoadError, Problem};

/// Largest configuration file read.
pub(crate) const MAX_FILE_BYTES: u64 = 4 << 20;

/// A value and the line that it stands on.
pub(crate) type Spanned<T> = serde_saphyr::Spanned<T>;

/// Reads a file as text, within the size limit.
pub(crate) fn read(file: &Path) -> Result<String, LoadError> {
    read_text(file, MAX_FILE_BYTES).map_err(|e| LoadError::of_file(file, e.to_string()))
}

/// Parses the first document of `text`. A second document is not read; the log says so.
pub(crate) fn parse<T: DeserializeOwned>(file: &Path, text: &str) -> Result<T, LoadError> {
    let first = first_document(text);
    if first.len() < text.len() {
        tracing::warn!(file = %file.display(), "only the first document of the file is read");
    }
    let options = serde_saphyr::options! { with_snippet: false };
    serde_saphyr::from_str_with_options(first, options).map_err(|e| {
        let line = e.location().map(|l| l.line()).filter(|l| *l > 0);
        let message = e.to_string();
        let problem = Problem { file: file.to_owned(), line, field: String::new(), message };
        LoadError { problems: vec![problem] }
    })
}

fn first_document(text: &str) -> &str {
    let mut offset = 0;
    let mut content = false;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end();
        if bare == "---" && content {
            return &text[..offset];
        }
        content |= !bare.is_empty() && !bare.starts_with(['#', '%']) && bare != "---";
        offset += line.len();
    }
    text
}

/// An explicit null is the default value.
pub(crate) fn null_default<'de, D, T>(d: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(d)?.unwrap_or_default())
}
