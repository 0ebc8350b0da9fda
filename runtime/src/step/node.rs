//! Step operators as nodes of a tract graph: what they make, checked.

use tract_core::internal::*;

use super::shapes::FrameShape;
use super::{IntOp, Pool, Quantization, Reduction, Sliding, StepOp};

impl StepOp {
    /// The word for it in a bundle's graph and in lists of operators.
    pub fn word(&self) -> &'static str {
        match self {
            StepOp::Conv(_) => "conv",
            StepOp::Pool(_) => "pool",
            StepOp::Shift { .. } => "shift",
            StepOp::Sample { .. } => "sample",
            StepOp::Sliding(_) => "sliding",
            StepOp::Attention(_) => "attention",
            StepOp::Binary(_) => "binary",
            StepOp::Activation(_) => "activation",
            StepOp::Concat => "concat",
            StepOp::Channels { .. } => "channels",
            StepOp::OverMap(_) => "over_map",
            StepOp::Softmax => "softmax",
            StepOp::Int(int) => int.word(),
        }
    }

    /// Whether it only moves values or compares them with each other: it works on 8-bit values as on
    /// numbers, and all of its wires share one scale.
    pub fn moves_or_compares(&self) -> bool {
        matches!(
            self,
            StepOp::Shift { .. }
                | StepOp::Sample { .. }
                | StepOp::Concat
                | StepOp::Channels { .. }
                | StepOp::OverMap(Reduction::Max)
                | StepOp::Pool(Pool {
                    of: Reduction::Max,
                    zero_padded: false,
                    ..
                })
                | StepOp::Sliding(Sliding {
                    of: Reduction::Max,
                    frames: Some(_),
                    ..
                })
        )
    }

    /// How many inputs behind the first are constants: weights, biases, multipliers, tables.
    fn constants(&self) -> usize {
        match self {
            StepOp::Conv(_) => 2,
            StepOp::Int(IntOp::Conv(_)) => 3,
            StepOp::Int(IntOp::Lookup(_)) => 1,
            _ => 0,
        }
    }

    /// What the output's values are, given what those of the streams are.
    fn element(&self, inputs: &[DatumType]) -> TractResult<DatumType> {
        let first = *inputs.first().context("it has no input")?;
        if self.moves_or_compares() {
            ensure!(
                inputs.iter().all(|input| *input == first),
                "it puts values together that are not of one kind: {inputs:?}"
            );
            return Ok(first);
        }
        let StepOp::Int(int) = self else {
            let are_numbers = inputs.iter().all(|input| *input == f32::datum_type());
            ensure!(are_numbers, "it takes numbers, not {inputs:?}");
            return Ok(first);
        };
        if matches!(int, IntOp::Quantize(_)) {
            ensure!(
                first == f32::datum_type(),
                "it takes numbers, not {first:?}"
            );
        } else {
            let are_values = inputs
                .iter()
                .all(|input| Quantization::of(*input).is_some());
            ensure!(are_values, "it takes 8-bit values, not {inputs:?}");
        }
        let output = int.output();
        Ok(output.map_or(f32::datum_type(), Quantization::datum_type))
    }

    /// Refuses constants that are not of the kind and size that the operator takes.
    fn check_constants(&self, constants: &[&TypedFact]) -> TractResult<()> {
        let is = |fact: &TypedFact, kind: DatumType, shape: &[usize]| {
            fact.datum_type == kind && fact.shape.as_concrete() == Some(shape)
        };
        let outputs = || {
            constants[0]
                .shape
                .as_concrete()
                .and_then(|shape| shape.first())
        };
        let fits = match (self, constants) {
            (StepOp::Conv(_), [weights, bias]) => {
                let outputs = *outputs().context("the weights have no known shape")?;
                weights.datum_type == f32::datum_type() && is(bias, f32::datum_type(), &[outputs])
            }
            (StepOp::Int(IntOp::Conv(_)), [weights, bias, multipliers]) => {
                let outputs = *outputs().context("the weights have no known shape")?;
                weights.datum_type == i8::datum_type()
                    && is(bias, i32::datum_type(), &[outputs])
                    && is(multipliers, f32::datum_type(), &[outputs])
            }
            (StepOp::Int(IntOp::Lookup(_)), [table]) => is(table, i8::datum_type(), &[256]),
            _ => true,
        };
        ensure!(fits, "its constants are {constants:?}");
        Ok(())
    }
}

// No operator in a graph has NaN for a parameter: `check` refuses it.
impl Eq for StepOp {}

impl Op for StepOp {
    fn name(&self) -> StaticName {
        self.word().into()
    }

    fn info(&self) -> TractResult<Vec<String>> {
        Ok(vec![format!("{self:?}")])
    }

    op_as_typed_op!();
}

impl EvalOp for StepOp {
    not_out_of_plan!();

    fn eval(&self, _: &EvalContext, _: TVec<TValue>) -> TractResult<TVec<TValue>> {
        bail!("a step program is run by its engine")
    }
}

impl TypedOp for StepOp {
    as_op!();

    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        self.check()?;
        let frame = |fact: &&TypedFact| -> TractResult<FrameShape> {
            let shape = fact.shape.as_concrete();
            let shape = shape.and_then(|shape| shape.try_into().ok());
            shape.with_context(|| format!("{fact:?} is no frame"))
        };
        let (x, behind) = inputs.split_first().context("it has no input")?;
        let parts = behind.split_at_checked(self.constants());
        let (constants, more) = parts.with_context(|| format!("it has {} inputs", inputs.len()))?;
        self.check_constants(constants)?;
        let streams: Vec<&TypedFact> = std::iter::once(*x).chain(more.iter().copied()).collect();
        ensure!(
            constants.is_empty() || streams.len() <= 2,
            "more than one stream is added"
        );
        let shapes = streams.iter().map(frame).collect::<TractResult<Vec<_>>>()?;
        let weights = constants
            .first()
            .and_then(|weights| weights.shape.as_concrete());
        let shape = self.output_shape(&shapes, weights)?;
        let kinds: Vec<DatumType> = streams.iter().map(|fact| fact.datum_type).collect();
        Ok(tvec!(self.element(&kinds)?.fact(shape)))
    }
}
