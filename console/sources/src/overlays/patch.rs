//! Which images a change of a `kustomization.yaml` touches.

use std::collections::BTreeSet;

/// Names of the entries of `images` in which lines were added or taken away, by a unified diff with the three lines around
/// that git shows. Other files of the diff are passed over.
pub fn images_changed(patch: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let (mut is_kustomization, mut entry) = (true, None);
    for line in patch.lines() {
        if line.starts_with("diff ") {
            is_kustomization = line.ends_with("/kustomization.yaml") || line.ends_with("/kustomization.yml");
        }
        let Some((sign, text)) = line.split_at_checked(1) else { continue };
        if !matches!(sign, " " | "+" | "-") || line.starts_with("+++") || line.starts_with("---") {
            entry = None;
            continue;
        }
        let text = text.trim_start().trim_start_matches("- ").trim_start();
        let Some((field, value)) = text.split_once(':').filter(|_| is_kustomization) else { continue };
        if field == "name" {
            let value = value.split(" #").next().unwrap_or_default();
            entry = Some(value.trim().trim_matches(['"', '\'']).to_owned());
        }
        if sign != " " && matches!(field, "name" | "newName" | "newTag" | "digest") {
            found.extend(entry.clone());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_s_changed_lines_name_its_image() {
        let patch = "diff --git a/g/apps/staging/kustomization.yaml b/g/apps/staging/kustomization.yaml\n\
            --- a/g/apps/staging/kustomization.yaml\n+++ b/g/apps/staging/kustomization.yaml\n@@ -9,7 +9,7 @@ images:\n \
            \x20 - name: shop-catalog\n     newTag: 0.1.0\n   - name: \"shop-orders\" # ours\n     newName: r/shop-orders\n\
            -    newTag: 0.1.0 # setter\n+    newTag: 0.2.0 # setter\n   - name: shop-payments\n     newName: r/x\n";
        assert_eq!(images_changed(patch), BTreeSet::from(["shop-orders".to_owned()]));
        let elsewhere = patch.replace("kustomization.yaml", "deployment.yaml");
        assert!(images_changed(&elsewhere).is_empty());
    }
}
