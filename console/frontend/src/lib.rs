//! The browser's entry: wasm with the islands of [`console_app`], called by `js/boot.js`.

// The islands are exported by name; nothing calls them from here.
use console_app as _;
use wasm_bindgen::prelude::wasm_bindgen;

/// Makes the page ready for its islands, which the caller then hydrates one by one.
#[wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_islands();
}
