//! Registering, logging in and out.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use maud::{Markup, html};
use shop_contracts::identity::{LogIn, RegisterAccount, Session};
use shop_instrumentation::client::CallError;
use shop_instrumentation::problem::Code;
use shop_instrumentation::{clock, ids};

use super::{PageError, Shop, see_other, with_status};
use crate::border::{ClientAddress, QueryFields};
use crate::form::{Typed, safe_return};
use crate::view::{Frame, Tone, field, notice};
use crate::visitor::{OpenForm, OwnForm, SignedIn, Visitor, drop_session, keep_session};

/// Longest name of a browser that identity is told.
const LONGEST_BROWSER: usize = 200;

pub(super) async fn show_login(State(shop): State<Shop>, query: QueryFields, visitor: Visitor) -> Response {
    let return_to = safe_return(query.get("return_to"));
    if visitor.account.is_some() {
        return see_other(&return_to);
    }
    shop.page(&visitor, "Log in", login_page(&visitor, &Typed::default(), &return_to, None)).await
}

pub(super) async fn show_register(
    State(shop): State<Shop>,
    query: QueryFields,
    visitor: Visitor,
) -> Response {
    let return_to = safe_return(query.get("return_to"));
    if visitor.account.is_some() {
        return see_other(&return_to);
    }
    shop.page(&visitor, "Register", register_page(&visitor, &Typed::default(), &return_to)).await
}

pub(super) async fn log_in(
    State(shop): State<Shop>,
    client: ClientAddress,
    headers: HeaderMap,
    OpenForm(form): OpenForm,
) -> Result<Response, PageError> {
    form.proven()?;
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
    match try_login(&shop, client, &headers, typed.value("email"), form.raw("password")).await {
        Ok(session) => Ok(welcome(&shop, session, &return_to)),
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
    client: ClientAddress,
    headers: HeaderMap,
    OpenForm(form): OpenForm,
) -> Result<Response, PageError> {
    form.proven()?;
    let return_to = safe_return(&form.text("return_to"));
    let mut typed = Typed::default();
    typed.set("email", form.text("email")).set("name", form.text("name"));
    typed.check_registration(form.raw("password"));
    if typed.is_fine() {
        let request = RegisterAccount {
            email: typed.value("email").to_owned(),
            display_name: typed.value("name").to_owned(),
            password: form.raw("password").to_owned(),
            client_address: client.text(),
        };
        match shop.peers.register(&fresh_key(), &request).await {
            Ok(_) => {
                return match try_login(&shop, client, &headers, &request.email, &request.password).await {
                    Ok(session) => Ok(welcome(&shop, session, &return_to)),
                    // The address may have had an account with another password: its owner is told by mail, nobody else.
                    Err(cause) if cause.is_rejection() => {
                        let body = written_page(&request.email, &return_to);
                        Ok(shop.page(&form.visitor, "Look into your mail", body).await)
                    }
                    Err(cause) => Err(cause.into()),
                };
            }
            Err(cause) if cause.code() == Code::RateLimited => {
                let text = format!("Too many tries. Please wait {} and try again.", wait(&cause));
                typed.wrong("email", text);
                let body = register_page(&form.visitor, &typed, &return_to);
                let page = shop.page(&form.visitor, "Register", body).await;
                return Ok(with_status(StatusCode::TOO_MANY_REQUESTS, page));
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

pub(super) async fn log_out(State(shop): State<Shop>, OwnForm(form): OwnForm) -> Result<Response, PageError> {
    if let Some(who) = &form.visitor.account {
        if let Err(cause) = shop.peers.log_out(&who.token).await {
            tracing::warn!(error = %cause, "session could not be ended at identity, it will run out");
        }
        shop.sessions.ended(&who.token);
    }
    let mut response = see_other("/");
    drop_session(&mut response, &shop);
    Ok(response)
}

async fn try_login(
    shop: &Shop,
    client: ClientAddress,
    headers: &HeaderMap,
    email: &str,
    password: &str,
) -> Result<Session, CallError> {
    let browser = headers.get(header::USER_AGENT).and_then(|name| name.to_str().ok());
    let request = LogIn {
        email: email.to_owned(),
        password: password.to_owned(),
        client_address: client.text(),
        user_agent: browser.map(|name| name.chars().take(LONGEST_BROWSER).collect()),
    };
    shop.peers.log_in(&fresh_key(), &request).await
}

/// Each press of these forms is a try of its own.
fn fresh_key() -> String {
    ids::new_id().simple().to_string()
}

/// A log-in always starts a session of its own.
fn welcome(shop: &Shop, session: Session, return_to: &str) -> Response {
    let mut response = see_other(return_to);
    keep_session(&mut response, shop, &SignedIn::new(session, clock::now().timestamp()));
    response
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

fn written_page(email: &str, return_to: &str) -> Markup {
    html! {
        div.wrap.slim {
            h1 { "Look into your mail" }
            p.lead { "We have written to " strong { (email) } ". The message says how to go on." }
            p.actions { a.button href={ "/login?return_to=" (return_to) } { "Log in" } a.button.quiet href="/" { "To the front of the shop" } }
        }
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
            p.hint.centre { a href="/forgot-password" { "Forgotten your password?" } }
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
