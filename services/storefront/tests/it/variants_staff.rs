//! Variants in the back office.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use shop_contracts::identity::StaffRole;
use shop_contracts::variants::{VariantGroup, VariantGroups};
use wiremock::matchers::{method, path};
use wiremock::{Mock, ResponseTemplate};

use crate::stage::{Stage, hidden_fields, lamp};
use crate::variants::{grouped_lamp, lamps};

const PAGE: &str = "/staff/products/lamp";

fn joined() -> String {
    format!("/v1/staff/products/{}/variant", lamp().id)
}

impl Stage {
    async fn catalog_answers(&self, verb: &str, to: &str, status: u16, body: Value) {
        let answer = ResponseTemplate::new(status).set_body_json(body);
        Mock::given(method(verb)).and(path(to)).respond_with(answer).mount(&self.catalog).await;
    }

    async fn has_groups(&self) {
        let group = VariantGroup {
            id: lamps().group_id,
            title: "Storm <lamp>".to_owned(),
            options: vec!["Finish".to_owned(), "Size".to_owned()],
            variants: 2,
        };
        let groups = serde_json::to_value(VariantGroups { groups: vec![group] }).unwrap();
        self.catalog_answers("GET", "/v1/staff/variant-groups", 200, groups).await;
    }
}

#[tokio::test]
async fn a_clerk_puts_a_product_into_a_group_or_a_new_one() {
    let stage = Stage::set().await;
    let clerk = stage.staff(StaffRole::Clerk).await;
    stage.has_groups().await;
    stage.catalog_answers("POST", &joined(), 200, serde_json::to_value(grouped_lamp()).unwrap()).await;
    let shown = clerk.open(PAGE).await.text();
    assert!(shown.contains("Storm &lt;lamp&gt; (Finish, Size)"), "{shown}");
    let group = lamps().group_id.to_string();
    let action = format!("{PAGE}/variant");
    let fields = [("group", group.as_str()), ("values", "Brass, Large"), ("note", "sorted")];
    let done = clerk.submit(PAGE, &action, &fields).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text());
    let new = [("group", ""), ("title", "Lamp"), ("options", "Finish"), ("values", "Brass")];
    clerk.submit(PAGE, &action, &new).await;
    let sent: Vec<Value> = stage.staff_posted(&joined()).await.into_iter().map(|(_, body)| body).collect();
    let expected = [
        json!({"actor": "ada", "group": group, "values": ["Brass", "Large"], "note": "sorted", "expected": {"values": []}}),
        json!({"actor": "ada", "title": "Lamp", "options": ["Finish"], "values": ["Brass"], "note": "", "expected": {"values": []}}),
    ];
    assert_eq!(sent, expected);
    let nonsense = clerk.submit(PAGE, &action, &[("group", "x"), ("values", "Brass")]).await;
    assert_eq!(nonsense.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(nonsense.text().contains("variant-group-error"));
    assert_eq!(stage.staff_posted(&joined()).await.len(), 2);
}

#[tokio::test]
async fn a_refusal_stands_at_its_field_and_keeps_what_was_typed() {
    let stage = Stage::set().await;
    let clerk = stage.staff(StaffRole::Clerk).await;
    stage.has_groups().await;
    let refused = json!({
        "status": 409, "code": "conflict", "detail": "values are those of <Lamp> already",
        "errors": [{"field": "values", "detail": "are those of <Lamp> already"}],
    });
    stage.catalog_answers("POST", &joined(), 409, refused).await;
    let group = lamps().group_id.to_string();
    let fields = [("group", group.as_str()), ("values", "Brass, Large")];
    let answer = clerk.submit(PAGE, &format!("{PAGE}/variant"), &fields).await;
    let text = answer.text();
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert!(
        text.contains("id=\"variant-values-error\"") && text.contains("are those of &lt;Lamp&gt; already")
    );
    assert!(
        text.contains("value=\"Brass, Large\"") && text.contains("<details class=\"card fold\" open>"),
        "{text}"
    );
    assert!(text.contains(&format!("<option value=\"{group}\" selected>")), "{text}");
}

#[tokio::test]
async fn a_group_is_shown_renamed_and_left() {
    let stage = Stage::set().await;
    stage.sells(&grouped_lamp()).await;
    let clerk = stage.staff(StaffRole::Clerk).await;
    let (group, left) = (lamps(), format!("{}/leave", joined()));
    let renamed = format!("/v1/staff/variant-groups/{}", group.group_id);
    let answer = json!({"id": group.group_id, "title": "Lamp", "options": ["Finish", "Size"], "variants": 3});
    stage.catalog_answers("POST", &renamed, 200, answer).await;
    stage.catalog_answers("POST", &left, 200, serde_json::to_value(lamp()).unwrap()).await;
    stage.catalog_answers("POST", &joined(), 200, serde_json::to_value(grouped_lamp()).unwrap()).await;
    let shown = clerk.open(PAGE).await.text();
    assert!(
        shown.contains("/staff/products/lamp-steel\"") && shown.contains("Lamp &lt;of&gt; all"),
        "{shown}"
    );
    assert!(shown.contains("value=\"Brass &lt;1&gt;, Small\""), "{shown}");
    let rename = [("title", "Lamp"), ("options", "Finish, Size"), ("note", "")];
    let action = format!("{PAGE}/variant/group");
    assert_eq!(clerk.submit(PAGE, &action, &rename).await.status, StatusCode::SEE_OTHER);
    let sent = stage.staff_posted(&renamed).await;
    let names: Vec<&str> = group.options.iter().map(|option| option.name.as_str()).collect();
    let shown_group = json!({"title": group.title, "options": names});
    assert_eq!(
        sent[0].1,
        json!({"actor": "ada", "title": "Lamp", "options": ["Finish", "Size"], "note": "", "expected": shown_group})
    );
    clerk.submit(PAGE, &format!("{PAGE}/variant"), &[("values", "Steel, Large")]).await;
    let sent = stage.staff_posted(&joined()).await;
    assert_eq!(sent[0].1["group"], json!(group.group_id));
    let stood = json!({"group": group.group_id, "values": ["Brass <1>", "Small"]});
    assert_eq!(sent[0].1["expected"], stood);
    assert_eq!(clerk.submit(PAGE, &format!("{PAGE}/variant/leave"), &[]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(stage.staff_posted(&left).await[0].1, json!({"actor": "ada", "note": "", "expected": stood}));
}

/// What is sent as expected is what the page showed, not what the catalogue says when the form comes in.
#[tokio::test]
async fn a_clerk_whose_page_is_old_is_told_what_somebody_else_made_of_the_group() {
    let stage = Stage::set().await;
    stage.sells(&grouped_lamp()).await;
    let clerk = stage.staff(StaffRole::Clerk).await;
    let (group, renamed) = (lamps(), format!("/v1/staff/variant-groups/{}", lamps().group_id));
    let refused = json!({
        "status": 409, "code": "conflict", "detail": "it was changed by somebody else meanwhile",
        "errors": [{"field": "title", "detail": "is <Other> now"}],
        "existing": {"id": group.group_id, "title": "<Other>", "options": ["Finish", "Size"], "variants": 3},
    });
    stage.catalog_answers("POST", &renamed, 409, refused).await;
    let action = format!("{PAGE}/variant/group");
    let typed =
        [("title", "Mine"), ("options", "Finish, Size"), ("shown_title", "Shown before"), ("note", "")];
    let shown = hidden_fields(&clerk.open(PAGE).await.text(), &action);
    let csrf = &shown.iter().find(|(name, _)| name == "csrf").unwrap().1;
    assert!(shown.iter().any(|(name, value)| name == "shown_title" && *value == group.title), "{shown:?}");
    let fields: Vec<String> = [("csrf", csrf.as_str())]
        .iter()
        .chain(&typed)
        .map(|(name, value)| format!("{name}={}", urlencoding::encode(value)))
        .collect();
    let answer = clerk.send(Method::POST, &action, fields.join("&"), "same-origin").await;
    let text = answer.text();
    assert_eq!(answer.status, StatusCode::CONFLICT, "{text}");
    assert_eq!(stage.staff_posted(&renamed).await[0].1["expected"]["title"], "Shown before");
    assert!(text.contains("id=\"group-title-error\"") && text.contains("is &lt;Other&gt; now"), "{text}");
    assert!(text.contains("value=\"Mine\""), "what was typed comes back: {text}");
    let again = hidden_fields(&text, &action);
    assert!(
        again.iter().any(|(name, value)| name == "shown_title" && *value == group.title),
        "saving once more stands on what the page shows now: {again:?}"
    );
}

#[tokio::test]
async fn who_may_only_look_sees_the_group_and_changes_nothing() {
    let stage = Stage::set().await;
    stage.sells(&grouped_lamp()).await;
    let viewer = stage.staff(StaffRole::Viewer).await;
    let shown = viewer.open(PAGE).await.text();
    assert!(shown.contains("Lamp &lt;of&gt; all") && !shown.contains("/variant\""), "{shown}");
    let csrf = hidden_fields(&shown, "/staff/logout");
    let csrf = &csrf.iter().find(|(name, _)| name == "csrf").unwrap().1;
    for to in ["/variant", "/variant/leave", "/variant/group"] {
        let body = format!("csrf={csrf}&values=a&title=a&options=a");
        let forced = viewer.send(Method::POST, &format!("{PAGE}{to}"), body, "same-origin").await;
        assert_eq!(forced.status, StatusCode::FORBIDDEN, "{to}");
        let foreign = viewer.send(Method::POST, &format!("{PAGE}{to}"), String::new(), "cross-site").await;
        assert_eq!(foreign.status, StatusCode::FORBIDDEN, "{to}");
    }
}

#[tokio::test]
async fn a_catalogue_that_does_not_know_groups_leaves_the_page_as_it_was() {
    let stage = Stage::set().await;
    let manager = stage.staff(StaffRole::Manager).await;
    let page = manager.open(PAGE).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(
        page.text().contains("edit-form") && page.text().contains("The groups cannot be shown just now.")
    );
}
