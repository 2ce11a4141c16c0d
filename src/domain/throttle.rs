//! How long somebody who gave wrong passwords waits before the next one is looked at. It slows guessing
//! down, and never shuts anybody out: each wait is short, and ends by itself.

use std::collections::BTreeMap;
use std::time::Duration;

use super::limits::{NAME_BYTES, SIGN_INS_REMEMBERED};
use super::time::Timestamp;

/// Wrong passwords are forgotten after so long without another one.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(15);

/// What wrong passwords are counted by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    /// Guesses at one account from one address.
    Both(String, String),
    /// Guesses at one account from anywhere. The waits are short: its owner must get in between.
    Account(String),
    /// Guesses at any account from one address.
    Address(String),
}

impl Key {
    /// Wrong passwords that cost nothing, and the longest wait after more.
    const fn terms(&self) -> (u32, Duration) {
        match self {
            Self::Both(..) => (5, Duration::from_mins(1)),
            Self::Account(_) => (20, Duration::from_secs(5)),
            Self::Address(_) => (50, Duration::from_mins(1)),
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Tries {
    count: u32,
    last: Timestamp,
}

/// Remembers wrong passwords, a bounded number of them, and no name that was given in them longer than
/// it must.
#[derive(Debug, Default)]
pub struct Throttle {
    tries: BTreeMap<Key, Tries>,
}

impl Throttle {
    /// Takes note of a try before it is looked at, so that many at once are as slow as one by one.
    ///
    /// # Errors
    /// How long to wait before the next; the try does not count then.
    pub fn begin(&mut self, account: &str, address: &str, now: Timestamp) -> Result<(), Duration> {
        let keys = keys(account, address);
        let wait = keys.iter().map(|key| self.wait(key, now)).max().unwrap_or_default();
        if wait > Duration::ZERO {
            return Err(wait);
        }
        for key in keys {
            self.make_room(&key, now);
            let tries = self.tries.entry(key).or_insert(Tries { count: 0, last: now });
            if now.since(tries.last) > FORGOTTEN_AFTER {
                tries.count = 0;
            }
            tries.count = tries.count.saturating_add(1);
            tries.last = now;
        }
        Ok(())
    }

    /// That try was right: what was held against its account is forgotten, and it does not count
    /// against its address.
    pub fn succeeded(&mut self, account: &str, address: &str) {
        for key in keys(account, address) {
            match &key {
                Key::Both(..) | Key::Account(_) => {
                    self.tries.remove(&key);
                }
                Key::Address(_) => {
                    if let Some(tries) = self.tries.get_mut(&key) {
                        tries.count = tries.count.saturating_sub(1);
                    }
                }
            }
        }
    }

    fn wait(&self, key: &Key, now: Timestamp) -> Duration {
        let Some(tries) = self.tries.get(key) else { return Duration::ZERO };
        let since = now.since(tries.last);
        let (free, longest) = key.terms();
        if since > FORGOTTEN_AFTER || tries.count < free {
            return Duration::ZERO;
        }
        let doublings = (tries.count - free).min(16);
        let wait = Duration::from_secs(1 << doublings).min(longest);
        // A clock that was set back makes nobody wait longer than a whole wait.
        wait.saturating_sub(since)
    }

    /// What is long past goes first, then what is oldest.
    fn make_room(&mut self, key: &Key, now: Timestamp) {
        if self.tries.len() < SIGN_INS_REMEMBERED || self.tries.contains_key(key) {
            return;
        }
        self.tries.retain(|_, tries| now.since(tries.last) <= FORGOTTEN_AFTER);
        if self.tries.len() >= SIGN_INS_REMEMBERED {
            let oldest = self.tries.iter().min_by_key(|(_, tries)| tries.last);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                self.tries.remove(&oldest);
            }
        }
    }
}

/// Nobody's name is longer than a name may be: of what anybody typed there no more is kept.
fn keys(account: &str, address: &str) -> [Key; 3] {
    let account = account.get(..account.floor_char_boundary(NAME_BYTES)).unwrap_or_default();
    [
        Key::Both(account.to_owned(), address.to_owned()),
        Key::Account(account.to_owned()),
        Key::Address(address.to_owned()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_782_561_600_000).plus(Duration::from_secs(seconds))
    }

    /// Matrix F8: five wrong ones slow the next down, a little more each time, and never for long.
    #[test]
    fn f8_five_wrong_ones_slow_the_next_down() {
        let mut throttle = Throttle::default();
        for _ in 0..5 {
            throttle.begin("ada", "10.0.0.1", at(0)).expect("the first five are free");
        }
        let mut now = 0;
        let mut waits = Vec::new();
        for _ in 0..8 {
            let wait = throttle.begin("ada", "10.0.0.1", at(now)).expect_err("it is too early");
            waits.push(wait.as_secs());
            now += wait.as_secs();
            throttle.begin("ada", "10.0.0.1", at(now)).expect("it is time");
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        throttle.begin("bob", "10.0.0.1", at(now)).expect("others are not slowed");
        throttle.begin("ada", "10.0.0.2", at(now)).expect("from elsewhere its owner gets in");
        throttle.succeeded("ada", "10.0.0.1");
        throttle.begin("ada", "10.0.0.1", at(now)).expect("what was wrong is forgotten");
    }

    #[test]
    fn guesses_from_everywhere_are_slow_and_leave_gaps() {
        let mut throttle = Throttle::default();
        let mut now = 0;
        for number in 0..1000 {
            let address = format!("10.0.{}.{}", number / 256, number % 256);
            if let Err(wait) = throttle.begin("ada", &address, at(now)) {
                assert!(wait <= Duration::from_secs(5), "{wait:?}");
                now += wait.as_secs();
                throttle.begin("ada", &address, at(now)).expect("it is time");
            }
        }
        assert!(now > 4000, "a thousand guesses took {now} s");
    }

    #[test]
    fn what_is_past_is_forgotten_and_memory_is_bounded() {
        let mut throttle = Throttle::default();
        for _ in 0..5 {
            throttle.begin("ada", "a", at(0)).expect("free");
        }
        throttle.begin("ada", "a", at(901)).expect("it is forgotten");
        for number in 0..2 * SIGN_INS_REMEMBERED {
            let name = format!("u{number}");
            throttle.begin(&name, &name, at(1000)).expect("each is new");
        }
        assert!(throttle.tries.len() <= SIGN_INS_REMEMBERED);
        throttle.begin(&"é".repeat(1_000_000), "b", at(1000)).expect("it is new");
        let longest = throttle.tries.keys().map(|key| match key {
            Key::Both(account, _) | Key::Account(account) | Key::Address(account) => account.len(),
        });
        assert!(
            longest.max() <= Some(NAME_BYTES),
            "no more of a name is kept than a name may have"
        );
    }

    #[test]
    fn a_clock_set_back_makes_nobody_wait_long() {
        let mut throttle = Throttle::default();
        for _ in 0..5 {
            throttle.begin("ada", "a", at(100_000)).expect("free");
        }
        let wait = throttle.begin("ada", "a", at(0)).expect_err("slowed");
        assert_eq!(wait, Duration::from_secs(1));
    }
}
