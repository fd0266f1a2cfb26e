//! `shop-orders --tell-again NUMBER=KIND …`: writes the events of outcomes anew whose own were lost.
//!
//! A restored database and what Redis had taken are of different moments: an event that had left the outbox and was
//! taken up by nobody is in neither. Who restores compares the books, and names each outcome that nobody was told of.
//! Repeating it tells twice: the event is another one each time.

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use shop_contracts::events::OrderEventKind;
use shop_contracts::orders::{Order, RefundStatus};
use shop_instrumentation::clock;
use shop_instrumentation::config::Env;
use shop_instrumentation::keys::MasterKeys;
use sqlx::PgPool;

use crate::aftersale::give_back::GiveBack;
use crate::storage::outbox::Event;
use crate::storage::postgres::PgOrders;
use crate::vouchers::AddressDigests;

const ARGUMENT: &str = "--tell-again";

/// An outcome of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub number: String,
    pub kind: OrderEventKind,
}

/// Why nothing was told.
#[derive(Debug, thiserror::Error)]
pub enum TellError {
    #[error("{0:?} is no NUMBER=KIND of an outcome, such as QD-0A1B2C-3D4E5F=order.confirmed")]
    Unreadable(String),
    #[error("there is no order {0}")]
    NoOrder(String),
    #[error("nothing was paid back of order {0}")]
    NoRefund(String),
    #[error("configuration")]
    Config(#[from] shop_instrumentation::config::ConfigErrors),
    #[error("the database of orders: {0}")]
    Database(#[from] sqlx::Error),
}

impl Outcome {
    /// Reads `NUMBER=KIND`.
    pub fn parse(text: &str) -> Result<Self, TellError> {
        let unreadable = || TellError::Unreadable(text.to_owned());
        let (number, kind) =
            text.split_once('=').filter(|(number, _)| !number.is_empty()).ok_or_else(unreadable)?;
        let kind: OrderEventKind = serde_json::from_value(kind.into()).map_err(|_| unreadable())?;
        match kind {
            OrderEventKind::Unknown | OrderEventKind::Placed => Err(unreadable()),
            kind => Ok(Self { number: number.to_owned(), kind }),
        }
    }
}

/// Does what the command line asks, where it asks for this.
pub fn if_asked() -> Option<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().is_none_or(|argument| argument != ARGUMENT) {
        return None;
    }
    let asked: Result<Vec<Outcome>, TellError> = arguments.map(|text| Outcome::parse(&text)).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let told = match (asked, runtime) {
        (Ok(outcomes), Ok(runtime)) => runtime.block_on(tell_all(&outcomes)).map_err(|e| e.to_string()),
        (Err(e), _) => Err(e.to_string()),
        (_, Err(e)) => Err(e.to_string()),
    };
    Some(match told {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    })
}

async fn tell_all(outcomes: &[Outcome]) -> Result<(), TellError> {
    let mut env = Env::from_process();
    let url: String = env.required("DATABASE_URL");
    let keys = MasterKeys::from_env(&mut env, "VOUCHER_DIGEST_KEY");
    env.finish()?;
    let Some(keys) = keys else { return Ok(()) };
    let orders = PgOrders::new(PgPool::connect(&url).await?, AddressDigests::new(&keys));
    for outcome in outcomes {
        tell(&orders, outcome, clock::system().now()).await?;
    }
    Ok(())
}

/// Writes one event into the outbox.
pub async fn tell(orders: &PgOrders, outcome: &Outcome, now: DateTime<Utc>) -> Result<(), TellError> {
    let Outcome { number, kind } = outcome;
    let stored = orders.find_by_number(number).await?.ok_or_else(|| TellError::NoOrder(number.clone()))?;
    let event = match kind {
        OrderEventKind::Refunded => {
            let refund =
                last_refund(&stored.give_backs).ok_or_else(|| TellError::NoRefund(number.clone()))?;
            Event::refunded(&stored.order, refund.amount, now)
        }
        OrderEventKind::ReturnRefused | OrderEventKind::ReturnWithdrawn => {
            Event::about_return(*kind, &stored.order, closing_words(&stored.order), now)
        }
        kind => Event::new(*kind, &stored.order, now),
    };
    Ok(orders.tell_again(&event).await?)
}

fn last_refund(give_backs: &[GiveBack]) -> Option<&GiveBack> {
    let paid_back =
        |it: &&GiveBack| it.progress.money == RefundStatus::Refunded && it.amount.amount_minor > 0;
    give_backs.iter().filter(paid_back).max_by_key(|it| it.since)
}

/// Why the return that was closed last brings nothing back.
fn closing_words(order: &Order) -> &str {
    let closed = order.returns.iter().rev().find_map(|it| it.closed.as_ref());
    closed.map_or("", |closed| closed.reason.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_an_order_and_the_kind_of_its_event() {
        let read = Outcome::parse("QD-0A1B2C-3D4E5F=order.refunded").unwrap();
        let expected = Outcome { number: "QD-0A1B2C-3D4E5F".to_owned(), kind: OrderEventKind::Refunded };
        assert_eq!(read, expected);
        for wrong in ["", "QD-0A1B2C-3D4E5F", "=order.refunded", "QD-1=order.eaten", "QD-1=order.placed"] {
            let told = Outcome::parse(wrong).unwrap_err().to_string();
            assert!(told.contains(&format!("{wrong:?}")), "{told}");
        }
    }
}
