//! The HTTP surface: what programs and people ask, in; what the engine and the store say, out. It holds
//! no rule of delivery.

pub mod error;
pub mod token;
