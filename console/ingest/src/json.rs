//! JSON bodies: valid UTF-8, bounded depth, errors that say where.

use serde::de::DeserializeOwned;

use crate::refusal::Refusal;

/// Decodes after a look at encoding and depth, so that no decoder recurses deeper than the limit.
pub fn decode<T: DeserializeOwned>(bytes: &[u8], max_depth: usize) -> Result<T, Refusal> {
    let text = std::str::from_utf8(bytes).map_err(|e| {
        Refusal::invalid("invalid_utf8", format!("JSON body is not UTF-8 at byte {}", e.valid_up_to()))
    })?;
    check_depth(text, max_depth)?;
    serde_json::from_str(text).map_err(|e| Refusal::invalid("undecodable", format!("invalid JSON body: {e}")))
}

fn check_depth(text: &str, max: usize) -> Result<(), Refusal> {
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                if depth > max {
                    let message = format!("JSON is nested deeper than max_json_depth ({max}) at byte {at}");
                    return Err(Refusal::invalid("too_deep", message));
                }
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_brackets_outside_strings_only() {
        assert!(decode::<serde_json::Value>(br#"{"a":["[[[[\"{{"]}"#, 2).is_ok());
        let refusal = decode::<serde_json::Value>(b"[[[1]]]", 2).unwrap_err();
        assert_eq!(refusal.message, "JSON is nested deeper than max_json_depth (2) at byte 2");
    }

    #[test]
    fn a_million_brackets_are_refused_without_recursion() {
        assert_eq!(decode::<serde_json::Value>(&vec![b'['; 1 << 20], 64).unwrap_err().reason, "too_deep");
    }

    #[test]
    fn invalid_utf8_is_located() {
        let refusal = decode::<serde_json::Value>(b"{\"a\":\"\xff\"}", 9).unwrap_err();
        assert_eq!(refusal.message, "JSON body is not UTF-8 at byte 6");
    }
}
