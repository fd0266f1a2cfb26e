//! What callers ask for, checked at the border: charset, length and range of every parameter.

use serde::Deserialize;
use shop_contracts::catalog::{EditProduct, Sort};
use shop_contracts::{Code, ProductId};
use shop_instrumentation::problem::Problem;
use utoipa::IntoParams;

use super::Limits;
use crate::storage::{ListQuery, ProductRef};

const MAX_SLUG_BYTES: usize = 120;
const MAX_MAKER_CHARS: usize = 80;
const MAX_NAME_CHARS: usize = 120;
const MAX_DESCRIPTION_CHARS: usize = 2000;
const MAX_ACTOR_CHARS: usize = 120;
const MAX_NOTE_BYTES: usize = 500;
/// One million in major units.
const MAX_PRICE_MINOR: i64 = 100_000_000;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParams {
    #[param(max_length = 120, pattern = "^[a-z0-9-]*$")]
    category: Option<String>,
    #[param(max_length = 200)]
    q: Option<String>,
    #[param(max_length = 80)]
    maker: Option<String>,
    #[param(minimum = 0, maximum = 100000000)]
    min_price: Option<i64>,
    #[param(minimum = 0, maximum = 100000000)]
    max_price: Option<i64>,
    #[param(minimum = 1, maximum = 10000)]
    page: Option<u32>,
    #[param(minimum = 1, maximum = 100)]
    per_page: Option<u32>,
    #[param(pattern = "^(relevance|price_asc|price_desc|name)?$")]
    sort: Option<String>,
    exact: Option<bool>,
    /// Each product of a group of variants, not one for all.
    ungrouped: Option<bool>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ByIdParams {
    /// At most 100 product ids with commas between them.
    #[serde(default)]
    ids: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SuggestParams {
    #[serde(default)]
    #[param(max_length = 200)]
    q: String,
}

pub(super) fn invalid(field: &str, detail: impl Into<String>) -> Problem {
    let detail = detail.into();
    Problem::new(Code::Invalid, format!("{field} {detail}")).field(field, detail)
}

fn is_slug(text: &str) -> bool {
    (1..=MAX_SLUG_BYTES).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// What can name no product is not found.
pub(super) fn product_ref(text: &str) -> Result<ProductRef, Problem> {
    if let Ok(id) = text.parse() {
        return Ok(ProductRef::Id(id));
    }
    if is_slug(text) {
        return Ok(ProductRef::Slug(text.to_owned()));
    }
    Err(Problem::new(Code::NotFound, "there is no such product"))
}

/// As [`product_ref`], for routes that take a slug only.
pub(super) fn slug(text: String) -> Result<String, Problem> {
    if is_slug(&text) { Ok(text) } else { Err(Problem::new(Code::NotFound, "there is no such product")) }
}

/// Trimmed words; nothing when there are none.
fn words(text: &str, limits: &Limits) -> Result<Option<String>, Problem> {
    let text = text.trim();
    if text.chars().count() > limits.max_words {
        return Err(invalid("q", format!("must be at most {} characters", limits.max_words)));
    }
    if text.chars().any(char::is_control) {
        return Err(invalid("q", "must hold no control characters"));
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

impl ListParams {
    pub(super) fn parse(self, limits: &Limits) -> Result<ListQuery, Problem> {
        let sort = match self.sort.as_deref() {
            None | Some("") => Sort::default(),
            Some(text) => text
                .parse()
                .map_err(|_| invalid("sort", "must be one of relevance, price_asc, price_desc, name"))?,
        };
        let page = self.page.unwrap_or(1);
        if !(1..=limits.max_page).contains(&page) {
            return Err(invalid("page", format!("must be 1 to {}", limits.max_page)));
        }
        let per_page = self.per_page.unwrap_or(limits.per_page);
        if !(1..=limits.max_per_page).contains(&per_page) {
            return Err(invalid("per_page", format!("must be 1 to {}", limits.max_per_page)));
        }
        let category = self.category.filter(|category| !category.is_empty());
        if category.as_deref().is_some_and(|category| !is_slug(category)) {
            return Err(invalid("category", "must be lower-case letters, digits and dashes"));
        }
        let maker = self.maker.filter(|maker| !maker.is_empty());
        if maker.as_deref().is_some_and(|maker| !is_line(maker, MAX_MAKER_CHARS)) {
            return Err(invalid(
                "maker",
                format!("must be at most {MAX_MAKER_CHARS} characters, no control characters"),
            ));
        }
        for (field, price) in [("min_price", self.min_price), ("max_price", self.max_price)] {
            if price.is_some_and(|price| !(0..=MAX_PRICE_MINOR).contains(&price)) {
                return Err(invalid(field, format!("must be 0 to {MAX_PRICE_MINOR}")));
            }
        }
        let words = words(self.q.as_deref().unwrap_or_default(), limits)?;
        let (min_price, max_price) = (self.min_price, self.max_price);
        let (exact, ungrouped) = (self.exact.unwrap_or_default(), self.ungrouped.unwrap_or_default());
        Ok(ListQuery { category, words, exact, maker, min_price, max_price, ungrouped, sort, page, per_page })
    }
}

impl ByIdParams {
    pub(super) fn parse(&self, limits: &Limits) -> Result<Vec<ProductId>, Problem> {
        let texts: Vec<&str> =
            self.ids.split(',').filter(|id| !id.is_empty()).take(limits.max_ids + 1).collect();
        if texts.len() > limits.max_ids {
            return Err(invalid("ids", format!("must be at most {}", limits.max_ids)));
        }
        let ids = texts.iter().map(|id| id.parse());
        ids.collect::<Result<_, _>>().map_err(|_| invalid("ids", "must be product ids (UUID)"))
    }
}

impl SuggestParams {
    pub(super) fn parse(&self, limits: &Limits) -> Result<Option<String>, Problem> {
        words(&self.q, limits).map(|words| words.map(|words| words.to_lowercase()))
    }
}

/// Who changes something, trimmed.
pub(super) fn actor(text: &str) -> Result<String, Problem> {
    let text = text.trim();
    if text.is_empty() || !is_line(text, MAX_ACTOR_CHARS) {
        return Err(invalid("actor", format!("must be 1 to {MAX_ACTOR_CHARS} characters on one line")));
    }
    Ok(text.to_owned())
}

/// Why something is changed.
pub(super) fn note(text: &str) -> Result<(), Problem> {
    if text.len() > MAX_NOTE_BYTES || text.chars().any(|c| c.is_control() && c != '\n') {
        return Err(invalid(
            "note",
            format!("must be at most {MAX_NOTE_BYTES} bytes, no control characters"),
        ));
    }
    Ok(())
}

/// Checks a change and trims its texts.
pub(super) fn edit(mut edit: EditProduct) -> Result<EditProduct, Problem> {
    edit.actor = actor(&edit.actor)?;
    edit.name = edit.name.map(|name| name.trim().to_owned());
    if edit.name.as_deref().is_some_and(|name| name.is_empty() || !is_line(name, MAX_NAME_CHARS)) {
        return Err(invalid("name", format!("must be 1 to {MAX_NAME_CHARS} characters on one line")));
    }
    edit.description = edit.description.map(|text| text.replace("\r\n", "\n").trim().to_owned());
    let fits = |text: &str| {
        (1..=MAX_DESCRIPTION_CHARS).contains(&text.chars().count())
            && !text.chars().any(|c| c.is_control() && c != '\n')
    };
    if edit.description.as_deref().is_some_and(|text| !fits(text)) {
        return Err(invalid(
            "description",
            format!("must be 1 to {MAX_DESCRIPTION_CHARS} characters, no control characters"),
        ));
    }
    if edit.price.is_some_and(|price| !(1..=MAX_PRICE_MINOR).contains(&price.amount_minor)) {
        return Err(invalid("price", format!("must be 1 to {MAX_PRICE_MINOR} minor units")));
    }
    note(&edit.note)?;
    if edit.name.is_none() && edit.description.is_none() && edit.price.is_none() {
        return Err(Problem::new(Code::Invalid, "at least one of name, description, price must be given"));
    }
    Ok(edit)
}

pub(super) fn is_line(text: &str, max_chars: usize) -> bool {
    text.chars().count() <= max_chars && !text.chars().any(char::is_control)
}
