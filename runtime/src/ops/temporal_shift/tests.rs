use proptest::prelude::*;

use super::*;

fn shift(direction: ShiftDirection, fold: usize, time_first: bool, form: Form) -> TemporalShift {
    let (time_axis, channel_axis) = if time_first { (0, 1) } else { (2, 1) };
    TemporalShift {
        direction,
        fold,
        time_axis,
        channel_axis,
        border: Border::Zeros,
        form,
    }
}

fn model(op: TemporalShift, shape: &[usize]) -> TypedModel {
    let mut model = TypedModel::default();
    let input = model.add_source("input", f32::fact(shape)).unwrap();
    let output = model.wire_node("shift", op, &[input]).unwrap();
    model.select_output_outlets(&output).unwrap();
    model
}

/// `value(t, c, i)` of a clip, spelled out as the paper does, next to the operator's.
fn expected(
    direction: ShiftDirection,
    fold: usize,
    frames: usize,
    t: usize,
    c: usize,
) -> Option<usize> {
    match direction {
        ShiftDirection::OneWay if c < fold => t.checked_sub(1),
        ShiftDirection::TwoWay if c < fold => (t + 1 < frames).then_some(t + 1),
        ShiftDirection::TwoWay if c < 2 * fold => t.checked_sub(1),
        _ => Some(t),
    }
}

fn direction() -> impl Strategy<Value = ShiftDirection> {
    prop_oneof![Just(ShiftDirection::OneWay), Just(ShiftDirection::TwoWay)]
}

proptest! {
    #[test]
    fn a_clip_takes_its_channels_from_the_neighbours_that_the_paper_names(
        direction in direction(), frames in 1usize..6, channels in 2usize..9, inner in 1usize..4,
        time_first: bool,
    ) {
        let fold = channels / 2;
        let op = shift(direction, fold, time_first, Form::Clip);
        let shape =
            if time_first { vec![frames, channels, inner] } else { vec![1, channels, frames, inner] };
        let at = |array: &tract_ndarray::ArrayViewD<f32>, t: usize, c: usize, i: usize| {
            if time_first { array[[t, c, i]] } else { array[[0, c, t, i]] }
        };
        let numbers: Vec<f32> = (1..=shape.iter().product()).map(|n: usize| n as f32).collect();
        let clip = tract_ndarray::ArrayD::from_shape_vec(shape, numbers).unwrap();
        let shifted = op.shift_clip(&clip.clone().into_tensor()).unwrap();
        let (clip, shifted) = (clip.view(), shifted.to_plain_array_view::<f32>().unwrap());
        for t in 0..frames {
            for c in 0..channels {
                for i in 0..inner {
                    let source = expected(direction, fold, frames, t, c);
                    let wanted = source.map_or(0.0, |t| at(&clip, t, c, i));
                    prop_assert_eq!(at(&shifted, t, c, i), wanted);
                }
            }
        }
    }
}

#[test]
fn the_ends_of_a_circular_clip_lend_to_one_another() {
    let clip: Vec<f32> = (0..9).map(|value| value as f32).collect();
    let clip = Tensor::from_shape(&[3, 3, 1], &clip).unwrap();
    for (direction, wanted) in [
        (
            ShiftDirection::TwoWay,
            [3f32, 7.0, 2.0, 6.0, 1.0, 5.0, 0.0, 4.0, 8.0],
        ),
        (
            ShiftDirection::OneWay,
            [6.0, 1.0, 2.0, 0.0, 4.0, 5.0, 3.0, 7.0, 8.0],
        ),
    ] {
        let op = TemporalShift {
            border: Border::Circular,
            ..shift(direction, 1, true, Form::Clip)
        };
        let wanted = Tensor::from_shape(&[3, 3, 1], &wanted).unwrap();
        assert_eq!(op.shift_clip(&clip).unwrap(), wanted);
    }
}

#[test]
fn a_circular_shift_has_no_step_form() {
    let op = TemporalShift {
        border: Border::Circular,
        ..shift(ShiftDirection::OneWay, 1, true, Form::Step)
    };
    let error = op.output_facts(&[&f32::fact([1, 4, 2])]).unwrap_err();
    assert!(error.to_string().contains("circular shift"), "{error}");
}

#[test]
fn a_shift_wider_than_its_input_is_refused() {
    let mut model = TypedModel::default();
    let input = model.add_source("input", f32::fact([4, 3, 2])).unwrap();
    let op = shift(ShiftDirection::TwoWay, 2, true, Form::Clip);
    assert!(model.wire_node("shift", op, &[input]).is_err());
}

#[test]
fn the_graph_text_keeps_every_attribute() {
    let nnef = crate::ops::nnef();
    for form in [Form::Clip, Form::Step] {
        for direction in [ShiftDirection::OneWay, ShiftDirection::TwoWay] {
            let op = TemporalShift {
                direction,
                fold: 3,
                time_axis: 2,
                channel_axis: 1,
                border: Border::Zeros,
                form,
            };
            let mut archive = vec![];
            nnef.write(&model(op.clone(), &[1, 8, 1, 5]), &mut archive)
                .unwrap();
            let read = nnef.model_for_read(&mut &*archive).unwrap();
            let found: Vec<_> = read
                .nodes()
                .iter()
                .filter_map(|n| n.op_as::<TemporalShift>())
                .collect();
            assert_eq!(found, [&op]);
        }
    }
}
