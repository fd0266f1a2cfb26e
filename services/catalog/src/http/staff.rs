//! Staff changes products.

use axum::extract::State;
use shop_contracts::catalog::{EditProduct, Product, ProductHistory};
use shop_contracts::{Code, ProductId};
use shop_instrumentation::http::extract::{Json, Path};
use shop_instrumentation::problem::Problem;

use super::{CatalogState, params, variants};
use crate::storage::{Edited, ProductRef};

#[utoipa::path(post, path = "/v1/staff/products/{id}", params(("id" = Uuid, Path)), request_body = EditProduct, responses((status = 200, description = "found", body = Product), (status = 404, description = "there is no such product"), (status = 409, description = "somebody else changed it meanwhile; `errors` names the fields, `existing` is the product as it is now")))]
pub(super) async fn edit_product(
    State(state): State<CatalogState>,
    Path(id): Path<ProductId>,
    Json(edit): Json<EditProduct>,
) -> Result<Json<Product>, Problem> {
    let edit = params::edit(edit)?;
    match state.catalog.edit_product(id, &edit, state.clock.now()).await? {
        Edited::Yes(product) => {
            state.cache.forget().await;
            tracing::info!(product_id = %id, "product changed by staff");
            Ok(Json(*product))
        }
        Edited::Unsaid(value) => Err(variants::unsaid("name", &value)),
        Edited::ChangedMeanwhile(product, fields) => Err(changed_meanwhile(&product, &fields)),
        Edited::UnknownProduct => Err(Problem::new(Code::NotFound, "there is no such product")),
        Edited::OtherCurrency(currency) => {
            Err(Problem::new(Code::Invalid, "the price is in another currency")
                .field("price", format!("must be in {}", currency.code())))
        }
    }
}

#[utoipa::path(get, path = "/v1/staff/products/{id}/history", params(("id" = Uuid, Path)), responses((status = 200, description = "found", body = ProductHistory), (status = 404, description = "there is no such product")))]
pub(super) async fn list_changes(
    State(state): State<CatalogState>,
    Path(id): Path<ProductId>,
) -> Result<Json<ProductHistory>, Problem> {
    if state.catalog.find_product(&ProductRef::Id(id)).await?.is_none() {
        return Err(Problem::new(Code::NotFound, "there is no such product"));
    }
    Ok(Json(ProductHistory { changes: state.catalog.list_changes(id).await? }))
}

fn changed_meanwhile(product: &Product, fields: &[&'static str]) -> Problem {
    let problem = Problem::new(Code::Conflict, "it was changed by somebody else meanwhile").existing(product);
    fields.iter().fold(problem, |problem, field| {
        let now = match *field {
            "price" => format!("is {} now", product.price),
            _ => "is another one now".to_owned(),
        };
        problem.field(*field, now)
    })
}
