//! The daemon of dsp as a library: everything that touches disk, network and clock.

pub mod blobs;
