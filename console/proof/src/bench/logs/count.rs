//! What an answer holds: lines, or the sum of its numbers. The same question has the same count on every server.

use serde_json::Value;

use super::{
    question::{Question, Shape},
    server::Language,
};
use crate::peer::PeerError;

pub fn count(question: &Question, language: Language, bytes: &[u8]) -> Result<u64, PeerError> {
    let read = match (language, question.shape) {
        (Language::LogsQl, Shape::Lines(_)) => Ok(rows(bytes).count() as u64),
        (Language::LogsQl, Shape::Total) => rows(bytes).map(row).sum(),
        (_, shape) => serde_json::from_slice(bytes).map(|answer| envelope(&answer, shape)),
    };
    let unreadable = PeerError::io(format!("{}: the answer is not JSON", question.name));
    read.map_err(std::io::Error::other).map_err(unreadable)
}

/// A line of JSON each.
fn rows(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|b| *b == b'\n').filter(|line| !line.is_empty())
}

fn row(bytes: &[u8]) -> serde_json::Result<u64> {
    let value: Value = serde_json::from_slice(bytes)?;
    Ok(number(&value["n"]))
}

/// Prometheus' and Loki's.
fn envelope(answer: &Value, shape: Shape) -> u64 {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let results = list(&answer["data"]["result"]);
    let all = results.iter();
    match shape {
        Shape::Lines(_) => all.map(|stream| list(&stream["values"]).len() as u64).sum(),
        Shape::Total => all.map(|sample| number(&sample["value"][1])).sum(),
        Shape::PerMinute => {
            all.flat_map(|series| list(&series["values"])).map(|point| number(&point[1])).sum()
        }
    }
}

/// Numbers are text in all of these protocols.
fn number(value: &Value) -> u64 {
    value.as_str().and_then(|text| text.parse::<f64>().ok()).map_or(0, |n| n as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::logs::question::questions;

    fn counted(shape: Shape, language: Language, text: &str) -> u64 {
        let question = questions().into_iter().find(|q| q.shape == shape).unwrap();
        count(&question, language, text.as_bytes()).unwrap()
    }

    #[test]
    fn answers_of_both_languages_are_counted_alike() {
        use Language::{LogQl, LogsQl};
        use Shape::{Lines, PerMinute, Total};
        let matrix = r#"{"data":{"result":[{"values":[[1,"2"],[2,"3"]]},{"values":[[1,"4"]]}]}}"#;
        assert_eq!(counted(PerMinute, LogQl, matrix), 9);
        assert_eq!(counted(PerMinute, LogsQl, matrix), 9);
        assert_eq!(counted(Total, LogQl, r#"{"data":{"result":[{"value":[1,"5"]},{"value":[1,"1"]}]}}"#), 6);
        assert_eq!(counted(Total, LogsQl, "{\"app\":\"a\",\"n\":\"5\"}\n{\"app\":\"b\",\"n\":\"1\"}\n"), 6);
        assert_eq!(
            counted(Lines(1000), LogQl, r#"{"data":{"result":[{"values":[["1","x"],["2","y"]]}]}}"#),
            2
        );
        assert_eq!(counted(Lines(1000), LogsQl, "{\"_msg\":\"x\"}\n{\"_msg\":\"y\"}\n"), 2);
    }

    #[test]
    fn what_is_not_json_is_an_error_with_the_question_s_name() {
        let question = &questions()[1];
        let error = count(question, Language::LogQl, b"<html>").unwrap_err();
        assert!(error.to_string().starts_with("status=500 per minute"), "{error}");
    }
}
