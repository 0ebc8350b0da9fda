//! How a file's input holds the frames of a clip, and how the clip graph holds them.

use ndarray::{ArrayD, Axis as Along};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::change_axes::AxisOp;

use super::ImportError;

/// What an axis of the input stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A batch of one, or one crop.
    One,
    /// Frames.
    Time,
    /// Red, green and blue, in the network's order.
    Channels,
    /// The channels of all frames, frame by frame.
    Stacked,
    /// Rows of pixels.
    Height,
    /// Columns of pixels.
    Width,
}

use Role::{Channels, Height, One, Stacked, Time, Width};

/// The axes of an input as a file declares them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout(TVec<Role>);

/// The axes of the clip graph's input: `[T, 3, H, W]`.
const FRAMES: [Role; 4] = [Time, Channels, Height, Width];
/// Or `[1, 3, T, H, W]`.
const CLIP: [Role; 5] = [One, Channels, Time, Height, Width];

/// Every layout that is known. Where more than one fits, the first one does.
const KNOWN: [&[Role]; 9] = [
    &FRAMES,
    &[One, Stacked, Height, Width],
    &[Time, Height, Width, Channels],
    &CLIP,
    &[One, Time, Channels, Height, Width],
    &[One, Time, Height, Width, Channels],
    // mmaction2's crops, of which a deployed network takes one.
    &[One, One, Channels, Time, Height, Width],
    &[One, One, Time, Channels, Height, Width],
    &[One, One, Time, Height, Width, Channels],
];

impl Layout {
    /// The layout of an input with these extents, `None` where one is open.
    pub fn of(dims: &[Option<usize>]) -> Option<Layout> {
        let fits = |roles: &&&[Role]| {
            roles.len() == dims.len()
                && roles.iter().zip(dims).all(|(role, dim)| match (role, dim) {
                    (Channels, dim) => *dim == Some(3),
                    (Stacked, dim) => dim.is_some_and(|dim| dim > 3 && dim.is_multiple_of(3)),
                    _ => true,
                })
        };
        let known = KNOWN.iter().find(fits);
        // Nothing else tells an open axis of channels from another.
        let by_rank = match dims.len() {
            4 if dims[1].is_none() => Some(&KNOWN[0]),
            5 if dims[1].is_none() && dims[2].is_none() => Some(&KNOWN[3]),
            _ => None,
        };
        known.or(by_rank).map(|roles| Layout((*roles).into()))
    }

    /// Whether the clip graph's input is the file's.
    pub fn is_native(&self) -> bool {
        *self.0 == FRAMES || *self.0 == CLIP
    }

    fn axis(&self, role: Role) -> Option<usize> {
        self.0.iter().position(|axis| *axis == role)
    }

    /// The number of frames, if `dims` say it.
    pub fn frames(&self, dims: &[Option<usize>]) -> Option<usize> {
        match self.axis(Stacked) {
            Some(axis) => dims[axis].map(|channels| channels / 3),
            None => self.axis(Time).and_then(|axis| dims[axis]),
        }
    }

    /// Height and width, where `dims` say them.
    pub fn size(&self, dims: &[Option<usize>]) -> [Option<usize>; 2] {
        [Height, Width].map(|role| self.axis(role).and_then(|axis| dims[axis]))
    }

    /// Clips in a batch, if there are several.
    pub fn batch(&self, dims: &[Option<usize>]) -> Option<usize> {
        let ones = self.0.iter().zip(dims).filter(|(role, _)| **role == One);
        let batch: usize = ones.map(|(_, dim)| dim.unwrap_or(1)).product();
        (batch != 1).then_some(batch)
    }

    /// The extents of an input of so many frames.
    pub fn shape(&self, frames: usize, (height, width): (usize, usize)) -> TVec<usize> {
        let extent = |role: &Role| match role {
            One => 1,
            Time => frames,
            Channels => 3,
            Stacked => 3 * frames,
            Height => height,
            Width => width,
        };
        self.0.iter().map(extent).collect()
    }

    /// The layout of the clip graph for this file; `with_time` where the network's first operator
    /// has an axis for time besides that of the channels.
    pub fn native(&self, with_time: bool) -> Layout {
        match self.is_native() {
            true => self.clone(),
            false if with_time => Layout((&CLIP[..]).into()),
            false => Layout((&FRAMES[..]).into()),
        }
    }

    /// The moves that bring an input of layout `self`, a native one, into layout `to`.
    pub fn moves_to(&self, to: &Layout, frames: usize) -> Vec<AxisOp> {
        let mut roles = self.0.to_vec();
        let mut moves = vec![];
        while let Some(at) = roles.iter().position(|role| *role == One) {
            moves.push(AxisOp::Rm(at));
            roles.remove(at);
        }
        for (place, role) in to.apart().iter().enumerate() {
            let Some(at) = roles
                .iter()
                .position(|r| r == role)
                .filter(|at| *at != place)
            else {
                continue;
            };
            moves.push(AxisOp::Move(at, place));
            let role = roles.remove(at);
            roles.insert(place, role);
        }
        if to.axis(Stacked).is_some() {
            let (apart, together) = (tvec![frames.to_dim(), 3.to_dim()], (3 * frames).to_dim());
            moves.push(AxisOp::Reshape(0, apart, tvec![together]));
        }
        let ones = to.0.iter().enumerate().filter(|(_, role)| **role == One);
        moves.extend(ones.map(|(at, _)| AxisOp::Add(at)));
        moves
    }

    /// Frames `[T, 3, H, W]` as an input of this layout.
    pub fn arrange(&self, frames: ArrayD<f32>) -> Option<ArrayD<f32>> {
        let mut shape = self.shape(frames.shape()[0], (frames.shape()[2], frames.shape()[3]));
        let apart = self.apart();
        let place = |role| FRAMES.iter().position(|r| r == role);
        let order: Vec<usize> = apart.iter().filter_map(place).collect();
        let permuted = frames.permuted_axes(order);
        let values: Vec<f32> = permuted.iter().copied().collect();
        ArrayD::from_shape_vec(shape.drain(..).collect::<Vec<_>>(), values).ok()
    }

    /// The frames `[T, 3, H, W]` of one clip in any known layout; `None` where it is in none, or
    /// several clips.
    pub fn frames_of(input: &ArrayD<f32>) -> Option<ArrayD<f32>> {
        let dims: Vec<Option<usize>> = input.shape().iter().map(|extent| Some(*extent)).collect();
        let layout = Self::of(&dims).filter(|layout| layout.batch(&dims).is_none())?;
        let (frames, size) = (layout.frames(&dims)?, layout.size(&dims));
        let [Some(height), Some(width)] = size else {
            return None;
        };
        let apart = Layout(layout.apart().into());
        let shape = apart.shape(frames, (height, width)).to_vec();
        let values: Vec<f32> = input.iter().copied().collect();
        let order: Vec<usize> = FRAMES
            .iter()
            .map(|r| apart.axis(*r))
            .collect::<Option<_>>()?;
        let input = ArrayD::from_shape_vec(shape, values).ok()?;
        Some(input.permuted_axes(order))
    }

    /// The roles without batches of one, frames and channels each with an axis of its own.
    fn apart(&self) -> Vec<Role> {
        match self.axis(Stacked) {
            Some(_) => FRAMES.to_vec(),
            None => self.0.iter().filter(|r| **r != One).copied().collect(),
        }
    }

    /// All known layouts, in words.
    pub fn known() -> String {
        let names = KNOWN.map(|roles| Layout(roles.into()).describe());
        names.join(", ")
    }

    /// Says where the frames are, in words.
    pub fn describe(&self) -> String {
        let name = |role: &Role| match role {
            One => "1",
            Time => "T",
            Channels => "3",
            Stacked => "T*3",
            Height => "H",
            Width => "W",
        };
        let names: Vec<&str> = self.0.iter().map(name).collect();
        format!("[{}]", names.join(", "))
    }
}

/// Stacks frames `[3, H, W]` as `[T, 3, H, W]`.
pub fn stack(frames: &[ArrayD<f32>]) -> Option<ArrayD<f32>> {
    let frames: Vec<_> = frames
        .iter()
        .map(|frame| frame.view().insert_axis(Along(0)))
        .collect();
    ndarray::concatenate(Along(0), &frames).ok()
}

/// An input that takes frames, as the file declares it.
#[derive(Clone, Debug)]
pub struct Frames {
    /// Its place among the inputs.
    pub input: usize,
    /// Its axes.
    pub layout: Layout,
    /// Its extents.
    pub dims: TVec<Option<usize>>,
}

impl Frames {
    /// The inputs that look like clips or frames, the one of the largest picture first.
    pub fn find(model: &InferenceModel) -> TractResult<Vec<Frames>> {
        let mut found = vec![];
        for input in 0..model.inputs.len() {
            let dims = dims(model.input_fact(input)?);
            if let Some(layout) = Layout::of(&dims) {
                found.push(Frames {
                    input,
                    layout,
                    dims,
                });
            }
        }
        found.sort_by_key(|frames| std::cmp::Reverse(frames.pixels()));
        Ok(found)
    }

    /// An open size counts as large: caches have theirs written down.
    fn pixels(&self) -> usize {
        let size = self.layout.size(&self.dims);
        size.iter()
            .map(|extent| extent.unwrap_or(1 << 12))
            .product()
    }

    /// Height and width, `wanted` where the file leaves them open.
    ///
    /// # Errors
    /// [`ImportError::SizeOpen`], [`ImportError::SizeOther`].
    pub fn size(&self, wanted: Option<(usize, usize)>) -> Result<(usize, usize), ImportError> {
        let found = self.layout.size(&self.dims);
        let wanted = [wanted.map(|size| size.0), wanted.map(|size| size.1)];
        let mut size = [0; 2];
        for (axis, name) in ["high", "wide"].into_iter().enumerate() {
            size[axis] = match (found[axis], wanted[axis]) {
                (Some(found), Some(wanted)) if found != wanted => {
                    return Err(ImportError::SizeOther {
                        found: format!("{found} pixels {name}"),
                        wanted: wanted.to_string(),
                    });
                }
                (found, wanted) => found.or(wanted).ok_or(ImportError::SizeOpen)?,
            };
        }
        Ok((size[0], size[1]))
    }

    /// 1, if the file takes single frames.
    ///
    /// # Errors
    /// [`ImportError::ClipNetwork`].
    pub fn single(&self) -> Result<usize, ImportError> {
        match self.layout.frames(&self.dims) {
            Some(1) => Ok(1),
            None if self.dims.len() == 4 => Ok(1),
            Some(frames) => Err(ImportError::ClipNetwork {
                frames: frames.to_string(),
            }),
            None => Err(ImportError::ClipNetwork {
                frames: "any number of".into(),
            }),
        }
    }

    /// Whether frames may be stacked along an open first axis.
    pub fn is_open_batch(&self) -> bool {
        self.dims.len() == 4 && self.dims[0].is_none()
    }

    /// Frames of a clip, `wanted` where the file leaves them open.
    ///
    /// # Errors
    /// [`ImportError::FramesOpen`], [`ImportError::SizeOther`], [`ImportError::Batch`].
    pub fn window(&self, wanted: Option<usize>) -> Result<usize, ImportError> {
        if let Some(batch) = self.layout.batch(&self.dims) {
            return Err(ImportError::Batch(batch));
        }
        match (self.layout.frames(&self.dims), wanted) {
            (Some(found), Some(wanted)) if found != wanted => Err(ImportError::SizeOther {
                found: format!("{found} frames"),
                wanted: wanted.to_string(),
            }),
            (found, wanted) => {
                let frames = found.or(wanted).filter(|frames| *frames > 0);
                frames.ok_or(ImportError::FramesOpen)
            }
        }
    }
}

/// Extents as a file declares them.
pub fn dims(fact: &InferenceFact) -> TVec<Option<usize>> {
    use tract_onnx::tract_hir::infer::Factoid;
    fact.shape
        .dims()
        .map(|dim| dim.concretize().and_then(|d| d.to_usize().ok()))
        .collect()
}
