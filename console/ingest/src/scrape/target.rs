//! One thing to scrape: where it is, and the labels of all that it shows.

use std::time::Duration;

use console_model::{Labels, labels::Label};
use url::Url;

use super::{
    config::{JobConfig, TargetGroup, format_duration, parse_duration},
    relabel::{self, LabelMap, Verdict},
};

/// A target as it is scraped. Two with the same key are one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// What its series carry.
    pub labels: Labels,
    /// Before `relabel_configs`.
    pub discovered: Labels,
    pub url: Url,
    pub interval: Duration,
    pub timeout: Duration,
}

/// What becomes of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Discovered {
    Target(Target),
    /// By `relabel_configs`; its labels before them.
    Dropped(Labels),
}

/// What tells targets of a job apart.
pub type TargetKey = (Labels, String);

impl Target {
    pub fn discover(job: &JobConfig, group: &TargetGroup, address: &str) -> Result<Discovered, String> {
        let mut map: LabelMap = group.labels.iter().cloned().collect();
        map.insert("__address__".to_owned(), address.to_owned());
        Self::of(job, map)
    }

    /// As [`Self::discover`], with all of its labels, `__address__` among them.
    pub fn of(job: &JobConfig, mut map: LabelMap) -> Result<Discovered, String> {
        map.retain(|_, value| !value.is_empty());
        let mut default = |name: &str, value: String| {
            if !value.is_empty() {
                map.entry(name.to_owned()).or_insert(value);
            }
        };
        default("job", job.name.clone());
        default("__scrape_interval__", format_duration(job.interval));
        default("__scrape_timeout__", format_duration(job.timeout));
        default("__metrics_path__", job.metrics_path.clone());
        default("__scheme__", job.scheme.as_str().to_owned());
        for (name, values) in &job.params {
            default(&format!("__param_{name}"), values.first().cloned().unwrap_or_default());
        }
        let discovered = to_labels(&map);
        if relabel::apply(&job.relabel, &mut map) == Verdict::Drop {
            return Ok(Discovered::Dropped(discovered));
        }
        let address = map.get("__address__").cloned().unwrap_or_default();
        check_address(&address)?;
        let (interval, timeout) = (time(&map, "__scrape_interval__")?, time(&map, "__scrape_timeout__")?);
        if timeout > interval {
            return Err(format!("{address}: __scrape_timeout__ is longer than __scrape_interval__"));
        }
        let url = url(job, &map, &address)?;
        map.entry("instance".to_owned()).or_insert(address);
        map.retain(|name, _| !name.starts_with("__"));
        Ok(Discovered::Target(Self { labels: to_labels(&map), discovered, url, interval, timeout }))
    }

    pub fn key(&self) -> TargetKey {
        (self.labels.clone(), self.url.to_string())
    }

    /// When within each interval it is scraped: targets are spread, and stay at their place over restarts.
    pub fn offset(&self) -> Duration {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let text = self.labels.iter().flat_map(|l| [l.name.as_bytes(), l.value.as_bytes()]);
        for part in text.chain([self.url.as_str().as_bytes()]) {
            // FNV-1a, 64 bits, with a separator.
            for byte in part.iter().chain(&[0xff]) {
                hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
        // The low bits of this hash are weak.
        Duration::from_millis((hash >> 16) % (self.interval.as_millis() as u64).max(1))
    }
}

/// `host:port`, without a path or anything else of an URL.
pub fn check_address(address: &str) -> Result<(), String> {
    if address.is_empty() {
        return Err("the address is empty".to_owned());
    }
    if address.contains(['/', '@', '?', '#']) || Url::parse(&format!("http://{address}")).is_err() {
        return Err(format!("{address:?} is not a valid address: it must be a host and a port"));
    }
    Ok(())
}

pub fn to_labels(map: &LabelMap) -> Labels {
    let label = |(name, value): (&String, &String)| Label {
        name: name.as_str().into(),
        value: value.as_str().into(),
    };
    Labels::from_sorted(map.iter().filter(|(_, v)| !v.is_empty()).map(label).collect())
}

fn time(map: &LabelMap, name: &str) -> Result<Duration, String> {
    let text = map.get(name).map_or("", String::as_str);
    match parse_duration(text) {
        Ok(Duration::ZERO) => Err(format!("{name} is 0")),
        Ok(duration) => Ok(duration),
        Err(e) => Err(format!("{name}: {e}")),
    }
}

fn url(job: &JobConfig, map: &LabelMap, address: &str) -> Result<Url, String> {
    let get = |name: &str| map.get(name).map_or("", String::as_str);
    let scheme = get("__scheme__");
    if scheme != "http" && scheme != "https" {
        return Err(format!("__scheme__ must be http or https, not {scheme:?}"));
    }
    let mut url = Url::parse(&format!("{scheme}://{address}")).map_err(|e| format!("{address:?}: {e}"))?;
    url.set_path(get("__metrics_path__"));
    let mut params: std::collections::BTreeMap<String, Vec<String>> = job.params.iter().cloned().collect();
    for (name, value) in map {
        let Some(name) = name.strip_prefix("__param_") else { continue };
        let values = params.entry(name.to_owned()).or_default();
        match values.first_mut() {
            Some(first) => first.clone_from(value),
            None => values.push(value.clone()),
        }
    }
    if params.values().any(|values| !values.is_empty()) {
        let pairs = params.iter().flat_map(|(name, values)| values.iter().map(move |v| (name, v)));
        url.query_pairs_mut().extend_pairs(pairs);
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scrape::ScrapeConfig;

    fn job(yaml: &str) -> JobConfig {
        let text = format!("scrape_configs:\n- job_name: shop\n  {}", yaml.replace('\n', "\n  "));
        let config = ScrapeConfig::parse("scrape.yml".as_ref(), &text).unwrap();
        JobConfig::clone(&config.jobs[0])
    }

    fn target(job: &JobConfig, labels: &[(&str, &str)]) -> Option<Target> {
        let labels = labels.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        match Target::discover(job, &TargetGroup { targets: Vec::new(), labels }, "host:80").unwrap() {
            Discovered::Target(target) => Some(target),
            Discovered::Dropped(_) => None,
        }
    }

    #[test]
    fn a_target_has_job_instance_and_its_groups_labels() {
        let target = target(&job("metrics_path: /m"), &[("zone", "a"), ("__meta_x", "y")]).unwrap();
        assert_eq!(target.labels.to_string(), r#"{instance="host:80", job="shop", zone="a"}"#);
        assert_eq!(target.url.as_str(), "http://host/m");
        assert_eq!(target.discovered.get("__meta_x"), Some("y"));
        assert!(target.offset() < target.interval);
    }

    #[test]
    fn relabelling_moves_the_target_and_drops_it() {
        let rules = "params: {module: [a, b], other: [c]}\nrelabel_configs:\n\
                     - {source_labels: [__address__], target_label: __param_module}\n\
                     - {target_label: __address__, replacement: 'probe:9115'}\n\
                     - {target_label: __scrape_interval__, replacement: 5s}\n\
                     - {target_label: __scrape_timeout__, replacement: 1s}\n\
                     - {source_labels: [gone], regex: 'yes', action: drop}";
        let job = job(rules);
        let moved = target(&job, &[]).unwrap();
        assert_eq!(moved.url.as_str(), "http://probe:9115/metrics?module=host%3A80&module=b&other=c");
        assert_eq!(moved.labels.to_string(), r#"{instance="probe:9115", job="shop"}"#);
        assert_eq!(moved.interval, Duration::from_secs(5));
        assert_eq!(target(&job, &[("gone", "yes")]), None);
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for wrong in ["", "http://host:80", "host/metrics", "user@host", "host:port", "a b:1"] {
            assert!(check_address(wrong).is_err(), "{wrong}");
        }
        for good in ["host", "host:80", "127.0.0.1:9090", "[::1]:9090"] {
            assert_eq!(check_address(good), Ok(()), "{good}");
        }
    }
}
