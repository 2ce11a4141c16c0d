//! The log of a process that died in the middle of a write: what it holds is a prefix of the
//! transactions, whole ones, however much of the file is there.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use belfry::domain::alert::Body;
use belfry::engine::ports::{NewAlert, Store as _};
use belfry::store::{Fate, Inline};

use crate::fixture::{FIRST, Heard, Room, SECOND, alert, check};

const LOG_HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
const PAGE: usize = 4096;
const FRAME: usize = FRAME_HEADER + PAGE;
/// Alerts of one transaction.
const CALL: usize = 3;
const CALLS: usize = 12;

/// Transaction number `call`: several pages long.
fn call(call: usize) -> Vec<NewAlert> {
    let one = |n: usize| {
        let body = Body::new(vec![b'a' + u8::try_from(n).unwrap(); 6_000].into());
        NewAlert { body, ..alert(&format!("record-{call}-{n}"), &[FIRST, SECOND]) }
    };
    (0..CALL).map(one).collect()
}

// A14
#[tokio::test]
async fn a14_a_log_cut_anywhere_is_a_prefix_of_the_transactions() {
    // The schema and the automation are in the database's file, the calls in its log.
    let room = Room::new().await.reopen(None).await;
    for number in 0..CALLS {
        room.store.accept(call(number)).await.unwrap();
    }
    let image = room.crash();
    let log = fs::read(image.path().join("belfry.db-wal")).unwrap();
    assert_eq!((log.len() - LOG_HEADER) % FRAME, 0, "frames of pages of this size");
    let frames = (log.len() - LOG_HEADER) / FRAME;
    assert!(frames > 3 * CALLS, "each call is longer than one page");

    let mut found = Vec::new();
    for cut in cuts(frames) {
        found.push(calls_in(image.path(), &log[..cut]).await);
    }
    assert!(found.is_sorted(), "a longer log never holds less: {found:?}");
    assert_eq!(found.first(), Some(&0));
    assert_eq!(found.last(), Some(&CALLS));
    assert!((0..=CALLS).all(|number| found.contains(&number)), "each call is one step: {found:?}");
}

/// Where to cut: at each frame's end; in the last three frames also close to their parts' ends.
fn cuts(frames: usize) -> std::collections::BTreeSet<usize> {
    let end = |frame: usize| LOG_HEADER + frame * FRAME;
    let mut cuts: std::collections::BTreeSet<usize> = (0..=frames).map(end).collect();
    cuts.extend([0, 1, LOG_HEADER - 1]);
    for frame in frames - 3..frames {
        for near in [end(frame), end(frame) + FRAME_HEADER, end(frame + 1)] {
            cuts.extend((near - 4..=near + 4).filter(|cut| *cut <= end(frames)));
        }
        cuts.extend((end(frame)..end(frame + 1)).step_by(1021));
    }
    cuts
}

/// Opens the database with that log; checks that it holds whole calls in their order, and says how many.
async fn calls_in(image: &Path, log: &[u8]) -> usize {
    let dir = tempfile::tempdir().unwrap();
    fs::copy(image.join("belfry.db"), dir.path().join("belfry.db")).unwrap();
    fs::write(dir.path().join("belfry.db-wal"), log).unwrap();
    let store = Inline::open(dir.path(), Arc::new(Heard::default()), |_| Fate::Go)
        .unwrap_or_else(|error| panic!("{} bytes of the log: {error}", log.len()));

    let waiting = store.load(FIRST, None, 1000).await.unwrap().rows;
    assert_eq!(waiting.len() % CALL, 0, "{} bytes of the log tear a call", log.len());
    assert_eq!(store.load(SECOND, None, 1000).await.unwrap().rows.len(), waiting.len());
    for (place, each) in waiting.iter().enumerate() {
        let alert = store.alert(each.alert).await.unwrap().expect("a body that is whole");
        let expected = &call(place / CALL)[place % CALL];
        assert_eq!(alert.record_id, expected.record_id);
        assert_eq!(alert.body, expected.body);
    }
    let calls = waiting.len() / CALL;
    // And it goes on from there.
    if calls < CALLS {
        assert!(store.accept(call(calls)).await.unwrap().iter().flatten().all(|each| each.fresh));
    }
    drop(store);
    check(dir.path());
    calls
}
