//! Staff puts products into groups of variants, takes them out, renames groups. Each change stands in the history of
//! every product that it changes.
//!
//! Locks: the product's row, then one group's. Whoever changes what is in a group holds the group's row, so that what is
//! checked there still holds when it is written; the index of combinations holds it in any case.

use chrono::{DateTime, Utc};
use shop_contracts::catalog::{Product, ProductChange};
use shop_contracts::variants::{
    ExpectedGroup, ExpectedPlace, JoinGroup, LeaveGroup, MAX_VARIANTS, RenameGroup, VariantGroup, unsaid,
};
use shop_contracts::{ProductId, VariantGroupId};
use shop_instrumentation::db::observe;
use sqlx::PgConnection;

use super::edits::{find_locked, insert_change};
use super::products::PgCatalog;

/// What came of a change of a product's group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grouped {
    /// The product as it is now, without its group.
    Yes(Box<Product>),
    /// There is no such product.
    UnknownProduct,
    /// There is no such group.
    UnknownGroup,
    /// The group has this many options.
    OtherCount(usize),
    /// The product's name does not say this value.
    Unsaid(String),
    /// The product with this name has these values already.
    Taken(String),
    /// The group is full.
    Full,
    /// Nothing was changed: this is not where the product was expected to stand. With the product, without its group.
    ChangedMeanwhile(Box<Product>, &'static str),
}

/// What came of renaming a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Renamed {
    /// The group as it is now.
    Yes(VariantGroup),
    /// There is no such group.
    UnknownGroup,
    /// The group has this many options.
    OtherCount(usize),
    /// Nothing was changed: these fields are not what was expected. With the group as it is.
    ChangedMeanwhile(VariantGroup, Vec<&'static str>),
}

/// A group's row.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    id: VariantGroupId,
    title: String,
    options: Vec<String>,
}

/// Where a product stands.
struct Place {
    group: Group,
    values: Vec<String>,
}

struct Member {
    id: ProductId,
    name: String,
    values: Vec<String>,
}

impl PgCatalog {
    /// Puts a product into a group, or gives it other values there. `new_id` is for a group that is made.
    pub async fn join_group(
        &self,
        id: ProductId,
        join: &JoinGroup,
        new_id: VariantGroupId,
        now: DateTime<Utc>,
    ) -> Result<Grouped, sqlx::Error> {
        observe("UPDATE products variant", async {
            let mut tx = self.pool.begin().await?;
            let Some(product) = find_locked(&mut tx, id).await? else {
                return Ok(Grouped::UnknownProduct);
            };
            let before = find_place(&mut tx, id).await?;
            let foreign = stands_elsewhere(join.expected.as_ref(), before.as_ref());
            let Some(group) = wanted_group(&mut tx, join, before.as_ref(), new_id).await? else {
                return Ok(Grouped::UnknownGroup);
            };
            if join.values.len() != group.options.len() {
                return Ok(Grouped::OtherCount(group.options.len()));
            }
            if let Some(value) = unsaid(&product.name, &join.values) {
                return Ok(Grouped::Unsaid(value.to_owned()));
            }
            let mut others = members(&mut tx, group.id).await?;
            others.retain(|member| member.id != id);
            if others.len() >= MAX_VARIANTS {
                return Ok(Grouped::Full);
            }
            let values = spelled_alike(&join.values, &others);
            if let Some(other) = others.into_iter().find(|member| member.values == values) {
                return Ok(Grouped::Taken(other.name));
            }
            let (was, place) = (told(before.as_ref()), Place { group, values });
            let is = told(Some(&place));
            if was != is || before.is_none_or(|before| before.group.id != place.group.id) {
                // What is as asked already is no conflict: the same request may come twice.
                if let Some(field) = foreign {
                    return Ok(Grouped::ChangedMeanwhile(Box::new(product), field));
                }
                if let Err(cause) = put(&mut tx, id, Some(&place)).await {
                    // What the database counts as the same and we do not.
                    return if is_taken(&cause) {
                        Ok(Grouped::Taken("another product".to_owned()))
                    } else {
                        Err(cause)
                    };
                }
                insert_change(&mut tx, id, &change(now, &join.actor, &join.note, was, is)).await?;
            }
            tx.commit().await?;
            Ok(Grouped::Yes(Box::new(product)))
        })
        .await
    }

    /// Takes a product out of its group; one that is in none stays as it is. An empty group stays, to be joined again.
    pub async fn leave_group(
        &self,
        id: ProductId,
        leave: &LeaveGroup,
        now: DateTime<Utc>,
    ) -> Result<Grouped, sqlx::Error> {
        observe("UPDATE products variant", async {
            let mut tx = self.pool.begin().await?;
            let Some(product) = find_locked(&mut tx, id).await? else {
                return Ok(Grouped::UnknownProduct);
            };
            if let Some(before) = find_place(&mut tx, id).await? {
                if let Some(field) = stands_elsewhere(leave.expected.as_ref(), Some(&before)) {
                    return Ok(Grouped::ChangedMeanwhile(Box::new(product), field));
                }
                put(&mut tx, id, None).await?;
                let change = change(now, &leave.actor, &leave.note, told(Some(&before)), told(None));
                insert_change(&mut tx, id, &change).await?;
            }
            tx.commit().await?;
            Ok(Grouped::Yes(Box::new(product)))
        })
        .await
    }

    /// Gives a group another title or its options other names.
    pub async fn rename_group(
        &self,
        id: VariantGroupId,
        rename: &RenameGroup,
        now: DateTime<Utc>,
    ) -> Result<Renamed, sqlx::Error> {
        observe("UPDATE variant_groups", async {
            let mut tx = self.pool.begin().await?;
            let Some(before) = lock_group(&mut tx, id).await? else {
                return Ok(Renamed::UnknownGroup);
            };
            if rename.options.len() != before.options.len() {
                return Ok(Renamed::OtherCount(before.options.len()));
            }
            let after = Group { id, title: rename.title.clone(), options: rename.options.clone() };
            let members = members(&mut tx, id).await?;
            let variants = u32::try_from(members.len()).unwrap_or(u32::MAX);
            let foreign = called_otherwise(rename.expected.as_ref(), &before, &after);
            if !foreign.is_empty() {
                let Group { id, title, options } = before;
                return Ok(Renamed::ChangedMeanwhile(VariantGroup { id, title, options, variants }, foreign));
            }
            if after != before {
                let query = sqlx::query!(
                    "UPDATE variant_groups SET title = $2, options = $3 WHERE id = $1",
                    id.uuid(),
                    after.title,
                    &after.options
                );
                query.execute(&mut *tx).await?;
                for member in members {
                    let told = |group: &Group| {
                        told(Some(&Place { group: group.clone(), values: member.values.clone() }))
                    };
                    let change = change(now, &rename.actor, &rename.note, told(&before), told(&after));
                    insert_change(&mut tx, member.id, &change).await?;
                }
            }
            tx.commit().await?;
            Ok(Renamed::Yes(VariantGroup { id, title: after.title, options: after.options, variants }))
        })
        .await
    }
}

/// The field in which a product does not stand where it was expected to.
fn stands_elsewhere(expected: Option<&ExpectedPlace>, before: Option<&Place>) -> Option<&'static str> {
    let expected = expected?;
    if expected.group != before.map(|place| place.group.id) {
        return Some("group");
    }
    before.is_some_and(|place| place.values != expected.values).then_some("values")
}

/// Fields that this would change although they are not what was expected.
fn called_otherwise(expected: Option<&ExpectedGroup>, before: &Group, after: &Group) -> Vec<&'static str> {
    let Some(expected) = expected else { return Vec::new() };
    let fields = [
        ("title", before.title != after.title && before.title != expected.title),
        ("options", before.options != after.options && before.options != expected.options),
    ];
    fields.into_iter().filter(|(_, foreign)| *foreign).map(|(field, _)| field).collect()
}

/// The group to be joined, locked. One that is to be made is the product's own if that is like it: a request that comes
/// twice makes one group.
async fn wanted_group(
    tx: &mut PgConnection,
    join: &JoinGroup,
    before: Option<&Place>,
    new_id: VariantGroupId,
) -> Result<Option<Group>, sqlx::Error> {
    let Some(title) = &join.title else {
        return match join.group {
            Some(id) => lock_group(tx, id).await,
            None => Ok(None),
        };
    };
    let alike =
        before.map(|place| &place.group).filter(|it| it.title == *title && it.options == join.options);
    if let Some(group) = alike {
        return lock_group(tx, group.id).await;
    }
    let group = Group { id: new_id, title: title.clone(), options: join.options.clone() };
    let query = sqlx::query!(
        "INSERT INTO variant_groups (id, title, options) VALUES ($1, $2, $3)",
        group.id.uuid(),
        group.title,
        &group.options
    );
    query.execute(tx).await?;
    Ok(Some(group))
}

async fn lock_group(tx: &mut PgConnection, id: VariantGroupId) -> Result<Option<Group>, sqlx::Error> {
    let query =
        sqlx::query!("SELECT title, options FROM variant_groups WHERE id = $1 FOR NO KEY UPDATE", id.uuid());
    let row = query.fetch_optional(tx).await?;
    Ok(row.map(|row| Group { id, title: row.title, options: row.options }))
}

async fn find_place(tx: &mut PgConnection, id: ProductId) -> Result<Option<Place>, sqlx::Error> {
    let query = sqlx::query!(
        "SELECT g.id, g.title, g.options, p.variant_values AS \"variant_values!\" FROM products p \
         JOIN variant_groups g ON g.id = p.variant_group_id WHERE p.id = $1",
        id.uuid()
    );
    let row = query.fetch_optional(tx).await?;
    Ok(row.map(|row| {
        let group = Group { id: VariantGroupId(row.id), title: row.title, options: row.options };
        Place { group, values: row.variant_values }
    }))
}

/// The values of the group that a product is in.
pub(super) async fn values_of(tx: &mut PgConnection, id: ProductId) -> Result<Vec<String>, sqlx::Error> {
    Ok(find_place(tx, id).await?.map(|place| place.values).unwrap_or_default())
}

async fn members(tx: &mut PgConnection, group: VariantGroupId) -> Result<Vec<Member>, sqlx::Error> {
    let query = sqlx::query!(
        "SELECT id, name, variant_values AS \"variant_values!\" FROM products WHERE variant_group_id = $1 \
         ORDER BY position, id",
        group.uuid()
    );
    let rows = query.fetch_all(tx).await?;
    let member = |id, name, values| Member { id: ProductId(id), name, values };
    Ok(rows.into_iter().map(|row| member(row.id, row.name, row.variant_values)).collect())
}

async fn put(tx: &mut PgConnection, id: ProductId, place: Option<&Place>) -> Result<(), sqlx::Error> {
    let query = sqlx::query!(
        "UPDATE products SET variant_group_id = $2, variant_values = $3 WHERE id = $1",
        id.uuid(),
        place.map(|place| place.group.id.uuid()),
        place.map(|place| &place.values[..])
    );
    query.execute(tx).await.map(|_| ())
}

fn is_taken(cause: &sqlx::Error) -> bool {
    let constraint = cause.as_database_error().and_then(|cause| cause.constraint());
    constraint == Some("products_variant_combination_unique")
}

/// The values as the group spells them already: `brass` is `Brass` where another product is.
fn spelled_alike(values: &[String], others: &[Member]) -> Vec<String> {
    let known = |at: usize, value: &str| {
        let mut spellings = others.iter().filter_map(|member| member.values.get(at));
        spellings.find(|known| known.to_lowercase() == value.to_lowercase()).cloned()
    };
    values.iter().enumerate().map(|(at, value)| known(at, value).unwrap_or_else(|| value.clone())).collect()
}

/// A place in the words of the history: `Storm Lantern (Finish: Brass, Size: Large)`.
fn told(place: Option<&Place>) -> String {
    let Some(Place { group, values }) = place else {
        return "in no group".to_owned();
    };
    let pairs: Vec<String> =
        group.options.iter().zip(values).map(|(option, value)| format!("{option}: {value}")).collect();
    format!("{} ({})", group.title, pairs.join(", "))
}

fn change(at: DateTime<Utc>, actor: &str, note: &str, before: String, after: String) -> ProductChange {
    let (actor, note) = (actor.to_owned(), note.to_owned());
    ProductChange { at, actor, field: "variant".to_owned(), before, after, note }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn a_place_is_told_with_options_and_values() {
        let group = Group {
            id: VariantGroupId::from_title("Lantern"),
            title: "Lantern".to_owned(),
            options: words(&["Finish", "Size"]),
        };
        let place = Place { group, values: words(&["Brass", "Large"]) };
        assert_eq!(told(Some(&place)), "Lantern (Finish: Brass, Size: Large)");
        assert_eq!(told(None), "in no group");
    }

    #[test]
    fn a_value_is_spelled_as_in_the_group() {
        let other = Member {
            id: ProductId::from_slug("a"),
            name: "a".to_owned(),
            values: words(&["Brass", "Large"]),
        };
        assert_eq!(spelled_alike(&words(&["BRASS", "small"]), &[other]), words(&["Brass", "small"]));
    }
}
