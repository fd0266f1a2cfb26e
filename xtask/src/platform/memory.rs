//! Memory of process trees. Proportional set size where the kernel tells it (shared pages are counted once, which
//! matters for Postgres), resident set size elsewhere.

use std::collections::HashMap;

/// Parents and children at one moment.
pub struct Snapshot {
    children: HashMap<u32, Vec<u32>>,
    resident_kb: HashMap<u32, u64>,
}

impl Snapshot {
    pub fn take() -> Self {
        let mut snapshot = Self { children: HashMap::new(), resident_kb: HashMap::new() };
        let Ok(ps) = std::process::Command::new("ps").args(["-A", "-o", "pid=,ppid=,rss="]).output() else {
            return snapshot;
        };
        for line in String::from_utf8_lossy(&ps.stdout).lines() {
            let fields: Vec<u64> = line.split_whitespace().filter_map(|f| f.parse().ok()).collect();
            if let [pid, parent, rss] = fields[..] {
                snapshot.children.entry(parent as u32).or_default().push(pid as u32);
                snapshot.resident_kb.insert(pid as u32, rss);
            }
        }
        snapshot
    }

    /// A process and all its descendants, parents first.
    pub fn tree(&self, pid: u32) -> Vec<u32> {
        let mut tree = vec![pid];
        let mut next = 0;
        while let Some(parent) = tree.get(next).copied() {
            tree.extend(self.children.get(&parent).into_iter().flatten());
            next += 1;
        }
        tree
    }

    /// Bytes that a process and all its descendants have allocated for themselves: what a leak adds to. Left out are
    /// pages of program files, whose share grows when somebody else stops running the same file, and shared memory:
    /// Postgres reserves all of it when it starts and touches it by and by. `None` where the kernel does not tell.
    pub fn allocated_by_tree(&self, pid: u32) -> Option<u64> {
        let allocated = |pid| kb(&rollup(pid)?, "Pss_Anon:");
        // A descendant may end while it is looked at.
        let own = allocated(pid)?;
        let others: u64 = self.tree(pid)[1..].iter().filter_map(|pid| allocated(*pid)).sum();
        Some((own + others) * 1024)
    }

    /// Bytes of a process and all its descendants.
    pub fn of_tree(&self, pid: u32) -> u64 {
        let own =
            proportional_kb(pid).or_else(|| self.resident_kb.get(&pid).copied()).unwrap_or_default() * 1024;
        let children = self.children.get(&pid).map(Vec::as_slice).unwrap_or_default();
        own + children.iter().map(|c| self.of_tree(*c)).sum::<u64>()
    }
}

fn proportional_kb(pid: u32) -> Option<u64> {
    kb(&rollup(pid)?, "Pss:")
}

fn rollup(pid: u32) -> Option<String> {
    std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()
}

fn kb(rollup: &str, field: &str) -> Option<u64> {
    rollup.lines().find_map(|l| l.strip_prefix(field))?.split_whitespace().next()?.parse().ok()
}
