//! What a list of products is asked for: words, filters, order, page. Read from an address and written into one.
//!
//! Page and order are mangled by people: nonsense is the first page in plain order. A filter that cannot be read is told
//! beside its field and not applied.

use shop_contracts::catalog::Sort;

use super::QueryFields;
use crate::form::Typed;
use crate::pages::PageError;

const LAST_PAGE: u32 = 10_000;
const LONGEST_WORDS: usize = 200;
const LONGEST_MAKER: usize = 80;
/// One million in major units, as the catalogue has it.
const HIGHEST_PRICE_MINOR: i64 = 100_000_000;

/// A list as it is asked for.
#[derive(Debug, Clone, Default)]
pub struct ListQuery {
    /// Words to search for, trimmed, 1 to 200 characters.
    pub words: Option<String>,
    /// Whether the words are meant as they are spelled.
    pub exact: bool,
    /// Only this maker's, 1 to 80 characters.
    pub maker: Option<String>,
    /// Only what costs this or more, minor units.
    pub min_price: Option<i64>,
    /// Only what costs this or less, minor units.
    pub max_price: Option<i64>,
    /// In this order.
    pub sort: Sort,
    /// Page, from 1.
    pub page: u32,
    /// `maker`, `from` and `to` as typed, with what is wrong with them.
    pub typed: Typed,
}

/// A filter of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// By maker.
    Maker,
    /// By the lowest price.
    MinPrice,
    /// By the highest price.
    MaxPrice,
}

impl ListQuery {
    /// Reads `q`, `exact`, `maker`, `from`, `to`, `sort`, `page`. Words that are none are refused.
    pub fn parse(query: &QueryFields) -> Result<Self, PageError> {
        let words = query.get("q").trim();
        if words.chars().count() > LONGEST_WORDS {
            return Err(PageError::BadAddress(format!("q is longer than {LONGEST_WORDS} characters")));
        }
        if words.contains(char::is_control) {
            return Err(PageError::BadAddress("q holds a control character".to_owned()));
        }
        let mut typed = Typed::default();
        for field in ["maker", "from", "to"] {
            typed.set(field, query.get(field).trim());
        }
        let mut read = Self {
            words: (!words.is_empty()).then(|| words.to_owned()),
            exact: query.get("exact") == "1",
            sort: query.get("sort").parse().unwrap_or_default(),
            page: query.page(LAST_PAGE),
            maker: None,
            min_price: None,
            max_price: None,
            typed,
        };
        read.read_filters();
        Ok(read)
    }

    fn read_filters(&mut self) {
        let maker = self.typed.value("maker").to_owned();
        if maker.chars().count() > LONGEST_MAKER || maker.contains(char::is_control) {
            self.typed.wrong(
                "maker",
                format!("The maker is longer than {LONGEST_MAKER} characters or is no text. Choose one from the list."),
            );
        } else if !maker.is_empty() {
            self.maker = Some(maker);
        }
        self.min_price = self.read_price("from");
        self.max_price = self.read_price("to");
        if let (Some(min), Some(max)) = (self.min_price, self.max_price)
            && min > max
        {
            self.typed.wrong("to", "The highest price is below the lowest. Swap them, or leave one out.");
            self.max_price = None;
        }
    }

    fn read_price(&mut self, field: &'static str) -> Option<i64> {
        let text = self.typed.value(field);
        if text.is_empty() {
            return None;
        }
        let minor = price_minor(text);
        if minor.is_none() {
            self.typed.wrong(field, "Enter a price in euros, 0 to 1,000,000, such as 25 or 12.50.");
        }
        minor
    }

    /// Which filters are on.
    pub fn filters(&self) -> Vec<Filter> {
        let on = [
            (Filter::Maker, self.maker.is_some()),
            (Filter::MinPrice, self.min_price.is_some()),
            (Filter::MaxPrice, self.max_price.is_some()),
        ];
        on.into_iter().filter_map(|(filter, on)| on.then_some(filter)).collect()
    }

    /// Without one filter, from the first page on.
    #[must_use]
    pub fn without(&self, filter: Filter) -> Self {
        let mut wider = Self { page: 1, ..self.clone() };
        match filter {
            Filter::Maker => wider.maker = None,
            Filter::MinPrice => wider.min_price = None,
            Filter::MaxPrice => wider.max_price = None,
        }
        wider
    }

    /// Without any filter, from the first page on.
    #[must_use]
    pub fn unfiltered(&self) -> Self {
        Self { page: 1, maker: None, min_price: None, max_price: None, ..self.clone() }
    }

    /// The address of a page of this list under `path`. One list has one address: only what differs from the plain list
    /// is in it, in one order.
    pub fn address(&self, path: &str, page: u32) -> String {
        let text = |text: &Option<String>| text.as_deref().map(|text| urlencoding::encode(text).into_owned());
        let parts = [
            ("q", text(&self.words)),
            ("exact", self.exact.then(|| "1".to_owned())),
            ("maker", text(&self.maker)),
            ("from", self.min_price.map(price_text)),
            ("to", self.max_price.map(price_text)),
            ("sort", (self.sort != Sort::default()).then(|| self.sort.to_string())),
            ("page", (page > 1).then(|| page.to_string())),
        ];
        let parts: Vec<String> =
            parts.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", value?))).collect();
        if parts.is_empty() { path.to_owned() } else { format!("{path}?{}", parts.join("&")) }
    }

    /// The address that stands for this page in search engines: filters and order dropped, the page kept.
    pub fn canonical(&self, path: &str) -> String {
        Self { words: self.words.clone(), ..Self::default() }.address(path, self.page)
    }
}

/// `25`, `12.5`, `12,50`, `€12.50` in minor units; nothing for anything else or more than a million.
fn price_minor(text: &str) -> Option<i64> {
    let text = text.trim_start_matches('€').trim();
    let (whole, cents) = text.split_once(['.', ',']).unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !(1..=8).contains(&whole.len()) || cents.len() > 2 || !digits(whole) || !digits(cents) {
        return None;
    }
    let cents: i64 = format!("{cents:0<2}").parse().ok()?;
    let minor = whole.parse::<i64>().ok()? * 100 + cents;
    (minor <= HIGHEST_PRICE_MINOR).then_some(minor)
}

/// `25` or `12.50`.
pub fn price_text(minor: i64) -> String {
    let (whole, cents) = (minor / 100, minor % 100);
    if cents == 0 { whole.to_string() } else { format!("{whole}.{cents:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::border::Pairs;

    fn ask(query: &str) -> ListQuery {
        ListQuery::parse(&QueryFields(Pairs::decode(query.as_bytes()).unwrap())).unwrap()
    }

    #[test]
    fn one_list_has_one_address_which_leads_back_to_it() {
        let typed =
            ask("to=100,00&page=3&maker=Maren+%26+Sons&q=+a+b%26c+&from=12.5&sort=price_asc&exact=1&x=y");
        let address = typed.address("/search", typed.page);
        let expected =
            "/search?q=a%20b%26c&exact=1&maker=Maren%20%26%20Sons&from=12.50&to=100&sort=price_asc&page=3";
        assert_eq!(address, expected);
        let again = ask(address.split_once('?').unwrap().1);
        assert_eq!(again.address("/search", 3), expected);
        assert_eq!(ask("q=&maker=&from=&to=&sort=relevance&page=1").address("/c/x", 1), "/c/x");
        assert_eq!(typed.canonical("/search"), "/search?q=a%20b%26c&page=3");
        assert_eq!(
            typed.without(Filter::Maker).address("/search", 1),
            "/search?q=a%20b%26c&exact=1&from=12.50&to=100&sort=price_asc"
        );
        assert_eq!(typed.unfiltered().filters(), []);
    }

    #[test]
    fn prices_are_read_as_people_type_them() {
        for (text, minor) in [
            ("25", 2500),
            ("12.5", 1250),
            ("12,50", 1250),
            ("€ 3.07", 307),
            ("0", 0),
            ("1000000", 100_000_000),
        ] {
            assert_eq!(price_minor(text), Some(minor), "{text}");
        }
        for text in ["", ".", "-1", "1e3", "12.345", "1000000.01", "999999999999", "1 000", "١٢", "12.+5"] {
            assert_eq!(price_minor(text), None, "{text}");
        }
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_told_by_its_field_and_not_applied() {
        let asked = ask(&format!("maker={}&from=cheap&to=9999999", "m".repeat(81)));
        for field in ["maker", "from", "to"] {
            assert!(asked.typed.error(field).is_some(), "{field}");
        }
        assert!(asked.typed.error("from").unwrap().contains("0 to 1,000,000"));
        assert_eq!((asked.filters(), asked.typed.value("from")), (vec![], "cheap"));
        let swapped = ask("from=20&to=10");
        assert!(swapped.typed.error("to").is_some() && swapped.filters() == [Filter::MinPrice]);
    }

    #[test]
    fn mangled_page_and_order_fall_back_and_words_that_are_no_text_are_refused() {
        let plain = ask("q=+&page=-4&sort=up");
        assert_eq!((plain.words, plain.page, plain.sort), (None, 1, Sort::Relevance));
        for query in [format!("q={}", "a".repeat(201)), "q=a%0Ab".to_owned()] {
            assert!(ListQuery::parse(&QueryFields(Pairs::decode(query.as_bytes()).unwrap())).is_err());
        }
    }
}
