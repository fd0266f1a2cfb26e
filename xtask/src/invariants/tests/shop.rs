//! Five databases and a folder of mails whose books agree, with every kind of order once.
//!
//! | order | what became of it |
//! |---|---|
//! | 1 | confirmed |
//! | 2 | declined |
//! | 3 | rejected: out of stock, nothing was ever reserved |
//! | 4 | cancelled: refunded and restocked |
//! | 5 | confirmed, shipped, one of its two pieces sent back |
//! | 6 | pending: money held, stock sold, the capture is next |
//! | 7 | waits for a person at its capture |
//! | 8 | walked back by a person: the hold was voided, the stock released |
//! | 9 | confirmed: with a voucher, delivery and tax |
//!
//! Order 9 is an account's, order 5 one's that was deleted; a third person asked for an account.
//!
//! Ids end in the order's number: orders `…10k`, reservations `…20k`, payments `…30k`, give-backs `…40k`, events
//! `…5kx`, returns `…60k`, operations `…7kx`; accounts `…80x`, their events `…81x`.

use std::{path::Path, time::Duration};

use shop_testkit::TestDb;
use sqlx::migrate::Migrator;
use tempfile::TempDir;

use crate::invariants::{AgeLimits, Books, MailFolder, Report, check};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    Orders,
    Payments,
    Inventory,
    Notifications,
    Identity,
}

pub struct Shop {
    orders: TestDb,
    payments: TestDb,
    inventory: TestDb,
    notifications: TestDb,
    identity: TestDb,
    pub mails: TempDir,
}

/// An id from its last digits.
pub fn id(digits: u32) -> String {
    format!("00000000-0000-0000-0000-{digits:012}")
}

impl Shop {
    /// Databases as the services' migrations make them.
    pub async fn empty() -> Self {
        let (orders, payments, inventory, notifications, identity) = tokio::join!(
            database("orders"),
            database("payments"),
            database("inventory"),
            database("notifications"),
            database("identity")
        );
        let mails = TempDir::new().expect("there is room for a folder");
        Self { orders, payments, inventory, notifications, identity, mails }
    }

    pub async fn with_every_kind_of_order() -> Self {
        let shop = Self::empty().await;
        let stock = format!(
            "INSERT INTO stock (product_id, available, target) VALUES ('{}', 100, 100), ('{}', 50, 50)",
            id(1),
            id(2)
        );
        shop.execute(Database::Inventory, &stock).await;
        for (k, status, step) in [
            (1, "confirmed", "done"),
            (2, "declined", "done"),
            (3, "rejected", "done"),
            (4, "cancelled", "done"),
            (5, "confirmed", "done"),
            (6, "pending", "capture"),
            (7, "manual_review", "capture"),
            (8, "cancelled", "done"),
            (9, "confirmed", "done"),
        ] {
            shop.order(k, status, step).await;
        }
        for (k, state) in [
            (1, "confirmed"),
            (2, "released"),
            (4, "confirmed"),
            (5, "confirmed"),
            (6, "confirmed"),
            (7, "confirmed"),
            (8, "released"),
            (9, "confirmed"),
        ] {
            shop.reservation(k, state).await;
        }
        for (k, state) in [
            (1, "captured"),
            (4, "captured"),
            (5, "captured"),
            (6, "open"),
            (7, "open"),
            (8, "voided"),
            (9, "captured"),
        ] {
            shop.payment(k, state).await;
        }
        shop.execute(Database::Orders, &charges(9)).await;
        shop.execute(Database::Payments, &paid(9)).await;
        shop.declined_payment(2).await;
        shop.give_back(4, "cancel", "cancelled", 2000, 2, false).await;
        shop.give_back(5, &format!("return:{}", id(605)), "returned", 1000, 1, false).await;
        shop.give_back(8, "unwind", "cancelled", 2000, 2, true).await;
        shop.returned_parcel(5).await;
        for (k, mail) in [
            (1, "confirmed"),
            (2, "declined"),
            (3, "failed"),
            (4, "confirmed"),
            (4, "cancelled"),
            (4, "refunded"),
            (5, "confirmed"),
            (5, "shipped"),
            (5, "return_requested"),
            (5, "refunded"),
            (9, "confirmed"),
        ] {
            shop.mail(k, mail).await;
        }
        // The relay has not come to it yet.
        shop.event(8, "order.cancelled").await;
        shop.accounts().await;
        shop
    }

    pub async fn execute(&self, database: Database, sql: &str) {
        let done = sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned()));
        let done = done.execute(&self.database(database).pool).await;
        done.unwrap_or_else(|e| panic!("{sql}: {e}"));
    }

    /// A table that nobody reads until the transaction ends.
    pub async fn held(&self, database: Database, table: &str) -> sqlx::Transaction<'static, sqlx::Postgres> {
        let mut transaction = self.database(database).pool.begin().await.unwrap();
        let lock = format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE");
        sqlx::raw_sql(sqlx::AssertSqlSafe(lock)).execute(&mut *transaction).await.unwrap();
        transaction
    }

    fn database(&self, database: Database) -> &TestDb {
        match database {
            Database::Orders => &self.orders,
            Database::Payments => &self.payments,
            Database::Inventory => &self.inventory,
            Database::Notifications => &self.notifications,
            Database::Identity => &self.identity,
        }
    }

    /// One number out of a database.
    pub async fn number(&self, database: Database, sql: &str) -> i64 {
        let query = sqlx::query_scalar(sqlx::AssertSqlSafe(sql.to_owned()));
        query.fetch_one(&self.database(database).pool).await.expect("the database answers")
    }

    /// The books, looked at once.
    pub fn books(&self) -> Books {
        let urls = |db: &TestDb| vec![db.url.clone()];
        Books {
            orders: urls(&self.orders),
            payments: urls(&self.payments),
            inventory: urls(&self.inventory),
            notifications: urls(&self.notifications),
            identity: urls(&self.identity),
            mails: Some(MailFolder { path: self.mails.path().to_owned(), keep: 2000 }),
            ages: AgeLimits::default(),
            settle_within: Duration::ZERO,
            acknowledged: None,
        }
    }

    pub async fn check(&self) -> Report {
        check(&self.books()).await.expect("the books can be read")
    }

    /// The check names the invariant, and one of its disagreements says all the words.
    pub async fn names(&self, invariant: &str, words: &[&str]) {
        let report = self.check().await;
        let finding = report.findings.iter().find(|f| f.invariant.name == invariant);
        let finding = finding.unwrap_or_else(|| panic!("there is no invariant {invariant}"));
        let said = |d: &crate::invariants::report::Disagreement| format!("{}: {}", d.subject, d.detail);
        let found = finding.disagreements.iter().any(|d| words.iter().all(|w| said(d).contains(w)));
        assert!(found, "{invariant} does not say {words:?}:\n{report}");
        assert!(!report.agrees());
    }

    async fn order(&self, k: u32, status: &str, step: &str) {
        let (reservation, authorisation) = match k {
            3 => ("NULL".to_owned(), "NULL".to_owned()),
            2 => (format!("'{}'", id(202)), "NULL".to_owned()),
            _ => (format!("'{}'", id(200 + k)), format!("'{}'", id(300 + k))),
        };
        let reason = match status {
            "declined" => "'declined'",
            "rejected" => "'out_of_stock'",
            _ => "NULL",
        };
        let review = if status == "manual_review" { "'failed'" } else { "NULL" };
        self.execute(Database::Orders, &format!(
            "INSERT INTO orders (id, number, idempotency_key, request_hash, email, ship_to, payment_token, total_minor, \
             currency, status, step, reservation_id, authorisation_id, reason, review, lease_until, placed_at, \
             updated_at, cart_id, cart_version) VALUES ('{order}', 'QD-{k}', 'key-{k}', '', 'kim@example.com', \
             '{{\"country\": \"DE\"}}', \
             '', 2000, 'EUR', '{status}', '{step}', {reservation}, {authorisation}, {reason}, {review}, now(), now(), \
             now(), 'cart-{k}', 1); \
             INSERT INTO order_lines (order_id, position, product_id, name, quantity, unit_price_minor) \
             VALUES ('{order}', 0, '{product}', 'Lamp', 2, 1000); \
             INSERT INTO order_history (order_id, at, actor, action, detail) VALUES ('{order}', now(), 'shopper', \
             'placed', '')",
            order = id(100 + k),
            product = id(1),
        ))
        .await;
        let ended: &[(&str, &str)] = match (k, status) {
            (8, _) => &[("manual_review", "capture_failed"), ("resolved", "cancel: the card is gone")],
            (_, "cancelled") => &[("confirmed", ""), ("cancelled", "")],
            (5, _) => &[("confirmed", ""), ("shipped", "Tug 1"), ("return_requested", "")],
            (_, "pending") => &[],
            (_, other) => &[(other, "")],
        };
        if k == 5 {
            let left = "carrier = 'Tug', tracking_number = '1', shipped_at = now()";
            self.execute(Database::Orders, &format!("UPDATE orders SET {left} WHERE id = '{}'", id(100 + k)))
                .await;
        }
        for (action, detail) in ended {
            self.happened(k, action, detail).await;
        }
    }

    async fn happened(&self, k: u32, action: &str, detail: &str) {
        let sql = format!(
            "INSERT INTO order_history (order_id, at, actor, action, detail) \
             VALUES ('{}', now(), 'system', '{action}', '{detail}')",
            id(100 + k)
        );
        self.execute(Database::Orders, &sql).await;
    }

    async fn reservation(&self, k: u32, state: &str) {
        let (reservation, order, product) = (id(200 + k), id(100 + k), id(1));
        let mut sql = format!(
            "INSERT INTO reservations (id, order_id, state, expires_at, created_at, updated_at) \
             VALUES ('{reservation}', '{order}', '{state}', now() + interval '30 minutes', now(), now()); \
             INSERT INTO reservation_lines (reservation_id, product_id, quantity) \
             VALUES ('{reservation}', '{product}', 2);"
        );
        sql.push_str(&moved(k, -2, "reserved"));
        if state == "released" {
            sql.push_str(&moved(k, 2, "released"));
        }
        self.execute(Database::Inventory, &sql).await;
    }

    async fn payment(&self, k: u32, state: &str) {
        let (payment, order) = (id(300 + k), id(100 + k));
        let mut sql = authorisation(k, "approved", state);
        sql.push_str(&operation(k, 0, "authorise", "succeeded", &order, 2000));
        sql.push_str(&movement(k, "hold", 2000));
        match state {
            "captured" => {
                sql.push_str(&operation(k, 1, "capture", "succeeded", &format!("capture:{payment}"), 2000));
                sql.push_str(&movement(k, "capture", 2000));
            }
            "voided" => {
                sql.push_str(&operation(k, 1, "void", "succeeded", &format!("void:{payment}"), 2000));
                sql.push_str(&movement(k, "release", 2000));
            }
            _ => {}
        }
        self.execute(Database::Payments, &sql).await;
    }

    async fn declined_payment(&self, k: u32) {
        let mut sql = authorisation(k, "declined", "open");
        sql.push_str(&operation(k, 0, "authorise", "declined", &id(100 + k), 2000));
        self.execute(Database::Payments, &sql).await;
    }

    /// Money and pieces that went back, through to the end.
    async fn give_back(&self, k: u32, key: &str, reason: &str, amount: i64, pieces: i64, unwind: bool) {
        let (give_back, order, product) = (id(400 + k), id(100 + k), id(1));
        let sql = format!(
            "INSERT INTO give_backs (id, order_id, idempotency_key, request_hash, reason, amount_minor, restock, unwind, \
             step, status, lease_until, created_at, updated_at) VALUES ('{give_back}', '{order}', '{key}', '', \
             '{reason}', {amount}, '[{{\"product_id\": \"{product}\", \"quantity\": {pieces}}}]', {unwind}, 'done', \
             'refunded', now(), now(), now())"
        );
        self.execute(Database::Orders, &sql).await;
        if unwind {
            return;
        }
        self.happened(k, "refunded", "").await;
        let mut sql = operation(k, 2, "refund", "succeeded", &give_back, amount);
        sql.push_str(&movement(k, "refund", amount));
        sql.push_str(&format!(
            "UPDATE authorisations SET refunded_minor = {amount} WHERE id = '{}'",
            id(300 + k)
        ));
        self.execute(Database::Payments, &sql).await;
        let back = format!(
            "UPDATE reservation_lines SET returned = {pieces} WHERE reservation_id = '{}'; {}",
            id(200 + k),
            moved(k, pieces, reason)
        );
        self.execute(Database::Inventory, &back).await;
    }

    async fn returned_parcel(&self, k: u32) {
        let sql = format!(
            "INSERT INTO order_returns (id, order_id, idempotency_key, request_hash, lines, reason, status, created_at) \
             VALUES ('{}', '{}', 'return', '', '[{{\"product_id\": \"{}\", \"quantity\": 1}}]', '', 'received', now())",
            id(600 + k),
            id(100 + k),
            id(1)
        );
        self.execute(Database::Orders, &sql).await;
    }

    /// A mail that was sent, in the database and in the folder.
    async fn mail(&self, k: u32, about: &str) {
        let (event, kind) = (
            id(event(k, about)),
            if about == "return_requested" { about.to_owned() } else { format!("order_{about}") },
        );
        let sql = format!(
            "INSERT INTO deliveries (event_id, order_id, kind, attempts, lease_until, sent_at, created_at) \
             VALUES ('{event}', '{}', '{kind}', 1, now(), now(), now())",
            id(100 + k)
        );
        self.execute(Database::Notifications, &sql).await;
        self.write_mail(&event, &format!("Your order QD-{k} is {about}"));
    }

    /// An account with an order, one that was deleted, somebody who asked for one, and somebody's lost password.
    async fn accounts(&self) {
        let [kept, deleted] = [801, 802].map(id);
        let sql = format!(
            "INSERT INTO accounts (id, email, display_name, password_hash, idempotency_key, created_at) \
             VALUES ('{kept}', 'kim@example.com', 'Kim', '', 'k', now()); \
             INSERT INTO account_deletions (account_id, deleted_at, due_at) VALUES ('{deleted}', now(), now()); \
             INSERT INTO pending_registrations (token_digest, account_id, email, display_name, password_hash, created_at, \
             expires_at, idempotency_key) VALUES (decode(repeat('ab', 32), 'hex'), '{asked}', 'sam@example.com', 'Sam', \
             '', now(), now() + interval '1 day', 'k'); \
             INSERT INTO password_resets (token_digest, account_id, created_at, expires_at) \
             VALUES (decode(repeat('cd', 32), 'hex'), '{kept}', now(), now() + interval '1 hour'); \
             INSERT INTO outbox (event_id, kind, payload, created_at) VALUES ('{waits}', \
             'identity.password_reset_requested', '{{\"email\": \"kim@example.com\"}}', now())",
            asked = id(803),
            waits = id(814),
        );
        self.execute(Database::Identity, &sql).await;
        for (k, account) in [(9, kept), (5, deleted)] {
            let sql = format!("UPDATE orders SET account_id = '{account}' WHERE id = '{}'", id(100 + k));
            self.execute(Database::Orders, &sql).await;
        }
        self.account_mail(811, "registered", "Kim <kim@example.com>").await;
        self.account_mail(812, "confirm_registration", "sam@example.com").await;
        self.account_mail(813, "account_deleted", "lee@example.com").await;
    }

    /// A mail about an account that was sent, in the database and in the folder.
    pub async fn account_mail(&self, event: u32, kind: &str, to: &str) {
        let sql = format!(
            "INSERT INTO deliveries (event_id, kind, attempts, lease_until, sent_at, created_at) \
             VALUES ('{}', '{kind}', 1, now(), now(), now())",
            id(event)
        );
        self.execute(Database::Notifications, &sql).await;
        self.write_mail_to(&id(event), to, kind);
    }

    pub fn write_mail(&self, event: &str, subject: &str) {
        self.write_mail_to(event, "Kim <kim@example.com>", subject);
    }

    pub fn write_mail_to(&self, event: &str, to: &str, subject: &str) {
        let text =
            format!("From: Shop <shop@example.com>\r\nTo: {to}\r\nSubject: {subject}\r\n\r\nAhoy,\r\n");
        std::fs::write(self.mails.path().join(format!("{event}.eml")), text).expect("a mail can be written");
    }

    pub fn remove_mail(&self, event: &str) {
        std::fs::remove_file(self.mails.path().join(format!("{event}.eml"))).expect("the mail is there");
    }

    async fn event(&self, k: u32, kind: &str) {
        let sql = format!(
            "INSERT INTO outbox (event_id, kind, payload, created_at) \
             VALUES ('{}', '{kind}', '{{\"order_id\": \"{}\"}}', now())",
            id(500 + 10 * k + 9),
            id(100 + k)
        );
        self.execute(Database::Orders, &sql).await;
    }
}

/// The event's id, as far as its last digits.
pub fn event(k: u32, about: &str) -> u32 {
    let place = ["confirmed", "declined", "failed", "cancelled", "shipped", "return_requested", "refunded"];
    500 + 10 * k + place.iter().position(|p| *p == about).expect("a kind of mail") as u32
}

/// An order as one of today: two lamps at 10.00, a tenth off, delivered for 4.90, 19 % tax in all of it.
fn charges(k: u32) -> String {
    format!(
        "INSERT INTO vouchers (id, code, benefit, minimum_minor, currency, starts_at, ends_at, max_uses, \
         max_uses_per_person, uses, note, created_by, created_at) VALUES ('{voucher}', 'TENTH{k}', \
         '{{\"kind\": \"percent\", \"percent\": 10}}', 1000, 'EUR', now() - interval '1 day', \
         now() + interval '1 day', 5, 1, 1, '', 'robin', now() - interval '1 day'); \
         INSERT INTO voucher_redemptions (order_id, voucher_id) VALUES ('{order}', '{voucher}'); \
         UPDATE order_lines SET discount_minor = 200, tax_rate_bp = 1900, tax_minor = 288 WHERE order_id = '{order}'; \
         UPDATE orders SET delivery_minor = 490, discount_minor = 200, voucher_code = 'TENTH{k}', total_minor = 2290, \
         taxes = '[{{\"rate_bp\": 1900, \"gross\": {{\"amount_minor\": 2290, \"currency\": \"EUR\"}}, \
         \"tax\": {{\"amount_minor\": 366, \"currency\": \"EUR\"}}}}]' WHERE id = '{order}';",
        voucher = id(900 + k),
        order = id(100 + k),
    )
}

/// What was paid for it, as payments and the provider say.
fn paid(k: u32) -> String {
    format!(
        "UPDATE authorisations SET amount_minor = 2290 WHERE order_id = '{order}'; \
         UPDATE payment_operations SET amount_minor = 2290 WHERE order_id = '{order}'; \
         UPDATE sandbox_payments SET amount_minor = 2290 WHERE order_id = '{order}'; \
         UPDATE sandbox_movements SET amount_minor = 2290 WHERE reference = 'sbx_{k}';",
        order = id(100 + k)
    )
}

async fn database(service: &str) -> TestDb {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../services").join(service).join("migrations");
    let migrator = Migrator::new(folder.as_path()).await.expect("the service has migrations");
    TestDb::create(&migrator).await
}

/// Pieces of product 1 that move for an order.
fn moved(k: u32, delta: i64, reason: &str) -> String {
    let (product, order) = (id(1), id(100 + k));
    format!(
        "UPDATE stock SET available = available + {delta}, movements = movements + 1 WHERE product_id = '{product}'; \
         INSERT INTO stock_movements (product_id, at, delta, reason, order_id) \
         VALUES ('{product}', now(), {delta}, '{reason}', '{order}');"
    )
}

pub fn operation(k: u32, place: u32, kind: &str, state: &str, key: &str, amount: i64) -> String {
    format!(
        "INSERT INTO payment_operations (id, kind, order_id, authorisation_id, provider_key, idempotency_key, \
         amount_minor, currency, state, next_attempt_at, created_at, updated_at) VALUES ('{}', '{kind}', '{}', '{}', \
         '{kind}-{k}-{place}', '{key}', {amount}, 'EUR', '{state}', now(), now(), now());",
        id(700 + 10 * k + place),
        id(100 + k),
        id(300 + k)
    )
}

pub fn movement(k: u32, kind: &str, amount: i64) -> String {
    format!(
        "INSERT INTO sandbox_movements (reference, kind, idempotency_key, amount_minor, created_at) \
         VALUES ('sbx_{k}', '{kind}', '{kind}-{k}', {amount}, now());"
    )
}

/// What we and the provider say of an order's money.
fn authorisation(k: u32, outcome: &str, state: &str) -> String {
    let (payment, order) = (id(300 + k), id(100 + k));
    format!(
        "INSERT INTO authorisations (id, order_id, idempotency_key, amount_minor, currency, outcome, state, \
         created_at, updated_at, provider_reference) VALUES ('{payment}', '{order}', '{order}', 2000, 'EUR', \
         '{outcome}', '{state}', now(), now(), 'sbx_{k}'); \
         INSERT INTO sandbox_payments (reference, idempotency_key, order_id, amount_minor, currency, outcome, \
         capture_fails, created_at) VALUES ('sbx_{k}', '{order}', '{order}', 2000, 'EUR', '{outcome}', false, now());"
    )
}
