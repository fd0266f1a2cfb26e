//! A provider that counts what really happened: it honours keys as a real one does, and its answers can be lost.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use shop_contracts::{Money, OrderId};
use shop_payments::provider::{
    HoldDecision, HoldRequest, Lookup, PaymentProvider, ProviderError, ProviderPayment, ProviderRefund,
    RefundStanding, Standing,
};
use tokio::sync::Semaphore;

/// What becomes of the next answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answers {
    Arrive,
    /// The call has its effect, then the connection breaks.
    Lost,
    /// The call has its effect, then nobody answers.
    Never,
    /// The call has its effect only when the gate opens.
    Gated,
    /// No hold is taken any more.
    Refused,
}

/// One movement of money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    pub kind: &'static str,
    pub order: OrderId,
    pub amount_minor: i64,
}

#[derive(Debug, Clone)]
struct Payment {
    order: OrderId,
    amount: i64,
}

#[derive(Default)]
struct Book {
    /// By reference.
    payments: HashMap<String, Payment>,
    /// What a key did: the reference that it belongs to.
    keys: HashMap<String, String>,
    refunds: HashMap<String, Vec<ProviderRefund>>,
    effects: Vec<Effect>,
    /// References of payments that cannot be voided.
    bound: HashSet<String>,
    /// How often a void was asked for.
    voids_asked: usize,
}

pub struct Recording {
    book: Mutex<Book>,
    answers: Mutex<Answers>,
    pub gate: Semaphore,
    /// A permit for each call that arrived.
    pub arrived: Semaphore,
    /// What becomes of refunds at first.
    refund_standing: Mutex<RefundStanding>,
    /// Look-ups wait for [`Self::books_gate`], and then tell nothing.
    pub books_shut: AtomicBool,
    /// Look-ups wait there too, and then tell what the books say.
    pub books_hold: AtomicBool,
    pub books_gate: Semaphore,
    /// A permit for each look-up that waits there.
    pub looking: Semaphore,
}

impl Recording {
    pub fn new() -> Self {
        Self {
            book: Mutex::default(),
            answers: Mutex::new(Answers::Arrive),
            gate: Semaphore::new(0),
            arrived: Semaphore::new(0),
            refund_standing: Mutex::new(RefundStanding::Succeeded),
            books_shut: AtomicBool::new(false),
            books_hold: AtomicBool::new(false),
            books_gate: Semaphore::new(0),
            looking: Semaphore::new(0),
        }
    }

    /// Refuses, or no longer refuses, to void a payment.
    pub fn bind(&self, reference: &str, is_bound: bool) {
        let mut book = self.book.lock().unwrap();
        if is_bound {
            book.bound.insert(reference.to_owned());
        } else {
            book.bound.remove(reference);
        }
    }

    /// How often a void was asked for.
    pub fn voids_asked(&self) -> usize {
        self.book.lock().unwrap().voids_asked
    }

    /// Refunds from now on stand so at first.
    pub fn refunds_stand(&self, standing: RefundStanding) {
        *self.refund_standing.lock().unwrap() = standing;
    }

    /// Every refund that was not decided stands so now.
    pub fn decide_refunds(&self, standing: RefundStanding) {
        let mut book = self.book.lock().unwrap();
        for refund in book.refunds.values_mut().flatten().filter(|r| r.standing == RefundStanding::Pending) {
            refund.standing = standing;
        }
    }

    pub fn answers(&self, answers: Answers) {
        *self.answers.lock().unwrap() = answers;
    }

    /// The amounts that moved for an order.
    pub fn effects(&self, order: OrderId, kind: &str) -> Vec<i64> {
        let book = self.book.lock().unwrap();
        book.effects.iter().filter(|e| e.order == order && e.kind == kind).map(|e| e.amount_minor).collect()
    }

    /// All that was taken, of every order.
    pub fn taken(&self) -> i64 {
        let book = self.book.lock().unwrap();
        book.effects.iter().filter(|e| e.kind == "capture").map(|e| e.amount_minor).sum()
    }

    async fn before(&self) {
        self.arrived.add_permits(1);
        let gated = *self.answers.lock().unwrap() == Answers::Gated;
        if gated {
            self.gate.acquire().await.unwrap().forget();
        }
    }

    async fn after<T>(&self, answer: T) -> Result<T, ProviderError> {
        let answers = *self.answers.lock().unwrap();
        match answers {
            Answers::Lost => Err(ProviderError::Unknown("connection reset".to_owned())),
            Answers::Never => std::future::pending().await,
            Answers::Arrive | Answers::Gated | Answers::Refused => Ok(answer),
        }
    }

    fn act(
        &self,
        kind: &'static str,
        key: &str,
        reference: &str,
        amount: Option<i64>,
    ) -> Result<(), ProviderError> {
        let mut book = self.book.lock().unwrap();
        let payment = book.payments.get(reference).cloned();
        let payment = payment.ok_or_else(|| ProviderError::Refused("no such payment".to_owned()))?;
        if kind == "void" {
            book.voids_asked += 1;
        }
        if book.keys.contains_key(key) {
            return Ok(());
        }
        if kind == "void" && book.bound.contains(reference) {
            return Err(ProviderError::Refused("this payment cannot be voided".to_owned()));
        }
        let done = |kind: &str| book.effects.iter().any(|e| e.order == payment.order && e.kind == kind);
        let allowed = match kind {
            "refund" => done("capture"),
            _ => !done("capture") && !done("void"),
        };
        if !allowed {
            return Err(ProviderError::Refused("not in this state".to_owned()));
        }
        book.keys.insert(key.to_owned(), reference.to_owned());
        let amount_minor = amount.unwrap_or(payment.amount);
        if kind == "refund" {
            let refund = ProviderRefund {
                key: Some(key.to_owned()),
                amount_minor,
                standing: *self.refund_standing.lock().unwrap(),
            };
            book.refunds.entry(reference.to_owned()).or_default().push(refund);
        }
        book.effects.push(Effect { kind, order: payment.order, amount_minor });
        Ok(())
    }
}

#[async_trait]
impl PaymentProvider for Recording {
    fn name(&self) -> &'static str {
        "recording"
    }

    fn lookup_lag(&self) -> Duration {
        Duration::from_secs(10)
    }

    async fn authorise(&self, hold: HoldRequest<'_>) -> Result<HoldDecision, ProviderError> {
        self.before().await;
        if *self.answers.lock().unwrap() == Answers::Refused {
            return Err(ProviderError::Refused("no such card".to_owned()));
        }
        let reference = {
            let mut book = self.book.lock().unwrap();
            if let Some(reference) = book.keys.get(hold.key) {
                reference.clone()
            } else {
                let reference = format!("rec_{}", book.payments.len());
                let (order, amount) = (hold.order_id, hold.amount.amount_minor);
                book.keys.insert(hold.key.to_owned(), reference.clone());
                book.payments.insert(reference.clone(), Payment { order, amount });
                book.effects.push(Effect { kind: "hold", order, amount_minor: amount });
                reference
            }
        };
        self.after(HoldDecision::Approved { reference }).await
    }

    async fn capture(&self, key: &str, reference: &str, amount: Money) -> Result<(), ProviderError> {
        self.before().await;
        self.act("capture", key, reference, Some(amount.amount_minor))?;
        self.after(()).await
    }

    async fn void(&self, key: &str, reference: &str) -> Result<(), ProviderError> {
        self.before().await;
        self.act("void", key, reference, None)?;
        self.after(()).await
    }

    async fn refund(
        &self,
        key: &str,
        reference: &str,
        amount: Money,
    ) -> Result<RefundStanding, ProviderError> {
        self.before().await;
        self.act("refund", key, reference, Some(amount.amount_minor))?;
        let standing = {
            let book = self.book.lock().unwrap();
            let known = book.refunds.get(reference).into_iter().flatten();
            known.filter(|r| r.key.as_deref() == Some(key)).map(|r| r.standing).next()
        };
        self.after(standing.unwrap_or(RefundStanding::Succeeded)).await
    }

    async fn status(&self, lookup: Lookup<'_>) -> Result<Option<ProviderPayment>, ProviderError> {
        if self.books_shut.load(Ordering::SeqCst) {
            self.looking.add_permits(1);
            self.books_gate.acquire().await.unwrap().forget();
            return Err(ProviderError::Unknown("the books are shut".to_owned()));
        }
        if self.books_hold.load(Ordering::SeqCst) {
            self.looking.add_permits(1);
            self.books_gate.acquire().await.unwrap().forget();
        }
        let book = self.book.lock().unwrap();
        let reference = match lookup {
            Lookup::Key(key) => book.keys.get(key).cloned(),
            Lookup::Reference(reference) => Some(reference.to_owned()),
        };
        let Some(reference) = reference else { return Ok(None) };
        let Some(payment) = book.payments.get(&reference) else { return Ok(None) };
        let sum = |kind: &str| -> i64 {
            let of = book.effects.iter().filter(|e| e.order == payment.order && e.kind == kind);
            of.map(|e| e.amount_minor).sum()
        };
        let standing = match (sum("capture"), sum("void")) {
            (1.., _) => Standing::Captured,
            (_, 1..) => Standing::Released,
            _ => Standing::Held,
        };
        let refunds = book.refunds.get(&reference).cloned().unwrap_or_default();
        Ok(Some(ProviderPayment { captured_minor: sum("capture"), reference, standing, refunds }))
    }
}
