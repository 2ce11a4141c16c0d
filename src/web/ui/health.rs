//! How a destination is doing, in one word and one colour.

use crate::web::api::integration_out::IntegrationOut;

/// A word and what colour it has; the colour's shape differs, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Health {
    pub(super) word: &'static str,
    /// `good`, `warn`, `bad`, or nothing.
    pub(super) tone: &'static str,
}

impl Health {
    /// Trouble that needs somebody counts before trouble that ends by itself.
    pub(super) fn of(integration: &IntegrationOut) -> Self {
        let Some(state) = &integration.state else { return Self { word: "unknown", tone: "" } };
        let (word, tone) = match (state.status, state.circuit) {
            ("disabled", _) => ("disabled", "bad"),
            ("paused", _) => ("paused", "warn"),
            _ if state.parked_until.is_some() => ("parked", "bad"),
            (_, "open") => ("failing", "bad"),
            (_, "half_open") => ("probing", "warn"),
            _ if state.dead > 0 => ("dead deliveries", "bad"),
            _ if state.consecutive_failures > 0 => ("retrying", "warn"),
            _ if state.last_success_at.is_some() => ("healthy", "good"),
            _ => ("no attempt yet", ""),
        };
        Self { word, tone }
    }
}
