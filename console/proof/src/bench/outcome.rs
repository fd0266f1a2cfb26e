//! What a server has shown: its loads and its answers, and the tables of them.

use super::{
    ask::{Asked, Measured, alone},
    compare,
    machine::causes,
    table::{mib, table},
    take::{Taken, percent},
};
use crate::peer::{Peer, PeerError};

/// Of one server under one number of connections.
pub struct Loaded {
    pub taken: Taken,
    /// Of what was sent, what the server finds after the rest; none where it does not answer.
    pub kept_share: Option<f64>,
    /// From the start after SIGKILL to the first ready answer.
    pub ready_seconds: f64,
    /// As above, after that start.
    pub killed_share: Option<f64>,
}

/// What asking has cost.
pub struct Answered {
    pub http: Measured,
    /// By question; the refusal where one was not answered.
    pub answers: Vec<(&'static str, Result<Measured, String>)>,
    pub peak_rss_bytes: u64,
}

/// Of one server.
pub struct Outcome<S> {
    pub server: S,
    pub loads: Vec<Loaded>,
    pub answered: Option<Answered>,
}

impl<S> Outcome<S> {
    /// The greatest of all loads.
    pub fn worst(&self, of: impl Fn(&Loaded) -> f64) -> f64 {
        self.loads.iter().map(of).fold(0.0, f64::max)
    }
}

/// A count of what was kept, if it was answered; the refusal is told at once.
pub fn answer_or_tell(server: &str, counted: Result<f64, PeerError>) -> Option<f64> {
    counted.inspect_err(|e| println!("{server} does not say what it has kept: {}", causes(e))).ok()
}

/// A share as it is printed.
pub fn share(share: Option<f64>) -> String {
    share.map_or_else(|| "no answer".to_owned(), percent)
}

/// Asks everything `runs` times at least; holds up the thread meanwhile. A question that is refused is told, not an error.
pub fn ask<C>(peer: &Peer, runs: usize, questions: Vec<(Asked, C)>) -> Result<Answered, PeerError>
where
    C: Fn(&[u8]) -> Result<u64, PeerError>,
{
    peer.forget_peak()?;
    let (http, answers) = alone(async {
        let client = peer.endpoint().apart()?;
        let http = Asked::readiness(peer).measure(peer, &client, runs, |_| Ok(0)).await?;
        let mut answers = Vec::new();
        for (asked, count) in questions {
            let measured = asked.measure(peer, &client, runs, count).await;
            answers.push((asked.name, measured.map_err(|e| causes(&e))));
        }
        Ok((http, answers))
    })?;
    Ok(Answered { http, answers, peak_rss_bytes: peer.usage()?.peak_rss_bytes })
}

/// A row a load; `own` are the cells of the signal's own columns, in the order of `own_head`.
pub fn show_loads<S: Copy, const N: usize>(
    outcomes: &[Outcome<S>],
    name: impl Fn(S) -> &'static str,
    own_head: [&str; N],
    own: impl Fn(&Taken) -> [String; N],
) -> String {
    let row = |server: S, loaded: &Loaded| {
        let t = &loaded.taken;
        let before =
            [name(server).to_owned(), t.connections.to_string(), format!("{:.1} s", t.wall.as_secs_f64())];
        let after = [
            share(loaded.kept_share),
            t.sent.repeated.to_string(),
            mib(t.peak_rss_bytes),
            mib(t.idle_rss_bytes),
            format!("{:.2} s", loaded.ready_seconds),
            share(loaded.killed_share),
        ];
        before.into_iter().chain(own(t)).chain(after).collect::<Vec<_>>()
    };
    let rows: Vec<_> = outcomes.iter().flat_map(|o| o.loads.iter().map(|l| row(o.server, l))).collect();
    let after = ["kept", "told to wait", "peak RSS", "RSS at rest", "ready after kill", "kept after kill"];
    let head: Vec<&str> = ["server", "conn.", "wall"].into_iter().chain(own_head).chain(after).collect();
    format!(
        "{}kept: of what was sent, what the server finds. told to wait: answers that sent the sender back for a while. ready \
         after kill:\nfrom the start after SIGKILL to the first ready answer.\n",
        table(&head, &rows)
    )
}

/// Answers of all servers beside one another; the last server is ours.
pub fn show_answers<S: Copy>(outcomes: &[Outcome<S>], name: impl Fn(S) -> &'static str) -> String {
    let asked: Vec<(&'static str, &Answered)> =
        outcomes.iter().filter_map(|o| Some((name(o.server), o.answered.as_ref()?))).collect();
    let Some((_, first)) = asked.first() else { return String::new() };
    let names: Vec<&str> = asked.iter().map(|(name, _)| *name).collect();
    let https: Vec<_> = asked.iter().map(|(_, a)| Some(a.http)).collect();
    let mut rows = vec![compare::row("HTTP alone", &https)];
    let mut told = String::new();
    for (at, (question, _)) in first.answers.iter().enumerate() {
        let answers: Vec<_> = asked.iter().map(|(name, a)| (*name, &a.answers[at].1)).collect();
        let measured: Vec<_> = answers.iter().map(|(_, a)| a.as_ref().ok().copied()).collect();
        rows.push(compare::row(question, &measured));
        let counts: Vec<(&str, u64)> =
            answers.iter().filter_map(|(name, a)| Some((*name, a.as_ref().ok()?.results))).collect();
        told += &compare::difference(question, &counts);
        for (name, answer) in answers {
            if let Err(e) = answer {
                told += &format!("{name} does not answer \"{question}\": {e}\n");
            }
        }
    }
    let peak = |(name, a): &(&str, &Answered)| {
        format!("{name}: at most {} resident while asked\n", mib(a.peak_rss_bytes))
    };
    let peaks: Vec<String> = asked.iter().map(peak).collect();
    format!("{}{}{told}", compare::show(&names, &rows), peaks.concat())
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use super::*;
    use crate::bench::push::Sent;

    /// A load of 100 MB in 1,000 items that left 15 MB on the disk.
    pub fn loaded(cpu_seconds: f64, kept_share: f64) -> Loaded {
        let kept_share = Some(kept_share);
        let taken = Taken {
            connections: 4,
            sent: Sent { items: 1000, raw_bytes: 100_000_000, ..Sent::default() },
            wall: Duration::from_secs(1),
            cpu_seconds,
            cpu_seconds_with_rest: cpu_seconds,
            peak_rss_bytes: 100 << 20,
            idle_rss_bytes: 50 << 20,
            disk_bytes: 15_000_000,
        };
        Loaded { taken, kept_share, ready_seconds: 0.1, killed_share: Some(1.0) }
    }

    pub fn answered(ms: u64, results: u64, name: &'static str) -> Answered {
        let measured = Measured { median: Duration::from_millis(ms), cpu_ms: 1.0, results };
        Answered { http: measured, answers: vec![(name, Ok(measured))], peak_rss_bytes: 200 << 20 }
    }

    #[test]
    fn counts_that_differ_and_refusals_are_told_below_the_table() {
        let of = |server, answered| Outcome { server, loads: Vec::new(), answered: Some(answered) };
        let mut refused = answered(9, 3, "q");
        refused.answers[0].1 = Err("status 400".to_owned());
        let outcomes = [of(1_usize, answered(5, 7, "q")), of(2, refused), of(3, answered(6, 8, "q"))];
        let text = show_answers(&outcomes, |s| ["", "a", "b", "ours"][s]);
        assert!(text.contains("DIFFERENT ANSWERS to \"q\": a 7, ours 8"), "{text}");
        assert!(text.contains("b does not answer \"q\": status 400"), "{text}");
        assert!(text.contains("ours: at most 200 MiB resident while asked"), "{text}");
    }

    #[test]
    fn own_columns_stand_between_those_of_every_signal() {
        let outcomes = [Outcome { server: 1, loads: vec![loaded(2.0, 0.5)], answered: None }];
        let text = show_loads(&outcomes, |_| "ours", ["MB"], |t| [t.megabytes_per_cpu_second().to_string()]);
        let row: Vec<&str> = text.lines().nth(2).unwrap().split_ascii_whitespace().collect();
        assert_eq!(row[..6], ["ours", "4", "1.0", "s", "50", "50.000"]);
        assert_eq!(share(None), "no answer");
    }
}
