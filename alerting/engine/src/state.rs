//! What survives a restart: the notification log, the last notifications, the alerts that were firing, the alerts of
//! others.
//!
//! One JSON file, replaced atomically (written beside, synced, renamed).

use std::{
    collections::VecDeque,
    io::Write,
    path::{Path, PathBuf},
};

use console_model::alert::{Alert, DeliveryOutcome, Notification};
use serde::{Deserialize, Serialize};

use crate::{dispatch::NotificationLog, error::LoadError, external::ExternalAlerts};

const FILE: &str = "alerting-state.json";

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct State {
    pub log: NotificationLog,
    /// Oldest first.
    pub notifications: VecDeque<Notification>,
    pub firing: Vec<Alert>,
    /// Alerts of others, which no evaluation brings back.
    #[serde(default)]
    pub external: ExternalAlerts,
    pub next_id: u64,
}

impl State {
    /// Keeps a notification. A failure that repeats itself replaces the one before.
    pub fn remember(&mut self, mut notification: Notification, max: usize) {
        let failed = |n: &Notification| matches!(n.outcome, DeliveryOutcome::Failed { .. });
        let same = |n: &Notification| {
            n.receiver == notification.receiver
                && n.integration == notification.integration
                && n.group == notification.group
        };
        if failed(&notification)
            && let Some(last) = self.notifications.iter().rposition(same)
            && failed(&self.notifications[last])
        {
            self.notifications.remove(last);
        }
        self.next_id += 1;
        notification.id = self.next_id;
        self.notifications.push_back(notification);
        while self.notifications.len() > max {
            self.notifications.pop_front();
        }
    }
}

/// The state with its file.
pub(crate) struct StateFile {
    path: PathBuf,
    state: parking_lot::Mutex<State>,
    /// Held while writing, so that an older text never replaces a newer one.
    writing: parking_lot::Mutex<()>,
}

impl StateFile {
    /// Reads the file. One that cannot be understood is set aside with a warning: alerting must start.
    pub fn open(dir: &Path) -> Result<Self, LoadError> {
        std::fs::create_dir_all(dir).map_err(|e| LoadError::of_file(dir, e.to_string()))?;
        let path = dir.join(FILE);
        let state = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                let aside = path.with_extension("json.unreadable");
                tracing::error!(file = %path.display(), %error, "the alerting state is unreadable and set aside");
                if let Err(error) = std::fs::rename(&path, &aside) {
                    tracing::error!(%error, "could not set the alerting state aside");
                }
                State::default()
            }),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => State::default(),
            Err(e) => return Err(LoadError::of_file(path, e.to_string())),
        };
        Ok(Self { path, state: parking_lot::Mutex::new(state), writing: parking_lot::Mutex::new(()) })
    }

    pub fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.state.lock())
    }

    /// Writes the file; blocks on the disk. A failure is logged.
    pub fn save(&self) {
        if let Err(error) = self.write() {
            tracing::error!(file = %self.path.display(), %error, "could not save the alerting state");
        }
    }

    /// Writes the file; blocks on the disk.
    pub fn write(&self) -> std::io::Result<()> {
        let _one = self.writing.lock();
        let text = {
            let state = self.state.lock();
            serde_json::to_vec(&*state)
        };
        let beside = self.path.with_extension("json.new");
        let mut file = std::fs::File::create(&beside)?;
        file.write_all(&text.map_err(std::io::Error::other)?)?;
        file.sync_all()?;
        std::fs::rename(&beside, &self.path)
    }
}
