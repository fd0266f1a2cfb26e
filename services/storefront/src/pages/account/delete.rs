//! Deleting the account: asked for the password once more, then gone.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use shop_contracts::identity::ConfirmPassword;
use shop_instrumentation::problem::Code;

use super::super::checkout;
use super::security::{told, whose};
use super::{Owner, OwnerForm, PageError, Shop, Tab, frame, with_status};
use crate::form::Typed;
use crate::view::{Frame, Tone, field, notice};
use crate::visitor::{Kind, SignedIn, Visitor, drop_session};

pub(super) async fn show(State(shop): State<Shop>, owner: Owner) -> Result<Response, PageError> {
    let body = frame(
        &owner.visitor,
        &owner.account,
        Tab::Security,
        page(&owner.visitor, &owner.account, &Typed::default()),
    );
    Ok(shop.page(&owner.visitor, "Delete your account", body).await)
}

pub(super) async fn delete(State(shop): State<Shop>, owner: OwnerForm) -> Result<Response, PageError> {
    let OwnerForm { form, account } = owner;
    let mut typed = Typed::default();
    if form.raw("password").is_empty() {
        typed.wrong("password", "Enter your password.");
    } else {
        let proof = ConfirmPassword { password: form.raw("password").to_owned() };
        match shop.peers.delete_account(account.account_id, &proof).await {
            Ok(()) => {
                shop.sessions.ended(&account.token);
                return Ok(gone(&shop).await);
            }
            Err(cause) if cause.code() == Code::NotFound => {
                shop.sessions.ended(&account.token);
                return Ok(gone(&shop).await);
            }
            Err(cause) => told(&mut typed, "password", "password", cause)?,
        }
    }
    let body = frame(&form.visitor, &account, Tab::Security, page(&form.visitor, &account, &typed));
    let page = shop.page(&form.visitor, "Delete your account", body).await;
    Ok(with_status(StatusCode::UNPROCESSABLE_ENTITY, page))
}

async fn gone(shop: &Shop) -> Response {
    let body = html! {
        div.wrap.narrow.lost {
            h1 { "Your account is gone." }
            p.lead { "Thank you for the time aboard. The account is removed, with its name, cart and saved addresses; a last message confirms it. An order that has not left us yet, or whose money is still under way, keeps its name and address until that is done." }
            p.actions { a.button href="/" { "Back to the shop" } }
        }
    };
    let stranger =
        Visitor { csrf: String::new(), cart: None, account: None, ended: None, guest_orders: Vec::new() };
    let mut response = shop.page(&stranger, "Account deleted", body).await;
    drop_session(&mut response, shop);
    // It was the account's: whoever uses the browser next does not see it.
    shop.cookies.remove(&mut response, Kind::Cart);
    checkout::forget(&mut response, shop);
    response
}

fn page(visitor: &Visitor, account: &SignedIn, typed: &Typed) -> Markup {
    html! {
        h2 { "Delete your account" }
        (notice(Tone::Bad, html! {
            p { strong { "This cannot be undone." } " Your account, cart, saved addresses and sessions are removed at once; you can no longer see your orders here." }
        }))
        ul.points {
            li { "Orders stay in our books, as the law asks, without your name: past ones at once, and one that has not left us yet, or whose money is still under way, when that is done. Until then we still write to you about it." }
            li { "If you used a code that counts once for each customer, we remember that until the code ends, in a form that tells nobody your address." }
        }
        form #delete-form.form action="/account/delete" method="post" novalidate {
            (Frame::For(visitor).csrf())
            (whose(account))
            (field(typed, "password", "Your password", "password", "current-password", None))
            div.actions {
                button.button.danger type="submit" { "Delete the account" }
                a.button.quiet href="/account/security" { "Keep it" }
            }
        }
    }
}
