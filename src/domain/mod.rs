//! Everything that decides: which alerts fire, what an answer means, when the next attempt is due,
//! which delivery goes next. Plain code that gets time and randomness as arguments; it does no I/O.

pub mod alert;
pub mod automation;
pub mod circuit;
pub mod condition;
pub mod delivery;
pub mod dry_run;
pub mod endpoint;
pub mod feedback;
pub mod hygiene;
pub mod id;
pub mod integration;
pub mod latency;
pub mod levels;
pub mod limits;
pub mod mail_server;
pub mod minutes;
pub mod notice;
pub mod outcome;
pub mod plain;
pub mod queue;
pub mod recent;
pub mod recipient;
pub mod record;
pub mod relay;
pub mod restart;
pub mod sample;
pub mod schedule;
pub mod secret;
pub mod template;
pub mod throttle;
pub mod time;
pub mod verdict;
pub mod wording;
