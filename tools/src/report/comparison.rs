//! The page of a comparison.

use ndarray::{Array2, Axis};
use praxiscope_runtime::stream::probabilities;

use super::ReportError;
use super::page::Page;
use super::plots::{Line, lines};
use crate::compare::Difference;
use crate::compare::layers::Layers;

/// Classes whose scores are drawn.
const CLASSES: usize = 3;

/// Both sides of a comparison.
pub struct Side<'a> {
    /// The bundle's file.
    pub bundle: &'a str,
    /// Who ran the source.
    pub reference: &'a str,
    /// Which rows stand beside each other.
    pub rows: &'a str,
    /// Our rows.
    pub ours: &'a Array2<f32>,
    /// The reference's.
    pub theirs: &'a Array2<f32>,
    /// The frames that the rows speak of.
    pub frames: &'a [u64],
    /// The classes.
    pub labels: &'a [String],
}

/// Scores over time on both sides, differences row by row, and layer by layer where these were compared.
///
/// # Errors
/// [`ReportError::Plot`].
pub fn comparison_page(
    side: &Side,
    difference: &Difference,
    verdicts: &[(String, bool)],
    layers: Option<&Layers>,
) -> Result<String, ReportError> {
    let mut page = Page::new(&format!("{} against {}", side.bundle, side.reference));
    page.text(&format!("Rows compared: {}.", side.rows));
    for (verdict, is_good) in verdicts {
        page.verdict(verdict, *is_good);
    }
    page.table(
        [
            "rows",
            "same first class",
            "largest difference",
            "mean difference",
            "largest logit",
        ],
        [[
            difference.rows.to_string(),
            difference.same_top.to_string(),
            format!("{:.3e}", difference.largest),
            format!("{:.3e}", difference.mean),
            format!("{:.3}", difference.scale),
        ]],
    );
    page.heading("Scores over time");
    page.text("Lines are the bundle's, broken lines the reference's.");
    page.svg(&lines(&scores(side), "frame", "probability")?);
    page.heading("Largest difference of a logit");
    let by_row = side.frames.iter().zip(&difference.by_row);
    let points = by_row.map(|(frame, apart)| (*frame as f64, f64::from(*apart)));
    let line = Line {
        name: "difference".into(),
        points: points.collect(),
        dashed: false,
        colour: 1,
    };
    page.svg(&lines(&[line], "frame", "difference")?);
    if let Some(layers) = layers {
        layers_part(&mut page, layers)?;
    }
    Ok(page.finish())
}

/// The classes that the reference gives most, on both sides.
fn scores(side: &Side) -> Vec<Line> {
    let of = |rows: &Array2<f32>| -> Vec<Vec<f64>> {
        let rows = rows.axis_iter(Axis(0));
        rows.map(|row| probabilities(&row.to_vec())).collect()
    };
    let (ours, theirs) = (of(side.ours), of(side.theirs));
    let total = |class: usize| theirs.iter().map(|row| row[class]).sum::<f64>();
    let mut classes: Vec<usize> = (0..side.theirs.ncols()).collect();
    classes.sort_by(|&a, &b| total(b).total_cmp(&total(a)));
    classes.truncate(CLASSES);
    let mut lines = vec![];
    for (colour, &class) in classes.iter().enumerate() {
        let label = side.labels.get(class).cloned().unwrap_or_default();
        for (rows, dashed) in [(&ours, false), (&theirs, true)] {
            let points = side.frames.iter().zip(rows);
            let points = points.map(|(frame, row)| (*frame as f64, row[class]));
            lines.push(Line {
                name: match dashed {
                    false => label.clone(),
                    true => format!("{label} (reference)"),
                },
                points: points.collect(),
                dashed,
                colour,
            });
        }
    }
    lines
}

fn layers_part(page: &mut Page, layers: &Layers) -> Result<(), ReportError> {
    page.heading("Error by layer");
    match &layers.first {
        Some(first) => page.verdict(&format!("{first} is the first layer that departs"), false),
        None => page.verdict("no layer departs", true),
    }
    let points = layers.layers.iter().enumerate().filter_map(|(at, layer)| {
        let error = layer.error.filter(|error| *error > 0.0)?;
        Some((at as f64, error.log10()))
    });
    let line = Line {
        name: "relative error, power of ten".into(),
        points: points.collect(),
        dashed: false,
        colour: 0,
    };
    page.svg(&lines(&[line], "layer", "log10 of the error")?);
    let rows = layers.layers.iter().map(|layer| {
        [
            layer.node.clone(),
            layer.operator.clone(),
            layer.counterpart.clone().unwrap_or_else(|| "-".into()),
            layer
                .error
                .map_or("-".into(), |error| format!("{error:.2e}")),
        ]
    });
    page.table(
        ["layer", "operator", "the source's tensor", "relative error"],
        rows,
    );
    Ok(())
}
