//! The cart that an account keeps from one device to the next, checked as it comes in. What becomes of two carts when
//! somebody logs in is the storefront's business.

use shop_contracts::AccountId;
use shop_contracts::identity::KeptCart;
use shop_instrumentation::{Code, Problem};

use crate::identity::{Identity, no_account};

const MAX_ID_BYTES: usize = 64;
const MAX_LINES: usize = 50;
const MAX_QUANTITY: u32 = 99;
/// What the column holds.
const MAX_VERSION: u64 = i64::MAX as u64;

impl Identity {
    /// The cart of an account, empty before the first.
    pub async fn kept_cart(&self, account: AccountId) -> Result<KeptCart, Problem> {
        self.carts.find(account).await?.ok_or_else(no_account)
    }

    /// Keeps a cart; of one cart the newest version stays.
    pub async fn keep_cart(&self, account: AccountId, cart: KeptCart) -> Result<(), Problem> {
        check(&cart)?;
        if self.carts.keep(account, &cart, self.clock.now()).await? { Ok(()) } else { Err(no_account()) }
    }
}

/// The problem names all fields that are wrong.
fn check(cart: &KeptCart) -> Result<(), Problem> {
    let mut wrong = Vec::new();
    if !(1..=MAX_ID_BYTES).contains(&cart.id.len()) || !cart.id.bytes().all(|byte| byte.is_ascii_graphic()) {
        wrong.push(("id".to_owned(), format!("must be 1 to {MAX_ID_BYTES} visible ASCII characters")));
    }
    if cart.version > MAX_VERSION {
        wrong.push(("version".to_owned(), format!("at most {MAX_VERSION}")));
    }
    if cart.lines.len() > MAX_LINES {
        wrong.push(("lines".to_owned(), format!("at most {MAX_LINES}, got {}", cart.lines.len())));
    }
    for (i, line) in cart.lines.iter().enumerate().take(MAX_LINES) {
        if !(1..=MAX_QUANTITY).contains(&line.quantity) {
            wrong.push((format!("lines[{i}].quantity"), format!("must be 1 to {MAX_QUANTITY}")));
        }
        if cart.lines[..i].iter().any(|before| before.product_id == line.product_id) {
            wrong.push((format!("lines[{i}].product_id"), "each product once".to_owned()));
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let problem = Problem::new(Code::Invalid, "the cart cannot be kept");
    Err(wrong.into_iter().fold(problem, |problem, (field, detail)| problem.field(field, detail)))
}
