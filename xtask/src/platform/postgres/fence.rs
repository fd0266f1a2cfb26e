//! Nobody writes into a directory any more: what must hold before another node is promoted.
//!
//! Backends of a dead postmaster end by themselves, but not at once, and they are not in its process group. Until they
//! are gone a session could still commit on the old primary.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use crate::platform::process::send_signal;

const KILL_EVERY: Duration = Duration::from_millis(20);

/// A server's directory, known by device and inode: it may be moved or unlinked while processes still work in it.
#[derive(Clone, Copy, Debug)]
pub struct Fence(Option<(u64, u64)>);

impl Fence {
    /// Around a directory as it is now.
    pub fn around(dir: &Path) -> Self {
        Self(identity(dir))
    }

    /// Ends every process that works in the directory; fails when one lives on.
    pub async fn close(self, within: Duration) -> Result<(), String> {
        let until = Instant::now() + within;
        loop {
            let inside = self.processes();
            if inside.is_empty() {
                return Ok(());
            }
            if Instant::now() > until {
                return Err(format!("processes {inside:?} of the old primary cannot be ended"));
            }
            for pid in inside {
                send_signal(pid, Signal::KILL);
            }
            tokio::time::sleep(KILL_EVERY).await;
        }
    }

    /// Servers work in their data directory. Where there is no `/proc`, the postmaster's own end has to do.
    fn processes(self) -> Vec<u32> {
        let Some(wanted) = self.0 else { return Vec::new() };
        let entries = std::fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
        entries
            .filter_map(|e| e.file_name().to_str()?.parse::<u32>().ok())
            .filter(|pid| identity(Path::new(&format!("/proc/{pid}/cwd"))) == Some(wanted))
            .collect()
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(path).ok().map(|m| (m.dev(), m.ino()))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_works_in_a_directory_is_ended_even_after_it_was_moved_away() {
        let dir = std::env::temp_dir().join(format!("qd-fence-{}", std::process::id()));
        let moved = dir.with_extension("moved");
        let _ = std::fs::remove_dir_all(&moved);
        std::fs::create_dir_all(&dir).unwrap();
        let fence = Fence::around(&dir);
        let mut inside = tokio::process::Command::new("sleep").arg("600").current_dir(&dir).spawn().unwrap();
        std::fs::rename(&dir, &moved).unwrap();
        fence.close(Duration::from_secs(10)).await.unwrap();
        let ended = tokio::time::timeout(Duration::from_secs(10), inside.wait()).await;
        assert!(!ended.expect("it ends").unwrap().success());
        std::fs::remove_dir_all(&moved).unwrap();
    }
}
