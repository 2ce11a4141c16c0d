//! The language of scenarios: one file, one guarantee. Lines of plain words; an unknown word is an error
//! with its line's number. What each word does is told in `fixtures/scenarios/README.md`.

use std::time::Duration;

use belfry::domain::integration::{
    self, AuthMethod, DeliverySettings, HeaderName, Ordering, Policy,
};
use belfry::domain::schedule::{RetryOverrides, Schedule};

use crate::faults::Side;
use crate::receivers::{Answer, Asked, Kind, Rule, When};
use crate::words::{LangError, Words, span};

/// The line behind which stands what is expected.
pub(crate) const EXPECT: &str = "---- expect";

/// One guarantee as a story.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    /// The part before what is expected, as written.
    pub(crate) head: String,
    /// What is expected, if it was written down already.
    pub(crate) expect: Option<String>,
    pub(crate) policy: ServicePolicy,
    pub(crate) dests: Vec<Dest>,
    /// What happens to us, by time.
    pub(crate) deeds: Vec<(u64, Deed)>,
    /// When the story ends, if not when all is quiet.
    pub(crate) until: Option<u64>,
    pub(crate) latency: Latency,
    /// The process dies at that side of that commit, counted from 1, and begins again a second later.
    pub(crate) crash_at: Option<(usize, Side)>,
}

#[derive(Debug, Clone)]
pub(crate) struct ServicePolicy {
    pub(crate) policy: Policy,
    pub(crate) timeout_ms: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct Dest {
    pub(crate) name: String,
    pub(crate) kind: integration::Kind,
    pub(crate) url: String,
    pub(crate) auth: AuthMethod,
    pub(crate) delivery: DeliverySettings,
    pub(crate) rules: Vec<Rule>,
}

/// How long the store takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Latency {
    /// From being asked until the commit is on disk.
    pub(crate) commit_ms: u64,
    /// From there until the asker is told.
    pub(crate) told_ms: u64,
    /// From the snapshot until its reader has it.
    pub(crate) load_ms: u64,
}

impl Latency {
    pub(crate) fn longest(self) -> u64 {
        (self.commit_ms + self.told_ms).max(self.load_ms)
    }
}

/// Something that happens to us.
#[derive(Debug, Clone)]
pub(crate) enum Deed {
    Accept {
        alerts: Vec<String>,
        dests: Vec<usize>,
    },
    Crash,
    Stop,
    Start,
    SetStatus {
        dest: usize,
        word: StatusWord,
    },
    Retry {
        alert: String,
        dest: usize,
    },
    RetryDead {
        dest: usize,
    },
    Discard {
        alert: String,
        dest: usize,
    },
    /// Its actor dies at once.
    Panic {
        dest: usize,
    },
    /// From now on its actor dies of handling this.
    Poison {
        alert: String,
        dest: usize,
    },
    Cure {
        alert: String,
        dest: usize,
    },
    Clock {
        by_ms: i64,
    },
    DiskFull,
    DiskOk,
    /// In force from the next start on.
    Policy(Box<ServicePolicy>),
    Edit {
        dest: usize,
        to: Box<Dest>,
    },
    Delete {
        dest: usize,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StatusWord {
    Pause,
    Resume,
    Disable,
    Enable,
}

#[derive(Clone, Copy)]
enum Section {
    Top,
    Script(usize),
    Do,
}

impl Scenario {
    pub(crate) fn parse(text: &str) -> Result<Self, LangError> {
        let (head, expect) = match text.find(EXPECT) {
            Some(at) => {
                let (head, rest) = text.split_at(at);
                (head, rest.strip_prefix(EXPECT).and_then(|rest| rest.strip_prefix('\n')))
            }
            None => (text, None),
        };
        let mut parser = Parser {
            scenario: Self {
                head: head.to_owned(),
                expect: expect.map(str::to_owned),
                policy: ServicePolicy::default(),
                dests: Vec::new(),
                deeds: Vec::new(),
                until: None,
                latency: Latency::default(),
                crash_at: None,
            },
            section: Section::Top,
        };
        if !head.starts_with("# ") {
            let message =
                "a scenario begins with a comment that says what it guarantees".to_owned();
            return Err(LangError { line: 1, message });
        }
        for (index, line) in head.lines().enumerate() {
            let text = line.split_once('#').filter(|(before, after)| {
                before.is_empty() || (before.ends_with(' ') && after.starts_with(' '))
            });
            let text = text.map_or(line, |(before, _)| before);
            if !text.trim().is_empty() {
                parser.line(text.starts_with(' '), &mut Words::of(index + 1, text))?;
            }
        }
        let mut scenario = parser.scenario;
        if scenario.dests.is_empty() {
            return Err(LangError { line: 1, message: "there is no dest".to_owned() });
        }
        scenario.deeds.sort_by_key(|(at, _)| *at);
        Ok(scenario)
    }
}

struct Parser {
    scenario: Scenario,
    section: Section,
}

impl Parser {
    fn line(&mut self, indented: bool, words: &mut Words<'_>) -> Result<(), LangError> {
        if indented {
            match self.section {
                Section::Top => words.error("an indented line belongs below script or do"),
                Section::Script(dest) => {
                    let rule = rule(words)?;
                    let found = self.scenario.dests.get_mut(dest);
                    found.expect("the section was checked").rules.push(rule);
                    Ok(())
                }
                Section::Do => self.deed(words),
            }?;
            return words.end();
        }
        match words.need("a word")? {
            "policy" => self.scenario.policy = policy(self.scenario.policy.clone(), words)?,
            "dest" => {
                let dest = dest(words)?;
                self.scenario.dests.push(dest);
            }
            "latency" => self.scenario.latency = latency(words)?,
            "crash-at" => self.scenario.crash_at = Some(crash_at(words)?),
            "script" => self.section = Section::Script(self.dest(words)?),
            "do" => self.section = Section::Do,
            other => return words.error(format!("unknown word '{other}'")),
        }
        words.end()
    }

    fn dest(&self, words: &mut Words<'_>) -> Result<usize, LangError> {
        let name = words.need("a destination's name")?;
        match self.scenario.dests.iter().position(|dest| dest.name == name) {
            Some(dest) => Ok(dest),
            None => words.error(format!("there is no dest '{name}'")),
        }
    }

    /// The destination named, or the only one.
    fn dest_or_only(&self, words: &mut Words<'_>) -> Result<usize, LangError> {
        if words.peek().is_none() && self.scenario.dests.len() == 1 {
            return Ok(0);
        }
        self.dest(words)
    }

    fn deed(&mut self, words: &mut Words<'_>) -> Result<(), LangError> {
        let at = words.span()?;
        let deed = match words.need("what happens")? {
            "until" => {
                self.scenario.until = Some(at);
                return Ok(());
            }
            "accept" => self.accept(words)?,
            "crash" => Deed::Crash,
            "start" => Deed::Start,
            "stop" => Deed::Stop,
            "pause" => Deed::SetStatus { dest: self.dest(words)?, word: StatusWord::Pause },
            "resume" => Deed::SetStatus { dest: self.dest(words)?, word: StatusWord::Resume },
            "disable" => Deed::SetStatus { dest: self.dest(words)?, word: StatusWord::Disable },
            "enable" => Deed::SetStatus { dest: self.dest(words)?, word: StatusWord::Enable },
            "retry" => {
                let (alert, dest) = self.delivery(words)?;
                Deed::Retry { alert, dest }
            }
            "retry-dead" => Deed::RetryDead { dest: self.dest(words)? },
            "discard" => {
                let (alert, dest) = self.delivery(words)?;
                Deed::Discard { alert, dest }
            }
            "panic" => Deed::Panic { dest: self.dest(words)? },
            "poison" => {
                let (alert, dest) = self.delivery(words)?;
                Deed::Poison { alert, dest }
            }
            "cure" => {
                let (alert, dest) = self.delivery(words)?;
                Deed::Cure { alert, dest }
            }
            "clock" => Deed::Clock { by_ms: signed(words)? },
            "disk" => match words.need("full or ok")? {
                "full" => Deed::DiskFull,
                "ok" => Deed::DiskOk,
                other => return words.error(format!("a disk is full or ok, not '{other}'")),
            },
            "policy" => Deed::Policy(Box::new(policy(self.scenario.policy.clone(), words)?)),
            "edit" => {
                let dest = self.dest(words)?;
                let was = self.scenario.dests.get(dest).expect("it was found").clone();
                Deed::Edit { dest, to: Box::new(settings(was, words)?) }
            }
            "delete" => Deed::Delete { dest: self.dest(words)? },
            other => return words.error(format!("unknown word '{other}'")),
        };
        self.scenario.deeds.push((at, deed));
        Ok(())
    }

    fn delivery(&self, words: &mut Words<'_>) -> Result<(String, usize), LangError> {
        let alert = words.need("an alert's name")?.to_owned();
        Ok((alert, self.dest_or_only(words)?))
    }

    fn accept(&self, words: &mut Words<'_>) -> Result<Deed, LangError> {
        let mut alerts = Vec::new();
        while let Some(word) = words.peek().filter(|word| *word != "for") {
            words.next();
            match word.split_once("..") {
                None => alerts.push(word.to_owned()),
                Some((first, last)) => alerts.extend(range(first, last, words)?),
            }
        }
        let mut dests = Vec::new();
        if words.took("for") {
            while words.peek().is_some() {
                dests.push(self.dest(words)?);
            }
        } else {
            dests.extend(0..self.scenario.dests.len());
        }
        if alerts.is_empty() || dests.is_empty() {
            return words.error("accept which alerts, for which dests?");
        }
        Ok(Deed::Accept { alerts, dests })
    }
}

/// `a1..a20`
fn range(first: &str, last: &str, words: &Words<'_>) -> Result<Vec<String>, LangError> {
    let split = |name: &str| {
        let digits = name.find(|c: char| c.is_ascii_digit()).unwrap_or(name.len());
        let (stem, number) = name.split_at(digits);
        number.parse::<u32>().ok().map(|number| (stem.to_owned(), number))
    };
    match (split(first), split(last)) {
        (Some((stem, from)), Some((other, to))) if stem == other && from <= to => {
            Ok((from..=to).map(|number| format!("{stem}{number}")).collect())
        }
        _ => words.error(format!("'{first}..{last}' is no range like a1..a20")),
    }
}

fn policy(mut to: ServicePolicy, words: &mut Words<'_>) -> Result<ServicePolicy, LangError> {
    while let Some(word) = words.next() {
        let schedule = &mut to.policy.schedule;
        match word {
            "base" => schedule.base = Duration::from_millis(words.span()?),
            "factor" => schedule.factor = words.number("factor")?,
            "cap" => schedule.cap = Duration::from_millis(words.span()?),
            "horizon" => schedule.horizon = Duration::from_millis(words.span()?),
            "jitter" => schedule.jitter = jitter(words)?,
            "timeout" => to.timeout_ms = words.span()?,
            "failures" => to.policy.circuit_failures = words.number("count of failures")?,
            "max-in-flight" => to.policy.max_in_flight = words.number("count of attempts")?,
            "rate" => to.policy.rate_limit = Some(words.number("rate")?),
            other => return words.error(format!("unknown word '{other}'")),
        }
    }
    Ok(to)
}

fn jitter(words: &mut Words<'_>) -> Result<f64, LangError> {
    if words.took("off") { Ok(0.0) } else { words.number("share of jitter") }
}

fn dest(words: &mut Words<'_>) -> Result<Dest, LangError> {
    let name = words.need("a destination's name")?.to_owned();
    if name == "us" {
        return words.error("'us' names ourselves");
    }
    let word = words.need("a kind of destination")?;
    let Some(kind) = integration::Kind::from_word(word) else {
        return words.error(format!("unknown kind of destination '{word}'"));
    };
    let url = words.need("a URL")?.to_owned();
    let plain = Dest {
        name,
        kind,
        url,
        auth: AuthMethod::None,
        delivery: DeliverySettings::default(),
        rules: Vec::new(),
    };
    settings(plain, words)
}

fn settings(mut to: Dest, words: &mut Words<'_>) -> Result<Dest, LangError> {
    while let Some(word) = words.next() {
        let retry: &mut RetryOverrides = &mut to.delivery.retry;
        match word {
            "url" => to.url = words.need("a URL")?.to_owned(),
            "auth" => to.auth = auth(words)?,
            "max-in-flight" => {
                to.delivery.max_in_flight = Some(words.number("count of attempts")?);
            }
            "rate" => to.delivery.rate_limit = Some(words.number("rate")?),
            "ordering" => {
                to.delivery.ordering = match words.need("fifo or due")? {
                    "fifo" => Ordering::Fifo,
                    "due" => Ordering::Due,
                    other => return words.error(format!("unknown ordering '{other}'")),
                }
            }
            "base" => retry.base = Some(Duration::from_millis(words.span()?)),
            "factor" => retry.factor = Some(words.number("factor")?),
            "cap" => retry.cap = Some(Duration::from_millis(words.span()?)),
            "horizon" => retry.horizon = Some(Duration::from_millis(words.span()?)),
            "jitter" => retry.jitter = Some(jitter(words)?),
            other => return words.error(format!("unknown word '{other}'")),
        }
    }
    Ok(to)
}

fn auth(words: &mut Words<'_>) -> Result<AuthMethod, LangError> {
    match words.need("a method")? {
        "none" => Ok(AuthMethod::None),
        "bearer" => Ok(AuthMethod::Bearer),
        "api-key" => Ok(AuthMethod::ApiKey),
        "header" => match HeaderName::parse(words.need("a header's name")?) {
            Ok(name) => Ok(AuthMethod::CustomHeader(name)),
            Err(error) => words.error(error.to_string()),
        },
        other => words.error(format!("unknown method '{other}'")),
    }
}

fn latency(words: &mut Words<'_>) -> Result<Latency, LangError> {
    let mut latency = Latency::default();
    while let Some(word) = words.next() {
        match word {
            "commit" => latency.commit_ms = words.span()?,
            "told" => latency.told_ms = words.span()?,
            "load" => latency.load_ms = words.span()?,
            other => return words.error(format!("unknown word '{other}'")),
        }
    }
    Ok(latency)
}

/// `17 before`
fn crash_at(words: &mut Words<'_>) -> Result<(usize, Side), LangError> {
    let commit = words.number("number of a commit")?;
    match words.need("before or after")? {
        "before" => Ok((commit, Side::Before)),
        "after" => Ok((commit, Side::After)),
        other => words.error(format!("before or after the commit, not '{other}'")),
    }
}

/// `+5m` or `-1h`
fn signed(words: &mut Words<'_>) -> Result<i64, LangError> {
    let word = words.need("a span with its sign")?;
    let read = |text: &str| span(text).and_then(|ms| i64::try_from(ms).ok());
    let ms = match (word.strip_prefix('+'), word.strip_prefix('-')) {
        (Some(span), _) => read(span),
        (_, Some(span)) => read(span).map(|ms| -ms),
        _ => None,
    };
    match ms {
        Some(ms) => Ok(ms),
        None => words.error(format!("'{word}' is no span with its sign, like +5m")),
    }
}

/// `10s  429 retry-after 5m`, `#3  hang`, `0s  422 for a1`
fn rule(words: &mut Words<'_>) -> Result<Rule, LangError> {
    let when = match words.peek().and_then(|word| word.strip_prefix('#')) {
        Some(number) => {
            words.next();
            match number.parse() {
                Ok(number) => When::Request(number),
                Err(_) => return words.error(format!("'#{number}' is no number of a request")),
            }
        }
        None => When::From(words.span()?),
    };
    let kind = words.need("what the receiver does")?;
    let mut answer = Answer::new(match kind {
        "hang" => Kind::Hang,
        "refuse" => Kind::Refuse,
        "reset" => Kind::Reset,
        "reset-after-accept" => Kind::ResetAfterAccept,
        "dns" => Kind::Dns,
        "tls" => Kind::Tls,
        "redirect" => Kind::Status(302),
        "drip" => Kind::Drip,
        "flood" => Kind::Flood,
        other => match other.parse() {
            Ok(status @ 100..=999) => Kind::Status(status),
            _ => return words.error(format!("unknown word '{other}'")),
        },
    });
    let mut alert = None;
    while let Some(word) = words.next() {
        match word {
            "after" => answer.after_ms = words.span()?,
            "retry-after" => answer.retry_after.push(asked(words)?),
            "body" => {
                answer.slow_body = match words.need("slow, cut or endless")? {
                    "slow" => true,
                    "cut" | "endless" => false,
                    other => return words.error(format!("unknown body '{other}'")),
                }
            }
            "says" => answer.says = words.need("the answer's word")?.to_owned(),
            "for" => alert = Some(words.need("an alert's name")?.to_owned()),
            other => return words.error(format!("unknown word '{other}'")),
        }
    }
    Ok(Rule { when, alert, answer })
}

fn asked(words: &mut Words<'_>) -> Result<Asked, LangError> {
    match words.peek() {
        Some("date") => {
            words.next();
            Ok(Asked::Date(signed(words)?))
        }
        Some("raw") => {
            words.next();
            Ok(Asked::Raw(words.need("the header's text")?.replace('_', " ")))
        }
        _ => Ok(Asked::Seconds(words.span()? / 1000)),
    }
}

impl Default for ServicePolicy {
    fn default() -> Self {
        Self {
            policy: Policy {
                schedule: Schedule::default(),
                circuit_failures: 5,
                max_in_flight: 8,
                ordering: Ordering::Due,
                rate_limit: None,
            },
            timeout_ms: 5000,
        }
    }
}

#[test]
fn an_unknown_word_is_an_error_with_its_line() {
    for (text, line, word) in [
        ("policy base 5s\n", 1, "begins with a comment"),
        ("# x\npolicy bass 5s\n", 2, "unknown word 'bass'"),
        ("# x\ndest ops webhook https://ops.test/ oauth\n", 2, "unknown word 'oauth'"),
        ("# x\ndest ops pigeon https://ops.test/\n", 2, "unknown kind"),
        ("# x\ndest ops webhook https://ops.test/\nscript crm\n", 3, "no dest 'crm'"),
        ("# x\ndest ops webhook https://ops.test/\nscript ops\n  0s 20x\n", 4, "word '20x'"),
        ("# x\ndest ops webhook https://ops.test/\ndo\n\n  0s jump\n", 5, "word 'jump'"),
        ("# x\ndest ops webhook https://ops.test/\ndo\n  5 crash\n", 4, "no span of time"),
        ("# x\ndest ops webhook https://ops.test/\ndo\n  5s crash hard\n", 4, "word 'hard'"),
        ("# x\n  0s 200\n", 2, "below script or do"),
        ("# x\n", 1, "no dest"),
    ] {
        let error = Scenario::parse(text).expect_err(text);
        assert_eq!(error.line, line, "{text}: {error}");
        assert!(error.to_string().contains(word), "{text}: {error}");
    }
}
