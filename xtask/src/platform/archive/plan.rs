//! Which backup and which timeline lead to a moment.
//!
//! After a restore Postgres goes on along a new timeline that forks from an old one; the old one's end, which was given
//! up, stays in the archive. Both have transactions of the time between: a moment is restored along the timeline that
//! was being written *then*, from a backup that lies on its way.

use serde_json::Value;
use sqlx::types::chrono::{DateTime, Utc};

/// A base backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupSet {
    pub label: String,
    /// When it ended: no moment before that can be restored from it.
    pub stopped: DateTime<Utc>,
    pub timeline: u32,
    /// Where in the log it ended.
    pub stop_lsn: u64,
}

/// A line of history that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    pub number: u32,
    /// When its first server was promoted.
    pub began: DateTime<Utc>,
    /// The timelines that it continues, and where in the log it left each.
    pub parents: Vec<(u32, u64)>,
}

/// What leads to a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The backup's label.
    pub set: String,
    pub timeline: u32,
}

/// The usable backups of `pgbackrest info --output=json`.
pub fn backup_sets(json: &str) -> Result<Vec<BackupSet>, String> {
    let wrong = |what: &str| format!("pgbackrest info says no {what}: {json}");
    let info: Value = serde_json::from_str(json).map_err(|e| format!("pgbackrest info is no JSON: {e}"))?;
    let backups = info[0]["backup"].as_array().ok_or_else(|| wrong("backup"))?;
    let set = |backup: &Value| {
        let start = backup["archive"]["start"].as_str().ok_or_else(|| wrong("archive.start"))?;
        let stopped = backup["timestamp"]["stop"].as_i64().and_then(|s| DateTime::from_timestamp(s, 0));
        Ok(BackupSet {
            label: backup["label"].as_str().ok_or_else(|| wrong("label"))?.to_owned(),
            stopped: stopped.ok_or_else(|| wrong("timestamp.stop"))?,
            timeline: start.get(..8).and_then(hexadecimal).ok_or_else(|| wrong("archive.start"))?,
            stop_lsn: backup["lsn"]["stop"].as_str().and_then(lsn).ok_or_else(|| wrong("lsn.stop"))?,
        })
    };
    backups.iter().filter(|backup| backup["error"] != true).map(set).collect()
}

/// Paths of history files in `pgbackrest repo-ls --recurse --output=json`, and when each came.
pub fn history_files(json: &str) -> Result<Vec<(String, DateTime<Utc>)>, String> {
    let listing: Value =
        serde_json::from_str(json).map_err(|e| format!("pgbackrest repo-ls is no JSON: {e}"))?;
    let files = listing.as_object().ok_or_else(|| format!("pgbackrest repo-ls lists no files: {json}"))?;
    let histories = files.iter().filter(|(path, _)| path.ends_with(".history"));
    let dated = |(path, file): (&String, &Value)| {
        let came = file["time"].as_i64().and_then(|s| DateTime::from_timestamp(s, 0));
        Ok((path.clone(), came.ok_or_else(|| format!("pgbackrest repo-ls says no time of {path}"))?))
    };
    histories.map(dated).collect()
}

impl Timeline {
    /// The one of a cluster that was never restored.
    pub const fn first() -> Self {
        Self { number: 1, began: DateTime::<Utc>::MIN_UTC, parents: Vec::new() }
    }

    /// Reads a history file: a line for each timeline that it continues, with tabs between number, place and reason.
    pub fn parse(path: &str, began: DateTime<Utc>, text: &str) -> Result<Self, String> {
        let wrong = || format!("{path} is no history of a timeline: {text:?}");
        let name = path.rsplit('/').next().unwrap_or(path);
        let number = name.strip_suffix(".history").and_then(hexadecimal).ok_or_else(wrong)?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let parent = |line: &str| {
            let mut fields = line.split('\t');
            Some((fields.next()?.parse().ok()?, lsn(fields.next()?)?))
        };
        let parents: Option<Vec<(u32, u64)>> = lines.map(parent).collect();
        Ok(Self { number, began, parents: parents.ok_or_else(wrong)? })
    }

    fn leads_past(&self, set: &BackupSet) -> bool {
        set.timeline == self.number
            || self.parents.iter().any(|(number, left)| *number == set.timeline && set.stop_lsn <= *left)
    }
}

/// The newest backup from before the moment on the way of the timeline that was written then.
pub fn plan(sets: &[BackupSet], timelines: &[Timeline], moment: DateTime<Utc>) -> Result<Plan, String> {
    let then = timelines.iter().filter(|t| t.began <= moment).max_by_key(|t| t.number);
    let then = then.ok_or("the archive has no timeline")?;
    let usable = sets.iter().filter(|set| set.stopped <= moment && then.leads_past(set));
    match usable.max_by_key(|set| set.stopped) {
        Some(set) => Ok(Plan { set: set.label.clone(), timeline: then.number }),
        None => Err(format!(
            "no backup of timeline {} ended before {moment}: there are {:?}",
            then.number,
            sets.iter().map(|set| (&set.label, set.stopped, set.timeline)).collect::<Vec<_>>()
        )),
    }
}

fn hexadecimal(text: &str) -> Option<u32> {
    u32::from_str_radix(text, 16).ok()
}

/// `0/3000050`: two halves in hexadecimal digits.
fn lsn(text: &str) -> Option<u64> {
    let (high, low) = text.split_once('/')?;
    Some(u64::from(hexadecimal(high)?) << 32 | u64::from(hexadecimal(low)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    fn set(label: &str, stopped: i64, timeline: u32, stop_lsn: u64) -> BackupSet {
        BackupSet { label: label.to_owned(), stopped: at(stopped), timeline, stop_lsn }
    }

    fn to(sets: &[BackupSet], timelines: &[Timeline], second: i64) -> Result<(String, u32), String> {
        plan(sets, timelines, at(second)).map(|plan| (plan.set, plan.timeline))
    }

    /// What pgBackRest 2.45 printed, shortened.
    #[test]
    fn backups_are_read_from_what_pgbackrest_says() {
        let json = r#"[{"archive":[{"id":"15-1","max":"00000001000000000000000A"}],"backup":[
            {"archive":{"start":"000000010000000000000002","stop":"000000010000000000000003"},"error":false,
             "label":"20261129-213056F","lsn":{"start":"0/2000028","stop":"0/3000050"},
             "timestamp":{"start":1795987856,"stop":1795987859},"type":"full"},
            {"archive":{"start":"0000000A0000000100000002","stop":"0000000A0000000100000003"},"error":true,
             "label":"20261129-223056F","lsn":{"start":"1/2000028","stop":"1/3000050"},
             "timestamp":{"start":1795991456,"stop":1795991459},"type":"full"}],"name":"shop"}]"#;
        assert_eq!(backup_sets(json).unwrap(), [set("20261129-213056F", 1_795_987_859, 1, 0x0300_0050)]);
        assert!(backup_sets("[]").unwrap_err().contains("no backup"));
        assert!(backup_sets("{").unwrap_err().contains("no JSON"));
        let cut = json.replace("\"stop\":\"0/3000050\"", "\"stop\":\"?\"");
        assert!(backup_sets(&cut).unwrap_err().contains("no lsn.stop"));
    }

    #[test]
    fn a_history_names_what_it_continues() {
        let listing = r#"{".":{"type":"path"},"15-1":{"type":"path"},
            "15-1/0000000200000000/000000020000000000000004-ab.lz4":{"type":"file","size":1,"time":5},
            "15-1/00000003.history":{"type":"file","size":50,"time":1795988000}}"#;
        let files = history_files(listing).unwrap();
        assert_eq!(files, [("15-1/00000003.history".to_owned(), at(1_795_988_000))]);
        let text = "1\t0/5000098\tbefore 2026-11-29 21:30:59.1+00\n\n2\t1/A0\tno recovery target specified\n";
        let read = Timeline::parse("15-1/00000003.history", at(9), text).unwrap();
        assert_eq!(
            read,
            Timeline { number: 3, began: at(9), parents: vec![(1, 0x0500_0098), (2, 0x1_0000_00A0)] }
        );
        assert!(Timeline::parse("15-1/00000003.history", at(9), "one\n").unwrap_err().contains("no history"));
    }

    #[test]
    fn a_moment_is_restored_from_the_newest_backup_before_it() {
        let sets = [set("first", 100, 1, 10), set("second", 200, 1, 20), set("third", 300, 1, 30)];
        let only = [Timeline::first()];
        assert_eq!(to(&sets, &only, 250), Ok(("second".to_owned(), 1)));
        assert_eq!(to(&sets, &only, 200), Ok(("second".to_owned(), 1)));
        assert!(to(&sets, &only, 99).unwrap_err().contains("no backup of timeline 1 ended before"));
    }

    /// At 400 the cluster was restored to 250 and went on as timeline 2, so that what timeline 1 had from 250 to 400 is
    /// on timeline 1 alone.
    #[test]
    fn a_moment_belongs_to_the_timeline_that_was_written_then() {
        let fork = Timeline { number: 2, began: at(400), parents: vec![(1, 25)] };
        let timelines = [Timeline::first(), fork];
        let sets = [set("before", 200, 1, 20), set("given-up", 300, 1, 30), set("after", 500, 2, 40)];
        assert_eq!(to(&sets, &timelines, 350), Ok(("given-up".to_owned(), 1)));
        assert_eq!(to(&sets, &timelines, 600), Ok(("after".to_owned(), 2)));
        // The backup of 300 has what timeline 2 never had.
        assert_eq!(to(&sets, &timelines, 450), Ok(("before".to_owned(), 2)));
    }
}
