//! Every query of rules and dashboards, read by the parsers that will run it: the console's own for all three languages, and
//! Prometheus' for PromQL.

use std::{
    fmt::Write as _,
    fs::File,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{
    super::{Outcome, Tree, folder, program},
    dashboards, rules, verdict,
};

#[derive(Clone)]
pub struct Query {
    /// Where it stands, as people look for it.
    pub place: String,
    /// `promql`, `logql`, `traceql`.
    pub language: &'static str,
    pub text: String,
}

/// What a PromQL query reads.
pub struct Selector {
    pub metric: String,
    /// Labels that its matchers name.
    pub labels: Vec<String>,
}

/// Of rules and dashboards.
pub fn all(tree: &Tree) -> Result<Vec<Query>, String> {
    let mut queries = dashboards::queries(tree)?;
    for rule in rules::all(tree)? {
        queries.push(Query { place: rule.place, language: "promql", text: rule.expr });
    }
    Ok(queries)
}

/// Reads each query with the console's parsers: what it reads, or why it is none.
pub fn read(queries: &[Query]) -> Result<Vec<Result<Vec<Selector>, String>>, String> {
    let mut lines = String::new();
    for query in queries {
        let _ = writeln!(lines, "{}\t{}", query.language, query.text.replace(['\n', '\t'], " "));
    }
    let input = tempfile::NamedTempFile::new().map_err(|e| e.to_string())?;
    folder::write(input.path(), &lines)?;
    let input = File::open(input.path()).map_err(|e| e.to_string())?;
    let mut command = Command::new(beside(&std::env::current_exe().map_err(|e| e.to_string())?)?);
    let answers = program::output(command.arg("--read").stdin(Stdio::from(input)))?;
    let answers: Vec<_> = answers.lines().map(answer).collect();
    if answers.len() == queries.len() {
        Ok(answers)
    } else {
        Err(format!("{} queries have {} answers", queries.len(), answers.len()))
    }
}

/// The console's reader of queries, which is built with this program.
fn beside(this: &Path) -> Result<PathBuf, String> {
    let name = "console-querytest";
    // Tests lie a folder deeper.
    let found = this.ancestors().skip(1).take(2).map(|dir| dir.join(name)).find(|path| path.is_file());
    found.ok_or_else(|| format!("{name} is not built: `cargo build --bins` builds it"))
}

fn answer(line: &str) -> Result<Vec<Selector>, String> {
    let mut fields = line.split('\t');
    match fields.next() {
        Some("ok") => Ok(fields
            .map(|field| {
                let mut words = field.split(' ').map(str::to_owned);
                Selector { metric: words.next().unwrap_or_default(), labels: words.collect() }
            })
            .collect()),
        _ => Err(fields.next().unwrap_or("no answer").to_owned()),
    }
}

pub fn check(tree: &Tree) -> Result<Outcome, String> {
    let queries = all(tree)?;
    let mut wrong = Vec::new();
    for (query, read) in queries.iter().zip(read(&queries)?) {
        if let Err(message) = read {
            wrong.push(format!("{}: {message}\n{}", query.place, query.text));
        }
    }
    let of = |language| queries.iter().filter(|q| q.language == language).count();
    let promql: Vec<String> =
        queries.iter().filter(|q| q.language == "promql").map(|q| q.text.clone()).collect();
    if wrong.is_empty()
        && let Err(message) = rules::parses(&promql)
    {
        wrong.push(format!("promtool refuses what the console reads:\n{message}"));
    }
    verdict(&wrong, format!("{} PromQL, {} LogQL, {} TraceQL", of("promql"), of("logql"), of("traceql")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_the_metric_and_the_labels_of_each_selector() {
        let selectors = answer("ok\tup job instance\tdown").unwrap();
        assert_eq!(selectors[0].metric, "up");
        assert_eq!(selectors[0].labels, ["job", "instance"]);
        assert!(selectors[1].labels.is_empty());
        assert_eq!(answer("error\tno").err().unwrap(), "no");
    }
}
