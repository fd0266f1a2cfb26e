//! Logging in and out.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use maud::{Markup, html};
use shop_contracts::identity::{LogIn, Session};
use shop_instrumentation::client::CallError;
use shop_instrumentation::clock;
use shop_instrumentation::problem::Code;

use super::super::{cart, checkout};
use super::{PageError, Shop, Stranger, press, see_other, too_many, with_status};
use crate::border::ClientAddress;
use crate::cart::Cart;
use crate::form::{Typed, safe_return};
use crate::view::{Frame, Tone, field, notice};
use crate::visitor::{
    OpenForm, OwnForm, SignedIn, Visitor, account_cart, drop_session, keep_session, put_cart,
};

/// Longest name of a browser that identity is told.
const LONGEST_BROWSER: usize = 200;

pub(super) async fn show(State(shop): State<Shop>, stranger: Stranger) -> Response {
    let Stranger { visitor, return_to } = stranger;
    shop.page(&visitor, "Log in", login_page(&visitor, &Typed::default(), &return_to, None)).await
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
    let key = press::key(&form, "log in", &[typed.value("email")]);
    match try_login(&shop, &key, client, &headers, typed.value("email"), form.raw("password")).await {
        Ok(session) => Ok(welcome(&shop, session, form.visitor.cart, &return_to).await),
        Err(cause) => match cause.code() {
            Code::Unauthenticated | Code::NotFound | Code::Invalid => {
                // Said to everybody: it tells of no account.
                let text = "E-mail or password is not right. Please try again. Just made the account? Confirm it first: look into your mail.".to_owned();
                Ok(again(StatusCode::UNAUTHORIZED, &typed, Some(text)).await)
            }
            Code::RateLimited => {
                Ok(again(StatusCode::TOO_MANY_REQUESTS, &typed, Some(too_many(&cause))).await)
            }
            _ => Err(cause.into()),
        },
    }
}

pub(super) async fn log_out(
    State(shop): State<Shop>,
    OwnForm(mut form): OwnForm,
) -> Result<Response, PageError> {
    let mut response = see_other("/");
    account_cart::leave_behind(&mut response, &shop, &mut form.visitor).await;
    if let Some(who) = &form.visitor.account {
        if let Err(cause) = shop.peers.log_out(&who.token).await {
            tracing::warn!(error = %cause, "session could not be ended at identity, it will run out");
        }
        shop.sessions.ended(&who.token);
    }
    drop_session(&mut response, &shop);
    checkout::forget(&mut response, &shop);
    Ok(response)
}

/// Opens a session; the same key opens it once.
pub(super) async fn try_login(
    shop: &Shop,
    key: &str,
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
    shop.peers.log_in(key, &request).await
}

/// A log-in always starts a session of its own.
pub(super) async fn welcome(shop: &Shop, session: Session, cart: Option<Cart>, return_to: &str) -> Response {
    let now = account_cart::bring_together(shop, cart, session.account.id).await;
    let is_joined = now.as_ref().is_some_and(|now| now.is_joined);
    // What became of the cart is told before anything else is done with it.
    let mut response = see_other(if is_joined { cart::JOINED } else { return_to });
    if let Some(now) = now {
        put_cart(&mut response, now.cart);
    }
    keep_session(&mut response, shop, &SignedIn::new(session, clock::now().timestamp()));
    response
}

fn login_page(visitor: &Visitor, typed: &Typed, return_to: &str, message: Option<&str>) -> Markup {
    html! {
        div.wrap.slim {
            h1 { "Log in" }
            @if let Some(message) = message { (notice(Tone::Bad, html! { p { (message) } })) }
            form #login-form.form action="/login" method="post" novalidate data-once="Logging in…" {
                (Frame::For(visitor).csrf())
                (press::number())
                input type="hidden" name="return_to" value=(return_to);
                (field(typed, "email", "E-mail", "email", "username", None))
                (field(typed, "password", "Password", "password", "current-password", None))
                button.button.wide type="submit" { "Log in" }
            }
            p.hint.centre { a href="/forgot-password" { "Forgotten your password?" } }
            p.hint.centre { "New here? " a href={ "/register?return_to=" (urlencoding::encode(return_to)) } { "Make an account" } ". You can also buy without one." }
        }
    }
}
