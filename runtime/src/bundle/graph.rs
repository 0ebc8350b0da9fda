//! The graph inside a bundle: NNEF text, and one file for each tensor.

use std::collections::HashMap;
use std::sync::Arc;

use tract_core::internal::*;
use tract_nnef::ast::{Document, Identifier, ProtoModel, dump::Dumper, parse::parse_document};
use tract_nnef::internal::Nnef;
use tract_nnef::tensors::{read_tensor, write_tensor};

use super::{Archive, BundleError};

const TEXT: &str = "graph/graph.nnef";
const FOLDER: &str = "graph/";
const TENSOR: &str = ".dat";
const TENSOR_HEADER_BYTES: usize = 128;
const TEXT_CAP: usize = 16 << 20;

/// Puts a decluttered graph into the archive.
///
/// # Errors
/// [`BundleError::Graph`] if an operator has no written form.
pub fn write(model: &TypedModel, archive: &mut Archive) -> Result<(), BundleError> {
    let nnef = crate::ops::nnef();
    let mut model = model.clone();
    name_nodes(&mut model);
    let proto = tract_nnef::ser::to_proto_model(&nnef, &model).map_err(graph_error)?;
    let text = dump(&nnef, &proto.doc).map_err(graph_error)?;
    archive.insert(TEXT, text)?;
    for (name, tensor) in &proto.tensors {
        let mut content = vec![];
        write_tensor(&mut content, tensor).map_err(graph_error)?;
        archive.insert(&format!("{FOLDER}{}{TENSOR}", name.0), content)?;
    }
    Ok(())
}

/// Builds the graph that `write` put into the archive.
///
/// # Errors
/// [`BundleError::MissingMember`] or [`BundleError::Graph`].
pub fn read(archive: &Archive) -> Result<TypedModel, BundleError> {
    let text = archive.get(TEXT).ok_or(BundleError::MissingMember(TEXT))?;
    if text.len() > TEXT_CAP {
        return Err(BundleError::Graph(format!(
            "its text has {} bytes",
            text.len()
        )));
    }
    let text = std::str::from_utf8(text).map_err(graph_error)?;
    let mut tensors = HashMap::new();
    for (name, content) in archive.members() {
        let Some(name) = name
            .strip_prefix(FOLDER)
            .and_then(|n| n.strip_suffix(TENSOR))
        else {
            continue;
        };
        tensors.insert(Identifier(name.into()), Arc::new(tensor(name, content)?));
    }
    let doc = parse_document(text).map_err(graph_error)?;
    let proto = ProtoModel {
        doc,
        tensors,
        quantization: None,
        resources: HashMap::new(),
    };
    let build = || -> TractResult<TypedModel> {
        proto.validate()?;
        crate::ops::nnef().model_for_proto_model(&proto)
    };
    build().map_err(graph_error)
}

fn dump(nnef: &Nnef, document: &Document) -> TractResult<Vec<u8>> {
    let mut text = vec![];
    Dumper::new(nnef, &mut text).document(document)?;
    Ok(text)
}

fn tensor(name: &str, content: &[u8]) -> Result<Tensor, BundleError> {
    // The reader allocates what the header's dimensions ask for: hold them against what is there.
    let data = content.len().saturating_sub(TENSOR_HEADER_BYTES) as u64;
    let word = |at: usize| {
        content
            .get(at..at + 4)
            .map(|b| u64::from(u32::from_le_bytes([b[0], b[1], b[2], b[3]])))
    };
    if word(4) != Some(data) {
        return Err(BundleError::Graph(format!(
            "the tensor {name:?} is cut off"
        )));
    }
    let elements = (0..word(8).unwrap_or(0).min(8) as usize).try_fold(1u64, |product, axis| {
        product.checked_mul(word(12 + 4 * axis)?)
    });
    if elements.is_none_or(|elements| elements > data.saturating_mul(8)) {
        return Err(BundleError::Graph(format!(
            "the tensor {name:?} holds less than it says"
        )));
    }
    read_tensor(content)
        .map_err(|error| BundleError::Graph(format!("the tensor {name:?}: {error}")))
}

/// Tensors become files named after their nodes, so names keep to what every file system takes.
fn name_nodes(model: &mut TypedModel) {
    let mut taken = std::collections::HashSet::new();
    for node in model.nodes_mut() {
        let clean: String = node
            .name
            .trim_start_matches(|c: char| !c.is_ascii_alphabetic())
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
            .take(60)
            .collect();
        let clean = if clean.is_empty() {
            "node".to_string()
        } else {
            clean
        };
        let mut name = clean.clone();
        let mut number = 1;
        while !taken.insert(name.clone()) {
            number += 1;
            name = format!("{clean}_{number}");
        }
        node.name = name;
    }
}

fn graph_error(error: impl std::fmt::Display) -> BundleError {
    let text = format!("{error:#}");
    BundleError::Graph(text.lines().collect::<Vec<_>>().join(" "))
}
