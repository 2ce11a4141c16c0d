//! A line for a shell that repeats a request. It is pasted into terminals, and parts of it are a
//! stranger's: each part is quoted so that a POSIX shell takes it as it is.

use crate::domain::integration::{AuthMethod, Webhook};
use crate::domain::limits::CURL_BODY_BYTES;
use crate::web::api::attempt_out::RequestOut;

/// The line, and what is to be known before it is run.
pub(super) struct Curl {
    pub(super) line: String,
    pub(super) notes: Vec<&'static str>,
}

impl Curl {
    /// Repeats a request that was made with these settings. The credential is left to a variable of the
    /// shell, so that it does not end up in the shell's history with the line.
    pub(super) fn of(request: &RequestOut, webhook: &Webhook, body: &str) -> Self {
        let mut notes = Vec::new();
        let mut line = format!("curl --request {}", request.method);
        if webhook.http1_only {
            line.push_str(" --http1.1");
        }
        // Brackets and braces in an address are no pattern.
        push(&mut line, "--globoff --url", &request.url);
        if webhook.url.as_url().query().is_some() {
            notes.push("The values in the address's query are hidden: put them in place of ***.");
        }
        for header in &request.headers {
            match carries(webhook, &header.name) {
                Carries::Signature => {}
                Carries::Credential => {
                    let before = match webhook.auth {
                        AuthMethod::Bearer => "Bearer ",
                        AuthMethod::None | AuthMethod::ApiKey | AuthMethod::CustomHeader(_) => "",
                    };
                    push(&mut line, "--header", &format!("{}: {before}", header.name));
                    line.push_str("\"$CREDENTIAL\"");
                    notes.push("Set CREDENTIAL in the shell first: it is never shown here.");
                }
                Carries::Text => {
                    push(&mut line, "--header", &format!("{}: {}", header.name, header.value));
                }
            }
        }
        if webhook.signing {
            notes.push(
                "The signature is left out: the receiver will refuse the request if it checks it.",
            );
        }
        if body.len() > CURL_BODY_BYTES {
            push(&mut line, "--data-binary", "@body.json");
            notes.push("The body is too long for a line: copy it from below into body.json first.");
        } else {
            // Unlike `--data`, it takes a leading `@` for what it is.
            push(&mut line, "--data-raw", body);
        }
        Self { line, notes }
    }
}

/// What a header is for.
enum Carries {
    Credential,
    Signature,
    Text,
}

/// Told by the header's name: a value may look like a hidden one because the record's id does.
fn carries(webhook: &Webhook, name: &str) -> Carries {
    let credential = match &webhook.auth {
        AuthMethod::None => None,
        AuthMethod::Bearer => Some("authorization"),
        AuthMethod::ApiKey => Some("x-api-key"),
        AuthMethod::CustomHeader(name) => Some(name.as_str()),
    };
    if credential.is_some_and(|credential| credential.eq_ignore_ascii_case(name)) {
        Carries::Credential
    } else if name.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("webhook-")) {
        Carries::Signature
    } else {
        Carries::Text
    }
}

fn push(line: &mut String, option: &str, value: &str) {
    line.push_str(" \\\n  ");
    line.push_str(option);
    line.push(' ');
    line.push_str(&quoted(value));
}

/// One word for a POSIX shell: nothing is special between single quotes but their end.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::domain::integration::{HeaderName, HttpsUrl};
    use crate::web::api::attempt_out::HeaderOut;

    const HOSTILE: [&str; 12] = [
        "",
        "plain",
        "it's",
        "'; touch /tmp/owned; '",
        "$(id) `id` ${HOME} $CREDENTIAL",
        "\\ \\' \\\" \\n",
        "!history !!",
        "two\nlines\r\n\tand a tab",
        "@/etc/passwd",
        "-o /tmp/owned",
        "''''",
        "é 🚨 \u{202e}gnirts",
    ];

    fn webhook(url: &str, auth: AuthMethod) -> Webhook {
        let url = HttpsUrl::parse(url).unwrap();
        Webhook { url, auth, signing: false, http1_only: false }
    }

    fn request(webhook: &Webhook, headers: &[(&str, &str)]) -> RequestOut {
        let header = |&(name, value): &(&str, &str)| HeaderOut {
            name: name.to_owned(),
            value: value.to_owned(),
        };
        RequestOut {
            method: "POST",
            url: webhook.url.masked(),
            headers: headers.iter().map(header).collect(),
            message: None,
        }
    }

    /// What a shell hands to curl for that line.
    fn arguments(line: &str) -> Vec<String> {
        let script = format!("curl() {{ printf '%s\\0' \"$@\"; }}\n{line}");
        let run = Command::new("sh").args(["-c", &script]).env("CREDENTIAL", "s3cr3t '$x").output();
        let output = run.unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{line}");
        let text = String::from_utf8(output.stdout).unwrap();
        text.strip_suffix('\0').unwrap().split('\0').map(str::to_owned).collect()
    }

    #[test]
    fn a_shell_takes_every_quoted_text_as_it_is() {
        for text in HOSTILE {
            let output =
                Command::new("sh").args(["-c", &format!("printf '%s' {}", quoted(text))]).output();
            assert_eq!(String::from_utf8(output.unwrap().stdout).unwrap(), text);
        }
    }

    #[test]
    fn a_shell_hands_the_request_to_curl_whatever_is_in_it() {
        for text in HOSTILE {
            let webhook = webhook("https://ops.example/[a]{b}", AuthMethod::Bearer);
            let key = "a:b:***";
            let headers = [("Idempotency-Key", key), ("Authorization", "Bearer ***"), ("X", text)];
            let curl = Curl::of(&request(&webhook, &headers), &webhook, text);
            let expected = [
                "--request",
                "POST",
                "--globoff",
                "--url",
                "https://ops.example/[a]{b}",
                "--header",
                "Idempotency-Key: a:b:***",
                "--header",
                "Authorization: Bearer s3cr3t '$x",
                "--header",
                &format!("X: {text}"),
                "--data-raw",
                text,
            ];
            // What the URL's parser makes of brackets is its own business.
            let mut given = arguments(&curl.line);
            given[4] = expected[4].to_owned();
            assert_eq!(given, expected, "{}", curl.line);
        }
    }

    #[test]
    fn a_header_name_that_means_something_to_a_shell_is_only_a_name() {
        let name = HeaderName::parse("X-$HOME`id`!'").unwrap();
        let webhook = webhook("https://ops.example/", AuthMethod::CustomHeader(name));
        let headers = [("X-$HOME`id`!'", "***")];
        let curl = Curl::of(&request(&webhook, &headers), &webhook, "{}");
        assert!(arguments(&curl.line).contains(&"X-$HOME`id`!': s3cr3t '$x".to_owned()));
    }

    #[test]
    fn what_can_not_be_repeated_is_said() {
        let mut webhook = webhook("https://ops.example/?token=abc", AuthMethod::ApiKey);
        webhook.signing = true;
        webhook.http1_only = true;
        let headers =
            [("X-API-Key", "***"), ("webhook-id", "msg_1"), ("webhook-signature", "v1,***")];
        let long = "x".repeat(CURL_BODY_BYTES + 1);
        let curl = Curl::of(&request(&webhook, &headers), &webhook, &long);
        assert_eq!(
            arguments(&curl.line),
            [
                "--request",
                "POST",
                "--http1.1",
                "--globoff",
                "--url",
                "https://ops.example/?token=***",
                "--header",
                "X-API-Key: s3cr3t '$x",
                "--data-binary",
                "@body.json",
            ]
        );
        assert_eq!(curl.notes.len(), 4);
        assert!(!curl.line.contains("abc"));
    }
}
