//! What staff may see and correct.

use shop_contracts::ProductId;
use shop_contracts::inventory::{NewAdjustment, StockItem, StockLedger, StockPage};
use shop_instrumentation::{Code, Problem};

use crate::reserve::Inventory;
use crate::storage::ledger;
use crate::storage::staff::{self, Adjusted, StockFilter};

const PER_PAGE: i64 = 50;
const MAX_PAGE: u32 = 10_000;
const MAX_IDS: usize = 50;
const MAX_DELTA: i64 = 100_000;
const MAX_ACTOR_CHARS: usize = 120;
const MAX_NOTE_BYTES: usize = 500;
const REASONS: [&str; 5] = ["delivery", "count", "damage", "theft", "other"];

impl Inventory {
    /// A page of stock. `q` is empty, the beginning of a product's id, or ids with commas between them.
    pub async fn stock_page(&self, q: &str, page: u32) -> Result<StockPage, Problem> {
        let (filter, offset) = (parse_filter(q)?, offset_of(page)?);
        let items = staff::list(&self.storage.pool, &filter, PER_PAGE + 1, offset).await?;
        let (items, has_more) = cut(items);
        Ok(StockPage { items, page, has_more })
    }

    /// Corrects a level. The same key again changes nothing.
    pub async fn adjust(
        &self,
        product: ProductId,
        key: &str,
        request: NewAdjustment,
    ) -> Result<StockItem, Problem> {
        check(&request)?;
        match staff::adjust(&self.storage.pool, product, key, &request, self.clock.now()).await? {
            Adjusted::Yes(item) => Ok(item),
            Adjusted::OutOfRange(item) => {
                Err(Problem::new(Code::Conflict, "the level would leave its range")
                    .field("delta", format!("{} are available, delta is {}", item.available, request.delta))
                    .existing(&item))
            }
            Adjusted::KeyReused => {
                Err(Problem::new(Code::KeyReused, "the idempotency key belongs to another adjustment"))
            }
            Adjusted::UnknownProduct => Err(Problem::new(Code::NotFound, "no such product")),
        }
    }

    /// A page of a product's movements; empty for a product that inventory does not know.
    pub async fn ledger_page(&self, product: ProductId, page: u32) -> Result<StockLedger, Problem> {
        let entries = ledger::list(&self.storage.pool, product, PER_PAGE + 1, offset_of(page)?).await?;
        let (entries, has_more) = cut(entries);
        Ok(StockLedger { entries, page, has_more })
    }
}

/// Drops the one row that only told whether another page follows.
fn cut<T>(mut rows: Vec<T>) -> (Vec<T>, bool) {
    let has_more = rows.len() > PER_PAGE as usize;
    rows.truncate(PER_PAGE as usize);
    (rows, has_more)
}

fn offset_of(page: u32) -> Result<i64, Problem> {
    if (1..=MAX_PAGE).contains(&page) {
        return Ok(i64::from(page - 1) * PER_PAGE);
    }
    Err(Problem::new(Code::Invalid, "invalid page").field("page", format!("must be 1 to {MAX_PAGE}")))
}

fn parse_filter(q: &str) -> Result<StockFilter, Problem> {
    let q = q.trim();
    if q.is_empty() {
        return Ok(StockFilter::All);
    }
    if q.len() <= 36 && q.chars().all(|c| c.is_ascii_hexdigit() || c == '-') {
        return Ok(StockFilter::Prefix(q.to_ascii_lowercase()));
    }
    let ids = q.split(',').map(str::parse).take(MAX_IDS + 1).collect::<Result<Vec<ProductId>, _>>();
    match ids {
        Ok(ids) if ids.len() <= MAX_IDS => Ok(StockFilter::Ids(ids)),
        _ => Err(Problem::new(Code::Invalid, "invalid filter")
            .field("q", format!("must be the beginning of a product id, or at most {MAX_IDS} ids"))),
    }
}

fn check(request: &NewAdjustment) -> Result<(), Problem> {
    let invalid = |field: &str, detail: String| {
        Err(Problem::new(Code::Invalid, "invalid adjustment").field(field, detail))
    };
    if request.delta == 0 || !(-MAX_DELTA..=MAX_DELTA).contains(&request.delta) {
        return invalid("delta", format!("must be -{MAX_DELTA} to {MAX_DELTA} and not 0"));
    }
    if !REASONS.contains(&request.reason.as_str()) {
        return invalid("reason", format!("must be one of {}", REASONS.join(", ")));
    }
    let (more, fewer) = (request.delta > 0, request.delta < 0);
    match request.reason.as_str() {
        reason @ ("damage" | "theft") if more => {
            return invalid("delta", format!("must be negative for {reason}"));
        }
        reason @ "delivery" if fewer => return invalid("delta", format!("must be positive for {reason}")),
        _ => {}
    }
    let actor_chars = request.actor.chars().count();
    if !(1..=MAX_ACTOR_CHARS).contains(&actor_chars) || request.actor.chars().any(char::is_control) {
        return invalid("actor", format!("must be 1 to {MAX_ACTOR_CHARS} characters, no control characters"));
    }
    if request.note.len() > MAX_NOTE_BYTES || request.note.chars().any(|c| c.is_control() && c != '\n') {
        return invalid("note", format!("must be at most {MAX_NOTE_BYTES} bytes, no control characters"));
    }
    Ok(())
}
