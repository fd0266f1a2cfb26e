//! What must be true of a report beside that the books agree: that they were full, and that nobody is left waiting.

use super::Report;

/// What whoever ran something knows of the books that it left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// Orders that must be there: books without any agree about nothing.
    pub orders: usize,
    /// Most orders and refunds that may wait for a person; any number where nobody says.
    pub need_a_person: Option<usize>,
}

impl Expected {
    /// The verdict, with the whole report where it is bad.
    pub fn judge(self, report: &Report) -> Result<(), String> {
        let bad = |why: String| Err(format!("{why}\n{report}"));
        if !report.agrees() {
            return bad("the books do not agree".to_owned());
        }
        if report.orders < self.orders {
            return bad(format!(
                "the books have {} orders, {} were to be there: their agreement proves nothing",
                report.orders, self.orders
            ));
        }
        let waiting = report.manual_review.len();
        match self.need_a_person {
            Some(most) if waiting > most => {
                bad(format!("{waiting} orders and refunds need a person, expected were at most {most}"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(orders: usize, waiting: usize) -> Report {
        Report { orders, manual_review: vec!["order QD-1".to_owned(); waiting], ..Report::default() }
    }

    #[test]
    fn more_that_wait_for_a_person_than_expected_are_a_failure() {
        let expected = Expected { orders: 1, need_a_person: Some(1) };
        assert_eq!(expected.judge(&report(1, 1)), Ok(()));
        let told = expected.judge(&report(1, 2)).unwrap_err();
        assert!(told.contains("2 orders and refunds need a person, expected were at most 1"), "{told}");
        assert_eq!(Expected { need_a_person: None, ..expected }.judge(&report(1, 2)), Ok(()));
    }

    #[test]
    fn books_without_the_orders_that_were_to_be_there_prove_nothing() {
        let expected = Expected { orders: 10, need_a_person: Some(0) };
        assert_eq!(expected.judge(&report(10, 0)), Ok(()));
        assert!(expected.judge(&report(9, 0)).unwrap_err().contains("9 orders, 10 were to be there"));
    }
}
