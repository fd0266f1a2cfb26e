//! What a page tells others than its reader: search engines and whoever shows a link to it.

use maud::{Markup, html};
use serde_json::Value;

use super::structured;

/// Descriptions are cut at a word's end, for results show about as much.
const LONGEST_DESCRIPTION: usize = 160;

/// The head of a page besides what all pages have.
#[derive(Debug, Clone, Default)]
pub struct Head {
    title: String,
    description: Option<String>,
    canonical: Option<String>,
    image: Option<String>,
    is_product: bool,
    is_hidden: bool,
    data: Vec<Value>,
}

impl Head {
    /// Of a page with this title and nothing to tell.
    pub fn titled(title: &str) -> Self {
        Self { title: title.to_owned(), ..Self::default() }
    }

    /// What the page is about, shortened.
    #[must_use]
    pub fn description(mut self, text: &str) -> Self {
        self.description = Some(shortened(text)).filter(|text| !text.is_empty());
        self
    }

    /// The one address of the page, when the shop knows its own.
    #[must_use]
    pub fn canonical(mut self, address: Option<String>) -> Self {
        self.canonical = address;
        self
    }

    /// The address of a picture of what it is about.
    #[must_use]
    pub fn image(mut self, address: Option<String>) -> Self {
        self.image = address;
        self
    }

    /// The page shows one product.
    #[must_use]
    pub fn product(mut self) -> Self {
        self.is_product = true;
        self
    }

    /// The page is not worth to be found.
    #[must_use]
    pub fn hidden(mut self) -> Self {
        self.is_hidden = true;
        self
    }

    /// Says it in schema.org's words as well.
    #[must_use]
    pub fn data(mut self, data: impl IntoIterator<Item = Value>) -> Self {
        self.data.extend(data);
        self
    }

    pub(super) fn markup(&self) -> Markup {
        html! {
            title { (self.title) " · Quarterdeck" }
            @if self.is_hidden { meta name="robots" content="noindex, follow"; }
            @if let Some(text) = &self.description { meta name="description" content=(text); }
            @if let Some(address) = &self.canonical {
                link rel="canonical" href=(address);
                meta property="og:site_name" content="Quarterdeck";
                meta property="og:type" content=(if self.is_product { "product" } else { "website" });
                meta property="og:title" content=(self.title);
                meta property="og:url" content=(address);
                @if let Some(text) = &self.description { meta property="og:description" content=(text); }
                @if let Some(image) = &self.image { meta property="og:image" content=(image); }
                meta name="twitter:card" content="summary";
            }
            @for data in &self.data { (structured::script(data)) }
        }
    }
}

fn shortened(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let Some((most, _)) = text.char_indices().nth(LONGEST_DESCRIPTION) else { return text };
    let cut = text[..most].rfind(' ').unwrap_or(most);
    format!("{}…", text[..cut].trim_end_matches([',', '.', ';', ' ']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_are_cut_between_words() {
        assert_eq!(shortened("  It\nshines. "), "It shines.");
        let long = shortened(&"öl lamp ".repeat(40));
        assert!(long.chars().count() <= LONGEST_DESCRIPTION + 1 && long.ends_with('…'), "{long}");
        assert_eq!(shortened(&"a".repeat(500)).chars().count(), LONGEST_DESCRIPTION + 1);
    }

    #[test]
    fn a_shop_that_does_not_know_its_address_names_none() {
        let head = Head::titled("A & B").description("c").canonical(None).markup().into_string();
        assert_eq!(head, "<title>A &amp; B · Quarterdeck</title><meta name=\"description\" content=\"c\">");
    }
}
