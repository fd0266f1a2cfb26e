//! Reading YAML: unknown fields are refused, errors carry line and field, an empty value means the default.

use std::path::Path;

use console_storage::file::read_text;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use super::ConfigError;

const MAX_FILE_BYTES: u64 = 4 << 20;

/// A value and the line that it stands on.
pub(in crate::scrape) type Spanned<T> = serde_saphyr::Spanned<T>;

/// Reads a file as text, within the size limit.
pub(in crate::scrape) fn read(file: &Path) -> Result<String, ConfigError> {
    read_text(file, MAX_FILE_BYTES)
        .map_err(|e| ConfigError::of_file(file, None, String::new(), e.to_string()))
}

/// Parses one document.
pub(in crate::scrape) fn parse<T: DeserializeOwned>(file: &Path, text: &str) -> Result<T, ConfigError> {
    let options = serde_saphyr::options! { with_snippet: false };
    serde_saphyr::from_str_with_options(text, options).map_err(|e| {
        let line = e.location().map(|l| l.line()).filter(|l| *l > 0);
        let field = line.map_or_else(String::new, |line| key_of(text, line));
        ConfigError::of_file(file, line, field, short(&e.to_string()))
    })
}

/// Without the place, which is said already, and without all the fields that there are.
fn short(message: &str) -> String {
    let end = message.find(", expected one of ").or_else(|| message.rfind(" at line "));
    message[..end.unwrap_or(message.len())].to_owned()
}

/// The key on a line, when there is one.
fn key_of(text: &str, line: u64) -> String {
    let line = text.lines().nth(line as usize - 1).unwrap_or_default();
    let line = line.trim_start_matches([' ', '-', '{']);
    let key = line.split_once(':').map_or("", |(key, _)| key.trim_matches(['"', '\'', ' ']));
    let is_key = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if is_key { key.to_owned() } else { String::new() }
}

/// An explicit null is the default value.
pub(in crate::scrape) fn null_default<'de, D, T>(d: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(d)?.unwrap_or_default())
}
