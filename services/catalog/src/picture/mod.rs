//! Product pictures: small SVG illustrations drawn from a product's motif, category and slug.
//!
//! The same product always gets the same bytes, so a picture may be cached for ever under a URL that carries
//! [`version`]. Colours come from the category, the motif from the product, the angle and backdrop from the slug.

mod backdrop;
mod motif;
mod palette;

use std::fmt::Write;

use palette::Palette;

/// The part of a picture's URL that changes when, and only when, its bytes do.
pub fn version(slug: &str, motif: &str, category: &str) -> String {
    version_of(&draw(slug, motif, category))
}

/// The version of a drawn picture.
pub fn version_of(svg: &str) -> String {
    format!("{:016x}", Seed::new(svg).0)
}

/// The picture, a square of 600 units.
pub fn draw(slug: &str, motif: &str, category: &str) -> String {
    let seed = Seed::new(slug);
    let palette = Palette::of(category, seed.pick(1, 3));
    let angle = seed.pick(2, 17) as i32 - 8;
    let flip = if seed.pick(3, 2) == 0 { 1 } else { -1 };
    let mut svg = String::with_capacity(4096);
    let _ = write!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 600 600" width="600" height="600" role="img"><rect width="600" height="600" fill="{}"/>"#,
        palette.ground
    );
    backdrop::draw(&mut svg, &palette, seed.pick(4, 4));
    let _ =
        write!(svg, r#"<ellipse cx="300" cy="505" rx="150" ry="13" fill="{}" opacity=".13"/>"#, palette.ink);
    let _ = write!(
        svg,
        r#"<g transform="translate(300 292) rotate({angle}) scale({} 2)" stroke-linecap="round" stroke-linejoin="round">"#,
        2 * flip
    );
    palette.paint(&mut svg, motif::shape(motif));
    svg.push_str("</g></svg>");
    svg
}

/// FNV-1a over a text, cut into independent choices.
struct Seed(u64);

impl Seed {
    fn new(text: &str) -> Self {
        Self(text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        }))
    }

    /// A number below `choices`; each `salt` gives another one.
    fn pick(&self, salt: u64, choices: u64) -> usize {
        let mixed = (self.0 ^ salt.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        ((mixed >> 33) % choices) as usize
    }
}

#[cfg(test)]
mod tests {
    use shop_contracts::seed;

    use super::*;

    #[test]
    fn picture_of_a_product_never_changes_between_calls() {
        assert_eq!(draw("a", "anchor", "safety"), draw("a", "anchor", "safety"));
        assert_ne!(draw("a", "anchor", "safety"), draw("b", "winch", "safety"));
    }

    #[test]
    fn version_changes_with_the_bytes() {
        assert_eq!(version("a", "anchor", "safety"), version("a", "anchor", "safety"));
        for (slug, motif, category) in
            [("b", "anchor", "safety"), ("a", "winch", "safety"), ("a", "anchor", "navigation")]
        {
            let same_bytes = draw("a", "anchor", "safety") == draw(slug, motif, category);
            let same_version = version("a", "anchor", "safety") == version(slug, motif, category);
            assert_eq!(same_version, same_bytes, "{slug} {motif} {category}");
        }
    }

    #[test]
    fn every_motif_and_category_of_the_range_is_drawn_for_itself() {
        for product in seed::products() {
            assert!(motif::is_known(product.motif), "{} has no drawing", product.motif);
            assert!(Palette::is_known(product.category), "{} has no colours", product.category);
            let svg = draw(&product.slug, product.motif, product.category);
            assert!(!svg.contains('$'), "{}: a colour is left unpainted", product.slug);
            assert_eq!(svg.matches("<g").count(), svg.matches("</g>").count(), "{}", product.slug);
        }
    }
}
