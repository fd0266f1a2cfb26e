//! What stands behind the motif: quiet patterns in the veil colour.

use std::fmt::Write;

use super::palette::Palette;

/// Appends one of four backdrops.
pub(super) fn draw(svg: &mut String, palette: &Palette, kind: usize) {
    let veil = palette.veil;
    let _ = match kind {
        0 => write!(svg, r#"<circle cx="300" cy="290" r="215" fill="{veil}"/>"#),
        1 => write!(
            svg,
            r#"<path d="M0 430q75-34 150 0t150 0 150 0 150 0V600H0Z" fill="{veil}"/><path d="M0 492q75-30 150 0t150 0 150 0 150 0" fill="none" stroke="{}" stroke-width="3" opacity=".6"/>"#,
            palette.ground
        ),
        2 => write!(
            svg,
            r#"<g fill="none" stroke="{veil}" stroke-width="10"><circle cx="300" cy="290" r="130"/><circle cx="300" cy="290" r="190"/><circle cx="300" cy="290" r="250"/></g>"#
        ),
        _ => write!(
            svg,
            r#"<path d="M0 440H600V600H0Z" fill="{veil}"/><circle cx="430" cy="175" r="86" fill="{veil}"/>"#
        ),
    };
}
