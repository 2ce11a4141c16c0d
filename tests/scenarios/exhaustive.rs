//! Small worlds, gone through to the last corner.

use crate::disk::Medium;
use crate::faults::Side;
use crate::fixtures::for_each;
use crate::lang::Scenario;
use crate::model::{Telling, tell};

/// What a receiver may do with one request.
const OUTCOMES: [&str; 7] =
    ["200", "500", "422", "410", "429 retry-after 3s", "hang", "reset-after-accept after 5ms"];
/// Requests of the longest sequence.
const LONGEST: usize = 5;

/// One delivery, its receiver doing this one after another, and 200 from then on. Whatever switches the
/// destination off, somebody switches it on again.
fn story(outcomes: &[&str], ordering: &str) -> Scenario {
    let mut text = format!(
        "# One delivery.\n\
         policy  base 1s factor 2 cap 5s   timeout 500ms   jitter off   failures 2\n\
         dest    ops  webhook https://ops.test/hook  ordering {ordering}\n\
         script  ops\n"
    );
    for (place, outcome) in outcomes.iter().enumerate() {
        text.push_str(&format!("  #{}  {outcome}\n", place + 1));
    }
    text.push_str("  0s  200\ndo\n  0s  accept a1\n");
    for second in 1..=LONGEST {
        text.push_str(&format!("  {}s  enable ops\n", second * 60));
    }
    Scenario::parse(&text).unwrap()
}

/// All sequences of outcomes that don't go on after a success.
fn sequences(longest: usize) -> Vec<Vec<&'static str>> {
    let mut all: Vec<Vec<&'static str>> = vec![Vec::new()];
    let mut from = 0;
    for _ in 0..longest {
        let open: Vec<Vec<&'static str>> = all[from..].to_vec();
        from = all.len();
        for sequence in open.iter().filter(|each| each.last() != Some(&"200")) {
            for outcome in OUTCOMES {
                let mut longer = sequence.clone();
                longer.push(outcome);
                all.push(longer);
            }
        }
    }
    all
}

/// One delivery, all sequences of outcomes: it is delivered, and taken more than once only where an
/// answer was lost.
#[test]
fn every_sequence_of_outcomes_ends_in_delivery() {
    let all = sequences(LONGEST);
    for_each(&all, |sequence| {
        let told = tell(&story(sequence, "due"), Telling::over(Medium::Memory));
        let told = told.unwrap_or_else(|error| panic!("{sequence:?}: {error}"));
        let tries = sequence.iter().position(|each| *each == "200").unwrap_or(sequence.len()) + 1;
        let expected = format!("end  ops  a1  delivered  attempts {tries}, received {tries}");
        assert!(told.text.contains(&expected), "{sequence:?}:\n{}", told.text);
    });
    eprintln!("{} sequences of outcomes", all.len());
}

/// The same with a crash before or after each commit, in both orders.
#[test]
fn every_sequence_of_outcomes_survives_a_crash_after_each() {
    let mut all = Vec::new();
    for (longest, ordering) in [(LONGEST, "due"), (3, "fifo")] {
        all.extend(sequences(longest).into_iter().map(|sequence| (sequence, ordering)));
    }
    let runs = for_each(&all, |(sequence, ordering)| {
        let story = story(sequence, ordering);
        let plain = tell(&story, Telling::over(Medium::Memory)).unwrap();
        for commit in 2..=plain.commits {
            for side in [Side::Before, Side::After] {
                let crash = Some((commit, side));
                let told = tell(&story, Telling { crash, ..Telling::over(Medium::Memory) });
                let told = told.unwrap_or_else(|e| panic!("{sequence:?} {crash:?}: {e}"));
                let delivered = told.text.contains("end  ops  a1  delivered  ");
                assert!(delivered, "{sequence:?} {crash:?}:\n{}", told.text);
            }
        }
        2 * (plain.commits - 1)
    });
    eprintln!("{} sequences of outcomes with a crash", runs.iter().sum::<usize>());
}

/// Matrix B12★: two acts of an operator at all moments of a delivery's way, on the wire, answered and
/// not yet written, written and not yet known, waiting, claimed: only legal states come of it, and a
/// late answer revives nothing.
#[test]
fn b12_operator_acts_interleave_with_a_running_attempt() {
    const ACTS: [&str; 6] =
        ["pause ops", "resume ops", "disable ops", "enable ops", "retry a1", "discard a1"];
    // Its first attempt goes out at 25 ms and is answered at 125; that is written at 135 and known at
    // 145. The second is claimed at 1125, goes out at 1145, is answered at 1245.
    const MOMENTS: [u32; 11] = [5, 60, 130, 140, 600, 1130, 1140, 1190, 1250, 1260, 1500];
    let mut all = Vec::new();
    for ordering in ["due", "fifo"] {
        for second in ["200 after 100ms", "503 after 100ms", "410 after 100ms"] {
            for (place, early) in MOMENTS.iter().enumerate() {
                for late in &MOMENTS[place..] {
                    for one in ACTS {
                        for other in ACTS {
                            all.push((ordering, second, [(*early, one), (*late, other)]));
                        }
                    }
                }
            }
        }
    }
    for_each(&all, |(ordering, second, acts)| interleaved(ordering, second, acts));
    eprintln!("{} interleavings of two acts", all.len());
}

fn interleaved(ordering: &str, second: &str, acts: &[(u32, &str)]) {
    let mut text = format!(
        "# Two acts.\n\
         policy  base 1s factor 2 cap 5s   timeout 500ms   jitter off   failures 2\n\
         latency commit 10ms told 10ms load 5ms\n\
         dest    ops  webhook https://ops.test/hook  ordering {ordering}\n\
         script  ops\n  #1  500 after 100ms\n  #2  {second}\n  0s  200 after 100ms\n\
         do\n  0s  accept a1\n"
    );
    for (at, act) in acts {
        text.push_str(&format!("  {at}ms  {act}\n"));
    }
    text.push_str("  5m  enable ops\n  10m  enable ops\n");
    let scenario = Scenario::parse(&text).unwrap();
    let told = tell(&scenario, Telling::over(Medium::Memory));
    let told = told.unwrap_or_else(|error| panic!("{acts:?}: {error}\n{text}"));
    let discarded = acts.iter().any(|(_, act)| *act == "discard a1");
    let over = told.text.contains("end  ops  a1  delivered")
        || (discarded && told.text.contains("end  ops  a1  discarded: operator"));
    assert!(over, "{text}\n{}", told.text);
}
