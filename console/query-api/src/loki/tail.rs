//! Live tail over a WebSocket: one JSON frame a batch, with the entries that a slow reader missed.

use std::time::Duration;

use axum::{
    extract::{
        RawQuery, State,
        ws::{Message, WebSocket, WebSocketUpgrade},
    },
    response::Response,
};
use console_model::{clock, log::TailFrame};
use console_storage::source::TailOptions;
use serde_json::json;
use tokio::sync::mpsc::Receiver;

use super::{
    Api, answers,
    envelope::LokiError,
    moment::{self, DEFAULT_LIMIT, expression, time_or},
};
use crate::{json, params::Params};

/// A reader that takes longer for one frame is gone.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
const PING_EVERY: Duration = Duration::from_secs(15);
/// Where a tail begins that names no start.
const DEFAULT_START_NS: i64 = 3_600_000_000_000;
/// Loki's own bound.
const MAX_DELAY_S: u64 = 5;

/// `start`, `limit`, `delay_for`. With `limit=0` a tail begins now.
fn options(api: &Api, params: &Params) -> Result<TailOptions, LokiError> {
    let limit = moment::count(api, params, "limit", DEFAULT_LIMIT)?;
    let start = time_or(params, "start", clock::now_ns().saturating_sub(DEFAULT_START_NS))?;
    let delay_s: u64 = match params.non_empty("delay_for") {
        None => 0,
        Some(text) => text
            .parse()
            .map_err(|_| LokiError::bad_request(format!("delay_for must be seconds, got {text:?}")))?,
    };
    if delay_s > MAX_DELAY_S {
        return Err(LokiError::bad_request(format!("delay_for can't be greater than {MAX_DELAY_S}")));
    }
    Ok(TailOptions { start_ns: (limit > 0).then_some(start), limit, delay_ms: delay_s * 1000 })
}

pub async fn tail(
    State(api): State<Api>,
    RawQuery(query): RawQuery,
    upgrade: WebSocketUpgrade,
) -> Result<Response, LokiError> {
    let params = Params::parse(query.as_deref().unwrap_or_default());
    // A wrong query is refused before the upgrade, with its text.
    let frames = api.source.tail_with(expression(&api, &params)?, options(&api, &params)?).await?;
    Ok(upgrade.max_message_size(4096).on_upgrade(move |socket| push(socket, frames)))
}

async fn push(mut socket: WebSocket, mut frames: Receiver<TailFrame>) {
    let mut ping = tokio::time::interval(PING_EVERY);
    loop {
        let message = tokio::select! {
            frame = frames.recv() => match frame {
                Some(frame) => Message::Text(text(&frame).into()),
                None => break,
            },
            _ = ping.tick() => Message::Ping(bytes::Bytes::new()),
            heard = socket.recv() => match heard {
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(_)) => continue,
            },
        };
        if !matches!(tokio::time::timeout(SEND_TIMEOUT, socket.send(message)).await, Ok(Ok(()))) {
            break;
        }
    }
}

fn text(frame: &TailFrame) -> String {
    let mut out = b"{\"streams\":".to_vec();
    json::list(&mut out, &frame.streams, answers::stream);
    if frame.dropped > 0 {
        // Loki names each lost entry; here only their number is known.
        out.extend_from_slice(b",\"dropped_entries\":");
        json::value(&mut out, &json!([{"labels": {}, "count": frame.dropped}]));
    }
    out.push(b'}');
    String::from_utf8(out).unwrap_or_default()
}
