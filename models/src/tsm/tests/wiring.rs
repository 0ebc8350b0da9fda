//! What is read off a checkpoint's names and shapes.

use praxiscope_runtime::ops::ShiftDirection;

use super::*;
use crate::{BuildError, build};

#[test]
fn tsn_names_are_two_way_unless_told_otherwise() {
    for (family, _, file) in TSN {
        let built = build(family, checkpoint(file), &options(family, 8)).unwrap();
        assert_eq!(built.direction, Some(ShiftDirection::TwoWay));
    }
}

#[test]
fn bare_names_give_the_same_network_as_the_wrapped_ones() {
    for (family, _, file) in TSN {
        let head = if family == MOBILENET_V2 {
            "classifier"
        } else {
            "fc"
        };
        let bare = |name: &str| name.replace("base_model.", "").replace("new_fc", head);
        let unmarked = |name: &str| bare(name).replace(".net.", ".");
        let trained_without_dropout =
            |name: &str| name.replace("new_fc", &format!("base_model.{head}"));
        let options = BuildOptions {
            direction: Some(ShiftDirection::TwoWay),
            ..options(family, 8)
        };
        let wanted = build(family, checkpoint(file), &options).unwrap();
        let spellings: [&dyn Fn(&str) -> String; 3] = [&bare, &unmarked, &trained_without_dropout];
        for spelling in spellings {
            let found = build(family, renamed(file, spelling), &options).unwrap();
            assert_eq!(shifts(&found.graph), shifts(&wanted.graph));
            assert_eq!(found.classes, wanted.classes);
        }
    }
}

#[test]
fn the_names_of_mmaction2_give_the_same_network() {
    let mmaction = |name: &str| {
        let name = name
            .replace("base_model.", "backbone.")
            .replace("new_fc", "cls_head.fc_cls");
        let name = name.replace("downsample.0", "downsample.conv");
        let mut name = name.replace("downsample.1", "downsample.bn");
        for number in 1..=3 {
            name = name.replace(&format!("conv{number}."), &format!("conv{number}.conv."));
            name = name.replace(&format!("bn{number}."), &format!("conv{number}.bn."));
        }
        name
    };
    for (family, _, file) in &TSN[1..] {
        let wanted = build(*family, checkpoint(file), &options(*family, 8)).unwrap();
        let found = build(*family, renamed(file, mmaction), &options(*family, 8)).unwrap();
        assert_eq!(shifts(&found.graph), shifts(&wanted.graph));
        assert_eq!(found.classes, wanted.classes);
    }
    let shifted = "backbone.layer1.0.conv1.conv.net.weight";
    let (family, _, file) = TSN[1];
    let weights = renamed(file, mmaction).rename_all(|name| match name == shifted {
        true => "elsewhere.net.weight".to_owned(),
        false => name.to_owned(),
    });
    let error = build(family, weights.unwrap(), &options(family, 8)).unwrap_err();
    assert!(error.to_string().contains(shifted), "{error}");
}

#[test]
fn only_marked_convolutions_are_shifted_where_some_are() {
    let family = RESNET_18;
    let unmark = |name: &str| name.replace("layer1.0.conv1.net.", "layer1.0.conv1.");
    let built = build(
        family,
        renamed("tsn-resnet18.pth.tar", unmark),
        &options(family, 8),
    );
    assert_eq!(shifts(&built.unwrap().graph).len(), 7);
}

#[test]
fn a_deep_resnet_without_marks_shifts_every_second_block() {
    let family = RESNET_50;
    let unmark = |name: &str| name.replace("base_model.", "").replace(".net.", ".");
    let whole = renamed("tsn-resnet50.safetensors", unmark);
    let deeper = whole.iter().flat_map(|(name, tensor)| {
        let copies = if name.starts_with("layer3.5.") { 18 } else { 1 };
        (0..copies).map(move |more| {
            let name = name.replace("layer3.5.", &format!("layer3.{}.", 5 + more));
            (name, tensor.data.clone())
        })
    });
    let weights = Checkpoint::from_tensors(deeper.collect::<Vec<_>>(), "deep");
    let built = build(family, weights, &options(family, 8)).unwrap();
    assert_eq!(shifts(&built.graph).len(), 2 + 2 + 12 + 2);
}

#[test]
fn a_shortened_resnet_loads() {
    let family = RESNET_50;
    let whole = checkpoint("tsn-resnet50.safetensors");
    let kept = whole.iter().filter(|(name, _)| !name.contains("layer3.5."));
    let kept = kept.map(|(name, tensor)| (name.to_owned(), tensor.data.clone()));
    let weights = Checkpoint::from_tensors(kept.collect::<Vec<_>>(), "short");
    let built = build(family, weights, &options(family, 8)).unwrap();
    assert_eq!(shifts(&built.graph).len(), 15);
}

/// A MobileNetV2 in `online_demo` names with blocks of these widths, all of them expanding twice.
fn mobilenet(widths: &[usize]) -> Checkpoint {
    let mut tensors = vec![];
    let mut tensor = |name: String, shape: &[usize]| {
        let size = shape.iter().product::<usize>().max(1);
        let values = (0..size).map(|at| 0.5 + (at % 7) as f32 / 10.0).collect();
        tensors.push((name, ArrayD::from_shape_vec(shape, values).unwrap()));
    };
    let mut conv_norm = |stem: String, first: usize, shape: [usize; 4]| {
        tensor(format!("{stem}.{first}.weight"), &shape);
        for part in ["weight", "bias", "running_mean", "running_var"] {
            tensor(format!("{stem}.{}.{part}", first + 1), &shape[..1]);
        }
    };
    conv_norm("features.0".into(), 0, [8, 3, 3, 3]);
    let mut inputs = 8;
    for (index, &outputs) in (1..).zip(widths) {
        let (block, hidden) = (format!("features.{index}.conv"), 2 * inputs);
        conv_norm(block.clone(), 0, [hidden, inputs, 1, 1]);
        conv_norm(block.clone(), 3, [hidden, 1, 3, 3]);
        conv_norm(block, 6, [outputs, hidden, 1, 1]);
        inputs = outputs;
    }
    conv_norm(
        format!("features.{}", widths.len() + 1),
        0,
        [16, inputs, 1, 1],
    );
    tensor("classifier.weight".into(), &[4, 16]);
    tensor("classifier.bias".into(), &[4]);
    Checkpoint::from_tensors(tensors, "made")
}

#[test]
fn a_shortened_mobilenet_loads_where_its_widths_tell_the_stages() {
    let family = MOBILENET_V2;
    let weights = mobilenet(&[8, 16, 16, 24, 24, 24, 32, 40, 48, 48, 56]);
    let built = build(family, weights, &options(family, 4)).unwrap();
    let shifted: Vec<&str> = (built.graph.nodes().iter())
        .filter(|node| node.op_is::<TemporalShift>())
        .map(|node| node.name.as_str())
        .collect();
    let wanted = [3, 5, 6, 10].map(|index| format!("features.{index}.conv.0.shift"));
    assert_eq!(shifted, wanted);
    let node = built.graph.node_by_name("features.11.conv.6").unwrap();
    let shape = built
        .graph
        .outlet_fact(node.id.into())
        .unwrap()
        .shape
        .as_concrete();
    assert_eq!(shape, Some(&[4, 56, SIDE / 32, SIDE / 32][..]));
}

#[test]
fn a_shortened_mobilenet_whose_stages_cannot_be_told_is_refused() {
    let family = MOBILENET_V2;
    let weights = mobilenet(&[8, 16, 16, 16, 24, 24]);
    let error = build(family, weights, &options(family, 4)).unwrap_err();
    assert!(
        matches!(
            error,
            BuildError::Stages {
                blocks: 6,
                found: 3,
                ..
            }
        ),
        "{error}"
    );
}
