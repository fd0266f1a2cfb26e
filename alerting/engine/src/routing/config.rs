//! The file as a whole: sections, cross references, inherited settings.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Deserializer, de};

use crate::{
    duration::PromDuration,
    error::{LoadError, Problems},
    routing::{
        fields::Fields,
        matcher::{LabelMatcher, Op, parse_matchers},
        receiver::{self, Receiver},
        time_interval::{RawInterval, TimeInterval},
        tree::{GroupBy, Route},
    },
    yaml::{self, Spanned, null_default},
};

const DEFAULT_GROUP_WAIT_MS: i64 = 30_000;
const DEFAULT_GROUP_INTERVAL_MS: i64 = 5 * 60_000;
const DEFAULT_REPEAT_INTERVAL_MS: i64 = 4 * 3_600_000;

/// A checked configuration.
#[derive(Clone, Debug, Default)]
pub struct RoutingConfig {
    /// The file that it came from; relative files are looked up beside it.
    pub file: PathBuf,
    /// The root first.
    pub routes: Vec<Route>,
    pub receivers: BTreeMap<String, Receiver>,
    pub inhibit_rules: Vec<InhibitRule>,
    pub time_intervals: BTreeMap<String, Vec<TimeInterval>>,
    pub templates: Vec<String>,
    unsupported: Vec<(u64, String)>,
}

/// Mutes alerts that match `target` while another that matches `source` fires with the same `equal` labels.
#[derive(Clone, Debug)]
pub struct InhibitRule {
    pub source: Vec<LabelMatcher>,
    pub target: Vec<LabelMatcher>,
    pub equal: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default, deserialize_with = "null_default")]
    global: Fields,
    route: Option<Spanned<RawRoute>>,
    #[serde(default, deserialize_with = "null_default")]
    receivers: Vec<Spanned<RawReceiver>>,
    #[serde(default, deserialize_with = "null_default")]
    inhibit_rules: Vec<Spanned<RawInhibit>>,
    #[serde(default, deserialize_with = "null_default")]
    templates: Vec<String>,
    #[serde(default, deserialize_with = "null_default")]
    time_intervals: Vec<Spanned<RawNamedInterval>>,
    #[serde(default, deserialize_with = "null_default")]
    mute_time_intervals: Vec<Spanned<RawNamedInterval>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRoute {
    receiver: Option<String>,
    group_by: Option<Vec<String>>,
    #[serde(default, deserialize_with = "null_default")]
    r#match: BTreeMap<String, Spanned<Option<String>>>,
    #[serde(default, deserialize_with = "null_default")]
    match_re: BTreeMap<String, Spanned<Option<String>>>,
    #[serde(default, deserialize_with = "null_default")]
    matchers: Vec<Spanned<String>>,
    #[serde(default)]
    r#continue: bool,
    #[serde(default, deserialize_with = "null_default")]
    routes: Vec<Spanned<RawRoute>>,
    group_wait: Option<PromDuration>,
    group_interval: Option<PromDuration>,
    repeat_interval: Option<PromDuration>,
    #[serde(default, deserialize_with = "null_default")]
    mute_time_intervals: Vec<String>,
    #[serde(default, deserialize_with = "null_default")]
    active_time_intervals: Vec<String>,
}

/// A receiver: `name`, and lists of integrations under their keys.
type RawReceiver = BTreeMap<String, Spanned<ReceiverField>>;

enum ReceiverField {
    Name(String),
    Integrations(Vec<Fields>),
    Null,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawInhibit {
    #[expect(dead_code, reason = "Alertmanager accepts a name for people to read")]
    name: Option<String>,
    #[serde(default, deserialize_with = "null_default")]
    source_match: BTreeMap<String, Spanned<Option<String>>>,
    #[serde(default, deserialize_with = "null_default")]
    source_match_re: BTreeMap<String, Spanned<Option<String>>>,
    #[serde(default, deserialize_with = "null_default")]
    source_matchers: Vec<Spanned<String>>,
    #[serde(default, deserialize_with = "null_default")]
    target_match: BTreeMap<String, Spanned<Option<String>>>,
    #[serde(default, deserialize_with = "null_default")]
    target_match_re: BTreeMap<String, Spanned<Option<String>>>,
    #[serde(default, deserialize_with = "null_default")]
    target_matchers: Vec<Spanned<String>>,
    #[serde(default, deserialize_with = "null_default")]
    equal: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawNamedInterval {
    #[serde(default, deserialize_with = "null_default")]
    name: String,
    #[serde(default, deserialize_with = "null_default")]
    time_intervals: Vec<RawInterval>,
}

impl<'de> Deserialize<'de> for ReceiverField {
    /// By hand rather than untagged, which would lose the lines.
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = ReceiverField;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a name or a list of integrations")
            }

            fn visit_str<E: de::Error>(self, v: &str) -> Result<ReceiverField, E> {
                Ok(ReceiverField::Name(v.to_owned()))
            }

            fn visit_i64<E: de::Error>(self, v: i64) -> Result<ReceiverField, E> {
                Ok(ReceiverField::Name(v.to_string()))
            }

            fn visit_u64<E: de::Error>(self, v: u64) -> Result<ReceiverField, E> {
                Ok(ReceiverField::Name(v.to_string()))
            }

            fn visit_unit<E: de::Error>(self) -> Result<ReceiverField, E> {
                Ok(ReceiverField::Null)
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<ReceiverField, A::Error> {
                let mut all = Vec::new();
                while let Some(one) = seq.next_element::<Fields>()? {
                    all.push(one);
                }
                Ok(ReceiverField::Integrations(all))
            }
        }
        d.deserialize_any(Visitor)
    }
}

/// Fields of the global section.
#[rustfmt::skip]
const GLOBAL: &[&str] = &[
    "resolve_timeout", "http_config", "smtp_from", "smtp_smarthost", "smtp_hello", "smtp_auth_username",
    "smtp_auth_password", "smtp_auth_password_file", "smtp_auth_secret", "smtp_auth_secret_file",
    "smtp_auth_identity", "smtp_require_tls", "smtp_force_implicit_tls", "smtp_tls_config", "slack_api_url",
    "slack_api_url_file", "slack_app_token", "slack_app_token_file", "slack_app_url", "pagerduty_url",
    "opsgenie_api_url", "opsgenie_api_key", "opsgenie_api_key_file", "wechat_api_url", "wechat_api_secret",
    "wechat_api_secret_file", "wechat_api_corp_id", "victorops_api_url", "victorops_api_key",
    "victorops_api_key_file", "telegram_api_url", "telegram_bot_token", "telegram_bot_token_file", "webex_api_url",
    "rocketchat_api_url", "rocketchat_token", "rocketchat_token_file", "rocketchat_token_id",
    "rocketchat_token_id_file", "jira_api_url", "mattermost_webhook_url", "mattermost_webhook_url_file",
];

/// Where Slack's own API takes messages; such an `api_url` beside a token is the old way to name it.
const SLACK_POST: &str = "https://slack.com/api/chat.postMessage";

impl RoutingConfig {
    /// Loads and checks a file.
    pub fn load(file: &Path) -> Result<Self, LoadError> {
        Self::parse(file, &yaml::read(file)?)
    }

    /// Parses and checks the file's text.
    pub fn parse(file: &Path, text: &str) -> Result<Self, LoadError> {
        let raw: RawFile = yaml::parse(file, text)?;
        let mut problems = Problems::new(file);
        check_global(&raw.global, &mut problems);
        let global = Arc::new(raw.global);
        let mut config = Self { file: file.to_owned(), templates: raw.templates, ..Self::default() };
        for (i, receiver) in raw.receivers.into_iter().enumerate() {
            config.add_receiver(i, receiver, &global, &mut problems);
        }
        for named in raw.time_intervals.into_iter().chain(raw.mute_time_intervals) {
            config.add_interval(&named, &mut problems);
        }
        match raw.route {
            None => problems.add(0, "route", "no route provided in config"),
            Some(root) => config.add_root(&root, &mut problems),
        }
        for (i, rule) in raw.inhibit_rules.iter().enumerate() {
            let path = format!("inhibit_rules[{i}]");
            let side = |matched, regexes, matchers, problems: &mut Problems| {
                check_matchers(matched, regexes, matchers, &path, problems)
            };
            let v = &rule.value;
            let source = side(&v.source_match, &v.source_match_re, &v.source_matchers, &mut problems);
            let target = side(&v.target_match, &v.target_match_re, &v.target_matchers, &mut problems);
            config.inhibit_rules.push(InhibitRule { source, target, equal: v.equal.clone() });
        }
        problems.or(config)
    }

    /// Integrations that the file is right to name but that this engine cannot send through.
    pub fn unsupported(&self) -> Result<(), LoadError> {
        let mut problems = Problems::new(&self.file);
        for (line, message) in &self.unsupported {
            problems.add(*line, "receivers", message);
        }
        problems.or(())
    }

    fn add_receiver(
        &mut self,
        i: usize,
        raw: Spanned<RawReceiver>,
        global: &Arc<Fields>,
        problems: &mut Problems,
    ) {
        let path = format!("receivers[{i}]");
        let mut receiver = Receiver::default();
        for (key, field) in raw.value {
            let line = field.referenced.line();
            match field.value {
                ReceiverField::Name(name) if key == "name" => receiver.name = name,
                ReceiverField::Integrations(list) => {
                    receiver.integrations.extend(receiver::check_integrations(
                        &path,
                        &key,
                        line,
                        list,
                        global,
                        problems,
                        &mut self.unsupported,
                    ));
                }
                ReceiverField::Null if key.ends_with("_configs") => {}
                _ => problems.add(line, &path, format!("unknown or malformed field {key:?}")),
            }
        }
        let line = raw.referenced.line();
        if receiver.name.is_empty() {
            problems.add(line, format!("{path}.name"), "missing name in receiver");
        } else if self.receivers.contains_key(&receiver.name) {
            let message = format!("notification config name {:?} is not unique", receiver.name);
            problems.add(line, format!("{path}.name"), message);
        }
        self.receivers.insert(receiver.name.clone(), receiver);
    }

    fn add_interval(&mut self, named: &Spanned<RawNamedInterval>, problems: &mut Problems) {
        let line = named.referenced.line();
        let name = &named.value.name;
        let path = format!("time_intervals[{name}]");
        if name.is_empty() {
            problems.add(line, &path, "missing name in time interval");
        } else if self.time_intervals.contains_key(name) {
            problems.add(line, &path, "name is not unique");
        }
        let mut all = Vec::new();
        for raw in &named.value.time_intervals {
            match TimeInterval::check(raw) {
                Ok(interval) => all.push(interval),
                Err(message) => problems.add(line, &path, message),
            }
        }
        self.time_intervals.insert(name.clone(), all);
    }

    fn add_root(&mut self, root: &Spanned<RawRoute>, problems: &mut Problems) {
        let (line, raw) = (root.referenced.line(), &root.value);
        if raw.receiver.as_deref().unwrap_or_default().is_empty() {
            problems.add(line, "route.receiver", "root route must specify a default receiver");
        }
        if !(raw.r#match.is_empty() && raw.match_re.is_empty() && raw.matchers.is_empty()) {
            problems.add(line, "route", "root route must not have any matchers");
        }
        if !(raw.mute_time_intervals.is_empty() && raw.active_time_intervals.is_empty()) {
            problems.add(line, "route", "root route must not have any mute or active time intervals");
        }
        if raw.r#continue {
            problems.add(line, "route.continue", "cannot have continue in root route");
        }
        let defaults = Route {
            key: String::new(),
            receiver: String::new(),
            group_by: GroupBy::Labels(BTreeSet::new()),
            group_wait_ms: DEFAULT_GROUP_WAIT_MS,
            group_interval_ms: DEFAULT_GROUP_INTERVAL_MS,
            repeat_interval_ms: DEFAULT_REPEAT_INTERVAL_MS,
            mute_time_intervals: Vec::new(),
            active_time_intervals: Vec::new(),
            matchers: Vec::new(),
            continues: false,
            children: Vec::new(),
        };
        self.add_route(root, &defaults, "route", problems);
    }

    fn add_route(
        &mut self,
        raw: &Spanned<RawRoute>,
        parent: &Route,
        path: &str,
        problems: &mut Problems,
    ) -> usize {
        let (line, raw) = (raw.referenced.line(), &raw.value);
        let matchers = check_matchers(&raw.r#match, &raw.match_re, &raw.matchers, path, problems);
        let written: Vec<String> = matchers.iter().map(ToString::to_string).collect();
        let own_key = format!("{{{}}}", written.join(","));
        let key = if parent.key.is_empty() { own_key } else { format!("{}/{own_key}", parent.key) };
        let interval = |own: Option<PromDuration>, inherited: i64, name: &str, problems: &mut Problems| {
            if own.is_some_and(|d| d.0 == 0) {
                problems.add(line, format!("{path}.{name}"), format!("{name} cannot be zero"));
            }
            own.map_or(inherited, |d| d.0)
        };
        let route = Route {
            receiver: raw
                .receiver
                .clone()
                .filter(|r| !r.is_empty())
                .unwrap_or_else(|| parent.receiver.clone()),
            group_by: check_group_by(raw.group_by.as_deref(), &parent.group_by, line, path, problems),
            group_wait_ms: raw.group_wait.map_or(parent.group_wait_ms, |d| d.0),
            group_interval_ms: interval(
                raw.group_interval,
                parent.group_interval_ms,
                "group_interval",
                problems,
            ),
            repeat_interval_ms: interval(
                raw.repeat_interval,
                parent.repeat_interval_ms,
                "repeat_interval",
                problems,
            ),
            mute_time_intervals: raw.mute_time_intervals.clone(),
            active_time_intervals: raw.active_time_intervals.clone(),
            matchers,
            continues: raw.r#continue,
            children: Vec::new(),
            key,
        };
        if !route.receiver.is_empty() && !self.receivers.contains_key(&route.receiver) {
            let message = format!("undefined receiver {:?} used in route", route.receiver);
            problems.add(line, format!("{path}.receiver"), message);
        }
        for name in route.mute_time_intervals.iter().chain(&route.active_time_intervals) {
            if !self.time_intervals.contains_key(name) {
                problems.add(line, path, format!("undefined time interval {name:?} used in route"));
            }
        }
        let id = self.routes.len();
        self.routes.push(route.clone());
        for (i, child) in raw.routes.iter().enumerate() {
            let child_id = self.add_route(child, &route, &format!("{path}.routes[{i}]"), problems);
            // Two children with equal matchers must not share their groups.
            self.routes[child_id].key.push_str(&format!("/{i}"));
            self.routes[id].children.push(child_id);
        }
        id
    }
}

fn check_global(global: &Fields, problems: &mut Problems) {
    global.check_known("global", &[GLOBAL], problems);
    for file in GLOBAL.iter().filter(|f| f.ends_with("_file")) {
        global.check_one_of("global", file.trim_end_matches("_file"), file, problems);
    }
    let webhook =
        global.text("slack_api_url").is_some_and(|u| u != SLACK_POST) || global.has("slack_api_url_file");
    if webhook && (global.has("slack_app_token") || global.has("slack_app_token_file")) {
        let line = global.line("slack_api_url").max(global.line("slack_api_url_file"));
        let message = "at most one of slack_app_token/slack_app_token_file & slack_api_url/slack_api_url_file must be configured";
        problems.add(line, "global", message);
    }
    for name in ["slack_api_url", "slack_app_url"] {
        receiver::check_url(global, name, "global", problems);
    }
    if let Some(host) = global.text("smtp_smarthost")
        && !receiver::host_and_port(&host)
    {
        problems.add(global.line("smtp_smarthost"), "global", format!("address {host:?}: missing port"));
    }
    if let Some(Err(message)) = global.text("resolve_timeout").map(|t| t.parse::<PromDuration>()) {
        problems.add(global.line("resolve_timeout"), "global.resolve_timeout", message);
    }
}

fn check_group_by(
    own: Option<&[String]>,
    inherited: &GroupBy,
    line: u64,
    path: &str,
    problems: &mut Problems,
) -> GroupBy {
    let Some(own) = own.filter(|g| !g.is_empty()) else {
        // An explicit empty list groups everything together.
        return if own.is_some() { GroupBy::Labels(BTreeSet::new()) } else { inherited.clone() };
    };
    let field = format!("{path}.group_by");
    if own.iter().any(|l| l == "...") {
        if own.len() > 1 {
            problems.add(
                line,
                field,
                "cannot have wildcard group_by (`...`) and other labels at the same time",
            );
        }
        return GroupBy::All;
    }
    let mut labels = BTreeSet::new();
    for label in own {
        if label.is_empty() {
            problems.add(line, &field, "invalid label name \"\" in group_by list");
        } else if !labels.insert(label.clone()) {
            problems.add(line, &field, format!("duplicated label {label:?} in group_by"));
        }
    }
    GroupBy::Labels(labels)
}

type Pairs = BTreeMap<String, Spanned<Option<String>>>;

fn check_matchers(
    equal: &Pairs,
    regexes: &Pairs,
    matchers: &[Spanned<String>],
    path: &str,
    problems: &mut Problems,
) -> Vec<LabelMatcher> {
    let mut out = Vec::new();
    for (pairs, op) in [(equal, Op::Equal), (regexes, Op::Regex)] {
        for (name, value) in pairs {
            let line = value.referenced.line();
            let parsed = match (&value.value, op) {
                (None, Op::Regex) => Err("no regular expression given".to_owned()),
                (text, op) => LabelMatcher::new(name, op, text.as_deref().unwrap_or_default()),
            };
            match parsed {
                Ok(matcher) => out.push(matcher),
                Err(e) => problems.add(line, path, format!("invalid matcher of label {name:?}: {e}")),
            }
        }
    }
    for text in matchers {
        match parse_matchers(&text.value) {
            Ok(parsed) => out.extend(parsed),
            Err(e) => problems.add(text.referenced.line(), format!("{path}.matchers"), e),
        }
    }
    out.sort_by(|a, b| (&a.name, &a.value).cmp(&(&b.name, &b.value)));
    out
}
