//! The ONNX file itself.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use tract_onnx::model::ParseResult;
use tract_onnx::prelude::*;

use super::quantized::{self, Scales};
use super::{ImportError, branches, one_line};

/// Reads a file as a graph whose shapes are still open, and the scales of a QDQ network.
///
/// # Errors
/// [`ImportError::Read`].
pub fn read(path: &Path) -> Result<(InferenceModel, Scales), ImportError> {
    let unreadable = |reason: String| ImportError::Read {
        path: path.into(),
        reason,
    };
    let read = || -> TractResult<(InferenceModel, Scales)> {
        let mut reader = onnx()
            .with_ignore_output_shapes(true)
            // What an exporter wrote about shapes in between can contradict a batch of one.
            .with_ignore_value_info(true);
        reader.op_register.insert("If", branches::read);
        let mut proto = reader.proto_model_for_path(path)?;
        let scales = quantized::take_out(&mut proto);
        let folder = path.parent().and_then(Path::to_str);
        let ParseResult {
            model,
            unresolved_inputs,
            ..
        } = reader.parse(&proto, folder)?;
        if !unresolved_inputs.is_empty() {
            return Err(TractError::msg(format!(
                "no node gives the values {}",
                unresolved_inputs.join(", ")
            )));
        }
        Ok((model, scales))
    };
    // The parser is not ours, and a file may be anything: what panics in there is a bad file.
    quiet(read)
        .ok_or_else(|| unreadable("its parser gave up".into()))?
        .map_err(|error| unreadable(one_line(&error)))
}

/// Runs what may panic inside of tract; `None` if it did.
pub fn quiet<T>(run: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(run)).ok()
}
