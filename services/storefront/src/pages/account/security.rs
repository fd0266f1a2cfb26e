//! Password and sessions.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use shop_contracts::identity::{ChangePassword, SessionSummary};
use shop_instrumentation::client::CallError;
use shop_instrumentation::problem::Code;

use super::{Owner, OwnerForm, PageError, Shop, Tab, frame, see_other, too_many, with_status};
use crate::form::{GUESSED_FIRST, Typed};
use crate::view::{Frame, Tone, field, notice};
use crate::visitor::{SignedIn, Visitor};

pub(super) async fn show(State(shop): State<Shop>, owner: Owner) -> Result<Response, PageError> {
    let Owner { visitor, account } = owner;
    Ok(render(&shop, &visitor, &account, &Typed::default(), None).await)
}

pub(super) async fn change_password(
    State(shop): State<Shop>,
    owner: OwnerForm,
) -> Result<Response, PageError> {
    let OwnerForm { form, account } = owner;
    let mut typed = Typed::default();
    let (current, new) = (form.raw("current"), form.raw("new"));
    if current.is_empty() {
        typed.wrong("current", "Enter your present password.");
    }
    typed.check_password("new", new);
    if current == new && typed.is_fine() {
        typed.wrong("new", "That is your present password.");
    }
    if typed.is_fine() {
        let change = ChangePassword {
            current: current.to_owned(),
            new: new.to_owned(),
            keep_session_token: Some(account.token.clone()),
        };
        match shop.peers.change_password(account.account_id, &change).await {
            Ok(()) => {
                let said = html! { p { strong { "Your password is changed." } " Everywhere else you have been logged out." } };
                return Ok(render(&shop, &form.visitor, &account, &typed, Some((Tone::Good, said))).await);
            }
            Err(cause) => told(&mut typed, "current", "new", cause)?,
        }
    }
    let page = render(&shop, &form.visitor, &account, &typed, None).await;
    Ok(with_status(StatusCode::UNPROCESSABLE_ENTITY, page))
}

pub(super) async fn end_session(State(shop): State<Shop>, owner: OwnerForm) -> Result<Response, PageError> {
    let id = owner.form.text("session").parse().map_err(|_| PageError::BadForm("no session".to_owned()))?;
    match shop.peers.end_session(owner.account.account_id, id).await {
        // Gone already is what was wanted.
        Err(cause) if cause.code() != Code::NotFound => Err(cause.into()),
        _ => Ok(see_other("/account/security")),
    }
}

/// Puts what identity says about passwords to the fields; anything else is an error page.
pub(super) fn told(
    typed: &mut Typed,
    current: &'static str,
    new: &'static str,
    cause: CallError,
) -> Result<(), CallError> {
    match cause {
        CallError::Problem { code: Code::Unauthenticated, .. } => {
            typed.wrong(current, "That is not your present password.");
        }
        CallError::Problem { code: Code::PasswordGuessable, .. } => typed.wrong(new, GUESSED_FIRST),
        CallError::Problem { code: Code::RateLimited, .. } => typed.wrong(current, too_many(&cause)),
        CallError::Problem { code: Code::Invalid, errors, detail, .. } => {
            let said = errors.into_iter().next().map_or(detail, |wrong| wrong.detail);
            typed.wrong(new, said);
        }
        cause => return Err(cause),
    }
    Ok(())
}

async fn render(
    shop: &Shop,
    visitor: &Visitor,
    account: &SignedIn,
    typed: &Typed,
    message: Option<(Tone, Markup)>,
) -> Response {
    let sessions = shop.peers.sessions(account.account_id, &account.token).await;
    if let Err(cause) = &sessions {
        tracing::warn!(error = %cause, "sessions are unavailable");
    }
    let sessions = sessions.ok().map(|answer| answer.sessions);
    let body = page(visitor, account, typed, message, sessions.as_deref());
    shop.page(visitor, "Password and sessions", frame(visitor, account, Tab::Security, body)).await
}

/// For managers of passwords: whose the form's passwords are.
pub(super) fn whose(account: &SignedIn) -> Markup {
    html! { input type="email" name="username" autocomplete="username" value=(account.email) hidden; }
}

fn page(
    visitor: &Visitor,
    account: &SignedIn,
    typed: &Typed,
    message: Option<(Tone, Markup)>,
    sessions: Option<&[SessionSummary]>,
) -> Markup {
    html! {
        @if let Some((tone, text)) = message { (notice(tone, text)) }
        h2 { "Change your password" }
        form #password-form.form action="/account/password" method="post" novalidate {
            (Frame::For(visitor).csrf())
            (whose(account))
            (field(typed, "current", "Present password", "password", "current-password", None))
            (field(typed, "new", "New password", "password", "new-password", Some("10 characters or more. A short sentence is good.")))
            button.button type="submit" { "Change the password" }
        }
        h2 { "Where you are logged in" }
        @match sessions {
            None => (notice(Tone::Bad, html! { p { "Your sessions cannot be shown just now. Please try again in a moment." } })),
            Some(sessions) => ul.book #sessions {
                @for session in sessions {
                    li {
                        div {
                            strong { (device(&session.user_agent)) } @if session.current { " " span.status.good { "This one" } }
                            p.hint {
                                "Since " (session.created_at.format("%-d %b %Y")) " · last seen " (session.last_seen_at.format("%-d %b, %H:%M UTC"))
                            }
                        }
                        @if !session.current {
                            form action="/account/sessions/end" method="post" {
                                (Frame::For(visitor).csrf())
                                input type="hidden" name="session" value=(session.id);
                                button.link type="submit" aria-label={ "Log out " (device(&session.user_agent)) } { "Log out" }
                            }
                        }
                    }
                }
            },
        }
        h2 { "Leave" }
        p { "You can delete your account whenever you like. What you bought stays in our books, without your name." }
        p { a.button.quiet.small href="/account/delete" { "Delete the account…" } }
    }
}

/// A browser's long name for itself as people call it.
fn device(user_agent: &str) -> String {
    let browsers = [
        ("Firefox/", "Firefox"),
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    let systems = [
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS", "Mac"),
        ("Linux", "Linux"),
    ];
    let find = |known: &[(&str, &'static str)]| {
        known.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name)
    };
    match (find(&browsers), find(&systems)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) => "A browser".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::device;

    #[test]
    fn browsers_are_called_what_people_call_them() {
        let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36";
        assert_eq!(device(chrome), "Chrome on Linux");
        assert_eq!(
            device("Mozilla/5.0 (iPhone; CPU iPhone OS 19 like Mac OS X) Version/19 Safari/604"),
            "Safari on iPhone"
        );
        assert_eq!(device("curl/8"), "A browser");
    }
}
