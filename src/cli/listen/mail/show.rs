//! A mail as a person reads it: one line, and below it what deserves to be noticed.

use std::fmt::Write as _;

use super::seen::MailSeen;
use crate::cli::listen::Manner;
use crate::cli::paint::{Colour, plain};

/// The lines of one mail, each with its end.
pub fn mail_lines(seen: &MailSeen, manner: Manner) -> String {
    let Manner { paint, receiver, .. } = manner;
    let time = seen.at.strftime("%H:%M:%S%.3f").to_string();
    let taken = seen.answer == 250;
    let colour = if taken { Colour::Green } else { Colour::Red };
    let again = match (seen.duplicate, seen.attempt) {
        (true, _) => paint.colour(Colour::Yellow, "  duplicate: taken before"),
        (false, 1) => String::new(),
        (false, attempt) => paint.dim(&format!("  try {attempt}")),
    };
    let name = receiver.map_or(String::new(), |name| format!("{name:<8}"));
    let mut text = format!(
        "{}  {name}{} {}{again}\n",
        paint.dim(&time),
        paint.colour(colour, &format!("→ {:<6}", seen.answer)),
        paint.bold(&plain(&seen.subject)),
    );
    let secured = if seen.tls { "over TLS" } else { "without TLS" };
    let to = plain(&seen.to.join(", "));
    // Writing into a String can't fail.
    let _infallible = writeln!(text, "{}", paint.dim(&format!("              to {to}, {secured}")));
    for (address, code) in &seen.refused {
        let line = format!("            ! {} was refused: {code}", plain(address));
        let _infallible = writeln!(text, "{}", paint.colour(Colour::Yellow, &line));
    }
    text
}
