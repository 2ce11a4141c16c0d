//! The two state machines of a destination as pictures: where it may go, and where it is now. A state
//! that is now has a thick edge, a dot and heavier letters; the colour is not alone.

use std::fmt::Write as _;

/// A state and where its box begins. All boxes have one size and stand in one row.
struct Place {
    word: &'static str,
    x: u16,
}

/// The way from one state to another.
struct Way {
    /// As a path with the arrow's head at its end.
    d: &'static str,
    words: String,
    /// Where the words stand, by their middle.
    x: u16,
    y: u16,
}

const RIGHT_UPPER: [&str; 2] = ["M112 82h38m-6-4l6 4l-6 4", "M252 82h38m-6-4l6 4l-6 4"];
const RIGHT: [&str; 2] = ["M112 89h38m-6-4l6 4l-6 4", "M252 89h38m-6-4l6 4l-6 4"];
const LEFT_LOWER: [&str; 2] = ["M150 96h-38m6-4l-6 4l6 4", "M290 96h-38m6-4l-6 4l6 4"];
/// Over the boxes from the first to the last, and below them back.
const OVER: &str = "M62 68v-26q0-8 8-8h264q8 0 8 8v26m-4-6l4 6l4-6";
const BACK: &str = "M342 110v26q0 8-8 8h-264q-8 0-8-8v-26m-4 6l4-6l4 6";
const PLACES: [u16; 3] = [12, 152, 292];
const GAPS: [u16; 2] = [131, 271];
const MIDDLE: u16 = 202;

/// Whether it may send: `active`, `paused` or `disabled` is now.
pub(super) fn status(now: &str) -> String {
    let ways = [
        way(RIGHT_UPPER[0], "pause", GAPS[0], 61),
        way(LEFT_LOWER[0], "resume", GAPS[0], 127),
        way(RIGHT[1], "disable", GAPS[1], 61),
        way(OVER, "disable, or the answer that it is gone", MIDDLE, 26),
        way(BACK, "enable", MIDDLE, 162),
    ];
    draw("status", "Status", ["active", "paused", "disabled"], now, &ways)
}

/// How it is doing: `closed`, `open` or `half_open` is now. It opens after so many failures in a row.
pub(super) fn circuit(now: &str, failures: u32) -> String {
    let ways = [
        way(RIGHT[0], format!("{failures} failures"), GAPS[0], 61),
        way(RIGHT_UPPER[1], "probe", GAPS[1], 61),
        way(LEFT_LOWER[1], "failure", GAPS[1], 127),
        way(BACK, "success", MIDDLE, 162),
    ];
    let now = if now == "half_open" { "half-open" } else { now };
    draw("circuit", "Circuit", ["closed", "open", "half-open"], now, &ways)
}

fn way(d: &'static str, words: impl Into<String>, x: u16, y: u16) -> Way {
    Way { d, words: words.into(), x, y }
}

/// Writing into a text never fails.
fn draw(name: &str, title: &str, words: [&'static str; 3], now: &str, ways: &[Way]) -> String {
    let mut body = String::new();
    for way in ways {
        let Way { d, words, x, y } = way;
        let _never_fails = write!(
            body,
            "<path class=\"machine-way\" d=\"{d}\"/>\n\
             <text class=\"machine-word\" x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">{words}</text>\n"
        );
    }
    let places = words.into_iter().zip(PLACES).map(|(word, x)| Place { word, x });
    for Place { word, x } in places {
        let here = word == now;
        let (class, middle) = (if here { "machine-here" } else { "machine-state" }, x + 50);
        let _never_fails = write!(
            body,
            "<g class=\"{class}\"><rect x=\"{x}\" y=\"69\" width=\"100\" height=\"40\" rx=\"8\"/>"
        );
        if here {
            let _never_fails = write!(body, "<circle cx=\"{}\" cy=\"89\" r=\"4\"/>", x + 13);
        }
        let middle = if here { middle + 6 } else { middle };
        let _never_fails = writeln!(
            body,
            "<text x=\"{middle}\" y=\"94\" text-anchor=\"middle\">{word}</text></g>"
        );
    }
    let all = words.join(", ");
    format!(
        "<svg class=\"machine\" viewBox=\"0 0 404 178\" role=\"img\" \
         aria-labelledby=\"machine-{name}-title\" aria-describedby=\"machine-{name}-desc\">\n\
         <title id=\"machine-{name}-title\">{title}: {now} now</title>\n\
         <desc id=\"machine-{name}-desc\">Of the states {all} it is in: {now}.</desc>\n{body}</svg>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_state_is_now() {
        for now in ["active", "paused", "disabled"] {
            let svg = status(now);
            assert_eq!(svg.matches("machine-here").count(), 1, "{svg}");
            assert_eq!(svg.matches("<circle").count(), 1);
            assert!(svg.contains(&format!("Status: {now} now</title>")));
        }
        for (now, words) in [("closed", "closed"), ("open", "open"), ("half_open", "half-open")] {
            let svg = circuit(now, 5);
            assert_eq!(svg.matches("machine-here").count(), 1, "{svg}");
            assert!(svg.contains(&format!("Circuit: {words} now</title>")));
            assert!(svg.contains(">5 failures<"));
        }
    }

    #[test]
    fn a_picture_has_neither_style_nor_script() {
        for svg in [status("paused"), circuit("open", 5)] {
            assert!(!svg.contains("style=") && !svg.contains("<script") && !svg.contains(" on"));
            assert!(svg.contains("role=\"img\""));
        }
    }
}
