//! A step program made ready to run: weights packed, wires numbered, times known.

mod compile;
mod float;
mod integer;

use std::sync::{Arc, Mutex, PoisonError};

use praxiscope_kernels::Isa;
use tract_core::internal::{TractResult, TypedModel};

use super::Quantization;
use super::compute::Work;
use super::facts::Facts;
use super::run::{Run, RunError, Spare, Stay};
use super::shapes::FrameShape;
use super::time::{Need, WireTime};

/// A step program, shared by all streams that run it. See [`Run`](super::Run) for one stream.
#[derive(Debug)]
pub struct Program {
    wires: Vec<Wire>,
    nodes: Vec<Node>,
    output: usize,
    isa: Isa,
    facts: Facts,
    /// Buffers that no stream holds at the moment: a thousand streams that take turns need no more
    /// working memory than one.
    spare: Mutex<Vec<Spare>>,
}

/// A wire of a program.
#[derive(Clone, Debug)]
pub struct Wire {
    /// The name of the node whose output it is.
    pub name: String,
    /// Height, width and channels of its frames.
    pub shape: FrameShape,
    /// What its rows see.
    pub time: WireTime,
    /// What its 8-bit values stand for; `None`: it carries numbers.
    pub quantization: Option<Quantization>,
    /// How long a frame of it stays.
    pub(super) stay: Stay,
    /// Nodes that read it, with the input that they read it by.
    pub(super) readers: Vec<(usize, usize)>,
}

impl Wire {
    /// Whether a stream keeps frames of it from one step to the next: they are part of its state.
    pub fn is_kept(&self) -> bool {
        matches!(self.stay, Stay::Kept)
    }

    /// Numbers in one frame.
    pub(super) fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Bytes of one frame.
    pub(super) fn bytes(&self) -> usize {
        let each = if self.quantization.is_some() { 1 } else { 4 };
        each * self.len()
    }
}

#[derive(Debug)]
pub(super) struct Node {
    pub work: Work,
    pub ports: Vec<Port>,
    /// The wire that it fills.
    pub output: usize,
    /// Multiply-adds of one row.
    pub multiply_adds: u64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Port {
    pub wire: usize,
    pub need: Need,
}

impl Program {
    /// The wire of the recording's frames.
    pub(super) const SOURCE: usize = 0;

    /// Makes a graph of [`StepOp`](super::StepOp) nodes ready to run.
    ///
    /// # Errors
    /// When the graph is not one, names the node and what is wrong with it.
    pub fn compile(graph: &TypedModel) -> TractResult<Arc<Program>> {
        Program::compile_for(graph, Isa::best())
    }

    /// The same for an instruction set chosen by hand.
    ///
    /// # Errors
    /// As [`Program::compile`], and when this CPU has no such instructions.
    pub fn compile_for(graph: &TypedModel, isa: Isa) -> TractResult<Arc<Program>> {
        compile::compile(graph, isa).map(Arc::new)
    }

    /// Takes the working memory of a step now, by running one on an empty frame. Where the weights were
    /// read just before, what that left free is used again; and the first frame waits for no memory.
    ///
    /// # Errors
    /// [`RunError`] if a kernel refuses its input.
    pub fn take_memory(self: &Arc<Self>) -> Result<(), RunError> {
        let mut run = Run::new(self);
        run.step_with(|_| ()).map(drop)
    }

    /// The instruction set that it runs with.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// What is known of the program without running it.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The wires, the recording's first; none reads a later one.
    pub fn wires(&self) -> &[Wire] {
        &self.wires
    }

    /// Height, width and channels of the frames that it takes.
    pub fn input_shape(&self) -> FrameShape {
        self.wires[Program::SOURCE].shape
    }

    /// What the values stand for in which frames are taken; `None` if they are taken as numbers.
    pub fn input_quantization(&self) -> Option<Quantization> {
        self.wires[Program::SOURCE].quantization
    }

    /// Height, width and channels of its answers.
    pub fn output_shape(&self) -> FrameShape {
        self.wires[self.output].shape
    }

    /// The wire of its answers, by its place in [`Program::wires`].
    pub fn output_wire(&self) -> usize {
        self.output
    }

    pub(super) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    pub(super) fn output(&self) -> usize {
        self.output
    }

    pub(super) fn take_spare(&self) -> Spare {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        spare.pop().unwrap_or_default()
    }

    pub(super) fn give_spare(&self, buffers: Spare) {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        spare.push(buffers);
    }
}
