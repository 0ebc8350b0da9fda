//! How a bundle's network wants its colours: as it was trained, unless the command line says else.

use praxiscope_runtime::bundle::{Bundle, Input};
use praxiscope_runtime::preprocess::ColorOrder;
use praxiscope_tests::files::{folder, root};
use praxiscope_tests::programs::praxc;

/// What `convert` remarks, and what the bundle says of its input.
fn converted(weights: &str, options: &str) -> (String, Input) {
    let folder = folder();
    let (families, bundle) = ("tests/fixtures/families", folder.path().join("net.prax"));
    let weights = root().join(families).join(weights);
    let program = praxc().args("--json convert").arg(weights).args(options);
    let ended = program.arg("-o").arg(&bundle).run().good();
    let input = Bundle::read(&bundle).unwrap().manifest().input.clone();
    (ended.json()["remarks"].to_string(), input)
}

#[test]
fn a_checkpoints_spelling_tells_its_colours() {
    const SLOWFAST: &str = "--family slowfast-8x8-r50 --frames 16 --size 48";
    for (name, whose, mean) in [
        ("mmaction2", "mmaction2's", [0.485, 0.456, 0.406]),
        ("pytorchvideo", "pytorchvideo's", [0.45; 3]),
    ] {
        let (remarks, input) = converted(&format!("slowfast/{name}.safetensors"), SLOWFAST);
        assert_eq!((input.geometry.color, input.mean), (ColorOrder::Rgb, mean));
        assert!(
            remarks.contains(whose) && remarks.contains("red, green, blue"),
            "{remarks}"
        );
    }
}

#[test]
fn another_order_of_colours_turns_what_was_not_given() {
    const ARTNET: &str = "--family artnet-18 --size 48";
    let weights = "artnet/artnet.safetensors";
    let (remarks, blue_first) = converted(weights, ARTNET);
    assert_eq!(blue_first.geometry.color, ColorOrder::Bgr);
    assert!(
        remarks.contains("the authors'") && remarks.contains("blue, green, red"),
        "{remarks}"
    );
    let (_, red_first) = converted(weights, &format!("{ARTNET} --color rgb"));
    let [blue, green, red] = blue_first.mean;
    assert!(blue < red);
    assert_eq!(red_first.mean, [red, green, blue]);
}
