//! Time is in whole operators, and they see what perturbing single frames shows.

use ndarray::{ArrayD, Axis, Slice};
use tract_core::internal::*;
use tract_core::ops::Downsample;
use tract_core::ops::cnn::Conv;

use super::*;
use crate::testing::array;
use crate::{TimeStructure, build};

#[test]
fn time_is_in_whole_operators() {
    let count = |name: &str| {
        let graph = build(id(), network(name), &options(&clip(), Pathways::default()));
        let graph = graph.unwrap().graph;
        let convs = graph.nodes().iter().filter_map(|node| node.op_as::<Conv>());
        let over_time = convs.filter(|conv| conv.pool_spec.kernel_shape[0] > 1);
        let samplings = graph
            .nodes()
            .iter()
            .filter(|node| node.op_is::<Downsample>());
        (over_time.count(), samplings.count())
    };
    // Fast: the stem and all blocks; slow: the blocks of layer3 and layer4; four laterals.
    assert_eq!(count("mmaction2.lateral-norm"), (5 + 2 + 4, 1));
    assert_eq!(count("sampling.concat"), (5 + 2, 1 + 4));
    assert_eq!(count("time-to-channel.sum"), (5 + 2, 1 + 4 * ALPHA));
}

#[test]
fn both_pathways_together_see_what_perturbing_shows() {
    const FRAMES: usize = 128;
    let pixels = array("clip48.npy")
        .slice_axis(Axis(3), Slice::from(..16))
        .to_owned();
    let pixels = pixels.slice_axis(Axis(4), Slice::from(..16)).to_owned();
    let copies = vec![pixels.view(); FRAMES / 16];
    let clip = ndarray::concatenate(Axis(2), &copies).unwrap();
    for (id, name) in [
        ("slowfast-8x8-r50", "mmaction2.lateral-norm"),
        ("slowfast-8x8-r101", "time-to-channel.sum"),
        ("slowfast-4x16-r50", "mmaction2.basic"),
    ] {
        let options = options(&clip, Pathways::default());
        let built = build(family(id), network(name), &options).unwrap();
        let time = TimeStructure::of(&built.graph).unwrap();
        let mut graph = built.graph;
        graph.select_output_outlets(&time.features).unwrap();
        let plan = graph.into_optimized().unwrap().into_runnable().unwrap();
        // What both give for the frame in the middle.
        let run = |clip: &ArrayD<f32>| -> Vec<ArrayD<f32>> {
            let maps = plan.run(tvec![clip.clone().into_tvalue()]).unwrap();
            let maps = maps.iter().map(|map| {
                let map = map.to_plain_array_view::<f32>().unwrap();
                map.index_axis(Axis(2), map.shape()[2] / 2).to_owned()
            });
            maps.collect()
        };
        let still = run(&clip);
        let noticed = (0..FRAMES).filter(|&frame| {
            let mut clip = clip.clone();
            clip.index_axis_mut(Axis(2), frame)
                .mapv_inplace(|value| 1e4 * value);
            run(&clip) != still
        });
        let noticed: Vec<usize> = noticed.collect();
        let ends = (noticed[0], noticed[noticed.len() - 1]);
        let middle = FRAMES / 2;
        assert_eq!(
            ends,
            (middle - time.past, middle + time.lookahead),
            "{name}"
        );
    }
}
