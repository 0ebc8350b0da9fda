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
    /// The newest frame's bytes, plane by plane.
    pixels: Vec<u8>,
    newest: Option<Frame>,
    tensor: Option<Arc<Tensor>>,
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
            tensor: None,
        })
    }

    /// The frame as a float tensor of [`Model::frame_shape`]: resized, cropped, normalised. The same
    /// frame again, as a clock may give it, is not converted again.
    ///
    /// # Errors
    /// [`StreamError::Frame`] if the frame cannot be used.
    pub fn convert(&mut self, frame: &Frame) -> Result<Arc<Tensor>, StreamError> {
        self.pixels(frame)?;
        let (model, pixels) = (&self.model, &self.pixels);
        let tensor = self
            .tensor
            .get_or_insert_with(|| Arc::new(model.normalise(pixels)));
        Ok(Arc::clone(tensor))
    }

    /// The frame's bytes in the model's size and colour order, plane by plane.
    pub(super) fn pixels(&mut self, frame: &Frame) -> Result<&[u8], StreamError> {
        let known = self.newest.as_ref();
        if !known.is_some_and(|newest| newest.shares_picture(frame)) {
            (self.newest, self.tensor) = (None, None);
            self.preprocessor.run(frame, &mut self.pixels)?;
            self.newest = Some(frame.clone());
        }
        Ok(&self.pixels)
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
