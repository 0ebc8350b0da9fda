//! Lines over frames or layers, as SVG.

use plotters::prelude::*;

use super::ReportError;

const SIZE: (u32, u32) = (960, 320);
const COLOURS: [RGBColor; 6] = [
    RGBColor(26, 115, 232),
    RGBColor(217, 48, 37),
    RGBColor(24, 128, 56),
    RGBColor(161, 66, 244),
    RGBColor(227, 116, 0),
    RGBColor(0, 131, 143),
];

/// One line.
pub struct Line {
    pub name: String,
    pub points: Vec<(f64, f64)>,
    /// Drawn thin and broken: the reference's.
    pub dashed: bool,
    /// The colour's number; two sides of a thing share it.
    pub colour: usize,
}

/// Lines in one drawing, with `x` and `y` for the names of the axes.
pub fn lines(lines: &[Line], x: &str, y: &str) -> Result<String, ReportError> {
    let points = lines.iter().flat_map(|line| &line.points);
    let finite = points.filter(|(_, y)| y.is_finite());
    let mut bounds = [
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ];
    for &(x, y) in finite {
        bounds = [
            bounds[0].min(x),
            bounds[1].max(x),
            bounds[2].min(y),
            bounds[3].max(y),
        ];
    }
    if bounds[0] > bounds[1] {
        bounds = [0.0, 1.0, 0.0, 1.0];
    }
    // A range of no width cannot be drawn over.
    let [left, right, low, high] = bounds;
    let margin = ((high - low) * 0.05).max(1e-6);
    let (wide, tall) = (left..right.max(left + 1.0), low - margin..high + margin);
    let mut svg = String::new();
    draw(&mut svg, lines, (wide, tall), (x, y))
        .map_err(|error| ReportError::Plot(error.to_string()))?;
    Ok(svg)
}

type Failed = Box<dyn std::error::Error>;

fn draw(
    svg: &mut String,
    lines: &[Line],
    (wide, tall): (std::ops::Range<f64>, std::ops::Range<f64>),
    (x, y): (&str, &str),
) -> Result<(), Failed> {
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .margin(10)
        .x_label_area_size(35)
        .y_label_area_size(60)
        .build_cartesian_2d(wide, tall)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc(x)
        .y_desc(y)
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|y| short(*y))
        .draw()?;
    for line in lines {
        let colour = COLOURS[line.colour % COLOURS.len()];
        let points = line.points.iter().copied().filter(|(_, y)| y.is_finite());
        let drawn = match line.dashed {
            false => chart.draw_series(LineSeries::new(points, colour.stroke_width(2)))?,
            true => chart.draw_series(DashedLineSeries::new(
                points,
                6,
                4,
                BLACK.mix(0.7).stroke_width(1),
            ))?,
        };
        let style = match line.dashed {
            false => colour.stroke_width(3),
            true => BLACK.mix(0.7).stroke_width(1),
        };
        drawn
            .label(line.name.as_str())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.3))
        .draw()?;
    area.present()?;
    Ok(())
}

/// A number on an axis: what is too small for decimals by its power of ten.
fn short(number: f64) -> String {
    match number.abs() {
        small if small > 0.0 && small < 0.01 => format!("{number:.1e}"),
        _ => format!("{number:.2}"),
    }
}
