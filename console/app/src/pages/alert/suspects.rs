//! Which change most likely did it: commits before the onset, nearest first, those of the alert's service before
//! others.

use console_model::deploy::DeployCommit;

/// Older changes are no suspects.
const LOOK_BACK_MS: i64 = 24 * 3_600_000;
/// Clocks of git and of scrapes may disagree by as much.
const SKEW_MS: i64 = 5_000;
/// A commit of another service must be this many times nearer to count as much.
const OTHER_SERVICE: i64 = 10;
const SHOWN: usize = 5;

#[derive(Clone, Debug, PartialEq)]
pub struct Suspect {
    pub commit: DeployCommit,
    /// From the commit to the onset.
    pub before_ms: i64,
    pub touches_service: bool,
}

/// The most suspicious first.
pub fn suspects(commits: &[DeployCommit], service: Option<&str>, onset_ms: i64) -> Vec<Suspect> {
    let mut found: Vec<Suspect> = commits
        .iter()
        .filter(|c| (onset_ms - LOOK_BACK_MS..=onset_ms + SKEW_MS).contains(&c.at_ms))
        .map(|c| Suspect {
            before_ms: (onset_ms - c.at_ms).max(0),
            touches_service: service.is_some_and(|s| c.services.iter().any(|t| t == s)),
            commit: c.clone(),
        })
        .collect();
    // A minute is added so that a commit seconds before the onset does not beat everything by a factor of zero.
    let distance = |s: &Suspect| (s.before_ms + 60_000) * if s.touches_service { 1 } else { OTHER_SERVICE };
    found.sort_by_key(distance);
    found.truncate(SHOWN);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::testing::commit;

    const MINUTE: i64 = 60_000;
    const ONSET: i64 = 100_000 * MINUTE;

    fn ranked(commits: &[DeployCommit]) -> Vec<String> {
        suspects(commits, Some("payments"), ONSET).into_iter().map(|s| s.commit.sha).collect()
    }

    #[test]
    fn the_services_own_change_beats_a_nearer_one_of_another() {
        assert_eq!(
            ranked(&[
                commit("near-other", ONSET - 3 * MINUTE, &["catalog"]),
                commit("own", ONSET - 20 * MINUTE, &["payments", "orders"]),
                commit("old-own", ONSET - 300 * MINUTE, &["payments"]),
            ]),
            ["own", "near-other", "old-own"]
        );
    }

    #[test]
    fn what_came_after_or_long_before_is_no_suspect() {
        assert_eq!(
            ranked(&[
                commit("after", ONSET + MINUTE, &["payments"]),
                commit("skew", ONSET + 2_000, &["payments"]),
                commit("ancient", ONSET - 25 * 60 * MINUTE, &["payments"]),
            ]),
            ["skew"]
        );
        assert_eq!(suspects(&[commit("skew", ONSET + 2_000, &[])], None, ONSET)[0].before_ms, 0);
    }
}
