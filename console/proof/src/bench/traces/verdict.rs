//! Goals of the console's traces against what was measured.

use super::{
    question::{BY_ID_NAME, SERVICE_ERROR_NAME},
    server::Server,
};
use crate::bench::{
    goal::{self, Goal, goals},
    outcome::{Loaded, Outcome},
};

const TIMES_VICTORIA_TRACES: f64 = 2.3;
const BYTES_PER_SPAN: f64 = 60.0;
/// Over a million spans, milliseconds.
const QUESTION_MS: [(&str, f64); 2] = [(BY_ID_NAME, 3.0), (SERVICE_ERROR_NAME, 80.0)];

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
    let bytes = |l: &Loaded| l.taken.disk_bytes as f64 / l.taken.sent.items.max(1) as f64;
    all.push(Goal::at_most("bytes a span on disk", BYTES_PER_SPAN, " B", ours.worst(bytes)));
    all.extend(goal::of_loads(ours));
    all.extend(goal::of_answers(ours, &QUESTION_MS));
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
    use crate::bench::outcome::tests::{answered, loaded};

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
