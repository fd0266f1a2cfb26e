//! Variants: products that are one thing to a shopper, in several makes.
//!
//! Each variant is a product with an id, address, price and stock of its own; carts and orders know nothing else. A group
//! has a title and one to three options in order (`Colour`, `Size`); each of its products has one value an option, no two
//! the same ones.
//!
//! `GET /v1/products/{slug or id}` carries [`Variants`]; entries of lists and suggestions carry [`Choices`].
//! Staff: `GET /v1/staff/variant-groups` → [`VariantGroups`]; `POST /v1/staff/variant-groups/{id}` [`RenameGroup`] →
//! [`VariantGroup`]; `POST /v1/staff/products/{id}/variant` [`JoinGroup`] → Product;
//! `POST /v1/staff/products/{id}/variant/leave` [`LeaveGroup`] → Product.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Money, ProductId, VariantGroupId};

/// Options of a group at most.
pub const MAX_OPTIONS: usize = 3;
/// Products of a group at most.
pub const MAX_VARIANTS: usize = 50;
/// Characters of a group's title at most.
pub const MAX_TITLE_CHARS: usize = 120;
/// Characters of an option's name, and of a value, at most.
pub const MAX_WORD_CHARS: usize = 40;

/// A group with all of its products.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Variants {
    /// The group.
    pub group_id: VariantGroupId,
    /// What all of them are called.
    pub title: String,
    /// What there is to choose, in order; 1 to 3.
    #[schema(max_items = 3)]
    pub options: Vec<VariantOption>,
    /// Every product of the group, in the order to show them; at most 50.
    #[schema(max_items = 50)]
    pub variants: Vec<Variant>,
}

/// One thing to choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VariantOption {
    /// Its name: `Colour`.
    pub name: String,
    /// Every value that a product of the group has, in the order to show them.
    pub values: Vec<String>,
}

/// One product of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Variant {
    /// The product.
    pub id: ProductId,
    /// Its name in URLs.
    pub slug: String,
    /// Its name for people; it says every value.
    pub name: String,
    /// Its value of each option, in the options' order.
    pub values: Vec<String>,
    /// Price of one.
    pub price: Money,
    /// Changes whenever the picture changes.
    #[serde(default)]
    pub picture_version: String,
}

/// What there is to choose from behind an entry of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Choices {
    /// What all products of the group are called.
    pub title: String,
    /// The options with how many values each has in the whole group.
    #[schema(max_items = 3)]
    pub options: Vec<OptionCount>,
    /// Products of the group.
    pub variants: u32,
    /// Those of them that match what was asked for.
    pub matching: u32,
    /// The lowest price among those that match.
    pub lowest: Money,
    /// The highest price among those that match.
    pub highest: Money,
}

/// An option and how many values it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OptionCount {
    /// Its name.
    pub name: String,
    /// How many values.
    pub values: u32,
}

/// A group without its products.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VariantGroup {
    /// The group.
    pub id: VariantGroupId,
    /// What all of them are called.
    pub title: String,
    /// Names of the options, in order.
    pub options: Vec<String>,
    /// How many products are in it.
    pub variants: u32,
}

/// Every group, by title; at most 1,000.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VariantGroups {
    /// The groups.
    #[schema(max_items = 1000)]
    pub groups: Vec<VariantGroup>,
}

/// Staff puts a product into a group, or gives it other values there. Either `group` names one, or `title` and `options`
/// make one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JoinGroup {
    /// The staff member.
    #[schema(min_length = 1, max_length = 120)]
    pub actor: String,
    /// A group that there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<VariantGroupId>,
    /// Title of a new group, 1 to 120 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 120)]
    pub title: Option<String>,
    /// Options of a new group, 1 to 3 different ones of 1 to 40 characters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 3)]
    pub options: Vec<String>,
    /// The product's value of each option, 1 to 40 characters each; the product's name must say all of them.
    #[schema(min_items = 1, max_items = 3)]
    pub values: Vec<String>,
    /// Why; at most 500 bytes.
    #[serde(default)]
    #[schema(max_length = 500)]
    pub note: String,
    /// Where the product is to stand before. Where that is no longer so nothing is changed, and the answer is a conflict that
    /// names the fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<ExpectedPlace>,
}

/// Staff takes a product out of its group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LeaveGroup {
    /// The staff member.
    #[schema(min_length = 1, max_length = 120)]
    pub actor: String,
    /// Why; at most 500 bytes.
    #[serde(default)]
    #[schema(max_length = 500)]
    pub note: String,
    /// Where the product is to stand before. Where that is no longer so nothing is changed, and the answer is a conflict that
    /// names the fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<ExpectedPlace>,
}

/// Staff gives a group another title or its options other names. Their number and order stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RenameGroup {
    /// The staff member.
    #[schema(min_length = 1, max_length = 120)]
    pub actor: String,
    /// The title, 1 to 120 characters.
    #[schema(min_length = 1, max_length = 120)]
    pub title: String,
    /// Names of all options, in order.
    #[schema(min_items = 1, max_items = 3)]
    pub options: Vec<String>,
    /// Why; at most 500 bytes.
    #[serde(default)]
    #[schema(max_length = 500)]
    pub note: String,
    /// What it is to replace. Where that is no longer so nothing is changed, and the answer is a conflict that
    /// names the fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<ExpectedGroup>,
}

/// Where somebody saw a product stand.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectedPlace {
    /// Its group; none for a product that is in none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<VariantGroupId>,
    /// Its values there.
    #[serde(default)]
    #[schema(max_items = 3)]
    pub values: Vec<String>,
}

/// What somebody saw a group be called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectedGroup {
    /// Its title.
    #[schema(max_length = 120)]
    pub title: String,
    /// Names of its options, in order.
    #[schema(max_items = 3)]
    pub options: Vec<String>,
}

/// The value that `name` does not say, whatever the case of its letters. A variant's name says all of them: carts, orders
/// and mails show the name and nothing else.
pub fn unsaid<'a>(name: &str, values: &'a [String]) -> Option<&'a str> {
    let name = name.to_lowercase();
    values.iter().map(String::as_str).find(|value| !name.contains(&value.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_every_value_or_the_first_that_it_does_not_is_told() {
        let values = ["Brass".to_owned(), "Large".to_owned()];
        assert_eq!(unsaid("Storm lantern, brass, large", &values), None);
        assert_eq!(unsaid("Storm lantern, brass", &values), Some("Large"));
    }
}
