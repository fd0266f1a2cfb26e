//! The checkout against a model of orders, over what a shopper can do in a browser, in ten thousand random sequences.
//!
//! Two devices, each with a cart of its own until it logs in to the one account: then they have one. The model counts what
//! was put into carts, confirmed and charged: no piece is ordered that nobody put in. It comes in two kinds: one keeps to
//! the contract, the other knows keys only and would place two orders of one cart version if it got two keys. Both must
//! end with one.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use shop_contracts::identity::KeptCart;
use shop_contracts::orders::{CartRef, KnownOrders, Order, OrderLine, OrderStatus};
use shop_contracts::{AccountId, Currency, Money, OrderId, ProductId};
use shop_storefront::cart::{Cart, CartId};
use shop_storefront::checkout::{Age, Charge, OrdersAnswer, Seen, Settled, Verdict};
use uuid::Uuid;

use crate::buying::order;

const SEQUENCES: u32 = 10_000;
/// Two on the first device, one on the second.
const TABS: usize = 3;
const DEVICE_OF: [usize; TABS] = [0, 0, 1];

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
    OpenCart(usize),
    OpenCheckout(usize),
    Press(usize, Card, Travel),
    /// Another way of delivery, or the voucher typed or taken out, in a tab's form.
    Choose(usize, Choice),
    /// Two presses with the same cookies; the page of the second is shown, the cookie of either may win.
    PressTwice(usize, Card, Card, bool),
    Back(usize),
    Reload(usize),
    Put(usize, Thing),
    TakeOut(usize, Thing),
    ChangePrice,
    BankAnswers(bool),
    LateArrives,
    /// Two minutes pass: what is on its way to orders arrives no more.
    Wait,
    LogIn(usize),
    SessionEnds(usize),
    LogOut(usize),
    IdentityIsAway(bool),
    /// What became of a cart is not known in time; what is sent arrives.
    OrdersIsSilent(bool),
    /// The clock of the storefront that takes the next changes.
    ClockIsAhead(bool),
}

/// What is sold, all at one price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Thing {
    Lamp,
    Rope,
}

impl Thing {
    fn id(self) -> ProductId {
        ProductId::from_slug(match self {
            Self::Lamp => "lamp",
            Self::Rope => "rope",
        })
    }
}

/// What is chosen in a form beside the card. The voucher takes ten off, once in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Choice {
    express: bool,
    voucher: bool,
}

const AHEAD_US: u64 = 8;
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
    pieces: Pieces,
    cart: CartRef,
    known: KnownOrders,
}

type Pieces = BTreeMap<ProductId, i64>;

fn pieces(cart: &Cart) -> Pieces {
    cart.lines.iter().map(|line| (line.product_id, i64::from(line.quantity))).collect()
}

impl Body {
    /// Whether a repeat asks for the same: what is expected and known has no part in it.
    fn means(&self, other: &Self) -> bool {
        let meaning = |body: &Self| (body.card, body.price, body.choice, body.pieces.clone());
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
    /// Orders that the cart does not account for, oldest first.
    CartOrdered(Vec<OrderId>),
    Conflict,
}

/// What a storefront makes of an answer.
enum Answer {
    About(OrdersAnswer),
    Others(Vec<OrderId>),
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
        let total = body.pieces.values().sum::<i64>() * self.price
            + if body.choice.express { EXPRESS } else { 0 }
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
        let others = self.unaccounted(body);
        if !others.is_empty() {
            return Reply::CartOrdered(others);
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

    fn unaccounted(&self, body: &Body) -> Vec<OrderId> {
        let live = self.by_key.values().filter(|placed| Settled::of(placed.status) != Settled::Over);
        let is_beyond = |cart: &CartRef| {
            let mut known = body.known.carts.iter();
            known.any(|one| one.id == cart.id && one.version < cart.version)
                && !body.known.open.contains(cart)
                && *cart != body.cart
        };
        let mut found: Vec<&Placed> = live.filter(|placed| is_beyond(&placed.body.cart)).collect();
        found.sort_by_key(|placed| placed.id);
        found.into_iter().map(|placed| placed.id).collect()
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

/// A browser's cookies.
struct Device {
    cart: Cart,
    is_logged_in: bool,
}

struct World {
    orders: Orders,
    devices: [Device; 2],
    /// What identity keeps of the account that everybody here logs in to.
    kept: KeptCart,
    tabs: [Vec<Page>; TABS],
    chosen: [Choice; TABS],
    sent: [Option<(Seen, Card, Choice)>; TABS],
    late: Vec<(String, Body)>,
    /// Nobody can log in, and no cart is found or kept.
    identity_is_away: bool,
    orders_is_silent: bool,
    clock_is_ahead: bool,
    now_us: u64,
    carts: u8,
    /// Pieces that were ever put into carts.
    put: Pieces,
}

fn account() -> AccountId {
    AccountId::new(Uuid::from_bytes([77; 16]))
}

impl World {
    fn new(knows_carts: bool) -> Self {
        let device = |n| Device { cart: Cart::new(CartId([n; 16]), 1), is_logged_in: false };
        let orders = Orders { knows_carts, price: 100, by_key: BTreeMap::new(), next: 0 };
        let mut world = Self {
            orders,
            devices: [device(1), device(2)],
            kept: KeptCart::default(),
            tabs: [vec![Page::Cart], vec![Page::Cart], vec![Page::Cart]],
            chosen: [Choice::default(); TABS],
            sent: [None, None, None],
            late: Vec::new(),
            identity_is_away: false,
            orders_is_silent: false,
            clock_is_ahead: false,
            now_us: 10_000_000_000,
            carts: 2,
            put: Pieces::new(),
        };
        world.put(0, Thing::Lamp);
        world
    }

    fn clock_us(&self) -> u64 {
        self.now_us + if self.clock_is_ahead { AHEAD_US } else { 0 }
    }

    /// What a form shows: the totals of every way, with the voucher if it was typed and counts.
    fn seen(&self, cart: &Cart, choice: Choice) -> Seen {
        let voucher = choice.voucher && self.orders.voucher_uses() == 0;
        let fingerprint = format!("{:?} at {} {voucher}", pieces(cart), self.orders.price);
        Seen { version: cart.version, fingerprint }
    }

    /// The cart of a device as its account has it.
    fn look(&self, device: usize) -> Cart {
        let mine = self.devices[device].cart.clone();
        let is_asked = self.devices[device].is_logged_in && !self.identity_is_away;
        if is_asked { self.together(mine) } else { mine }
    }

    fn together(&self, mut mine: Cart) -> Cart {
        let mut kept = self.kept.clone();
        if let Some(mut theirs) = Cart::from_kept(&kept, account())
            && mine.are_to_be_joined(&kept, account())
        {
            self.settle(&mut mine, true);
            self.settle(&mut theirs, true);
            kept = KeptCart { revision: kept.revision, if_revision: None, ..theirs.to_kept() };
        }
        Cart::bring_together(Some(mine), &kept, account(), self.clock_us()).0.expect("there was one")
    }

    /// An answer's cart: identity keeps it if it was changed; the cookie is the answer's.
    fn keep(&mut self, device: usize, mut cart: Cart, before: &Cart) -> Cart {
        if cart != *before {
            cart.differs_from_kept();
        }
        let by = cart.kept.filter(|by| self.devices[device].is_logged_in && !by.is_current);
        if !self.identity_is_away && by.is_some_and(|by| by.revision == self.kept.revision) {
            self.kept = KeptCart { revision: self.kept.revision + 1, if_revision: None, ..cart.to_kept() };
            cart.was_kept();
        }
        cart
    }

    /// What orders says of a cart.
    fn ask(&self, cart: &mut Cart, id: CartId) -> Vec<OrderId> {
        let live = self.orders.by_key.values().filter(|placed| {
            placed.body.cart.id == id.to_string() && Settled::of(placed.status) != Settled::Over
        });
        let mut ids: Vec<(u64, OrderId)> = live.map(|placed| (placed.body.cart.version, placed.id)).collect();
        ids.sort_unstable();
        ids.into_iter().map(|(_, id)| id).filter(|id| self.learn(cart, *id)).collect()
    }

    /// Before a cart is shown or ordered.
    fn up_to_date(&self, device: usize, asks_all: bool) -> (Cart, Vec<OrderId>) {
        let mut cart = self.look(device);
        let took = self.settle(&mut cart, asks_all);
        (cart, took)
    }

    /// What became of a cart's orders. Answers those that took pieces out of it.
    fn settle(&self, cart: &mut Cart, asks_all: bool) -> Vec<OrderId> {
        let (mut took, mut carts) = (Vec::new(), Vec::new());
        if self.orders_is_silent {
            return took;
        }
        if asks_all && !cart.is_empty() {
            carts.push(cart.id);
            carts.extend(cart.merged.iter().map(|one| one.id));
        }
        for open in cart.progress.open.clone() {
            match open.order {
                Some(id) => took.extend(self.learn(cart, id).then_some(id)),
                None => carts.push(open.cart),
            }
        }
        for id in carts {
            took.extend(self.ask(cart, id));
            for open in cart.progress.open.clone() {
                if open.cart == id {
                    cart.give_up(open.cart, open.version, self.now_us);
                }
            }
        }
        took
    }

    fn put(&mut self, device: usize, thing: Thing) {
        let mut cart = self.look(device);
        let before = cart.clone();
        if cart.add(thing.id(), 1, Money::new(self.orders.price, Currency::Eur), self.clock_us()) {
            *self.put.entry(thing.id()).or_default() += 1;
        }
        self.devices[device].cart = self.keep(device, cart, &before);
    }

    /// `GET /checkout`, or of the cart.
    fn open(&mut self, tab: usize, is_checkout: bool) {
        let device = DEVICE_OF[tab];
        let before = self.look(device);
        let is_left = !self.devices[device].is_logged_in && before.kept.is_some();
        let (cart, _) = self.up_to_date(device, is_checkout && is_left);
        let page = match cart.unsettled().and_then(|open| open.order) {
            Some(id) if is_checkout => Page::Order(id),
            _ if cart.is_empty() || !is_checkout => Page::Cart,
            _ => Page::Form(self.seen(&cart, Choice::default())),
        };
        self.devices[device].cart = self.keep(device, cart, &before);
        self.chosen[tab] = Choice::default();
        self.tabs[tab].push(page);
    }

    /// An order as it is shown.
    fn shown(&self, id: OrderId) -> Order {
        let placed = self.orders.get(id);
        let mut shown = order(placed.status, None);
        let line = shown.lines[0].clone();
        let bought = placed.body.pieces.iter();
        shown.lines = bought
            .map(|(id, quantity)| OrderLine {
                product_id: *id,
                quantity: u32::try_from(*quantity).unwrap(),
                ..line.clone()
            })
            .collect();
        (shown.id, shown.cart) = (id, Some(placed.body.cart.clone()));
        shown
    }

    /// What an order tells the cart. Whether it took pieces out.
    fn learn(&self, cart: &mut Cart, id: OrderId) -> bool {
        let (before, placed) = (cart.clone(), self.orders.get(id));
        cart.learn(&self.shown(id), self.now_us);
        self.check_emptied(&before, cart);
        let settled = Settled::of(placed.status);
        let is_it = placed.body.cart == before.reference() && placed.body.pieces == pieces(&before);
        if settled == Settled::Stands && is_it {
            assert!(cart.is_empty(), "a confirmed order leaves what it bought in the cart");
        }
        settled != Settled::Over
            && (cart.lines != before.lines || cart.progress.open.len() != before.progress.open.len())
    }

    /// `POST /checkout`: the page and the cookie that the storefront answers.
    fn press(
        &mut self,
        device: usize,
        seen: &Seen,
        (card, choice): (Card, Choice),
        travel: Travel,
    ) -> (Page, Cart) {
        let before = self.look(device);
        let (cart, took) = self.up_to_date(device, true);
        let (page, cart) = self.pressed(seen, (card, choice), travel, cart, &took);
        (page, self.keep(device, cart, &before))
    }

    fn pressed(
        &mut self,
        seen: &Seen,
        (card, choice): (Card, Choice),
        travel: Travel,
        mut cart: Cart,
        took: &[OrderId],
    ) -> (Page, Cart) {
        let of_seen = cart.order_of(seen.version).filter(|_| cart.is_empty() || took.is_empty());
        if let Some(known) = of_seen.or(took.last().copied().filter(|_| cart.is_empty())) {
            return (Page::Order(known), cart);
        }
        if cart.is_empty() || !cart.has_room_for_order() {
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
            let expected = i64::from(cart.count()) * price + if choice.express { EXPRESS } else { 0 }
                - if choice.voucher && !asks_again { VOUCHER } else { 0 };
            let (known, cart_ref) = (cart.known_orders(), cart.reference());
            let body = Body { card, price, choice, expected, pieces: pieces(&cart), cart: cart_ref, known };
            let answer = match self.answer(&key, &body, travel) {
                Answer::About(answer) => answer,
                Answer::Others(others) => {
                    for id in &others {
                        self.learn(&mut cart, *id);
                    }
                    match others.last() {
                        Some(id) if cart.is_empty() => return (Page::Order(*id), cart),
                        _ => break,
                    }
                }
            };
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

    fn answer(&mut self, key: &str, body: &Body, travel: Travel) -> Answer {
        if matches!(travel, Travel::Late) {
            self.late.push((key.to_owned(), body.clone()));
            return Answer::About(OrdersAnswer::Unknown);
        }
        let reply = self.orders.place(key, body);
        let is_other = |id: OrderId| {
            let there = &self.orders.get(id).body;
            there.cart == body.cart && there.pieces != body.pieces
        };
        Answer::About(match (travel, reply) {
            (Travel::AnswerLost, _) => OrdersAnswer::Unknown,
            (_, Reply::Created(id, settled, age)) => OrdersAnswer::Order(id, settled, age),
            (_, Reply::Existing(id, settled)) if settled != Settled::Over && is_other(id) => {
                return Answer::Others(vec![id]);
            }
            (_, Reply::Existing(id, settled)) => OrdersAnswer::Existing(id, settled),
            (_, Reply::CartOrdered(others)) => return Answer::Others(others),
            (_, Reply::Conflict) => OrdersAnswer::Refused,
        })
    }

    /// A cart is emptied by an order that was made of it, and of at least these pieces.
    fn check_emptied(&self, before: &Cart, after: &Cart) {
        if !before.is_empty() && after.is_empty() {
            let mine = pieces(before);
            let covers = |placed: &Placed| {
                before.known_orders().carts.iter().any(|cart| cart.id == placed.body.cart.id)
                    && Settled::of(placed.status) != Settled::Over
                    && mine.iter().all(|(id, count)| placed.body.pieces.get(id).is_some_and(|n| n >= count))
            };
            let is_aside = after.progress.open.iter().any(|open| open.is_of(before.id, before.version));
            let is_bought = self.orders.by_key.values().any(covers);
            assert!(is_bought || is_aside, "a cart was emptied that nobody bought");
        }
    }

    fn act(&mut self, action: Action) {
        self.now_us += 1;
        match action {
            Action::OpenCart(tab) => self.open(tab, false),
            Action::OpenCheckout(tab) => self.open(tab, true),
            Action::Press(tab, card, travel) => {
                let Some(Page::Form(seen)) = self.tabs[tab].last().cloned() else { return };
                let typed = (card, self.chosen[tab]);
                self.sent[tab] = Some((seen.clone(), typed.0, typed.1));
                let (page, cart) = self.press(DEVICE_OF[tab], &seen, typed, travel);
                if !matches!(travel, Travel::PageLost) {
                    self.arrive(tab, page, cart);
                }
            }
            Action::PressTwice(tab, first, second, first_cookie_wins) => {
                let Some(Page::Form(seen)) = self.tabs[tab].last().cloned() else { return };
                let (device, choice) = (DEVICE_OF[tab], self.chosen[tab]);
                let (_, one) = self.press(device, &seen, (first, choice), Travel::Arrives);
                let (page, two) = self.press(device, &seen, (second, choice), Travel::Arrives);
                self.sent[tab] = Some((seen, second, choice));
                self.arrive(tab, page, if first_cookie_wins { one } else { two });
            }
            // "Apply", or a radio: the page shows the new total before anything is pressed.
            Action::Choose(tab, choice) => {
                let Some(Page::Form(_)) = self.tabs[tab].last() else { return };
                self.chosen[tab] = choice;
                let shown = self.seen(&self.devices[DEVICE_OF[tab]].cart, choice);
                self.tabs[tab].push(Page::Form(shown));
            }
            Action::Back(tab) => {
                if self.tabs[tab].len() > 1 {
                    self.tabs[tab].pop();
                }
            }
            Action::Reload(tab) => self.reload(tab),
            Action::Put(tab, thing) => self.put(DEVICE_OF[tab], thing),
            Action::TakeOut(tab, thing) => {
                let device = DEVICE_OF[tab];
                let mut cart = self.look(device);
                let before = cart.clone();
                cart.set_quantity(thing.id(), 0, self.clock_us());
                self.devices[device].cart = self.keep(device, cart, &before);
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
            Action::Wait => {
                self.now_us += 120_000_000;
                self.late.clear();
            }
            Action::IdentityIsAway(is_away) => self.identity_is_away = is_away,
            Action::OrdersIsSilent(is_silent) => self.orders_is_silent = is_silent,
            Action::ClockIsAhead(is_ahead) => {
                // Who knows keys only tells two changes of one version not apart.
                self.clock_is_ahead = is_ahead && self.orders.knows_carts;
            }
            Action::LogIn(_) if self.identity_is_away => {}
            Action::LogIn(device) => {
                let before = self.devices[device].cart.clone();
                self.devices[device].is_logged_in = true;
                let cart = self.together(before.clone());
                self.devices[device].cart = self.keep(device, cart.clone(), &cart);
            }
            // Run out, or ended elsewhere: the browser still has the account's cart.
            Action::SessionEnds(device) => self.devices[device].is_logged_in = false,
            Action::LogOut(device) => {
                if self.devices[device].is_logged_in {
                    let cart = self.look(device);
                    let mut cart = self.keep(device, cart.clone(), &cart);
                    if cart.is_kept(account()) {
                        self.carts += 1;
                        cart = Cart::new(CartId([self.carts; 16]), self.now_us);
                    }
                    self.devices[device] = Device { cart, is_logged_in: false };
                }
            }
        }
        self.check();
    }

    /// The browser takes in an answer; an order's page is loaded at once.
    fn arrive(&mut self, tab: usize, page: Page, cart: Cart) {
        self.devices[DEVICE_OF[tab]].cart = cart;
        if let Page::Order(id) = page {
            self.load_order(tab, id);
        }
        self.tabs[tab].push(page);
    }

    fn load_order(&mut self, tab: usize, id: OrderId) {
        let device = DEVICE_OF[tab];
        let mut cart = self.look(device);
        let before = cart.clone();
        if cart.is_news(&self.shown(id)) {
            self.settle(&mut cart, true);
        } else {
            self.learn(&mut cart, id);
        }
        self.devices[device].cart = self.keep(device, cart, &before);
    }

    /// A page that came of a press is sent again, as browsers offer; others are loaded again.
    fn reload(&mut self, tab: usize) {
        match (self.tabs[tab].last().cloned(), self.sent[tab].clone()) {
            (Some(Page::Order(id)), _) => self.load_order(tab, id),
            (Some(Page::Form(_)), Some((seen, card, choice))) => {
                let (page, cart) = self.press(DEVICE_OF[tab], &seen, (card, choice), Travel::Arrives);
                self.arrive(tab, page, cart);
            }
            (Some(Page::Form(_)), None) => self.open(tab, true),
            _ => {}
        }
    }

    fn check(&self) {
        let mut charged = BTreeMap::<(String, u64), u32>::new();
        let mut sold = Pieces::new();
        for placed in self.orders.by_key.values() {
            let cart = &placed.body.cart;
            assert!(self.orders.live(cart) <= 1, "two orders of one version of the cart");
            *charged.entry((cart.id.clone(), cart.version)).or_default() += placed.charges;
            if Settled::of(placed.status) != Settled::Over {
                for (id, count) in &placed.body.pieces {
                    *sold.entry(*id).or_default() += count;
                }
            }
        }
        assert!(charged.values().all(|charges| *charges <= 1), "charged twice: {charged:?}");
        for (id, count) in sold {
            assert!(count <= self.put[&id], "more pieces are ordered than were ever put into carts");
        }
        let kept = Cart::from_kept(&self.kept, account());
        for cart in self.devices.iter().map(|device| &device.cart).chain(&kept) {
            let mut held = pieces(cart);
            for line in cart.progress.open.iter().flat_map(|open| &open.lines) {
                *held.entry(line.product_id).or_default() += i64::from(line.quantity);
            }
            for (id, count) in held {
                assert!(count <= self.put[&id], "a cart holds more pieces than were ever put into carts");
            }
        }
        assert!(self.orders.voucher_uses() <= 1, "a voucher of one use has two");
        for placed in self.orders.by_key.values() {
            assert_eq!(placed.total, placed.body.expected, "a total that the shopper did not see");
        }
    }
}

fn thing() -> impl Strategy<Value = Thing> {
    prop_oneof![Just(Thing::Lamp), Just(Thing::Rope)]
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
        2 => (0..TABS).prop_map(Action::OpenCart),
        4 => (0..TABS).prop_map(Action::OpenCheckout),
        8 => (0..TABS, card(), travel).prop_map(|(tab, card, travel)| Action::Press(tab, card, travel)),
        3 => (0..TABS, card(), card(), any::<bool>())
            .prop_map(|(tab, one, two, first)| Action::PressTwice(tab, one, two, first)),
        3 => (0..TABS).prop_map(Action::Back),
        3 => (0..TABS).prop_map(Action::Reload),
        4 => (0..TABS, any::<bool>(), any::<bool>())
            .prop_map(|(tab, express, voucher)| Action::Choose(tab, Choice { express, voucher })),
        2 => (0..TABS, thing()).prop_map(|(tab, thing)| Action::Put(tab, thing)),
        1 => (0..TABS, thing()).prop_map(|(tab, thing)| Action::TakeOut(tab, thing)),
        2 => (0..2_usize).prop_map(Action::LogIn),
        1 => (0..2_usize).prop_map(Action::SessionEnds),
        1 => (0..2_usize).prop_map(Action::LogOut),
        1 => any::<bool>().prop_map(Action::IdentityIsAway),
        1 => any::<bool>().prop_map(Action::OrdersIsSilent),
        1 => any::<bool>().prop_map(Action::ClockIsAhead),
        1 => Just(Action::Wait),
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
    let sequences = (any::<bool>(), proptest::collection::vec(action(), 1..40));
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
