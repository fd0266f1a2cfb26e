//! A chart over time: drawn by the server, then by the browser in the same place.

use leptos::{html::Div, prelude::*};

use crate::view::chart::{ChartData, Refresh, Unit};

/// Lines over time with legend and marks. Dragging a range shows the page for that range. With `refresh` the chart
/// moves with the clock while its page is visible and the page's range is live.
#[island]
pub fn TimeChart(
    /// Unique on the page.
    #[prop(into)]
    key: String,
    /// What the picture is called for those who cannot see it.
    #[prop(into)]
    title: String,
    data: ChartData,
    refresh: Option<Refresh>,
) -> impl IntoView {
    let root = NodeRef::<Div>::new();
    #[cfg(feature = "ssr")]
    let picture = {
        let _ = refresh;
        crate::view::chart_svg::first_paint(&title, &data)
    };
    // What the server drew stays until the chart library takes its place.
    #[cfg(not(feature = "ssr"))]
    let picture = {
        let _ = title;
        String::new()
    };
    #[cfg(feature = "hydrate")]
    live::mount(root, data, refresh);
    view! { <div class="chart" data-chart=key node_ref=root inner_html=picture></div> }
}

/// The next picture of a chart: the query over the last `length_ms`, with the deploys of that time.
#[server(prefix = "/api/ui", endpoint = "chart", input = leptos::server_fn::codec::GetUrl, name = ChartDataRequest)]
pub async fn chart_data(
    expr: String,
    by: String,
    unit: Unit,
    length_ms: i64,
    step_ms: i64,
) -> Result<ChartData, ServerFnError> {
    let backends = expect_context::<crate::backends::Backends>();
    let refresh = Refresh { expr, by, unit, length_ms, step_ms };
    crate::pages::query::refreshed(&backends, &refresh).await.map_err(ServerFnError::new)
}

#[cfg(feature = "hydrate")]
mod live {
    use std::{cell::Cell, rc::Rc, time::Duration};

    use leptos::{html::Div, prelude::*, task::spawn_local};
    use wasm_bindgen::{JsCast, JsValue, closure::Closure};

    use super::chart_data;
    use crate::{
        islands::browser,
        view::chart::{ChartData, Refresh},
    };

    const EVERY: Duration = Duration::from_secs(5);

    pub fn mount(root: NodeRef<Div>, data: ChartData, refresh: Option<Refresh>) {
        Effect::new(move |_| {
            let Some(element) = root.get() else { return };
            let element: web_sys::Element = element.unchecked_into();
            let library = js_sys::Reflect::get(&window(), &JsValue::from_str("qdCharts")).unwrap_or_default();
            if !library.is_object() {
                return;
            }
            let zoom = Closure::<dyn FnMut(f64, f64)>::new(zoom).into_js_value();
            browser::call(&library, "mount", &[element.clone().into(), json(&data), zoom]);
            if let Some(refresh) = refresh.clone().filter(|_| browser::is_live()) {
                keep_fresh(element, library, refresh);
            }
        });
    }

    fn json(data: &ChartData) -> JsValue {
        JsValue::from_str(&serde_json::to_string(data).unwrap_or_default())
    }

    fn keep_fresh(element: web_sys::Element, library: JsValue, refresh: Refresh) {
        let is_busy = Rc::new(Cell::new(false));
        let again = move || {
            if browser::is_hidden() || is_busy.replace(true) {
                return;
            }
            let (element, library, refresh) = (element.clone(), library.clone(), refresh.clone());
            let is_busy = Rc::clone(&is_busy);
            spawn_local(async move {
                let Refresh { expr, by, unit, length_ms, step_ms } = refresh;
                match chart_data(expr, by, unit, length_ms, step_ms).await {
                    Ok(data) => {
                        browser::call(&library, "update", &[element.clone().into(), json(&data)]);
                        let _ = element.remove_attribute("data-problem");
                    }
                    Err(_) => {
                        let _ = element
                            .set_attribute("data-problem", "not refreshed: the console does not answer");
                    }
                }
                is_busy.set(false);
            });
        };
        let _ = set_interval_with_handle(again, EVERY);
    }

    /// The same page, for the range that was dragged.
    fn zoom(from_ms: f64, to_ms: f64) {
        let location = window().location();
        let Ok(url) = location.href().and_then(|href| web_sys::Url::new(&href)) else { return };
        url.search_params().set("from", &format!("{from_ms:.0}"));
        url.search_params().set("to", &format!("{to_ms:.0}"));
        let _ = location.assign(&url.href());
    }
}
