//! The machine of one destination.
