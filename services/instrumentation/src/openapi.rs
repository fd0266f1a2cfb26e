//! What the OpenAPI documents of all services have in common: who may call a route, how a caller shows itself, and the
//! answers that the layers and extractors around every handler give.
//!
//! A service says what its handlers take and give; this adds the rest from the table of callers, so that it stands once.
//! A document is made when somebody asks for it: a running service holds none.

use std::io::Write as _;
use std::process::ExitCode;

use axum::Router;
use axum::http::header;
use axum::routing::get;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::info::Info;
use utoipa::openapi::path::{Operation, ParameterIn, PathItem};
use utoipa::openapi::response::Response;
use utoipa::openapi::schema::ComponentsBuilder;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, ResponseBuilder};
use utoipa::{PartialSchema as _, ToSchema as _};

use crate::auth::access::{Route, routes_of};
use crate::problem::ProblemBody;

/// Version of the wire format: routes begin with it.
const API_VERSION: &str = "1";
const SCHEME: &str = "service_token";
const PROBLEM: &str = "application/problem+json";
/// Names the services that may call an operation.
const CALLERS: &str = "x-callers";

/// The document of a service as it is committed: pretty JSON with a line feed at its end.
///
/// # Panics
/// When the document names a route that the table of callers does not.
pub fn rendered(service: &str, mut document: OpenApi) -> String {
    document.info = Info::new(format!("shop-{service}"), API_VERSION.to_owned());
    let components = document.components.take().unwrap_or_default();
    let scheme = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("a short-lived token of the calling service, for this service alone (`aud`)"))
        .build();
    let mut needed = Vec::new();
    ProblemBody::schemas(&mut needed);
    needed.push((ProblemBody::name().into_owned(), ProblemBody::schema()));
    let mut components: ComponentsBuilder = components.into();
    if !document.paths.paths.is_empty() {
        components =
            components.security_scheme(SCHEME, SecurityScheme::Http(scheme)).schemas_from_iter(needed);
    }
    document.components = Some(components.build());
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            let mut rows = routes_of(service);
            let row = rows.find(|row| row.path == *path && row.method == method);
            complete(operation, path, row.unwrap_or_else(|| panic!("not in the table: {method} {path}")));
        }
    }
    // Contract types always serialise.
    let mut text = document.to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// Prints the document and ends, where the program was started with `--openapi`.
pub fn print_if_asked(document: fn() -> String) -> Option<ExitCode> {
    if std::env::args().nth(1).is_none_or(|argument| argument != "--openapi") {
        return None;
    }
    let written = std::io::stdout().write_all(document().as_bytes());
    Some(if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// `/openapi.json`, for the internal listener.
pub(crate) fn router(document: Option<fn() -> String>) -> Router {
    let Some(document) = document else { return Router::new() };
    let json = [(header::CONTENT_TYPE, "application/json")];
    Router::new().route("/openapi.json", get(move || async move { (json, document()) }))
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let of = [
        ("GET", &mut item.get),
        ("POST", &mut item.post),
        ("PUT", &mut item.put),
        ("DELETE", &mut item.delete),
        ("PATCH", &mut item.patch),
    ];
    of.into_iter().filter_map(|(method, operation)| operation.as_mut().map(|operation| (method, operation)))
}

/// Says of one operation what its handler does not.
fn complete(operation: &mut Operation, path: &str, row: &Route) {
    let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let words: Vec<_> = std::iter::once(row.method.to_lowercase()).chain(words.map(str::to_owned)).collect();
    operation.operation_id = Some(words.join("_"));
    operation.tags = Some(vec![if path.contains("/staff/") { "staff" } else { "shop" }.to_owned()]);
    if !row.is_public() {
        operation.security = Some(vec![SecurityRequirement::new(SCHEME, Vec::<String>::new())]);
        let callers = Extensions::builder().add(CALLERS, row.callers.clone()).build();
        operation.extensions.get_or_insert_default().merge(callers);
        say(operation, 401, "the token of the calling service is missing or not good");
        say(operation, 403, "the service that calls may not call this");
    }
    let parameters = operation.parameters.iter().flatten();
    let in_url = |place: &ParameterIn| matches!(place, ParameterIn::Path | ParameterIn::Query);
    let places: Vec<bool> = parameters.map(|parameter| in_url(&parameter.parameter_in)).collect();
    if places.contains(&true) {
        say(operation, 400, "a parameter is not of its type");
    }
    if !places.is_empty() {
        say(operation, 422, "a parameter is outside of its bounds");
    }
    if let Some(body) = operation.request_body.clone() {
        say(operation, 413, "the body is too large");
        say(operation, 422, "a field is outside of its bounds");
        if body.content.contains_key("application/json") {
            say(operation, 400, "the body is no JSON");
            say(operation, 415, "the body is not sent as JSON");
        }
    }
    say(operation, 500, "a defect of the service");
    say(operation, 429, "too much at once, for the service or of this caller; may be repeated later");
    say(operation, 503, "a dependency is away, or the thing is still being worked on; may be repeated");
    say(operation, 504, "the deadline passed");
    let refusals = operation.responses.responses.iter_mut().filter(|(status, _)| status.as_str() >= "400");
    for (_, answer) in refusals {
        if let RefOr::T(answer) = answer {
            let body = ContentBuilder::new().schema(Some(Ref::from_schema_name(ProblemBody::name()))).build();
            answer.content.entry(PROBLEM.to_owned()).or_insert(body);
        }
    }
}

/// Adds an answer unless the handler has words of its own for that status.
fn say(operation: &mut Operation, status: u16, description: &str) {
    let answer: Response = ResponseBuilder::new().description(description).build();
    operation.responses.responses.entry(status.to_string()).or_insert(RefOr::T(answer));
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::http::Request;
    use serde_json::Value;
    use tower::ServiceExt as _;
    use utoipa::OpenApi as _;

    #[utoipa::path(get, path = "/v1/orders/{id}", params(("id" = String, Path)),
        responses((status = 200, body = String), (status = 404, description = "no such order")))]
    fn _show() {}

    #[derive(utoipa::OpenApi)]
    #[openapi(paths(_show))]
    struct Orders;

    fn document() -> String {
        rendered("orders", Orders::openapi())
    }

    #[test]
    fn callers_and_common_answers_come_from_the_layers_around_a_handler() {
        let document: Value = serde_json::from_str(&document()).unwrap();
        let show = &document["paths"]["/v1/orders/{id}"]["get"];
        assert_eq!(show["x-callers"], serde_json::json!(["storefront"]));
        assert_eq!(show["security"], serde_json::json!([{SCHEME: []}]));
        let statuses: Vec<_> = show["responses"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(statuses, ["200", "400", "401", "403", "404", "422", "429", "500", "503", "504"]);
        assert_eq!(show["responses"]["404"]["description"], "no such order");
        let body = &show["responses"]["404"]["content"][PROBLEM]["schema"]["$ref"];
        assert_eq!(body, "#/components/schemas/ProblemBody");
        assert!(document["components"]["schemas"]["Code"].is_object());
    }

    #[test]
    #[should_panic(expected = "not in the table: GET /v1/orders/{id}")]
    fn a_route_without_callers_has_no_document() {
        rendered("payments", Orders::openapi());
    }

    #[tokio::test]
    async fn a_service_shows_its_document_when_it_has_one() {
        let request = || Request::get("/openapi.json").body(Body::empty()).unwrap();
        assert_eq!(router(Some(document)).oneshot(request()).await.unwrap().status(), 200);
        assert_eq!(router(None).oneshot(request()).await.unwrap().status(), 404);
    }
}
