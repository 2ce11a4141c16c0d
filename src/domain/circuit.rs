//! A destination's circuit: after enough failures in a row only one probe at a time goes out, until
//! one succeeds.

use super::time::Timestamp;

/// The circuit as it lies on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Circuit {
    /// Deliveries go out.
    Closed {
        /// Failures in a row, across deliveries.
        failures: u32,
    },
    /// Deliveries wait; from `probe_at` on, one of them is tried.
    Open {
        /// Failures in a row, across deliveries.
        failures: u32,
        /// Since when.
        since: Timestamp,
        /// Probes that failed, plus one: counts the backoff between probes.
        round: u32,
        /// When the next probe may go out.
        probe_at: Timestamp,
    },
}

impl Default for Circuit {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

impl Circuit {
    /// Failures in a row, across deliveries.
    pub const fn failures(&self) -> u32 {
        match self {
            Self::Closed { failures } | Self::Open { failures, .. } => *failures,
        }
    }

    /// Whether it is open (a probe may be out).
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::Open { .. })
    }
}
