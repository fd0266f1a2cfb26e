//! What comes alive in the browser. Everything else is HTML that the server wrote.
//!
//! What holds: without script each island shows what the server drew, and says so where it cannot work that way. Parts
//! that need a browser stand in `cfg(feature = "hydrate")` modules.

mod chart;
mod copy;
mod keys;
mod regions;
mod tail;

#[cfg(feature = "hydrate")]
mod browser;

pub use {
    chart::{ChartDataRequest, TimeChart, chart_data},
    copy::CopyButton,
    keys::Keys,
    regions::LiveRegions,
    tail::LiveTail,
};
