//! The first picture of a chart: HTML around an SVG, of the same size and with the same legend as the live chart that
//! takes its place. All text is escaped; numbers that are none become gaps.

use std::fmt::Write as _;

use super::{
    chart::ChartData,
    chart_scale::{Bounds, time_ticks, value_words},
    format,
    markup::escape,
};

/// Colours of lines; more lines repeat them dashed.
pub const SERIES_COLOURS: usize = 8;
/// The SVG's own units in both directions; it is stretched to its place.
const SIZE: f64 = 1000.0;
const VALUE_TICKS: u32 = 5;

/// The inside of a chart: stage and legend. `title` is what the picture is called for those who cannot see it.
pub fn first_paint(title: &str, data: &ChartData) -> String {
    let label = escape(&description(title, data));
    let mut out = format!(r#"<div class="chart-stage" role="img" aria-label="{label}">"#);
    match Bounds::of(data) {
        Some(bounds) => plot(&mut out, data, bounds),
        None => out.push_str(r#"<p class="chart-empty">No data in this time range.</p>"#),
    }
    out.push_str("</div>");
    legend(&mut out, data);
    out
}

/// `Requests: 2 lines from 12:00 to 12:15 UTC; orders 12/s, payments no data.`
fn description(title: &str, data: &ChartData) -> String {
    let lines: Vec<String> = data
        .lines
        .iter()
        .take(SERIES_COLOURS)
        .map(|l| {
            let last = last_value(&l.values);
            format!(
                "{} {}",
                l.label,
                if last.is_some() { value_words(data.unit, last) } else { "no data".to_owned() }
            )
        })
        .collect();
    let (from, to) = (format::time_utc(data.start_ms), format::time_utc(data.end_ms));
    let count = data.lines.len();
    let noun = if count == 1 { "line" } else { "lines" };
    format!("{title}: {count} {noun} from {from} to {to} UTC. {}", lines.join(", "))
}

fn plot(out: &mut String, data: &ChartData, bounds: Bounds) {
    let ticks = bounds.ticks(VALUE_TICKS);
    out.push_str(r#"<div class="chart-first"><div class="chart-values" aria-hidden="true">"#);
    for tick in &ticks {
        let words = value_words(data.unit, Some(*tick));
        let _ =
            write!(out, r#"<span style="--y:{:.2}%">{}</span>"#, bounds.share(*tick) * 100.0, escape(&words));
    }
    out.push_str(r#"</div><div class="chart-plot">"#);
    let _ = write!(
        out,
        r#"<svg viewBox="0 0 {SIZE} {SIZE}" preserveAspectRatio="none" aria-hidden="true" focusable="false">"#
    );
    let times = time_ticks(data.start_ms, data.end_ms);
    grid(out, data, bounds, &ticks, &times);
    for (index, line) in data.lines.iter().enumerate() {
        let path = path(data, bounds, &line.values);
        if !path.is_empty() {
            let dashed = if index < SERIES_COLOURS { "" } else { " dashed" };
            let _ = write!(
                out,
                r#"<path class="chart-line{dashed}" style="--c:var(--series-{})" d="{path}"/>"#,
                index % SERIES_COLOURS + 1
            );
        }
    }
    out.push_str("</svg>");
    marks(out, data);
    out.push_str(r#"</div><div class="chart-times" aria-hidden="true">"#);
    for (t_ms, words) in times {
        if let Some(share) = time_share(data, t_ms) {
            let _ = write!(out, r#"<span style="--x:{:.2}%">{words}</span>"#, share * 100.0);
        }
    }
    out.push_str("</div></div>");
}

fn grid(out: &mut String, data: &ChartData, bounds: Bounds, ticks: &[f64], times: &[(i64, String)]) {
    out.push_str(r#"<path class="chart-grid" d=""#);
    for tick in ticks {
        let _ = write!(out, "M0 {:.1}H{SIZE}", (1.0 - bounds.share(*tick)) * SIZE);
    }
    for share in times.iter().filter_map(|(t_ms, _)| time_share(data, *t_ms)) {
        let _ = write!(out, "M{:.1} 0V{SIZE}", share * SIZE);
    }
    out.push_str(r#""/>"#);
}

/// One sub-path for each stretch without a gap. A lone point becomes a dot: a line of no length with round ends.
fn path(data: &ChartData, bounds: Bounds, values: &[Option<f64>]) -> String {
    let mut out = String::new();
    let mut run = 0;
    for (t_ms, v) in data.times_ms.iter().zip(values) {
        let point = v.filter(|v| v.is_finite()).zip(time_share(data, *t_ms));
        let Some((v, share)) = point else {
            if run == 1 {
                out.push_str("h0");
            }
            run = 0;
            continue;
        };
        let command = if run == 0 { 'M' } else { 'L' };
        let _ = write!(out, "{command}{:.1} {:.1}", share * SIZE, (1.0 - bounds.share(v)) * SIZE);
        run += 1;
    }
    if run == 1 {
        out.push_str("h0");
    }
    out
}

fn marks(out: &mut String, data: &ChartData) {
    for mark in &data.marks {
        if let Some(share) = time_share(data, mark.t_ms) {
            let side = if share > 0.7 { " left" } else { "" };
            let label = escape(&mark.label);
            let _ = write!(
                out,
                r#"<span class="chart-mark{side}" style="--x:{:.3}%"><span>{label}</span></span>"#,
                share * 100.0
            );
        }
    }
}

fn legend(out: &mut String, data: &ChartData) {
    out.push_str(r#"<ul class="chart-legend">"#);
    for (index, line) in data.lines.iter().enumerate() {
        let dashed = if index < SERIES_COLOURS { "" } else { " dashed" };
        let (name, last) = (escape(&line.label), escape(&value_words(data.unit, last_value(&line.values))));
        let _ = write!(
            out,
            r#"<li><span class="chart-key"><span class="chart-swatch{dashed}" style="--c:var(--series-{})"></span><span class="chart-name" title="{name}">{name}</span><span class="chart-value">{last}</span></span></li>"#,
            index % SERIES_COLOURS + 1
        );
    }
    if data.left_out > 0 {
        let _ = write!(out, r#"<li class="chart-more">and {} more</li>"#, data.left_out);
    }
    out.push_str(r#"<li class="chart-time">last values</li></ul>"#);
}

fn last_value(values: &[Option<f64>]) -> Option<f64> {
    values.iter().rev().flatten().copied().find(|v| v.is_finite())
}

/// 0 at the start, 1 at the end; none outside.
fn time_share(data: &ChartData, t_ms: i64) -> Option<f64> {
    let length = data.end_ms.checked_sub(data.start_ms).filter(|l| *l > 0)?;
    let share = t_ms.checked_sub(data.start_ms)? as f64 / length as f64;
    (0.0..=1.0).contains(&share).then_some(share)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::chart::{Line, Mark, Unit};

    fn chart(lines: Vec<Line>) -> ChartData {
        ChartData {
            start_ms: 0,
            end_ms: 40_000,
            times_ms: vec![0, 10_000, 20_000, 30_000, 40_000],
            lines,
            marks: vec![
                Mark { t_ms: 20_000, label: "deploy <b>1.2</b>".into() },
                Mark { t_ms: 90_000, label: "outside".into() },
            ],
            unit: Unit::PerSecond,
            left_out: 3,
        }
    }

    fn line(label: &str, values: &[Option<f64>]) -> Line {
        Line { label: label.into(), values: values.to_vec() }
    }

    #[test]
    fn whatever_comes_no_picture_holds_nan_or_infinity() {
        let wild = [Some(f64::NAN), Some(f64::INFINITY), Some(-f64::MAX), Some(f64::MAX), Some(1e-320)];
        for values in [&wild[..], &wild[..2], &[Some(0.0)], &[None; 5], &[], &[Some(-1.0), Some(-1.0)]] {
            let mut data = chart(vec![line("a", values)]);
            for end_ms in [40_000, 0, -1, i64::MAX, i64::MIN] {
                data.end_ms = end_ms;
                let html = first_paint("t", &data);
                assert!(!html.contains("NaN") && !html.to_lowercase().contains(" inf"), "{html}");
            }
        }
    }

    #[test]
    fn labels_and_marks_are_escaped() {
        let html = first_paint("\"><script>", &chart(vec![line("<img src=x onerror='a'>", &[Some(1.0)])]));
        assert!(!html.contains("<script") && !html.contains("<img") && !html.contains("<b>"), "{html}");
        assert!(html.contains("&lt;img src=x onerror=&#39;a&#39;&gt;"));
        assert!(html.contains("deploy &lt;b&gt;1.2&lt;/b&gt;"));
        assert!(!html.contains("outside"));
    }

    #[test]
    fn gaps_break_the_line_and_lone_points_are_dots() {
        let data = chart(vec![line("a", &[Some(1.0), Some(1.0), None, Some(1.0), None])]);
        let drawn = path(&data, Bounds { low: 0.0, high: 2.0 }, &data.lines[0].values);
        assert_eq!(drawn, "M0.0 500.0L250.0 500.0M750.0 500.0h0");
    }

    #[test]
    fn legend_tells_last_values_with_unit_and_what_was_left_out() {
        let html =
            first_paint("t", &chart(vec![line("a", &[Some(1.0), Some(12.0), None]), line("b", &[None])]));
        assert!(html.contains(r#"<span class="chart-value">12/s</span>"#));
        assert!(html.contains(r#"<span class="chart-value">–</span>"#));
        assert!(html.contains("and 3 more"));
    }

    #[test]
    fn without_data_it_says_so() {
        assert!(first_paint("t", &chart(Vec::new())).contains("No data in this time range."));
    }
}
