//! What the account's owner ordered.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use shop_contracts::orders::OrderPage;

use super::{Owner, PageError, Shop, Tab, frame, orders};
use crate::border::QueryFields;
use crate::view::{Tone, notice, price};

const LAST_PAGE: u32 = 10_000;

pub(super) async fn show(
    State(shop): State<Shop>,
    query: QueryFields,
    owner: Owner,
) -> Result<Response, PageError> {
    let found = shop.peers.orders_of(owner.account.account_id, query.page(LAST_PAGE)).await;
    if let Err(cause) = &found {
        tracing::warn!(error = %cause, "orders are not available");
    }
    let body = frame(&owner.visitor, &owner.account, Tab::Orders, list(found.ok().as_ref()));
    Ok(shop.page(&owner.visitor, "Your account", body).await)
}

/// `1 piece`, `3 pieces`.
fn pieces(count: u64) -> String {
    match count {
        1 => "1 piece".to_owned(),
        many => format!("{many} pieces"),
    }
}

fn list(found: Option<&OrderPage>) -> Markup {
    html! {
        h2.sr { "Your orders" }
            @match found {
                None => (notice(Tone::Bad, html! { p { "Your orders cannot be shown just now. They are safe; please try again in a moment." } })),
                Some(page) if page.orders.is_empty() => div.empty { p { "No orders yet." } p.actions { a.button href="/" { "Look around" } } },
                Some(page) => {
                    ul.orders {
                        @for one in &page.orders {
                            li {
                                a href={ "/orders/" (one.id) } {
                                    span.order-no { (one.number) }
                                    span.hint { (one.placed_at.format("%-d %b %Y")) " · " (pieces(one.lines.iter().map(|line| u64::from(line.quantity)).sum())) }
                                    (orders::standing(one))
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

#[cfg(test)]
mod tests {
    use super::pieces;

    #[test]
    fn one_piece_is_no_pieces() {
        assert_eq!(pieces(1), "1 piece");
        assert_eq!(pieces(12), "12 pieces");
    }
}
