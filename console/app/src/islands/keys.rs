//! Keys of the whole console, and the dialog that explains them.

use leptos::prelude::*;

/// `g`, then one of these: key, words, path.
const PLACES: [(&str, &str, &str); 7] = [
    ("o", "Overview", "/"),
    ("a", "Alerts", "/alerts"),
    ("l", "Logs", "/logs"),
    ("t", "Traces", "/traces"),
    ("m", "Metrics", "/metrics-explorer"),
    ("d", "Deploys", "/deploys"),
    ("r", "Runbooks", "/runbooks"),
];

/// Listens to keys while no field has the focus. `?` opens the dialog.
#[island]
pub fn Keys() -> impl IntoView {
    #[cfg(feature = "hydrate")]
    live::listen();
    let places = PLACES
        .iter()
        .map(|(key, words, _)| view! { <div><dt><kbd>"g"</kbd>" "<kbd>{*key}</kbd></dt><dd>{*words}</dd></div> })
        .collect_view();
    view! {
        <dialog class="keys" id="keys" aria-labelledby="keys-title">
            <h2 id="keys-title">"Keys"</h2>
            <dl>
                <div><dt><kbd>"/"</kbd></dt><dd>"Write a query or search"</dd></div>
                <div><dt><kbd>"Ctrl"</kbd>" "<kbd>"Enter"</kbd></dt><dd>"Run the query"</dd></div>
                {places}
                <div><dt><kbd>"Esc"</kbd></dt><dd>"Leave a field, close a dialog"</dd></div>
                <div><dt><kbd>"?"</kbd></dt><dd>"This list"</dd></div>
            </dl>
            <form method="dialog"><button class="button" type="submit">"Close"</button></form>
        </dialog>
    }
}

#[cfg(feature = "hydrate")]
mod live {
    use std::{cell::RefCell, rc::Rc, time::Duration};

    use leptos::{ev, leptos_dom::helpers::TimeoutHandle, prelude::*};
    use wasm_bindgen::JsCast;
    use web_sys::{HtmlDialogElement, HtmlElement, KeyboardEvent};

    use super::PLACES;

    /// How long `g` waits for its second key.
    const PATIENCE: Duration = Duration::from_millis(1500);

    pub fn listen() {
        let waiting: Rc<RefCell<Option<TimeoutHandle>>> = Rc::default();
        let handle = window_event_listener(ev::keydown, move |event| pressed(&event, &waiting));
        // For the life of the page.
        std::mem::forget(handle);
    }

    fn pressed(event: &KeyboardEvent, waiting: &Rc<RefCell<Option<TimeoutHandle>>>) {
        let key = event.key();
        let focused = document().active_element().and_then(|e| e.dyn_into::<HtmlElement>().ok());
        let field =
            focused.filter(|e| e.matches("input, textarea, select, [contenteditable]").unwrap_or(false));
        if let Some(field) = field {
            match key.as_str() {
                "Escape" => drop(field.blur()),
                "Enter" if event.ctrl_key() || event.meta_key() => submit(event, &field),
                _ => {}
            }
            return;
        }
        if event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        let follows_g = waiting.borrow_mut().take().inspect(TimeoutHandle::clear).is_some();
        match key.as_str() {
            "g" if !follows_g => {
                let forget = Rc::clone(waiting);
                let timer = set_timeout_with_handle(move || *forget.borrow_mut() = None, PATIENCE);
                *waiting.borrow_mut() = timer.ok();
            }
            key if follows_g => {
                if let Some((_, _, path)) = PLACES.iter().find(|(k, _, _)| *k == key) {
                    event.prevent_default();
                    go(path);
                }
            }
            "/" => search(event),
            "?" => help(event),
            _ => {}
        }
    }

    fn submit(event: &KeyboardEvent, field: &HtmlElement) {
        let form =
            field.closest("form").ok().flatten().and_then(|f| f.dyn_into::<web_sys::HtmlFormElement>().ok());
        if let Some(form) = form {
            event.prevent_default();
            let _ = form.request_submit();
        }
    }

    fn search(event: &KeyboardEvent) {
        let found =
            document().query_selector("main [data-search], main [name=q], main [type=search]").ok().flatten();
        if let Some(field) = found.and_then(|e| e.dyn_into::<HtmlElement>().ok()) {
            event.prevent_default();
            let _ = field.focus();
        }
    }

    fn help(event: &KeyboardEvent) {
        let dialog =
            document().get_element_by_id("keys").and_then(|e| e.dyn_into::<HtmlDialogElement>().ok());
        if let Some(dialog) = dialog.filter(|d| !d.open()) {
            event.prevent_default();
            let _ = dialog.show_modal();
        }
    }

    /// Where the navigation's own link leads, because it keeps the time range.
    fn go(path: &str) {
        let selector = format!("nav a[href='{path}'], nav a[href^='{path}?']");
        let link = document().query_selector(&selector).ok().flatten().and_then(|a| a.get_attribute("href"));
        let _ = window().location().assign(link.as_deref().unwrap_or(path));
    }
}
