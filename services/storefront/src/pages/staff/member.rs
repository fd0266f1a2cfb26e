//! Who of the staff asks, and forms that only pages shown to them can send.
//!
//! The cookie holds the session's token, sealed. A form's token is bound to it, so it belongs to this session alone.

use std::sync::{Arc, OnceLock};

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use shop_contracts::identity::{StaffMember, StaffRole};
use shop_instrumentation::client::CallError;
use shop_instrumentation::problem::Code;

use super::{PageError, Shop, see_other};
use crate::border::Pairs;
use crate::visitor::{Kind, csrf, read_fields};

/// A member of the staff who is logged in; others are sent to the log-in page.
#[derive(Clone)]
pub(super) struct Staff {
    pub member: StaffMember,
    pub token: String,
    /// What this page's forms carry.
    pub csrf: String,
}

/// Who was found to ask, for the page that says why there is none.
#[derive(Clone, Default)]
pub(super) struct Found(Arc<OnceLock<Staff>>);

/// A form that a member of the staff sent from one of our pages.
pub(super) struct StaffForm {
    pub staff: Staff,
    fields: Pairs,
}

impl Staff {
    /// Whether the role allows what `needed` is needed for.
    pub fn may(&self, needed: StaffRole) -> bool {
        self.member.role >= needed
    }

    /// An error page unless the role allows it.
    pub fn require(&self, needed: StaffRole) -> Result<(), PageError> {
        if self.may(needed) { Ok(()) } else { Err(PageError::NotAllowed) }
    }
}

/// What a service refused to a member of the staff. It decides by the session as it is now: a role that was taken away
/// since this page asked is no fault of ours.
pub(super) fn refused(cause: CallError) -> PageError {
    match cause.code() {
        Code::Forbidden => PageError::NotAllowed,
        _ => cause.into(),
    }
}

impl Found {
    /// The member, unless nobody is logged in or nobody was asked.
    pub fn staff(&self) -> Option<&Staff> {
        self.0.get()
    }
}

impl StaffForm {
    /// A field, trimmed; empty when it was not sent.
    pub fn text(&self, name: &str) -> String {
        self.fields.get(name).trim().to_owned()
    }

    /// A field exactly as sent: for passwords.
    pub fn raw(&self, name: &str) -> &str {
        self.fields.get(name)
    }

    /// The key under which the form's work is done once, as the page minted it.
    pub fn key(&self) -> Result<String, PageError> {
        let key = self.text("key");
        let fine = key.len() == 32 && key.bytes().all(|byte| byte.is_ascii_hexdigit());
        if fine { Ok(key) } else { Err(PageError::BadForm("no key".to_owned())) }
    }
}

impl FromRequestParts<Shop> for Staff {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, shop: &Shop) -> Result<Self, Response> {
        let sealed = shop.cookies.read(&parts.headers, Kind::Staff);
        let Some(token) = sealed.and_then(|bytes| String::from_utf8(bytes).ok()) else {
            return Err(see_other("/staff/login"));
        };
        // Asked each time: a session that was ended or a role that was taken away counts at once.
        match shop.peers.staff_member(&token).await {
            Ok(member) => {
                let csrf = csrf::token(shop.cookies.keys(), &csrf::Binding::staff(&token));
                let staff = Self { member, token, csrf };
                if let Some(Found(found)) = parts.extensions.get() {
                    // An earlier extractor of this request found the same.
                    let _ = found.set(staff.clone());
                }
                Ok(staff)
            }
            Err(cause) if matches!(cause.code(), Code::NotFound | Code::Invalid) => {
                Err(see_other("/staff/login"))
            }
            Err(cause) => Err(PageError::from(cause).into_response()),
        }
    }
}

impl FromRequest<Shop> for StaffForm {
    type Rejection = Response;

    async fn from_request(request: Request, shop: &Shop) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let (fields, _) = read_fields(&parts.headers, body).await.map_err(IntoResponse::into_response)?;
        let staff = Staff::from_request_parts(&mut parts, shop).await?;
        let bindings = [csrf::Binding::staff(&staff.token)];
        if !csrf::is_valid(shop.cookies.keys(), fields.get("csrf"), &bindings) {
            return Err(PageError::ForeignForm.into_response());
        }
        Ok(Self { staff, fields })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_allows_what_lower_roles_do() {
        let staff = |role| Staff {
            member: StaffMember { username: "kim".to_owned(), role },
            token: "t".to_owned(),
            csrf: String::new(),
        };
        assert!(staff(StaffRole::Clerk).require(StaffRole::Viewer).is_ok());
        assert!(staff(StaffRole::Clerk).require(StaffRole::Manager).is_err());
        assert!(staff(StaffRole::Viewer).require(StaffRole::Clerk).is_err());
    }
}
