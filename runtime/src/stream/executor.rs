//! Runs a step program node by node.

use tract_core::internal::*;
use tract_core::model::order::build_flush_list;
use tract_core::ops::konst::Const;

use crate::ops::is_streaming;

/// The step program of one stream: a shared plan, and the states that this stream owns.
///
/// tract's own loop computes every node in every step. Here a wire may have no value in a step (see
/// [`crate::ops`]), so nodes that have nothing new to say are passed over.
#[derive(Clone, Debug)]
pub(crate) struct Executor {
    state: TypedSimpleState,
    order: Arc<[usize]>,
    /// For each entry of `order`: the nodes whose values nobody reads after it.
    done_with: Arc<[TVec<usize>]>,
}

/// What a node hands on in one step.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Value,
    Nothing,
    /// Nothing now, and nothing ever again: all that is upstream has been drained.
    Ended,
}

impl Executor {
    pub fn new(plan: &Arc<TypedSimplePlan>) -> TractResult<Executor> {
        let model = plan.model();
        let order = plan.order_without_consts();
        let done_with =
            build_flush_list(model, order, &model.outputs, |node| !node.op_is::<Const>());
        Ok(Executor {
            state: plan.spawn()?,
            order: order.into(),
            done_with: done_with.into(),
        })
    }

    /// Takes the next frame (shaped as the program's input); gives the first output of the step, if
    /// this step has one.
    pub fn step(&mut self, frame: TValue) -> TractResult<Option<Tensor>> {
        self.run(Some(frame)).map(|(value, _)| value)
    }

    /// Gives the next answer that the program still owes, now that no frame will come any more;
    /// `None` when it owes none.
    pub fn drain(&mut self) -> TractResult<Option<Tensor>> {
        loop {
            match self.run(None)? {
                (None, Flow::Nothing) => continue,
                (value, _) => return Ok(value),
            }
        }
    }

    /// Back to the state before the first frame.
    pub fn reset(&mut self) -> TractResult<()> {
        for state in self.state.op_states.iter_mut().flatten() {
            state.reset_lanes(&[LaneId(0)])?;
        }
        Ok(())
    }

    /// Every operator's state, in the order of the nodes.
    pub fn save(&self) -> TractResult<Vec<TValue>> {
        let mut saved = vec![];
        for state in self.state.op_states.iter().flatten() {
            state.save_to(&mut saved)?;
        }
        Ok(saved)
    }

    /// Takes over states that `save` gave, of a stream over the same model.
    pub fn restore(&mut self, saved: Vec<TValue>) -> TractResult<()> {
        let mut saved = saved.into_iter();
        let TypedSimpleState {
            op_states,
            turn_state,
            ..
        } = &mut self.state;
        for state in op_states.iter_mut().flatten() {
            state.load_from(turn_state, &mut saved)?;
        }
        ensure!(
            saved.next().is_none(),
            "the saved state belongs to a larger program"
        );
        Ok(())
    }

    fn run(&mut self, frame: Option<TValue>) -> TractResult<(Option<Tensor>, Flow)> {
        let plan = self.state.plan().clone();
        let model = plan.model();
        let mut flows: TVec<Flow> = tvec![Flow::Value; model.nodes().len()];
        let source = model
            .input_outlets()?
            .first()
            .context("a step program has an input")?
            .node;
        match frame {
            Some(frame) => self.state.set_input(0, frame)?,
            None if self.state.turn_state.values.is_empty() => return Ok((None, Flow::Ended)),
            None => flows[source] = Flow::Ended,
        }
        for (&id, done) in self.order.iter().zip(self.done_with.iter()) {
            let node = model.node(id);
            if id == source {
                continue;
            }
            let inputs = || node.inputs.iter().map(|input| flows[input.node]);
            let flow = if inputs().all(|flow| flow == Flow::Value) {
                self.state.compute_one(id)?;
                self.flow_after_computing(id)
            } else if inputs().all(|flow| flow != Flow::Ended) {
                Flow::Nothing
            } else if is_streaming(node.op.as_op()) {
                self.state.compute_one_with_inputs(id, tvec!())?;
                match self.flow_after_computing(id) {
                    Flow::Nothing => Flow::Ended,
                    flow => flow,
                }
            } else {
                Flow::Ended
            };
            flows[id] = flow;
            for &node in done {
                self.state.turn_state.values[node] = None;
            }
        }
        let output = *model
            .output_outlets()?
            .first()
            .context("a step program has an output")?;
        let flow = flows[output.node];
        let value = match flow {
            Flow::Value => Some(self.state.output(0)?.clone().into_tensor()),
            _ => None,
        };
        self.state.reset_turn()?;
        Ok((value, flow))
    }

    fn flow_after_computing(&self, id: usize) -> Flow {
        match &self.state.turn_state.values[id] {
            Some(values) if !values.is_empty() => Flow::Value,
            _ => Flow::Nothing,
        }
    }
}
