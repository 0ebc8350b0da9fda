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
        let program = check(&network(&format!("{name}-18"), &format!("r3d/{name}")), 48);
        assert_eq!(program.changes, []);
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
        check(&shifted("tsm-resnet18", "tsn-resnet18.pth.tar", direction), 24);
        check(&shifted("tsm-resnet50", "tsn-resnet50.safetensors", direction), 24);
        check(&shifted("tsm-mobilenetv2", "tsn-mobilenetv2.pth", direction), 24);
    }
    check(&shifted("tsm-mobilenetv2", "online.pth", ShiftDirection::OneWay), 24);
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
    for name in ["mmaction2", "conv.sum", "sampling.concat", "time-to-channel.sum", "without"] {
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
fn windowed() {
    for (id, file) in [
        ("s3d-g", "s3d/s3d-g"),
        ("s3d-g", "s3d/s3d-g.plain"),
        ("smallbig-50", "smallbig/smallbig"),
        ("smallbig-50-extra", "smallbig/extra"),
        ("nonlocal5-resnet50", "nonlocal/embedded"),
        ("nonlocal5-resnet50", "nonlocal/embedded.scaled"),
        ("nonlocal5-resnet50", "nonlocal/dot"),
        ("nonlocal5-resnet50", "nonlocal/gaussian"),
        ("nonlocal10-resnet50", "nonlocal/gaussian.full"),
        ("slowfast-8x8-r50", "slowfast/pytorchvideo"),
        ("r2d-18", "tsn/r2d"),
    ] {
        let network = Network::new(id, &format!("families/{file}.safetensors"), |options| {
            if id.starts_with("slowfast") {
                options.pathways.slow = Some(praxiscope_models::SlowFrames::Packed);
            }
        });
        let program = to_step(&network.native().graph, &Options::default());
        match program {
            Ok(program) => {
                println!("{id} {file}: {:?}", program.changes);
                let facts = *Program::compile(&program.graph).unwrap().facts();
                println!("   {facts:?}");
            }
            Err(error) => println!("{id} {file}: REFUSED {error}"),
        }
    }
}
