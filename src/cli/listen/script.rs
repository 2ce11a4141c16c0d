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

/// One line: from a point on, an answer. Of several that have begun, the last line counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// From when on.
    pub start: Start,
    /// What is done then.
    pub answer: Answer,
}

/// From when on a step counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// So long after the receiver began to listen.
    Time(Duration),
    /// From this request on, counted from 1 for each script.
    Request(u64),
    /// From this try of an alert on, counted from 1 for each Idempotency-Key.
    Try(u32),
}

/// What a receiver does with one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A whole response.
    Status(Reply),
    /// A redirect to this place; to `/redirected` of the receiver itself where none is given.
    Redirect(Option<String>),
    /// Reads the request and never answers.
    Hang,
    /// Resets the connection as soon as it is accepted.
    Refuse,
    /// Resets the connection once the request was read.
    Reset,
    /// Speaks something else than TLS.
    Tls,
    /// A head of status 200, and then the body byte by byte without end.
    Drip,
    /// The head itself byte by byte, without end.
    DripHead,
    /// A head of status 200, and then a body without end as fast as it is taken.
    Flood,
    /// A head whose fields never end.
    FloodHead,
    /// Interim responses (103) without end.
    Interim,
    /// A head of status 200 that promises more body than is sent before the connection closes.
    Cut,
    /// Something that is not HTTP.
    Garbage,
}

/// A whole response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// It is sent so long after the request was read.
    pub after: Duration,
    /// The value of its Retry-After field.
    pub retry_after: Option<String>,
    /// Its body.
    pub body: String,
}

impl Reply {
    /// An immediate response without a body.
    pub fn status(status: u16) -> Self {
        Self { status, after: Duration::ZERO, retry_after: None, body: String::new() }
    }
}

impl Answer {
    /// The status that it ends in, where it gives one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Status(reply) => Some(reply.status),
            Self::Redirect(_) => Some(302),
            Self::Drip | Self::Flood | Self::Cut => Some(200),
            Self::Hang
            | Self::Refuse
            | Self::Reset
            | Self::Tls
            | Self::DripHead
            | Self::FloodHead
            | Self::Interim
            | Self::Garbage => None,
        }
    }

    /// The word for it in scripts and logs.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Status(_) => "status",
            Self::Redirect(_) => "redirect",
            Self::Hang => "hang",
            Self::Refuse => "refuse",
            Self::Reset => "reset",
            Self::Tls => "tls",
            Self::Drip => "drip",
            Self::DripHead => "drip-head",
            Self::Flood => "flood",
            Self::FloodHead => "flood-head",
            Self::Interim => "interim",
            Self::Cut => "cut",
            Self::Garbage => "garbage",
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

const WORDS: &str = "a status from 100 to 999, redirect, hang, refuse, reset, tls, drip, drip-head, \
                     flood, flood-head, interim, cut or garbage";

impl Script {
    /// Reads a script: lines of a start and an answer, `#` for comments, and `script NAME` before the
    /// lines that count for the path `/NAME` only.
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
                    let connection = matches!(step.answer, Answer::Refuse | Answer::Tls);
                    match &section {
                        Some(_) if connection => {
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

/// The words of a line; `"…"` is one word, and `#` begins a comment.
fn split(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() && !rest.starts_with('#') {
        if let Some(quoted) = rest.strip_prefix('"') {
            let (word, after) = quoted
                .split_once('"')
                .ok_or_else(|| "the text after `\"` has no closing `\"`".to_owned())?;
            words.push(word.to_owned());
            rest = after.trim_start();
        } else {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            words.push(word.to_owned());
            rest = after.trim_start();
        }
    }
    Ok(words)
}

fn step(words: &[&str]) -> Result<Step, String> {
    let (start, words) = match words {
        ["request", number, rest @ ..] => (Start::Request(count(number)?), rest),
        ["try", number, rest @ ..] => {
            let number = u32::try_from(count(number)?).map_err(|_| "too large".to_owned())?;
            (Start::Try(number), rest)
        }
        [time, rest @ ..] => (Start::Time(span(time)?), rest),
        [] => return Err("a start is missing: a time, `request N` or `try N`".to_owned()),
    };
    Ok(Step { start, answer: answer(words)? })
}

fn count(word: &str) -> Result<u64, String> {
    match word.parse() {
        Ok(0) | Err(_) => Err(format!("`{word}` is not a number from 1 on")),
        Ok(number) => Ok(number),
    }
}

fn answer(words: &[&str]) -> Result<Answer, String> {
    let (word, rest) = match words {
        [word, rest @ ..] => (*word, rest),
        [] => return Err(format!("the answer is missing: {WORDS}")),
    };
    let simple = match word {
        "hang" => Some(Answer::Hang),
        "refuse" => Some(Answer::Refuse),
        "reset" => Some(Answer::Reset),
        "tls" => Some(Answer::Tls),
        "drip" => Some(Answer::Drip),
        "drip-head" => Some(Answer::DripHead),
        "flood" => Some(Answer::Flood),
        "flood-head" => Some(Answer::FloodHead),
        "interim" => Some(Answer::Interim),
        "cut" => Some(Answer::Cut),
        "garbage" => Some(Answer::Garbage),
        _ => None,
    };
    match (simple, word, rest) {
        (Some(answer), _, []) => Ok(answer),
        (Some(_), _, [more, ..]) => {
            Err(format!("`{word}` takes nothing more, but there is `{more}`"))
        }
        (None, "redirect", []) => Ok(Answer::Redirect(None)),
        (None, "redirect", [to]) => {
            field(to)?;
            Ok(Answer::Redirect(Some((*to).to_owned())))
        }
        (None, status, rest) => match status.parse::<u16>() {
            Ok(status @ 100..=999) => reply(status, rest).map(Answer::Status),
            Ok(_) | Err(_) => Err(format!("`{word}` is none of: {WORDS}")),
        },
    }
}

fn reply(status: u16, mut words: &[&str]) -> Result<Reply, String> {
    let mut reply = Reply::status(status);
    loop {
        words = match words {
            [] => return Ok(reply),
            ["after", time, rest @ ..] => {
                reply.after = span(time)?;
                rest
            }
            ["retry-after", value, rest @ ..] => {
                field(value)?;
                let seconds = span(value).map(|span| span.as_secs().to_string());
                reply.retry_after = Some(seconds.unwrap_or_else(|_| (*value).to_owned()));
                rest
            }
            ["body", text, rest @ ..] => {
                (*text).clone_into(&mut reply.body);
                rest
            }
            [other, ..] => {
                return Err(format!(
                    "`{other}` is none of: after TIME, retry-after TIME or \"DATE\", body \"TEXT\""
                ));
            }
        };
    }
}

fn field(value: &str) -> Result<(), String> {
    match http::HeaderValue::from_str(value) {
        Ok(_) => Ok(()),
        Err(_) => Err(format!("`{}` can't stand in a header", value.escape_default())),
    }
}

/// A span of time with its unit: `120ms`, `5s`, `5m`, `1h`, `3d`.
pub fn span(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a time: write a whole number and ms, s, m, h or d");
    let unit_at = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (digits, unit) = text.split_at(unit_at);
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    let millis: u64 = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(wrong()),
    };
    number.checked_mul(millis).map(Duration::from_millis).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_says_what_is_done_from_when_on() {
        let script = Script::parse(
            "# the scenario's words\n\
             0s   503\n\
             10s  429 retry-after 5m\n\
             60s  200 after 120ms body \"all # well\"   # at last\n\
             script ops\n\
             0s   hang\n\
             request 3  reset\n\
             try 2  redirect https://elsewhere.test/x\n",
        )
        .unwrap();
        let secs = |n| Start::Time(Duration::from_secs(n));
        let at = |start, answer| Step { start, answer };
        let later = Reply { retry_after: Some("300".to_owned()), ..Reply::status(429) };
        let slow = Reply {
            after: Duration::from_millis(120),
            body: "all # well".to_owned(),
            ..Reply::status(200)
        };
        assert_eq!(
            script.default,
            [
                at(secs(0), Answer::Status(Reply::status(503))),
                at(secs(10), Answer::Status(later)),
                at(secs(60), Answer::Status(slow)),
            ]
        );
        assert_eq!(
            script.named.get("ops").unwrap().as_slice(),
            [
                at(secs(0), Answer::Hang),
                at(Start::Request(3), Answer::Reset),
                at(Start::Try(2), Answer::Redirect(Some("https://elsewhere.test/x".to_owned()))),
            ]
        );
    }

    #[test]
    fn what_can_t_be_followed_is_named_with_its_line() {
        for (text, line, part) in [
            ("0s\n", 1, "the answer is missing"),
            ("\n\n5 503\n", 3, "`5` is not a time"),
            ("0s 99\n", 1, "`99` is none of"),
            ("0s dns\n", 1, "`dns` is none of"),
            ("0s 503 quickly\n", 1, "`quickly` is none of"),
            ("0s hang 3s\n", 1, "takes nothing more"),
            ("request 0 200\n", 1, "`0` is not a number"),
            ("0s 503 body \"open\n", 1, "no closing"),
            ("script ops\n0s refuse\n", 2, "before a path is known"),
            ("0s 503 retry-after \"a\u{7}b\"\n", 1, "can't stand in a header"),
            ("99999999999999999999s 200\n", 1, "is not a time"),
        ] {
            let error = Script::parse(text).unwrap_err();
            assert_eq!(error.line, line, "{text}");
            assert!(error.what.contains(part), "{text}: {error}");
        }
    }
}
