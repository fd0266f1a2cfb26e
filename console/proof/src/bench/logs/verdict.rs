//! Goals of the console's logs against what was measured.

use super::{
    question::{NEEDLE_NAME, REGEX_NAME, STATUS_NAME},
    server::Server,
};
use crate::bench::{
    goal::{self, Goal, goals},
    outcome::{Loaded, Outcome},
};

const TIMES_VICTORIA_LOGS: f64 = 3.0;
const DISK_OF_RAW: f64 = 0.20;
/// Over a gigabyte, milliseconds.
const QUESTION_MS: [(&str, f64); 3] = [(NEEDLE_NAME, 10.0), (STATUS_NAME, 350.0), (REGEX_NAME, 300.0)];

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
    let of_raw = |l: &Loaded| l.taken.disk_bytes as f64 / l.taken.sent.raw_bytes.max(1) as f64;
    all.push(Goal::at_most("disk / raw", DISK_OF_RAW, "x", ours.worst(of_raw)));
    all.extend(goal::of_loads(ours));
    all.extend(goal::of_answers(ours, &QUESTION_MS));
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
    use crate::bench::outcome::tests::{answered, loaded};

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
    fn without_a_peer_only_our_own_goals_are_judged() {
        let alone = Outcome { server: Server::Console, loads: vec![loaded(1.0, 1.0)], answered: None };
        assert!(!verdict(&[alone]).contains("VictoriaLogs"));
        assert!(verdict(&[]).contains("not measured"));
    }
}
