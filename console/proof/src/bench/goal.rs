//! Goals against what was measured: one line each, met or missed.

use super::{
    outcome::{Outcome, share},
    table::table,
};

const MIB: f64 = (1 << 20) as f64;
/// 350 MB, under a load and while asked.
const PEAK_MIB: f64 = 350e6 / MIB;

/// One row: the ratio is what the goal is about.
pub struct Goal {
    name: String,
    goal: String,
    measured: String,
    ratio: Option<f64>,
    is_met: bool,
}

impl Goal {
    /// `ratio`, usually ours over theirs, is to reach `goal`.
    pub fn at_least(name: impl Into<String>, goal: f64, ratio: f64, measured: String) -> Self {
        let is_met = ratio >= goal;
        Self { name: name.into(), goal: format!(">= {goal}x"), measured, ratio: Some(ratio), is_met }
    }

    /// `measured` is not to exceed `goal`; both in `unit`, which brings its blank.
    pub fn at_most(name: impl Into<String>, goal: f64, unit: &str, measured: f64) -> Self {
        Self {
            name: name.into(),
            goal: format!("<= {}{unit}", short(goal)),
            measured: format!("{measured:.2}{unit}"),
            ratio: Some(measured / goal),
            is_met: measured <= goal,
        }
    }

    /// Something must hold altogether.
    pub fn all(name: impl Into<String>, goal: &str, measured: String, is_met: bool) -> Self {
        Self { name: name.into(), goal: goal.to_owned(), measured, ratio: None, is_met }
    }

    /// Each of the ratios is not to exceed `goal`: how many do, the median, and the worst by name.
    pub fn all_at_most<'a>(
        name: impl Into<String>,
        goal: f64,
        ratios: impl Iterator<Item = (&'a str, f64)>,
    ) -> Option<Self> {
        let mut ratios: Vec<(&str, f64)> = ratios.collect();
        ratios.sort_by(|a, b| a.1.total_cmp(&b.1));
        let (worst, ratio) = *ratios.last()?;
        let met = ratios.iter().filter(|(_, r)| *r <= goal).count();
        let median = ratios[ratios.len() / 2].1;
        Some(Self {
            name: name.into(),
            goal: format!("each <= {goal:.2}"),
            measured: format!("{met} of {}; median {median:.2}; worst {worst}", ratios.len()),
            ratio: Some(ratio),
            is_met: met == ratios.len(),
        })
    }

    fn row(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            self.goal.clone(),
            self.measured.clone(),
            self.ratio.map_or_else(String::new, |r| format!("{r:.2}")),
            if self.is_met { "met" } else { "MISSED" }.to_owned(),
        ]
    }
}

/// The table of all goals.
pub fn goals(goals: &[Goal]) -> String {
    let rows: Vec<_> = goals.iter().map(Goal::row).collect();
    table(&["goal", "", "measured", "ratio", ""], &rows)
}

/// What a load may leave behind.
pub struct Bounds {
    /// Resident after it.
    pub rest_mb: f64,
    pub ready_seconds: f64,
}

/// What every load of logs or traces must come to, the worst of all numbers of connections.
pub fn of_loads<S>(ours: &Outcome<S>, bounds: &Bounds) -> Vec<Goal> {
    let kept = |name: &str, shares: Vec<Option<f64>>| {
        let told = shares.iter().map(|s| share(*s)).collect::<Vec<_>>().join(", ");
        Goal::all(name, "100 %", told, !shares.is_empty() && shares.iter().all(|s| *s == Some(1.0)))
    };
    vec![
        Goal::at_most("peak memory", PEAK_MIB, " MiB", ours.worst(|l| l.taken.peak_rss_bytes as f64 / MIB)),
        Goal::at_most(
            "memory at rest",
            bounds.rest_mb * 1e6 / MIB,
            " MiB",
            ours.worst(|l| l.taken.idle_rss_bytes as f64 / MIB),
        ),
        Goal::at_most("ready after kill", bounds.ready_seconds, " s", ours.worst(|l| l.ready_seconds)),
        kept("kept", ours.loads.iter().map(|l| l.kept_share).collect()),
        kept("kept after kill", ours.loads.iter().map(|l| l.killed_share).collect()),
    ]
}

/// Answers against goals in milliseconds, by question; a question that was not answered misses its goal.
pub fn of_answers<S>(ours: &Outcome<S>, peak_mb: f64, goals_ms: &[(&str, f64)]) -> Vec<Goal> {
    let Some(answered) = &ours.answered else { return Vec::new() };
    let peak = answered.peak_rss_bytes as f64 / MIB;
    let mut all = vec![Goal::at_most("peak memory while asked", peak_mb * 1e6 / MIB, " MiB", peak)];
    for (name, answer) in &answered.answers {
        let Some((_, goal)) = goals_ms.iter().find(|(question, _)| question == name) else { continue };
        all.push(match answer {
            Ok(m) => Goal::at_most(*name, *goal, " ms", m.median.as_secs_f64() * 1000.0),
            Err(_) => Goal::all(*name, &format!("<= {goal} ms"), "no answer".to_owned(), false),
        });
    }
    all
}

/// At most two digits after the point, none where there is nothing to say.
fn short(n: f64) -> String {
    format!("{n:.2}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slow_query_breaks_the_goal_and_is_named() {
        let goal = Goal::all_at_most("q", 0.33, [("fast", 0.1), ("slow", 0.5)].into_iter()).unwrap();
        assert!(!goal.is_met && goal.measured.contains("1 of 2") && goal.measured.contains("slow"));
        assert!(Goal::all_at_most("q", 0.33, [("fast", 0.1)].into_iter()).unwrap().is_met);
    }

    #[test]
    fn a_goal_of_at_most_is_met_at_its_edge() {
        assert!(Goal::at_most("b", 1.3, " B", 1.3).is_met);
        assert!(!Goal::at_most("b", 1.3, " B", 1.31).is_met);
    }

    #[test]
    fn goals_are_printed_without_empty_digits() {
        assert_eq!([0.2, 60.0, 1.25].map(short), ["0.2", "60", "1.25"]);
        assert!(goals(&[Goal::at_least("a", 3.0, 2.0, "2 against 1".to_owned())]).contains("MISSED"));
    }
}
