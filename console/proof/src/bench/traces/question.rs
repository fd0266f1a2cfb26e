//! The questions: what people ask of traces, over Tempo's API.

use super::{load::Load, server::Server};
use crate::bench::ask::Asked;

const LIMIT: usize = 1_000;
/// Ids that are asked for in turn.
const IDS: usize = 100;
const NS: i64 = 1_000_000_000;

/// What comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A whole trace.
    ById,
    /// Summaries of traces, at most [`LIMIT`].
    Search,
}

/// One question over the whole range.
#[derive(Clone, Debug)]
pub struct Question {
    pub name: &'static str,
    pub shape: Shape,
    traceql: String,
}

pub const BY_ID_NAME: &str = "trace by id";
pub const SERVICE_ERROR_NAME: &str = "service and error, 1,000";

/// In the order of the table.
pub fn questions(load: Load) -> Vec<Question> {
    let search = |name, traceql: &str| Question { name, shape: Shape::Search, traceql: traceql.to_owned() };
    vec![
        Question { name: BY_ID_NAME, shape: Shape::ById, traceql: String::new() },
        search(SERVICE_ERROR_NAME, r#"{ resource.service.name = "storefront" && status = error }"#),
        search("duration > 300 ms", "{ duration > 300ms }"),
        search("an attribute that no span has", r#"{ span.warehouse.robot = "r-17" }"#),
        search("one user id", &format!(r#"{{ span.user.id = "{}" }}"#, load.a_user())),
    ]
}

impl Question {
    pub fn asked(&self, server: Server, load: Load) -> Asked {
        let tempo = server.tempo();
        // Whole seconds; the last trace may go on for some more.
        let (start, end) = (load.start_ns() / NS - 1, load.end_ns / NS + 10);
        let range = [("start", start.to_string()), ("end", end.to_string())];
        match self.shape {
            Shape::ById => {
                let paths = load.sample(IDS).into_iter().map(|(id, _)| trace_path(server, &id.hex()));
                Asked { name: self.name, paths: paths.collect(), parameters: range.into() }
            }
            Shape::Search => {
                let own = [("q", self.traceql.clone()), ("limit", LIMIT.to_string())];
                let parameters = range.into_iter().chain(own).collect();
                Asked { name: self.name, paths: vec![format!("{tempo}/api/search")], parameters }
            }
        }
    }
}

/// One trace, as a question that is not timed.
pub fn one(server: Server, load: Load, id: &str) -> Asked {
    let all = Question { name: BY_ID_NAME, shape: Shape::ById, traceql: String::new() }.asked(server, load);
    Asked { paths: vec![trace_path(server, id)], ..all }
}

fn trace_path(server: Server, id: &str) -> String {
    format!("{}/api/v2/traces/{id}", server.tempo())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_parser_takes_every_question() {
        let load = Load::new(100_000, 1_700_000_000_000);
        for question in questions(load).iter().filter(|q| q.shape == Shape::Search) {
            console_traceql::parse(&question.traceql).unwrap_or_else(|e| panic!("{}: {e}", question.name));
        }
    }

    #[test]
    fn ids_are_asked_in_turn_and_the_range_holds_the_load() {
        let load = Load::new(100_000, 1_700_000_000_000);
        let asked = questions(load)[0].asked(Server::VictoriaTraces, load);
        assert!(asked.paths.len() > 50 && asked.paths[0].starts_with("/select/tempo/api/v2/traces/"));
        let start: i64 = asked.parameters[0].1.parse().unwrap();
        assert!(start * NS <= load.start_ns());
    }
}
