//! The design system: components and one stylesheet (`style/`).
//!
//! What holds: components take plain values and draw plain HTML with classes; every colour, size and space is a token
//! of `style/app.css`; colour alone never carries a meaning. Deliberately not here: data, routes, anything that knows
//! what a page shows.

mod badge;
mod button;
mod card;
mod icon;
mod message;
mod spark;
mod stat;
mod table;
mod tone;

pub use {
    badge::{Badge, Dot},
    button::ButtonLink,
    card::Card,
    icon::{Glyph, Icon, Logo},
    message::{Empty, ErrorPanel, Notice},
    spark::{Spark, Sparkline},
    stat::Stat,
    table::TableScroll,
    tone::Tone,
};
