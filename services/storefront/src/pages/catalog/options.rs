//! The options of a product that is one of several: for each option a row of links to the product with another value.
//!
//! Every product of a group can be reached. An option's value leads to the product that has it, with what is chosen at
//! the options before it kept, and at those after it as far as that is made. A value that is not made with what is
//! chosen before it is shown, struck through. Links, so that they work without a script and can be opened beside.

use std::collections::HashMap;

use maud::{Markup, html};
use shop_contracts::ProductId;
use shop_contracts::catalog::Product;
use shop_contracts::variants::{Variant, Variants};

/// Where a value leads.
#[derive(Debug, PartialEq, Eq)]
enum Way<'a> {
    /// It is the one that is shown.
    Here,
    /// To the product with this value and all else the same.
    Exact(&'a Variant),
    /// To a product with this value where later options differ: with these values.
    Near(&'a Variant, Vec<&'a str>),
    /// It is not made with these values.
    Nowhere(Vec<&'a str>),
}

/// A row for each option; nothing where there is nothing to choose. Of stock that is not known nothing is said.
pub(super) fn pickers(product: &Product, stock: Option<&HashMap<ProductId, u32>>) -> Markup {
    let group = product.variants.as_ref().filter(|group| group.variants.len() > 1);
    let Some((group, own)) =
        group.and_then(|it| Some((it, it.variants.iter().find(|v| v.id == product.id)?)))
    else {
        return html! {};
    };
    let is_out =
        |variant: &Variant| stock.is_some_and(|levels| levels.get(&variant.id).copied().unwrap_or(0) == 0);
    html! {
        div #options.options {
            @for (at, option) in group.options.iter().enumerate() {
                fieldset.option {
                    legend { (option.name) ": " strong { (own.values.get(at).map_or("", String::as_str)) } }
                    ul {
                        @for value in &option.values { li { (choice(value, &way(group, own, at, value), own, is_out)) } }
                    }
                }
            }
        }
    }
}

fn choice(value: &str, way: &Way<'_>, own: &Variant, is_out: impl Fn(&Variant) -> bool) -> Markup {
    let link = |variant: &Variant| format!("/p/{}#options", variant.slug);
    let (target, with) = match way {
        Way::Here => (own, None),
        Way::Exact(variant) => (*variant, None),
        Way::Near(variant, with) => (*variant, Some(with.join(", "))),
        Way::Nowhere(with) => {
            return html! {
                a.choice.none role="link" aria-disabled="true" { s { (value) } small { " not with " (with.join(", ")) } }
            };
        }
    };
    let is_out = is_out(target);
    html! {
        a.choice.out[is_out] href=(link(target)) aria-current=[(*way == Way::Here).then_some("true")] {
            (value)
            @if let Some(with) = with { small { " in " (with) } }
            @if is_out { small { " sold out" } }
        }
    }
}

/// Where the value of the option at `at` leads from `own`.
fn way<'a>(group: &'a Variants, own: &'a Variant, at: usize, value: &str) -> Way<'a> {
    let has = |variant: &Variant| variant.values.get(at).is_some_and(|own| own == value);
    if has(own) {
        return Way::Here;
    }
    let chosen_before = &own.values[..at.min(own.values.len())];
    let fitting = group.variants.iter().filter(|it| has(it) && it.values.starts_with(chosen_before));
    let in_common =
        |variant: &Variant| variant.values.iter().zip(&own.values).filter(|(a, b)| a == b).count();
    // The first of equal ones: the order of the group.
    let nearest = fitting.rev().max_by_key(|variant| in_common(variant));
    match nearest {
        None => Way::Nowhere(chosen_before.iter().map(String::as_str).collect()),
        Some(variant) => {
            let differing = variant.values.iter().zip(&own.values).skip(at + 1).filter(|(a, b)| a != b);
            let with: Vec<&str> = differing.map(|(value, _)| value.as_str()).collect();
            if with.is_empty() { Way::Exact(variant) } else { Way::Near(variant, with) }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use shop_contracts::variants::VariantOption;
    use shop_contracts::{Currency, Money, VariantGroupId};

    use super::*;

    fn group(combinations: &[[&str; 2]]) -> Variants {
        let option = |at: usize, name: &str| {
            let values: BTreeSet<&str> = combinations.iter().map(|it| it[at]).collect();
            VariantOption { name: name.to_owned(), values: values.into_iter().map(str::to_owned).collect() }
        };
        let variants = combinations.iter().map(|values| {
            let slug = values.concat();
            Variant {
                id: ProductId::from_slug(&slug),
                name: slug.clone(),
                slug,
                values: values.iter().map(|&value| value.to_owned()).collect(),
                price: Money::new(100, Currency::Eur),
                picture_version: String::new(),
            }
        });
        Variants {
            group_id: VariantGroupId::from_title("Line"),
            title: "Line".to_owned(),
            options: vec![option(0, "Diameter"), option(1, "Length")],
            variants: variants.collect(),
        }
    }

    #[test]
    fn a_value_leads_to_all_else_the_same_or_as_near_as_is_made_or_nowhere() {
        let group = group(&[["12", "8"], ["12", "9"], ["16", "8"], ["20", "9"]]);
        let own = &group.variants[0];
        assert_eq!(way(&group, own, 0, "12"), Way::Here);
        assert_eq!(way(&group, own, 0, "16"), Way::Exact(&group.variants[2]));
        assert_eq!(way(&group, own, 0, "20"), Way::Near(&group.variants[3], vec!["9"]));
        assert_eq!(way(&group, own, 1, "9"), Way::Exact(&group.variants[1]));
        assert_eq!(way(&group, &group.variants[2], 1, "9"), Way::Nowhere(vec!["16"]));
    }

    #[test]
    fn every_product_is_reached_from_every_other_however_few_are_made() {
        let group = group(&[["12", "8"], ["16", "9"], ["20", "7"], ["20", "8"]]);
        for from in &group.variants {
            for to in &group.variants {
                let mut here = from;
                for (at, value) in to.values.iter().enumerate() {
                    here = match way(&group, here, at, value) {
                        Way::Here => here,
                        Way::Exact(next) | Way::Near(next, _) => next,
                        Way::Nowhere(_) => panic!("{} to {}", from.slug, to.slug),
                    };
                }
                assert_eq!(here, to);
            }
        }
    }
}
