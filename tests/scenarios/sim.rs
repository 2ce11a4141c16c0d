//! Random stories by seed: first faults, through which nothing may be lost or sent out of turn; then all
//! is well, and everything must come to its end. A story that fails is made short and written out.
//!
//! `BELFRY_SEED=7 cargo test --test scenarios sim` tells one, `BELFRY_SEEDS=100000` that many.

use std::fmt::Write as _;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;

use crate::disk::Medium;
use crate::fixtures::for_each;
use crate::lang::Scenario;
use crate::model::{Telling, tell};
use crate::words::{span, spell};

/// Stories in each run of the tests.
const SEEDS: u64 = 2000;
/// Of these, so many over SQLite too.
const ON_DISK: u64 = 100;

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^ (x >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    fn pick<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len() as u64) as usize]
    }

    /// Once in so many times.
    fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

/// A story of random faults, with an end at which all is well.
struct Tale {
    rng: Rng,
    heal_ms: u64,
    alerts: u64,
    text: String,
    deeds: Vec<(u64, String)>,
    cap: &'static str,
}

/// The story of that seed, and the time within which it must end once all is well.
pub(crate) fn story(seed: u64) -> (String, u64) {
    let mut rng = Rng(seed.wrapping_mul(0x2545_F491_4F6C_DD1D) ^ 0xBE1F);
    let heal_ms = [20_000, 120_000, 900_000, 5_400_000][rng.below(4) as usize];
    let alerts = rng.between(1, 14);
    let cap = rng.pick(&["5s", "1m", "20m"]);
    let mut tale =
        Tale { rng, heal_ms, alerts, text: format!("# Seed {seed}.\n"), deeds: Vec::new(), cap };
    tale.settings();
    let dests = tale.rng.between(1, 3);
    for dest in 0..dests {
        tale.dest(dest);
    }
    for dest in 0..dests {
        tale.receiver(dest);
    }
    tale.arrivals(dests);
    for _ in 0..tale.rng.below(14) {
        tale.trouble(dests);
    }
    tale.heal(dests);
    let cap_ms = span(tale.cap).unwrap();
    (tale.finish(), 4 * cap_ms + 1_800_000)
}

impl Tale {
    fn settings(&mut self) {
        let rng = &mut self.rng;
        let base = rng.pick(&["100ms", "1s", "2s", "30s"]);
        let factor = rng.pick(&["1", "2", "3"]);
        let horizon = rng.pick(&["30s", "10m", "72h"]);
        let jitter = rng.pick(&["off", "0.5", "1"]);
        let timeout = rng.pick(&["500ms", "5s"]);
        let failures = rng.pick(&["1", "2", "5", "50"]);
        let many = rng.pick(&["1", "2", "8"]);
        writeln!(
            self.text,
            "policy  base {base} factor {factor} cap {} horizon {horizon} jitter {jitter} \
             timeout {timeout} failures {failures} max-in-flight {many}",
            self.cap
        )
        .unwrap();
        if rng.one_in(2) {
            let (commit, told, load) = (rng.below(40), rng.below(40), rng.below(60));
            writeln!(self.text, "latency commit {commit}ms told {told}ms load {load}ms").unwrap();
        }
        if rng.one_in(2) {
            let side = rng.pick(&["before", "after"]);
            writeln!(self.text, "crash-at {} {side}", rng.between(2, 60)).unwrap();
        }
    }

    fn dest(&mut self, dest: u64) {
        let rng = &mut self.rng;
        let mut line = format!("dest    d{dest}  webhook https://d{dest}.test/hook");
        if rng.one_in(3) {
            line.push_str("  ordering fifo");
        }
        if rng.one_in(5) {
            write!(line, "  rate {}", rng.between(1, 40)).unwrap();
        }
        writeln!(self.text, "{line}").unwrap();
    }

    fn receiver(&mut self, dest: u64) {
        writeln!(self.text, "script  d{dest}").unwrap();
        for _ in 0..self.rng.below(7) {
            let at = self.time();
            let answer = self.answer();
            let only = match self.rng.below(4) {
                0 => format!("  for a{}", self.rng.between(1, self.alerts)),
                _ => String::new(),
            };
            writeln!(self.text, "  {at}  {answer}{only}").unwrap();
        }
        let (heal, after) = (spell(self.heal_ms), self.rng.below(300));
        writeln!(self.text, "  {heal}  200 after {after}ms").unwrap();
        for alert in 1..=self.alerts {
            writeln!(self.text, "  {heal}  200 after {after}ms for a{alert}").unwrap();
        }
    }

    fn answer(&mut self) -> String {
        let rng = &mut self.rng;
        let after = rng.below(800);
        match rng.below(16) {
            0 => "hang".to_owned(),
            1 => "refuse".to_owned(),
            2 => format!("reset after {after}ms"),
            3 => format!("reset-after-accept after {after}ms"),
            4 => "dns".to_owned(),
            5 => "tls".to_owned(),
            6 => format!("410 after {after}ms"),
            7 => format!("422 after {after}ms"),
            8 => format!("429 after {after}ms retry-after {}s", rng.below(200)),
            9 => format!("503 after {after}ms retry-after date +{}m", rng.below(60)),
            10 => format!("500 after {after}ms"),
            11 => format!("404 after {after}ms"),
            12 => "503".to_owned(),
            13 => format!("200 after {}s", rng.below(7)),
            14 => format!("200 after {after}ms body slow"),
            _ => format!("200 after {after}ms"),
        }
    }

    fn time(&mut self) -> String {
        spell(self.rng.below(self.heal_ms))
    }

    fn deed(&mut self, at_ms: u64, deed: impl Into<String>) {
        self.deeds.push((at_ms, deed.into()));
    }

    fn arrivals(&mut self, dests: u64) {
        let mut next = 1;
        while next <= self.alerts {
            let last = (next + self.rng.below(6)).min(self.alerts);
            let at = self.rng.below(self.heal_ms);
            let only = match self.rng.below(3) {
                0 => format!(" for d{}", self.rng.below(dests)),
                _ => String::new(),
            };
            self.deed(at, format!("accept a{next}..a{last}{only}"));
            if self.rng.one_in(4) {
                let again = self.rng.between(at, self.heal_ms);
                self.deed(again, format!("accept a{next}..a{last}{only}"));
            }
            next = last + 1;
        }
    }

    fn trouble(&mut self, dests: u64) {
        let at = self.rng.below(self.heal_ms);
        let later = self.rng.between(at, self.heal_ms);
        let soon = at + self.rng.below(3000);
        let end = if self.rng.one_in(3) { later } else { soon };
        let dest = format!("d{}", self.rng.below(dests));
        let alert = format!("a{}", self.rng.between(1, self.alerts));
        match self.rng.below(15) {
            0 | 1 => {
                self.deed(at, "crash");
                self.deed(end, "start");
            }
            2 => {
                self.deed(at, "stop");
                self.deed(at + 9000, "start");
            }
            3 | 4 => self.deed(at, format!("panic {dest}")),
            5 => {
                self.deed(at, format!("poison {alert} {dest}"));
                if self.rng.one_in(2) {
                    self.deed(soon, format!("cure {alert} {dest}"));
                }
            }
            6 => {
                self.deed(at, format!("pause {dest}"));
                self.deed(later, format!("resume {dest}"));
            }
            7 => {
                self.deed(at, format!("disable {dest}"));
                self.deed(later, format!("enable {dest}"));
            }
            8 | 9 => self.deed(at, format!("retry {alert} {dest}")),
            10 => self.deed(at, format!("discard {alert} {dest}")),
            11 => self.deed(at, format!("retry-dead {dest}")),
            12 => {
                let sign = self.rng.pick(&["+", "-"]);
                let span = self.rng.pick(&["3s", "20m", "5h", "200h"]);
                self.deed(at, format!("clock {sign}{span}"));
            }
            13 => {
                self.deed(at, "disk full");
                self.deed(end, "disk ok");
            }
            _ => {
                let edit = match self.rng.below(4) {
                    0 => "ordering fifo".to_owned(),
                    1 => "ordering due".to_owned(),
                    2 => format!("max-in-flight {}", self.rng.between(1, 6)),
                    _ => format!("base {}s", self.rng.between(1, 20)),
                };
                self.deed(at, format!("edit {dest} {edit}"));
            }
        }
    }

    /// The faults end: from here on everything must come to its end.
    fn heal(&mut self, dests: u64) {
        let heal = self.heal_ms;
        self.deed(heal + 1, "disk ok");
        for dest in 0..dests {
            for alert in 1..=self.alerts {
                self.deed(heal + 2, format!("cure a{alert} d{dest}"));
            }
        }
        self.deed(heal + 10_000, "start");
        for dest in 0..dests {
            self.deed(heal + 12_000, format!("enable d{dest}"));
            // What a 410 that was under way switched off meanwhile.
            self.deed(heal + 30_000, format!("enable d{dest}"));
        }
    }

    fn finish(mut self) -> String {
        self.deeds.sort_by_key(|(at, _)| *at);
        self.text.push_str("do\n");
        for (at, deed) in &self.deeds {
            writeln!(self.text, "  {}  {deed}", spell(*at)).unwrap();
        }
        self.text
    }
}

/// What is wrong with a story, if anything.
fn wrong_with(text: &str, patience_ms: u64, medium: Medium) -> Option<String> {
    let scenario = match Scenario::parse(text) {
        Ok(scenario) => scenario,
        Err(error) => return Some(format!("unreadable: {error}")),
    };
    let telling = Telling { patience_ms, ..Telling::over(medium) };
    match std::panic::catch_unwind(AssertUnwindSafe(|| tell(&scenario, telling))) {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(error),
        Err(panic) => {
            let words = panic.downcast_ref::<String>().map(String::as_str);
            Some(format!("panicked: {}", words.unwrap_or("without words")))
        }
    }
}

/// Leaves out what the failure does not need, line by line.
fn shortened(text: &str, patience_ms: u64, medium: Medium) -> String {
    let lasts = text
        .lines()
        .filter_map(|line| line.strip_suffix("  disk ok"))
        .filter_map(|at| span(at.trim()));
    let healed_ms = lasts.max().unwrap_or(0).saturating_sub(1);
    let still_fails = |lines: &[String]| {
        let wrong = wrong_with(&lines.join("\n"), patience_ms, medium);
        wrong.is_some_and(|wrong| !wrong.starts_with("unreadable"))
    };
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    loop {
        let before = lines.len();
        for place in (1..before).rev() {
            let mut fewer = lines.clone();
            let gone = fewer.remove(place);
            // Without what heals it, it would fail for another reason.
            let at = gone.split_whitespace().next().and_then(span);
            let needed = at.is_some_and(|at| at >= healed_ms);
            if !needed && still_fails(&fewer) {
                lines = fewer;
            }
        }
        if lines.len() == before {
            return lines.join("\n") + "\n";
        }
    }
}

fn write_out(seed: u64, text: &str, patience_ms: u64, medium: Medium, error: &str) -> String {
    let text = shortened(text, patience_ms, medium);
    let error = wrong_with(&text, patience_ms, medium).unwrap_or_else(|| error.to_owned());
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join(format!("seed-{seed}.scenario"));
    std::fs::write(&path, &text).unwrap();
    format!("seed {seed}, {medium:?}: {error}\nwritten to {}:\n{text}", path.display())
}

fn run(seeds: &[u64], medium: Medium) {
    let hours = for_each(seeds, |seed| {
        let (text, patience_ms) = story(*seed);
        match wrong_with(&text, patience_ms, medium) {
            None => Ok(()),
            Some(error) => Err((*seed, text, patience_ms, error)),
        }
    });
    let failed: Vec<_> = hours.into_iter().filter_map(Result::err).collect();
    for (seed, _, _, error) in &failed {
        eprintln!("seed {seed}: {error}");
    }
    eprintln!("{medium:?}: {} random stories", seeds.len());
    if let Some((seed, text, patience_ms, error)) = failed.iter().min_by_key(|each| each.1.len()) {
        let told = write_out(*seed, text, *patience_ms, medium, error);
        panic!("{} of {} fail, the shortest:\n{told}", failed.len(), seeds.len());
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

/// Matrix B16★: through random faults nothing is lost, doubled without cause, or sent out of turn; and
/// once all is well, everything comes to its end.
#[test]
fn b16_sim_of_random_faults_then_quiet() {
    let seeds: Vec<u64> = match number("BELFRY_SEED") {
        Some(seed) => vec![seed],
        None => (0..number("BELFRY_SEEDS").unwrap_or(SEEDS)).collect(),
    };
    run(&seeds, Medium::Memory);
}

#[test]
fn b16_sim_of_random_faults_on_disk() {
    let first = number("BELFRY_SEED").unwrap_or(SEEDS);
    let seeds: Vec<u64> = match number("BELFRY_SEED") {
        Some(seed) => vec![seed],
        None => (first..first + ON_DISK).collect(),
    };
    run(&seeds, Medium::Sqlite);
}
