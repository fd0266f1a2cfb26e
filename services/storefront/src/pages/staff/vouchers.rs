//! Vouchers: every one with how often it was used, a form for a new one, and an end for each.
//!
//! Terms never change. A voucher that is wrong is ended, and another made.

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use maud::{Markup, html};
use shop_contracts::identity::StaffRole;
use shop_contracts::orders::StaffNote;
use shop_contracts::vouchers::{Benefit, MAX_PERCENT, NewVoucher, Voucher, VoucherPage, normal_code};
use shop_contracts::{Currency, Money};
use shop_instrumentation::{clock, ids};

use super::forms::{Field, Form, Kind, Refused, answer, typed};
use super::frame::csrf;
use super::member::{Staff, StaffForm};
use super::orders::actions::minor_units;
use super::{PageError, Shop, frame, see_other};
use crate::border::{PathId, QueryFields};
use crate::form::Typed;
use crate::view::{Tone, notice, price};

const LAST_PAGE: u32 = 10_000;
const NEW: &str = "new";
/// As orders takes them.
const MAX_USES: u32 = 1_000_000;
const MAX_DAYS_COUNTED_BY_PERSON: i64 = 2 * 366;
const LONGEST_NOTE: usize = 500;
const FIELDS: [&str; 8] =
    ["code", "benefit", "minimum", "starts_at", "ends_at", "max_uses", "max_uses_per_person", "note"];

pub(super) async fn list(
    State(shop): State<Shop>,
    staff: Staff,
    query: QueryFields,
) -> Result<Response, PageError> {
    let done = match query.get("done") {
        "made" => Some("The voucher is made. It counts from its first day on."),
        "ended" => Some("The voucher is ended: nobody uses it any more."),
        _ => None,
    };
    render(&shop, &staff, query.page(LAST_PAGE), None, done).await
}

pub(super) async fn create(State(shop): State<Shop>, form: StaffForm) -> Result<Response, PageError> {
    form.staff.require(StaffRole::Manager)?;
    let key = form.key()?;
    let mut typed = typed(&form, &FIELDS);
    let refused = async |refused: Refused| render(&shop, &form.staff, 1, Some(&refused), None).await;
    let Some(request) = request(&form.staff, &mut typed, clock::now()) else {
        return refused(Refused::wrong(NEW, typed)).await;
    };
    match shop.peers.create_voucher(&key, &request).await {
        Ok(_) => Ok(see_other("/staff/vouchers?done=made")),
        Err(cause) => refused(Refused::by_service(NEW, typed, cause)?).await,
    }
}

pub(super) async fn end(
    State(shop): State<Shop>,
    PathId(id): PathId,
    form: StaffForm,
) -> Result<Response, PageError> {
    form.staff.require(StaffRole::Manager)?;
    let note = StaffNote { actor: form.staff.member.username.clone(), note: String::new() };
    shop.peers.end_voucher(id, &note).await?;
    Ok(see_other("/staff/vouchers?done=ended"))
}

/// What was typed, or nothing and a message at each field that is wrong: all of them in one round.
fn request(staff: &Staff, typed: &mut Typed, now: DateTime<Utc>) -> Option<NewVoucher> {
    let code = normal_code(typed.value("code"));
    let benefit = benefit(typed.value("benefit"));
    let minimum = match typed.value("minimum") {
        "" => Some(0),
        // Nothing, written out, is a minimum too.
        text if text.bytes().all(|byte| b"0.,".contains(&byte)) => Some(0),
        text => minor_units(text),
    };
    let (first, last) = (date(typed.value("starts_at")), date(typed.value("ends_at")));
    // The last day counts whole.
    let end = last.and_then(|last| last.checked_add_days(Days::new(1)));
    let uses = |text: &str| text.parse::<u32>().ok().filter(|uses| (1..=MAX_USES).contains(uses));
    let max_uses = uses(typed.value("max_uses"));
    let per_person = match typed.value("max_uses_per_person") {
        "" => Some(None),
        text => uses(text).map(Some),
    };
    let note_fits = typed.value("note").len() <= LONGEST_NOTE;
    let too_low = match (benefit, minimum) {
        (Some(Benefit::Amount { amount }), Some(minimum)) if minimum <= amount.amount_minor => Some(amount),
        _ => None,
    };
    let turned = first.zip(end).is_some_and(|(first, end)| first >= end);
    let over = end.is_some_and(|end| end <= now);
    let counts_persons = per_person.flatten().is_some();
    let too_long =
        counts_persons && end.is_some_and(|end| (end - now).num_days() >= MAX_DAYS_COUNTED_BY_PERSON);
    let wrong = [
        ("code", code.is_none(), "Enter 4 to 24 letters, digits and dashes."),
        ("benefit", benefit.is_none(), "Enter a part from 1 to 90 %, like 10 %, or an amount like 5.00."),
        ("minimum", minimum.is_none(), "Enter an amount like 50.00."),
        ("starts_at", first.is_none(), "Enter a day like 2027-03-01."),
        ("ends_at", last.is_none(), "Enter a day like 2027-03-31."),
        ("ends_at", turned, "Enter a day that is not before the first one."),
        ("ends_at", over, "Enter a day that is not over."),
        ("ends_at", too_long, "Enter a day within two years: until then we count who used it."),
        ("max_uses", max_uses.is_none(), "Enter a whole number from 1 to 1,000,000."),
        (
            "max_uses_per_person",
            per_person.is_none(),
            "Enter a whole number from 1 to 1,000,000, or nothing.",
        ),
        ("note", !note_fits, "Too long: some 500 characters at most."),
    ];
    for (field, _, message) in wrong.into_iter().filter(|(_, is_wrong, _)| *is_wrong) {
        typed.wrong(field, message);
    }
    if let Some(amount) = too_low {
        let message = format!(
            "Enter more than the {} that it takes off, or an order might cost nothing.",
            price(amount)
        );
        typed.wrong("minimum", message);
    }
    if !typed.is_fine() {
        return None;
    }
    Some(NewVoucher {
        actor: staff.member.username.clone(),
        code: code?,
        benefit: benefit?,
        minimum: Money::new(minimum?, Currency::Eur),
        starts_at: first?,
        ends_at: end?,
        max_uses: max_uses?,
        max_uses_per_person: per_person?,
        note: typed.value("note").to_owned(),
    })
}

/// `10 %` or `5.00`.
fn benefit(text: &str) -> Option<Benefit> {
    match text.strip_suffix('%') {
        Some(percent) => {
            let percent =
                percent.trim().parse().ok().filter(|percent| (1..=MAX_PERCENT).contains(percent))?;
            Some(Benefit::Percent { percent })
        }
        None => Some(Benefit::Amount { amount: Money::new(minor_units(text)?, Currency::Eur) }),
    }
}

/// The beginning of a day.
fn date(text: &str) -> Option<DateTime<Utc>> {
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some(day.and_time(NaiveTime::MIN).and_utc())
}

async fn render(
    shop: &Shop,
    staff: &Staff,
    number: u32,
    refused: Option<&Refused>,
    done: Option<&str>,
) -> Result<Response, PageError> {
    let page = shop.peers.vouchers(number).await?;
    let body = html! {
        h1 { "Vouchers" }
        @if let Some(refused) = refused { (refused.notice()) }
        @if let Some(text) = done { (notice(Tone::Good, html! { p { (text) } })) }
        (table(staff, &page))
        @if page.page > 1 || page.has_more {
            nav.pager aria-label="Pages" {
                @if page.page > 1 { a href={ "/staff/vouchers?page=" (page.page - 1) } rel="prev" { "← Newer" } }
                @if page.has_more { a href={ "/staff/vouchers?page=" (page.page + 1) } rel="next" { "Older →" } }
            }
        }
        @if staff.may(StaffRole::Manager) { (new_voucher(staff, refused)) }
    };
    Ok(answer(refused, frame::page(staff, frame::Part::Vouchers, "Vouchers", body)))
}

fn table(staff: &Staff, page: &VoucherPage) -> Markup {
    let now = clock::now();
    html! {
        @if page.vouchers.is_empty() { div.empty { p { "There is none yet." } } } @else {
            div.scroll tabindex="0" role="region" aria-label="Vouchers" {
                table #vouchers.stack {
                    thead { tr { th { "Code" } th { "Takes off" } th.num { "Goods from" } th { "Counts" } th.num { "Used" } th { "Made by" } th { "" } } }
                    tbody { @for one in &page.vouchers { (row(staff, one, now)) } }
                }
            }
        }
    }
}

fn row(staff: &Staff, one: &Voucher, now: DateTime<Utc>) -> Markup {
    let is_over = one.ended_at.is_some() || one.ends_at <= now;
    html! {
        tr {
            td { code { (one.terms.code) } @if !one.note.is_empty() { p.hint { (one.note) } } }
            td data-label="Takes off" { @match one.terms.benefit { Benefit::Percent { percent } => { (percent) " %" }, Benefit::Amount { amount } => (price(amount)) } }
            td.num data-label="Goods from" { @if one.terms.minimum.amount_minor > 0 { (price(one.terms.minimum)) } @else { "—" } }
            td data-label="Counts" {
                span.nowrap { (day(one.starts_at)) } " to " span.nowrap { (day(last_day(one))) }
                @if let (Some(by), Some(at)) = (&one.ended_by, one.ended_at) { p.hint { "Ended by " (by) ", " (at.format("%-d %b %Y, %H:%M")) } }
            }
            td.num data-label="Used" { (one.uses) " of " (one.max_uses) @if let Some(most) = one.max_uses_per_person { p.hint { (most) " a person" } } }
            td data-label="Made by" { (one.created_by) p.hint { (day(one.created_at)) } }
            td {
                @if is_over { span.status.bad { "Over" } }
                @else if staff.may(StaffRole::Manager) {
                    form action={ "/staff/vouchers/" (one.id) "/end" } method="post" data-once="Ending…" {
                        (csrf(staff))
                        button.button.quiet.small type="submit" aria-label={ "End " (one.terms.code) } { "End" }
                    }
                } @else { span.status.good { "Open" } }
            }
        }
    }
}

fn day(at: DateTime<Utc>) -> String {
    at.format("%-d %b %Y").to_string()
}

/// The last day that counts.
fn last_day(one: &Voucher) -> DateTime<Utc> {
    one.ends_at - chrono::Duration::microseconds(1)
}

fn new_voucher(staff: &Staff, refused: Option<&Refused>) -> Markup {
    let form = Form { name: NEW, refused };
    let field = |name, label: &str, longest, kind, required| {
        form.field(&Field { name, label, longest, kind, value: "", required })
    };
    html! {
        form #new-form.card action="/staff/vouchers" method="post" novalidate data-once="Making…" {
            h2 { "A new voucher" }
            (csrf(staff))
            input type="hidden" name="key" value=(ids::new_id().simple());
            (field("code", "Code, 4 to 24 letters, digits and dashes", 24, Kind::Line, true))
            (field("benefit", "Takes off the goods: 10 % or 5.00", 12, Kind::Line, true))
            (field("minimum", "For goods from, EUR", 12, Kind::Amount, false))
            (field("starts_at", "First day, like 2027-03-01", 10, Kind::Line, true))
            (field("ends_at", "Last day", 10, Kind::Line, true))
            (field("max_uses", "Orders that may use it", 7, Kind::Pieces, true))
            (field("max_uses_per_person", "Orders of one person, for two years at most", 7, Kind::Pieces, false))
            (field("note", "What for", LONGEST_NOTE, Kind::Line, false))
            button.button type="submit" { "Make it" }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_amounts_are_told_apart() {
        assert_eq!(benefit("10 %"), Some(Benefit::Percent { percent: 10 }));
        assert_eq!(benefit("5.00"), Some(Benefit::Amount { amount: Money::new(500, Currency::Eur) }));
        for wrong in ["", "%", "ten %", "-3 %", "0 %", "95 %", "5,00,1"] {
            assert_eq!(benefit(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn days_are_days_of_the_calendar() {
        assert_eq!(date("2027-03-01").map(|at| at.timestamp()), Some(1_803_859_200));
        for wrong in ["", "2027-02-30", "1.3.2027", "99999-01-01x"] {
            assert_eq!(date(wrong), None, "{wrong}");
        }
    }
}
