//! The checkout against a model of orders, over what a shopper can do in a browser, in ten thousand random sequences.
//!
//! The model counts what was confirmed and charged. It comes in two kinds: one keeps to the contract, the other knows
//! keys only and would place two orders of one cart version if it got two keys. Both must end with one.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use shop_contracts::orders::{CartRef, OrderStatus};
use shop_contracts::{Currency, Money, OrderId, ProductId};
use shop_storefront::cart::{Cart, CartId};
use shop_storefront::checkout::{Age, Charge, OrdersAnswer, Seen, Settled, Verdict};
use uuid::Uuid;

use crate::buying::order;

const SEQUENCES: u32 = 10_000;
const TABS: usize = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Card {
    Visa,
    Slow,
    Declined,
}

/// What becomes of one press on its way.
#[derive(Debug, Clone, Copy)]
enum Travel {
    Arrives,
    /// Orders did it, but its answer did not reach the storefront.
    AnswerLost,
    /// The storefront gave up waiting; the request reaches orders some time later, or never.
    Late,
    /// The storefront answered, but the browser had gone on: neither page nor cookie arrive.
    PageLost,
    /// The price changed after the storefront had looked.
    PriceMoves,
}

#[derive(Debug, Clone, Copy)]
enum Action {
    OpenCheckout(usize),
    Press(usize, Card, Travel),
    /// Another way of delivery, or the voucher typed or taken out, in a tab's form.
    Choose(usize, Choice),
    /// Two presses with the same cookies; the page of the second is shown, the cookie of either may win.
    PressTwice(usize, Card, Card, bool),
    Back(usize),
    Reload(usize),
    ChangeCart,
    ChangePrice,
    BankAnswers(bool),
    LateArrives,
}

/// What is chosen in a form beside the card. The voucher takes ten off, once in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Choice {
    express: bool,
    voucher: bool,
}

const EXPRESS: i64 = 13;
const VOUCHER: i64 = 10;

#[derive(Debug, Clone, PartialEq)]
enum Page {
    Form(Seen),
    Order(OrderId),
    Cart,
}

#[derive(Debug, Clone)]
struct Body {
    card: Card,
    price: i64,
    choice: Choice,
    /// What the shopper agreed to.
    expected: i64,
    pieces: i64,
    cart: CartRef,
}

impl Body {
    /// Whether a repeat asks for the same: what is expected has no part in it.
    fn means(&self, other: &Self) -> bool {
        let meaning = |body: &Self| (body.card, body.price, body.choice, body.pieces);
        meaning(self) == meaning(other) && self.cart == other.cart
    }
}

struct Placed {
    id: OrderId,
    body: Body,
    status: OrderStatus,
    charges: u32,
    total: i64,
}

/// Orders, as far as the storefront can tell.
struct Orders {
    knows_carts: bool,
    price: i64,
    by_key: BTreeMap<String, Placed>,
    next: u8,
}

enum Reply {
    Created(OrderId, Settled, Age),
    Existing(OrderId, Settled),
    Conflict,
}

impl Orders {
    fn place(&mut self, key: &str, body: &Body) -> Reply {
        if let Some(known) = self.by_key.get(key) {
            let settled = Settled::of(known.status);
            return if known.body.means(body) {
                Reply::Created(known.id, settled, Age::Before)
            } else {
                Reply::Existing(known.id, settled)
            };
        }
        let total = body.pieces * self.price + if body.choice.express { EXPRESS } else { 0 }
            - if body.choice.voucher { VOUCHER } else { 0 };
        if body.price != self.price || body.expected != total {
            return Reply::Conflict;
        }
        let live =
            |placed: &&Placed| placed.body.cart == body.cart && Settled::of(placed.status) != Settled::Over;
        if self.knows_carts
            && let Some(other) = self.by_key.values().find(live)
        {
            return Reply::Existing(other.id, Settled::of(other.status));
        }
        if body.choice.voucher && self.voucher_uses() > 0 {
            return Reply::Conflict;
        }
        self.next += 1;
        let id = OrderId::new(Uuid::from_bytes([self.next; 16]));
        let (status, charges) = match body.card {
            Card::Visa => (OrderStatus::Confirmed, 1),
            Card::Slow => (OrderStatus::Pending, 0),
            Card::Declined => (OrderStatus::Declined, 0),
        };
        self.by_key.insert(key.to_owned(), Placed { id, body: body.clone(), status, charges, total });
        Reply::Created(id, Settled::of(status), Age::ThisPress)
    }

    /// Orders that use the voucher and have not ended unsold.
    fn voucher_uses(&self) -> usize {
        let using = self.by_key.values().filter(|placed| placed.body.choice.voucher);
        using.filter(|placed| Settled::of(placed.status) != Settled::Over).count()
    }

    fn get(&self, id: OrderId) -> &Placed {
        self.by_key.values().find(|placed| placed.id == id).expect("pages only name orders that exist")
    }

    /// Orders of this version that stand or may come to stand.
    fn live(&self, cart: &CartRef) -> usize {
        let of_it = self.by_key.values().filter(|placed| placed.body.cart == *cart);
        of_it.filter(|placed| Settled::of(placed.status) != Settled::Over).count()
    }
}

struct World {
    orders: Orders,
    cookie: Cart,
    tabs: [Vec<Page>; TABS],
    chosen: [Choice; TABS],
    sent: [Option<(Seen, Card, Choice)>; TABS],
    late: Vec<(String, Body)>,
    now_us: u64,
}

impl World {
    fn new(knows_carts: bool) -> Self {
        let mut cookie = Cart::new(CartId([1; 16]), 1);
        cookie.add(ProductId::from_slug("lamp"), 1, Money::new(100, Currency::Eur), 2);
        let orders = Orders { knows_carts, price: 100, by_key: BTreeMap::new(), next: 0 };
        let tabs = [vec![Page::Cart], vec![Page::Cart]];
        Self {
            orders,
            cookie,
            tabs,
            chosen: [Choice::default(); TABS],
            sent: [None, None],
            late: Vec::new(),
            now_us: 10,
        }
    }

    /// What a form shows: the totals of every way, with the voucher if it was typed and counts.
    fn seen(&self, cart: &Cart, choice: Choice) -> Seen {
        let voucher = choice.voucher && self.orders.voucher_uses() == 0;
        let fingerprint = format!("{} at {} {voucher}", cart.count(), self.orders.price);
        Seen { version: cart.version, fingerprint }
    }

    /// `GET /checkout`.
    fn open_checkout(&mut self, tab: usize) {
        let mut cart = self.cookie.clone();
        let unsettled = cart.progress.unsettled.filter(|unsettled| unsettled.version == cart.version);
        let page = match unsettled.and_then(|unsettled| unsettled.order) {
            Some(id) => {
                self.learn(&mut cart, id);
                let over = Settled::of(self.orders.get(id).status) == Settled::Over;
                if over { Page::Form(self.seen(&cart, Choice::default())) } else { Page::Order(id) }
            }
            None if cart.is_empty() => Page::Cart,
            None => Page::Form(self.seen(&cart, Choice::default())),
        };
        self.cookie = cart;
        self.chosen[tab] = Choice::default();
        self.tabs[tab].push(page);
    }

    /// What an order's page tells the cart.
    fn learn(&mut self, cart: &mut Cart, id: OrderId) {
        let placed = self.orders.get(id);
        let mut shown = order(placed.status, None);
        (shown.id, shown.cart) = (id, Some(placed.body.cart.clone()));
        let before = cart.clone();
        cart.learn(&shown, self.now_us);
        self.check_emptied(&before, cart);
        if Settled::of(placed.status) == Settled::Stands && placed.body.cart == before.reference() {
            assert!(cart.is_empty(), "a confirmed order's page leaves what it bought in the cart");
        }
    }

    /// `POST /checkout`: the page and the cookie that the storefront answers.
    fn press(
        &mut self,
        seen: &Seen,
        (card, choice): (Card, Choice),
        travel: Travel,
        mut cart: Cart,
    ) -> (Page, Cart) {
        if let Some(known) = cart.order_of(seen.version) {
            return (Page::Order(known), cart);
        }
        if cart.is_empty() {
            return (Page::Cart, cart);
        }
        let refused = choice.voucher && self.orders.voucher_uses() > 0;
        let asks_again = refused && seen.version == cart.version && cart.is_unsettled(cart.version);
        if !asks_again && (refused || *seen != self.seen(&cart, choice)) {
            // A code that does not count is said at its field; nothing is ordered.
            let page = Page::Form(self.seen(&cart, choice));
            return (page, cart);
        }
        let price = self.orders.price;
        if matches!(travel, Travel::PriceMoves) {
            self.orders.price += 1;
        }
        for _ in 0..4 {
            let (key, before) = (cart.key(), cart.clone());
            let pieces = i64::from(cart.count());
            let expected = pieces * price + if choice.express { EXPRESS } else { 0 }
                - if choice.voucher && !asks_again { VOUCHER } else { 0 };
            let body = Body { card, price, choice, expected, pieces, cart: cart.reference() };
            let answer = self.answer(&key, &body, travel);
            let verdict = cart.conclude(answer, self.now_us);
            self.check_emptied(&before, &cart);
            match verdict {
                Verdict::SendAgain => continue,
                Verdict::Show(id) => return (Page::Order(id), cart),
                Verdict::Over(id, charge) => {
                    assert_eq!(self.orders.get(id).charges, 0, "an order that is over was charged");
                    if charge == Charge::None {
                        // "Nothing was charged", says the page now.
                        assert_eq!(self.orders.live(&body.cart), 0, "the page lies about this cart");
                    }
                }
                Verdict::Refused => assert_eq!(cart.key(), key, "a refusal replaced the key"),
                Verdict::Unknown => {
                    assert_eq!(cart.key(), key, "a key of unknown outcome was replaced");
                    assert!(cart.is_unsettled(cart.version));
                }
            }
            break;
        }
        let page = Page::Form(self.seen(&cart, choice));
        (page, cart)
    }

    fn answer(&mut self, key: &str, body: &Body, travel: Travel) -> OrdersAnswer {
        if matches!(travel, Travel::Late) {
            self.late.push((key.to_owned(), body.clone()));
            return OrdersAnswer::Unknown;
        }
        let reply = self.orders.place(key, body);
        match (travel, reply) {
            (Travel::AnswerLost, _) => OrdersAnswer::Unknown,
            (_, Reply::Created(id, settled, age)) => OrdersAnswer::Order(id, settled, age),
            (_, Reply::Existing(id, settled)) => OrdersAnswer::Existing(id, settled),
            (_, Reply::Conflict) => OrdersAnswer::Refused,
        }
    }

    /// A cart is emptied by an order that stands and was made of exactly these contents.
    fn check_emptied(&self, before: &Cart, after: &Cart) {
        if !before.is_empty() && after.is_empty() {
            let bought = self.orders.by_key.values().any(|placed| {
                placed.body.cart == before.reference() && Settled::of(placed.status) == Settled::Stands
            });
            assert!(bought, "a cart was emptied that nobody bought");
        }
    }

    fn act(&mut self, action: Action) {
        self.now_us += 1;
        match action {
            Action::OpenCheckout(tab) => self.open_checkout(tab),
            Action::Press(tab, card, travel) => {
                let Some(Page::Form(seen)) = self.tabs[tab].last().cloned() else { return };
                let typed = (card, self.chosen[tab]);
                self.sent[tab] = Some((seen.clone(), typed.0, typed.1));
                let (page, cart) = self.press(&seen, typed, travel, self.cookie.clone());
                if !matches!(travel, Travel::PageLost) {
                    self.arrive(tab, page, cart);
                }
            }
            Action::PressTwice(tab, first, second, first_cookie_wins) => {
                let Some(Page::Form(seen)) = self.tabs[tab].last().cloned() else { return };
                let choice = self.chosen[tab];
                let (_, one) = self.press(&seen, (first, choice), Travel::Arrives, self.cookie.clone());
                let (page, two) = self.press(&seen, (second, choice), Travel::Arrives, self.cookie.clone());
                self.sent[tab] = Some((seen, second, choice));
                self.arrive(tab, page, if first_cookie_wins { one } else { two });
            }
            // "Apply", or a radio: the page shows the new total before anything is pressed.
            Action::Choose(tab, choice) => {
                let Some(Page::Form(_)) = self.tabs[tab].last() else { return };
                self.chosen[tab] = choice;
                let shown = self.seen(&self.cookie, choice);
                self.tabs[tab].push(Page::Form(shown));
            }
            Action::Back(tab) => {
                if self.tabs[tab].len() > 1 {
                    self.tabs[tab].pop();
                }
            }
            Action::Reload(tab) => self.reload(tab),
            Action::ChangeCart => {
                let price = Money::new(self.orders.price, Currency::Eur);
                self.cookie.add(ProductId::from_slug("lamp"), 1, price, self.now_us);
            }
            Action::ChangePrice => self.orders.price += 1,
            Action::BankAnswers(approves) => {
                for placed in self.orders.by_key.values_mut() {
                    if placed.status == OrderStatus::Pending {
                        let (status, charges) =
                            if approves { (OrderStatus::Confirmed, 1) } else { (OrderStatus::Declined, 0) };
                        (placed.status, placed.charges) = (status, placed.charges + charges);
                    }
                }
            }
            Action::LateArrives => {
                if let Some((key, body)) = self.late.pop() {
                    self.orders.place(&key, &body);
                }
            }
        }
        self.check();
    }

    /// The browser takes in an answer; an order's page is loaded at once.
    fn arrive(&mut self, tab: usize, page: Page, cart: Cart) {
        self.cookie = cart;
        if let Page::Order(id) = page {
            let mut cart = self.cookie.clone();
            self.learn(&mut cart, id);
            self.cookie = cart;
        }
        self.tabs[tab].push(page);
    }

    /// A page that came of a press is sent again, as browsers offer; others are loaded again.
    fn reload(&mut self, tab: usize) {
        match (self.tabs[tab].last().cloned(), self.sent[tab].clone()) {
            (Some(Page::Order(id)), _) => {
                let mut cart = self.cookie.clone();
                self.learn(&mut cart, id);
                self.cookie = cart;
            }
            (Some(Page::Form(_)), Some((seen, card, choice))) => {
                let (page, cart) = self.press(&seen, (card, choice), Travel::Arrives, self.cookie.clone());
                self.arrive(tab, page, cart);
            }
            (Some(Page::Form(_)), None) => self.open_checkout(tab),
            _ => {}
        }
    }

    fn check(&self) {
        let mut charged = BTreeMap::<u64, u32>::new();
        for placed in self.orders.by_key.values() {
            assert!(self.orders.live(&placed.body.cart) <= 1, "two orders of one version of the cart");
            *charged.entry(placed.body.cart.version).or_default() += placed.charges;
        }
        assert!(charged.values().all(|charges| *charges <= 1), "charged twice: {charged:?}");
        assert!(self.orders.voucher_uses() <= 1, "a voucher of one use has two");
        for placed in self.orders.by_key.values() {
            assert_eq!(placed.total, placed.body.expected, "a total that the shopper did not see");
        }
    }
}

fn action() -> impl Strategy<Value = Action> {
    let card = || prop_oneof![3 => Just(Card::Visa), 3 => Just(Card::Slow), 2 => Just(Card::Declined)];
    let travel = prop_oneof![
        5 => Just(Travel::Arrives),
        3 => Just(Travel::AnswerLost),
        2 => Just(Travel::Late),
        2 => Just(Travel::PageLost),
        1 => Just(Travel::PriceMoves),
    ];
    prop_oneof![
        4 => (0..TABS).prop_map(Action::OpenCheckout),
        8 => (0..TABS, card(), travel).prop_map(|(tab, card, travel)| Action::Press(tab, card, travel)),
        3 => (0..TABS, card(), card(), any::<bool>())
            .prop_map(|(tab, one, two, first)| Action::PressTwice(tab, one, two, first)),
        3 => (0..TABS).prop_map(Action::Back),
        3 => (0..TABS).prop_map(Action::Reload),
        4 => (0..TABS, any::<bool>(), any::<bool>())
            .prop_map(|(tab, express, voucher)| Action::Choose(tab, Choice { express, voucher })),
        1 => Just(Action::ChangeCart),
        1 => Just(Action::ChangePrice),
        3 => any::<bool>().prop_map(Action::BankAnswers),
        2 => Just(Action::LateArrives),
    ]
}

#[test]
fn one_version_of_a_cart_is_at_most_one_order_and_no_page_lies_about_money() {
    let config = Config { cases: SEQUENCES, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]));
    let confirmed = std::cell::Cell::new(0_usize);
    let sequences = (any::<bool>(), proptest::collection::vec(action(), 1..30));
    let outcome = runner.run(&sequences, |(knows_carts, actions)| {
        let mut world = World::new(knows_carts);
        world.act(Action::OpenCheckout(0));
        for action in actions {
            world.act(action);
        }
        let stands = world.orders.by_key.values().filter(|placed| placed.charges > 0).count();
        confirmed.set(confirmed.get() + stands);
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    assert!(confirmed.get() > SEQUENCES as usize / 3, "only {} orders: too tame", confirmed.get());
}
