//! Kernels for frame-by-frame video networks, free of tract and usable by others.
//!
//! Nothing lives here yet: networks run in float, by tract's operators. The integer kernels come with
//! the quantised program; this crate is their room, and with the camera file the only one in which
//! `unsafe` may stand.
