//! What the books say after a drill: every order that a shopper was told of is there, paid once, and all books agree.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::{load::Acknowledged, storage};
use crate::invariants::{self, Books, Expected, Told};

/// Sagas that a failure interrupted are finished by whoever is left.
const SETTLE_WITHIN: Duration = Duration::from_mins(3);
/// A database that has just failed over may refuse the first question.
const READ_WITHIN: Duration = Duration::from_secs(30);

/// Every order that a shopper was told of is there. Answers the states of those.
pub async fn all_there(
    books: &Books,
    acknowledged: &[Acknowledged],
) -> Result<BTreeMap<String, usize>, String> {
    let until = Instant::now() + READ_WITHIN;
    let states = loop {
        match storage::states(&books.orders).await {
            Ok(states) => break states,
            Err(e) if Instant::now() > until => return Err(e),
            Err(_) => tokio::time::sleep(Duration::from_millis(250)).await,
        }
    };
    judge(&states, &told(acknowledged))
}

fn told(acknowledged: &[Acknowledged]) -> BTreeMap<String, Told> {
    acknowledged.iter().map(|a| (a.number.clone(), a.told)).collect()
}

fn judge(
    states: &BTreeMap<String, String>,
    told: &BTreeMap<String, Told>,
) -> Result<BTreeMap<String, usize>, String> {
    let lost: Vec<&String> = told.keys().filter(|n| !states.contains_key(n.as_str())).collect();
    if !lost.is_empty() {
        return Err(format!("{} acknowledged orders are lost: {lost:?}", lost.len()));
    }
    let mut counted = BTreeMap::new();
    for number in told.keys() {
        *counted.entry(states[number].clone()).or_default() += 1;
    }
    Ok(counted)
}

/// The last word of a drill, after the last shopper: each acknowledged order against its money, no shopper with two, and
/// no more left for a person than waited before.
pub async fn check(books: &Books, acknowledged: &[Acknowledged], before: usize) -> Result<(), String> {
    if acknowledged.is_empty() {
        return Err("no order was placed: the drill proves nothing".to_owned());
    }
    all_there(books, acknowledged).await?;
    let told = told(acknowledged);
    let expected = Expected { orders: told.len(), need_a_person: Some(before) };
    let books = Books { settle_within: SETTLE_WITHIN, acknowledged: Some(told), ..books.clone() };
    let report = invariants::check(&books).await?;
    println!("\n{report}");
    let states = all_there(&books, acknowledged).await?;
    println!("{} orders acknowledged, 0 lost; now {states:?}", acknowledged.len());
    expected.judge(&report)?;
    println!("0 oversold, 0 charged twice, 0 charged and not delivered: the books agree");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_that_was_told_and_is_not_there_is_lost() {
        let (kept, lost) = ("QD-1".to_owned(), "QD-2".to_owned());
        let states = BTreeMap::from([(kept.clone(), "confirmed".to_owned())]);
        let counted = judge(&states, &BTreeMap::from([(kept.clone(), Told::Bought)])).unwrap();
        assert_eq!(counted, BTreeMap::from([("confirmed".to_owned(), 1)]));
        let told = judge(&states, &BTreeMap::from([(kept, Told::Bought), (lost, Told::Bought)])).unwrap_err();
        assert!(told.contains("QD-2") && !told.contains("QD-1"), "{told}");
    }
}
