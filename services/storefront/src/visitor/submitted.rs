//! Forms, read strictly, and taken only from pages of this shop.
//!
//! Two kinds. An [`OwnForm`] acts for a visitor that we know (checkout, cart lines, log-out): it must carry the visitor's
//! token. An [`OpenForm`] stands on pages that are the same for everybody (add to cart, log in, register, look up an
//! order) and may come without a token: then the browser itself must say that one of our pages sent it. A form that the
//! browser calls another site's is refused whatever it carries.

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;

use super::{Visitor, csrf};
use crate::border::{Origin, Pairs, origin_of};
use crate::pages::{PageError, Shop};

/// Largest form that is read.
const LARGEST_FORM: usize = 64 * 1024;

/// A form and who sent it.
pub struct Submitted {
    /// Who sent it.
    pub visitor: Visitor,
    fields: Pairs,
    origin: Origin,
    token_fits: bool,
}

/// A form that acts for a visitor that we know.
pub struct OwnForm(pub Submitted);

/// A form that stands on pages for everybody.
pub struct OpenForm(pub Submitted);

impl Submitted {
    /// A field, trimmed; empty when it was not sent.
    pub fn text(&self, name: &str) -> String {
        self.fields.get(name).trim().to_owned()
    }

    /// A field exactly as sent: for passwords.
    pub fn raw(&self, name: &str) -> &str {
        self.fields.get(name)
    }

    /// All fields whose name begins so, with the rest of the name.
    pub fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.fields.with_prefix(prefix)
    }

    /// Refuses a form that nothing proves to be from our pages: for forms that change who the visitor is.
    pub fn proven(&self) -> Result<(), PageError> {
        if self.token_fits || self.origin == Origin::Ours { Ok(()) } else { Err(PageError::ForeignForm) }
    }

    /// The form, of somebody who is logged in only if identity says now that the session stands.
    pub async fn confirmed(self, shop: &Shop) -> Self {
        Self { visitor: self.visitor.confirmed(shop).await, ..self }
    }

    async fn read(request: Request, shop: &Shop) -> Result<Self, PageError> {
        let (parts, body) = request.into_parts();
        let (fields, origin) = read_fields(&parts.headers, body).await?;
        let visitor = Visitor::from_headers(&parts.headers, shop).await;
        let token_fits = csrf::is_valid(shop.cookies.keys(), fields.get("csrf"), &visitor.bindings());
        Ok(Self { visitor, fields, origin, token_fits })
    }
}

/// The fields of a form and who sent it; refused when another site did, or when it is no form.
pub async fn read_fields(headers: &HeaderMap, body: Body) -> Result<(Pairs, Origin), PageError> {
    let origin = origin_of(headers);
    if origin == Origin::Foreign {
        return Err(PageError::ForeignForm);
    }
    let kind = headers.get(CONTENT_TYPE).map(|kind| kind.as_bytes().to_ascii_lowercase());
    if kind.is_some_and(|kind| !kind.starts_with(b"application/x-www-form-urlencoded")) {
        return Err(PageError::BadForm("not a form".to_owned()));
    }
    let body = to_bytes(body, LARGEST_FORM)
        .await
        .map_err(|_| PageError::BadForm(format!("longer than {LARGEST_FORM} bytes, or cut off")))?;
    let fields = Pairs::decode(&body).map_err(|cause| PageError::BadForm(cause.to_string()))?;
    Ok((fields, origin))
}

impl FromRequest<Shop> for OwnForm {
    type Rejection = PageError;

    async fn from_request(request: Request, shop: &Shop) -> Result<Self, PageError> {
        let form = Submitted::read(request, shop).await?;
        if form.token_fits { Ok(Self(form)) } else { Err(PageError::ForeignForm) }
    }
}

impl FromRequest<Shop> for OpenForm {
    type Rejection = PageError;

    async fn from_request(request: Request, shop: &Shop) -> Result<Self, PageError> {
        let form = Submitted::read(request, shop).await?;
        // Who sends neither token, nor cookie, nor origin is no browser of today, and nobody's standing is abused.
        let harmless = form.origin == Origin::Untold && form.visitor.is_anonymous();
        if !harmless {
            form.proven()?;
        }
        Ok(Self(form))
    }
}
