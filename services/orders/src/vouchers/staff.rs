//! What staff does with vouchers: makes, lists, ends. Terms never change: a voucher that is wrong is ended.

use chrono::TimeDelta;
use shop_contracts::orders::StaffNote;
use shop_contracts::vouchers::{Benefit, MAX_PERCENT, NewVoucher, Voucher, VoucherTerms, normal_code};
use shop_instrumentation::{Code, Problem, ids};
use uuid::Uuid;

use super::Vouchers;
use crate::aftersale::text::{Empty, MAX_WORDS_BYTES, actor, text};

const MAX_USES: u32 = 1_000_000;
/// Two years, and the rest of the last day. A digest of each user's address is kept until the end of a voucher with a
/// limit a person, and nothing about a person is kept without a bound.
const MAX_DAYS_COUNTED_BY_PERSON: i64 = 2 * 366;

impl Vouchers {
    /// Makes a voucher, once for each key. A code that another voucher has is a conflict, also where their terms are the
    /// same: whoever asked for a second one must not believe that there are two. Callers from before there were keys send
    /// none: for them the same terms are the same press.
    pub async fn create(&self, key: Option<&str>, request: &NewVoucher) -> Result<Voucher, Problem> {
        let mut new = self.new_voucher(request)?;
        if let Some(key) = key {
            new.id = id_of(key, &new.terms.code);
        }
        let stored = self.orders.insert_voucher(&new).await?;
        let is_new = stored.id == new.id || key.is_none();
        if !is_new || !is_same(&stored, &new) {
            let problem = Problem::new(Code::Conflict, "there is a voucher with this code already");
            return Err(problem.field("code", "choose another code"));
        }
        Ok(stored)
    }

    /// One page, newest first, and one more to see whether another follows.
    pub async fn list(&self, offset: i64, limit: i64) -> Result<Vec<Voucher>, Problem> {
        Ok(self.orders.list_vouchers(offset, limit).await?)
    }

    /// From now on nobody uses it. Doing it again changes nothing.
    pub async fn end(&self, id: Uuid, request: &StaffNote) -> Result<Voucher, Problem> {
        let actor = actor(&request.actor)?;
        let note = text("note", &request.note, MAX_WORDS_BYTES, Empty::Allowed)?;
        let ended = self.orders.end_voucher(id, &actor, &note, self.clock.now()).await?;
        ended.ok_or_else(|| Problem::new(Code::NotFound, "no such voucher"))
    }

    fn new_voucher(&self, request: &NewVoucher) -> Result<Voucher, Problem> {
        let invalid = |field: &str, detail: &str| {
            Problem::new(Code::Invalid, "invalid voucher").field(field.to_owned(), detail.to_owned())
        };
        let code = normal_code(&request.code)
            .ok_or_else(|| invalid("code", "4 to 24 letters, digits and dashes"))?;
        let minimum = request.minimum;
        match request.benefit {
            Benefit::Percent { percent } if !(1..=MAX_PERCENT).contains(&percent) => {
                return Err(invalid("benefit", "1 to 90 percent"));
            }
            Benefit::Amount { amount } if amount.currency != minimum.currency || amount.amount_minor <= 0 => {
                return Err(invalid("benefit", "more than nothing, in the currency of the minimum"));
            }
            Benefit::Amount { amount } if amount.amount_minor >= minimum.amount_minor => {
                return Err(invalid(
                    "minimum",
                    "more than what is taken off: an order always costs something",
                ));
            }
            Benefit::Percent { .. } | Benefit::Amount { .. } => {}
        }
        if minimum.amount_minor < 0 {
            return Err(invalid("minimum", "not negative"));
        }
        if request.starts_at >= request.ends_at || request.ends_at <= self.clock.now() {
            return Err(invalid("ends_at", "after the start, and in the future"));
        }
        let is_long = request.ends_at - self.clock.now() > TimeDelta::days(MAX_DAYS_COUNTED_BY_PERSON);
        if is_long && request.max_uses_per_person.is_some() {
            let detail = format!(
                "at most {MAX_DAYS_COUNTED_BY_PERSON} days from now where max_uses_per_person is given: until then its \
                 users' addresses count"
            );
            return Err(invalid("ends_at", &detail));
        }
        if !(1..=MAX_USES).contains(&request.max_uses) {
            return Err(invalid("max_uses", "1 to 1,000,000"));
        }
        if request.max_uses_per_person.is_some_and(|most| !(1..=MAX_USES).contains(&most)) {
            return Err(invalid("max_uses_per_person", "1 to 1,000,000"));
        }
        Ok(Voucher {
            id: ids::new_id(),
            terms: VoucherTerms { code, benefit: request.benefit, minimum },
            starts_at: request.starts_at,
            ends_at: request.ends_at,
            max_uses: request.max_uses,
            max_uses_per_person: request.max_uses_per_person,
            uses: 0,
            note: text("note", &request.note, MAX_WORDS_BYTES, Empty::Allowed)?,
            created_by: actor(&request.actor)?,
            created_at: self.clock.now(),
            ended_by: None,
            ended_at: None,
            end_note: String::new(),
        })
    }
}

/// The id of the voucher that was asked for under this key.
fn id_of(key: &str, code: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("voucher {code} {key}").as_bytes())
}

/// Whether a second press asked for what there is.
fn is_same(stored: &Voucher, new: &Voucher) -> bool {
    let at = |voucher: &Voucher| (voucher.starts_at.timestamp_micros(), voucher.ends_at.timestamp_micros());
    stored.terms == new.terms
        && at(stored) == at(new)
        && stored.max_uses == new.max_uses
        && stored.max_uses_per_person == new.max_uses_per_person
        && stored.created_by == new.created_by
        && stored.ended_at.is_none()
}
