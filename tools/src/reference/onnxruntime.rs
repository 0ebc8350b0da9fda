//! ONNX Runtime on the CPU, loaded when it is asked for.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use ndarray::{Array2, ArrayD, Axis, concatenate};
use ort::environment::Environment;
use ort::session::{Session, builder::GraphOptimizationLevel};
use ort::value::{DynValue, Tensor, ValueType};

use super::{Reference, ReferenceError};
use crate::import::{self, Ports};

const LIBRARY: &str = "ORT_DYLIB_PATH";

/// An ONNX file in ONNX Runtime, one thread.
pub struct OnnxRuntime {
    session: Session,
    ports: Ports,
    version: &'static str,
}

impl OnnxRuntime {
    /// Loads the library and the file, graph optimisation off: to compare answers.
    ///
    /// # Errors
    /// [`ReferenceError::Absent`] without the library, else [`ReferenceError::Failed`].
    pub fn load(model: &Path, ports: Ports) -> Result<OnnxRuntime, ReferenceError> {
        OnnxRuntime::load_at(model, ports, GraphOptimizationLevel::Disable)
    }

    /// The same with all optimisation: to compare times.
    ///
    /// # Errors
    /// As [`OnnxRuntime::load`].
    pub fn load_optimised(model: &Path, ports: Ports) -> Result<OnnxRuntime, ReferenceError> {
        OnnxRuntime::load_at(model, ports, GraphOptimizationLevel::All)
    }

    fn load_at(
        model: &Path,
        ports: Ports,
        level: GraphOptimizationLevel,
    ) -> Result<OnnxRuntime, ReferenceError> {
        let (environment, version) = environment()?;
        let session = Session::builder(environment)
            .map_err(failed)?
            .with_optimization_level(level)
            .map_err(failed)?
            .with_intra_threads(1)
            .map_err(failed)?
            .commit_from_file(model)
            .map_err(failed)?;
        Ok(OnnxRuntime {
            session,
            ports,
            version,
        })
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
        format!("ONNX Runtime ({})", self.version)
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
    ReferenceError::Failed(error.to_string().lines().collect::<Vec<_>>().join(" "))
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

/// The library that the environment names, else the one in an installed Python package.
fn find_library() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os(LIBRARY) {
        return Some(path.into());
    }
    let script = "import importlib.util as u; print(u.find_spec('onnxruntime').origin)";
    let found = Command::new("python3").args(["-c", script]).output().ok()?;
    let package = PathBuf::from(String::from_utf8(found.stdout).ok()?.trim());
    let folder = package.parent()?.join("capi");
    let entries = std::fs::read_dir(folder).ok()?;
    let is_library = |path: &PathBuf| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("libonnxruntime.so"))
    };
    entries.flatten().map(|entry| entry.path()).find(is_library)
}
