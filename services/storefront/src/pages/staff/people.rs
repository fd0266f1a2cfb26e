//! The staff: who belongs to it, and what managers do about that. For managers alone.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use shop_contracts::identity::{
    ChangeStaffRole, NewStaffMember, SetStaffPassword, StaffChange, StaffEntry, StaffRole,
};
use shop_instrumentation::client::CallError;
use shop_instrumentation::ids;

use super::forms::{Field, Form, Kind, Refused, answer, typed};
use super::frame::{csrf, role_name};
use super::member::{Staff, StaffForm, refused as refused_role};
use super::{PageError, Shop, frame, see_other};
use crate::border::{QueryFields, StaffName};
use crate::form::Typed;
use crate::view::{Tone, notice};

const NEW: &str = "new";
const ROLE: &str = "role";
const PASSWORD: &str = "password";
const END: &str = "end";
const ROLES: [StaffRole; 3] = [StaffRole::Viewer, StaffRole::Clerk, StaffRole::Manager];

pub(super) async fn list(
    State(shop): State<Shop>,
    staff: Staff,
    query: QueryFields,
) -> Result<Response, PageError> {
    staff.require(StaffRole::Manager)?;
    let done = (query.get("done") == NEW).then_some("The member is added and can log in now.");
    render_list(&shop, &staff, None, done).await
}

pub(super) async fn add(State(shop): State<Shop>, form: StaffForm) -> Result<Response, PageError> {
    form.staff.require(StaffRole::Manager)?;
    let key = form.key()?;
    let mut typed = typed(&form, &["username", "role"]);
    let role = role_of(typed.value("role"));
    if role.is_none() {
        typed.wrong("role", "Choose a role.");
    }
    typed.check_password("password", form.raw("password"));
    let (Some(role), true) = (role, typed.is_fine()) else {
        return render_list(&shop, &form.staff, Some(&Refused::wrong(NEW, typed)), None).await;
    };
    let new = NewStaffMember {
        username: typed.value("username").to_owned(),
        role,
        password: form.raw("password").to_owned(),
    };
    match shop.peers.add_staff_member(&form.staff.token, &key, &new).await {
        Ok(_) => Ok(see_other("/staff/people?done=new")),
        Err(cause) => {
            let refused = Refused::by_service(NEW, typed, cause)?;
            render_list(&shop, &form.staff, Some(&refused), None).await
        }
    }
}

pub(super) async fn show(
    State(shop): State<Shop>,
    staff: Staff,
    name: StaffName,
    query: QueryFields,
) -> Result<Response, PageError> {
    staff.require(StaffRole::Manager)?;
    let done = match query.get("done") {
        ROLE => Some("The role is changed. It counts at once."),
        PASSWORD => Some("The password is set. Every session of this member is ended."),
        END => Some("The member is ended and logged out everywhere."),
        _ => None,
    };
    render_one(&shop, &staff, &name, None, done).await
}

pub(super) async fn change_role(
    State(shop): State<Shop>,
    name: StaffName,
    form: StaffForm,
) -> Result<Response, PageError> {
    form.staff.require(StaffRole::Manager)?;
    let typed = typed(&form, &["role"]);
    let role = role_of(typed.value("role")).ok_or_else(|| PageError::BadForm("no role".to_owned()))?;
    let change = ChangeStaffRole { role };
    let answer = shop.peers.change_staff_role(&form.staff.token, name.as_str(), &change).await;
    end_of(&shop, &form, &name, ROLE, typed, answer).await
}

pub(super) async fn set_password(
    State(shop): State<Shop>,
    name: StaffName,
    form: StaffForm,
) -> Result<Response, PageError> {
    form.staff.require(StaffRole::Manager)?;
    let mut typed = Typed::default();
    typed.check_password("password", form.raw("password"));
    if !typed.is_fine() {
        let refused = Refused::wrong(PASSWORD, typed);
        return render_one(&shop, &form.staff, &name, Some(&refused), None).await;
    }
    let change = SetStaffPassword { password: form.raw("password").to_owned() };
    let answer = shop.peers.set_staff_password(&form.staff.token, name.as_str(), &change).await;
    // A manager's own sessions ended with the others.
    if answer.is_ok() && name.as_str() == form.staff.member.username {
        return Ok(see_other("/staff/login"));
    }
    end_of(&shop, &form, &name, PASSWORD, typed, answer).await
}

pub(super) async fn end(
    State(shop): State<Shop>,
    name: StaffName,
    form: StaffForm,
) -> Result<Response, PageError> {
    form.staff.require(StaffRole::Manager)?;
    let answer = shop.peers.end_staff_member(&form.staff.token, name.as_str()).await;
    if answer.is_ok() && name.as_str() == form.staff.member.username {
        return Ok(see_other("/staff/login"));
    }
    end_of(&shop, &form, &name, END, Typed::default(), answer).await
}

/// Back to the member's page, which says what was done; a refusal is said on it.
async fn end_of(
    shop: &Shop,
    form: &StaffForm,
    name: &StaffName,
    what: &'static str,
    typed: Typed,
    answer: Result<StaffEntry, CallError>,
) -> Result<Response, PageError> {
    match answer {
        Ok(_) => Ok(see_other(&format!("/staff/people/{}?done={what}", name.as_str()))),
        Err(cause) => {
            let refused = Refused::by_service(what, typed, cause)?;
            render_one(shop, &form.staff, name, Some(&refused), None).await
        }
    }
}

fn role_of(name: &str) -> Option<StaffRole> {
    ROLES.into_iter().find(|role| role_name(*role) == name)
}

async fn render_list(
    shop: &Shop,
    staff: &Staff,
    refused: Option<&Refused>,
    done: Option<&str>,
) -> Result<Response, PageError> {
    let (members, changes) =
        tokio::join!(shop.peers.staff_members(&staff.token), shop.peers.staff_changes(&staff.token));
    let (members, changes) = (members.map_err(refused_role)?.members, changes.map_err(refused_role)?.changes);
    let body = html! {
        h1 { "People" }
        @if let Some(refused) = refused { (refused.notice()) }
        @if let Some(text) = done { (notice(Tone::Good, html! { p { (text) } })) }
        div.scroll tabindex="0" role="region" aria-label="People" {
            table #people.stack {
                thead { tr { th { "Name" } th { "Role" } th { "Since" } th { "" } } }
                tbody { @for one in &members {
                    tr {
                        td { a href={ "/staff/people/" (one.username) } { (one.username) } @if one.username == staff.member.username { " (you)" } }
                        td { (role_name(one.role)) }
                        td data-label="since" { (one.created_at.format("%-d %b %Y")) }
                        td { (standing(one)) }
                    }
                } }
            }
        }
        (new_member(staff, refused))
        h2 { "Changes" }
        (history(&changes))
    };
    Ok(answer(refused, frame::page(staff, frame::Part::People, "People", body)))
}

async fn render_one(
    shop: &Shop,
    staff: &Staff,
    name: &StaffName,
    refused: Option<&Refused>,
    done: Option<&str>,
) -> Result<Response, PageError> {
    let (members, changes) =
        tokio::join!(shop.peers.staff_members(&staff.token), shop.peers.staff_changes(&staff.token));
    let (members, mut changes) =
        (members.map_err(refused_role)?.members, changes.map_err(refused_role)?.changes);
    let one = members.iter().find(|one| one.username == name.as_str()).ok_or(PageError::NotFound)?;
    changes.retain(|change| change.username == one.username);
    let body = html! {
        p.crumbs { a href="/staff/people" { "People" } " / " (one.username) }
        h1 { (one.username) }
        @if let Some(refused) = refused { (refused.notice()) }
        @if let Some(text) = done { (notice(Tone::Good, html! { p { (text) } })) }
        p { (role_name(one.role)) ", since " (one.created_at.format("%-d %B %Y")) " " (standing(one)) }
        @if one.ended_at.is_none() {
            div.cards-2 { (role_form(staff, one)) (password_form(staff, one, refused)) (end_form(staff, one)) }
        }
        h2 { "Changes" }
        (history(&changes))
    };
    Ok(answer(refused, frame::page(staff, frame::Part::People, &one.username, body)))
}

fn standing(one: &StaffEntry) -> Markup {
    html! {
        @match one.ended_at {
            Some(at) => span.status.bad { "Ended " (at.format("%-d %b %Y")) },
            None => span.status.good { "Active" },
        }
    }
}

fn roles(id: &str, chosen: &str) -> Markup {
    html! {
        select id=(id) name="role" {
            @for role in ROLES { option value=(role_name(role)) selected[role_name(role) == chosen] { (role_name(role)) ", " (allows(role)) } }
        }
    }
}

const fn allows(role: StaffRole) -> &'static str {
    match role {
        StaffRole::Viewer => "looks only",
        StaffRole::Clerk => "ships, refunds, counts stock",
        StaffRole::Manager => "products, vouchers, people too",
    }
}

fn new_member(staff: &Staff, refused: Option<&Refused>) -> Markup {
    let form = Form { name: NEW, refused };
    let username = Field {
        name: "username",
        label: "Name, to log in with: letters, digits, dots and dashes",
        longest: 40,
        kind: Kind::Line,
        value: "",
        required: true,
    };
    html! {
        form #new-form.card action="/staff/people" method="post" novalidate data-once="Adding…" {
            h2 { "Somebody new" }
            (csrf(staff))
            input type="hidden" name="key" value=(ids::new_id().simple());
            (form.field(&username))
            div.field {
                label for="new-role" { "Role" } (roles("new-role", form.chosen("role")))
                @if let Some(error) = form.error("role") { p.error { (error) } }
            }
            (form.password())
            button.button type="submit" { "Add" }
        }
    }
}

fn role_form(staff: &Staff, one: &StaffEntry) -> Markup {
    html! {
        form #role-form.card action={ "/staff/people/" (one.username) "/role" } method="post" data-once="Changing…" {
            h2 { "Role" }
            (csrf(staff))
            div.field { label for="role-role" { "What " (one.username) " may do" } (roles("role-role", role_name(one.role))) }
            button.button type="submit" { "Change the role" }
        }
    }
}

fn password_form(staff: &Staff, one: &StaffEntry, refused: Option<&Refused>) -> Markup {
    html! {
        form #password-form.card action={ "/staff/people/" (one.username) "/password" } method="post" novalidate data-once="Setting…" {
            h2 { "Another password" }
            (csrf(staff))
            (Form { name: PASSWORD, refused }.password())
            p.hint { "Ends every session of " (one.username) "." }
            div.actions { button.button type="submit" { "Set it" } }
        }
    }
}

fn end_form(staff: &Staff, one: &StaffEntry) -> Markup {
    html! {
        form #end-form.card action={ "/staff/people/" (one.username) "/end" } method="post" data-once="Ending…" {
            h2 { "Leaves" }
            (csrf(staff))
            p.hint { "Ends every session at once. The name stays with what was done under it, and is not given again." }
            div.actions { button.button.danger type="submit" { "End " (one.username) } }
        }
    }
}

fn history(changes: &[StaffChange]) -> Markup {
    html! {
        @if changes.is_empty() { p.hint { "Never changed." } } @else {
            ol.history {
                @for change in changes {
                    li {
                        time { (change.at.format("%-d %b %Y, %H:%M:%S")) } " " strong { (change.username) } " " (what(change)) " by " (change.actor)
                    }
                }
            }
        }
    }
}

/// A change in words.
fn what(change: &StaffChange) -> Markup {
    html! {
        @match change.what.as_str() {
            "added" => { "added as " (change.after) },
            "role" => { "from " (change.before) " to " (change.after) },
            "password" => "got another password",
            "ended" => "ended",
            other => (other),
        }
    }
}
