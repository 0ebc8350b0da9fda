//! The model card: what a bundle says of its network, with its certificate.

use praxiscope_runtime::bundle::{Bundle, Manifest};
use serde::Serialize;
use serde_json::Value;

/// A larger certificate is not shown.
const CERTIFICATE_CAP: usize = 256 << 10;

/// What a person wants to know of a model.
#[derive(Clone, Debug, Serialize)]
pub struct Card {
    /// Its name.
    pub name: String,
    labels: Vec<String>,
    idle: Option<String>,
    mode: Value,
    width: usize,
    height: usize,
    frame_rate: f64,
    family: Option<String>,
    made_by: String,
    source: String,
    /// The digest that stands for the whole bundle.
    pub digest: String,
    certificate: Option<Value>,
    /// Why this one runs and not the one that should.
    pub warning: Option<String>,
}

impl Card {
    /// A bundle's card.
    pub fn of(bundle: &Bundle) -> Self {
        let Manifest {
            name,
            mode,
            labels,
            idle,
            input,
            origin,
            ..
        } = bundle.manifest();
        let certificate = bundle.certificate();
        let certificate = certificate.filter(|text| text.len() <= CERTIFICATE_CAP);
        Self {
            name: name.clone(),
            labels: labels.clone(),
            idle: idle.clone(),
            mode: serde_json::to_value(mode).unwrap_or_default(),
            width: input.geometry.width,
            height: input.geometry.height,
            frame_rate: input.frame_rate,
            family: origin.family.clone(),
            made_by: origin.made_by.clone(),
            source: origin.source.clone(),
            digest: bundle.digest(),
            // One that is no JSON is as good as none.
            certificate: certificate.and_then(|text| serde_json::from_slice(text).ok()),
            warning: None,
        }
    }
}
