//! Live tail over a WebSocket: one JSON frame a batch, with the entries that a slow reader missed.

use std::time::Duration;

use axum::{
    extract::{
        RawQuery, State,
        ws::{Message, WebSocket, WebSocketUpgrade},
    },
    response::Response,
};
use console_model::log::TailFrame;
use serde_json::json;
use tokio::sync::mpsc::Receiver;

use super::{Api, answers, envelope::LokiError, queries::expression};
use crate::{json, params::Params};

/// A reader that takes longer for one frame is gone.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
const PING_EVERY: Duration = Duration::from_secs(15);

pub async fn tail(
    State(api): State<Api>,
    RawQuery(query): RawQuery,
    upgrade: WebSocketUpgrade,
) -> Result<Response, LokiError> {
    let params = Params::parse(query.as_deref().unwrap_or_default());
    // A wrong query is refused before the upgrade, with its text.
    let frames = api.source.tail(expression(&api, &params)?).await?;
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
