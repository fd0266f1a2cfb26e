//! The browser's objects, where the standard bindings are not enough.

use wasm_bindgen::{JsCast, JsValue};

/// The page cannot be seen: nothing needs to move.
pub fn is_hidden() -> bool {
    leptos::prelude::document().hidden()
}

/// The page's time range moves with the clock: no `to`, or `to=now`, and no absolute `from`.
pub fn is_live() -> bool {
    let search = leptos::prelude::window().location().search().unwrap_or_default();
    let Ok(params) = web_sys::UrlSearchParams::new_with_str(&search) else { return false };
    let now = |name: &str| params.get(name).is_none_or(|v| v.is_empty() || v.starts_with("now"));
    now("from") && params.get("to").is_none_or(|v| v.is_empty() || v == "now")
}

/// Calls a method of a JavaScript object; none when it is not there or throws.
pub fn call(object: &JsValue, method: &str, arguments: &[JsValue]) -> Option<JsValue> {
    let function = js_sys::Reflect::get(object, &JsValue::from_str(method)).ok()?;
    let function = function.dyn_into::<js_sys::Function>().ok()?;
    function.apply(object, &arguments.iter().collect::<js_sys::Array>()).ok()
}
