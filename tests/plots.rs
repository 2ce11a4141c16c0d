//! Plots as they are drawn: each picture of `fixtures/plots/NAME.svg` is made of numbers that stand
//! here. `UPDATE_EXPECT=1` writes the pictures anew; look at them then.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use belfry::domain::id::DeliveryId;
use belfry::domain::minutes::{Counts, Levels, Minute, Series, Span};
use belfry::domain::outcome::{Fault, FaultKind, Outcome};
use belfry::domain::recent::RecentAttempt;
use belfry::domain::time::Timestamp;
use belfry::web::ui::plot::{self, Plot};

/// 2026-06-27T12:34:20Z
const NOW: Timestamp = Timestamp::from_millis(1_782_563_660_000);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/plots")
}

/// A number below `most` that looks like chance, and is the same each time.
fn below(number: u64, most: u64) -> u64 {
    let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 33) % most
}

/// The minutes of a span, oldest first, as `tell` tells them by their number; those without a tale are
/// ones in which the service did not run.
fn series(span: Span, tell: impl Fn(u64) -> Option<(Counts, u64)>) -> Series {
    let (from, until) = span.bounds(NOW);
    let mut series = Series::empty(span, NOW);
    for number in 0..until.since(from).as_secs() / 60 {
        let at = from.plus(Duration::from_secs(60 * number));
        if let Some((counts, waiting)) = tell(number).filter(|_| at < NOW) {
            series.add(&Minute { at, counts, levels: Some(Levels { waiting, dead: 0 }) });
        }
    }
    series
}

/// So many arrived, each after about that time.
fn delivered(number: u64, many: u64, typical_ms: u64) -> Counts {
    let mut counts = Counts { accepted: many, delivered: many, ..Counts::default() };
    for each in 0..many {
        let slow = if below(number * 1000 + each, 40) == 0 { 12 } else { 1 };
        let took = typical_ms * slow * (80 + below(number * 77 + each, 60)) / 100;
        counts.latency.observe(Duration::from_millis(took));
    }
    counts
}

/// An hour in which a receiver fails for a while, and the service is stopped for four minutes.
fn hour() -> Series {
    series(Span::Hour, |number| {
        let usual = 30 + below(number, 32);
        let trouble = (25..36).contains(&number);
        let mut counts = delivered(number, if trouble { usual / 3 } else { usual }, 90);
        let waiting = match number {
            25..36 => (number - 24) * 47,
            36..41 => 517 - (number - 35) * 100,
            _ => below(number, 4),
        };
        if trouble {
            counts.failed = usual / 2 + 4;
            counts.dead = u64::from(number == 33) * 2;
        }
        if (36..41).contains(&number) {
            counts = delivered(number, usual * 2, 190_000);
        }
        (!(49..53).contains(&number)).then_some((counts, waiting))
    })
}

fn day() -> Series {
    series(Span::Day, |number| {
        let busy = if (480..1200).contains(&(number % 1440)) { 55 } else { 7 };
        let mut counts = delivered(number, busy + below(number, 9), 60);
        counts.failed = u64::from(below(number, 19) == 0);
        counts.dead = u64::from(number == 700);
        Some((counts, below(number, 12)))
    })
}

/// A week of which the service ran five days.
fn week() -> Series {
    series(Span::Week, |number| {
        let of_day = (number + 720) % 1440;
        let busy = if (420..1140).contains(&of_day) { 9 } else { 1 };
        let counts = delivered(number, busy, 45 + of_day / 20);
        (!(2900..5600).contains(&number)).then_some((counts, busy / 3))
    })
}

/// An hour with three alerts.
fn quiet() -> Series {
    series(Span::Hour, |number| {
        let many = u64::from([7, 30, 31].contains(&number));
        Some((delivered(number, many, 700), 0))
    })
}

fn empty() -> Series {
    series(Span::Hour, |_| None)
}

fn attempts(many: u64) -> Vec<RecentAttempt> {
    let answered = |status| Outcome::Answered { status, retry_after: None };
    let outcome = |number: u64| match below(number, 25) {
        0 => answered(503),
        1 => Outcome::Failed(Fault { kind: FaultKind::Timeout, detail: String::new() }),
        _ => answered(204),
    };
    let attempt = |number: u64| {
        let outcome = outcome(number);
        let took = match &outcome {
            Outcome::Answered { .. } | Outcome::Judged(_) => {
                Duration::from_micros(35_500 + 1_000 * below(number, 90))
            }
            Outcome::Failed(_) => Duration::from_secs(10),
        };
        let before = Duration::from_secs(61 * (many - number));
        let started_at = NOW.minus(before);
        let delivery_id = DeliveryId(i64::try_from(number).unwrap() + 1000);
        RecentAttempt { delivery_id, number: 1, started_at, took, outcome }
    };
    (0..many).rev().map(attempt).collect()
}

/// Each picture's name and the plot.
fn plots() -> BTreeMap<&'static str, Plot> {
    BTreeMap::from([
        ("deliveries-hour", plot::deliveries(&hour())),
        ("deliveries-day", plot::deliveries(&day())),
        ("deliveries-week", plot::deliveries(&week())),
        ("deliveries-quiet", plot::deliveries(&quiet())),
        ("deliveries-empty", plot::deliveries(&empty())),
        ("queue-hour", plot::queue_depth(&hour())),
        ("queue-week", plot::queue_depth(&week())),
        ("queue-empty", plot::queue_depth(&empty())),
        ("latency-hour", plot::latency(&hour())),
        ("latency-week", plot::latency(&week())),
        ("latency-quiet", plot::latency(&quiet())),
        ("latency-empty", plot::latency(&empty())),
        ("attempts-many", plot::attempts(&attempts(200))),
        ("attempts-few", plot::attempts(&attempts(6))),
        ("attempts-none", plot::attempts(&[])),
    ])
}

#[test]
fn each_picture_is_drawn_as_it_was() {
    let update = std::env::var_os("UPDATE_EXPECT").is_some_and(|value| value == "1");
    let plots = plots();
    for (name, plot) in &plots {
        let file = folder().join(format!("{name}.svg"));
        if update {
            std::fs::write(&file, &plot.svg).unwrap();
        }
        let expected = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(plot.svg == expected, "{name} is drawn differently: UPDATE_EXPECT=1, and look");
    }
    let there = std::fs::read_dir(folder()).unwrap().count();
    assert_eq!(there, plots.len(), "each file of the folder is one of these");
}

/// What the page's policy forbids, and what a page has no room for.
#[test]
fn no_picture_has_a_style_or_a_script_or_is_large() {
    for (name, plot) in plots() {
        for forbidden in ["style", "<script", "onload", "href", "http://", "https://"] {
            let svg = plot.svg.replacen("http://www.w3.org/2000/svg", "", 1);
            assert!(!svg.contains(forbidden), "{name}: {forbidden}");
        }
        assert!(plot.svg.len() < 17_000, "{name} has {} bytes", plot.svg.len());
    }
}

/// All tags that are opened are closed in their order, and no name is given twice in a picture.
#[test]
fn each_picture_is_well_formed_and_has_words() {
    for (name, plot) in plots() {
        let mut open = Vec::new();
        let mut ids = Vec::new();
        for tag in plot.svg.split('<').skip(1) {
            let (tag, _) = tag.split_once('>').unwrap();
            if let Some(closed) = tag.strip_prefix('/') {
                assert_eq!(open.pop(), Some(closed), "{name}");
            } else if !tag.ends_with('/') {
                open.push(tag.split(' ').next().unwrap());
            }
            assert_eq!(tag.matches('"').count() % 2, 0, "{name}: {tag}");
            ids.extend(tag.split(" id=\"").nth(1).and_then(|id| id.split('"').next()));
        }
        assert!(open.is_empty(), "{name}: {open:?}");
        let unique: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(unique.len(), ids.len(), "{name}");
        assert!(plot.svg.contains("role=\"img\""), "{name}");
        assert!(plot.svg.contains(&format!("{}</desc>", plot.summary)), "{name}");
    }
}

#[test]
fn what_is_drawn_is_told_in_words() {
    let plots = plots();
    for (name, summary) in [
        (
            "deliveries-quiet",
            "3 delivered, 0 failed and 0 dead in the last hour; the most in one minute was 1 at 11:41 UTC.",
        ),
        ("deliveries-empty", "No deliveries in the last hour, up to its last full minute."),
        ("queue-empty", "No queue depth is known of the last hour, up to its last full minute."),
        (
            "queue-hour",
            "0 on their way at the end of the last hour; the most were 517 at 12:09 UTC.",
        ),
        ("latency-empty", "Nothing was delivered in the last hour, up to its last full minute."),
        ("attempts-none", "No attempts so far."),
        (
            "attempts-few",
            "The last 6 attempts: 6 delivered and 0 failed; half took up to 97 ms, the longest 123 ms.",
        ),
    ] {
        assert_eq!(plots[name].summary, summary, "{name}");
    }
}

#[test]
fn tables_tell_each_step_newest_first() {
    let table = plot::of_series(&hour());
    assert_eq!(table.rows.len(), 56, "those in which the service ran");
    assert!(table.rows.is_sorted_by(|a, b| a.at > b.at));
    assert!(table.rows.iter().all(|row| row.cells.len() + 1 == table.head.len()));
    let quiet = plot::of_series(&quiet());
    let told = quiet.rows.iter().find(|row| row.cells[1] == "1").unwrap();
    assert_eq!(told.cells[..6], ["1", "1", "0", "0", "0", "0"]);
    assert_eq!(told.cells[6..], ["1 s", "1 s"]);
    assert_eq!(quiet.rows[0].cells[5..], ["0", "–", "–"]);
    let table = plot::of_attempts(&attempts(30));
    assert_eq!((table.rows.len(), table.head.len()), (30, table.rows[0].cells.len() + 1));
    assert_eq!(table.rows[0].cells[..2], ["dlv_1029", "1"]);
}

/// The colours of the stylesheet: those for light, and those for dark where they differ.
fn colours(dark: bool) -> BTreeMap<String, [f64; 3]> {
    let css =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/plot.css"))
            .unwrap();
    let (light, rest) = css.split_once("@media (prefers-color-scheme: dark)").unwrap();
    let text = if dark { rest.split_once(".plot {").unwrap().0 } else { light };
    let mut colours = BTreeMap::new();
    for line in text.lines() {
        let Some((name, value)) = line.trim().trim_end_matches(';').split_once(": #") else {
            continue;
        };
        let part = |at: usize| {
            let byte = u8::from_str_radix(&value[at..at + 2], 16).unwrap();
            let part = f64::from(byte) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        colours.insert(name.to_owned(), [part(0), part(2), part(4)]);
    }
    colours
}

/// WCAG's contrast of two colours.
fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
    let light = |[r, g, b]: [f64; 3]| 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
    light(one).max(light(other)) / light(one).min(light(other))
}

#[test]
fn colours_stand_out_in_light_and_dark() {
    for dark in [false, true] {
        let colours = colours(dark);
        // A line is also drawn over the band of a gap beside it, and over its own area.
        for ground in ["--plot-ground", "--plot-gap"] {
            for (name, least) in [
                ("--plot-text", 4.5),
                ("--plot-axis", 3.0),
                ("--plot-delivered", 3.0),
                ("--plot-failed", 3.0),
                ("--plot-dead", 3.0),
                ("--plot-depth", 3.0),
                ("--plot-p50", 3.0),
                ("--plot-p99", 3.0),
            ] {
                let found = contrast(colours[name], colours[ground]);
                assert!(found >= least, "{name} on {ground}, dark {dark}: {found:.2}");
            }
        }
        let stripes = contrast(colours["--plot-failed"], colours["--plot-failed-ground"]);
        assert!(stripes >= 3.0, "dark {dark}: {stripes:.2}");
        let area = contrast(colours["--plot-depth"], colours["--plot-depth-area"]);
        assert!(area >= 3.0, "dark {dark}: {area:.2}");
    }
}
