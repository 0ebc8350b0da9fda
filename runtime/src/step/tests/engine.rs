//! The engine against the definition.

use std::sync::Arc;

use praxiscope_kernels::Isa;
use proptest::prelude::*;

use super::oracle::{Map, Rows};
use super::random::{build, recipes, recording};
use crate::step::{Program, Run};

type Answers = Vec<(u64, Option<u64>, Vec<f32>)>;

fn step(run: &mut Run, frame: &Map, answers: &mut Answers) {
    let given = run.step(&frame.values).unwrap();
    answers.extend(given.map(|answer| (answer.row, answer.frame, answer.values.to_vec())));
}

fn finish(run: &mut Run, answers: &mut Answers) {
    let given = run.finish().unwrap();
    answers.extend(given.map(|answer| (answer.row, answer.frame, answer.values.to_vec())));
}

fn whole(run: &mut Run, recording: &Rows) -> Answers {
    let mut answers = vec![];
    for frame in recording {
        step(run, frame, &mut answers);
    }
    finish(run, &mut answers);
    answers
}

fn assert_equal(answers: &Answers, rows: &Rows) -> Result<(), TestCaseError> {
    prop_assert_eq!(answers.len(), rows.len());
    for (number, ((row, _, values), expected)) in answers.iter().zip(rows).enumerate() {
        prop_assert_eq!(*row, number as u64);
        prop_assert_eq!(values.len(), expected.values.len());
        let largest = expected
            .values
            .iter()
            .fold(1f32, |most, x| most.max(x.abs()));
        for (value, expected) in values.iter().zip(&expected.values) {
            let apart = (value - expected).abs();
            prop_assert!(
                apart <= 1e-4 * largest,
                "row {}: {} is not {}",
                row,
                value,
                expected
            );
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_program_gives_what_its_operators_give_over_the_whole_recording(
        recipes in recipes(),
        frames in 0usize..14,
    ) {
        let recording = recording(1, frames);
        let case = build(&recipes, &recording);
        for isa in Isa::available() {
            let program = Program::compile_for(&case.graph, isa).unwrap();
            let mut run = Run::new(&program);
            assert_equal(&whole(&mut run, &recording), &case.rows)?;
            // What comes after the end is another recording.
            assert_equal(&whole(&mut run, &recording), &case.rows)?;
        }
    }

    #[test]
    fn a_restored_stream_goes_on_to_the_last_bit(
        recipes in recipes(),
        frames in 0usize..14,
        cut in 0usize..14,
    ) {
        let cut = cut.min(frames);
        let recording = recording(1, frames);
        let case = build(&recipes, &recording);
        let program = Program::compile(&case.graph).unwrap();
        let mut run = Run::new(&program);
        let mut before = vec![];
        recording[..cut].iter().for_each(|frame| step(&mut run, frame, &mut before));
        let saved = run.save();

        let other = Program::compile(&case.graph).unwrap();
        let mut restored = Run::new(&other);
        recording[..frames / 2].iter().for_each(|frame| step(&mut restored, frame, &mut vec![]));
        restored.restore(&saved).unwrap();
        prop_assert_eq!(&restored.save(), &saved);
        let tail = recording[cut..].to_vec();
        let after = whole(&mut restored, &tail);
        prop_assert_eq!(&after, &whole(&mut run, &tail));
        before.extend(after);
        assert_equal(&before, &case.rows)?;
    }

    #[test]
    fn streams_over_one_program_do_not_disturb_each_other(
        recipes in recipes(),
        frames in 0usize..10,
    ) {
        let recordings = [recording(1, frames), recording(2, frames)];
        let cases = recordings.each_ref().map(|recording| build(&recipes, recording));
        let program = Program::compile(&cases[0].graph).unwrap();
        let mut runs = [Run::new(&program), Run::new(&program)];
        let mut answers = [vec![], vec![]];
        let [first, second] = &recordings;
        for (first, second) in first.iter().zip(second) {
            step(&mut runs[0], first, &mut answers[0]);
            step(&mut runs[1], second, &mut answers[1]);
        }
        for stream in [1, 0] {
            finish(&mut runs[stream], &mut answers[stream]);
            assert_equal(&answers[stream], &cases[stream].rows)?;
        }
    }

    #[test]
    fn a_row_sees_what_the_facts_say(recipes in recipes(), changed in 0usize..20) {
        const FRAMES: usize = 20;
        let plain = recording(1, FRAMES);
        let mut other = plain.clone();
        other[changed] = recording(3, 1).remove(0);
        let program = Program::compile(&build(&recipes, &plain).graph).unwrap();
        let facts = *program.facts();
        let (plain, other) = (
            whole(&mut Run::new(&program), &plain),
            whole(&mut Run::new(&program), &other),
        );
        for (plain, other) in plain.iter().zip(&other) {
            let seen = |offset: i64| plain.0 as i64 * facts.answers.stride as i64 + offset;
            let first = facts.answers.first.map_or(0, seen);
            let sees = (first..=seen(facts.answers.last)).contains(&(changed as i64));
            prop_assert!(sees || plain == other, "row {} sees frame {}", plain.0, changed);
        }
    }

    #[test]
    fn state_and_first_answer_are_what_the_facts_say(recipes in recipes()) {
        let recording = recording(1, 40);
        let program = Program::compile(&build(&recipes, &recording).graph).unwrap();
        let facts = program.facts();
        let mut run = Run::new(&program);
        let mut first = None;
        let mut most = 0;
        for (t, frame) in recording.iter().enumerate() {
            let answered = run.step(&frame.values).unwrap().next().map(|answer| answer.row);
            first = first.or(answered.map(|_| t as u64 + 1));
            let saved = run.save();
            let sums = saved.counters.len() - program.wires().len();
            most = most.max(4 * saved.frames.len() + 8 * sums);
        }
        // A stride and a reach that 40 frames do not fill leave the state unknown.
        if let Some(first) = first {
            prop_assert_eq!(first, facts.first_answer);
        }
        if facts.receptive_field().is_some_and(|seen| seen + facts.answers.stride < 20) {
            prop_assert_eq!(most as u64, facts.state_bytes);
        }
    }
}

#[test]
fn a_thousand_streams_share_one_program() {
    let program = Program::compile(&build(&[[0; 16]], &vec![]).graph).unwrap();
    let runs: Vec<Run> = (0..1000).map(|_| Run::new(&program)).collect();
    assert!(runs.iter().all(|run| Arc::ptr_eq(run.program(), &program)));
}
