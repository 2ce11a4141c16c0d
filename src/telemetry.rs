//! The log: lines on standard error, as text or JSON. No payload and no secret is ever given to it.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

/// Starts logging, and has panics logged with their place. A second call changes nothing.
pub fn start(json: bool, level: &str) {
    // Libraries speak only of what is wrong.
    let filter = EnvFilter::new(format!("warn,belfry={level}"));
    let log = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = if json {
        log.json().flatten_event(true).try_init()
    } else {
        log.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init()
    };
    if started.is_ok() {
        std::panic::set_hook(Box::new(|info| {
            // The message is ours or a library's; a payload is never formatted into one.
            let place = info.location().map(ToString::to_string).unwrap_or_default();
            tracing::error!(place, "panicked: {}", info.payload_as_str().unwrap_or("no message"));
        }));
    }
}
