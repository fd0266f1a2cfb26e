//! The frame around every page: navigation, time range, theme, user.
//!
//! Menus are popovers of the platform: they open, close on Escape and on a click beside them without any script.

use console_model::alert::AlertState;
use console_ui::{Glyph, Icon, Logo, Notice, Tone};
use leptos::prelude::*;
use leptos_meta::Title;

use crate::{
    islands::{Keys, LiveRegions},
    range::QUICK,
    request::{PageRequest, Theme},
    view::format,
};

/// How long the navigation waits for the number of firing alerts.
const COUNT_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(2);

/// A page of the navigation.
struct Place {
    key: &'static str,
    words: &'static str,
    path: &'static str,
    glyph: Glyph,
    /// In the bar at the bottom of a phone; the others stand behind "More".
    is_primary: bool,
}

const PLACES: [Place; 8] = [
    Place { key: "overview", words: "Overview", path: "/", glyph: Glyph::Overview, is_primary: true },
    Place { key: "alerts", words: "Alerts", path: "/alerts", glyph: Glyph::Alerts, is_primary: true },
    Place { key: "logs", words: "Logs", path: "/logs", glyph: Glyph::Logs, is_primary: true },
    Place { key: "traces", words: "Traces", path: "/traces", glyph: Glyph::Traces, is_primary: true },
    Place {
        key: "metrics",
        words: "Metrics",
        path: "/metrics-explorer",
        glyph: Glyph::Metrics,
        is_primary: false,
    },
    Place { key: "deploys", words: "Deploys", path: "/deploys", glyph: Glyph::Deploys, is_primary: false },
    Place {
        key: "runbooks",
        words: "Runbooks",
        path: "/runbooks",
        glyph: Glyph::Runbooks,
        is_primary: false,
    },
    Place { key: "about", words: "About", path: "/about", glyph: Glyph::Info, is_primary: false },
];

/// Everything around a page's own content.
#[component]
pub fn Page(
    /// The heading, and the document's title.
    #[prop(into)]
    title: String,
    /// Key of the place in the navigation: `overview`, `logs`, `traces`, `metrics`, `alerts`, `deploys`, `runbooks`,
    /// `about`.
    active: &'static str,
    request: PageRequest,
    /// The page above: words and path.
    #[prop(optional)]
    parent: Option<(&'static str, &'static str)>,
    /// The page does not depend on a time range.
    #[prop(optional)]
    timeless: bool,
    children: Children,
) -> impl IntoView {
    let crumb = parent.map(|(words, path)| {
        view! {
            <a class="crumb" href=request.link(path, &[])>{words}</a>
            <span class="crumb-slash" aria-hidden="true">"/"</span>
        }
    });
    let problem = request.range.problem.clone().map(|problem| {
        view! { <Notice tone=Tone::Warn>{format!("Showing the last 15 minutes: {problem}.")}</Notice> }
    });
    let is_live = request.range.is_live();
    view! {
        <Title text=format!("{title} · Quarterdeck")/>
        <a class="skip" href="#main">"Skip to content"</a>
        <div class="shell">
            <Navigation active request=request.clone()/>
            <div class="view">
                <header class="topbar">
                    <div class="topbar-title">{crumb}<h1 title=title.clone()>{title.clone()}</h1></div>
                    <div class="topbar-actions">
                        {(!timeless).then(|| view! { <RangePicker request=request.clone()/> })}
                        <UserMenu request=request.clone()/>
                    </div>
                </header>
                <main id="main" tabindex="-1">{problem}{children()}</main>
            </div>
        </div>
        <Keys/>
        {is_live.then(|| view! { <LiveRegions every_s=5/> })}
    }
}

#[component]
fn Navigation(active: &'static str, request: PageRequest) -> impl IntoView {
    let link = |place: &Place, class: &'static str| {
        let current = (place.key == active).then_some("page");
        let count = (place.key == "alerts" && class == "primary").then(|| firing_count(&request));
        view! {
            <li class=class>
                <a href=request.link(place.path, &[]) aria-current=current title=place.words>
                    <Icon glyph=place.glyph/>
                    <span>{place.words}</span>
                    {count}
                </a>
            </li>
        }
    };
    let all = PLACES
        .iter()
        .map(|place| link(place, if place.is_primary { "primary" } else { "secondary" }))
        .collect_view();
    let more = PLACES.iter().filter(|p| !p.is_primary).map(|place| link(place, "")).collect_view();
    let is_more_current = PLACES.iter().any(|p| p.key == active && !p.is_primary).then_some("true");
    view! {
        <nav class="rail" aria-label="Pages">
            <a class="brand" href="/"><Logo/><span>"Quarterdeck"</span></a>
            <ul>
                {all}
                <li class="more">
                    <button type="button" popovertarget="menu-more" aria-current=is_more_current>
                        <Icon glyph=Glyph::More/>
                        <span>"More"</span>
                    </button>
                </li>
            </ul>
        </nav>
        <div class="menu menu-more" id="menu-more" popover="auto"><ul class="menu-list">{more}</ul></div>
    }
}

/// How many alerts fire, beside the navigation's entry. Alerts of severity `none` prove the path and do not count.
fn firing_count(request: &PageRequest) -> impl IntoView + use<> {
    let alerts = request.backends.alerts.clone();
    let count = Suspend::new(async move {
        let known = tokio::time::timeout(COUNT_TIMEOUT, alerts.alerts()).await;
        let firing = known.ok().and_then(Result::ok).map(|all| {
            all.iter().filter(|a| a.state == AlertState::Firing && a.severity() != "none").count()
        });
        firing.filter(|n| *n > 0).map(|n| {
            view! { <span class="rail-count">{n}<span class="sr-only">" firing"</span></span> }
        })
    });
    view! { <span data-live="rail-count" class="rail-count-slot"><Suspense>{count}</Suspense></span> }
}

#[component]
fn RangePicker(request: PageRequest) -> impl IntoView {
    let range = &request.range;
    let is_live = range.is_live();
    let kept: Vec<(String, String)> =
        request.query.iter().filter(|(n, _)| n != "from" && n != "to" && n != "page").cloned().collect();
    let address = |from: &str, to: &str| {
        let mut out = url::form_urlencoded::Serializer::new(String::new());
        out.extend_pairs(&kept);
        out.extend_pairs([("from", from), ("to", to)].into_iter().filter(|(_, v)| !v.is_empty()));
        let query = out.finish();
        if query.is_empty() { request.path.clone() } else { format!("{}?{query}", request.path) }
    };
    let chosen = if range.from.is_empty() && is_live { "now-15m" } else { range.from.as_str() };
    let quick = QUICK
        .iter()
        .map(|(value, words)| {
            let current = (is_live && chosen == *value).then_some("true");
            let href = address(if *value == "now-15m" { "" } else { value }, "");
            view! { <li><a href=href aria-current=current>{*words}</a></li> }
        })
        .collect_view();
    let (start, end) = (range.range.start_ms, range.range.end_ms);
    let half = (end - start) / 2;
    let span = |from: i64, to: i64| address(&from.to_string(), &to.to_string());
    let local = |ms: i64| format::time_utc(ms).replace(' ', "T");
    let fields = kept
        .iter()
        .map(|(name, value)| view! { <input type="hidden" name=name.clone() value=value.clone()/> })
        .collect_view();
    view! {
        <button class="button range-button" type="button" popovertarget="menu-range">
            {if is_live {
                view! { <span class="pulse" aria-hidden="true"></span> }.into_any()
            } else {
                view! { <Icon glyph=Glyph::Clock/> }.into_any()
            }}
            <span class="range-label"><span class="sr-only">"Time range: "</span>{range.label()}</span>
            <Icon glyph=Glyph::Chevron/>
        </button>
        <div class="menu menu-range" id="menu-range" popover="auto">
            <ul class="menu-list">{quick}</ul>
            <div class="menu-side">
                <form class="stack" method="get" action=request.path.clone()>
                    {fields}
                    <label class="field">
                        <span>"From, UTC"</span>
                        <input class="input" type="datetime-local" step="1" name="from" required value=local(start)/>
                    </label>
                    <label class="field">
                        <span>"To, UTC"</span>
                        <input class="input" type="datetime-local" step="1" name="to" required value=local(end)/>
                    </label>
                    <button class="button primary" type="submit">"Show"</button>
                </form>
                <div class="menu-shifts">
                    <a class="button" href=span(start - half, end - half)>
                        <Icon glyph=Glyph::ChevronLeft/>
                        "Earlier"
                    </a>
                    <a class="button" href=span(start + half, end + half)>
                        "Later"
                        <Icon glyph=Glyph::ChevronRight/>
                    </a>
                    <a class="button wide" href=span(start, end)>"Hold still, to share"</a>
                </div>
            </div>
        </div>
    }
}

#[component]
fn UserMenu(request: PageRequest) -> impl IntoView {
    let choice = |theme: Theme, words: &'static str, glyph: Glyph| {
        let is_on = if request.theme == theme { "true" } else { "false" };
        view! {
            <button type="submit" name="theme" value=theme.as_str() aria-pressed=is_on title=words>
                <Icon glyph/>
                <span>{words}</span>
            </button>
        }
    };
    let here = request.link_here();
    let name = request.viewer.username.clone();
    let initial: String = name.chars().next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    view! {
        <button class="avatar" type="button" popovertarget="menu-user" title="User and theme">
            <span aria-hidden="true">{initial}</span>
            <span class="sr-only">"User and theme"</span>
        </button>
        <div class="menu menu-user" id="menu-user" popover="auto">
            <p class="menu-who"><span class="muted">"Logged in as "</span><b>{name}</b></p>
            <form method="post" action="/theme" class="segmented" aria-label="Theme">
                <input type="hidden" name="csrf" value=request.viewer.csrf.clone()/>
                <input type="hidden" name="next" value=here/>
                {choice(Theme::System, "System", Glyph::Screen)}
                {choice(Theme::Light, "Light", Glyph::Sun)}
                {choice(Theme::Dark, "Dark", Glyph::Moon)}
            </form>
            <form method="post" action="/logout">
                <input type="hidden" name="csrf" value=request.viewer.csrf.clone()/>
                <button class="button wide" type="submit"><Icon glyph=Glyph::Leave/>"Log out"</button>
            </form>
        </div>
    }
}
