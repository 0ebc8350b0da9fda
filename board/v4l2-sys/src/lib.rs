//! The V4L2 types and constants that the `v4l` crate names, as bindgen wrote them once.
//!
//! It takes the place of the crate of the same name, which runs bindgen in every build and so
//! wants libclang on every machine. See the README beside this file.

#![allow(non_camel_case_types, non_snake_case, non_upper_case_globals)]
#![allow(clippy::all)]

#[cfg(not(all(
    target_os = "linux",
    target_pointer_width = "64",
    target_endian = "little"
)))]
compile_error!("these V4L2 bindings are for 64-bit little-endian Linux: see regenerate.sh");

include!("bindings.rs");
