//! The account: who is logged in, and what they ordered.

use axum::extract::{Query, State};
use axum::response::Response;
use maud::{Markup, html};
use serde::Deserialize;
use shop_contracts::orders::OrderPage;

use super::{PageError, Shop, order, see_other};
use crate::store::{LoggedIn, StoreError};
use crate::view::{Frame, Tone, notice, price};
use crate::visitor::Visitor;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Params {
    page: String,
}

pub(super) async fn show(
    State(shop): State<Shop>,
    Query(params): Query<Params>,
    visitor: Visitor,
) -> Result<Response, PageError> {
    let Some(account) = &visitor.account else {
        // With Redis away nobody can be told from a stranger: that is an outage, not a log-out.
        return match visitor.cart_count {
            None => Err(StoreError.into()),
            Some(_) => Ok(see_other("/login")),
        };
    };
    let page = params.page.parse().unwrap_or(1).clamp(1, 10_000);
    let orders = shop.peers.orders_of(account.account_id, page).await;
    if let Err(cause) = &orders {
        tracing::warn!(error = %cause, "orders are not to be had");
    }
    Ok(shop.page(&visitor, "Your account", body(&visitor, account, orders.ok().as_ref())).await)
}

fn body(visitor: &Visitor, account: &LoggedIn, orders: Option<&OrderPage>) -> Markup {
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
                                    (order::status(one.status))
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
