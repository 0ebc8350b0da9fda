//! An ONNX file that gives all that is computed in it.
//!
//! Two protobuf messages one after the other are one message with the fields of both (protobuf's
//! encoding, "Last One Wins" and merging of submessages). So a graph's outputs are added by writing a
//! `ModelProto` of nothing but outputs behind the file, and the file itself is not rewritten.

use std::collections::HashSet;
use std::path::Path;

use tract_onnx::prelude::*;

use crate::import::{one_line, quiet};

/// `ModelProto.graph`, `GraphProto.output` and `ValueInfoProto.name` (onnx.proto): number and wire type.
const GRAPH: u8 = 7 << 3 | 2;
const OUTPUT: u8 = 12 << 3 | 2;
const NAME: u8 = 1 << 3 | 2;

/// The file's bytes, with an output for each value that a node of its graph makes.
///
/// # Errors
/// Why it cannot be read.
pub fn exposed(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let proto = quiet(|| onnx().proto_model_for_path(path));
    let proto = proto.ok_or_else(|| "its parser gave up".to_owned())?;
    let proto = proto.map_err(|error| one_line(&error))?;
    let graph = proto.graph.unwrap_or_default();
    let mut known: HashSet<&str> = graph
        .output
        .iter()
        .map(|output| output.name.as_str())
        .collect();
    let made = graph.node.iter().flat_map(|node| &node.output);
    let mut outputs = vec![];
    for name in made {
        if !name.is_empty() && known.insert(name) {
            field(&mut outputs, OUTPUT, &{
                let mut value = vec![];
                field(&mut value, NAME, name.as_bytes());
                value
            });
        }
    }
    field(&mut bytes, GRAPH, &outputs);
    Ok(bytes)
}

/// A field of bytes: its key, their number as a varint, the bytes.
fn field(to: &mut Vec<u8>, key: u8, content: &[u8]) {
    to.push(key);
    let mut length = content.len();
    while length >= 0x80 {
        to.push(length as u8 | 0x80);
        length >>= 7;
    }
    to.push(length as u8);
    to.extend(content);
}
