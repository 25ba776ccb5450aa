//! The picture: every operation a dot, by time and latency, with the faults as bands behind.
//!
//! Latency is drawn by powers of ten from 0.1 ms to 10 s, for a stall of seconds and a write of a millisecond must both be seen. A long
//! run has more operations than a picture has room; then each column keeps its slowest ones, for the fast ones look all alike.

use super::Report;
use crate::workload::{Fate, Sample};
use std::{collections::BTreeMap, fmt::Write as _};

const WIDTH: f64 = 1_600.0;
const HEIGHT: f64 = 520.0;
const LEFT: f64 = 60.0;
const TOP: f64 = 120.0;
const BOTTOM: f64 = 30.0;
/// Dots per column of one pixel.
const DOTS_MAX: usize = 6;
/// 0.1 ms and 10 s, in nanoseconds, as powers of ten.
const DECADES: (f64, f64) = (5.0, 10.0);

/// The picture.
pub fn draw(report: &Report) -> String {
    let span = report.elapsed.as_nanos().max(1) as f64;
    let x = |at: u64| LEFT + (WIDTH - LEFT - 10.0) * (at as f64 / span).min(1.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n"
    );
    for accident in &report.accidents {
        let (left, right, whole) = (x(accident.began), x(accident.ended), x(accident.whole));
        let height = HEIGHT - TOP - BOTTOM;
        let fill = if accident.happened() { "#f4c7c3" } else { "#dddddd" };
        // Writing to a string does not fail; `let _ =` says so here and below.
        let _ = writeln!(
            svg,
            "<rect x=\"{left:.1}\" y=\"{TOP}\" width=\"{:.1}\" height=\"{height}\" fill=\"{fill}\"/>",
            (right - left).max(1.0)
        );
        let _ = writeln!(
            svg,
            "<rect x=\"{right:.1}\" y=\"{TOP}\" width=\"{:.1}\" height=\"{height}\" fill=\"#fdf0d5\"/>",
            (whole - right).max(0.0)
        );
        let _ = writeln!(
            svg,
            "<text transform=\"translate({:.1} {}) rotate(-60)\">{}</text>",
            left + 4.0,
            TOP - 4.0,
            accident.kind.name()
        );
    }
    axes(&mut svg, span);
    for (sample, colour) in dots(report, &x) {
        let _ = writeln!(
            svg,
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"1.4\" fill=\"{colour}\"/>",
            x(sample.at),
            y(sample.took)
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn y(took: u64) -> f64 {
    let power = (took.max(1) as f64).log10().clamp(DECADES.0, DECADES.1);
    HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (power - DECADES.0) / (DECADES.1 - DECADES.0)
}

fn axes(svg: &mut String, span: f64) {
    for (label, nanos) in [
        ("0.1 ms", 100_000),
        ("1 ms", 1_000_000),
        ("10 ms", 10_000_000),
        ("100 ms", 100_000_000),
        ("1 s", 1_000_000_000),
        ("10 s", 10_000_000_000),
    ] {
        let y = y(nanos);
        let _ = writeln!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#cccccc\" stroke-width=\"0.5\"/>"
        );
        let _ = writeln!(svg, "<text x=\"8\" y=\"{:.1}\">{label}</text>", y + 4.0);
    }
    for tenth in 0..=10 {
        let at = span * f64::from(tenth) / 10.0;
        let x = LEFT + (WIDTH - LEFT - 10.0) * f64::from(tenth) / 10.0;
        let _ = writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{:.0} s</text>",
            HEIGHT - 10.0,
            at / 1e9
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{LEFT}\" y=\"14\">writes <tspan fill=\"#1f6fb2\">&#9679;</tspan> reads <tspan fill=\"#5aa469\">&#9679;</tspan> \
         failed <tspan fill=\"#e0a800\">&#9679;</tspan> unknown fate <tspan fill=\"#c0392b\">&#9679;</tspan>; \
         red band: fault, pale band: until all nodes were well again</text>"
    );
}

/// The samples worth a dot, with their colours.
fn dots<'r>(report: &'r Report, x: &impl Fn(u64) -> f64) -> Vec<(&'r Sample, &'static str)> {
    let mut columns: BTreeMap<(u32, &'static str), Vec<&Sample>> = BTreeMap::new();
    for sample in report.samples() {
        columns
            .entry((x(sample.at) as u32, colour(sample)))
            .or_default()
            .push(sample);
    }
    let slowest = |((_, colour), mut samples): ((u32, &'static str), Vec<&'r Sample>)| {
        samples.sort_by_key(|sample| std::cmp::Reverse(sample.took));
        samples.truncate(DOTS_MAX);
        samples.into_iter().map(move |sample| (sample, colour))
    };
    columns.into_iter().flat_map(slowest).collect()
}

fn colour(sample: &Sample) -> &'static str {
    match (sample.fate, sample.is_write) {
        (Fate::Ok, true) => "#1f6fb2",
        (Fate::Ok, false) => "#5aa469",
        (Fate::Fail, _) => "#e0a800",
        (Fate::Info, _) => "#c0392b",
    }
}
