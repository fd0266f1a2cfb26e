//! Icons: strokes on a grid of 16, in the colour of the text around them.

use leptos::prelude::*;

/// The icons that exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glyph {
    Overview,
    Alerts,
    Logs,
    Traces,
    Metrics,
    Deploys,
    Runbooks,
    Info,
    More,
    Clock,
    Chevron,
    ChevronLeft,
    ChevronRight,
    Search,
    Check,
    Warning,
    External,
    Sun,
    Moon,
    Screen,
    User,
    Leave,
    Filter,
    Copy,
    Close,
    Play,
    Pause,
    Download,
    Commit,
}

impl Glyph {
    fn path(self) -> &'static str {
        match self {
            Self::Overview => {
                "M2.5 2.5h4.5v6h-4.5zM9 2.5h4.5v3.5h-4.5zM9 8h4.5v5.5h-4.5zM2.5 10.5h4.5v3h-4.5z"
            }
            Self::Alerts => {
                "M8 2a4 4 0 0 0-4 4c0 3.5-1.5 4.5-1.5 5.5h11c0-1-1.5-2-1.5-5.5a4 4 0 0 0-4-4zM6.5 13.5a1.6 1.6 0 0 0 3 0"
            }
            Self::Logs => "M2.5 3.5h2M7 3.5h6.5M2.5 8h2M7 8h4.5M2.5 12.5h2M7 12.5h6.5",
            Self::Traces => "M2.5 3.5h8M5 8h6M8 12.5h5.5",
            Self::Metrics => "M2.5 2.5v11h11M5 10l2.5-3.5 2.5 2L13.5 4",
            Self::Deploys => "M8 13.5v-8M4.5 8.5L8 5l3.5 3.5M3 2.5h10",
            Self::Runbooks => {
                "M8 4C6.5 2.8 4.5 2.5 2.5 2.5v10c2 0 4 .3 5.5 1.5 1.5-1.2 3.5-1.5 5.5-1.5v-10c-2 0-4 .3-5.5 1.5zM8 4v10"
            }
            Self::Info => "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM8 7.2v3.6M8 5v.3",
            Self::More => "M2.5 4h11M2.5 8h11M2.5 12h11",
            Self::Clock => "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM8 4.8V8l2.2 1.6",
            Self::Chevron => "M4.5 6.5L8 10l3.5-3.5",
            Self::ChevronLeft => "M9.5 4.5L6 8l3.5 3.5",
            Self::ChevronRight => "M6.5 4.5L10 8l-3.5 3.5",
            Self::Search => "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.3 10.3l3.2 3.2",
            Self::Check => "M3 8.5l3.2 3.2L13 4.8",
            Self::Warning => "M8 2.2L14.2 13H1.8zM8 6.5v3M8 11.2v.2",
            Self::External => "M6.5 3.5h-3v9h9v-3M9 3h4v4M13 3L7.5 8.5",
            Self::Sun => {
                "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6zM8 1.5v1.2M8 13.3v1.2M1.5 8h1.2M13.3 8h1.2M3.4 3.4l.8.8M11.8 11.8l.8.8M3.4 12.6l.8-.8M11.8 4.2l.8-.8"
            }
            Self::Moon => "M13.2 9.6A5.6 5.6 0 0 1 6.4 2.8a5.6 5.6 0 1 0 6.8 6.8z",
            Self::Screen => "M2 3h12v8H2zM5.5 13.5h5M8 11v2.5",
            Self::User => {
                "M8 2.5a2.7 2.7 0 1 0 0 5.4 2.7 2.7 0 0 0 0-5.4zM2.8 13.5c.5-2.4 2.6-3.6 5.2-3.6s4.7 1.2 5.2 3.6"
            }
            Self::Leave => "M9.5 2.5h-6v11h6M6.5 8h7M11 5.5L13.5 8 11 10.5",
            Self::Filter => "M2.5 3.5h11L9.5 8.5v4l-3 1v-5z",
            Self::Copy => "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
            Self::Close => "M4 4l8 8M12 4l-8 8",
            Self::Play => "M4.5 3l8 5-8 5z",
            Self::Pause => "M5 3.5v9M11 3.5v9",
            Self::Download => "M8 2.5v7.5M4.8 7L8 10.2 11.2 7M2.5 13.5h11",
            Self::Commit => "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6zM1.5 8h3.7M10.8 8h3.7",
        }
    }
}

/// An icon beside words; silent for screen readers.
#[component]
pub fn Icon(glyph: Glyph) -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
            <path d=glyph.path()></path>
        </svg>
    }
}

/// The console's mark: a ship's deck seen from the bow.
#[component]
pub fn Logo() -> impl IntoView {
    view! {
        <svg class="logo" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true" focusable="false">
            <path class="logo-hull" d="M2 5.5h16l-3 10.2a2 2 0 0 1-1.9 1.4H6.9A2 2 0 0 1 5 15.7z"></path>
            <path class="logo-deck" d="M6 9.2h8M7.2 12.8h5.6"></path>
            <path class="logo-mast" d="M10 2v3.5"></path>
        </svg>
    }
}
