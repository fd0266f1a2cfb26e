//! Confirming an account: the page that a mail's link leads to, and the log-in that follows it.
//!
//! It asks for the password that was chosen, so that nobody confirms by the link alone what a stranger asked for.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use maud::{Markup, html};
use shop_contracts::identity::ConfirmRegistration;
use shop_instrumentation::client::CallError;
use shop_instrumentation::problem::Code;

use super::log_in::{try_login, welcome};
use super::mailed_link::{checked, private};
use super::{PageError, Shop, press, too_many, with_status};
use crate::border::{ClientAddress, QueryFields};
use crate::form::Typed;
use crate::view::{Frame, Tone, field, notice};
use crate::visitor::{OpenForm, Visitor};

const STALE: &str = "This link is not valid any more: it works for a day.";

pub(super) async fn show(
    State(shop): State<Shop>,
    query: QueryFields,
    visitor: Visitor,
) -> Result<Response, PageError> {
    let token = checked(query.get("token"))?;
    let body = page(&visitor, &Typed::default(), token, None);
    Ok(private(shop.page(&visitor, "Confirm your account", body).await))
}

pub(super) async fn confirm(
    State(shop): State<Shop>,
    client: ClientAddress,
    headers: HeaderMap,
    OpenForm(form): OpenForm,
) -> Result<Response, PageError> {
    form.proven()?;
    let token = form.text("token");
    let token = checked(&token)?;
    let password = form.raw("password");
    let mut typed = Typed::default();
    let mut stale = None;
    if password.is_empty() {
        typed.wrong("password", "Enter the password that you chose.");
    } else {
        let request = ConfirmRegistration {
            token: token.to_owned(),
            password: password.to_owned(),
            client_address: client.text(),
        };
        match shop.peers.confirm_registration(&request).await {
            Ok(account) => {
                let key = press::key(&form, "log in", &[&account.email]);
                match try_login(&shop, &key, client, &headers, &account.email, password).await {
                    Ok(session) => return Ok(welcome(&shop, session, form.visitor.cart, "/account").await),
                    Err(cause) => match cause.code() {
                        // The account was confirmed before, and has another password by now, or is gone.
                        Code::Unauthenticated | Code::NotFound => stale = Some(STALE),
                        Code::RateLimited => typed.wrong("password", too_many(&cause)),
                        _ => return Err(cause.into()),
                    },
                }
            }
            Err(cause) => match cause.code() {
                Code::Unauthenticated => typed.wrong("password", "That is not the password that you chose."),
                Code::RateLimited => typed.wrong("password", too_many(&cause)),
                Code::NotFound => stale = Some(STALE),
                Code::Invalid => match cause {
                    CallError::Problem { errors, .. }
                        if errors.iter().any(|wrong| wrong.field == "password") =>
                    {
                        typed.wrong("password", "That is not the password that you chose.");
                    }
                    _ => stale = Some(STALE),
                },
                _ => return Err(cause.into()),
            },
        }
    }
    let body = page(&form.visitor, &typed, token, stale);
    let page = private(shop.page(&form.visitor, "Confirm your account", body).await);
    Ok(with_status(StatusCode::UNPROCESSABLE_ENTITY, page))
}

fn page(visitor: &Visitor, typed: &Typed, token: &str, stale: Option<&str>) -> Markup {
    html! {
        div.wrap.slim {
            h1 { "Confirm your account" }
            p.lead { "Enter the password that you chose, and you are aboard." }
            @if let Some(text) = stale {
                (notice(Tone::Bad, html! { p { (text) " " a href="/register" { "Ask for another one" } ", or " a href="/login" { "log in" } " if you have an account." } }))
            }
            form #confirm-form.form action="/register/confirm" method="post" novalidate data-once="One moment…" {
                (Frame::For(visitor).csrf())
                (press::number())
                input type="hidden" name="token" value=(token);
                (field(typed, "password", "Password", "password", "current-password", None))
                button.button.wide type="submit" { "Confirm and log in" }
            }
            p.hint.centre { "You did not ask for this? Then there is nothing to do: without you there is no account." }
        }
    }
}
