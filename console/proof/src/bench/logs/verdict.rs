//! Goals of the console's logs against what was measured.

use super::{question::NEEDLE_NAME, server::Server};
use crate::bench::{
    goal::{self, Bounds, Goal, goals},
    outcome::{Loaded, Outcome},
};

const TIMES_VICTORIA_LOGS: f64 = 3.0;
const DISK_OF_RAW: f64 = 0.20;
const MEGABYTES_PER_CPU_SECOND: f64 = 60.0;
const READY_SECONDS_PER_GIGABYTE: f64 = 2.0;
const REST_MB: f64 = 150.0;
const ASKED_MB: f64 = 250.0;
/// Over a gigabyte, milliseconds.
const QUESTION_MS: [(&str, f64); 8] = [
    (NEEDLE_NAME, 10.0),
    ("status=500 per minute", 350.0),
    ("regular expression per minute", 300.0),
    ("count all by app", 5.0),
    ("count all by app and minute", 60.0),
    ("json, status>=500 per minute", 700.0),
    ("logfmt, status>=500 per minute", 500.0),
    ("last 1,000 lines of a stream", 5.0),
];

/// Goals of which both sides were measured.
pub fn verdict(outcomes: &[Outcome<Server>]) -> String {
    let find = |server: Server| outcomes.iter().find(|o| o.server == server);
    let Some(ours) = find(Server::Console) else {
        return "The console was not measured: no goal is judged.".to_owned();
    };
    let mut all = Vec::new();
    if let Some(theirs) = find(Server::VictoriaLogs) {
        all.extend(ours.loads.iter().zip(&theirs.loads).map(|(a, b)| speed(a, b)));
    }
    let speed = |l: &Loaded| MEGABYTES_PER_CPU_SECOND / l.taken.megabytes_per_cpu_second().max(1e-9);
    let slowest = MEGABYTES_PER_CPU_SECOND / ours.worst(speed).max(1e-9);
    let ratio = slowest / MEGABYTES_PER_CPU_SECOND;
    all.push(Goal::at_least("MB per CPU-s / 60, slowest", 1.0, ratio, format!("{slowest:.1}")));
    let gigabytes = ours.worst(|l| l.taken.sent.raw_bytes as f64 / 1e9);
    let of_raw = |l: &Loaded| l.taken.disk_bytes as f64 / l.taken.sent.raw_bytes.max(1) as f64;
    all.push(Goal::at_most("disk / raw", DISK_OF_RAW, "x", ours.worst(of_raw)));
    // A process has to start, whatever there is to read.
    let ready_seconds = (READY_SECONDS_PER_GIGABYTE * gigabytes).max(0.3);
    all.extend(goal::of_loads(ours, &Bounds { rest_mb: REST_MB, ready_seconds }));
    all.extend(goal::of_answers(ours, ASKED_MB, &QUESTION_MS));
    format!("{}Goals of questions and of disk are for a gigabyte or more.", goals(&all))
}

fn speed(ours: &Loaded, theirs: &Loaded) -> Goal {
    let (a, b) = (ours.taken.megabytes_per_cpu_second(), theirs.taken.megabytes_per_cpu_second());
    let name = format!("MB per CPU-s / VictoriaLogs, {} connections", ours.taken.connections);
    Goal::at_least(name, TIMES_VICTORIA_LOGS, a / b.max(1e-9), format!("{a:.1} against {b:.1}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::{
        logs::question::questions,
        outcome::tests::{answered, loaded},
    };

    fn line<'a>(text: &'a str, name: &str) -> &'a str {
        text.lines().find(|l| l.starts_with(name)).unwrap_or_else(|| panic!("{name} is not in\n{text}"))
    }

    #[test]
    fn one_lost_line_a_slow_load_and_a_slow_answer_are_missed_goals() {
        let of = |server, cpu, kept, ms| Outcome {
            server,
            loads: vec![loaded(cpu, kept)],
            answered: Some(answered(ms, 3, NEEDLE_NAME)),
        };
        let text = verdict(&[of(Server::VictoriaLogs, 5.0, 1.0, 2), of(Server::Console, 2.0, 0.999, 11)]);
        for missed in ["MB per CPU-s / VictoriaLogs, 4", "kept ", NEEDLE_NAME] {
            assert!(line(&text, missed).ends_with("MISSED"), "{text}");
        }
        for met in ["kept after kill", "disk / raw", "peak memory while asked"] {
            assert!(line(&text, met).ends_with("met"), "{text}");
        }
    }

    #[test]
    fn every_question_has_its_goal() {
        let goals = QUESTION_MS.map(|(name, _)| name);
        assert_eq!(questions().iter().map(|q| q.name).collect::<Vec<_>>(), goals);
    }

    #[test]
    fn without_a_peer_only_our_own_goals_are_judged() {
        let alone = Outcome { server: Server::Console, loads: vec![loaded(1.0, 1.0)], answered: None };
        assert!(!verdict(&[alone]).contains("VictoriaLogs"));
        assert!(verdict(&[]).contains("not measured"));
    }
}
