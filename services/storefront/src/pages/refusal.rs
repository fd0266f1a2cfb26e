//! Words for what a service refused.

use axum::http::StatusCode;
use shop_instrumentation::client::CallError;

use super::PageError;
use crate::form::Typed;

/// A refusal that a person can do something about.
#[derive(Debug)]
pub(super) struct Refusal {
    pub status: StatusCode,
    /// What to say above the form.
    pub text: String,
}

/// What to say when something was tried too often, and when to come back.
pub(super) fn too_many(cause: &CallError) -> String {
    let wait = match cause {
        CallError::Problem { retry_after_seconds: Some(seconds), .. } if *seconds > 90 => {
            format!("{} minutes", seconds.div_ceil(60))
        }
        CallError::Problem { retry_after_seconds: Some(seconds), .. } => format!("{seconds} seconds"),
        _ => "a minute".to_owned(),
    };
    format!("Too many tries. Please wait {wait} and try again.")
}

/// What a service refused knowingly, in its own words: at the fields that it names if they were sent, and above the form.
/// Anything else is an error page.
pub(super) fn refusal(cause: CallError, typed: &mut Typed) -> Result<Refusal, PageError> {
    let CallError::Problem { status: status @ (409 | 422), detail, errors, .. } = cause else {
        return Err(cause.into());
    };
    let all_at_fields = !errors.is_empty() && errors.iter().all(|wrong| typed.has(&wrong.field));
    // What is said at each field need not be said in the service's terms above them too.
    let mut text = match status {
        422 if all_at_fields => "Not done: please look at what is marked below".to_owned(),
        _ => format!("Not done: {detail}"),
    };
    for wrong in errors {
        if !typed.wrong_named(&wrong.field, &wrong.detail) {
            text.push_str(&format!(" ({}: {})", wrong.field, wrong.detail));
        }
    }
    text.push('.');
    Ok(Refusal { status: StatusCode::from_u16(status).unwrap_or(StatusCode::CONFLICT), text })
}

#[cfg(test)]
mod tests {
    use shop_instrumentation::problem::{Code, FieldProblem};

    use super::*;

    fn problem(status: u16, code: Code, retry_after_seconds: Option<u64>) -> CallError {
        let wrong = |field: &str| FieldProblem { field: field.to_owned(), detail: "at most 5".to_owned() };
        CallError::Problem {
            peer: "orders",
            status,
            code,
            detail: "that does not fit".to_owned(),
            errors: vec![wrong("amount"), wrong("actor")],
            existing: None,
            retry_after_seconds,
        }
    }

    #[test]
    fn a_refusal_is_said_at_the_field_that_was_sent_and_else_above_the_form() {
        let mut typed = Typed::default();
        typed.set("amount", "7");
        let said = refusal(problem(409, Code::Conflict, None), &mut typed).unwrap();
        assert_eq!(said.status, StatusCode::CONFLICT);
        assert_eq!(said.text, "Not done: that does not fit (actor: at most 5).");
        assert_eq!(typed.error("amount"), Some("at most 5"));
    }

    #[test]
    fn failures_are_no_refusals() {
        for (status, code) in [(503, Code::Unavailable), (404, Code::NotFound), (500, Code::Internal)] {
            assert!(refusal(problem(status, code, None), &mut Typed::default()).is_err(), "{status}");
        }
    }

    #[test]
    fn people_are_told_how_long_to_wait() {
        for (seconds, words) in
            [(Some(30), "wait 30 seconds"), (Some(120), "wait 2 minutes"), (None, "wait a minute")]
        {
            let said = too_many(&problem(429, Code::RateLimited, seconds));
            assert!(said.contains(words), "{said}");
        }
    }
}
