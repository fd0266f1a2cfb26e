//! Plain data and text that pages and islands share. No Leptos here.

pub mod caret;
pub mod chart;
pub mod chart_scale;
pub mod chart_series;
pub mod chart_svg;
pub mod format;
pub mod log_line;
pub mod markup;
pub mod tail_frame;
