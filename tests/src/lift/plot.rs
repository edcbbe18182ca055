//! A picture of the table: share of tasks truly finished by variant, one panel for each length.

use std::fmt::Write as _;

/// One line of a panel.
pub(super) struct Line {
    pub name: String,
    /// Percent for each variant, in the order of the variants.
    pub values: Vec<Option<f64>>,
}

/// One panel.
pub(super) struct Panel {
    pub title: String,
    pub lines: Vec<Line>,
}

const WIDTH: f64 = 320.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 46.0;
const TOP: f64 = 34.0;
const COLOURS: [&str; 3] = ["#b4462f", "#2f6db4", "#3a8a4a"];
/// Beside the colour, so that lines differ without it.
const DASHES: [&str; 3] = ["2 3", "7 3", "none"];

/// The picture as SVG.
#[expect(clippy::cast_precision_loss, reason = "few panels and variants")]
pub(super) fn svg(variants: &[String], panels: &[Panel]) -> String {
    let width = LEFT + panels.len() as f64 * (WIDTH + LEFT);
    let height = TOP + HEIGHT + 60.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    for (at, panel) in panels.iter().enumerate() {
        let x = LEFT + at as f64 * (WIDTH + LEFT);
        draw(&mut svg, variants, panel, x);
    }
    svg.push_str("</svg>\n");
    svg
}

#[expect(clippy::cast_precision_loss, reason = "few variants")]
fn draw(svg: &mut String, variants: &[String], panel: &Panel, x: f64) {
    let mut say = |text: String| {
        writeln!(svg, "{text}").expect("BUG: text can be written to a string");
    };
    let place =
        |at: usize| x + 14.0 + at as f64 * (WIDTH - 28.0) / (variants.len().max(2) - 1) as f64;
    let level = |percent: f64| TOP + HEIGHT * (1.0 - percent / 100.0);
    say(format!(
        "<text x=\"{x}\" y=\"18\" font-size=\"13\">{}</text>",
        panel.title
    ));
    for percent in [0.0, 25.0, 50.0, 75.0, 100.0] {
        let y = level(percent);
        say(format!(
            "<line x1=\"{x}\" y1=\"{y}\" x2=\"{}\" y2=\"{y}\" stroke=\"#ddd\"/>",
            x + WIDTH
        ));
        say(format!(
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\" fill=\"#555\">{percent}</text>",
            x - 4.0,
            y + 4.0
        ));
    }
    for (at, variant) in variants.iter().enumerate() {
        let y = TOP + HEIGHT + 16.0;
        say(format!(
            "<text x=\"{}\" y=\"{y}\" text-anchor=\"middle\">{variant}</text>",
            place(at)
        ));
    }
    for (line, (colour, dash)) in panel.lines.iter().zip(COLOURS.iter().zip(DASHES)) {
        let points: Vec<(f64, f64)> = line
            .values
            .iter()
            .enumerate()
            .filter_map(|(at, value)| Some((place(at), level((*value)?))))
            .collect();
        let path: Vec<String> = points
            .iter()
            .map(|(x, y)| format!("{x:.1},{y:.1}"))
            .collect();
        say(format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{dash}\"/>",
            path.join(" ")
        ));
        for (x, y) in &points {
            say(format!(
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.5\" fill=\"{colour}\"/>"
            ));
        }
        if let Some((x, y)) = points.last() {
            say(format!(
                "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"{colour}\">{}</text>",
                x,
                y - 6.0,
                line.name
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_a_point_and_a_missing_one_has_none() {
        let line = Line {
            name: "weak".to_owned(),
            values: vec![Some(1.0), None, Some(50.0)],
        };
        let panel = Panel {
            title: "10 steps".to_owned(),
            lines: vec![line],
        };
        let names = ["B", "C", "D"].map(str::to_owned);
        let svg = svg(&names, &[panel]);
        assert_eq!(svg.matches("<circle").count(), 2);
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
    }
}
