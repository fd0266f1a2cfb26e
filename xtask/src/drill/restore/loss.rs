//! What was lost: acknowledged orders that the restored books do not have.

use std::{collections::BTreeMap, time::Instant};

use crate::{buyer::Told, drill::load::Acknowledged};

/// What shoppers were told, after the books went back to a moment.
#[derive(Debug, Default)]
pub struct Loss {
    /// Numbers of orders that are gone.
    pub orders: Vec<String>,
    /// Orders that are there, and whose cancellation may not be.
    pub changes: usize,
    /// What the books must still keep.
    pub kept: Vec<Acknowledged>,
}

/// Compares what was told with the orders that are there. Nothing that was told before the moment may be missing, and
/// nothing that was told after it was over: `from` to `until` is what was lost.
pub fn weigh(
    told: &[Acknowledged],
    states: &BTreeMap<String, String>,
    from: Instant,
    until: Instant,
) -> Result<Loss, String> {
    let mut loss = Loss::default();
    let mut unexpected = Vec::new();
    for order in told {
        let in_between = order.at > from && order.began < until;
        match (states.contains_key(&order.number), in_between) {
            (true, _) if in_between && order.told == Told::Cancelled => {
                loss.changes += 1;
                loss.kept.push(Acknowledged { told: Told::PerhapsCancelled, ..order.clone() });
            }
            (true, _) => loss.kept.push(order.clone()),
            (false, true) => loss.orders.push(order.number.clone()),
            (false, false) => unexpected.push(order.number.clone()),
        }
    }
    if unexpected.is_empty() {
        return Ok(loss);
    }
    Err(format!(
        "{} orders are gone that were told outside of what was to be lost: {unexpected:?}",
        unexpected.len()
    ))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn order(number: &str, base: Instant, began: u64, at: u64, told: Told) -> Acknowledged {
        let moment = |second| base + Duration::from_secs(second);
        Acknowledged { number: number.to_owned(), began: moment(began), at: moment(at), told }
    }

    fn states(numbers: &[&str]) -> BTreeMap<String, String> {
        numbers.iter().map(|n| ((*n).to_owned(), "confirmed".to_owned())).collect()
    }

    #[test]
    fn only_what_was_told_in_between_may_be_gone() {
        let base = Instant::now();
        let (from, until) = (base + Duration::from_secs(10), base + Duration::from_secs(20));
        let told = [
            order("before", base, 1, 2, Told::Bought),
            order("cancelled-before", base, 1, 3, Told::Cancelled),
            order("lost", base, 11, 12, Told::Bought),
            order("kept", base, 9, 11, Told::Bought),
            order("cancelled-in-between", base, 8, 12, Told::Cancelled),
            order("after", base, 21, 22, Told::Bought),
        ];
        let there = ["before", "cancelled-before", "kept", "cancelled-in-between", "after"];
        let loss = weigh(&told, &states(&there), from, until).unwrap();
        assert_eq!((loss.orders, loss.changes), (vec!["lost".to_owned()], 1));
        let kept: Vec<(&str, Told)> = loss.kept.iter().map(|o| (o.number.as_str(), o.told)).collect();
        assert_eq!(
            kept,
            [
                ("before", Told::Bought),
                ("cancelled-before", Told::Cancelled),
                ("kept", Told::Bought),
                ("cancelled-in-between", Told::PerhapsCancelled),
                ("after", Told::Bought)
            ]
        );
        for gone in ["before", "after"] {
            let there: Vec<&str> = there.into_iter().filter(|n| *n != gone).collect();
            assert!(weigh(&told, &states(&there), from, until).unwrap_err().contains(gone));
        }
    }
}
