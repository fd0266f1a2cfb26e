//! The file as it is written, before any check of its values.

use std::collections::BTreeMap;

use serde::{Deserialize, de::IgnoredAny};

use super::yaml::{Spanned, null_default};

/// Declares a section: the fields that are read, and the ones that Prometheus knows and the console does not.
macro_rules! section {
    ($(#[$meta:meta])* $name:ident { $($field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Default, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub(in crate::scrape) struct $name {
            $(#[serde(deserialize_with = "null_default")] pub $field: $type,)*
        }
    };
    (
        $(#[$meta:meta])*
        $name:ident { $($field:ident: $type:ty,)* }
        unsupported { $($unsupported:ident,)* }
    ) => {
        $(#[$meta])*
        #[derive(Default, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub(in crate::scrape) struct $name {
            $(#[serde(deserialize_with = "null_default")] pub $field: $type,)*
            $($unsupported: Option<Spanned<IgnoredAny>>,)*
        }

        impl $name {
            /// Fields that are there and not supported, with their lines.
            pub fn unsupported(&self) -> Vec<(&'static str, u64)> {
                let all: &[(&'static str, Option<u64>)] =
                    &[$((stringify!($unsupported), self.$unsupported.as_ref().map(|s| s.referenced.line())),)*];
                all.iter().filter_map(|(name, line)| Some((*name, (*line)?))).collect()
            }
        }
    };
}

type Text = Option<Spanned<String>>;
type Texts = Option<Spanned<Vec<Spanned<String>>>>;

section! {
    RawFile { global: RawGlobal, scrape_configs: Vec<Spanned<RawJob>>, }
    unsupported {
        rule_files, scrape_config_files, alerting, remote_write, remote_read, storage, tracing, otlp, runtime,
    }
}

section! {
    RawGlobal {
        scrape_interval: Text,
        scrape_timeout: Text,
        // Of rules, which have their own configuration; read, so that one file can serve both.
        evaluation_interval: Text,
        external_labels: BTreeMap<String, Spanned<String>>,
        body_size_limit: Text,
        sample_limit: Option<usize>,
        label_limit: Option<usize>,
        label_name_length_limit: Option<usize>,
        label_value_length_limit: Option<usize>,
        scrape_protocols: Texts,
        scrape_native_histograms: Option<bool>,
        always_scrape_classic_histograms: Option<bool>,
        convert_classic_histograms_to_nhcb: Option<bool>,
        metric_name_validation_scheme: Text,
        metric_name_escaping_scheme: Text,
    }
    unsupported {
        rule_query_offset, query_log_file, scrape_failure_log_file,
        target_limit, keep_dropped_targets, extra_scrape_metrics, runtime,
    }
}

section! {
    RawJob {
        job_name: Text,
        scrape_interval: Text,
        scrape_timeout: Text,
        metrics_path: Text,
        scheme: Text,
        params: BTreeMap<String, Vec<String>>,
        honor_labels: Option<bool>,
        honor_timestamps: Option<bool>,
        follow_redirects: Option<bool>,
        enable_compression: Option<bool>,
        enable_http2: Option<bool>,
        static_configs: Vec<RawGroup>,
        file_sd_configs: Vec<Spanned<RawFileDiscovery>>,
        http_sd_configs: Vec<Spanned<RawHttpDiscovery>>,
        kubernetes_sd_configs: Vec<Spanned<RawKubernetes>>,
        relabel_configs: Vec<Spanned<RawRule>>,
        metric_relabel_configs: Vec<Spanned<RawRule>>,
        basic_auth: Option<Spanned<RawBasicAuth>>,
        authorization: Option<Spanned<RawAuthorization>>,
        bearer_token: Text,
        bearer_token_file: Text,
        tls_config: Option<Spanned<RawTls>>,
        body_size_limit: Text,
        sample_limit: Option<usize>,
        label_limit: Option<usize>,
        label_name_length_limit: Option<usize>,
        label_value_length_limit: Option<usize>,
        scrape_protocols: Texts,
        fallback_scrape_protocol: Text,
        scrape_native_histograms: Option<bool>,
        // The older name of the one below.
        scrape_classic_histograms: Option<Spanned<bool>>,
        always_scrape_classic_histograms: Option<bool>,
        convert_classic_histograms_to_nhcb: Option<bool>,
        native_histogram_bucket_limit: Option<usize>,
        native_histogram_min_bucket_factor: Option<f64>,
        metric_name_validation_scheme: Text,
        metric_name_escaping_scheme: Text,
    }
    unsupported {
        oauth2, proxy_url, no_proxy, proxy_from_environment, proxy_connect_header, http_headers, track_timestamps_staleness, scrape_failure_log_file, target_limit,
        keep_dropped_targets, extra_scrape_metrics,
        azure_sd_configs, consul_sd_configs, digitalocean_sd_configs, docker_sd_configs, dockerswarm_sd_configs,
        dns_sd_configs, ec2_sd_configs, eureka_sd_configs, gce_sd_configs, hetzner_sd_configs,
        ionos_sd_configs, kuma_sd_configs, lightsail_sd_configs, linode_sd_configs,
        marathon_sd_configs, nerve_sd_configs, nomad_sd_configs, openstack_sd_configs, ovhcloud_sd_configs,
        puppetdb_sd_configs, scaleway_sd_configs, serverset_sd_configs, stackit_sd_configs, triton_sd_configs,
        uyuni_sd_configs, vultr_sd_configs,
    }
}

section! {
    /// Also an entry of a discovered file.
    RawGroup { targets: Vec<Spanned<String>>, labels: BTreeMap<String, Spanned<String>>, }
}

section! {
    RawFileDiscovery { files: Vec<Spanned<String>>, refresh_interval: Text, }
}

section! {
    RawHttpDiscovery {
        url: Text,
        refresh_interval: Text,
        follow_redirects: Option<bool>,
        enable_http2: Option<bool>,
        basic_auth: Option<Spanned<RawBasicAuth>>,
        authorization: Option<Spanned<RawAuthorization>>,
        bearer_token: Text,
        bearer_token_file: Text,
        tls_config: Option<Spanned<RawTls>>,
    }
    unsupported {
        oauth2, proxy_url, no_proxy, proxy_from_environment, proxy_connect_header, http_headers,
    }
}

section! {
    RawKubernetes {
        role: Text,
        api_server: Text,
        kubeconfig_file: Text,
        namespaces: RawNamespaces,
        selectors: Vec<Spanned<RawSelector>>,
        attach_metadata: RawAttachMetadata,
        follow_redirects: Option<bool>,
        enable_http2: Option<bool>,
        basic_auth: Option<Spanned<RawBasicAuth>>,
        authorization: Option<Spanned<RawAuthorization>>,
        bearer_token: Text,
        bearer_token_file: Text,
        tls_config: Option<Spanned<RawTls>>,
    }
    unsupported {
        oauth2, proxy_url, no_proxy, proxy_from_environment, proxy_connect_header, http_headers,
    }
}

section! {
    RawNamespaces { own_namespace: Option<Spanned<bool>>, names: Vec<Spanned<String>>, }
}

section! {
    RawSelector { role: Text, label: Text, field: Text, }
}

section! {
    RawAttachMetadata { node: Option<bool>, namespace: Option<bool>, }
    unsupported { deployment, job, cronjob, }
}

section! {
    RawTls {
        ca: Text,
        ca_file: Text,
        cert: Text,
        cert_file: Text,
        key: Text,
        key_file: Text,
        server_name: Text,
        insecure_skip_verify: Option<bool>,
        min_version: Text,
        max_version: Text,
    }
    unsupported { ca_ref, cert_ref, key_ref, }
}

section! {
    RawRule {
        source_labels: Option<Vec<String>>,
        separator: Option<String>,
        target_label: Option<String>,
        regex: Text,
        modulus: Option<u64>,
        replacement: Option<String>,
        action: Text,
    }
}

section! {
    RawBasicAuth { username: Text, username_file: Text, password: Text, password_file: Text, }
    unsupported { username_ref, password_ref, }
}

section! {
    RawAuthorization { r#type: Text, credentials: Text, credentials_file: Text, }
    unsupported { credentials_ref, }
}
