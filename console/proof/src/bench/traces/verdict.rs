//! Goals of the console's traces against what was measured.

use super::{
    question::{BY_ID_NAME, SERVICE_ERROR_NAME},
    server::Server,
};
use crate::bench::{
    goal::{self, Bounds, Goal, goals},
    outcome::{Loaded, Outcome},
};

const TIMES_VICTORIA_TRACES: f64 = 2.3;
const BYTES_PER_SPAN: f64 = 60.0;
const SPANS_PER_CPU_SECOND: f64 = 90e3;
const READY_SECONDS: f64 = 2.0;
const REST_MB: f64 = 120.0;
const ASKED_MB: f64 = 350.0;
/// Over a million spans, milliseconds.
const QUESTION_MS: [(&str, f64); 5] = [
    (BY_ID_NAME, 3.0),
    (SERVICE_ERROR_NAME, 80.0),
    ("duration > 300 ms", 40.0),
    ("an attribute that no span has", 2.0),
    ("one user id", 8.0),
];

/// Goals of which both sides were measured.
pub fn verdict(outcomes: &[Outcome<Server>]) -> String {
    let find = |server: Server| outcomes.iter().find(|o| o.server == server);
    let Some(ours) = find(Server::Console) else {
        return "The console was not measured: no goal is judged.".to_owned();
    };
    let mut all = Vec::new();
    if let Some(theirs) = find(Server::VictoriaTraces) {
        all.extend(ours.loads.iter().zip(&theirs.loads).map(|(a, b)| speed(a, b)));
    }
    let slowest = ours.worst(|l| 1.0 / l.taken.items_per_cpu_second().max(1e-9)).recip();
    let (ratio, measured) = (slowest / SPANS_PER_CPU_SECOND, format!("{:.1} k", slowest / 1e3));
    all.push(Goal::at_least("spans per CPU-s / 90 k, slowest", 1.0, ratio, measured));
    let bytes = |l: &Loaded| l.taken.disk_bytes as f64 / l.taken.sent.items.max(1) as f64;
    all.push(Goal::at_most("bytes a span on disk", BYTES_PER_SPAN, " B", ours.worst(bytes)));
    all.extend(goal::of_loads(ours, &Bounds { rest_mb: REST_MB, ready_seconds: READY_SECONDS }));
    all.extend(goal::of_answers(ours, ASKED_MB, &QUESTION_MS));
    format!("{}Goals of questions are for a million spans.", goals(&all))
}

fn speed(ours: &Loaded, theirs: &Loaded) -> Goal {
    let (a, b) = (ours.taken.items_per_cpu_second(), theirs.taken.items_per_cpu_second());
    let name = format!("spans per CPU-s / VictoriaTraces, {} connections", ours.taken.connections);
    let measured = format!("{:.1} k against {:.1} k", a / 1e3, b / 1e3);
    Goal::at_least(name, TIMES_VICTORIA_TRACES, a / b.max(1e-9), measured)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::{
        outcome::tests::{answered, loaded},
        traces::{load::Load, question::questions},
    };

    #[test]
    fn every_question_has_its_goal() {
        let asked = questions(Load::new(100_000, 1_700_000_000_000));
        assert_eq!(asked.iter().map(|q| q.name).collect::<Vec<_>>(), QUESTION_MS.map(|(name, _)| name));
    }

    #[test]
    fn a_fast_load_that_takes_too_much_disk_is_told_as_both() {
        let of = |server, cpu| Outcome {
            server,
            loads: vec![loaded(cpu, 1.0)],
            answered: Some(answered(2, 14, BY_ID_NAME)),
        };
        let text = verdict(&[of(Server::VictoriaTraces, 5.0), of(Server::Console, 2.0)]);
        let line = |name: &str| text.lines().find(|l| l.starts_with(name)).unwrap().to_owned();
        assert!(line("spans per CPU-s / VictoriaTraces, 4").ends_with("met"), "{text}");
        assert!(line("bytes a span on disk").ends_with("MISSED"), "{text}");
        assert!(line(BY_ID_NAME).ends_with("met"), "{text}");
    }
}
