//! What a receiver does, from which time, request or try on: text in the words that the scenario
//! files use for their receivers.

use std::collections::BTreeMap;
use std::time::Duration;

/// What a receiver answers to whom, and when. Without any step it answers 200.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script {
    /// For every path that has no steps of its own.
    pub default: Vec<Step>,
    /// For the path `/name`.
    pub named: BTreeMap<String, Vec<Step>>,
}

/// One line: when it counts, for whom, and what is done then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// When it counts.
    pub when: When,
    /// The record whose alerts are meant; without it, all.
    pub record_id: Option<String>,
    /// What is done.
    pub answer: Answer,
}

/// When a step counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// From so long after the receiver began to listen.
    From(Duration),
    /// For just this request, counted from 1 for each script.
    Request(u64),
    /// From this try of an alert on, counted from 1 for each Idempotency-Key.
    Try(u32),
}

/// What a receiver does with one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What it does.
    pub kind: Kind,
    /// It does it so long after the request was read.
    pub after: Duration,
    /// The Retry-After fields of a response.
    pub retry_after: Vec<RetryAfter>,
    /// The body of a response.
    pub body: Body,
}

/// What a receiver does, in one word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// It responds with this status.
    Status(u16),
    /// It redirects to this place; to `/redirected` of itself where none is given.
    Redirect(Option<String>),
    /// It never answers.
    Hang,
    /// It resets each connection as soon as it is accepted.
    Refuse,
    /// It resets the connection, and does not take the alert.
    Reset,
    /// It takes the alert, and resets the connection instead of saying so.
    ResetAfterAccept,
    /// It speaks something else than TLS.
    Tls,
    /// It sends the head byte by byte, without end.
    Drip,
    /// It sends a head whose fields never end.
    Flood,
    /// It sends interim responses (103) without end.
    Interim,
    /// It sends something that is not HTTP.
    Garbage,
}

/// The body of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// This text, whole.
    Text(String),
    /// Byte by byte, without end.
    Slow,
    /// Less than the head promises, and then the connection closes.
    Cut,
    /// Without end, as fast as it is taken.
    Endless,
}

/// A Retry-After field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RetryAfter {
    /// Seconds.
    Seconds(u64),
    /// A date, so many milliseconds after the answer, or before it.
    Date(i64),
    /// This text.
    Raw(String),
}

impl Answer {
    /// An immediate response without a body.
    pub fn status(status: u16) -> Self {
        Self::of(Kind::Status(status))
    }

    /// This, at once.
    pub fn of(kind: Kind) -> Self {
        let body = Body::Text(String::new());
        Self { kind, after: Duration::ZERO, retry_after: Vec::new(), body }
    }

    /// The status that is given, where one is.
    pub fn given(&self) -> Option<u16> {
        match self.kind {
            Kind::Status(status) => Some(status),
            Kind::Redirect(_) => Some(302),
            Kind::Hang
            | Kind::Refuse
            | Kind::Reset
            | Kind::ResetAfterAccept
            | Kind::Tls
            | Kind::Drip
            | Kind::Flood
            | Kind::Interim
            | Kind::Garbage => None,
        }
    }

    /// Whether the receiver takes the alert as its own by this.
    pub fn takes(&self) -> bool {
        match self.kind {
            Kind::Status(status) => (200..300).contains(&status),
            Kind::ResetAfterAccept => true,
            Kind::Redirect(_)
            | Kind::Hang
            | Kind::Refuse
            | Kind::Reset
            | Kind::Tls
            | Kind::Drip
            | Kind::Flood
            | Kind::Interim
            | Kind::Garbage => false,
        }
    }

    /// The word for it in scripts and logs.
    pub fn word(&self) -> &'static str {
        match self.kind {
            Kind::Status(_) => "status",
            Kind::Redirect(_) => "redirect",
            Kind::Hang => "hang",
            Kind::Refuse => "refuse",
            Kind::Reset => "reset",
            Kind::ResetAfterAccept => "reset-after-accept",
            Kind::Tls => "tls",
            Kind::Drip => "drip",
            Kind::Flood => "flood",
            Kind::Interim => "interim",
            Kind::Garbage => "garbage",
        }
    }
}

/// A script that can't be followed: which line, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct ScriptError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong, and what is allowed.
    pub what: String,
}

const KINDS: &str = "a status from 100 to 999, redirect, hang, refuse, reset, reset-after-accept, \
                     tls, drip, flood, interim or garbage";
const MORE: &str = "after TIME, retry-after TIME, retry-after date +TIME, retry-after raw TEXT, \
                    body slow, cut, endless or \"TEXT\", to URL, for RECORD";

impl Script {
    /// Reads a script: lines of a start and an answer, `#` and a blank for comments, and `script NAME`
    /// before the lines that count for the path `/NAME` only.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        let mut script = Self::default();
        let mut section: Option<String> = None;
        for (index, line) in text.lines().enumerate() {
            let at = |what: String| ScriptError { line: index + 1, what };
            let words = split(line).map_err(at)?;
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            match words.as_slice() {
                [] => {}
                ["script", name] => {
                    section = Some((*name).to_owned());
                    script.named.entry((*name).to_owned()).or_default();
                }
                words => {
                    let step = step(words).map_err(at)?;
                    let at_the_door = matches!(step.answer.kind, Kind::Refuse | Kind::Tls);
                    match &section {
                        Some(_) if at_the_door => {
                            return Err(at(format!(
                                "`{}` happens before a path is known: it belongs before the first \
                                 `script` line",
                                step.answer.word()
                            )));
                        }
                        Some(name) => script.named.entry(name.clone()).or_default().push(step),
                        None => script.default.push(step),
                    }
                }
            }
        }
        Ok(script)
    }
}

/// The words of a line; `"…"` is one word, and a word that is just `#` begins a comment.
fn split(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix('"') {
            let (word, after) = quoted
                .split_once('"')
                .ok_or_else(|| "the text after `\"` has no closing `\"`".to_owned())?;
            words.push(word.to_owned());
            rest = after.trim_start();
        } else {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            if word == "#" {
                break;
            }
            words.push(word.to_owned());
            rest = after.trim_start();
        }
    }
    Ok(words)
}

fn step(words: &[&str]) -> Result<Step, String> {
    let (when, words) = match words {
        ["try", number, rest @ ..] => {
            let number = u32::try_from(count(number)?).map_err(|_| "too large".to_owned())?;
            (When::Try(number), rest)
        }
        [first, rest @ ..] => match first.strip_prefix('#') {
            Some(number) => (When::Request(count(number)?), rest),
            None => (When::From(span(first)?), rest),
        },
        [] => return Err("the start is missing: a time, `#N` or `try N`".to_owned()),
    };
    let (kind, mut words) = match words {
        [word, rest @ ..] => (kind(word)?, rest),
        [] => return Err(format!("the answer is missing: {KINDS}")),
    };
    let mut step = Step { when, record_id: None, answer: Answer::of(kind) };
    while !words.is_empty() {
        words = more(&mut step, words)?;
    }
    Ok(step)
}

fn count(word: &str) -> Result<u64, String> {
    match word.parse() {
        Ok(0) | Err(_) => Err(format!("`{word}` is not a number from 1 on")),
        Ok(number) => Ok(number),
    }
}

fn kind(word: &str) -> Result<Kind, String> {
    Ok(match word {
        "hang" => Kind::Hang,
        "refuse" => Kind::Refuse,
        "reset" => Kind::Reset,
        "reset-after-accept" => Kind::ResetAfterAccept,
        "tls" => Kind::Tls,
        "redirect" => Kind::Redirect(None),
        "drip" => Kind::Drip,
        "flood" => Kind::Flood,
        "interim" => Kind::Interim,
        "garbage" => Kind::Garbage,
        "dns" => return Err("`dns` is nothing that a receiver can do".to_owned()),
        status => match status.parse() {
            Ok(status @ 100..=999) => Kind::Status(status),
            Ok(_) | Err(_) => return Err(format!("`{word}` is none of: {KINDS}")),
        },
    })
}

/// Takes one of the words behind an answer, and returns what is left.
fn more<'a, 'b>(step: &mut Step, words: &'a [&'b str]) -> Result<&'a [&'b str], String> {
    let answer = &mut step.answer;
    let rest = match words {
        ["after", time, rest @ ..] => {
            answer.after = span(time)?;
            rest
        }
        ["retry-after", "date", shift, rest @ ..] => {
            answer.retry_after.push(RetryAfter::Date(signed_ms(shift)?));
            rest
        }
        ["retry-after", "raw", text, rest @ ..] => {
            answer.retry_after.push(RetryAfter::Raw(field(&text.replace('_', " "))?));
            rest
        }
        ["retry-after", time, rest @ ..] => {
            answer.retry_after.push(RetryAfter::Seconds(span(time)?.as_secs()));
            rest
        }
        ["body", body, rest @ ..] => {
            answer.body = match *body {
                "slow" => Body::Slow,
                "cut" => Body::Cut,
                "endless" => Body::Endless,
                text => Body::Text(text.to_owned()),
            };
            rest
        }
        ["to", url, rest @ ..] if matches!(answer.kind, Kind::Redirect(_)) => {
            answer.kind = Kind::Redirect(Some(field(url)?));
            rest
        }
        ["for", record_id, rest @ ..] => {
            step.record_id = Some((*record_id).to_owned());
            rest
        }
        [other, ..] => return Err(format!("`{other}` is none of: {MORE}")),
        [] => words,
    };
    Ok(rest)
}

fn signed_ms(word: &str) -> Result<i64, String> {
    let (sign, text) = match (word.strip_prefix('+'), word.strip_prefix('-')) {
        (Some(text), _) => (1, text),
        (_, Some(text)) => (-1, text),
        (None, None) => return Err(format!("`{word}` is not a time with its sign, as +5m")),
    };
    let ms = i64::try_from(span(text)?.as_millis()).map_err(|_| "too large".to_owned())?;
    Ok(sign * ms)
}

fn field(value: &str) -> Result<String, String> {
    match http::HeaderValue::from_str(value) {
        Ok(_) => Ok(value.to_owned()),
        Err(_) => Err(format!("`{}` can't stand in a header", value.escape_default())),
    }
}

/// A span of time, as the configuration writes them: `120ms`, `5s`, `5m`, `1h30m`, `3d`.
pub fn span(text: &str) -> Result<Duration, String> {
    crate::config::span::parse(text)
        .ok_or_else(|| format!("`{text}` is not a time: write a whole number and ms, s, m, h or d"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_says_what_is_done_when_and_for_whom() {
        let script = Script::parse(
            "# the scenario's words\n\
             0s   503\n\
             10s  429 retry-after 5m retry-after date -1h retry-after raw soon_or_later\n\
             60s  200 after 120ms body \"all # well\"   # at last\n\
             script ops\n\
             0s   hang\n\
             #3   reset for \"r 1\"\n\
             try 2  redirect to https://elsewhere.test/x\n",
        )
        .unwrap();
        let secs = |n| When::From(Duration::from_secs(n));
        let step = |when, answer| Step { when, record_id: None, answer };
        let later = Answer {
            retry_after: vec![
                RetryAfter::Seconds(300),
                RetryAfter::Date(-3_600_000),
                RetryAfter::Raw("soon or later".to_owned()),
            ],
            ..Answer::status(429)
        };
        let slow = Answer {
            after: Duration::from_millis(120),
            body: Body::Text("all # well".to_owned()),
            ..Answer::status(200)
        };
        assert_eq!(
            script.default,
            [step(secs(0), Answer::status(503)), step(secs(10), later), step(secs(60), slow),]
        );
        let elsewhere = Kind::Redirect(Some("https://elsewhere.test/x".to_owned()));
        assert_eq!(
            script.named.get("ops").unwrap().as_slice(),
            [
                step(secs(0), Answer::of(Kind::Hang)),
                Step {
                    when: When::Request(3),
                    record_id: Some("r 1".to_owned()),
                    answer: Answer::of(Kind::Reset),
                },
                step(When::Try(2), Answer::of(elsewhere)),
            ]
        );
    }

    #[test]
    fn what_can_t_be_followed_is_named_with_its_line() {
        for (text, line, part) in [
            ("0s\n", 1, "the answer is missing"),
            ("\n\n5 503\n", 3, "`5` is not a time"),
            ("0s 99\n", 1, "`99` is none of"),
            ("0s dns\n", 1, "nothing that a receiver can do"),
            ("0s 503 quickly\n", 1, "`quickly` is none of"),
            ("0s 503 to https://x.test/\n", 1, "`to` is none of"),
            ("0s 503 after\n", 1, "`after` is none of"),
            ("#0 200\n", 1, "`0` is not a number"),
            ("0s 503 body \"open\n", 1, "no closing"),
            ("0s 503 retry-after date 5m\n", 1, "not a time with its sign"),
            ("script ops\n0s refuse\n", 2, "before a path is known"),
            ("0s 503 retry-after raw \"a\u{7}b\"\n", 1, "can't stand in a header"),
            ("99999999999999999999s 200\n", 1, "is not a time"),
        ] {
            let error = Script::parse(text).unwrap_err();
            assert_eq!(error.line, line, "{text}");
            assert!(error.what.contains(part), "{text}: {error}");
        }
    }
}
