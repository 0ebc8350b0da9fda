//! From a frame to what the network takes.

use std::sync::Arc;

use tract_core::prelude::Tensor;

use super::{Model, StreamError};
use crate::frame::Frame;
use crate::preprocess::Preprocessor;

/// Brings frames into a model's input. It needs no stream, so a source network can be given the very
/// same numbers.
#[derive(Debug)]
pub struct Converter {
    model: Model,
    preprocessor: Preprocessor,
    pixels: Vec<u8>,
    newest: Option<(Frame, Arc<Tensor>)>,
}

impl Converter {
    /// A converter for one model.
    ///
    /// # Errors
    /// [`StreamError::Frame`] if the model's geometry is not valid.
    pub fn new(model: &Model) -> Result<Converter, StreamError> {
        let geometry = model.manifest().input.geometry;
        Ok(Converter {
            model: model.clone(),
            preprocessor: Preprocessor::new(geometry)?,
            pixels: vec![0; geometry.tensor_len()],
            newest: None,
        })
    }

    /// The frame as a float tensor of [`Model::frame_shape`]: resized, cropped, normalised. The same
    /// frame again, as a clock may give it, is not converted again.
    ///
    /// # Errors
    /// [`StreamError::Frame`] if the frame cannot be used.
    pub fn convert(&mut self, frame: &Frame) -> Result<Arc<Tensor>, StreamError> {
        if let Some((_, tensor)) = self
            .newest
            .as_ref()
            .filter(|(f, _)| f.shares_picture(frame))
        {
            return Ok(Arc::clone(tensor));
        }
        self.preprocessor.run(frame, &mut self.pixels)?;
        let tensor = Arc::new(self.model.normalise(&self.pixels));
        self.newest = Some((frame.clone(), Arc::clone(&tensor)));
        Ok(tensor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_bundles::{brightness, grey};

    #[test]
    fn a_frame_is_converted_once_and_another_of_its_number_anew() {
        let model = Model::load(&brightness(None)).unwrap();
        let mut converter = Converter::new(&model).unwrap();
        let (frame, other) = (grey(10, 0, 0.0), grey(20, 0, 0.0));
        let first = converter.convert(&frame).unwrap();
        let again = converter.convert(&frame.clone()).unwrap();
        assert!(Arc::ptr_eq(&first, &again));
        let other = converter.convert(&other).unwrap();
        assert_ne!(first, other);
        assert_eq!(first.shape(), model.frame_shape());
    }
}
