//! Addresses of pages.

use leptos::prelude::*;
use leptos_meta::provide_meta_context;
use leptos_router::{
    SsrMode,
    components::{Route, Router, Routes},
    path,
};

use crate::pages::{
    about::AboutPage,
    alert::AlertPage,
    alerts::AlertsPage,
    deploy::DeployPage,
    deploys::DeploysPage,
    logs::LogsPage,
    metrics::MetricsPage,
    not_found::NotFoundPage,
    overview::OverviewPage,
    runbook::RunbookPage,
    runbooks::RunbooksPage,
    traces::{TracePage, TracesPage},
};

/// All pages. What arrives needs no script. Pages of one thing are rendered whole before their first byte leaves, which says
/// whether there is such a thing; the others begin to arrive at once and bring what is slow as it comes, in order.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    view! {
        <Router>
            <Routes fallback=|| view! { <NotFoundPage/> }>
                <Route path=path!("/") view=OverviewPage ssr=SsrMode::InOrder/>
                <Route path=path!("/logs") view=LogsPage ssr=SsrMode::InOrder/>
                <Route path=path!("/traces") view=TracesPage ssr=SsrMode::InOrder/>
                <Route path=path!("/traces/:id") view=TracePage ssr=SsrMode::Async/>
                <Route path=path!("/metrics-explorer") view=MetricsPage ssr=SsrMode::InOrder/>
                <Route path=path!("/alerts") view=AlertsPage ssr=SsrMode::InOrder/>
                <Route path=path!("/alerts/:fingerprint") view=AlertPage ssr=SsrMode::Async/>
                <Route path=path!("/deploys") view=DeploysPage ssr=SsrMode::Async/>
                <Route path=path!("/deploys/:sha") view=DeployPage ssr=SsrMode::Async/>
                <Route path=path!("/runbooks") view=RunbooksPage ssr=SsrMode::Async/>
                <Route path=path!("/runbooks/*slug") view=RunbookPage ssr=SsrMode::Async/>
                <Route path=path!("/about") view=AboutPage ssr=SsrMode::Async/>
            </Routes>
        </Router>
    }
}
