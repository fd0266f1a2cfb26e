//! The document's form: <https://cyclonedx.org/docs/1.6/json/>.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::Part;

/// Pretty JSON with a line feed at its end. `epoch` is in seconds since 1970.
pub fn document(
    name: &str,
    version: &str,
    epoch: i64,
    roots: &[String],
    mut parts: Vec<Part>,
) -> Result<String, String> {
    parts.sort();
    parts.dedup_by(|a, b| a.purl == b.purl);
    let described = format!("quarterdeck/{name}@{version}");
    let packages = parts.iter().filter(|p| p.purl.starts_with("pkg:deb/")).map(|p| p.purl.clone());
    let needs: Vec<String> = roots.iter().cloned().chain(packages).collect();
    let mut dependencies = vec![json!({ "ref": described, "dependsOn": needs })];
    dependencies.extend(parts.iter().map(|p| json!({ "ref": p.purl, "dependsOn": p.needs })));
    let components: Vec<Value> = parts.iter().map(component).collect();
    let mut document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": timestamp(epoch).ok_or_else(|| format!("{epoch} is no time"))?,
            "component": { "type": "container", "bom-ref": described, "name": name, "version": version },
        },
        "components": components,
        "dependencies": dependencies,
    });
    // Named by its content.
    let digest = Sha256::digest(document.to_string().as_bytes());
    document["serialNumber"] = json!(Uuid::new_v5(&Uuid::NAMESPACE_OID, &digest).urn().to_string());
    let text = serde_json::to_string_pretty(&document).map_err(|e| e.to_string())?;
    Ok(text + "\n")
}

fn component(part: &Part) -> Value {
    let mut component = json!({
        "type": "library",
        "bom-ref": part.purl,
        "name": part.name,
        "version": part.version,
        "purl": part.purl,
    });
    if let Some(sha256) = &part.sha256 {
        component["hashes"] = json!([{ "alg": "SHA-256", "content": sha256 }]);
    }
    if let Some(license) = &part.license {
        // Old crates write a slash where SPDX has OR.
        component["licenses"] = json!([{ "expression": license.replace('/', " OR ") }]);
    }
    component
}

/// RFC 3339, in UTC.
fn timestamp(epoch: i64) -> Option<String> {
    Some(chrono::DateTime::from_timestamp(epoch, 0)?.format("%Y-%m-%dT%H:%M:%SZ").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(purl: &str) -> Part {
        Part {
            purl: purl.to_owned(),
            name: "serde".to_owned(),
            version: "1.0.0".to_owned(),
            license: Some("MIT/Apache-2.0".to_owned()),
            sha256: Some("ab12".to_owned()),
            needs: Vec::new(),
        }
    }

    #[test]
    fn the_document_names_every_part_once_and_is_the_same_for_any_order() {
        let roots = ["pkg:cargo/a@1".to_owned()];
        let parts = [
            part("pkg:cargo/b@1"),
            part("pkg:cargo/a@1"),
            part("pkg:deb/debian/libc6@2"),
            part("pkg:cargo/b@1"),
        ];
        let one = document("console", "0.1.0", 0, &roots, parts.to_vec()).unwrap();
        let other = document("console", "0.1.0", 0, &roots, parts.iter().rev().cloned().collect()).unwrap();
        assert_eq!(one, other);
        let read: Value = serde_json::from_str(&one).unwrap();
        assert_eq!(read["components"].as_array().unwrap().len(), 3);
        assert_eq!(read["dependencies"][0]["dependsOn"], json!(["pkg:cargo/a@1", "pkg:deb/debian/libc6@2"]));
        assert_eq!(read["components"][0]["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert!(read["serialNumber"].as_str().unwrap().starts_with("urn:uuid:"));
    }

    #[test]
    fn times_are_written_in_utc() {
        assert_eq!(timestamp(0).unwrap(), "1970-01-01T00:00:00Z");
        assert_eq!(timestamp(1_709_210_096).unwrap(), "2024-02-29T12:34:56Z");
        assert_eq!(timestamp(i64::MAX), None);
    }
}
