//! Names in paths: slugs, pictures, order numbers, members of the staff. A path that does not hold one leads nowhere.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;

use crate::pages::PageError;

const LONGEST_SLUG: usize = 100;
const LONGEST_NUMBER: usize = 40;
const LONGEST_STAFF_NAME: usize = 40;

/// The name of a product or a category in addresses: 1 to 100 lower-case ASCII letters, digits and hyphens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slug(String);

/// The file of a picture: a slug and `.svg`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureFile(pub Slug);

/// A file of the sitemap's index: its number, from 1, and `.xml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SitemapFile(pub usize);

/// The number of an order as a mail says it, case and dashes as typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderNumber(String);

/// The name of a member of the staff: 1 to 40 lower-case ASCII letters, digits, dots, dashes and underscores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaffName(String);

impl StaffName {
    /// The name in this text.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
        let fine = (1..=LONGEST_STAFF_NAME).contains(&text.len()) && text.bytes().all(plain);
        fine.then(|| Self(text.to_owned()))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Slug {
    /// The slug in this text.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let fine = (1..=LONGEST_SLUG).contains(&text.len()) && text.bytes().all(plain);
        fine.then(|| Self(text.to_owned()))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl OrderNumber {
    /// The number in this text.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b' ';
        let fine = (1..=LONGEST_NUMBER).contains(&text.len()) && text.bytes().all(plain);
        fine.then(|| Self(text.to_owned()))
    }

    /// As text.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Slug {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, PageError> {
        only_parameter(parts, state).await.and_then(|text| Self::parse(&text)).ok_or(PageError::NotFound)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for StaffName {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, PageError> {
        only_parameter(parts, state).await.and_then(|text| Self::parse(&text)).ok_or(PageError::NotFound)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PictureFile {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, PageError> {
        let file = only_parameter(parts, state).await.ok_or(PageError::NotFound)?;
        file.strip_suffix(".svg").and_then(Slug::parse).map(Self).ok_or(PageError::NotFound)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for SitemapFile {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, PageError> {
        let file = only_parameter(parts, state).await.ok_or(PageError::NotFound)?;
        let number = file.strip_suffix(".xml").and_then(|number| number.parse().ok());
        number.filter(|number| *number > 0).map(Self).ok_or(PageError::NotFound)
    }
}

/// An id in the path: a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathId(pub uuid::Uuid);

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, PageError> {
        let text = only_parameter(parts, state).await.ok_or(PageError::NotFound)?;
        text.parse().map(Self).map_err(|_| PageError::NotFound)
    }
}

/// The path's one parameter as it was sent: none of these names needs decoding.
async fn only_parameter<S: Send + Sync>(parts: &mut Parts, state: &S) -> Option<String> {
    let parameters = RawPathParams::from_request_parts(parts, state).await.ok()?;
    parameters.iter().next().map(|(_, value)| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_are_slugs() {
        assert!(Slug::parse("lifepo4-battery-100-ah").is_some());
        for wrong in ["", "Lamp", "a b", "a\0", "ä", "a/b", "../x", "%00", &"a".repeat(101)] {
            assert_eq!(Slug::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn order_numbers_are_taken_as_people_type_them() {
        assert_eq!(OrderNumber::parse(" qd-1a2b 3c ").unwrap().into_string(), "qd-1a2b 3c");
        for wrong in ["", "  ", "QD\0", "QD_1", &"1".repeat(41)] {
            assert_eq!(OrderNumber::parse(wrong), None, "{wrong}");
        }
    }
}
