//! Orders of guests who buy and do nothing else.

use crate::buyer::{Told, Wish, address_of_one_order, buy};

/// Buys; answers the order's number as the page showed it. `who` goes into the address, of which one order is wanted.
pub async fn buy_once(shop: &str, who: usize) -> Result<String, String> {
    buy_as(shop, &address_of_one_order(who)).await
}

/// The same for a guest with this address.
pub async fn buy_as(shop: &str, email: &str) -> Result<String, String> {
    let bought = buy(shop, &Wish { email: email.to_owned(), ..Wish::default() }).await?;
    match bought.told {
        Told::Bought => Ok(bought.number),
        told => Err(format!("{}: {told:?}, and nobody cancelled", bought.number)),
    }
}
