//! Expressions that are looked at, not evaluated: `format_query` and `parse_query`.

use axum::extract::{Request, State};
use console_promql::format;

use super::{
    Api,
    envelope::{ApiError, Success},
    parameters::parsed_query,
};
use crate::params;

pub async fn format(State(api): State<Api>, request: Request) -> Result<Success, ApiError> {
    let params = params::read(request, api.limits).await?;
    let (text, expr) = parsed_query(&api, &params)?;
    Ok(Success::new(&format::pretty(&expr, text)))
}

pub async fn parse(State(api): State<Api>, request: Request) -> Result<Success, ApiError> {
    let params = params::read(request, api.limits).await?;
    let (_, expr) = parsed_query(&api, &params)?;
    Ok(Success::new(&format::tree(&expr)))
}
