//! `read`: samples as they are stored, for another Prometheus or for Thanos
//! (<https://prometheus.io/docs/prometheus/latest/querying/remote_read_api/>).
//!
//! Answers of the type SAMPLES only: the sources give all samples at once, so that streaming chunks would spare neither
//! side anything but bytes on the wire. Known clients take either.

mod message;

use std::time::Duration;

use axum::{
    body::Bytes,
    extract::{Request, State},
    http::{
        HeaderValue, StatusCode,
        header::{CONTENT_ENCODING, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use console_model::Matcher;
use console_storage::SourceError;
use http_body_util::{BodyExt, Limited};
use prost::Message;

use super::{Api, plain::Refused};
use message::{Query, QueryResult, ReadRequest, ReadResponse, SAMPLES};

/// Bytes of a request, unpacked.
const MAX_REQUEST_BYTES: usize = 1 << 20;
/// Queries of one request; Prometheus sends one.
const MAX_QUERIES: usize = 64;

pub async fn read(State(api): State<Api>, request: Request) -> Result<Response, Refused> {
    let queries = asked(&received(request, api.limits.max_parameters_bytes).await?)?;
    let reading = results(&api, &queries);
    let most = Duration::from_millis(api.limits.max_query_ms);
    let results = tokio::time::timeout(most, reading).await.map_err(|_| SourceError::Timeout)??;
    let packing = tokio::task::spawn_blocking(move || {
        snap::raw::Encoder::new().compress_vec(&ReadResponse { results }.encode_to_vec())
    });
    let internal = |e: &dyn std::error::Error| SourceError::Internal(e.to_string());
    let body = packing.await.map_err(|e| internal(&e))?.map_err(|e| internal(&e))?;
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf")),
        (CONTENT_ENCODING, HeaderValue::from_static("snappy")),
    ];
    Ok((StatusCode::OK, headers, body).into_response())
}

async fn received(request: Request, most: usize) -> Result<Bytes, Refused> {
    let body = Limited::new(request.into_body(), most).collect().await;
    let body =
        body.map_err(|e| Refused::bad_request(format!("body is cut off or longer than {most} bytes: {e}")));
    Ok(body?.to_bytes())
}

/// What a body asks for, with its matchers checked.
fn asked(body: &[u8]) -> Result<Vec<(Query, Vec<Matcher>)>, Refused> {
    let corrupt = |e: snap::Error| Refused::bad_request(format!("snappy: {e}"));
    let length = snap::raw::decompress_len(body).map_err(corrupt)?;
    if length > MAX_REQUEST_BYTES {
        let message = format!("snappy: decoded length {length} exceeds limit {MAX_REQUEST_BYTES}");
        return Err(Refused::bad_request(message));
    }
    let bytes = snap::raw::Decoder::new().decompress_vec(body).map_err(corrupt)?;
    let request = ReadRequest::decode(&*bytes).map_err(|e| Refused::bad_request(e.to_string()))?;
    let accepted = &request.accepted_response_types;
    if !accepted.is_empty() && !accepted.contains(&SAMPLES) {
        return Err(Refused::bad_request(format!(
            "server does not support any of the requested response types: {accepted:?}; supported: SAMPLES"
        )));
    }
    if request.queries.len() > MAX_QUERIES {
        let message = format!("{} queries are more than {MAX_QUERIES}", request.queries.len());
        return Err(Refused::bad_request(message));
    }
    let with_matchers = |q: Query| {
        let matchers = message::matchers(&q).map_err(Refused::bad_request)?;
        Ok((q, matchers))
    };
    request.queries.into_iter().map(with_matchers).collect()
}

async fn results(api: &Api, queries: &[(Query, Vec<Matcher>)]) -> Result<Vec<QueryResult>, SourceError> {
    let mut out = Vec::with_capacity(queries.len());
    for (query, matchers) in queries {
        let series = api.metrics.read(matchers, query.start_timestamp_ms, query.end_timestamp_ms).await?;
        out.push(message::result(series));
    }
    Ok(out)
}
