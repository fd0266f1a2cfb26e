//! From what is written to what is meant.

use std::{
    collections::{BTreeMap, HashSet},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use console_model::Labels;

use super::{
    ConfigError, DEFAULT_BODY_SIZE_LIMIT, FileDiscovery, JobConfig, Problems, Scheme, ScrapeConfig,
    ScrapeLimits, TargetGroup,
    duration::parse_duration,
    formats::Formats,
    names::Names,
    raw::{RawFile, RawFileDiscovery, RawGlobal, RawGroup, RawJob, RawRule},
    size::parse_size,
    yaml::Spanned,
};
use crate::scrape::{
    names::NameScheme,
    relabel::{Rule, RuleFields},
    target::check_address,
};

const DEFAULT_INTERVAL: Duration = Duration::from_mins(1);
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
const DEFAULT_REFRESH: Duration = Duration::from_mins(5);

/// What jobs inherit.
struct Global {
    interval: Duration,
    timeout: Option<Duration>,
    limits: ScrapeLimits,
    formats: Formats,
    names: Names,
}

/// A section that is being read: where it stands, and what is wrong with it.
pub(super) struct Section<'a> {
    problems: &'a mut Problems,
    path: String,
    line: u64,
    pub(super) folder: &'a Path,
}

pub(super) fn config(file: &Path, raw: RawFile) -> Result<ScrapeConfig, ConfigError> {
    let mut problems = Problems::new(file);
    let folder = file.parent().unwrap_or(Path::new(""));
    let mut section = Section { problems: &mut problems, path: String::new(), line: 0, folder };
    section.refuse(raw.unsupported());
    let (global, external_labels) = section.at("global", 0).global(&raw.global);
    let (mut jobs, mut names) = (Vec::new(), HashSet::new());
    for (i, job) in raw.scrape_configs.iter().enumerate() {
        let mut section = section.at(&format!("scrape_configs[{i}]"), job.referenced.line());
        section.refuse(job.value.unsupported());
        let job = section.job(&job.value, &global);
        if !names.insert(job.name.clone()) {
            section.add("job_name", format!("there are several jobs named {:?}", job.name));
        }
        jobs.push(Arc::new(job));
    }
    problems.into_result(ScrapeConfig { jobs, external_labels })
}

/// Labels as they are listed; what is wrong with them goes to `wrong`, with its line and name.
///
/// Those of groups may have any name, as in Prometheus, also where a job's samples must not: rules can rename them.
pub(in crate::scrape) fn listed_labels(
    labels: &BTreeMap<String, Spanned<String>>,
    scheme: NameScheme,
    mut wrong: impl FnMut(u64, &str, String),
) -> Vec<(String, String)> {
    for (name, value) in labels {
        if !scheme.is_label_name(name) {
            wrong(value.referenced.line(), name, "not a valid label name".to_owned());
        }
    }
    labels.iter().map(|(name, value)| (name.clone(), value.value.clone())).collect()
}

impl Section<'_> {
    pub(super) fn at(&mut self, name: &str, line: u64) -> Section<'_> {
        let dot = if self.path.is_empty() { "" } else { "." };
        let path = format!("{}{dot}{name}", self.path);
        Section {
            problems: self.problems,
            path,
            line: if line > 0 { line } else { self.line },
            folder: self.folder,
        }
    }

    pub(super) fn add(&mut self, field: &str, message: impl Into<String>) {
        self.add_at(self.line, field, message);
    }

    pub(super) fn add_at(&mut self, line: u64, field: &str, message: impl Into<String>) {
        let dot = if self.path.is_empty() || field.is_empty() { "" } else { "." };
        self.problems.add(line, format!("{}{dot}{field}", self.path), message);
    }

    pub(super) fn refuse(&mut self, unsupported: Vec<(&'static str, u64)>) {
        for (field, line) in unsupported {
            self.add_at(line, field, "is a field of Prometheus that the console does not support");
        }
    }

    /// A field's value, read by `parse`.
    pub(super) fn read<T>(
        &mut self,
        field: &str,
        raw: Option<&Spanned<String>>,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let raw = raw?;
        match parse(&raw.value) {
            Ok(value) => Some(value),
            Err(message) => {
                self.add_at(raw.referenced.line(), field, message);
                None
            }
        }
    }

    /// A duration; 0 is as good as absent.
    pub(super) fn duration(&mut self, field: &str, raw: Option<&Spanned<String>>) -> Option<Duration> {
        self.read(field, raw, parse_duration).filter(|d| !d.is_zero())
    }

    fn body_size(&mut self, raw: Option<&Spanned<String>>) -> Option<usize> {
        let size = self.read("body_size_limit", raw, parse_size)?;
        Some(usize::try_from(size).unwrap_or(usize::MAX)).filter(|size| *size > 0)
    }

    fn global(mut self, raw: &RawGlobal) -> (Global, Labels) {
        self.refuse(raw.unsupported());
        let interval = self.duration("scrape_interval", raw.scrape_interval.as_ref());
        let interval = interval.unwrap_or(DEFAULT_INTERVAL);
        let timeout = self.duration("scrape_timeout", raw.scrape_timeout.as_ref());
        if let (Some(timeout), Some(at)) = (timeout, &raw.scrape_timeout)
            && timeout > interval
        {
            self.add_at(at.referenced.line(), "scrape_timeout", "is longer than scrape_interval");
        }
        self.duration("evaluation_interval", raw.evaluation_interval.as_ref());
        let names = self.global_names(raw);
        let labels = listed_labels(&raw.external_labels, names.validation, |line, name, message| {
            self.add_at(line, &format!("external_labels.{name}"), message);
        });
        let limits = ScrapeLimits {
            body_size: self.body_size(raw.body_size_limit.as_ref()).unwrap_or(DEFAULT_BODY_SIZE_LIMIT),
            samples: raw.sample_limit.unwrap_or(0),
            labels: raw.label_limit.unwrap_or(0),
            label_name_length: raw.label_name_length_limit.unwrap_or(0),
            label_value_length: raw.label_value_length_limit.unwrap_or(0),
        };
        let formats = self.global_formats(raw);
        (Global { interval, timeout, limits, formats, names }, Labels::from_pairs(labels))
    }

    fn job(&mut self, raw: &RawJob, global: &Global) -> JobConfig {
        let name = raw.job_name.as_ref().map(|n| n.value.clone()).unwrap_or_default();
        if name.is_empty() {
            self.add("job_name", "is missing");
        }
        let interval =
            self.duration("scrape_interval", raw.scrape_interval.as_ref()).unwrap_or(global.interval);
        let own_timeout = self.duration("scrape_timeout", raw.scrape_timeout.as_ref());
        if own_timeout.is_some_and(|t| t > interval) {
            let line = raw.scrape_timeout.as_ref().map_or(self.line, |t| t.referenced.line());
            self.add_at(line, "scrape_timeout", "is longer than scrape_interval");
        }
        // An inherited timeout gives way to a short interval.
        let timeout = own_timeout.unwrap_or_else(|| global.timeout.unwrap_or(DEFAULT_TIMEOUT).min(interval));
        let scheme = self.read("scheme", raw.scheme.as_ref(), |text| match text {
            "http" => Ok(Scheme::Http),
            "https" => Ok(Scheme::Https),
            _ => Err(format!("must be http or https, not {text:?}")),
        });
        let path = raw.metrics_path.as_ref().map(|p| p.value.clone()).filter(|p| !p.is_empty());
        let limits = ScrapeLimits {
            body_size: self.body_size(raw.body_size_limit.as_ref()).unwrap_or(global.limits.body_size),
            samples: raw.sample_limit.unwrap_or(global.limits.samples),
            labels: raw.label_limit.unwrap_or(global.limits.labels),
            label_name_length: raw.label_name_length_limit.unwrap_or(global.limits.label_name_length),
            label_value_length: raw.label_value_length_limit.unwrap_or(global.limits.label_value_length),
        };
        let (protocols, fallback_protocol, histograms) = self.formats(raw, &global.formats);
        let names = self.names(raw, global.names);
        JobConfig {
            name,
            interval,
            timeout,
            scheme: scheme.unwrap_or_default(),
            metrics_path: path.unwrap_or_else(|| "/metrics".to_owned()),
            params: raw.params.clone().into_iter().collect(),
            honor_labels: raw.honor_labels.unwrap_or(false),
            honor_timestamps: raw.honor_timestamps.unwrap_or(true),
            enable_compression: raw.enable_compression.unwrap_or(true),
            http: self.http(raw),
            groups: raw.static_configs.iter().enumerate().map(|(i, g)| self.group(i, g)).collect(),
            file_discovery: raw.file_sd_configs.iter().enumerate().map(|(i, f)| self.files(i, f)).collect(),
            http_discovery: raw
                .http_sd_configs
                .iter()
                .enumerate()
                .map(|(i, h)| self.http_discovery(i, h))
                .collect(),
            kubernetes_discovery: raw
                .kubernetes_sd_configs
                .iter()
                .enumerate()
                .map(|(i, k)| self.kubernetes_discovery(i, k))
                .collect(),
            relabel: self.rules("relabel_configs", &raw.relabel_configs, names.validation),
            metric_relabel: self.rules(
                "metric_relabel_configs",
                &raw.metric_relabel_configs,
                names.validation,
            ),
            limits,
            protocols,
            fallback_protocol,
            histograms,
            names,
        }
    }

    fn group(&mut self, index: usize, raw: &RawGroup) -> TargetGroup {
        let mut section = self.at(&format!("static_configs[{index}]"), 0);
        for (i, target) in raw.targets.iter().enumerate() {
            section.read(&format!("targets[{i}]"), Some(target), check_address);
        }
        let labels = listed_labels(&raw.labels, NameScheme::Utf8, |line, name, message| {
            section.add_at(line, &format!("labels.{name}"), message);
        });
        TargetGroup { targets: raw.targets.iter().map(|t| t.value.clone()).collect(), labels }
    }

    fn files(&mut self, index: usize, raw: &Spanned<RawFileDiscovery>) -> FileDiscovery {
        let mut section = self.at(&format!("file_sd_configs[{index}]"), raw.referenced.line());
        if raw.value.files.is_empty() {
            section.add("files", "is empty");
        }
        for (i, file) in raw.value.files.iter().enumerate() {
            section.read(&format!("files[{i}]"), Some(file), check_pattern);
        }
        let refresh = section.duration("refresh_interval", raw.value.refresh_interval.as_ref());
        let patterns = raw.value.files.iter().map(|f| section.folder.join(&f.value)).collect();
        FileDiscovery { patterns, refresh: refresh.unwrap_or(DEFAULT_REFRESH) }
    }

    fn rules(&mut self, name: &str, raw: &[Spanned<RawRule>], scheme: NameScheme) -> Vec<Rule> {
        let mut rules = Vec::new();
        for (i, raw) in raw.iter().enumerate() {
            let mut section = self.at(&format!("{name}[{i}]"), raw.referenced.line());
            let rule = &raw.value;
            let fields = RuleFields {
                source_labels: rule.source_labels.clone(),
                separator: rule.separator.clone(),
                target_label: rule.target_label.clone(),
                regex: rule.regex.as_ref().map(|r| r.value.clone()),
                modulus: rule.modulus,
                replacement: rule.replacement.clone(),
                action: rule.action.as_ref().map(|a| a.value.clone()),
            };
            match Rule::new(fields, scheme) {
                Ok(rule) => rules.push(rule),
                Err(e) => {
                    let at = match e.field {
                        "regex" => rule.regex.as_ref(),
                        "action" => rule.action.as_ref(),
                        _ => None,
                    };
                    let line = at.map_or(section.line, |at| at.referenced.line());
                    section.add_at(line, e.field, e.message);
                }
            }
        }
        rules
    }
}

/// `prometheus/discovery/file`: a name that ends in .json, .yml or .yaml, with at most one `*` in its last part.
fn check_pattern(text: &str) -> Result<(), String> {
    let path = PathBuf::from(text);
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    let folder = path.parent().and_then(|f| f.to_str()).unwrap_or_default();
    let good = ["json", "yml", "yaml"].iter().any(|e| extension.eq_ignore_ascii_case(e));
    if good && name.matches('*').count() <= 1 && !folder.contains('*') {
        return Ok(());
    }
    Err(format!("{text:?} must end in .json, .yml or .yaml, and may have one * in its last part"))
}
