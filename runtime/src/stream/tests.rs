use super::*;
use crate::bundle::Clip;
use crate::ops::ShiftDirection;
use crate::test_bundles::{brightness, grey, seldom, windowed};

fn bundles() -> Vec<crate::bundle::Bundle> {
    vec![
        brightness(None),
        brightness(Some(ShiftDirection::OneWay)),
        brightness(Some(ShiftDirection::TwoWay)),
        seldom(3),
        windowed(Clip {
            frames: 3,
            hop: 2,
            rewires: false,
        }),
    ]
}

fn frame(index: u64) -> Frame {
    grey((index * 53 % 256) as u8, index, index as f64 / 10.0)
}

fn stream(bundle: &crate::bundle::Bundle) -> Stream {
    Stream::new(&Model::load(bundle).unwrap()).unwrap()
}

fn run(stream: &mut Stream, frames: std::ops::Range<u64>) -> Vec<Scores> {
    frames
        .filter_map(|index| stream.step(&frame(index)).unwrap())
        .collect()
}

#[test]
fn a_restored_stream_goes_on_to_the_last_bit() {
    for bundle in bundles() {
        let model = Model::load(&bundle).unwrap();
        for cut in 0..8 {
            let mut whole = Stream::new(&model).unwrap();
            run(&mut whole, 0..cut);
            let saved = whole.save().unwrap();
            let mut restored = Stream::new(&Model::load(&bundle).unwrap()).unwrap();
            run(&mut restored, 20..23);
            restored.restore(&saved).unwrap();
            assert_eq!(run(&mut restored, cut..12), run(&mut whole, cut..12));
            assert_eq!(restored.finish().unwrap(), whole.finish().unwrap());
        }
    }
}

#[test]
fn a_reset_stream_is_as_new() {
    for bundle in bundles() {
        let model = Model::load(&bundle).unwrap();
        let mut used = Stream::new(&model).unwrap();
        run(&mut used, 0..5);
        used.reset().unwrap();
        let mut new = Stream::new(&model).unwrap();
        assert_eq!(run(&mut used, 7..15), run(&mut new, 7..15));
    }
}

#[test]
fn streams_over_one_model_do_not_disturb_each_other() {
    let model = Model::load(&brightness(Some(ShiftDirection::OneWay))).unwrap();
    let alone = run(&mut Stream::new(&model).unwrap(), 0..6);
    let mut streams: Vec<_> = (0..1000).map(|_| Stream::new(&model).unwrap()).collect();
    for (offset, stream) in streams.iter_mut().enumerate().skip(1) {
        run(stream, offset as u64..offset as u64 + 2);
    }
    assert_eq!(run(&mut streams[0], 0..6), alone);
}

#[test]
fn an_answer_names_the_frame_that_it_speaks_of() {
    let frames = |answers: &[Scores]| -> Vec<(u64, u64)> {
        answers.iter().map(|a| (a.frame, a.decided)).collect()
    };
    let mut late = stream(&brightness(Some(ShiftDirection::TwoWay)));
    assert_eq!(frames(&run(&mut late, 5..8)), [(5, 6), (6, 7)]);
    assert_eq!(frames(&late.finish().unwrap()), [(7, 7)]);
    assert_eq!(frames(&late.finish().unwrap()), []);

    let mut seldom = stream(&seldom(3));
    assert_eq!(frames(&run(&mut seldom, 5..13)), [(5, 7), (8, 10)]);
    assert_eq!(frames(&seldom.finish().unwrap()), []);
}

#[test]
fn pictures_and_tensors_of_them_give_the_same_bits() {
    for bundle in bundles() {
        let model = Model::load(&bundle).unwrap();
        let mut converter = Converter::new(&model).unwrap();
        let (mut pictures, mut tensors) = (stream(&bundle), stream(&bundle));
        for number in 0..6 {
            let picture = frame(number);
            let mut tensor = (*converter.convert(&picture).unwrap()).clone();
            if model.program().is_some() && number % 2 == 0 {
                tensor.insert_axis(2).unwrap();
            }
            let scores = tensors.step_tensor(tensor, number, picture.time()).unwrap();
            assert_eq!(pictures.step(&picture).unwrap(), scores);
        }
    }
}

#[test]
fn a_profile_names_every_node() {
    let mut stream = stream(&brightness(Some(ShiftDirection::OneWay)));
    assert_eq!(stream.profile(), []);
    stream.start_profile();
    run(&mut stream, 0..3);
    let profile = stream.profile();
    let words: Vec<_> = profile.iter().map(|node| (node.word, node.rows)).collect();
    assert_eq!(words, [("channels", 3), ("shift", 3), ("conv", 3)]);
}

#[test]
fn a_window_answers_every_hop_frames_for_its_newest() {
    let model = Model::load(&windowed(Clip {
        frames: 3,
        hop: 2,
        rewires: false,
    }))
    .unwrap();
    let mut stream = Stream::new(&model).unwrap();
    let answers = run(&mut stream, 0..8);
    assert_eq!(
        answers
            .iter()
            .map(|scores| scores.frame)
            .collect::<Vec<_>>(),
        [2, 4, 6]
    );
    let mean = |frames: std::ops::Range<u64>| {
        let levels = frames.map(|index| f32::from((index * 53 % 256) as u8) / 255.0);
        levels.sum::<f32>() / 3.0
    };
    for (scores, first) in answers.iter().zip([0, 2, 4]) {
        assert!(
            (scores.logits[1] - 10.0 * mean(first..first + 3)).abs() < 1e-4,
            "{scores:?}"
        );
    }
}

#[test]
fn a_state_of_another_model_or_a_damaged_one_is_refused() {
    let model = Model::load(&brightness(Some(ShiftDirection::OneWay))).unwrap();
    let mut stream = Stream::new(&model).unwrap();
    run(&mut stream, 0..3);
    let saved = stream.save().unwrap();
    let other = Model::load(&brightness(None)).unwrap();
    let refused = Stream::new(&other).unwrap().restore(&saved);
    assert!(
        matches!(refused, Err(StateError::OtherModel { .. })),
        "{refused:?}"
    );
    for at in 0..saved.len() {
        let mut damaged = saved.clone();
        damaged[at] ^= 4;
        assert!(stream.restore(&damaged).is_err(), "flipped byte {at}");
        assert!(stream.restore(&saved[..at]).is_err(), "cut at {at}");
    }
    assert_eq!(
        run(&mut stream, 3..6),
        run(&mut Stream::new(&model).unwrap(), 3..6)
    );
}

#[test]
fn a_wrong_label_count_is_refused() {
    let bundle = brightness(None);
    let mut manifest = bundle.manifest().clone();
    manifest.labels.push("dim".into());
    let graph = bundle.graph().unwrap();
    let bundle = crate::bundle::Bundle::new(manifest, &graph, None).unwrap();
    let refused = Model::load(&bundle);
    assert!(
        matches!(
            refused,
            Err(ModelError::LabelCount {
                labels: 3,
                logits: 2
            })
        ),
        "{refused:?}"
    );
}

#[test]
fn a_tensor_of_another_shape_is_refused() {
    let model = Model::load(&brightness(None)).unwrap();
    let mut stream = Stream::new(&model).unwrap();
    let tensor = Tensor::zero::<f32>(&[1, 3, 5, 5]).unwrap();
    let refused = stream.step_tensor(tensor, 0, Duration::ZERO);
    assert!(
        matches!(refused, Err(StreamError::Shape { .. })),
        "{refused:?}"
    );
}
