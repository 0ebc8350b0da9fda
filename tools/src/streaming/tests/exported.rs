//! Exported networks as step programs: they are equal to themselves over a recording.

use praxiscope_models::SlowFrames;
use proptest::prelude::*;

use super::*;
use crate::import::{self, Want};
use crate::streaming::{frames_of, in_clip_form};

/// One of each kind; a circular shift has no form frame by frame.
pub(super) const NETWORKS: [&str; 21] = [
    "tsm.two-way.legacy13",
    "tsm.two-way.dynamo18",
    "tsm.one-way.dynamo18",
    "tsm.joined.legacy11",
    "tsm.attention.dynamo18",
    "tsm.pool.legacy13",
    "lent.legacy17.open",
    "lent.window.dynamo18",
    "r3d.padded.legacy17.open",
    "i3d.squeezed.legacy17",
    "r2plus1d.dynamo18",
    "csn.legacy17.open",
    "s3d-g.dynamo18",
    "nonlocal.embedded_gaussian.legacy17",
    "nonlocal.dot_product.legacy17",
    "slowfast.resized.legacy17",
    "slowfast.two.dynamo18",
    "artnet.legacy17",
    "mobile.dynamo18",
    "mobile.causal.legacy17",
    "mobile.running.legacy17",
];

pub(super) fn exported(name: &str) -> TypedModel {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/onnx");
    let path = folder.join(format!("{name}.onnx"));
    let frames = name.ends_with(".open").then_some(16);
    let imported = import::onnx(&path, Want::Clip { frames }, None).unwrap();
    let imported = imported.joined(SlowFrames::Strided).unwrap();
    concrete(&in_clip_form(imported.clip)).unwrap()
}

/// How far the step program is from the graph over a recording; `None` where it is refused.
pub(super) fn apart(graph: &TypedModel) -> Result<Option<f32>, TestCaseError> {
    let options = Options::default();
    let program = match to_step(graph, &options) {
        Ok(program) => program,
        Err(refused) => {
            println!("{refused}");
            return Ok(None);
        }
    };
    let shape = graph.input_fact(0).unwrap().shape.as_concrete().unwrap();
    let size = (shape[shape.len() - 2], shape[shape.len() - 1]);
    let frames = frames_of(graph);
    let recording = noise(frames + frames.next_multiple_of(program.stride), size);
    // What cannot be made longer is held against nothing, and refused by `praxc convert`.
    let Ok(long) = over(graph, recording.len(), &options) else {
        println!("cannot be made longer");
        return Ok(None);
    };
    let found = step_rows(&program.graph, &recording);
    let wanted = rows::clip_output_as_is(&long, &recording).unwrap();
    prop_assert_eq!(found.len(), wanted.shape()[0]);
    let scale = wanted.iter().fold(1e-2f32, |most, x| most.max(x.abs()));
    let differences = found.concat().into_iter().zip(&wanted);
    let most = differences.fold(0f32, |most, (a, b)| most.max((a - b).abs()));
    Ok(Some(most / scale))
}

#[test]
fn no_exported_network_is_refused() {
    for name in NETWORKS {
        let apart = apart(&exported(name))
            .unwrap()
            .unwrap_or_else(|| panic!("{name} is refused"));
        println!("{name}: {apart:.1e}");
        assert!(apart <= 1e-4, "{name}: {apart:e}");
    }
}
