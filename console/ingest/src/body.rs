//! Bodies of requests: read with a bound, decompressed with a bound.
//!
//! A bomb costs at most `max_decompressed_bytes`: decoders are read up to the limit and then left, and snappy, which
//! announces its length, is not even started.

use std::{io::Read, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header::CONTENT_ENCODING};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::{buffer::Buffer, limits::IngestLimits};

/// An oversize body is read up to this many times the limit, and this long, before its sender is cut off.
const DRAIN_FACTOR: usize = 8;
const DRAIN_TIME: Duration = Duration::from_secs(2);

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Identity,
    Gzip,
    /// zlib (RFC 9110, section 8.4.1.2); bare deflate, which some senders mean, is told apart by its first bytes.
    Deflate,
    /// The block format, without framing.
    Snappy,
    Zstd,
}

/// Why a body could not be used.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    #[error("content encoding {0:?} is not supported; use identity, gzip, deflate, snappy or zstd")]
    UnsupportedEncoding(String),
    #[error("request body is larger than max_body_bytes ({limit})")]
    TooLarge { limit: usize },
    #[error("decompressed body is larger than max_decompressed_bytes ({limit})")]
    Bomb { limit: usize },
    #[error("body is not valid {encoding:?}: {message}")]
    Corrupt { encoding: Encoding, message: String },
    #[error("request body broke off")]
    Interrupted(#[source] axum::Error),
    #[error("request body did not arrive within {seconds} s")]
    Timeout { seconds: u64 },
}

impl BodyError {
    pub fn status(&self) -> StatusCode {
        match self {
            Self::UnsupportedEncoding(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge { .. } | Self::Bomb { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Corrupt { .. } | Self::Interrupted(_) => StatusCode::BAD_REQUEST,
            Self::Timeout { .. } => StatusCode::REQUEST_TIMEOUT,
        }
    }

    /// The value of the label `reason` in the metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::UnsupportedEncoding(_) => "unsupported_encoding",
            Self::TooLarge { .. } | Self::Bomb { .. } => "too_large",
            Self::Corrupt { .. } => "corrupt_body",
            Self::Interrupted(_) | Self::Timeout { .. } => "interrupted",
        }
    }
}

impl Encoding {
    /// From `Content-Encoding`; `absent` is what the protocol means by none (snappy for Loki and remote write).
    pub fn of(headers: &HeaderMap, absent: Self) -> Result<Self, BodyError> {
        let Some(value) = headers.get(CONTENT_ENCODING) else { return Ok(absent) };
        let text = value.to_str().unwrap_or_default().trim().to_ascii_lowercase();
        match text.as_str() {
            "" => Ok(absent),
            "identity" => Ok(Self::Identity),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            "deflate" => Ok(Self::Deflate),
            "snappy" => Ok(Self::Snappy),
            "zstd" => Ok(Self::Zstd),
            _ => {
                let shown = String::from_utf8_lossy(value.as_bytes()).chars().take(64).collect();
                Err(BodyError::UnsupportedEncoding(shown))
            }
        }
    }
}

/// Reads the whole body as sent.
pub async fn read(headers: &HeaderMap, mut body: Body, limits: &IngestLimits) -> Result<Bytes, BodyError> {
    let limit = limits.max_body_bytes;
    let announced =
        headers.get(http::header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|n| n > limit as u64) {
        drain(body, limit).await;
        return Err(BodyError::TooLarge { limit });
    }
    match tokio::time::timeout(limits.body_timeout(), Limited::new(&mut body, limit).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(e)) if e.is::<LengthLimitError>() => {
            drain(body, limit).await;
            Err(BodyError::TooLarge { limit })
        }
        Ok(Err(e)) => Err(BodyError::Interrupted(axum::Error::new(e))),
        Err(_) => Err(BodyError::Timeout { seconds: limits.body_timeout().as_secs() }),
    }
}

/// Reads on for a moment and forgets what comes: a sender whose connection is reset while it writes never reads why.
async fn drain(mut body: Body, limit: usize) {
    let mut left = limit.saturating_mul(DRAIN_FACTOR);
    let forget = async {
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
            if left == 0 {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(DRAIN_TIME, forget).await;
}

/// Decompresses; blocking work of at most `limits.max_decompressed_bytes` of output.
pub fn decompress(encoding: Encoding, raw: Bytes, limits: &IngestLimits) -> Result<Bytes, BodyError> {
    let limit = limits.max_decompressed_bytes;
    let corrupt = |e: &dyn std::fmt::Display| BodyError::Corrupt { encoding, message: e.to_string() };
    let out = match encoding {
        Encoding::Identity if raw.len() > limit => return Err(BodyError::Bomb { limit }),
        Encoding::Identity => return Ok(raw),
        Encoding::Gzip => bounded(flate2::read::MultiGzDecoder::new(&raw[..]), limit),
        Encoding::Deflate if is_zlib(&raw) => bounded(flate2::read::ZlibDecoder::new(&raw[..]), limit),
        Encoding::Deflate => bounded(flate2::read::DeflateDecoder::new(&raw[..]), limit),
        Encoding::Snappy => {
            let announced = snap::raw::decompress_len(&raw).map_err(|e| corrupt(&e))?;
            if announced > limit {
                return Err(BodyError::Bomb { limit });
            }
            let mut out = Buffer::take(announced);
            // It is an error to have less or more than was announced: nothing of before is left in it.
            snap::raw::Decoder::new().decompress(&raw, out.as_mut()).map_err(|e| corrupt(&e))?;
            return Ok(Bytes::from_owner(out));
        }
        Encoding::Zstd => zstd::stream::read::Decoder::with_buffer(&raw[..]).and_then(|mut decoder| {
            // A frame may ask for a window of gigabytes; 2^26 is 64 MiB.
            decoder.window_log_max(26)?;
            bounded(decoder, limit)
        }),
    };
    match out {
        Ok(Some(bytes)) => Ok(bytes.into()),
        Ok(None) => Err(BodyError::Bomb { limit }),
        Err(e) => Err(corrupt(&e)),
    }
}

/// All that `reader` has, or `None` when that is more than `limit`.
fn bounded(reader: impl Read, limit: usize) -> std::io::Result<Option<Vec<u8>>> {
    let mut out = Vec::new();
    reader.take(limit as u64 + 1).read_to_end(&mut out)?;
    Ok((out.len() <= limit).then_some(out))
}

/// RFC 1950, section 2.2: method 8, and the first two bytes are a multiple of 31.
fn is_zlib(raw: &[u8]) -> bool {
    matches!(raw, [cmf, flg, ..] if cmf & 0x0f == 8 && (u16::from(*cmf) << 8 | u16::from(*flg)) % 31 == 0)
}
