//! Exported networks with something put behind some of their maps: as step programs they are equal to
//! themselves over a recording, or refused.

use praxiscope_runtime::ops::{Border, Form, Mean, ShiftDirection, TemporalShift};
use proptest::prelude::*;
use tract_core::ops::array::{CumSum, Gather, MultiBroadcastTo, Pad, PadMode, Slice, TypedConcat};
use tract_core::ops::cnn::{Conv, KernelFormat, MaxPool, PaddingSpec, PoolSpec};
use tract_core::ops::nn::{DataFormat, Softmax};
use tract_core::ops::source::TypedSource;
use tract_core::ops::{math, nn};

use super::exported::{NETWORKS, apart, exported};
use super::*;
use crate::streaming::axes::Atom;
use crate::streaming::lower::Trace;
use crate::streaming::lowered;

/// What is put behind a map.
#[derive(Clone, Copy, Debug)]
enum Mutation {
    Sigmoid,
    HardSwish,
    Scaled,
    OffsetByChannel,
    Gated,
    /// The gate has a place for each of the map's, or one for all.
    GatedByTheClip {
        repeated: bool,
    },
    Twice,
    Shifted(ShiftDirection),
    HalvesSwapped,
    OverTime {
        before: usize,
    },
    LargestOverTime,
    /// By so many frames, all channels, zeros at the end where they come from.
    Delayed {
        by: usize,
    },
    // What no stream can do, or only otherwise than the clip.
    Reversed,
    SummedUp,
    SharedOutOverTime,
    OffsetByFrame,
}

fn mutations() -> impl Strategy<Value = Mutation> {
    use Mutation::*;
    let direction = prop_oneof![Just(ShiftDirection::OneWay), Just(ShiftDirection::TwoWay)];
    let refused = prop_oneof![
        Just(Reversed),
        Just(SummedUp),
        Just(SharedOutOverTime),
        Just(OffsetByFrame)
    ];
    prop_oneof![
        2 => Just(Sigmoid),
        2 => Just(HardSwish),
        2 => Just(Scaled),
        2 => Just(OffsetByChannel),
        2 => Just(Gated),
        2 => any::<bool>().prop_map(|repeated| GatedByTheClip { repeated }),
        2 => Just(Twice),
        3 => direction.prop_map(Shifted),
        2 => Just(HalvesSwapped),
        3 => (0usize..3).prop_map(|before| OverTime { before }),
        2 => Just(LargestOverTime),
        2 => (1usize..3).prop_map(|by| Delayed { by }),
        1 => refused,
    ]
}

/// A graph that is copied node by node.
pub(super) struct Copy {
    pub graph: TypedModel,
}

impl Copy {
    pub fn wire(
        &mut self,
        op: impl Into<Box<dyn TypedOp>>,
        inputs: &[OutletId],
    ) -> TractResult<OutletId> {
        let name = format!("mutant{}", self.graph.nodes().len());
        Ok(self.graph.wire_node(name, op, inputs)?[0])
    }

    pub fn constant(&mut self, shape: &[usize]) -> TractResult<OutletId> {
        let len: usize = shape.iter().product();
        let value = |at: usize| (at * 7919 % 1013) as f32 / 1013.0 - 0.5;
        let values: Vec<f32> = (0..len).map(value).collect();
        let name = format!("mutant{}", self.graph.nodes().len());
        self.graph
            .add_const(name, Tensor::from_shape(shape, &values)?)
    }

    /// The map changed, in its shape. It lies as `[1, C, T, H, W]` or `[T, C, H, W]`.
    fn mutated(&mut self, x: OutletId, mutation: Mutation) -> TractResult<OutletId> {
        let shape = self
            .graph
            .outlet_fact(x)?
            .shape
            .as_concrete()
            .context("shape")?
            .to_vec();
        let time = if shape.len() == 5 { 2 } else { 0 };
        let (rank, channels) = (shape.len(), shape[1]);
        let along = |axis: usize| {
            let mut along = vec![1; rank];
            along[axis] = shape[axis];
            along
        };
        let over_time = |before: usize| PoolSpec {
            data_format: DataFormat::NCHW,
            kernel_shape: tvec![3, 1, 1],
            padding: PaddingSpec::Explicit(tvec![before, 0, 0], tvec![2 - before, 0, 0]),
            dilations: None,
            strides: None,
            input_channels: channels,
            output_channels: channels,
        };
        match mutation {
            Mutation::Sigmoid => self.wire(nn::sigmoid(), &[x]),
            Mutation::HardSwish => self.wire(nn::hard_swish(), &[x]),
            Mutation::Scaled => {
                let number = self.constant(&vec![1; rank])?;
                self.wire(math::mul(), &[x, number])
            }
            Mutation::OffsetByChannel => {
                let numbers = self.constant(&along(1))?;
                self.wire(math::add(), &[x, numbers])
            }
            Mutation::OffsetByFrame => {
                let numbers = self.constant(&along(time))?;
                self.wire(math::add(), &[x, numbers])
            }
            Mutation::Gated => {
                let gate = self.wire(nn::sigmoid(), &[x])?;
                self.wire(math::mul(), &[x, gate])
            }
            Mutation::GatedByTheClip { repeated } => {
                let axes = tvec![time, rank - 2, rank - 1];
                let mean = self.wire(Mean { axes }, &[x])?;
                let mut gate = self.wire(nn::sigmoid(), &[mean])?;
                if repeated {
                    let shape = ShapeFact::from_dims(shape.iter().map(|dim| dim.to_dim()));
                    gate = self.wire(MultiBroadcastTo { shape }, &[gate])?;
                }
                self.wire(math::mul(), &[x, gate])
            }
            Mutation::Twice => self.wire(math::add(), &[x, x]),
            Mutation::Shifted(direction) => {
                let op = TemporalShift {
                    direction,
                    fold: channels / 3,
                    time_axis: time,
                    channel_axis: 1,
                    border: Border::Zeros,
                    form: Form::Clip,
                };
                self.wire(op, &[x])
            }
            Mutation::HalvesSwapped => {
                let half = channels / 2;
                let first = self.wire(Slice::new(1, 0, half), &[x])?;
                let second = self.wire(Slice::new(1, half, channels), &[x])?;
                self.wire(TypedConcat::new(1), &[second, first])
            }
            Mutation::OverTime { before } => {
                let x = self.with_time(x, rank, true)?;
                let weights = self.constant(&[channels, 1, 3, 1, 1])?;
                let bias = self.constant(&[channels])?;
                let op = Conv {
                    pool_spec: over_time(before),
                    kernel_fmt: KernelFormat::OIHW,
                    group: channels,
                    q_params: None,
                };
                let x = self.wire(op, &[x, weights, bias])?;
                self.with_time(x, rank, false)
            }
            Mutation::LargestOverTime => {
                let x = self.with_time(x, rank, true)?;
                let op = MaxPool {
                    pool_spec: over_time(1),
                    with_index_outputs: None,
                };
                let x = self.wire(op, &[x])?;
                self.with_time(x, rank, false)
            }
            Mutation::Delayed { by } => {
                let kept = self.wire(Slice::new(time, 0, shape[time] - by), &[x])?;
                let mut pads = vec![(0, 0); rank];
                pads[time] = (by, 0);
                let mode = PadMode::Constant(tensor0(0f32).into_arc_tensor());
                self.wire(Pad { pads, mode }, &[kept])
            }
            Mutation::Reversed => {
                let numbers: Vec<i64> = (0..shape[time] as i64).rev().collect();
                let name = format!("mutant{}", self.graph.nodes().len());
                let numbers = self.graph.add_const(name, tensor1(&numbers))?;
                self.wire(Gather::new(time), &[x, numbers])
            }
            Mutation::SummedUp => {
                let op = CumSum {
                    axis: time,
                    exclusive: false,
                    reverse: false,
                };
                self.wire(op, &[x])
            }
            Mutation::SharedOutOverTime => {
                let axes = tvec![time];
                self.wire(
                    Softmax {
                        axes,
                        ..Softmax::default()
                    },
                    &[x],
                )
            }
        }
    }

    /// `[T, C, H, W]` as `[1, C, T, H, W]`, or back.
    fn with_time(&mut self, x: OutletId, rank: usize, there: bool) -> TractResult<OutletId> {
        if rank == 5 {
            return Ok(x);
        }
        let moves = match there {
            true => [AxisOp::Move(0, 1), AxisOp::Add(0)],
            false => [AxisOp::Rm(0), AxisOp::Move(1, 0)],
        };
        moves.into_iter().try_fold(x, |x, op| self.wire(op, &[x]))
    }
}

/// The nodes that give a map of several frames, `[1, C, T, H, W]` or `[T, C, H, W]`.
fn maps(graph: &TypedModel) -> Vec<usize> {
    let program = lowered(graph, &Options::default()).unwrap();
    let is_map = |node: &&TypedNode| {
        let Some(Trace::Stream { axes, rows, .. }) = program.traces.get(&node.id.into()) else {
            return false;
        };
        let time = if axes.rank() == 5 { 2 } else { 0 };
        let is_laid_out = axes.position(Atom::Time) == Some(time)
            && axes.position(Atom::Channels) == Some(1)
            && axes.0.iter().all(|axis| axis.len() < 2);
        axes.rank() >= 4 && is_laid_out && rows.native > 1 && !node.op_is::<TypedSource>()
    };
    let maps = graph.nodes().iter().filter(is_map);
    maps.map(|node| node.id).collect()
}

/// The graph with changes behind some of its maps; `None` where one does not fit.
fn changed(
    (graph, maps): &(TypedModel, Vec<usize>),
    changes: &[(usize, Mutation)],
) -> Option<TypedModel> {
    let mut copy = Copy {
        graph: TypedModel::default(),
    };
    let mut wires: Vec<Option<OutletId>> = vec![None; graph.nodes().len()];
    for id in graph.eval_order().ok()? {
        let node = graph.node(id);
        let inputs: Option<TVec<OutletId>> = node.inputs.iter().map(|i| wires[i.node]).collect();
        let mut wire = match node.op_is::<TypedSource>() {
            true => copy
                .graph
                .add_source(&node.name, node.outputs[0].fact.clone())
                .ok()?,
            false => copy
                .graph
                .wire_node(&node.name, node.op.clone(), &inputs?)
                .ok()?[0],
        };
        for (at, mutation) in changes {
            if maps[at % maps.len()] == id {
                wire = copy.mutated(wire, *mutation).ok()?;
            }
        }
        wires[id] = Some(wire);
    }
    let output = wires[graph.output_outlets().ok()?[0].node]?;
    copy.graph.select_output_outlets(&[output]).ok()?;
    Some(copy.graph)
}

#[test]
fn a_changed_network_is_equal_to_itself_over_a_recording_or_refused() {
    let networks = NETWORKS.map(|name| {
        let graph = exported(name);
        let maps = maps(&graph);
        (graph, maps)
    });
    let changes = prop::collection::vec((0usize..1000, mutations()), 1..3);
    let cases = (0..networks.len(), changes);
    mostly_accepted(112, &cases, |(network, changes), tally| {
        let Some(graph) = changed(&networks[network], &changes) else {
            return Err(TestCaseError::reject("the change does not fit"));
        };
        tally.tried();
        match apart(&graph)? {
            None => tally.refused(),
            Some(apart) => prop_assert!(apart <= 3e-4, "{}: {}", NETWORKS[network], apart),
        }
        Ok(())
    });
}
