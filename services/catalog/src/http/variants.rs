//! Staff groups products that are one thing in several makes.

use axum::extract::State;
use shop_contracts::catalog::Product;
use shop_contracts::variants::{
    JoinGroup, LeaveGroup, MAX_OPTIONS, MAX_TITLE_CHARS, MAX_VARIANTS, MAX_WORD_CHARS, RenameGroup,
    VariantGroup, VariantGroups,
};
use shop_contracts::{Code, ProductId, VariantGroupId};
use shop_instrumentation::http::extract::{Json, Path};
use shop_instrumentation::ids;
use shop_instrumentation::problem::Problem;

use super::CatalogState;
use super::params::{actor, invalid, is_line, note};
use crate::storage::{Grouped, Renamed};

#[utoipa::path(post, path = "/v1/staff/products/{id}/variant", params(("id" = Uuid, Path)), request_body = JoinGroup, responses((status = 200, description = "in the group", body = Product), (status = 404, description = "there is no such product"), (status = 409, description = "another product has these values, the group is full, or the product does not stand where it was expected to; `errors` names the field")))]
pub(super) async fn join_group(
    State(state): State<CatalogState>,
    Path(id): Path<ProductId>,
    Json(join): Json<JoinGroup>,
) -> Result<Json<Product>, Problem> {
    let join = checked_join(join)?;
    let new_id = VariantGroupId(ids::new_id());
    answer(&state, id, state.catalog.join_group(id, &join, new_id, state.clock.now()).await?).await
}

#[utoipa::path(post, path = "/v1/staff/products/{id}/variant/leave", params(("id" = Uuid, Path)), request_body = LeaveGroup, responses((status = 200, description = "in no group", body = Product), (status = 404, description = "there is no such product"), (status = 409, description = "the product does not stand where it was expected to; `errors` names the field, `existing` is the product as it is now")))]
pub(super) async fn leave_group(
    State(state): State<CatalogState>,
    Path(id): Path<ProductId>,
    Json(mut leave): Json<LeaveGroup>,
) -> Result<Json<Product>, Problem> {
    leave.actor = actor(&leave.actor)?;
    note(&leave.note)?;
    answer(&state, id, state.catalog.leave_group(id, &leave, state.clock.now()).await?).await
}

/// Past the cache: staff chooses from what there is.
#[utoipa::path(get, path = "/v1/staff/variant-groups", responses((status = 200, description = "found", body = VariantGroups)))]
pub(super) async fn list_groups(State(state): State<CatalogState>) -> Result<Json<VariantGroups>, Problem> {
    Ok(Json(state.catalog.list_variant_groups().await?))
}

#[utoipa::path(post, path = "/v1/staff/variant-groups/{id}", params(("id" = Uuid, Path)), request_body = RenameGroup, responses((status = 200, description = "renamed", body = VariantGroup), (status = 404, description = "there is no such group"), (status = 409, description = "somebody else changed it meanwhile; `errors` names the fields, `existing` is the group as it is now")))]
pub(super) async fn rename_group(
    State(state): State<CatalogState>,
    Path(id): Path<VariantGroupId>,
    Json(mut rename): Json<RenameGroup>,
) -> Result<Json<VariantGroup>, Problem> {
    rename.actor = actor(&rename.actor)?;
    note(&rename.note)?;
    rename.title = title(&rename.title)?;
    rename.options = options(&rename.options)?;
    match state.catalog.rename_group(id, &rename, state.clock.now()).await? {
        Renamed::Yes(group) => {
            state.cache.forget().await;
            tracing::info!(variant_group_id = %id, "variant group renamed by staff");
            Ok(Json(group))
        }
        Renamed::ChangedMeanwhile(group, fields) => Err(renamed_meanwhile(&group, &fields)),
        Renamed::UnknownGroup => Err(Problem::new(Code::NotFound, "there is no such group")),
        Renamed::OtherCount(count) => {
            Err(invalid("options", format!("must be {count}, as many as the group has")))
        }
    }
}

/// The product with its group as it is now; every answer that shows a product of the group is forgotten.
async fn answer(state: &CatalogState, id: ProductId, grouped: Grouped) -> Result<Json<Product>, Problem> {
    match grouped {
        Grouped::Yes(product) => {
            state.cache.forget().await;
            tracing::info!(product_id = %id, "variants of a product changed by staff");
            let variants = state.catalog.find_variants(id).await?;
            Ok(Json(Product { variants, ..*product }))
        }
        Grouped::ChangedMeanwhile(product, field) => {
            let variants = state.catalog.find_variants(id).await?;
            Err(moved_meanwhile(&Product { variants, ..*product }, field))
        }
        Grouped::UnknownProduct => Err(Problem::new(Code::NotFound, "there is no such product")),
        Grouped::UnknownGroup => Err(invalid("group", "must be a group that there is")),
        Grouped::OtherCount(count) => Err(invalid("values", format!("must be {count}, one for each option"))),
        Grouped::Unsaid(value) => Err(unsaid("values", &value)),
        Grouped::Taken(name) => {
            let detail = format!("are those of {name} already");
            Err(Problem::new(Code::Conflict, format!("values {detail}")).field("values", detail))
        }
        Grouped::Full => {
            let detail = format!("has {MAX_VARIANTS} products already");
            Err(Problem::new(Code::Conflict, format!("group {detail}")).field("group", detail))
        }
    }
}

const MEANWHILE: &str = "it was changed by somebody else meanwhile";

fn renamed_meanwhile(group: &VariantGroup, fields: &[&'static str]) -> Problem {
    let problem = Problem::new(Code::Conflict, MEANWHILE).existing(group);
    fields.iter().fold(problem, |problem, field| match *field {
        "title" => problem.field("title", format!("is {} now", group.title)),
        field => problem.field(field, format!("are {} now", group.options.join(", "))),
    })
}

fn moved_meanwhile(product: &Product, field: &'static str) -> Problem {
    let now = product.variants.as_ref();
    let own = now.and_then(|group| group.variants.iter().find(|variant| variant.id == product.id));
    let detail = match (field, now, own) {
        ("values", _, Some(own)) => format!("are {} now", own.values.join(", ")),
        (_, Some(group), _) => format!("is {} now", group.title),
        _ => "is none now".to_owned(),
    };
    Problem::new(Code::Conflict, MEANWHILE).existing(product).field(field, detail)
}

/// What to say when a variant's name and values do not agree.
pub(super) fn unsaid(field: &str, value: &str) -> Problem {
    invalid(field, format!("must be in the product's name, for carts and orders show nothing else: {value}"))
}

fn checked_join(mut join: JoinGroup) -> Result<JoinGroup, Problem> {
    join.actor = actor(&join.actor)?;
    note(&join.note)?;
    match (&join.group, &join.title) {
        (Some(_), None) if join.options.is_empty() => {}
        (None, Some(text)) => {
            join.title = Some(title(text)?);
            join.options = options(&join.options)?;
        }
        _ => return Err(invalid("group", "must be given, or title and options of a new one, not both")),
    }
    join.values = words("values", &join.values)?;
    Ok(join)
}

fn title(text: &str) -> Result<String, Problem> {
    let text = text.trim();
    if text.is_empty() || !is_line(text, MAX_TITLE_CHARS) {
        return Err(invalid("title", format!("must be 1 to {MAX_TITLE_CHARS} characters on one line")));
    }
    Ok(text.to_owned())
}

fn options(texts: &[String]) -> Result<Vec<String>, Problem> {
    let texts = words("options", texts)?;
    let lower: Vec<String> = texts.iter().map(|text| text.to_lowercase()).collect();
    if (1..lower.len()).any(|at| lower[..at].contains(&lower[at])) {
        return Err(invalid("options", "must be different ones"));
    }
    Ok(texts)
}

fn words(field: &str, texts: &[String]) -> Result<Vec<String>, Problem> {
    let texts: Vec<String> = texts.iter().map(|text| text.trim().to_owned()).collect();
    let fits = |text: &String| !text.is_empty() && is_line(text, MAX_WORD_CHARS);
    if !(1..=MAX_OPTIONS).contains(&texts.len()) || !texts.iter().all(fits) {
        return Err(invalid(
            field,
            format!("must be 1 to {MAX_OPTIONS}, each of 1 to {MAX_WORD_CHARS} characters on one line"),
        ));
    }
    Ok(texts)
}
