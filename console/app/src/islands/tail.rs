//! Log lines as they arrive.

use std::collections::VecDeque;

use leptos::prelude::*;

use crate::view::{
    format::{self, count},
    tail_frame::TailRow,
};

/// Lines that are kept, newest first.
const MAX_LINES: usize = 1_000;

/// How the connection is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "hydrate"), expect(dead_code, reason = "only a browser connects"))]
enum Connection {
    Connecting,
    Connected,
    /// Tries again after this many seconds.
    Disconnected(u64),
}

impl Connection {
    fn words(&self) -> String {
        match self {
            Self::Connecting => "Connecting".to_owned(),
            Self::Connected => "Live".to_owned(),
            Self::Disconnected(s) => format!("Disconnected, trying again in {s} s"),
        }
    }

    fn dot(&self) -> &'static str {
        match self {
            Self::Connecting => "dot warn",
            Self::Connected => "dot ok",
            Self::Disconnected(_) => "dot bad",
        }
    }
}

/// Everything that the tail shows. Copies are handles.
#[derive(Clone, Copy)]
struct Tail {
    connection: RwSignal<Connection>,
    is_paused: RwSignal<bool>,
    /// With a number that never comes twice.
    lines: RwSignal<VecDeque<(u64, TailRow)>>,
    /// Arrived while paused.
    waiting: RwSignal<VecDeque<(u64, TailRow)>>,
    received: RwSignal<u64>,
    /// Told by the server: the page was too slow.
    dropped: RwSignal<u64>,
}

impl Tail {
    fn new() -> Self {
        Self {
            connection: RwSignal::new(Connection::Connecting),
            is_paused: RwSignal::new(false),
            lines: RwSignal::default(),
            waiting: RwSignal::default(),
            received: RwSignal::new(0),
            dropped: RwSignal::new(0),
        }
    }

    fn toggle(self) {
        self.is_paused.update(|paused| *paused = !*paused);
        if !self.is_paused.get_untracked() {
            let waiting = self.waiting.try_update(std::mem::take).unwrap_or_default();
            self.lines.update(|lines| put(lines, waiting.into_iter().rev()));
        }
    }

    fn clear(self) {
        self.lines.update(VecDeque::clear);
        self.waiting.update(VecDeque::clear);
        self.dropped.set(0);
    }

    /// Oldest first.
    #[cfg_attr(not(feature = "hydrate"), expect(dead_code, reason = "only a browser receives"))]
    fn receive(self, rows: Vec<TailRow>, dropped: u64) {
        if dropped > 0 {
            self.dropped.update(|n| *n += dropped);
        }
        if rows.is_empty() {
            return;
        }
        let first = self.received.get_untracked();
        self.received.set(first + rows.len() as u64);
        let numbered = (first..).zip(rows);
        if self.is_paused.get_untracked() {
            self.waiting.update(|lines| put(lines, numbered));
        } else {
            self.lines.update(|lines| put(lines, numbered));
        }
    }
}

/// Puts lines, oldest first, on top; the oldest fall off.
fn put(lines: &mut VecDeque<(u64, TailRow)>, more: impl Iterator<Item = (u64, TailRow)>) {
    more.for_each(|line| lines.push_front(line));
    lines.truncate(MAX_LINES);
}

/// Follows the lines of a LogQL log expression. Keeps the newest thousand; can be paused and cleared; says when lines
/// were dropped and when it is cut off.
#[island]
pub fn LiveTail(
    /// A log expression (not a metric one).
    #[prop(into)]
    query: String,
) -> impl IntoView {
    let tail = Tail::new();
    #[cfg(feature = "hydrate")]
    live::connect(query, tail, 1);
    #[cfg(not(feature = "hydrate"))]
    let _ = query;
    let pause_words = move || match (tail.is_paused.get(), tail.waiting.with(VecDeque::len)) {
        (false, _) => "Pause".to_owned(),
        (true, n) => format!("Resume ({})", count(n as u64)),
    };
    let shown = move || format!("{} lines", count(tail.lines.with(VecDeque::len) as u64));
    let dropped = move || {
        let n = tail.dropped.get();
        if n == 0 {
            String::new()
        } else {
            format!("{} lines dropped: more arrive than can be shown", count(n))
        }
    };
    view! {
        <section class="tail" aria-label="Live lines">
            <div class="tail-bar">
                <span class=move || tail.connection.with(Connection::dot) aria-hidden="true"></span>
                <span role="status">{move || tail.connection.with(Connection::words)}</span>
                <span class="tail-dropped" role="status">{dropped}</span>
                <span class="tail-count muted">{shown}</span>
                <button class="button" type="button" on:click=move |_| tail.toggle()>{pause_words}</button>
                <button class="button" type="button" on:click=move |_| tail.clear()>"Clear"</button>
            </div>
            <div class="log-rows tail-lines" tabindex="0" role="log" aria-live="off" aria-label="Live lines">
                <For each=move || tail.lines.get() key=|(number, _)| *number let((_number, row))>
                    <TailLine row/>
                </For>
            </div>
        </section>
    }
}

#[component]
fn TailLine(row: TailRow) -> impl IntoView {
    let level = row.level.as_str();
    view! {
        <div class=format!("log-row log-line {level}")>
            <time class="log-time">{format::clock_utc(row.t_ns.div_euclid(1_000_000))}</time>
            <span class="log-level">{level}</span>
            <span class="log-service">{row.service}</span>
            <span class="log-text">
                <span class="log-message">{row.message}</span>
                <span class="log-telling">{row.telling}</span>
            </span>
        </div>
    }
}

#[cfg(feature = "hydrate")]
mod live {
    use std::time::Duration;

    use leptos::prelude::*;
    use wasm_bindgen::{JsCast, closure::Closure};
    use web_sys::{CloseEvent, Event, MessageEvent, WebSocket};

    use super::{Connection, Tail};
    use crate::view::tail_frame;

    const LONGEST_WAIT_S: u64 = 30;

    /// Connects, and connects again after each end, ever later.
    pub fn connect(query: String, tail: Tail, wait_s: u64) {
        tail.connection.set(Connection::Connecting);
        let Ok(socket) = WebSocket::new(&address(&query)) else {
            again(query, tail, wait_s);
            return;
        };
        let opened = Closure::<dyn FnMut(Event)>::new(move |_| tail.connection.set(Connection::Connected));
        socket.set_onopen(Some(opened.into_js_value().unchecked_ref()));
        let heard = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            if let Some(Ok(frame)) = event.data().as_string().map(|text| tail_frame::parse(&text)) {
                tail.receive(frame.rows, frame.dropped);
            }
        });
        socket.set_onmessage(Some(heard.into_js_value().unchecked_ref()));
        let closed = Closure::<dyn FnMut(CloseEvent)>::new(move |_| {
            // One that held was no failure: begin with a short wait.
            let was_connected = tail.connection.get_untracked() == Connection::Connected;
            again(query.clone(), tail, if was_connected { 1 } else { wait_s });
        });
        socket.set_onclose(Some(closed.into_js_value().unchecked_ref()));
    }

    fn again(query: String, tail: Tail, wait_s: u64) {
        tail.connection.set(Connection::Disconnected(wait_s));
        let next_s = (wait_s * 2).min(LONGEST_WAIT_S);
        set_timeout(move || connect(query, tail, next_s), Duration::from_secs(wait_s));
    }

    fn address(query: &str) -> String {
        let location = window().location();
        let scheme = if location.protocol().is_ok_and(|p| p == "https:") { "wss" } else { "ws" };
        let host = location.host().unwrap_or_default();
        let query = String::from(js_sys::encode_uri_component(query));
        // The page above has the newest lines already.
        format!("{scheme}://{host}/loki/api/v1/tail?limit=0&query={query}")
    }
}
