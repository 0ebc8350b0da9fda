//! Networks without shifts answer as PyTorch does in every library's names.

use ndarray::{Array2, ArrayD, Axis};

use crate::checkpoint::Checkpoint;
use crate::resnet3d::{self, Kernel, Trunk};
use crate::testing::{answer, array, assert_close, assert_names, checkpoint, family, full_size};
use crate::weights::Weights;
use crate::{BuildError, BuildOptions, ClipGraph, Rows, TimeStructure, build, build_random};

fn options(id: &str) -> BuildOptions {
    BuildOptions {
        frames: 16,
        size: (48, 48),
        ..BuildOptions::published(family(id))
    }
}

fn built(id: &str, weights: Checkpoint) -> ClipGraph {
    build(family(id), weights, &options(id)).unwrap()
}

fn file(name: &str) -> Checkpoint {
    checkpoint(&format!("tsn/{name}.safetensors"))
}

fn wanted(name: &str) -> ArrayD<f32> {
    array(&format!("tsn/{name}.npy"))
}

/// `[T, 3, H, W]`.
fn frames() -> ArrayD<f32> {
    let clip = array("clip48.npy").remove_axis(Axis(0));
    clip.permuted_axes(vec![1, 0, 2, 3])
        .as_standard_layout()
        .into_owned()
}

fn mean(rows: &Array2<f32>) -> ArrayD<f32> {
    rows.mean_axis(Axis(0))
        .unwrap()
        .insert_axis(Axis(0))
        .into_dyn()
}

#[test]
fn rows_of_single_frames_are_those_of_pytorch() {
    for (id, name) in [("tsn-resnet50", "resnet50.mit"), ("f-r2d-18", "resnet18")] {
        let built = built(id, file(name));
        assert_eq!((built.rows, built.direction), (Rows::PerFrame, None));
        let rows = answer(&built.graph, &frames());
        assert_close(name, &rows, &wanted(name), 1e-4);
        let consensus = answer(&built.with_consensus().unwrap(), &frames());
        assert_close("consensus", &consensus, &mean(&rows), 1e-5);
        let time = TimeStructure::of(&built.graph).unwrap();
        assert_eq!((time.receptive_field, time.operators.len()), (1, 0));
    }
}

#[test]
fn bare_names_and_those_of_mmaction2_give_the_same_network() {
    let wanted = wanted("resnet50.mit");
    let bare = |name: &str| name.replace("base_model.", "").replace("new_fc", "fc");
    let mmaction = |name: &str| {
        let name = bare(name).replace("downsample.0", "downsample.conv");
        let mut name = name
            .replace("downsample.1", "downsample.bn")
            .replace("fc.", "fc_cls.");
        for number in 1..=3 {
            name = name.replace(&format!("conv{number}."), &format!("conv{number}.conv."));
            name = name.replace(&format!("bn{number}."), &format!("conv{number}.bn."));
        }
        let before = if name.starts_with("fc") {
            "cls_head"
        } else {
            "backbone"
        };
        format!("{before}.{name}")
    };
    let spellings: [&dyn Fn(&str) -> String; 2] = [&bare, &mmaction];
    for spelling in spellings {
        let weights = file("resnet50.mit").rename_all(spelling).unwrap();
        let rows = answer(&built("tsn-resnet50", weights).graph, &frames());
        assert_close("renamed", &rows, &wanted, 1e-4);
    }
}

#[test]
fn a_network_that_is_2d_everywhere_is_one_of_single_frames() {
    let network = built("f-r2d-18", file("mc1"));
    let rows = answer(&network.graph, &frames());
    let consensus = answer(&network.with_consensus().unwrap(), &frames());
    assert_close("MC1 as f-R2D", &consensus, &wanted("mc1"), 5e-5);
    let mc1 = Trunk {
        stem: Kernel::Flat,
        kernels: [Kernel::Flat; 4],
        ..crate::r3d::below(1)
    };
    let weights = Weights::Trained(file("mc1"));
    let names = crate::names::Names::bare();
    let clip = resnet3d::build(weights, names, &options("f-r2d-18"), mc1).unwrap();
    let clip = answer(&clip.graph, &array("clip48.npy"));
    assert_close("MC1 as a clip", &clip, &mean(&rows), 1e-5);
}

#[test]
fn a_stack_of_frames_answers_as_pytorch_does_in_both_layouts() {
    let wanted = wanted("r2d");
    let named = built("r2d-18", file("r2d"));
    assert_eq!(named.rows, Rows::PerClip);
    assert_close(
        "r2d",
        &answer(&named.graph, &array("clip48.npy")),
        &wanted,
        5e-5,
    );
    let options = BuildOptions {
        stem_pool: Some(true),
        ..options("r2d-18")
    };
    let video = build(family("r2d-18"), file("r2d.vmz"), &options).unwrap();
    assert_close(
        "r2d.vmz",
        &answer(&video.graph, &array("clip48.npy")),
        &wanted,
        5e-5,
    );
    let time = TimeStructure::of(&video.graph).unwrap();
    assert_eq!(
        (time.receptive_field, time.lookahead, time.past),
        (16, 15, 0)
    );
}

#[test]
fn a_stack_of_other_frames_than_the_clip_has_is_refused() {
    let options = BuildOptions {
        frames: 8,
        ..options("r2d-18")
    };
    for name in ["r2d", "r2d.vmz"] {
        let error = build(family("r2d-18"), file(name), &options).unwrap_err();
        assert!(matches!(error, BuildError::Options(_)), "{error}");
        assert!(error.to_string().contains("16 frames at once"), "{error}");
    }
}

#[test]
fn the_checkpoint_of_another_network_is_refused_by_a_tensor() {
    for (id, name, tensor) in [
        (
            "f-r2d-18",
            "resnet50.mit",
            "base_model.layer1.0.conv1.weight",
        ),
        ("tsn-resnet50", "resnet18", "layer1.0.conv1.weight"),
        ("f-r2d-18", "r2d", "conv1.weight"),
        ("f-r2d-18", "r2d.vmz", "stem.0.weight"),
        (
            "tsm-resnet18",
            "resnet50.mit",
            "base_model.layer1.0.conv1.weight",
        ),
    ] {
        let error = build(family(id), file(name), &options(id)).unwrap_err();
        assert_names(&error, tensor);
    }
    let shifted = checkpoint("../tsm/tsn-resnet50.safetensors");
    let error = build(family("tsn-resnet50"), shifted, &options("tsn-resnet50")).unwrap_err();
    assert_names(&error, "base_model.layer1.0.conv1.weight");
}

#[test]
fn published_widths_have_the_parameters_of_the_published_networks() {
    for (id, parameters) in [
        ("tsn-resnet50", 24_327_632),
        ("f-r2d-18", 11_381_712),
        // 15 further frames of three colours in the first kernel of 64 times 7 x 7.
        ("r2d-18", 11_381_712 + 15 * 3 * 64 * 49),
        ("tsm-mobilenetv2", 2_258_459),
    ] {
        let network = build_random(family(id), 1, &options(id)).unwrap();
        assert_eq!(network.parameters, parameters, "{id}");
    }
}

/// After `python tests/fixtures/make_tsn.py --full-size DIR`:
/// `PRAXISCOPE_FULL_SIZE=DIR cargo test --release -p praxiscope-models -- --ignored tsn::`.
#[test]
#[ignore = "wants the networks of published size, which are too large for the repository"]
fn networks_of_published_size_answer_as_in_pytorch() {
    for (id, clip) in [
        ("f-r2d-18", "frames.8.224.npy"),
        ("tsn-resnet50", "frames.8.224.npy"),
        ("r2d-18", "clip.16.112.npy"),
    ] {
        let clip = array(&full_size(clip));
        let frames_at = if clip.ndim() == 5 { 2 } else { 0 };
        let side = clip.shape()[clip.ndim() - 1];
        let options = BuildOptions {
            frames: clip.shape()[frames_at],
            size: (side, side),
            ..BuildOptions::published(family(id))
        };
        let weights = checkpoint(&full_size(&format!("{id}.safetensors")));
        let built = build(family(id), weights, &options).unwrap();
        let found = answer(&built.graph, &clip);
        assert_close(id, &found, &array(&full_size(&format!("{id}.npy"))), 1e-3);
    }
}
