//! What pgBackRest is told.

use std::{path::Path, time::Duration};

use sqlx::types::chrono::{DateTime, Utc};

use super::{object_store::ObjectStore, plan::Plan};

/// pgBackRest's name for a cluster and all its nodes.
pub const STANZA: &str = "shop";
/// A segment leaves at least so often while anything is written: what a lost region can lose.
pub const TIMEOUT: Duration = Duration::from_secs(10);
/// Base backups that are kept, with the log since the oldest of them.
const KEPT: u32 = 4;

pub const CREATE: [&str; 1] = ["stanza-create"];
pub const BACKUP: [&str; 2] = ["--type=full", "backup"];
pub const BACKUPS: [&str; 2] = ["info", "--output=json"];
pub const FILES: [&str; 4] = ["repo-ls", "archive/shop", "--recurse", "--output=json"];
pub const RESTORE_REPLICA: [&str; 2] = ["--type=standby", "restore"];

/// `pgbackrest.conf`, below `dir`.
pub fn configuration(dir: &Path, store: &ObjectStore) -> String {
    let dir = dir.display();
    format!(
        "[global]\nrepo1-type=s3\nrepo1-path=/{STANZA}\nrepo1-s3-bucket={bucket}\nrepo1-s3-endpoint=localhost\n\
         repo1-storage-port={port}\nrepo1-s3-region={region}\nrepo1-s3-uri-style=path\nrepo1-s3-key={key}\n\
         repo1-s3-key-secret={secret}\nrepo1-storage-ca-file={certificate}\nrepo1-retention-full={KEPT}\n\
         repo1-bundle=y\ncompress-type=lz4\nstart-fast=y\nprocess-max=2\nlock-path={dir}/lock\nlog-path={dir}/log\n\
         spool-path={dir}/spool\nlog-level-console=warn\nlog-level-file=off\n",
        bucket = ObjectStore::BUCKET,
        port = store.port,
        region = ObjectStore::REGION,
        key = store.key,
        secret = store.secret,
        certificate = store.certificate().display(),
    )
}

/// The words that restore a moment: named backup, named timeline, and a stop there that waits for a person.
pub fn restore_to(plan: &Plan, moment: DateTime<Utc>) -> Vec<String> {
    vec![
        format!("--set={}", plan.set),
        "--type=time".to_owned(),
        format!("--target={}", moment.format("%Y-%m-%d %H:%M:%S%.6f+00")),
        format!("--target-timeline={}", plan.timeline),
        "--target-action=pause".to_owned(),
        "restore".to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_named_to_the_microsecond_with_its_zone() {
        let plan = Plan { set: "20261129-213056F".to_owned(), timeline: 2 };
        let moment = DateTime::from_timestamp_micros(1_795_987_859_000_042).unwrap();
        assert_eq!(
            restore_to(&plan, moment),
            [
                "--set=20261129-213056F",
                "--type=time",
                "--target=2026-11-29 21:30:59.000042+00",
                "--target-timeline=2",
                "--target-action=pause",
                "restore"
            ]
        );
    }

    /// What the guide tells people to type is what the drills run.
    #[test]
    fn the_guide_has_every_command() {
        let guide = include_str!("../../../../runbooks/guides/disaster-recovery.md");
        let plan = Plan { set: "LABEL".to_owned(), timeline: 7 };
        let to_moment = restore_to(&plan, DateTime::UNIX_EPOCH).join(" ");
        let to_moment = to_moment
            .replace("1970-01-01 00:00:00.000000+00", "MOMENT")
            .replace("timeline=7", "timeline=TIMELINE");
        let words =
            [BACKUP.join(" "), BACKUPS.join(" "), FILES.join(" "), RESTORE_REPLICA.join(" "), to_moment];
        for words in words {
            let command = format!("pgbackrest --stanza={STANZA} {words}");
            assert!(guide.contains(&command), "the guide lacks: {command}");
        }
    }
}
