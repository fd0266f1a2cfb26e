//! Grouping (dispatch/dispatch.go): alerts of a route with equal group labels go out together. Pure: takes the time,
//! answers what is due; sending is somebody else's work.

mod inhibit;
pub mod nflog;

use std::collections::BTreeMap;

use console_model::{
    Labels,
    alert::{Alert, AlertState},
};

pub use inhibit::Inhibitor;
pub use nflog::{LogEntry, NotificationLog, SlackMessage};

use crate::routing::{RoutingConfig, tree};

/// A group that is due.
#[derive(Clone, Debug)]
pub struct Flush {
    pub key: String,
    pub route: tree::RouteId,
    pub group_labels: Labels,
    pub alerts: Vec<Alert>,
}

#[derive(Debug)]
struct Group {
    route: tree::RouteId,
    labels: Labels,
    alerts: BTreeMap<String, Alert>,
    next_ms: i64,
    flushed: bool,
    in_flight: bool,
}

/// All groups, and the alerts that inhibit others.
#[derive(Debug)]
pub struct Dispatcher {
    config: RoutingConfig,
    groups: BTreeMap<String, Group>,
    inhibitor: Inhibitor,
    max_groups: usize,
}

/// Why an alert was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{limit} groups are open: alert {alert} is not dispatched")]
pub struct TooManyGroups {
    pub limit: usize,
    pub alert: String,
}

impl Dispatcher {
    pub fn new(config: RoutingConfig, max_groups: usize) -> Self {
        let inhibitor = Inhibitor::new(config.inhibit_rules.clone());
        Self { config, groups: BTreeMap::new(), inhibitor, max_groups }
    }

    pub fn config(&self) -> &RoutingConfig {
        &self.config
    }

    pub fn group_count(&self) -> usize {
        self.groups.len()
    }

    /// Takes a firing or resolved alert; repeating it changes nothing.
    pub fn put(&mut self, alert: &Alert, now_ms: i64) -> Result<(), TooManyGroups> {
        self.inhibitor.put(alert);
        for route_id in tree::matching(&self.config.routes, &alert.labels) {
            let route = &self.config.routes[route_id];
            let labels = route.group_by.labels_of(&alert.labels);
            let key = format!("{}:{labels}", route.key);
            if !self.groups.contains_key(&key) && self.groups.len() >= self.max_groups {
                return Err(TooManyGroups { limit: self.max_groups, alert: alert.name.clone() });
            }
            let group = self.groups.entry(key).or_insert_with(|| Group {
                route: route_id,
                labels,
                alerts: BTreeMap::new(),
                next_ms: now_ms + route.group_wait_ms,
                flushed: false,
                in_flight: false,
            });
            // An alert that has already waited long enough (after a restart, say) does not wait again.
            let waited = alert.fired_at_ms.is_some_and(|at| at + route.group_wait_ms < now_ms);
            if !group.flushed && waited {
                group.next_ms = group.next_ms.min(now_ms);
            }
            group.alerts.insert(alert.fingerprint.clone(), alert.clone());
        }
        Ok(())
    }

    /// Groups whose time has come and that are not being sent. Each must be answered by [`Self::done`].
    pub fn due(&mut self, now_ms: i64) -> Vec<Flush> {
        let mut out = Vec::new();
        for (key, group) in &mut self.groups {
            if group.in_flight || group.next_ms > now_ms {
                continue;
            }
            group.next_ms = now_ms + self.config.routes[group.route].group_interval_ms;
            group.flushed = true;
            group.in_flight = true;
            out.push(Flush {
                key: key.clone(),
                route: group.route,
                group_labels: group.labels.clone(),
                alerts: group.alerts.values().cloned().collect(),
            });
        }
        out
    }

    /// When the next group is due.
    pub fn next_deadline_ms(&self) -> Option<i64> {
        self.groups.values().filter(|g| !g.in_flight).map(|g| g.next_ms).min()
    }

    /// The flush is over. After success, alerts that were resolved in it and have not changed since leave the group.
    pub fn done(&mut self, flush: &Flush, success: bool) {
        let Some(group) = self.groups.get_mut(&flush.key) else { return };
        group.in_flight = false;
        if success {
            for sent in flush.alerts.iter().filter(|a| a.state == AlertState::Resolved) {
                let unchanged = group.alerts.get(&sent.fingerprint).is_some_and(|a| {
                    a.state == AlertState::Resolved && a.resolved_at_ms == sent.resolved_at_ms
                });
                if unchanged {
                    group.alerts.remove(&sent.fingerprint);
                }
            }
        }
        if group.alerts.is_empty() {
            self.groups.remove(&flush.key);
        }
    }

    /// Whether another firing alert silences this one.
    pub fn is_inhibited(&self, labels: &Labels) -> bool {
        self.inhibitor.mutes(labels)
    }

    /// Whether the route is silent now: a mute interval holds, or none of its active intervals does.
    pub fn is_muted(&self, route: tree::RouteId, now_ms: i64) -> bool {
        let route = &self.config.routes[route];
        let holds = |name: &String| {
            self.config.time_intervals.get(name).is_some_and(|all| all.iter().any(|i| i.contains(now_ms)))
        };
        let active = route.active_time_intervals.is_empty() || route.active_time_intervals.iter().any(holds);
        route.mute_time_intervals.iter().any(holds) || !active
    }
}
