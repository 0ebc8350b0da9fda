//! ONNX Runtime on the CPU, loaded when it is asked for.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use ndarray::{Array2, ArrayD, Axis, concatenate};
use ort::environment::Environment;
use ort::ep::CUDA;
use ort::session::{Session, builder::GraphOptimizationLevel};
use ort::value::{DynValue, Tensor, ValueType};

use super::{Reference, ReferenceError, fetched_folder};
use crate::compare::layers::{Maps, channels_last};
use crate::import::{self, Ports};

const LIBRARY: &str = "ORT_DYLIB_PATH";

/// Where a network is run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Device {
    /// On one thread of the CPU.
    #[default]
    Cpu,
    /// On the first NVIDIA GPU; nothing falls back to the CPU as a whole.
    Cuda,
}

/// An ONNX file in ONNX Runtime.
pub struct OnnxRuntime {
    session: Session,
    ports: Ports,
    version: &'static str,
    device: Device,
}

impl OnnxRuntime {
    /// Loads the library and the file, graph optimisation off: to compare answers.
    ///
    /// # Errors
    /// [`ReferenceError::Absent`] without the library, else [`ReferenceError::Failed`].
    pub fn load(model: &Path, ports: Ports) -> Result<OnnxRuntime, ReferenceError> {
        OnnxRuntime::load_on(model, ports, Device::Cpu)
    }

    /// The same on a device.
    ///
    /// # Errors
    /// As [`OnnxRuntime::load`]; [`ReferenceError::NoCuda`] without the device.
    pub fn load_on(
        model: &Path,
        ports: Ports,
        device: Device,
    ) -> Result<OnnxRuntime, ReferenceError> {
        let level = GraphOptimizationLevel::Disable;
        OnnxRuntime::load_at(Origin::File(model), ports, level, device)
    }

    /// The same with all optimisation: to compare times.
    ///
    /// # Errors
    /// As [`OnnxRuntime::load`].
    pub fn load_optimised(model: &Path, ports: Ports) -> Result<OnnxRuntime, ReferenceError> {
        OnnxRuntime::load_at(
            Origin::File(model),
            ports,
            GraphOptimizationLevel::All,
            Device::Cpu,
        )
    }

    /// As [`OnnxRuntime::load`] from the bytes of a file that keeps its weights inside.
    ///
    /// # Errors
    /// As [`OnnxRuntime::load`].
    pub fn load_bytes(model: &[u8], ports: Ports) -> Result<OnnxRuntime, ReferenceError> {
        let level = GraphOptimizationLevel::Disable;
        OnnxRuntime::load_at(Origin::Bytes(model), ports, level, Device::Cpu)
    }

    fn load_at(
        model: Origin<'_>,
        ports: Ports,
        level: GraphOptimizationLevel,
        device: Device,
    ) -> Result<OnnxRuntime, ReferenceError> {
        let (environment, version) = environment()?;
        let mut builder = Session::builder(environment)
            .map_err(failed)?
            .with_optimization_level(level)
            .map_err(failed)?
            .with_intra_threads(1)
            .map_err(failed)?;
        if device == Device::Cuda {
            // TensorFloat-32 keeps ten bits of a product: too few to compare with.
            let cuda = CUDA::default().with_tf32(false).build().error_on_failure();
            builder = builder
                .with_execution_providers([cuda])
                .map_err(|error| ReferenceError::NoCuda(in_one_line(error)))?;
        }
        let session = match model {
            Origin::File(path) => builder.commit_from_file(path),
            Origin::Bytes(bytes) => builder.commit_from_memory(bytes),
        };
        Ok(OnnxRuntime {
            session: session.map_err(failed)?,
            ports,
            version,
            device,
        })
    }

    /// All outputs that are tensors of float32, by name, rows over time and channels last: of one window
    /// of frames `[3, H, W]`, or step by step with caches carried along.
    ///
    /// # Errors
    /// [`ReferenceError::Failed`].
    pub fn all_outputs(
        &mut self,
        frames: &[ArrayD<f32>],
        by_steps: bool,
    ) -> Result<Maps, ReferenceError> {
        let mut past = self.start()?;
        let mut maps: Maps = vec![];
        let length = if by_steps { 1 } else { frames.len().max(1) };
        for window in frames.chunks(length) {
            let mut inputs = self.inputs(window)?;
            inputs.extend(std::mem::take(&mut past.caches));
            let mut outputs = self.session.run(inputs).map_err(failed)?;
            let floats = outputs.iter().filter_map(|(name, value)| {
                let array = value.try_extract_array::<f32>().ok()?;
                Some((name.to_owned(), channels_last(&array.to_owned())))
            });
            for (place, (name, map)) in floats.enumerate() {
                match maps.get_mut(place) {
                    Some((_, rows)) => rows.extend(map),
                    None => maps.push((name, map)),
                }
            }
            for (output, input) in &past.carried {
                let value = outputs.remove(output);
                let value = value.ok_or_else(|| failed("a cache is missing"))?;
                past.caches.insert(input.clone(), value);
            }
        }
        Ok(maps)
    }

    fn input_name(&self, index: usize) -> Result<String, ReferenceError> {
        let input = self.session.inputs().get(index);
        input
            .map(|input| input.name().to_string())
            .ok_or_else(|| missing("input", index))
    }

    fn output_name(&self, index: usize) -> Result<String, ReferenceError> {
        let output = self.session.outputs().get(index);
        output
            .map(|output| output.name().to_string())
            .ok_or_else(|| missing("output", index))
    }

    /// Zeros in the shape of an input, a batch of one where it is open.
    fn zeros(&self, index: usize) -> Result<DynValue, ReferenceError> {
        let Some(ValueType::Tensor { shape, .. }) =
            self.session.inputs().get(index).map(|input| input.dtype())
        else {
            return Err(missing("input", index));
        };
        let shape: Vec<usize> = shape.iter().map(|&dim| dim.max(1) as usize).collect();
        tensor(ArrayD::zeros(shape))
    }

    fn rank(&self) -> usize {
        match self
            .session
            .inputs()
            .get(self.ports.frame)
            .map(|input| input.dtype())
        {
            Some(ValueType::Tensor { shape, .. }) => shape.len(),
            _ => 4,
        }
    }

    /// No past: caches of zeros.
    pub(super) fn start(&self) -> Result<Past, ReferenceError> {
        let mut past = Past {
            scores: self.output_name(self.ports.scores)?,
            caches: HashMap::new(),
            carried: vec![],
        };
        for &(output, input) in &self.ports.carried {
            let name = self.input_name(input)?;
            past.caches.insert(name.clone(), self.zeros(input)?);
            past.carried.push((self.output_name(output)?, name));
        }
        Ok(past)
    }

    /// One step, or one window where nothing is carried: its logits.
    pub(super) fn step(
        &mut self,
        past: &mut Past,
        mut inputs: Inputs,
    ) -> Result<Vec<f32>, ReferenceError> {
        inputs.extend(std::mem::take(&mut past.caches));
        let mut outputs = self.session.run(inputs).map_err(failed)?;
        let row = row(outputs.get(&past.scores))?;
        for (output, input) in &past.carried {
            let value = outputs.remove(output);
            let value = value.ok_or_else(|| failed("a cache is missing"))?;
            past.caches.insert(input.clone(), value);
        }
        Ok(row)
    }

    /// What the network is given of these frames.
    pub(super) fn inputs(&self, frames: &[ArrayD<f32>]) -> Result<Inputs, ReferenceError> {
        let name = self.input_name(self.ports.frame)?;
        let mut inputs = HashMap::from([(name, self.stack(frames)?)]);
        if let Some(slow) = self.ports.slow {
            let name = self.input_name(slow.input)?;
            inputs.insert(name, self.stack(&slow.of(frames))?);
        }
        Ok(inputs)
    }

    /// The frames as the network takes them.
    fn stack(&self, frames: &[ArrayD<f32>]) -> Result<DynValue, ReferenceError> {
        if let Some(layout) = &self.ports.layout {
            let clip = import::stack(frames).and_then(|frames| layout.arrange(frames));
            return tensor(clip.ok_or_else(|| failed("the frames do not fit together"))?);
        }
        let axis = if self.rank() == 5 { 1 } else { 0 };
        let frames: Vec<_> = frames
            .iter()
            .map(|frame| frame.view().insert_axis(Axis(axis)))
            .collect();
        let stacked = concatenate(Axis(axis), &frames).map_err(|e| failed(e.to_string()))?;
        tensor(if axis == 1 {
            stacked.insert_axis(Axis(0))
        } else {
            stacked
        })
    }
}

/// Values by the names of a network's inputs.
pub(super) type Inputs = HashMap<String, DynValue>;

/// What a step network carries along.
pub(super) struct Past {
    scores: String,
    caches: HashMap<String, DynValue>,
    /// Outputs, and the inputs that take their values in the next step.
    carried: Vec<(String, String)>,
}

impl Reference for OnnxRuntime {
    fn name(&self) -> String {
        match self.device {
            Device::Cpu => format!("ONNX Runtime ({})", self.version),
            Device::Cuda => format!("ONNX Runtime on CUDA ({})", self.version),
        }
    }

    fn step_all(&mut self, frames: &[ArrayD<f32>]) -> Result<Array2<f32>, ReferenceError> {
        let mut past = self.start()?;
        let mut rows = vec![];
        for frame in frames {
            let inputs = self.inputs(std::slice::from_ref(frame))?;
            rows.push(self.step(&mut past, inputs)?);
        }
        stack_rows(rows)
    }

    fn windows(
        &mut self,
        frames: &[ArrayD<f32>],
        length: usize,
        hop: usize,
    ) -> Result<Array2<f32>, ReferenceError> {
        let scores = self.output_name(self.ports.scores)?;
        let mut rows = vec![];
        for window in frames.windows(length).step_by(hop) {
            let outputs = self.session.run(self.inputs(window)?).map_err(failed)?;
            rows.push(row(outputs.get(&scores))?);
        }
        stack_rows(rows)
    }
}

fn tensor(array: ArrayD<f32>) -> Result<DynValue, ReferenceError> {
    Ok(Tensor::from_array(array).map_err(failed)?.into_dyn())
}

fn row(value: Option<&DynValue>) -> Result<Vec<f32>, ReferenceError> {
    let value = value.ok_or_else(|| failed("the scores are missing"))?;
    let (_, logits) = value.try_extract_tensor::<f32>().map_err(failed)?;
    Ok(logits.to_vec())
}

fn stack_rows(rows: Vec<Vec<f32>>) -> Result<Array2<f32>, ReferenceError> {
    let shape = (rows.len(), rows.first().map_or(0, Vec::len));
    Array2::from_shape_vec(shape, rows.concat()).map_err(|error| failed(error.to_string()))
}

fn missing(what: &str, index: usize) -> ReferenceError {
    failed(format!("the model has no {what} {index}"))
}

fn failed(error: impl std::fmt::Display) -> ReferenceError {
    ReferenceError::Failed(in_one_line(error))
}

fn in_one_line(error: impl std::fmt::Display) -> String {
    error.to_string().lines().collect::<Vec<_>>().join(" ")
}

/// Where a network is read from.
enum Origin<'a> {
    File(&'a Path),
    Bytes(&'a [u8]),
}

/// ONNX Runtime's environment and its library's file name; a process has one.
fn environment() -> Result<(&'static Environment, &'static str), ReferenceError> {
    static LOADED: Mutex<Option<(&Environment, &str)>> = Mutex::new(None);
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = *loaded {
        return Ok(found);
    }
    let library = find_library().ok_or(ReferenceError::Absent(None))?;
    let environment = ort::init_from(&library)
        .map_err(|_| ReferenceError::Absent(Some(library.clone())))?
        .build()
        .map_err(failed)?;
    let name = library
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    // As long as the process lives, as the library itself.
    let environment: &'static Environment = Box::leak(Box::new(environment));
    let found = (environment, &*name.leak());
    *loaded = Some(found);
    Ok(found)
}

/// The library that the environment names, else the one that was fetched, else the one in an installed
/// Python package.
fn find_library() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os(LIBRARY) {
        return Some(path.into());
    }
    if let Some(fetched) = fetched_folder().and_then(|folder| library_in(&folder)) {
        return Some(fetched);
    }
    let script = "import importlib.util as u; print(u.find_spec('onnxruntime').origin)";
    let found = Command::new("python3").args(["-c", script]).output().ok()?;
    let package = PathBuf::from(String::from_utf8(found.stdout).ok()?.trim());
    library_in(package.parent()?.parent()?)
}

/// The library in a folder of Python packages.
pub(super) fn library_in(packages: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(packages.join("onnxruntime/capi")).ok()?;
    let is_library = |path: &PathBuf| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("libonnxruntime.so"))
    };
    entries.flatten().map(|entry| entry.path()).find(is_library)
}
