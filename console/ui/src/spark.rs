//! Sparklines: a trend in the size of a word, drawn by the server.

use leptos::prelude::*;

const WIDTH: f64 = 120.0;
const HEIGHT: f64 = 28.0;
/// Keeps the stroke inside the picture.
const PADDING: f64 = 2.0;

/// The geometry of one sparkline.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spark {
    /// `d` of the line; a gap in the values is a gap in the line.
    pub line: String,
    /// `d` of the ground below the line.
    pub area: String,
    /// Where the last value stands.
    pub end: Option<(f64, f64)>,
}

impl Spark {
    /// From zero to the largest value, so that a flat line near zero looks like one. A lone value becomes a short dash.
    pub fn of(values: &[Option<f64>]) -> Self {
        let known = values.iter().flatten().copied().filter(|v| v.is_finite());
        let top = known.fold(0.0_f64, f64::max);
        let steps = values.len().saturating_sub(1).max(1) as f64;
        let x = |i: usize| i as f64 / steps * WIDTH;
        let y = |v: f64| {
            let share = if top > 0.0 { (v / top).clamp(0.0, 1.0) } else { 0.0 };
            HEIGHT - PADDING - share * (HEIGHT - 2.0 * PADDING)
        };
        let mut spark = Self::default();
        let mut run: Vec<(f64, f64)> = Vec::new();
        for (i, value) in values.iter().enumerate() {
            match value.filter(|v| v.is_finite()) {
                Some(v) => run.push((x(i), y(v))),
                None => spark.close(&mut run),
            }
        }
        spark.close(&mut run);
        spark
    }

    fn close(&mut self, run: &mut Vec<(f64, f64)>) {
        let (Some(first), Some(last)) = (run.first().copied(), run.last().copied()) else { return };
        let mut path = format!("M{:.1} {:.1}", first.0, first.1);
        if run.len() == 1 {
            path.push_str("h1.5");
        }
        for (x, y) in run.iter().skip(1) {
            path.push_str(&format!("L{x:.1} {y:.1}"));
        }
        self.area.push_str(&format!("{path}V{HEIGHT}H{:.1}Z", first.0));
        self.line.push_str(&path);
        self.end = Some(last);
        run.clear();
    }
}

/// The picture. `label` says in words what it shows.
#[component]
pub fn Sparkline(
    values: Vec<Option<f64>>,
    #[prop(into)] label: String,
    /// A class for the colour: `s1` to `s8`, `bad`, ...
    #[prop(optional)]
    class: &'static str,
) -> impl IntoView {
    let spark = Spark::of(&values);
    view! {
        <svg
            class=format!("spark {class}")
            viewBox="0 0 120 28"
            preserveAspectRatio="none"
            role="img"
            aria-label=label
        >
            <path class="spark-base" d="M0 27.5H120"></path>
            <path class="spark-area" d=spark.area></path>
            <path class="spark-line" d=spark.line></path>
        </svg>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_breaks_the_line() {
        let spark = Spark::of(&[Some(1.0), Some(2.0), None, Some(2.0)]);
        assert_eq!(spark.line, "M0.0 14.0L40.0 2.0M120.0 2.0h1.5");
        assert_eq!(spark.end, Some((120.0, 2.0)));
    }

    #[test]
    fn zeroes_lie_on_the_ground_and_nothing_is_drawn_for_nothing() {
        assert_eq!(Spark::of(&[Some(0.0), Some(0.0)]).line, "M0.0 26.0L120.0 26.0");
        assert_eq!(Spark::of(&[None, Some(f64::NAN)]), Spark::default());
        assert_eq!(Spark::of(&[]), Spark::default());
    }
}
