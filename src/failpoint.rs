//! Points in the code at which a test makes the process die, panic or spin. They exist only in builds
//! with debug assertions; in a release build each is an empty function.
//!
//! `BELFRY_FAILPOINTS` holds a list such as `accept.after_commit@2=abort,handle.dlv_3=panic`: at the
//! second time that the first point is reached the process aborts, and each time that the delivery
//! `dlv_3` is handled its actor panics.

/// Something that can be done at a point.
#[cfg(debug_assertions)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Abort,
    Panic,
    Spin,
}

#[cfg(debug_assertions)]
struct Point {
    name: String,
    /// Reached so often, it acts; 0 acts each time.
    at: u64,
    deed: Deed,
    reached: std::sync::atomic::AtomicU64,
}

#[cfg(debug_assertions)]
static POINTS: std::sync::OnceLock<Vec<Point>> = std::sync::OnceLock::new();

/// Sets the points from the environment; call it once, first thing in `main`.
///
/// # Errors
/// The entry that can't be understood.
#[cfg(debug_assertions)]
pub fn arm() -> Result<(), String> {
    let Ok(list) = std::env::var("BELFRY_FAILPOINTS") else { return Ok(()) };
    let points = list.split(',').map(|entry| parse(entry).ok_or_else(|| entry.to_owned()));
    // A second call would find the points set already, to the same.
    let _same = POINTS.set(points.collect::<Result<_, _>>()?);
    Ok(())
}

/// There are no points in a release build.
///
/// # Errors
/// None.
#[cfg(not(debug_assertions))]
pub fn arm() -> Result<(), String> {
    Ok(())
}

#[cfg(debug_assertions)]
fn parse(entry: &str) -> Option<Point> {
    let (place, deed) = entry.trim().split_once('=')?;
    let deed = match deed {
        "abort" => Deed::Abort,
        "panic" => Deed::Panic,
        "spin" => Deed::Spin,
        _ => return None,
    };
    let (name, at) = match place.split_once('@') {
        Some((name, at)) => (name, at.parse().ok()?),
        None => (place, 0),
    };
    Some(Point { name: name.to_owned(), at, deed, reached: 0.into() })
}

/// The point is reached.
#[cfg(debug_assertions)]
#[expect(clippy::panic, reason = "a test asked for it")]
pub fn reach(name: &str) {
    let Some(points) = POINTS.get() else { return };
    for point in points.iter().filter(|each| each.name == name) {
        let count = 1 + point.reached.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        if point.at != 0 && point.at != count {
            continue;
        }
        match point.deed {
            Deed::Abort => std::process::abort(),
            Deed::Panic => panic!("failpoint {name}"),
            Deed::Spin => loop {
                std::hint::spin_loop();
            },
        }
    }
}

/// The point is reached; nothing happens in a release build.
#[cfg(not(debug_assertions))]
#[inline]
pub fn reach(_name: &str) {}

/// The same for a point whose name is not known before: it is built only where points are set.
#[cfg(debug_assertions)]
pub fn reach_with(name: impl FnOnce() -> String) {
    if POINTS.get().is_some_and(|points| !points.is_empty()) {
        reach(&name());
    }
}

/// The same for a point whose name is not known before; nothing happens in a release build.
#[cfg(not(debug_assertions))]
#[inline]
pub fn reach_with(_name: impl FnOnce() -> String) {}
