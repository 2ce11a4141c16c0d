//! What is made out of every scenario: a crash at each of its commits, a neighbour, another time, and
//! everything said twice.

use std::time::Duration;

use belfry::domain::delivery::State;

use crate::disk::Medium;
use crate::faults::Side;
use crate::fixtures::{Fixture, all, difference, for_each};
use crate::lang::{Deed, Scenario};
use crate::model::{Telling, Told, tell};
use crate::scene::BASE;

/// Everything that was accepted, and what it came to.
fn came_to(told: &Told) -> Vec<(String, usize, State)> {
    let rows = told.scene.disk.rows();
    let mut all: Vec<_> = rows
        .iter()
        .filter_map(|row| {
            let (alert, dest) = told.scene.book.name(row.id)?;
            Some((alert.to_owned(), dest, row.state))
        })
        .collect();
    all.sort();
    all
}

fn hold(what: &str, wrong: &[String], runs: usize, hours: f64) {
    eprintln!("{what}: {runs} runs, {hours:.0} simulated hours");
    let shown = wrong.iter().take(5).cloned().collect::<Vec<_>>().join("\n");
    assert!(wrong.is_empty(), "{} of {runs} fail\n{shown}", wrong.len());
}

/// What runs came to.
#[derive(Default)]
struct Tally {
    runs: usize,
    hours: f64,
    wrong: Vec<String>,
}

/// A crash before and after each commit of each scenario. What the sender was not told is said again.
fn crash_at_each_commit(medium: Medium) {
    let tallies = for_each(&all(), |fixture| crash_at_each_commit_of(fixture, medium));
    let mut sum = Tally::default();
    for tally in tallies {
        sum.runs += tally.runs;
        sum.hours += tally.hours;
        sum.wrong.extend(tally.wrong);
    }
    hold(&format!("crash at each commit, {medium:?}"), &sum.wrong, sum.runs, sum.hours);
}

fn crash_at_each_commit_of(fixture: &Fixture, medium: Medium) -> Tally {
    let Fixture { name, scenario, .. } = fixture;
    let plain = tell(scenario, Telling::over(Medium::Memory)).unwrap();
    let expected = came_to(&plain);
    let mut tally = Tally::default();
    for commit in 2..=plain.commits {
        for side in [Side::Before, Side::After] {
            let crash = Some((commit, side));
            tally.runs += 1;
            match tell(scenario, Telling { crash, ..Telling::over(medium) }) {
                Err(error) => tally.wrong.push(format!("{name} {side:?} {commit}: {error}")),
                Ok(told) => {
                    tally.hours += told.hours;
                    if let Some(error) = differ(scenario, &expected, &came_to(&told)) {
                        let place = format!("{name} {side:?} {commit}");
                        tally.wrong.push(format!("{place}: {error}\n{}", told.text));
                    }
                }
            }
        }
    }
    tally
}

/// With a crash the same was accepted, and what was delivered without it is delivered with it.
fn differ(
    scenario: &Scenario,
    expected: &[(String, usize, State)],
    found: &[(String, usize, State)],
) -> Option<String> {
    let names = |all: &[(String, usize, State)]| {
        all.iter().map(|(alert, dest, _)| (alert.clone(), *dest)).collect::<Vec<_>>()
    };
    if names(expected) != names(found) {
        return Some(format!("{expected:?} were accepted, with the crash {found:?}"));
    }
    // Where time runs out, or somebody acts at a time, a crash may come between.
    let timed = scenario.until.is_some()
        || scenario.deeds.iter().any(|(_, deed)| {
            !matches!(deed, Deed::Accept { .. } | Deed::Crash | Deed::Stop | Deed::Start)
        });
    let lost = expected.iter().zip(found).find(|(before, after)| {
        before.2 == State::Delivered && matches!(after.2, State::Dead | State::Discarded) && !timed
    });
    lost.map(|((alert, dest, _), after)| format!("{alert} to {dest} came to {:?}", after.2))
}

#[test]
fn nothing_is_lost_by_a_crash_at_any_commit() {
    crash_at_each_commit(Medium::Memory);
}

#[test]
fn nothing_is_lost_by_a_crash_at_any_commit_on_disk() {
    crash_at_each_commit(Medium::Sqlite);
}

/// The same story at another time is the same.
#[test]
fn a_shift_in_time_changes_nothing() {
    let (mut wrong, mut hours) = (Vec::new(), 0.0);
    let all = all();
    for Fixture { name, scenario, .. } in &all {
        let plain = tell(scenario, Telling::over(Medium::Memory)).unwrap();
        let base = BASE.plus(Duration::from_secs(3650 * 86_400 + 12_345));
        let told = tell(scenario, Telling { base, ..Telling::over(Medium::Memory) }).unwrap();
        hours += told.hours;
        if told.text != plain.text {
            wrong.push(format!("{name}:\n{}", difference(&plain.text, &told.text)));
        }
    }
    hold("shift in time", &wrong, all.len(), hours);
}

/// What is accepted twice goes out once.
#[test]
fn everything_accepted_twice_is_sent_once() {
    let (mut wrong, mut hours) = (Vec::new(), 0.0);
    let all = all();
    for Fixture { name, scenario, .. } in &all {
        let plain = tell(scenario, Telling::over(Medium::Memory)).unwrap();
        let told =
            tell(scenario, Telling { twice: true, ..Telling::over(Medium::Memory) }).unwrap();
        hours += told.hours;
        let of = |told: &Told| told.scene.book.about(&told.scene.ids).join("\n");
        if of(&told) != of(&plain) || came_to(&told) != came_to(&plain) {
            wrong.push(format!("{name}:\n{}", difference(&of(&plain), &of(&told))));
        }
    }
    hold("accepted twice", &wrong, all.len(), hours);
}

/// Matrix B6: what happens at one destination leaves the timeline of another as it is. Each scenario is
/// told beside the next one's destinations and their troubles.
#[test]
fn a_neighbour_changes_nothing() {
    let (mut wrong, mut runs, mut hours) = (Vec::new(), 0, 0.0);
    let all: Vec<Fixture> = all().into_iter().filter(|each| is_alone(&each.scenario)).collect();
    for (place, fixture) in all.iter().enumerate() {
        for step in [1, 7, 31] {
            let neighbour = &all[(place + step) % all.len()];
            let alone = still(fixture.scenario.clone());
            let beside = beside(alone.clone(), &neighbour.scenario);
            let plain = tell(&alone, Telling::over(Medium::Memory)).unwrap();
            let name = format!("{} beside {}", fixture.name, neighbour.name);
            runs += 1;
            match tell(&beside, Telling::over(Medium::Memory)) {
                Err(error) => wrong.push(format!("{name}: {error}")),
                Ok(told) => {
                    hours += told.hours;
                    let of = |told: &Told| told.scene.book.about(&plain.scene.ids).join("\n");
                    if of(&told) != of(&plain) {
                        wrong.push(format!("{name}:\n{}", difference(&of(&plain), &of(&told))));
                    }
                }
            }
        }
    }
    hold("beside a neighbour", &wrong, runs, hours);
}

/// Not those in which something happens to the whole process: starts are spread over all destinations,
/// and that a disk is full is noticed by whoever writes first.
fn is_alone(scenario: &Scenario) -> bool {
    let whole = |deed: &Deed| {
        matches!(deed, Deed::Start | Deed::Crash | Deed::Stop | Deed::DiskFull | Deed::Policy(_))
    };
    !scenario.deeds.iter().any(|(_, deed)| whole(deed))
}

/// Jitter is keyed by the delivery's number, which a neighbour's deliveries shift.
fn still(mut scenario: Scenario) -> Scenario {
    scenario.policy.policy.schedule.jitter = 0.0;
    scenario
}

/// The one's destinations beside the other's, with what happens to them.
fn beside(mut scenario: Scenario, neighbour: &Scenario) -> Scenario {
    let first = scenario.dests.len();
    for dest in &neighbour.dests {
        let mut dest = dest.clone();
        dest.name = format!("next-{}", dest.name);
        for rule in &mut dest.rules {
            rule.alert = rule.alert.as_ref().map(|alert| format!("next-{alert}"));
        }
        scenario.dests.push(dest);
    }
    let next = |alert: &String| format!("next-{alert}");
    for (at, deed) in &neighbour.deeds {
        let deed = match deed.clone() {
            Deed::Accept { alerts, dests } => Deed::Accept {
                alerts: alerts.iter().map(next).collect(),
                dests: dests.iter().map(|dest| dest + first).collect(),
            },
            Deed::SetStatus { dest, word } => Deed::SetStatus { dest: dest + first, word },
            Deed::Retry { alert, dest } => Deed::Retry { alert: next(&alert), dest: dest + first },
            Deed::RetryDead { dest } => Deed::RetryDead { dest: dest + first },
            Deed::Discard { alert, dest } => {
                Deed::Discard { alert: next(&alert), dest: dest + first }
            }
            Deed::Panic { dest } => Deed::Panic { dest: dest + first },
            Deed::Poison { alert, dest } => {
                Deed::Poison { alert: next(&alert), dest: dest + first }
            }
            Deed::Cure { alert, dest } => Deed::Cure { alert: next(&alert), dest: dest + first },
            Deed::Delete { dest } => Deed::Delete { dest: dest + first },
            Deed::Edit { .. }
            | Deed::Crash
            | Deed::Stop
            | Deed::Start
            | Deed::Clock { .. }
            | Deed::DiskFull
            | Deed::DiskOk
            | Deed::Policy(_) => continue,
        };
        scenario.deeds.push((*at, deed));
    }
    scenario.deeds.sort_by_key(|(at, _)| *at);
    scenario
}
