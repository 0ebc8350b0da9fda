//! The families of networks.

use super::*;
use praxiscope_runtime::ops::ShiftDirection;

fn network(id: &str, file: &str) -> Network {
    Network::new(id, &format!("families/{file}.safetensors"), |_| ())
}

fn shifted(id: &str, file: &str, direction: ShiftDirection) -> Network {
    Network::new(id, &format!("tsm/{file}"), |options| {
        options.direction = Some(direction);
    })
}

#[test]
fn networks_of_mixed_convolutions() {
    for name in ["r3d", "mc3", "rmc3"] {
        check(&network(&format!("{name}-18"), &format!("r3d/{name}")), 48);
    }
}

#[test]
fn factored_networks() {
    check(&network("r2plus1d-18", "r3d/r2plus1d"), 48);
    check(&network("r2plus1d-34", "r3d/r2plus1d.mmaction2"), 48);
    check(&network("r2plus1d-50", "r3d/r2plus1d.pytorchvideo"), 48);
}

#[test]
fn channel_separated_networks() {
    check(&network("ir-csn-50", "csn/ir.vmz"), 48);
    check(&network("ip-csn-152", "csn/ip.vmz"), 48);
    check(&network("ir-csn-50", "csn/ir.pytorchvideo"), 48);
}

#[test]
fn shifted_networks() {
    for direction in [ShiftDirection::OneWay, ShiftDirection::TwoWay] {
        check(
            &shifted("tsm-resnet18", "tsn-resnet18.pth.tar", direction),
            24,
        );
        check(
            &shifted("tsm-resnet50", "tsn-resnet50.safetensors", direction),
            24,
        );
        check(
            &shifted("tsm-mobilenetv2", "tsn-mobilenetv2.pth", direction),
            24,
        );
    }
    check(
        &shifted("tsm-mobilenetv2", "online.pth", ShiftDirection::OneWay),
        24,
    );
}

#[test]
fn networks_of_single_frames_and_of_stacked_ones() {
    check(&network("tsn-resnet50", "tsn/resnet50.mit"), 16);
    check(&network("f-r2d-18", "tsn/mc1"), 24);
}

#[test]
fn inflated_networks() {
    check(&network("i3d-inception", "i3d/inception"), 96);
    check(&network("i3d-top-heavy-4", "i3d/top-heavy-4"), 96);
    check(&network("i3d-bottom-heavy-3", "i3d/bottom-heavy-3"), 96);
    check(&network("i3d-resnet50", "i3d/resnet50.mmaction2-heavy"), 48);
    check(&network("i3d-resnet50", "i3d/resnet50.pytorchvideo"), 48);
}

#[test]
fn separable_networks() {
    check(&network("s3d", "s3d/s3d.torchvision"), 96);
    check(&network("s3d", "s3d/s3d.kylemin"), 96);
}

#[test]
fn networks_of_two_pathways() {
    for name in [
        "mmaction2",
        "conv.sum",
        "sampling.concat",
        "time-to-channel.sum",
        "without",
    ] {
        let network = Network::new(
            "slowfast-8x8-r50",
            &format!("families/slowfast/{name}.safetensors"),
            |options| {
                options.pathways.slow = Some(praxiscope_models::SlowFrames::Strided);
            },
        );
        check(&network, 48);
    }
}

#[test]
fn appearance_and_relation() {
    check(&network("artnet-18", "artnet/artnet"), 48);
}

#[test]
fn gates_of_the_whole_clip_become_gates_of_the_last_frames() {
    for name in ["s3d-g", "s3d-g.plain"] {
        let program = check_windowed(&network("s3d-g", &format!("s3d/{name}")), 96);
        assert!(
            program
                .changes
                .iter()
                .all(|change| change.node.contains("gate"))
        );
        assert!(!program.changes.is_empty());
    }
}

#[test]
fn maxima_of_the_whole_clip_become_maxima_of_the_last_frames() {
    let program = check_windowed(&network("smallbig-50", "smallbig/smallbig"), 32);
    assert_eq!(program.changes.len(), 5);
    check_windowed(&network("smallbig-50-extra", "smallbig/extra"), 32);
}

#[test]
fn attention_to_the_whole_clip_becomes_attention_to_the_last_frames() {
    for name in [
        "embedded",
        "embedded.scaled",
        "dot",
        "gaussian",
        "gaussian.full",
    ] {
        let program = check_windowed(
            &network("nonlocal5-resnet50", &format!("nonlocal/{name}")),
            64,
        );
        assert_eq!(program.changes.len(), 2);
    }
}

#[test]
fn frames_that_are_unevenly_apart_become_evenly_apart() {
    let network = Network::new(
        "slowfast-8x8-r50",
        "families/slowfast/pytorchvideo.safetensors",
        |options| options.pathways.slow = Some(praxiscope_models::SlowFrames::Packed),
    );
    let program = check_windowed(&network, 48);
    assert_eq!(program.changes.len(), 1);
}

#[test]
fn a_stack_of_frames_is_a_window_of_its_own() {
    let program = check_windowed(&network("r2d-18", "tsn/r2d"), 40);
    assert_eq!(program.changes, []);
}

#[test]
fn every_frame_is_answered_on_request() {
    check_dense(&network("r3d-18", "r3d/r3d"), 160);
    check_dense(&network("ir-csn-50", "csn/ir.vmz"), 160);
    check_dense(&network("s3d-g", "s3d/s3d-g"), 640);
    check_dense(&network("nonlocal5-resnet50", "nonlocal/dot"), 240);
    let slowfast = Network::new(
        "slowfast-8x8-r50",
        "families/slowfast/mmaction2.safetensors",
        |_| (),
    );
    check_dense(&slowfast, 160);
}

#[test]
fn a_pathway_that_is_given_its_own_frames_gets_some_of_all() {
    let network = Network::new(
        "slowfast-8x8-r50",
        "families/slowfast/pytorchvideo.safetensors",
        |options| options.pathways.slow = Some(praxiscope_models::SlowFrames::Given),
    );
    let given = network.native();
    assert_eq!(given.graph.inputs.len(), 2);
    let recording = noise(48, (32, 32));
    check_graph("two clips", &given.graph, &recording, &Options::default());
    let program = to_step(&given.graph, &Options::default()).unwrap();
    assert_eq!(program.changes.len(), 1);
}
