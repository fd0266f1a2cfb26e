//! Answers of several servers beside one another; the last one is ours.

use super::{ask::Measured, table::table};

/// The cells of one question: times, then CPU times, then ours over each peer's, then the counts.
pub fn row(name: &str, all: &[Option<Measured>]) -> Vec<String> {
    let cell = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let mut row = vec![name.to_owned()];
    row.extend(all.iter().map(|m| cell(m.map(|m| format!("{:.2}", m.median.as_secs_f64() * 1000.0)))));
    row.extend(all.iter().map(|m| cell(m.map(|m| format!("{:.1}", m.cpu_ms)))));
    if let Some((ours, peers)) = all.split_last() {
        for theirs in peers {
            let pair = ours.zip(*theirs);
            row.push(cell(pair.map(|(a, b)| format!("{:.2}", a.ratio(&b)))));
        }
    }
    let mut counts: Vec<String> = all.iter().map(|m| cell(m.map(|m| m.results.to_string()))).collect();
    counts.dedup();
    row.push(counts.join("/"));
    row
}

/// The table of rows made by [`row`] for these servers.
pub fn show(servers: &[&str], rows: &[Vec<String>]) -> String {
    let mut head = vec!["question".to_owned()];
    head.extend(servers.iter().map(|s| format!("{s} ms")));
    head.extend(servers.iter().map(|s| format!("{s} CPU")));
    if let Some((ours, peers)) = servers.split_last() {
        head.extend(peers.iter().map(|peer| format!("{ours}/{peer}")));
    }
    head.push("counts".to_owned());
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    format!(
        "{}ms: median wall time. CPU: CPU time of the server, ms, the mean. HTTP alone is an answer that needs no work, the \
         server's check of readiness.\n",
        table(&head, rows)
    )
}

/// A line where servers answer the same question with different counts.
pub fn difference(question: &str, counts: &[(&str, u64)]) -> String {
    if counts.windows(2).all(|w| w[0].1 == w[1].1) {
        return String::new();
    }
    let told: Vec<String> = counts.iter().map(|(name, n)| format!("{name} {n}")).collect();
    format!("DIFFERENT ANSWERS to \"{question}\": {}\n", told.join(", "))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn measured(ms: u64, results: u64) -> Option<Measured> {
        Some(Measured { median: Duration::from_millis(ms), cpu_ms: 1.0, results })
    }

    #[test]
    fn ours_stands_over_each_peer_and_an_absent_answer_is_a_dash() {
        let cells = row("q", &[measured(20, 3), None, measured(5, 3)]);
        assert_eq!(cells, ["q", "20.00", "-", "5.00", "1.0", "-", "1.0", "0.25", "-", "3/-/3"]);
        assert_eq!(row("q", &[measured(20, 3), measured(10, 3)]).last().unwrap(), "3");
        assert!(show(&["VL", "console"], &[cells]).contains("console/VL"));
    }

    #[test]
    fn a_count_that_differs_is_told_with_its_servers() {
        assert_eq!(difference("q", &[("a", 1), ("b", 1)]), "");
        assert_eq!(difference("q", &[("a", 1), ("b", 2)]), "DIFFERENT ANSWERS to \"q\": a 1, b 2\n");
    }
}
