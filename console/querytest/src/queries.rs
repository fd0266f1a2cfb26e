//! Queries that stand in files of other programs (dashboards), read by the parsers that will run them.
//!
//! One query a line: the language (`promql`, `logql`, `traceql`), a tab, the query. One answer a line, in the same order:
//! `error`, a tab and the parser's words; or `ok` and, each behind a tab, what a PromQL query reads: the metric's name with
//! the labels that its matchers name, `up job instance`.

use std::io::{self, BufRead, Write};

use console_promql::{ParseOptions, selectors};

/// Longest line that is read; a parser refuses shorter ones already.
const MAX_LINE_BYTES: u64 = 1 << 20;

/// Answers each line until the input ends.
pub fn read_all(mut input: impl BufRead, mut output: impl Write) -> io::Result<()> {
    let mut line = String::new();
    while io::Read::take(&mut input, MAX_LINE_BYTES).read_line(&mut line)? > 0 {
        writeln!(output, "{}", answer(line.trim_end_matches('\n')))?;
        line.clear();
    }
    output.flush()
}

fn answer(line: &str) -> String {
    let read = match line.split_once('\t') {
        Some(("promql", query)) => promql(query),
        Some(("logql", query)) => {
            console_logql::parse(query).map(|_| String::new()).map_err(|e| e.to_string())
        }
        Some(("traceql", query)) => console_traceql::parse(query)
            .and_then(|query| console_traceql::validate(&query))
            .map(|()| String::new())
            .map_err(|e| e.to_string()),
        _ => Err("no language before the query".to_owned()),
    };
    match read {
        Ok(selectors) => format!("ok{selectors}"),
        Err(message) => format!("error\t{}", message.replace(['\n', '\t'], " ")),
    }
}

fn promql(query: &str) -> Result<String, String> {
    let expr = console_promql::parse(query, ParseOptions::default()).map_err(|e| e.to_string())?;
    let mut read = String::new();
    for selector in selectors(&expr) {
        read.push('\t');
        read.push_str(selector.name.as_deref().unwrap_or_default());
        for matcher in selector.matchers.iter().filter(|m| m.name != "__name__") {
            read.push(' ');
            read.push_str(&matcher.name);
        }
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(input: &str) -> String {
        let mut output = Vec::new();
        read_all(input.as_bytes(), &mut output).unwrap();
        String::from_utf8(output).unwrap()
    }

    #[test]
    fn each_line_has_its_answer_in_order() {
        let input = "promql\tsum by (job) (rate(a_total{job=\"x\"}[5m])) / on () b\nlogql\t{service_name=\"x\"} |= `y`\n\
                     traceql\t{ status = error } | rate()";
        assert_eq!(answers(input), "ok\ta_total job\tb\nok\nok\n");
    }

    #[test]
    fn what_a_parser_refuses_is_told_in_one_line() {
        let told = answers("promql\tsum(\nlogql\t{a=}\ntraceql\t{ duration > \nsql\tSELECT 1\n");
        assert_eq!(told.lines().filter(|line| line.starts_with("error\t")).count(), 4, "{told}");
    }
}
