//! The cart of somebody who is logged in: one cart of the account, on all devices.
//!
//! What the account keeps leads. Before the cart is shown or changed a page asks for it, and after a change the account
//! keeps the new one, if nobody changed it in between. If somebody did, what a shopper asked for is done anew to what the
//! other left: of two changes in one moment neither is lost. The cookie holds the same, so that the shop sells on while
//! identity is away: it is waited for a moment only, and what it cannot keep now is brought together with the next request.

use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;
use shop_contracts::AccountId;
use shop_contracts::identity::KeptCart;
use shop_instrumentation::clock;
use shop_instrumentation::problem::Code;

use super::changed::Tried;
pub use super::changed::{Changed, Looked, Now};
use super::open_orders::{self, Ask};
use super::session::SignedIn;
use super::{Kind, Visitor, new_cart, now_us, set_cart};
use crate::cart::{Cart, KeptBy};
use crate::pages::Shop;

/// How long a page waits for identity.
const WITHIN: Duration = Duration::from_millis(500);
/// How long it waits for what orders knows of carts that are to become one.
const SETTLED_WITHIN: Duration = Duration::from_secs(1);
/// How often a log-in brings carts together that somebody changes meanwhile.
const TRIES: usize = 3;
/// How often a change is made to what others left meanwhile: each try that fails is a change of theirs.
const CHANGE_TRIES: usize = 16;
/// After how long no other try is begun.
const CHANGED_WITHIN: Duration = Duration::from_secs(3);

/// What became of a cart that the account was to keep.
enum Keeping {
    Kept,
    /// Not this one: the account keeps another one meanwhile.
    Changed(KeptCart),
    Unavailable,
}

/// After each answer that changes a cart: writes the cookie, and has the account keep it.
pub async fn follow(State(shop): State<Shop>, request: Request, next: Next) -> Response {
    let who = signed_in(request.headers(), &shop);
    let mut response = next.run(request).await;
    let Some(mut cart) = response.extensions_mut().remove::<Cart>() else { return response };
    let is_tried = response.extensions_mut().remove::<Tried>().is_some();
    if let Some(who) = who.filter(|_| !is_tried)
        && is_to_be_kept(&cart, who.account_id)
        && shop.sessions.stands(&shop.peers, &who, clock::now().timestamp()).await
    {
        keep(&shop, &mut cart).await;
    }
    set_cart(&mut response, &shop, &cart);
    response
}

/// The visitor's cart as the account has it now, with what this browser changed while the account could not be asked.
pub async fn look(shop: &Shop, visitor: &mut Visitor) -> Looked {
    let Some(account) = visitor.account.as_ref().map(|who| who.account_id) else { return Looked::AsItIs };
    let Some(found) = find(shop, account).await else { return Looked::Away };
    let now = present(shop, visitor.cart.take(), found, account).await;
    visitor.cart = Some(now.cart);
    if now.is_joined { Looked::Joined } else { Looked::AsItIs }
}

/// Has the account keep the visitor's cart, before a page tells what is in it: afterwards nothing that is told is lost to
/// another device's change.
pub async fn have_kept(shop: &Shop, visitor: &mut Visitor) -> Looked {
    let mut looked = Looked::AsItIs;
    let Some(account) = visitor.account.as_ref().map(|who| who.account_id) else { return looked };
    for _ in 0..TRIES {
        let Some(cart) = visitor.cart.as_mut().filter(|cart| is_to_be_kept(cart, account)) else {
            return looked;
        };
        match keep(shop, cart).await {
            Keeping::Kept => return looked,
            Keeping::Unavailable => break,
            Keeping::Changed(other) => {
                let now = present(shop, visitor.cart.take(), other, account).await;
                visitor.cart = Some(now.cart);
                if now.is_joined {
                    looked = Looked::Joined;
                }
            }
        }
    }
    if looked == Looked::Joined { looked } else { Looked::Away }
}

/// Changes the visitor's cart; `change` answers whether it can be made. Where others change the account's in the same
/// moment, it is done anew to what they left.
pub async fn change(shop: &Shop, visitor: Visitor, change: impl Fn(&mut Cart) -> bool) -> Changed {
    let account = visitor.account.map(|who| who.account_id);
    let mut found = match account {
        Some(account) => find(shop, account).await,
        None => None,
    };
    let last_try_at = Instant::now() + CHANGED_WITHIN;
    for _ in 0..CHANGE_TRIES {
        let mut now = match account.zip(found.take()) {
            Some((account, found)) => present(shop, visitor.cart.clone(), found, account).await,
            None => Now { cart: visitor.cart.clone().unwrap_or_else(new_cart), is_joined: false },
        };
        let before = now.cart.clone();
        if !change(&mut now.cart) {
            return Changed::Refused(now);
        }
        if now.cart != before {
            now.cart.differs_from_kept();
        }
        if !account.is_some_and(|account| is_to_be_kept(&now.cart, account)) {
            return Changed::Made(now);
        }
        match keep(shop, &mut now.cart).await {
            Keeping::Kept | Keeping::Unavailable => return Changed::Made(now),
            Keeping::Changed(other) => found = Some(other),
        }
        if Instant::now() > last_try_at {
            break;
        }
    }
    tracing::warn!("others changed the account's cart before each try, a change of it is given up");
    Changed::Missed
}

/// At log-in: the visitor's cart and the one that the account keeps become one. Nothing when there is none, or when it
/// could not be done now.
pub async fn bring_together(shop: &Shop, mine: Option<Cart>, account: AccountId) -> Option<Now> {
    let mut found = find(shop, account).await?;
    for _ in 0..TRIES {
        let (cart, is_joined) = bring(shop, mine.clone(), found, account).await;
        let mut now = Now { cart: cart?, is_joined };
        if now.cart.is_kept(account) {
            return Some(now);
        }
        match keep(shop, &mut now.cart).await {
            Keeping::Changed(other) => found = other,
            Keeping::Kept | Keeping::Unavailable => return Some(now),
        }
    }
    None
}

/// At log-out: the account keeps the cart and the browser forgets it, for whoever uses the browser next. Only a cart that
/// identity does not answer about stays in the browser, and what is a guest's.
pub async fn leave_behind(response: &mut Response, shop: &Shop, visitor: &mut Visitor) {
    let is_forgotten = match visitor.account.as_ref().map(|who| who.account_id) {
        Some(account) => is_left(shop, visitor, account).await,
        // A session that is over keeps nothing any more: what was an account's is the account's.
        None => visitor.cart.as_ref().is_some_and(|cart| cart.kept.is_some()),
    };
    if is_forgotten {
        shop.cookies.remove(response, Kind::Cart);
    }
}

/// Whether the account has the visitor's cart, or has another one meanwhile: that of a device which changed it before each
/// try.
async fn is_left(shop: &Shop, visitor: &mut Visitor, account: AccountId) -> bool {
    look(shop, visitor).await;
    let last_try_at = Instant::now() + CHANGED_WITHIN;
    for _ in 0..CHANGE_TRIES {
        let Some(cart) = &mut visitor.cart else { return true };
        if cart.is_empty() && cart.progress.open.is_empty() || cart.is_kept(account) {
            return true;
        }
        if !is_to_be_kept(cart, account) {
            return false;
        }
        match keep(shop, cart).await {
            Keeping::Kept => return true,
            Keeping::Unavailable => return false,
            Keeping::Changed(other) => {
                visitor.cart = Some(present(shop, visitor.cart.take(), other, account).await.cart);
            }
        }
        if Instant::now() > last_try_at {
            break;
        }
    }
    tracing::warn!("others changed the account's cart before each try, what was changed here is left out");
    true
}

/// Both in one, or an empty one that the account is to keep.
async fn present(shop: &Shop, mine: Option<Cart>, found: KeptCart, account: AccountId) -> Now {
    let kept = KeptBy { account, revision: found.revision, is_current: false };
    let (cart, is_joined) = bring(shop, mine, found, account).await;
    Now { cart: cart.unwrap_or_else(|| Cart { kept: Some(kept), ..new_cart() }), is_joined }
}

/// Both in one, and whether both had changed it and neither knew of the other. Before two that do not know of each other
/// become one, what orders knows of either is settled: neither what is ordered nor what came back is in both.
async fn bring(
    shop: &Shop,
    mut mine: Option<Cart>,
    mut found: KeptCart,
    account: AccountId,
) -> (Option<Cart>, bool) {
    let is_joined = mine.as_ref().is_some_and(|mine| mine.changed_apart_from(&found, account));
    if let (Some(mine), Some(mut theirs)) = (&mut mine, Cart::from_kept(&found, account))
        && mine.are_to_be_joined(&found, account)
    {
        let before = theirs.clone();
        let settled = async {
            tokio::join!(
                open_orders::learn(shop, mine, Ask::All),
                open_orders::learn(shop, &mut theirs, Ask::All)
            )
        };
        if tokio::time::timeout(SETTLED_WITHIN, settled).await.is_err() {
            // Orders refuses what is ordered already: the cart says which orders it accounts for.
            tracing::warn!("what became of two carts is not known in time, they are taken as they are");
        }
        if theirs != before {
            found = KeptCart { revision: found.revision, if_revision: None, ..theirs.to_kept() };
        }
    }
    let (cart, left_out) = Cart::bring_together(mine, &found, account, now_us());
    if left_out > 0 {
        tracing::info!(left_out, "the cart is full, products of the account's cart found no room");
    }
    (cart, is_joined)
}

fn signed_in(headers: &HeaderMap, shop: &Shop) -> Option<SignedIn> {
    serde_json::from_slice(&shop.cookies.read(headers, Kind::Session)?).ok()
}

fn is_to_be_kept(cart: &Cart, account: AccountId) -> bool {
    cart.kept.is_some_and(|kept| kept.account == account && !kept.is_current)
}

async fn find(shop: &Shop, account: AccountId) -> Option<KeptCart> {
    match tokio::time::timeout(WITHIN, shop.peers.kept_cart(account)).await {
        Ok(Ok(found)) => return Some(found),
        Ok(Err(cause)) => tracing::warn!(error = %cause, "the account's cart is not available"),
        Err(_) => tracing::warn!("the account's cart is not available in time"),
    }
    None
}

async fn keep(shop: &Shop, cart: &mut Cart) -> Keeping {
    let Some(account) = cart.kept.map(|kept| kept.account) else { return Keeping::Unavailable };
    match tokio::time::timeout(WITHIN, shop.peers.keep_cart(account, &cart.to_kept())).await {
        Ok(Ok(())) => {
            cart.was_kept();
            return Keeping::Kept;
        }
        Ok(Err(cause)) => {
            let other = cause.existing::<KeptCart>().filter(|_| cause.code() == Code::Conflict);
            match other {
                Some(other) => return Keeping::Changed(other),
                None => tracing::warn!(error = %cause, "the account does not keep the cart"),
            }
        }
        Err(_) => tracing::warn!("the account does not keep the cart in time"),
    }
    Keeping::Unavailable
}
