//! How a destination is doing, in one word and one colour.

use crate::web::api::integration_out::IntegrationOut;

/// A word and what colour it has; the colour's shape differs, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Health {
    pub(super) word: &'static str,
    /// `good`, `warn`, `bad`, or nothing.
    pub(super) tone: &'static str,
    /// The worst has the lowest.
    pub(super) rank: u8,
}

impl Health {
    /// Trouble that needs somebody counts before trouble that ends by itself.
    pub(super) fn of(integration: &IntegrationOut) -> Self {
        let Some(state) = &integration.state else {
            return Self { word: "unknown", tone: "", rank: 9 };
        };
        let (rank, word, tone) = match (state.status, state.circuit) {
            ("disabled", _) => (0, "disabled", "bad"),
            ("paused", _) => (6, "paused", "warn"),
            _ if state.parked_until.is_some() => (1, "parked", "bad"),
            (_, "open") => (2, "failing", "bad"),
            (_, "half_open") => (3, "probing", "warn"),
            _ if state.dead > 0 => (4, "dead deliveries", "bad"),
            _ if state.consecutive_failures > 0 => (5, "retrying", "warn"),
            _ if state.last_success_at.is_some() => (7, "healthy", "good"),
            _ => (8, "no attempt yet", ""),
        };
        Self { word, tone, rank }
    }
}
