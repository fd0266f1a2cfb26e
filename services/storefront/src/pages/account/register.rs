//! Registering. The answer is one page for every address; how it goes on stands in the mail.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use shop_contracts::identity::RegisterAccount;
use shop_instrumentation::client::CallError;
use shop_instrumentation::problem::Code;

use super::{PageError, Shop, Stranger, press, too_many, with_status};
use crate::border::ClientAddress;
use crate::form::{GUESSED_FIRST, Typed, safe_return};
use crate::view::{Frame, field};
use crate::visitor::{OpenForm, Visitor};

pub(super) async fn show(State(shop): State<Shop>, stranger: Stranger) -> Response {
    let Stranger { visitor, return_to } = stranger;
    shop.page(&visitor, "Register", register_page(&visitor, &Typed::default(), &return_to)).await
}

pub(super) async fn register(
    State(shop): State<Shop>,
    client: ClientAddress,
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
        let key = press::key(&form, "register", &[&request.email, &request.display_name]);
        match shop.peers.register(&key, &request).await {
            // Whether the address has an account is told to its owner by mail, and to nobody here: no password is tried.
            Ok(_) => {
                let body = written_page(&request.email, &return_to);
                return Ok(shop.page(&form.visitor, "Look into your mail", body).await);
            }
            Err(cause) if cause.code() == Code::RateLimited => {
                typed.wrong("email", too_many(&cause));
                let body = register_page(&form.visitor, &typed, &return_to);
                let page = shop.page(&form.visitor, "Register", body).await;
                return Ok(with_status(StatusCode::TOO_MANY_REQUESTS, page));
            }
            Err(cause) if cause.code() == Code::PasswordGuessable => typed.wrong("password", GUESSED_FIRST),
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

fn written_page(email: &str, return_to: &str) -> Markup {
    html! {
        div.wrap.slim {
            h1 { "Look into your mail" }
            p.lead { "We have written to " strong { (email) } ". The message says how to go on." }
            p.hint { "Nothing there? Look into the spam folder, or " a href={ "/register?return_to=" (urlencoding::encode(return_to)) } { "try again" } "." }
            p.actions { a.button href=(return_to) { @if return_to == "/account" { "Log in" } @else { "Back to where you were" } } a.button.quiet href="/" { "To the front of the shop" } }
        }
    }
}

fn register_page(visitor: &Visitor, typed: &Typed, return_to: &str) -> Markup {
    html! {
        div.wrap.slim {
            h1 { "Make an account" }
            p.lead { "So that your orders are in one place. It takes three fields, and a look into your mail." }
            form #register-form.form action="/register" method="post" novalidate data-once="One moment…" {
                (Frame::For(visitor).csrf())
                (press::number())
                input type="hidden" name="return_to" value=(return_to);
                (field(typed, "name", "Name", "text", "name", None))
                (field(typed, "email", "E-mail", "email", "email", None))
                (field(typed, "password", "Password", "password", "new-password", Some("10 characters or more. A short sentence is good.")))
                button.button.wide type="submit" { "Make an account" }
            }
            p.hint.centre { "Have one already? " a href={ "/login?return_to=" (urlencoding::encode(return_to)) } { "Log in" } }
        }
    }
}
