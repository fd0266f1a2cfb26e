//! Forms of the back office. A page may hold several: a field's id has its form's name before it, and what was refused is
//! shown again at the form that it came from.

use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use shop_instrumentation::client::CallError;
use shop_instrumentation::problem::Code;

use super::PageError;
use super::member::{self, StaffForm};
use crate::form::Typed;
use crate::pages::refusal::{Refusal, refusal};
use crate::pages::with_status;
use crate::view::{Tone, notice};

/// A form that was sent and not taken.
pub(super) struct Refused {
    /// Which of the page's forms.
    pub form: &'static str,
    pub status: StatusCode,
    /// What to say above all forms.
    pub text: String,
    /// What was typed and what is wrong with it.
    pub typed: Typed,
}

/// How a field looks.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// One line.
    Line,
    /// Whole numbers.
    Pieces,
    /// An amount of money.
    Amount,
    /// Several lines.
    Lines,
}

/// A field of a form.
pub(super) struct Field<'a> {
    pub name: &'static str,
    pub label: &'a str,
    /// Bytes at most, as the service behind takes it.
    pub longest: usize,
    pub kind: Kind,
    /// What it holds before anybody types.
    pub value: &'a str,
    pub required: bool,
}

/// Where a form and its page meet: the form's name, and what was refused on the page.
#[derive(Clone, Copy)]
pub(super) struct Form<'a> {
    pub name: &'static str,
    pub refused: Option<&'a Refused>,
}

/// What was typed into these fields.
pub(super) fn typed(form: &StaffForm, fields: &[&'static str]) -> Typed {
    let mut typed = Typed::default();
    for field in fields {
        // Browsers send lines apart with both characters.
        typed.set(field, form.text(field).replace("\r\n", "\n"));
    }
    typed
}

/// The page, with the status of what was refused on it.
pub(super) fn answer(refused: Option<&Refused>, page: Response) -> Response {
    match refused {
        Some(refused) => with_status(refused.status, page),
        None => page,
    }
}

impl Refused {
    /// A form with wrong fields.
    pub fn wrong(form: &'static str, typed: Typed) -> Self {
        let text = "Not done: please look at what is marked below.".to_owned();
        Self { form, status: StatusCode::UNPROCESSABLE_ENTITY, text, typed }
    }

    /// What the service behind refused knowingly; anything else is an error page.
    pub fn by_service(form: &'static str, mut typed: Typed, cause: CallError) -> Result<Self, PageError> {
        if cause.code() == Code::Forbidden {
            return Err(member::refused(cause));
        }
        let Refusal { status, text } = refusal(cause, &mut typed)?;
        Ok(Self { form, status, text, typed })
    }

    /// The message above the forms.
    pub fn notice(&self) -> Markup {
        notice(Tone::Bad, html! { p { (self.text) } })
    }
}

impl Form<'_> {
    /// What was typed into this form.
    fn typed(&self) -> Option<&Typed> {
        self.refused.filter(|refused| refused.form == self.name).map(|refused| &refused.typed)
    }

    /// Whether this form was refused: it is shown open.
    pub fn was_refused(&self) -> bool {
        self.typed().is_some()
    }

    /// What a choice stands at.
    pub fn chosen(&self, name: &str) -> &str {
        self.typed().map(|typed| typed.value(name)).unwrap_or_default()
    }

    /// What is wrong with a field.
    pub fn error(&self, name: &str) -> Option<&str> {
        self.typed().and_then(|typed| typed.error(name))
    }

    /// The id of a field.
    pub fn id(&self, name: &str) -> String {
        format!("{}-{name}", self.name)
    }

    /// A field for a new password. What was typed never comes back.
    pub fn password(&self) -> Markup {
        let (id, error) = (self.id("password"), self.error("password"));
        let error_id = error.map(|_| format!("{id}-error"));
        html! {
            div.field.wrong[error.is_some()] {
                label for=(id) { "Password, 10 characters or more" }
                input id=(id) name="password" type="password" required maxlength="200" autocomplete="new-password" aria-invalid=[error.map(|_| "true")] aria-describedby=[error_id.as_deref()];
                @if let Some(error) = error { p.error id=[error_id.as_deref()] { (error) } }
            }
        }
    }

    /// A field with its label and what is wrong with it.
    pub fn field(&self, field: &Field<'_>) -> Markup {
        let Field { name, label, longest, kind, required, .. } = *field;
        let (id, typed) = (self.id(name), self.typed());
        let value = typed.map_or(field.value, |typed| typed.value(name));
        let error = typed.and_then(|typed| typed.error(name));
        let error_id = error.map(|_| format!("{id}-error"));
        let invalid = error.map(|_| "true");
        let mode = match kind {
            Kind::Pieces => Some("text"),
            Kind::Amount => Some("decimal"),
            Kind::Line | Kind::Lines => None,
        };
        html! {
            div.field.wrong[error.is_some()] {
                label for=(id) { (label) @if !required { span.optional { " (may stay empty)" } } }
                @if matches!(kind, Kind::Lines) {
                    textarea id=(id) name=(name) required[required] maxlength=(longest) rows="6" aria-invalid=[invalid] aria-describedby=[error_id.as_deref()] { (value) }
                } @else {
                    input id=(id) name=(name) required[required] maxlength=(longest) inputmode=[mode] value=(value) autocomplete="off" aria-invalid=[invalid] aria-describedby=[error_id.as_deref()];
                }
                @if let Some(error) = error { p.error id=[error_id.as_deref()] { (error) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REASON: Field<'_> =
        Field { name: "reason", label: "Why", longest: 500, kind: Kind::Line, value: "", required: true };

    #[test]
    fn what_was_typed_comes_back_at_its_own_form_only() {
        let mut typed = Typed::default();
        typed.set("reason", "<late>");
        typed.wrong("reason", "too short");
        let refused = Refused::wrong("refund", typed);
        let shown = |name| Form { name, refused: Some(&refused) }.field(&REASON).into_string();
        let refund = shown("refund");
        assert!(
            refund.contains("value=\"&lt;late&gt;\"") && refund.contains("id=\"refund-reason-error\""),
            "{refund}"
        );
        assert!(refund.contains("aria-describedby=\"refund-reason-error\""));
        let cancel = shown("cancel");
        assert!(
            cancel.contains("id=\"cancel-reason\"") && !cancel.contains("late") && !cancel.contains("error")
        );
    }
}
