//! Every file in `fixtures/scenarios` is run, and holds what it expects.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::disk::Medium;
use crate::lang::{EXPECT, Scenario};
use crate::model::{Telling, tell};

/// A scenario's file.
pub(crate) struct Fixture {
    pub(crate) path: PathBuf,
    pub(crate) name: String,
    pub(crate) scenario: Scenario,
}

/// All of them, in the order of their names.
pub(crate) fn all() -> Vec<Fixture> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/scenarios");
    let mut paths = Vec::new();
    collect(&root, &mut paths);
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&root).unwrap().display().to_string();
            let text = std::fs::read_to_string(&path).unwrap();
            let scenario = Scenario::parse(&text).unwrap_or_else(|e| panic!("{name}, {e}"));
            Fixture { path, name, scenario }
        })
        .collect()
}

/// Every file but what explains them: one that is run by nobody would be found here.
fn collect(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, into);
        } else if path.extension().is_some_and(|ext| ext == "scenario") {
            into.push(path);
        } else {
            let explains = path.file_name().is_some_and(|name| name == "README.md");
            assert!(explains, "{} is run by nobody", path.display());
        }
    }
}

/// Does the same for each, on all of the machine's cores.
pub(crate) fn for_each<T: Sync, R: Send>(all: &[T], run: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(each) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = run(each);
                    done.lock().unwrap().push(result);
                }
            });
        }
    });
    done.into_inner().unwrap()
}

/// What two texts have in common is left out.
pub(crate) fn difference(expected: &str, found: &str) -> String {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let (expected, found) = (lines(expected), lines(found));
    let same = expected.iter().zip(&found).take_while(|(a, b)| a == b).count();
    let mut text = String::new();
    for (sign, lines) in [('-', &expected), ('+', &found)] {
        for line in lines.iter().skip(same).take(12) {
            text.push_str(&format!("  {sign} {line}\n"));
        }
    }
    text
}

/// Runs them all through one driver; the first one writes what is expected where it is told to.
fn hold_all(driver: &str, run: impl Fn(&Scenario) -> Result<(String, f64), String>) {
    let update = driver == "model" && std::env::var_os("UPDATE_EXPECT").is_some();
    let mut wrong = Vec::new();
    let mut hours = 0.0;
    let all = all();
    for fixture in &all {
        let (text, took) = match run(&fixture.scenario) {
            Ok(told) => told,
            Err(error) => {
                wrong.push(format!("{}: {error}", fixture.name));
                continue;
            }
        };
        hours += took;
        let expected = fixture.scenario.expect.as_deref().unwrap_or("");
        if text == expected {
            continue;
        }
        if update {
            let head = fixture.scenario.head.trim_end();
            std::fs::write(&fixture.path, format!("{head}\n{EXPECT}\n{text}")).unwrap();
        } else {
            wrong.push(format!("{}:\n{}", fixture.name, difference(expected, &text)));
        }
    }
    eprintln!("{driver}: {} scenarios, {hours:.0} simulated hours", all.len());
    assert!(wrong.is_empty(), "{} of {} fail\n{}", wrong.len(), all.len(), wrong.join("\n"));
}

#[test]
fn the_model_tells_every_story() {
    hold_all("model", |scenario| {
        tell(scenario, Telling::over(Medium::Memory)).map(|told| (told.text, told.hours))
    });
}

#[test]
fn the_store_tells_every_story() {
    hold_all("store", |scenario| {
        tell(scenario, Telling::over(Medium::Sqlite)).map(|told| (told.text, told.hours))
    });
}

#[test]
fn the_actors_tell_every_story() {
    hold_all("actors", |scenario| crate::actors::tell(scenario, Medium::Memory));
}
