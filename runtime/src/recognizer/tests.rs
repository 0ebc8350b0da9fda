use super::*;
use crate::ops::ShiftDirection;
use crate::test_bundles::{brightness, grey, seldom};

fn recognizer(shift: Option<ShiftDirection>, every_frame: bool) -> Recognizer {
    of_bundle(&brightness(shift), every_frame)
}

fn of_bundle(bundle: &crate::bundle::Bundle, every_frame: bool) -> Recognizer {
    Recognizer::new(
        &Model::load(bundle).unwrap(),
        RecognizerOptions {
            every_frame,
            ..RecognizerOptions::default()
        },
    )
    .unwrap()
}

/// Pushes frames of these levels at 10 a second; gives what comes out, the tail included.
fn run(recognizer: &mut Recognizer, times: &[f64], levels: &[u8]) -> Vec<Output> {
    let mut outputs = vec![];
    for (index, (&time, &level)) in times.iter().zip(levels).enumerate() {
        outputs.extend(recognizer.push(&grey(level, index as u64, time)).unwrap());
    }
    outputs.extend(recognizer.finish().unwrap());
    outputs
}

fn regular(count: usize) -> Vec<f64> {
    (0..count).map(|i| i as f64 / 10.0).collect()
}

fn answered(outputs: &[Output]) -> Vec<(u64, u64)> {
    let scores = outputs.iter().filter_map(|output| match output {
        Output::Scores(scores) => Some((scores.frame, scores.decided)),
        _ => None,
    });
    scores.collect()
}

#[test]
fn a_causal_network_answers_every_frame_at_once() {
    let outputs = run(&mut recognizer(None, false), &regular(4), &[0; 4]);
    assert_eq!(answered(&outputs), [(0, 0), (1, 1), (2, 2), (3, 3)]);
}

#[test]
fn a_network_that_looks_ahead_answers_late_and_owes_nothing_at_the_end() {
    let shift = Some(ShiftDirection::TwoWay);
    let outputs = run(&mut recognizer(shift, false), &regular(4), &[0; 4]);
    assert_eq!(answered(&outputs), [(0, 1), (1, 2), (2, 3), (3, 3)]);
}

#[test]
fn a_bright_picture_starts_an_event_and_a_dark_one_ends_it() {
    let levels = [0, 0, 255, 255, 255, 0, 0, 0];
    let outputs = run(&mut recognizer(None, false), &regular(8), &levels);
    let events: Vec<_> = outputs
        .iter()
        .filter_map(|output| match output {
            Output::Event(event) => Some((event.kind, event.label.as_str(), event.frame)),
            _ => None,
        })
        .collect();
    use crate::events::EventKind::{End, Start};
    assert_eq!(events, [(Start, "bright", 2), (End, "bright", 5)]);
}

#[test]
fn a_network_that_answers_seldom_gives_events_at_its_answers() {
    let levels = [0, 0, 255, 255, 255, 255, 0, 0];
    let mut recognizer = of_bundle(&seldom(2), false);
    let outputs = run(&mut recognizer, &regular(8), &levels);
    assert_eq!(answered(&outputs), [(0, 1), (2, 3), (4, 5), (6, 7)]);
    let events = outputs.iter().filter_map(|output| match output {
        Output::Event(event) => Some((event.kind, event.frame, event.decided)),
        _ => None,
    });
    use crate::events::EventKind::{End, Start};
    assert_eq!(events.collect::<Vec<_>>(), [(Start, 2, 3), (End, 6, 7)]);
}

#[test]
fn a_gap_ends_what_was_active_and_starts_afresh() {
    let mut times = regular(6);
    times[3..].iter_mut().for_each(|time| *time += 5.0);
    let mut recognizer = recognizer(Some(ShiftDirection::TwoWay), false);
    let outputs = run(&mut recognizer, &times, &[255; 6]);
    let reset = outputs
        .iter()
        .position(|output| matches!(output, Output::Reset { .. }));
    let Some(Output::Reset { frame: 3, gap, .. }) = reset.map(|at| &outputs[at]) else {
        panic!("{outputs:?}");
    };
    assert_eq!(gap.as_millis(), 5100);
    let (before, after) = outputs.split_at(reset.unwrap());
    assert_eq!(answered(before), [(0, 1), (1, 2), (2, 2)]);
    assert!(
        matches!(before.last(), Some(Output::Event(_))),
        "{before:?}"
    );
    assert_eq!(answered(after), [(3, 4), (4, 5), (5, 5)]);
    assert_eq!(recognizer.stats().resets, 1);
}

#[test]
fn a_network_that_is_late_gives_up_ticks_instead_of_repeating_frames() {
    let mut recognizer = recognizer(None, false);
    let mut steps = vec![];
    for (index, time) in [(0, 0.0), (4, 0.4), (8, 0.8)] {
        recognizer.catch_up(&grey(0, index, time)).unwrap();
        steps.push(recognizer.stats().steps);
    }
    assert_eq!(steps, [1, 2, 3]);
    assert_eq!(recognizer.stats().missed, 6);
}

#[test]
fn time_that_runs_backwards_starts_afresh() {
    let outputs = run(&mut recognizer(None, false), &[0.0, 0.1, 0.05], &[0; 3]);
    assert!(
        outputs
            .iter()
            .any(|output| matches!(output, Output::Reset { frame: 2, .. }))
    );
}

#[test]
fn every_frame_enters_when_asked() {
    let times: Vec<f64> = (0..9).map(|i| f64::from(i) / 40.0).collect();
    let outputs = run(&mut recognizer(None, false), &times, &[0; 9]);
    assert_eq!(answered(&outputs).len(), 3);
    let outputs = run(&mut recognizer(None, true), &times, &[0; 9]);
    assert_eq!(answered(&outputs).len(), 9);
}
