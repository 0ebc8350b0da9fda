//! Frames as evenly as can be out of all.

use tract_core::internal::*;
use tract_core::ops::array::Gather;

/// One frame in `step` along an axis, from the first to the last and as evenly as can be, as
/// pytorchvideo's `PackPathway` takes them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sample {
    /// The axis of time.
    pub axis: usize,
    /// How many frames there are for one that is taken.
    pub step: usize,
}

impl Sample {
    /// The numbers that are taken of so many frames:
    /// `torch.linspace(0, frames - 1, frames // step).long()`, in single precision and from both ends
    /// to the middle, as PyTorch computes it.
    pub fn numbers(&self, frames: usize) -> Vec<usize> {
        let count = frames / self.step.max(1);
        let end = frames.saturating_sub(1) as f32;
        let step = end / count.saturating_sub(1).max(1) as f32;
        let number = |index: usize| match index < count / 2 {
            true => step * index as f32,
            false => end - step * (count - 1 - index) as f32,
        };
        match count {
            // The start, since there is no way to go to the end.
            1 => vec![0],
            _ => (0..count).map(|index| number(index) as usize).collect(),
        }
    }
}

impl Op for Sample {
    fn name(&self) -> StaticName {
        "Sample".into()
    }

    fn info(&self) -> TractResult<Vec<String>> {
        Ok(vec![format!("1 in {} along axis {}", self.step, self.axis)])
    }

    op_as_typed_op!();
}

impl EvalOp for Sample {
    fn eval(&self, ctx: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let clip = args_1!(inputs);
        let frames = clip.shape().get(self.axis).copied().unwrap_or(0);
        let numbers: Vec<i64> = self.numbers(frames).iter().map(|n| *n as i64).collect();
        Gather::new(self.axis).eval(ctx, tvec!(clip, tensor1(&numbers).into_tvalue()))
    }

    fn eval_out_of_plan(&self, inputs: TVec<TValue>) -> TractResult<Option<TVec<TValue>>> {
        Ok(Some(self.eval(&EvalContext::out_of_plan(), inputs)?))
    }
}

impl TypedOp for Sample {
    as_op!();

    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let [clip] = inputs else {
            bail!("frames are sampled of one clip")
        };
        let frames = clip
            .shape
            .as_concrete()
            .and_then(|s| s.get(self.axis).copied());
        let frames = frames.with_context(|| format!("{self:?} does not fit {:?}", clip.shape))?;
        ensure!(
            self.step > 0 && frames >= self.step,
            "one frame in {} cannot be taken of {frames}",
            self.step
        );
        let mut shape = clip.shape.clone();
        shape.set(self.axis, (frames / self.step).to_dim());
        Ok(tvec!(clip.datum_type.fact(shape)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(frames: usize, step: usize) -> Vec<usize> {
        Sample { axis: 2, step }.numbers(frames)
    }

    #[test]
    fn numbers_go_from_the_first_frame_to_the_last() {
        assert_eq!(numbers(32, 4), [0, 4, 8, 13, 17, 22, 26, 31]);
        assert_eq!(numbers(8, 8), [0]);
        assert_eq!(numbers(8, 4), [0, 7]);
        assert_eq!(numbers(3, 4), [0; 0]);
    }

    #[test]
    fn the_frames_of_these_numbers_are_taken() {
        let values: Vec<f32> = (0..16).map(|value| value as f32).collect();
        let clip = Tensor::from_shape(&[1, 2, 8], &values).unwrap();
        let op = Sample { axis: 2, step: 2 };
        let found = op.eval_out_of_plan(tvec!(clip.into_tvalue())).unwrap();
        let found = found.unwrap().remove(0).into_tensor();
        let wanted = [0f32, 2.0, 4.0, 7.0, 8.0, 10.0, 12.0, 15.0];
        assert_eq!(found, Tensor::from_shape(&[1, 2, 4], &wanted).unwrap());
    }

    #[test]
    fn too_short_a_clip_is_refused() {
        let op = Sample { axis: 2, step: 4 };
        assert!(op.output_facts(&[&f32::fact([1, 3, 3])]).is_err());
        assert!(op.output_facts(&[&f32::fact([1, 3])]).is_err());
    }
}
