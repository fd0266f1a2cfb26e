//! Variants on a product's page: its group, put into one, taken out, renamed. Clerks do that: neither a price nor a text
//! is changed by it.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use shop_contracts::catalog::Product;
use shop_contracts::identity::StaffRole;
use shop_contracts::variants::{
    ExpectedGroup, ExpectedPlace, JoinGroup, LeaveGroup, RenameGroup, VariantGroup, Variants,
};
use shop_instrumentation::client::CallError;

use super::forms::{Field, Form, Kind, Refused, typed};
use super::frame::csrf;
use super::member::{Staff, StaffForm};
use super::products::render;
use super::{PageError, Shop, see_other};
use crate::border::Slug;
use crate::form::Typed;
use crate::view::{Tone, notice, price};

const JOIN: &str = "variant";
const LEAVE: &str = "leave";
const RENAME: &str = "group";
/// Hidden fields: what the page showed when it was opened.
const SHOWN_PLACE: &str = "shown_place";
const SHOWN_TITLE: &str = "shown_title";
const SHOWN_OPTIONS: &str = "shown_options";
/// Three of forty characters with what stands between them.
const LONGEST_WORDS: usize = 130;

pub(super) async fn join(
    State(shop): State<Shop>,
    slug: Slug,
    form: StaffForm,
) -> Result<Response, PageError> {
    form.staff.require(StaffRole::Clerk)?;
    let product = shop.peers.product(slug.as_str()).await?;
    let mut typed = typed(&form, &["group", "title", "options", "values", "note"]);
    let title = Some(typed.value("title").to_owned()).filter(|title| !title.is_empty());
    let group = match typed.value("group") {
        "" => None,
        text => match text.parse() {
            Ok(group) => Some(group),
            Err(_) => {
                typed.wrong("group", "Choose a group from the list.");
                return render(&shop, &form.staff, &slug, Some(&Refused::wrong(JOIN, typed)), false).await;
            }
        },
    };
    let request = JoinGroup {
        actor: form.staff.member.username.clone(),
        group,
        title,
        options: words(typed.value("options")),
        values: words(typed.value("values")),
        note: typed.value("note").to_owned(),
        expected: Some(shown_place(&form, &product)),
    };
    let done = shop.peers.join_group(product.id, &request).await;
    answer(&shop, &form.staff, &slug, done.map(|_| ()), JOIN, typed).await
}

pub(super) async fn leave(
    State(shop): State<Shop>,
    slug: Slug,
    form: StaffForm,
) -> Result<Response, PageError> {
    form.staff.require(StaffRole::Clerk)?;
    let product = shop.peers.product(slug.as_str()).await?;
    let typed = typed(&form, &["note"]);
    let request = LeaveGroup {
        actor: form.staff.member.username.clone(),
        note: typed.value("note").to_owned(),
        expected: Some(shown_place(&form, &product)),
    };
    let done = shop.peers.leave_group(product.id, &request).await;
    answer(&shop, &form.staff, &slug, done.map(|_| ()), LEAVE, typed).await
}

pub(super) async fn rename(
    State(shop): State<Shop>,
    slug: Slug,
    form: StaffForm,
) -> Result<Response, PageError> {
    form.staff.require(StaffRole::Clerk)?;
    let product = shop.peers.product(slug.as_str()).await?;
    let typed = typed(&form, &["title", "options", "note"]);
    let shown = shown_place(&form, &product).group;
    let Some(group) = product.variants.filter(|group| shown.is_none_or(|shown| shown == group.group_id))
    else {
        // Somebody took it out meanwhile, or put it elsewhere.
        let text = "Not done: this product is no longer in the group that you saw.".to_owned();
        let refused = Refused { text, ..Refused::wrong(RENAME, typed) };
        return render(&shop, &form.staff, &slug, Some(&refused), false).await;
    };
    let request = RenameGroup {
        actor: form.staff.member.username.clone(),
        title: typed.value("title").to_owned(),
        options: words(typed.value("options")),
        note: typed.value("note").to_owned(),
        expected: Some(shown_group(&form, &group)),
    };
    let done = shop.peers.rename_group(group.group_id, &request).await;
    answer(&shop, &form.staff, &slug, done.map(|_| ()), RENAME, typed).await
}

/// Where the page showed the product; a form from before pages said so stands on the product as it is.
fn shown_place(form: &StaffForm, product: &Product) -> ExpectedPlace {
    serde_json::from_str(&form.text(SHOWN_PLACE)).unwrap_or_else(|_| place(product))
}

/// What the page called the group; a form from before pages said so stands on the group as it is.
fn shown_group(form: &StaffForm, group: &Variants) -> ExpectedGroup {
    let shown = form.text(SHOWN_TITLE);
    let options = serde_json::from_str(&form.text(SHOWN_OPTIONS)).ok();
    ExpectedGroup {
        title: if shown.is_empty() { group.title.clone() } else { shown },
        options: options.unwrap_or_else(|| names(group)),
    }
}

fn place(product: &Product) -> ExpectedPlace {
    let Some(group) = &product.variants else { return ExpectedPlace::default() };
    let own = group.variants.iter().find(|variant| variant.id == product.id);
    ExpectedPlace {
        group: Some(group.group_id),
        values: own.map(|variant| variant.values.clone()).unwrap_or_default(),
    }
}

fn names(group: &Variants) -> Vec<String> {
    group.options.iter().map(|option| option.name.clone()).collect()
}

/// What a form stands on, for [`shown_place`]: values may hold any character.
fn place_field(product: &Product) -> Markup {
    html! { input type="hidden" name=(SHOWN_PLACE) value=(serde_json::json!(place(product))); }
}

async fn answer(
    shop: &Shop,
    staff: &Staff,
    slug: &Slug,
    done: Result<(), CallError>,
    form: &'static str,
    typed: Typed,
) -> Result<Response, PageError> {
    match done {
        Ok(()) => Ok(see_other(&format!("/staff/products/{}?done={form}", slug.as_str()))),
        Err(cause) => render(shop, staff, slug, Some(&Refused::by_service(form, typed, cause)?), false).await,
    }
}

/// Groups that a product can be put into; none for one that is in a group, or for who may not. `Err` when the catalogue
/// does not say.
pub(super) async fn choosable(
    shop: &Shop,
    staff: &Staff,
    product: &Product,
) -> Result<Vec<VariantGroup>, CallError> {
    if product.variants.is_some() || !staff.may(StaffRole::Clerk) {
        return Ok(Vec::new());
    }
    let groups = shop.peers.variant_groups().await.map(|answer| answer.groups);
    groups.inspect_err(|cause| tracing::warn!(error = %cause, "groups of variants are unavailable"))
}

/// The part of a product's page about its variants.
pub(super) fn section(
    staff: &Staff,
    product: &Product,
    groups: &Result<Vec<VariantGroup>, CallError>,
    refused: Option<&Refused>,
) -> Markup {
    let may = staff.may(StaffRole::Clerk);
    html! {
        h2 #variants { "Variants" }
        @match (&product.variants, groups) {
            (Some(group), _) => {
                (table(product, group))
                @if may { (values_form(staff, product, group, refused)) (rename_form(staff, product, group, refused)) }
            },
            (None, _) if !may => p.hint { "In no group: sold as it is." },
            (None, Err(_)) => (notice(Tone::Bad, html! { p { "The groups cannot be shown just now." } })),
            (None, Ok(groups)) => { (join_form(staff, product, groups, refused)) },
        }
    }
}

fn table(product: &Product, group: &Variants) -> Markup {
    html! {
        p { "One of the group " strong { (group.title) } ". Lists show the group once." }
        div.scroll tabindex="0" role="region" aria-label="Products of the group" {
            table {
                thead { tr { th { "Name" } @for option in &group.options { th { (option.name) } } th.num { "Price" } } }
                tbody {
                    @for variant in &group.variants {
                        tr {
                            td {
                                @if variant.id == product.id { strong { (variant.name) } }
                                @else { a href={ "/staff/products/" (variant.slug) } { (variant.name) } }
                            }
                            @for value in &variant.values { td { (value) } }
                            td.num { (price(variant.price)) }
                        }
                    }
                }
            }
        }
    }
}

fn join_form(staff: &Staff, product: &Product, groups: &[VariantGroup], refused: Option<&Refused>) -> Markup {
    let form = Form { name: JOIN, refused };
    let chosen = form.chosen("group");
    let error = form.error("group");
    html! {
        details.card.fold open[form.was_refused()] {
            summary { "Put into a group" }
            form #variant-form action={ "/staff/products/" (product.slug) "/variant" } method="post" novalidate data-once="Saving…" {
                (csrf(staff)) (place_field(product))
                p.hint { "The name of this product must say all of its values: carts, orders and mails show the name alone." }
                div.field.wrong[error.is_some()] {
                    label for="variant-group" { "Group" }
                    select #variant-group name="group" aria-invalid=[error.map(|_| "true")] aria-describedby=[error.map(|_| "variant-group-error")] {
                        option value="" { "A new one, named below" }
                        @for group in groups {
                            option value=(group.id) selected[group.id.to_string() == chosen] { (group.title) " (" (group.options.join(", ")) ")" }
                        }
                    }
                    @if let Some(error) = error { p.error #variant-group-error { (error) } }
                }
                (line(&form, "title", "Title of a new group", 120, "", false))
                (line(&form, "options", "Its options, with commas between them", LONGEST_WORDS, "", false))
                (line(&form, "values", "This product’s values, in the order of the options, with commas between them", LONGEST_WORDS, "", true))
                (line(&form, "note", "Why", 500, "", false))
                button.button type="submit" { "Put into the group" }
            }
        }
    }
}

fn values_form(staff: &Staff, product: &Product, group: &Variants, refused: Option<&Refused>) -> Markup {
    let form = Form { name: JOIN, refused };
    let own = group.variants.iter().find(|variant| variant.id == product.id);
    let values = own.map(|variant| variant.values.join(", ")).unwrap_or_default();
    let options: Vec<&str> = group.options.iter().map(|option| option.name.as_str()).collect();
    html! {
        details.card.fold open[form.was_refused() || Form { name: LEAVE, refused }.was_refused()] {
            summary { "This product in the group" }
            form #variant-form action={ "/staff/products/" (product.slug) "/variant" } method="post" novalidate data-once="Saving…" {
                (csrf(staff)) (place_field(product))
                input type="hidden" name="group" value=(group.group_id);
                (line(&form, "values", &format!("{}, with commas between them", options.join(", ")), LONGEST_WORDS, &values, true))
                (line(&form, "note", "Why", 500, "", false))
                button.button type="submit" { "Save values" }
            }
            form #leave-form action={ "/staff/products/" (product.slug) "/variant/leave" } method="post" data-once="Taking out…" {
                (csrf(staff)) (place_field(product))
                button.button.quiet type="submit" { "Take out of the group" }
            }
        }
    }
}

fn rename_form(staff: &Staff, product: &Product, group: &Variants, refused: Option<&Refused>) -> Markup {
    let form = Form { name: RENAME, refused };
    let options: Vec<&str> = group.options.iter().map(|option| option.name.as_str()).collect();
    html! {
        details.card.fold open[form.was_refused()] {
            summary { "Rename the group" }
            form #group-form action={ "/staff/products/" (product.slug) "/variant/group" } method="post" novalidate data-once="Saving…" {
                (csrf(staff)) (place_field(product))
                input type="hidden" name=(SHOWN_TITLE) value=(group.title);
                input type="hidden" name=(SHOWN_OPTIONS) value=(serde_json::json!(names(group)));
                (line(&form, "title", "Title", 120, &group.title, true))
                (line(&form, "options", "Options, with commas between them", LONGEST_WORDS, &options.join(", "), true))
                (line(&form, "note", "Why", 500, "", false))
                button.button type="submit" { "Rename for all " (group.variants.len()) }
            }
        }
    }
}

fn line(
    form: &Form<'_>,
    name: &'static str,
    label: &str,
    longest: usize,
    value: &str,
    required: bool,
) -> Markup {
    form.field(&Field { name, label, longest, kind: Kind::Line, value, required })
}

/// `Navy, Large` as two words; what is empty between two commas is kept, to be refused by name.
fn words(text: &str) -> Vec<String> {
    if text.is_empty() {
        return Vec::new();
    }
    text.split(',').map(|word| word.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn commas_part_words_and_what_is_empty_is_kept() {
        assert_eq!(words(" Navy , Large"), ["Navy", "Large"]);
        assert_eq!(words("Navy,,Large"), ["Navy", "", "Large"]);
        assert!(words("").is_empty());
    }
}
