//! Which node is the primary, and whether the other one may take its place. Written before the thing itself is done, so
//! that a supervisor that dies in between never starts two primaries.

use std::{io::Write as _, path::Path};

use serde::{Deserialize, Serialize};

/// What must survive the supervisor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterState {
    /// The name of the only node that may run without following another.
    pub primary: String,
    /// Every acknowledged commit is on the standby as well: it may be promoted. False from before the first commit
    /// that does not wait for it.
    pub synchronous: bool,
    /// Promotions so far.
    pub failovers: u64,
}

impl ClusterState {
    /// What the file says; nothing before the first start.
    pub fn load(file: &Path) -> Result<Option<Self>, String> {
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(format!("cannot read {}: {e}", file.display())),
        };
        serde_json::from_str(&text)
            .map(Some)
            .map_err(|e| format!("{} is damaged ({e}): it names the Postgres primary", file.display()))
    }

    /// Replaces the file; when this returns, the new state is on disk.
    pub fn store(&self, file: &Path) -> Result<(), String> {
        let fail = |e: std::io::Error| format!("cannot write {}: {e}", file.display());
        let next = file.with_extension("new");
        let mut out = std::fs::File::create(&next).map_err(fail)?;
        let text =
            serde_json::to_string(self).map_err(|e| format!("cannot write the cluster's state: {e}"))?;
        out.write_all(text.as_bytes()).map_err(fail)?;
        out.sync_all().map_err(fail)?;
        std::fs::rename(&next, file).map_err(fail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_survives_and_damage_is_told() {
        let file = std::env::temp_dir().join(format!("qd-cluster-{}.json", std::process::id()));
        let _ = std::fs::remove_file(&file);
        assert_eq!(ClusterState::load(&file).unwrap(), None);
        let state = ClusterState { primary: "postgres-2".to_owned(), synchronous: true, failovers: 3 };
        state.store(&file).unwrap();
        assert_eq!(ClusterState::load(&file).unwrap(), Some(state));
        std::fs::write(&file, "{").unwrap();
        assert!(ClusterState::load(&file).unwrap_err().contains("damaged"));
        std::fs::remove_file(&file).unwrap();
    }
}
