//! Labels of what is found: names and values as Prometheus' Kubernetes discovery makes them.
//!
//! Reference: prometheus.io/docs/prometheus/latest/configuration/configuration, `kubernetes_sd_config`.

use console_ingest::scrape::LabelMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

const PREFIX: &str = "__meta_kubernetes_";
pub(super) const ADDRESS: &str = "__address__";

/// Labels under construction. A value that is empty or absent makes none.
#[derive(Default)]
pub(super) struct MetaLabels(LabelMap);

impl MetaLabels {
    /// `__meta_kubernetes_<name>`.
    pub fn set(&mut self, name: &str, value: impl Into<String>) -> &mut Self {
        self.put(format!("{PREFIX}{name}"), value.into())
    }

    pub fn set_option(&mut self, name: &str, value: Option<impl Into<String>>) -> &mut Self {
        match value {
            Some(value) => self.set(name, value),
            None => self,
        }
    }

    pub fn set_flag(&mut self, name: &str, value: Option<bool>) -> &mut Self {
        self.set_option(name, value.map(|v| v.to_string()))
    }

    /// One that is not Kubernetes' own.
    pub fn put(&mut self, name: String, value: String) -> &mut Self {
        if value.is_empty() {
            self.0.remove(&name);
        } else {
            self.0.insert(name, value);
        }
        self
    }

    /// Name, labels and annotations of an object of `kind`.
    pub fn object(&mut self, kind: &str, meta: &ObjectMeta) -> &mut Self {
        self.set_option(&format!("{kind}_name"), meta.name.as_deref());
        self.described(kind, meta)
    }

    /// Labels and annotations of an object of `kind`, and that they are there.
    pub fn described(&mut self, kind: &str, meta: &ObjectMeta) -> &mut Self {
        for (of, pairs) in [("label", &meta.labels), ("annotation", &meta.annotations)] {
            for (name, value) in pairs.iter().flatten() {
                let name = sanitised(name);
                self.set(&format!("{kind}_{of}_{name}"), value);
                self.set(&format!("{kind}_{of}present_{name}"), "true");
            }
        }
        self
    }

    pub fn extend(&mut self, other: &LabelMap) -> &mut Self {
        self.0.extend(other.iter().map(|(name, value)| (name.clone(), value.clone())));
        self
    }

    pub fn address(&mut self, host: &str, port: Option<i32>) -> &mut Self {
        let address = port.map_or_else(|| host.to_owned(), |port| join(host, port));
        self.put(ADDRESS.to_owned(), address)
    }

    pub fn finish(&mut self) -> LabelMap {
        std::mem::take(&mut self.0)
    }
}

/// What a label's name may not have becomes an underscore.
pub(super) fn sanitised(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect()
}

/// `host:port`, with brackets around an address of IPv6.
pub(super) fn join(host: &str, port: i32) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_of_letters_digits_and_underscores() {
        assert_eq!(sanitised("app.kubernetes.io/part-of"), "app_kubernetes_io_part_of");
        assert_eq!(sanitised("größe_1"), "gr__e_1");
    }

    #[test]
    fn ports_stand_behind_brackets_for_ipv6() {
        assert_eq!(join("10.0.0.1", 80), "10.0.0.1:80");
        assert_eq!(join("fd00::1", 80), "[fd00::1]:80");
    }
}
