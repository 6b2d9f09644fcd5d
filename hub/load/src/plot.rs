//! An SVG of latencies: over time on the left, how they spread on the right.

use crate::drive::{Driven, SLICE};
use std::fmt::Write as _;

const WIDTH: f64 = 960.0;
const ROW: f64 = 260.0;
/// The two panels of a row: left edge and width.
const OVER_TIME: (f64, f64) = (70.0, 480.0);
const SPREAD: (f64, f64) = (640.0, 290.0);
const TOP: f64 = 50.0;
const HEIGHT: f64 = 150.0;
const AT_END: &str = "text-anchor=\"end\"";

/// Draws a row for each named run.
pub fn draw_latencies(runs: &[(&str, &Driven)]) -> String {
    let height = ROW * runs.len() as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#333\">\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n"
    );
    for (row, (name, driven)) in runs.iter().enumerate() {
        let _ = writeln!(svg, "<g transform=\"translate(0 {})\">", ROW * row as f64);
        let (p50, p99) = (driven.latencies.quantile_ms(0.5), driven.latencies.quantile_ms(0.99));
        let title = format!("{name}: {:.0}/s, p50 {p50:.2} ms, p99 {p99:.2} ms", driven.rate);
        put_text(&mut svg, OVER_TIME.0, 22.0, "font-size=\"15\" font-weight=\"600\"", &title);
        draw_over_time(&mut svg, driven);
        draw_spread(&mut svg, driven);
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    svg
}

fn draw_over_time(svg: &mut String, driven: &Driven) {
    let (left, width) = OVER_TIME;
    let seconds = driven.slices.len() as f64 * SLICE.as_secs_f64();
    let highest = driven.slices.iter().map(|slice| slice.quantile_ms(0.99)).fold(0.1, f64::max);
    draw_axes(svg, OVER_TIME, &format!("{highest:.1} ms"), ("0 s", &format!("{seconds:.0} s")));
    for (q, color, label, label_x) in [(0.99, "#c2410c", "p99", 0.0), (0.5, "#1d4ed8", "p50", 40.0)] {
        let points: Vec<_> = driven
            .slices
            .iter()
            .enumerate()
            .map(|(index, slice)| {
                let x = left + width * (index as f64 + 0.5) / driven.slices.len() as f64;
                let y = TOP + HEIGHT * (1.0 - slice.quantile_ms(q) / highest);
                format!("{x:.1},{y:.1}")
            })
            .collect();
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>",
            points.join(" ")
        );
        put_text(svg, left + label_x, TOP - 8.0, &format!("fill=\"{color}\""), label);
    }
}

/// Columns of equal width on a logarithmic axis of latency.
fn draw_spread(svg: &mut String, driven: &Driven) {
    const COLUMNS: usize = 40;
    let (left, width) = SPREAD;
    let filled: Vec<_> = driven.latencies.filled().map(|(ms, count)| (ms.max(0.001), count)).collect();
    let Some((low, high)) = filled.first().zip(filled.last()).map(|(first, last)| (first.0, last.0 * 1.001))
    else {
        return;
    };
    let mut columns = [0_u64; COLUMNS];
    for (ms, count) in &filled {
        let place = (ms / low).ln() / (high / low).ln();
        columns[((place * COLUMNS as f64) as usize).min(COLUMNS - 1)] += u64::from(*count);
    }
    let most = columns.iter().copied().max().unwrap_or(1).max(1);
    draw_axes(svg, SPREAD, &format!("{most}"), (&format!("{low:.2} ms"), &format!("{high:.1} ms")));
    for (index, count) in columns.iter().enumerate() {
        let height = HEIGHT * *count as f64 / most as f64;
        let x = left + width * index as f64 / COLUMNS as f64;
        let _ = writeln!(
            svg,
            "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height:.1}\" fill=\"#1d4ed8\"/>",
            TOP + HEIGHT - height,
            width / COLUMNS as f64 - 1.0
        );
    }
}

fn draw_axes(svg: &mut String, (left, width): (f64, f64), top_label: &str, (first, last): (&str, &str)) {
    let bottom = TOP + HEIGHT;
    let _ =
        writeln!(svg, "<path d=\"M{left} {TOP}V{bottom}H{}\" fill=\"none\" stroke=\"#999\"/>", left + width);
    put_text(svg, left - 6.0, TOP + 4.0, AT_END, top_label);
    put_text(svg, left - 6.0, bottom, AT_END, "0");
    put_text(svg, left, bottom + 18.0, "", first);
    put_text(svg, left + width, bottom + 18.0, AT_END, last);
}

fn put_text(svg: &mut String, x: f64, y: f64, attributes: &str, text: &str) {
    let _ = writeln!(svg, "<text x=\"{x}\" y=\"{y}\" {attributes}>{text}</text>");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::histogram::Histogram;
    use std::time::Duration;

    #[test]
    fn a_row_for_each_run() {
        let mut slices = vec![Histogram::default(); 4];
        for (index, slice) in slices.iter_mut().enumerate() {
            slice.record(Duration::from_millis(index as u64 + 1));
        }
        let mut latencies = Histogram::default();
        slices.iter().for_each(|slice| latencies.add(slice));
        let driven = Driven { latencies, slices, rate: 16.0 };
        let svg = draw_latencies(&[("answers", &driven), ("lists", &driven)]);
        assert_eq!(svg.matches("<polyline").count(), 4);
        assert!(svg.ends_with("</svg>\n") && !svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}
