//! The actors: they carry out what `domain` decides, and decide nothing.

pub mod ports;
