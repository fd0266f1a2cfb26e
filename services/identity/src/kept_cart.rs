//! The cart that an account keeps from one device to the next, checked as it comes in. What becomes of two carts when
//! somebody logs in is the storefront's business.

use shop_contracts::AccountId;
use shop_contracts::identity::{KeptCart, KeptLine};
use shop_contracts::orders::CartRef;
use shop_instrumentation::{Code, Problem};

use crate::identity::{Identity, no_account};
use crate::storage::carts::Kept;

const MAX_ID_BYTES: usize = 64;
const MAX_LINES: usize = 50;
/// Open orders, and carts that became part of one.
const MAX_OTHERS: usize = 8;
const MAX_QUANTITY: u32 = 99;
/// What the column holds.
const MAX_VERSION: u64 = i64::MAX as u64;

impl Identity {
    /// The cart of an account, empty before the first.
    pub async fn kept_cart(&self, account: AccountId) -> Result<KeptCart, Problem> {
        self.carts.find(account).await?.ok_or_else(no_account)
    }

    /// Keeps a cart, if the account's is still of the revision that it names. Without one the newest version of one cart
    /// stays, and another cart takes its place.
    pub async fn keep_cart(&self, account: AccountId, cart: KeptCart) -> Result<(), Problem> {
        check(&cart)?;
        match self.carts.keep(account, &cart, self.clock.now()).await? {
            Kept::Written => Ok(()),
            Kept::NoAccount => Err(no_account()),
            Kept::Changed => {
                let found = self.kept_cart(account).await?;
                Err(Problem::new(Code::Conflict, "the cart was changed elsewhere").existing(&found))
            }
        }
    }
}

type Wrong = Vec<(String, String)>;

/// The problem names all fields that are wrong.
fn check(cart: &KeptCart) -> Result<(), Problem> {
    let mut wrong = Wrong::new();
    check_reference(&mut wrong, "", &CartRef { id: cart.id.clone(), version: cart.version });
    if cart.ordered_version > MAX_VERSION {
        wrong.push(("ordered_version".to_owned(), format!("at most {MAX_VERSION}")));
    }
    check_lines(&mut wrong, "lines", &cart.lines);
    for (field, count) in [("open", cart.open.len()), ("merged", cart.merged.len())] {
        if count > MAX_OTHERS {
            wrong.push((field.to_owned(), format!("at most {MAX_OTHERS}, got {count}")));
        }
    }
    for (i, open) in cart.open.iter().enumerate().take(MAX_OTHERS) {
        check_reference(&mut wrong, &format!("open[{i}].cart."), &open.cart);
        check_lines(&mut wrong, &format!("open[{i}].lines"), &open.lines);
    }
    for (i, merged) in cart.merged.iter().enumerate().take(MAX_OTHERS) {
        let reference = CartRef { id: merged.id.clone(), version: merged.version };
        check_reference(&mut wrong, &format!("merged[{i}]."), &reference);
        if merged.ordered_version > MAX_VERSION {
            wrong.push((format!("merged[{i}].ordered_version"), format!("at most {MAX_VERSION}")));
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let problem = Problem::new(Code::Invalid, "the cart cannot be kept");
    Err(wrong.into_iter().fold(problem, |problem, (field, detail)| problem.field(field, detail)))
}

fn check_reference(wrong: &mut Wrong, prefix: &str, cart: &CartRef) {
    if !(1..=MAX_ID_BYTES).contains(&cart.id.len()) || !cart.id.bytes().all(|byte| byte.is_ascii_graphic()) {
        wrong.push((format!("{prefix}id"), format!("must be 1 to {MAX_ID_BYTES} visible ASCII characters")));
    }
    if cart.version > MAX_VERSION {
        wrong.push((format!("{prefix}version"), format!("at most {MAX_VERSION}")));
    }
}

fn check_lines(wrong: &mut Wrong, field: &str, lines: &[KeptLine]) {
    if lines.len() > MAX_LINES {
        wrong.push((field.to_owned(), format!("at most {MAX_LINES}, got {}", lines.len())));
    }
    for (i, line) in lines.iter().enumerate().take(MAX_LINES) {
        if !(1..=MAX_QUANTITY).contains(&line.quantity) {
            wrong.push((format!("{field}[{i}].quantity"), format!("must be 1 to {MAX_QUANTITY}")));
        }
        if lines[..i].iter().any(|before| before.product_id == line.product_id) {
            wrong.push((format!("{field}[{i}].product_id"), "each product once".to_owned()));
        }
    }
}
