//! The account: who is logged in, and what they ordered.

mod log_in;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, html};
use shop_contracts::orders::OrderPage;

use super::{PageError, Shop, orders, see_other, with_status};
use crate::border::QueryFields;
use crate::view::{Frame, Tone, notice, price};
use crate::visitor::{SignedIn, Visitor};

pub(super) fn routes() -> Router<Shop> {
    Router::new()
        .route("/account", get(show))
        .route("/login", get(log_in::show_login).post(log_in::log_in))
        .route("/register", get(log_in::show_register).post(log_in::register))
        .route("/logout", post(log_in::log_out))
}

async fn show(State(shop): State<Shop>, query: QueryFields, visitor: Visitor) -> Result<Response, PageError> {
    let Some(account) = &visitor.account else { return Ok(see_other("/login")) };
    let page = query.page(10_000);
    let orders = shop.peers.orders_of(account.account_id, page).await;
    if let Err(cause) = &orders {
        tracing::warn!(error = %cause, "orders are not available");
    }
    Ok(shop.page(&visitor, "Your account", body(&visitor, account, orders.ok().as_ref())).await)
}

fn body(visitor: &Visitor, account: &SignedIn, orders: Option<&OrderPage>) -> Markup {
    html! {
        div.wrap.narrow {
            div.list-head {
                div { h1 { "Ahoy, " (account.display_name) } p.lead { (account.email) } }
                form action="/logout" method="post" { (Frame::For(visitor).csrf()) button.button.quiet.small type="submit" { "Log out" } }
            }
            h2 { "Your orders" }
            @match orders {
                None => (notice(Tone::Bad, html! { p { "Your orders cannot be shown just now. They are safe; please try again in a moment." } })),
                Some(page) if page.orders.is_empty() => div.empty { p { "No orders yet." } p.actions { a.button href="/" { "Look around" } } },
                Some(page) => {
                    ul.orders {
                        @for one in &page.orders {
                            li {
                                a href={ "/orders/" (one.id) } {
                                    span.order-no { (one.number) }
                                    span.hint { (one.placed_at.format("%-d %b %Y")) " · " (one.lines.iter().map(|line| line.quantity).sum::<u32>()) " pieces" }
                                    (orders::status(one.status))
                                    strong { (price(one.total)) }
                                }
                            }
                        }
                    }
                    nav.pager aria-label="Pages" {
                        @if page.page > 1 { a href={ "/account?page=" (page.page - 1) } rel="prev" { "← Newer" } }
                        @if page.has_more { a href={ "/account?page=" (page.page + 1) } rel="next" { "Older →" } }
                    }
                }
            }
        }
    }
}
