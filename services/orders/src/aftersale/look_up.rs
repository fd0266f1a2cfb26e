//! A guest finds an order by its number and the address that it was placed with.

use shop_contracts::orders::{Order, OrderLookup};
use shop_instrumentation::{Code, Problem};

use super::{AfterSale, permission};

const PREFIX: &str = "QD";
const DIGITS: usize = 12;

impl AfterSale {
    /// The order; the answer is the same whichever of the two is wrong.
    pub async fn look_up(&self, request: &OrderLookup) -> Result<Order, Problem> {
        let unknown = || Problem::new(Code::NotFound, "no order with this number and e-mail address");
        let number = full_number(&request.number).ok_or_else(unknown)?;
        let email = request.email.trim().to_lowercase();
        let found = self.saga.orders.find_by_number(&number).await?.ok_or_else(unknown)?.order;
        // An order that was anonymised has no address that anybody could name.
        if email.is_empty() || found.email.trim().to_lowercase() != email {
            return Err(unknown());
        }
        Ok(permission::shown(found, self.saga.clock.now()))
    }
}

/// A number as it is stored, from what was typed: case, blanks and dashes do not matter.
pub fn full_number(typed: &str) -> Option<String> {
    let prefix = number_prefix(typed)?;
    (prefix.len() == PREFIX.len() + 2 + DIGITS).then_some(prefix)
}

/// The beginning of a number as it is stored; `None` when no number begins so.
pub fn number_prefix(typed: &str) -> Option<String> {
    if typed.len() > 64 {
        return None;
    }
    let plain: String =
        typed.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
    let digits = plain.strip_prefix(PREFIX).unwrap_or(&plain);
    if plain.is_empty() || digits.len() > DIGITS || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let (first, second) = digits.split_at(digits.len().min(DIGITS / 2));
    Some(if second.is_empty() { format!("{PREFIX}-{first}") } else { format!("{PREFIX}-{first}-{second}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_as_people_type_them() {
        for typed in ["QD-0A1B2C-3D4E5F", "qd 0a1b2c 3d4e5f", "0a1b2c3d4e5f", "#qd-0a1b2c3d4e5f "] {
            assert_eq!(full_number(typed).as_deref(), Some("QD-0A1B2C-3D4E5F"), "{typed}");
        }
        for wrong in ["", "QD-0A1B2C", "QD-0A1B2C-3D4E5X", "QD-0A1B2C-3D4E5F0", "%"] {
            assert_eq!(full_number(wrong), None, "{wrong}");
        }
        assert_eq!(number_prefix("%"), None, "what holds no digit begins no number");
        assert_eq!(number_prefix("qd-0a1b2c3").as_deref(), Some("QD-0A1B2C-3"));
    }
}
