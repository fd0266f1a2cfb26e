//! What pages see of the engine.

use async_trait::async_trait;
use console_model::alert::{Alert, AlertState, Notification, RuleGroupStatus, RuleStatus};
use console_storage::{SourceError, source::AlertsSource};

use crate::Engine;

#[async_trait]
impl AlertsSource for Engine {
    async fn alerts(&self) -> Result<Vec<Alert>, SourceError> {
        let mut all = self.alerts_now();
        let rank = |a: &Alert| match a.state {
            AlertState::Firing => 0,
            AlertState::Pending => 1,
            AlertState::Resolved | AlertState::Inactive => 2,
        };
        all.sort_by_key(|a| (rank(a), std::cmp::Reverse(a.active_at_ms), a.fingerprint.clone()));
        Ok(all)
    }

    async fn alert(&self, fingerprint: &str) -> Result<Option<Alert>, SourceError> {
        Ok(self.alerts_now().into_iter().find(|a| a.fingerprint == fingerprint))
    }

    async fn rules(&self) -> Result<Vec<RuleStatus>, SourceError> {
        Ok(self.groups_now().into_iter().flat_map(|g| g.rules).map(|r| r.status).collect())
    }

    async fn rule_groups(&self) -> Result<Vec<RuleGroupStatus>, SourceError> {
        Ok(self.groups_now())
    }

    async fn notifications(&self, limit: usize) -> Result<Vec<Notification>, SourceError> {
        Ok(self.state.with(|s| s.notifications.iter().rev().take(limit).cloned().collect()))
    }
}
