//! Registering, logging in and out.

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use maud::{Markup, html};
use serde::Deserialize;
use shop_contracts::identity::{LogIn, RegisterAccount, Session};
use shop_instrumentation::client::CallError;
use shop_instrumentation::problem::Code;

use super::{PageError, Shop, see_other, with_status};
use crate::form::{Typed, safe_return};
use crate::store::LoggedIn;
use crate::view::{Frame, Tone, field, notice};
use crate::visitor::{Submitted, Visitor, keep_session, secret};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Params {
    return_to: String,
}

pub(super) async fn show_login(
    State(shop): State<Shop>,
    Query(params): Query<Params>,
    visitor: Visitor,
) -> Response {
    let return_to = safe_return(&params.return_to);
    if visitor.account.is_some() {
        return see_other(&return_to);
    }
    shop.page(&visitor, "Log in", login_page(&visitor, &Typed::default(), &return_to, None)).await
}

pub(super) async fn show_register(
    State(shop): State<Shop>,
    Query(params): Query<Params>,
    visitor: Visitor,
) -> Response {
    let return_to = safe_return(&params.return_to);
    if visitor.account.is_some() {
        return see_other(&return_to);
    }
    shop.page(&visitor, "Register", register_page(&visitor, &Typed::default(), &return_to)).await
}

pub(super) async fn log_in(
    State(shop): State<Shop>,
    headers: HeaderMap,
    form: Submitted,
) -> Result<Response, PageError> {
    let return_to = safe_return(&form.text("return_to"));
    let mut typed = Typed::default();
    typed.set("email", form.text("email"));
    typed.check_email();
    if form.raw("password").is_empty() {
        typed.wrong("password", "Enter your password.");
    }
    let again = async |status, typed: &Typed, message: Option<String>| {
        let body = login_page(&form.visitor, typed, &return_to, message.as_deref());
        with_status(status, shop.page(&form.visitor, "Log in", body).await)
    };
    if !typed.is_fine() {
        return Ok(again(StatusCode::UNPROCESSABLE_ENTITY, &typed, None).await);
    }
    match try_login(&shop, &headers, typed.value("email"), form.raw("password")).await {
        Ok(session) => welcome(&shop, &form.visitor, session, &return_to).await,
        Err(cause) => match cause.code() {
            Code::Unauthenticated | Code::NotFound | Code::Invalid => {
                let text = "E-mail or password is not right. Please try again.".to_owned();
                Ok(again(StatusCode::UNAUTHORIZED, &typed, Some(text)).await)
            }
            Code::RateLimited => {
                let text = format!("Too many tries. Please wait {} and try again.", wait(&cause));
                Ok(again(StatusCode::TOO_MANY_REQUESTS, &typed, Some(text)).await)
            }
            _ => Err(cause.into()),
        },
    }
}

pub(super) async fn register(
    State(shop): State<Shop>,
    headers: HeaderMap,
    form: Submitted,
) -> Result<Response, PageError> {
    let return_to = safe_return(&form.text("return_to"));
    let mut typed = Typed::default();
    typed.set("email", form.text("email")).set("name", form.text("name"));
    typed.check_registration(form.raw("password"));
    if typed.is_fine() {
        let request = RegisterAccount {
            email: typed.value("email").to_owned(),
            display_name: typed.value("name").to_owned(),
            password: form.raw("password").to_owned(),
            client_address: None,
        };
        match shop.peers.register(&secret(), &request).await {
            Ok(_) => {
                let session = try_login(&shop, &headers, &request.email, &request.password).await?;
                return welcome(&shop, &form.visitor, session, &return_to).await;
            }
            Err(CallError::Problem { code: Code::Conflict, .. }) => {
                typed.wrong("email", "There is an account with this address already. Log in instead?");
            }
            Err(CallError::Problem { code: Code::Invalid, errors, detail, .. }) => {
                for wrong in &errors {
                    let field = match wrong.field.as_str() {
                        "email" => "email",
                        "password" => "password",
                        _ => "name",
                    };
                    typed.wrong(field, wrong.detail.clone());
                }
                if errors.is_empty() {
                    typed.wrong("email", detail);
                }
            }
            Err(cause) => return Err(cause.into()),
        }
    }
    let body = register_page(&form.visitor, &typed, &return_to);
    Ok(with_status(StatusCode::UNPROCESSABLE_ENTITY, shop.page(&form.visitor, "Register", body).await))
}

pub(super) async fn log_out(State(shop): State<Shop>, form: Submitted) -> Result<Response, PageError> {
    if let Some(session) = &form.visitor.session {
        shop.store.close_session(session).await?;
    }
    if let Some(account) = &form.visitor.account
        && let Err(cause) = shop.peers.log_out(&account.identity_token).await
    {
        tracing::warn!(error = %cause, "session could not be ended at identity, it will run out");
    }
    let mut response = see_other("/");
    keep_session(&mut response, &shop, None);
    Ok(response)
}

async fn try_login(
    shop: &Shop,
    headers: &HeaderMap,
    email: &str,
    password: &str,
) -> Result<Session, CallError> {
    let forwarded = headers.get("x-forwarded-for").and_then(|value| value.to_str().ok());
    let client_address = forwarded.and_then(|list| list.split(',').next_back()).map(|a| a.trim().to_owned());
    let request =
        LogIn { email: email.to_owned(), password: password.to_owned(), client_address, user_agent: None };
    shop.peers.log_in(&secret(), &request).await
}

/// A log-in always starts a session under a new secret.
async fn welcome(
    shop: &Shop,
    visitor: &Visitor,
    session: Session,
    return_to: &str,
) -> Result<Response, PageError> {
    let id = secret();
    let who = LoggedIn {
        account_id: session.account.id,
        display_name: session.account.display_name,
        email: session.account.email,
        identity_token: session.token,
    };
    shop.store.open_session(&id, &who).await?;
    if let Some(old) = &visitor.session {
        let _ = shop.store.close_session(old).await;
    }
    let mut response = see_other(return_to);
    keep_session(&mut response, shop, Some(&id));
    Ok(response)
}

fn wait(cause: &CallError) -> String {
    match cause {
        CallError::Problem { retry_after_seconds: Some(seconds), .. } if *seconds > 90 => {
            format!("{} minutes", seconds.div_ceil(60))
        }
        CallError::Problem { retry_after_seconds: Some(seconds), .. } => format!("{seconds} seconds"),
        _ => "a minute".to_owned(),
    }
}

fn login_page(visitor: &Visitor, typed: &Typed, return_to: &str, message: Option<&str>) -> Markup {
    html! {
        div.wrap.slim {
            h1 { "Log in" }
            @if let Some(message) = message { (notice(Tone::Bad, html! { p { (message) } })) }
            form #login-form.form action="/login" method="post" novalidate {
                (Frame::For(visitor).csrf())
                input type="hidden" name="return_to" value=(return_to);
                (field(typed, "email", "E-mail", "email", "username", None))
                (field(typed, "password", "Password", "password", "current-password", None))
                button.button.wide type="submit" { "Log in" }
            }
            p.hint.centre { "New here? " a href={ "/register?return_to=" (return_to) } { "Make an account" } ". You can also buy without one." }
        }
    }
}

fn register_page(visitor: &Visitor, typed: &Typed, return_to: &str) -> Markup {
    html! {
        div.wrap.slim {
            h1 { "Make an account" }
            p.lead { "So that your orders are in one place. It takes three fields." }
            form #register-form.form action="/register" method="post" novalidate {
                (Frame::For(visitor).csrf())
                input type="hidden" name="return_to" value=(return_to);
                (field(typed, "name", "Name", "text", "name", None))
                (field(typed, "email", "E-mail", "email", "email", None))
                (field(typed, "password", "Password", "password", "new-password", Some("10 characters or more. A short sentence is good.")))
                button.button.wide type="submit" { "Make an account" }
            }
            p.hint.centre { "Have one already? " a href={ "/login?return_to=" (return_to) } { "Log in" } }
        }
    }
}
