//! A layer in front of the gRPC services: tokens, bounded bodies, decompression, counters.
//!
//! tonic would decompress by itself, but counts nothing that fails before a handler, and its zstd is another version
//! than ours. Calls are unary: one frame of one byte (compressed or not), four bytes of length, and the message
//! (gRPC over HTTP/2, "Length-Prefixed-Message").

use axum::{
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, StatusCode};
use tonic::Status;

use crate::{
    body::{self, BodyError, Encoding},
    gate::Gate,
    metrics::Protocol,
    refusal::Refusal,
};

const HEADER_BYTES: usize = 5;
const ENCODING: &str = "grpc-encoding";
const ACCEPTED: &str = "identity,gzip,zstd,deflate";

/// Handlers mark the statuses that they counted with this header, which never leaves the process.
pub const COUNTED: &str = "quarterdeck-counted";

/// Turns a refusal into a gRPC status, with the delay as `RetryInfo` says it.
pub fn status(refusal: &Refusal) -> Status {
    match refusal.retry_after_s {
        Some(seconds) => Status::with_details(refusal.code(), &refusal.message, retry_info(refusal, seconds)),
        None => Status::new(refusal.code(), &refusal.message),
    }
}

/// `google.rpc.Status` with one `google.rpc.RetryInfo`: OTLP's way to say when to come back.
fn retry_info(refusal: &Refusal, seconds: u32) -> Bytes {
    use prost::Message;

    #[derive(Clone, PartialEq, Message)]
    struct Duration {
        #[prost(int64, tag = "1")]
        seconds: i64,
    }
    #[derive(Clone, PartialEq, Message)]
    struct RetryInfo {
        #[prost(message, optional, tag = "1")]
        retry_delay: Option<Duration>,
    }
    #[derive(Clone, PartialEq, Message)]
    struct Any {
        #[prost(string, tag = "1")]
        type_url: String,
        #[prost(bytes = "vec", tag = "2")]
        value: Vec<u8>,
    }
    #[derive(Clone, PartialEq, Message)]
    struct RpcStatus {
        #[prost(int32, tag = "1")]
        code: i32,
        #[prost(string, tag = "2")]
        message: String,
        #[prost(message, repeated, tag = "3")]
        details: Vec<Any>,
    }
    let info = RetryInfo { retry_delay: Some(Duration { seconds: seconds.into() }) };
    let detail =
        Any { type_url: "type.googleapis.com/google.rpc.RetryInfo".to_owned(), value: info.encode_to_vec() };
    let status =
        RpcStatus { code: refusal.code() as i32, message: refusal.message.clone(), details: vec![detail] };
    status.encode_to_vec().into()
}

/// The layer. What it hands on is one uncompressed frame.
pub async fn admit(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let mut response = match plain(&gate, request).await {
        Ok(request) => next.run(request).await,
        Err(refusal) => {
            gate.metrics.rejected(Protocol::OtlpGrpc, refusal.reason, 1);
            let mut response = status(&refusal).into_http::<Body>();
            response.headers_mut().insert(COUNTED, HeaderValue::from_static("1"));
            response
        }
    };
    // What fails before a handler (an undecodable message, an unknown method) has its status in the headers.
    let failed = response.headers().get("grpc-status").is_some_and(|code| code != "0");
    if failed && !response.headers().contains_key(COUNTED) {
        gate.metrics.rejected(Protocol::OtlpGrpc, reason(response.headers()), 1);
    }
    response.headers_mut().remove(COUNTED);
    response.headers_mut().insert("grpc-accept-encoding", HeaderValue::from_static(ACCEPTED));
    response
}

fn reason(headers: &HeaderMap) -> &'static str {
    match headers.get("grpc-status").map(HeaderValue::as_bytes) {
        Some(b"12") => "unknown_method",
        _ => "undecodable",
    }
}

async fn plain(gate: &Gate, request: Request) -> Result<Request, Refusal> {
    let (mut parts, body) = request.into_parts();
    gate.tokens.check(&parts.headers)?;
    let encoding = encoding(&parts.headers)?;
    let raw = body::read(&parts.headers, body, &gate.limits).await?;
    let limits = gate.limits.clone();
    let message = gate.run(move || unframe(encoding, &raw, &limits)).await?;
    parts.headers.remove(ENCODING);
    parts.headers.remove(http::header::CONTENT_LENGTH);
    Ok(Request::from_parts(parts, Body::from(frame(&message))))
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, Refusal> {
    let Some(given) = headers.get(ENCODING) else { return Ok(Encoding::Identity) };
    match given.as_bytes() {
        b"identity" => Ok(Encoding::Identity),
        b"gzip" => Ok(Encoding::Gzip),
        b"zstd" => Ok(Encoding::Zstd),
        b"deflate" => Ok(Encoding::Deflate),
        other => {
            let shown = String::from_utf8_lossy(other).chars().take(64).collect();
            Err(BodyError::UnsupportedEncoding(shown).into())
        }
    }
}

/// The message of the only frame.
fn unframe(encoding: Encoding, raw: &Bytes, limits: &crate::limits::IngestLimits) -> Result<Bytes, Refusal> {
    let invalid = |message: String| Refusal::invalid("invalid_frame", message);
    let Some((&[flag, a, b, c, d], rest)) = raw.split_first_chunk::<HEADER_BYTES>() else {
        return Err(invalid("the call carries no message".to_owned()));
    };
    let announced = u32::from_be_bytes([a, b, c, d]) as usize;
    if announced != rest.len() {
        return Err(invalid(format!("the frame announces {announced} bytes and has {}", rest.len())));
    }
    let message = raw.slice(HEADER_BYTES..);
    match flag {
        0 => Ok(body::decompress(Encoding::Identity, message, limits)?),
        1 if encoding == Encoding::Identity => {
            Err(invalid("the frame is compressed, but grpc-encoding does not say how".to_owned()))
        }
        1 => Ok(body::decompress(encoding, message, limits)?),
        other => Err(invalid(format!("the frame's first byte is {other} instead of 0 or 1"))),
    }
}

fn frame(message: &Bytes) -> Bytes {
    let mut out = BytesMut::with_capacity(HEADER_BYTES + message.len());
    out.put_u8(0);
    // A decompressed body is bounded far below 4 GiB; saturating keeps even a wild configuration from wrapping.
    out.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    out.put_slice(message);
    out.freeze()
}

/// Answers whatever is no gRPC method here.
pub async fn unknown_method() -> Response {
    let mut response = Status::unimplemented("unknown method").into_http::<Body>();
    *response.status_mut() = StatusCode::OK;
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::IngestLimits;

    #[test]
    fn a_frame_is_checked_before_it_is_opened() {
        let limits = IngestLimits::default();
        let open = |bytes: &'static [u8], encoding| unframe(encoding, &Bytes::from_static(bytes), &limits);
        assert_eq!(open(b"\0\0\0\0\x02ab", Encoding::Identity).unwrap(), "ab");
        for bad in [&b"\0\0\0"[..], b"\0\0\0\0\x03ab", b"\x01\0\0\0\x02ab", b"\x07\0\0\0\x02ab"] {
            assert_eq!(open(bad, Encoding::Identity).unwrap_err().reason, "invalid_frame", "{bad:?}");
        }
        assert_eq!(open(b"\x01\0\0\0\x02ab", Encoding::Gzip).unwrap_err().reason, "corrupt_body");
    }
}
