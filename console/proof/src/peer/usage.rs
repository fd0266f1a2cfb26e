//! What a process has cost so far, as Linux counts it in `/proc`.

use std::{fs, path::Path};

use super::PeerError;

/// The unit of CPU times in `/proc/PID/stat`: `USER_HZ`, which is 100 on every architecture that Linux shows to programs.
const TICKS_PER_SECOND: f64 = 100.0;

/// CPU time and memory of a process, all threads together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// User and system time.
    pub cpu_seconds: f64,
    /// Most memory that was ever resident at once.
    pub peak_rss_bytes: u64,
    /// Memory resident now.
    pub rss_bytes: u64,
}

impl Usage {
    pub(crate) fn of(pid: u32) -> Result<Self, PeerError> {
        let read = |file: &str| {
            let path = format!("/proc/{pid}/{file}");
            fs::read_to_string(&path).map_err(PeerError::io(format!("cannot read {path}")))
        };
        let (stat, status) = (read("stat")?, read("status")?);
        Ok(Self {
            cpu_seconds: cpu_ticks(&stat).unwrap_or_default() as f64 / TICKS_PER_SECOND,
            peak_rss_bytes: kib(&status, "VmHWM:").unwrap_or_default() << 10,
            rss_bytes: kib(&status, "VmRSS:").unwrap_or_default() << 10,
        })
    }
}

impl Usage {
    /// The peak of a process is counted anew from here on: `5` in `/proc/PID/clear_refs` (proc(5)).
    pub(crate) fn forget_peak(pid: u32) -> Result<(), PeerError> {
        let path = format!("/proc/{pid}/clear_refs");
        fs::write(&path, "5").map_err(PeerError::io(format!("cannot write {path}")))
    }
}

/// `utime + stime`, the 14th and 15th fields; the second field is a name in brackets that may hold anything.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let mut after_name = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    Some(after_name.next()?.parse::<u64>().ok()? + after_name.next()?.parse::<u64>().ok()?)
}

fn kib(status: &str, field: &str) -> Option<u64> {
    let line = status.lines().find_map(|l| l.strip_prefix(field))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// Bytes of all files below a folder; what vanishes meanwhile counts nothing.
pub fn folder_bytes(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let bytes = |entry: fs::DirEntry| match entry.metadata() {
        Ok(data) if data.is_dir() => folder_bytes(&entry.path()),
        Ok(data) => data.len(),
        Err(_) => 0,
    };
    entries.map(bytes).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_counted_after_the_name() {
        let stat = "7 (a b) c) S 1 2 3 4 5 6 7 8 9 10 30 12 0 0 20 0 1";
        assert_eq!(cpu_ticks(stat), Some(42));
        assert_eq!(kib("VmPeak:\t 9 kB\nVmHWM:\t  512 kB\n", "VmHWM:"), Some(512));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_uses_memory() {
        let usage = Usage::of(std::process::id()).unwrap();
        assert!(usage.rss_bytes > 0 && usage.peak_rss_bytes >= usage.rss_bytes, "{usage:?}");
    }
}
