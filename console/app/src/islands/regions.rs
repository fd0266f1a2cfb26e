//! Parts of a page that the server draws again while they are looked at.

use leptos::prelude::*;

/// Every `every_s` seconds, while the page's range is live and the page visible, asks for the page again and replaces
/// what is inside each element with `data-live="some-id"`. Says whether that works.
#[island]
pub fn LiveRegions(every_s: u32) -> impl IntoView {
    let problem = RwSignal::new(String::new());
    #[cfg(feature = "hydrate")]
    live::start(every_s, problem);
    #[cfg(not(feature = "hydrate"))]
    let _ = every_s;
    view! { <p class="live-problem" role="status" hidden=move || problem.get().is_empty()>{move || problem.get()}</p> }
}

#[cfg(feature = "hydrate")]
mod live {
    use std::{cell::Cell, rc::Rc, time::Duration};

    use leptos::{prelude::*, task::spawn_local};
    use wasm_bindgen::JsCast;
    use wasm_bindgen_futures::JsFuture;
    use web_sys::{Document, DomParser, Element, HtmlElement, Response, SupportedType};

    use crate::islands::browser;

    const LIGHT_PAGE: &str = "/about";

    pub fn start(every_s: u32, problem: RwSignal<String>) {
        if !browser::is_live() {
            return;
        }
        let is_busy = Rc::new(Cell::new(false));
        let again = move || {
            if browser::is_hidden() || is_reading() || is_busy.replace(true) {
                return;
            }
            let is_busy = Rc::clone(&is_busy);
            spawn_local(async move {
                let words = refresh().await.err().unwrap_or_default();
                if problem.get_untracked() != words {
                    problem.set(words);
                }
                is_busy.set(false);
            });
        };
        let _ = set_interval_with_handle(again, Duration::from_secs(u64::from(every_s.max(1))));
    }

    /// Text is marked, or a menu is open: nothing may move under the reader.
    fn is_reading() -> bool {
        let is_marking = window().get_selection().ok().flatten().is_some_and(|s| !s.is_collapsed());
        is_marking || document().query_selector("[data-live] :popover-open").is_ok_and(|e| e.is_some())
    }

    /// The page itself; where only the frame is live, a page that asks no store.
    fn source() -> String {
        let is_frame_only = !document().query_selector("main [data-live]").is_ok_and(|e| e.is_some());
        if is_frame_only {
            return LIGHT_PAGE.to_owned();
        }
        let location = window().location();
        location.pathname().unwrap_or_default() + &location.search().unwrap_or_default()
    }

    async fn refresh() -> Result<(), String> {
        let here = source();
        let away = || "Not refreshed: the console does not answer.".to_owned();
        let response = JsFuture::from(window().fetch_with_str(&here)).await.map_err(|_| away())?;
        let response: Response = response.unchecked_into();
        if response.redirected() || response.status() == 401 {
            return Err("Not refreshed: log in again.".to_owned());
        }
        if !response.ok() {
            return Err(format!("Not refreshed: the console answers {}.", response.status()));
        }
        let text = response.text().map_err(|_| away())?;
        let text = JsFuture::from(text).await.map_err(|_| away())?.as_string().unwrap_or_default();
        let fresh = DomParser::new()
            .and_then(|p| p.parse_from_string(&text, SupportedType::TextHtml))
            .map_err(|_| "Not refreshed: the answer is no page.".to_owned())?;
        replace(&fresh);
        Ok(())
    }

    fn replace(fresh: &Document) {
        let Ok(regions) = document().query_selector_all("[data-live]") else { return };
        for index in 0..regions.length() {
            let Some(old) = regions.item(index).and_then(|n| n.dyn_into::<Element>().ok()) else { continue };
            let id = old.get_attribute("data-live").unwrap_or_default();
            let selector = format!("[data-live=\"{}\"]", id.replace(['"', '\\'], ""));
            let Some(new) = fresh.query_selector(&selector).ok().flatten() else { continue };
            let html = new.inner_html();
            if old.inner_html() != html {
                keep_state(&old, &new);
                let focus = focused_inside(&old);
                old.set_inner_html(&new.inner_html());
                if let Some(element) = focus.and_then(|f| old.query_selector(&f).ok().flatten()) {
                    refocus(element);
                }
            }
        }
    }

    /// What was unfolded stays unfolded, what was folded stays folded.
    fn keep_state(old: &Element, new: &Element) {
        let Ok(folds) = old.query_selector_all("details[id]") else { return };
        for index in 0..folds.length() {
            let Some(element) = folds.item(index).and_then(|n| n.dyn_into::<Element>().ok()) else {
                continue;
            };
            let selector = format!("details[id=\"{}\"]", element.id().replace(['"', '\\'], ""));
            if let Ok(Some(found)) = new.query_selector(&selector) {
                let _ = if element.has_attribute("open") {
                    found.set_attribute("open", "")
                } else {
                    found.remove_attribute("open")
                };
            }
        }
    }

    /// A selector that finds the focused element again, by id or by where it leads.
    fn focused_inside(region: &Element) -> Option<String> {
        let element = document().active_element().filter(|e| region.contains(Some(e)))?;
        let attribute = if element.id().is_empty() { "href" } else { "id" };
        let value = element.get_attribute(attribute)?.replace(['"', '\\'], "");
        Some(format!("[{attribute}=\"{value}\"]"))
    }

    fn refocus(element: Element) {
        if let Ok(element) = element.dyn_into::<HtmlElement>() {
            let _ = element.focus();
        }
    }
}
