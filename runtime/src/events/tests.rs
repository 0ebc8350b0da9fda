use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const LABELS: [&str; 3] = ["idle", "wave", "nod"];

fn labels() -> Vec<String> {
    LABELS.map(String::from).to_vec()
}

fn detector(settings: EventSettings) -> EventDetector {
    EventDetector::new(&settings, &labels(), Some("idle")).unwrap()
}

fn unsmoothed() -> EventSettings {
    EventSettings {
        smoothing: 0.0,
        cool_down: 0.0,
        ..EventSettings::default()
    }
}

/// Answers at 10 a second; gives "kind label frame" of every event.
fn run(detector: &mut EventDetector, rows: &[[f32; 3]]) -> Vec<String> {
    let mut events = vec![];
    for (index, row) in rows.iter().enumerate() {
        events.extend(detector.push(&Scores {
            frame: index as u64,
            time: Duration::from_millis(100 * index as u64),
            decided: index as u64,
            logits: vec![],
            probabilities: row.to_vec(),
        }));
    }
    events.extend(detector.finish());
    events
        .iter()
        .map(|e| format!("{:?} {} {}", e.kind, e.label, e.frame))
        .collect()
}

const IDLE: [f32; 3] = [1.0, 0.0, 0.0];
const WAVE: [f32; 3] = [0.05, 0.95, 0.0];
const FADING: [f32; 3] = [0.55, 0.45, 0.0];
const NOD: [f32; 3] = [0.1, 0.0, 0.9];

#[test]
fn a_class_lasts_until_it_falls_below_off() {
    let rows = [IDLE, WAVE, FADING, FADING, IDLE, IDLE];
    assert_eq!(
        run(&mut detector(unsmoothed()), &rows),
        ["Start wave 1", "End wave 4"]
    );
}

#[test]
fn another_class_ends_the_active_one_first() {
    let rows = [WAVE, NOD];
    let wanted = ["Start wave 0", "End wave 1", "Start nod 1", "End nod 1"];
    assert_eq!(run(&mut detector(unsmoothed()), &rows), wanted);
}

#[test]
fn a_short_flicker_is_smoothed_away() {
    let settings = EventSettings {
        smoothing: 0.3,
        ..unsmoothed()
    };
    assert!(
        run(
            &mut detector(settings.clone()),
            &[IDLE, IDLE, WAVE, IDLE, IDLE]
        )
        .is_empty()
    );
    assert_eq!(
        run(&mut detector(settings), &[IDLE, IDLE, WAVE, WAVE, WAVE]),
        ["Start wave 3", "End wave 4"]
    );
}

#[test]
fn a_minimum_duration_delays_the_start() {
    let settings = EventSettings {
        min_duration: 0.2,
        ..unsmoothed()
    };
    assert!(
        run(
            &mut detector(settings.clone()),
            &[WAVE, WAVE, IDLE, WAVE, IDLE]
        )
        .is_empty()
    );
    assert_eq!(
        run(&mut detector(settings), &[WAVE, WAVE, WAVE, IDLE]),
        ["Start wave 2", "End wave 3"]
    );
}

#[test]
fn a_class_stays_quiet_while_it_cools_down() {
    let settings = EventSettings {
        cool_down: 0.35,
        ..unsmoothed()
    };
    let rows = [WAVE, IDLE, WAVE, IDLE, IDLE, WAVE];
    let wanted = ["Start wave 0", "End wave 1", "Start wave 5", "End wave 5"];
    assert_eq!(run(&mut detector(settings), &rows), wanted);
}

#[test]
fn masked_classes_compete_but_do_not_speak() {
    let settings = EventSettings {
        masked: vec!["wave".into()],
        ..unsmoothed()
    };
    assert_eq!(
        run(&mut detector(settings), &[WAVE, NOD, WAVE, WAVE]),
        ["Start nod 1", "End nod 2"]
    );
}

#[test]
fn merged_classes_add_their_scores() {
    let merged = BTreeMap::from([("busy".to_string(), vec!["wave".into(), "nod".into()])]);
    let settings = EventSettings {
        merged,
        ..unsmoothed()
    };
    assert_eq!(
        run(&mut detector(settings), &[IDLE, [0.2, 0.4, 0.4], NOD, IDLE]),
        ["Start busy 1", "End busy 3"]
    );
}

#[test]
fn a_class_may_have_thresholds_of_its_own() {
    let own = Thresholds {
        on: Some(0.97),
        off: None,
    };
    let settings = EventSettings {
        thresholds: BTreeMap::from([("wave".into(), own)]),
        ..unsmoothed()
    };
    assert_eq!(
        run(&mut detector(settings), &[WAVE, NOD, IDLE]),
        ["Start nod 1", "End nod 2"]
    );
}

#[test]
fn settings_that_cannot_be_meant_are_refused() {
    let check = |change: fn(&mut EventSettings)| {
        let mut settings = EventSettings::default();
        change(&mut settings);
        settings.check(&labels())
    };
    assert_eq!(check(|_| {}), Ok(()));
    assert!(check(|s| s.masked.push("jump".into())).is_err());
    assert!(check(|s| s.off = 0.9).is_err());
    assert!(check(|s| s.on = f64::NAN).is_err());
    assert!(check(|s| s.smoothing = -1.0).is_err());
    assert!(
        check(|s| {
            s.merged.insert("a".into(), vec!["wave".into()]);
            s.merged.insert("b".into(), vec!["wave".into()]);
        })
        .is_err()
    );
}

proptest! {
    #[test]
    fn starts_and_ends_alternate(
        rows in proptest::collection::vec([0f32..1.0, 0f32..1.0, 0f32..1.0], 0..60),
        smoothing in 0.0f64..0.5, min_duration in 0.0f64..0.3, cool_down in 0.0f64..0.5,
    ) {
        let settings =
            EventSettings { smoothing, min_duration, cool_down, ..EventSettings::default() };
        let events = run(&mut detector(settings), &rows);
        for pair in events.chunks(2) {
            prop_assert_eq!(pair.len(), 2);
            let label = |event: &str| event.split(' ').nth(1).map(String::from);
            prop_assert!(pair[0].starts_with("Start") && pair[1].starts_with("End"));
            prop_assert_eq!(label(&pair[0]), label(&pair[1]));
        }
    }
}

#[test]
fn the_classes_that_speak_are_neither_idle_nor_masked_nor_merged_into_others() {
    let labels = ["idle", "wave", "nod", "left", "right"].map(String::from);
    let mut settings = EventSettings {
        masked: vec!["nod".into()],
        ..EventSettings::default()
    };
    let merged = ["left", "right"].map(String::from).to_vec();
    settings.merged.insert("swipe".into(), merged);
    assert_eq!(settings.speaking(&labels, Some("idle")), ["wave", "swipe"]);
    assert_eq!(settings.speaking(&labels, None), ["idle", "wave", "swipe"]);
}
