//! Every key that the configuration knows: its form, its default and what it means. The checks, the
//! messages about mistakes and the file that `belfry init` writes are all made of this one table.

use std::time::Duration;

use crate::domain::limits;

/// What a key's value must be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Form {
    /// A span of time as text, within these bounds in milliseconds.
    Span {
        /// At least.
        min_ms: u64,
        /// At most.
        max_ms: u64,
    },
    /// A whole number within these bounds.
    Whole {
        /// At least.
        min: i64,
        /// At most.
        max: i64,
    },
    /// A number within these bounds.
    Number {
        /// At least.
        min: f64,
        /// At most.
        max: f64,
    },
    /// One of these words.
    Word(&'static [&'static str]),
    /// True or false.
    Switch,
    /// `host:port` with an IP address as host.
    Address,
    /// A file or directory; one that is not absolute counts from the data directory.
    Path,
    /// A list of files.
    Paths,
    /// A list of networks such as `10.0.0.0/8` or `10.1.2.3/32:443`.
    Networks,
    /// An http or https URL.
    Url,
    /// An http or https URL, whose query may hold what is not repeated anywhere.
    Endpoint,
    /// A host's name or an IP address.
    Host,
    /// Who mail comes from: `name@example.com`, or `Name <name@example.com>`.
    Sender,
    /// One line of text.
    Line,
    /// One line of text that is not repeated anywhere.
    Secret,
    /// An http or https URL with, where the proxy asks for them, user and password; or `env`.
    Proxy,
}

/// A key of the configuration.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// With its section: `delivery.retry.base`.
    pub name: &'static str,
    /// What its value must be.
    pub form: Form,
    /// The value where none is given, as it would stand in the file; empty where the key is then absent.
    pub default: &'static str,
    /// What it means, for the file that `belfry init` writes.
    pub meaning: &'static str,
}

const SECOND: u64 = 1000;

/// What a part of a retry schedule may be: here as where an integration sets it for itself, so that
/// what the API shows can be sent back to it.
const RETRY_SPAN: Form =
    Form::Span { min_ms: millis(limits::RETRY_BASE), max_ms: millis(limits::RETRY_SPAN) };

#[expect(clippy::cast_possible_truncation, reason = "both spans are far below 2^64 milliseconds")]
const fn millis(span: Duration) -> u64 {
    span.as_millis() as u64
}

const fn key(name: &'static str, form: Form, default: &'static str, meaning: &'static str) -> Key {
    Key { name, form, default, meaning }
}

/// All keys, in the order of the file.
pub const KEYS: &[Key] = &[
    key(
        "dashboard_url",
        Form::Url,
        "\"https://dashboard.enterpret.com\"",
        "Where the dashboard shows records: the start of each alert's `record.url`.",
    ),
    key("server.listen", Form::Address, "\"127.0.0.1:8787\"", "Where API and UI are served."),
    key("server.tls_cert", Form::Path, "", "Certificate chain (PEM) for serving over TLS."),
    key("server.tls_key", Form::Path, "", "Its private key (PEM)."),
    key(
        "server.public_url",
        Form::Url,
        "",
        "How people reach this service, where that differs from `listen`.",
    ),
    key(
        "server.allow_plain_http",
        Form::Switch,
        "false",
        "Listen without TLS on an address that others reach: only behind a proxy that speaks TLS.",
    ),
    key(
        "server.trusted_proxies",
        Form::Networks,
        "[]",
        "Proxies whose X-Forwarded-For is believed, for the addresses in the audit log.",
    ),
    key(
        "server.workers",
        Form::Whole { min: 1, max: 256 },
        "2",
        "Threads that serve API and UI; as many send.",
    ),
    key(
        "storage.path",
        Form::Path,
        "\".\"",
        "Directory of the database; a local disk, not a network one.",
    ),
    key(
        "storage.retention_days",
        Form::Whole { min: 1, max: 3650 },
        "90",
        "For how long finished alerts are kept, and known as repeats.",
    ),
    key(
        "storage.audit_retention_days",
        Form::Whole { min: 1, max: 36500 },
        "400",
        "For how long the audit log is kept.",
    ),
    key(
        "delivery.timeout",
        Form::Span { min_ms: 100, max_ms: 60 * SECOND },
        "\"5s\"",
        "Time of an attempt, from name resolution to the response's head.",
    ),
    key(
        "delivery.max_in_flight",
        Form::Whole { min: 1, max: limits::MAX_IN_FLIGHT as i64 },
        "8",
        "Attempts of one integration under way at once.",
    ),
    key(
        "delivery.max_in_flight_total",
        Form::Whole { min: 1, max: 100_000 },
        "256",
        "Attempts under way at once beside another of their integration, over all integrations.",
    ),
    key("delivery.retry.base", RETRY_SPAN, "\"2s\"", "Delay after the first failure."),
    key(
        "delivery.retry.factor",
        Form::Number { min: 1.0, max: limits::RETRY_FACTOR },
        "3.0",
        "What each further delay is multiplied by.",
    ),
    key(
        "delivery.retry.cap",
        RETRY_SPAN,
        "\"1h\"",
        "No delay is longer, nor any wait that a receiver asks for.",
    ),
    key(
        "delivery.retry.horizon",
        RETRY_SPAN,
        "\"72h\"",
        "For how long after the alert a failed attempt is made again.",
    ),
    key(
        "delivery.retry.jitter",
        Form::Number { min: 0.0, max: 1.0 },
        "0.5",
        "The share of each delay that is random.",
    ),
    key(
        "delivery.circuit.failures",
        Form::Whole { min: 1, max: 1000 },
        "5",
        "Failures in a row after which only probes are sent.",
    ),
    key(
        "egress.allow",
        Form::Networks,
        "[]",
        "Addresses that may be connected to though they are refused by default (loopback, link-local,\n\
         # CGNAT, …). A metadata address is opened only by an entry that names it exactly.",
    ),
    key(
        "egress.deny",
        Form::Networks,
        "[]",
        "Addresses that must not be connected to. Wins over `allow`.",
    ),
    key(
        "egress.ca_files",
        Form::Paths,
        "[]",
        "Certificate authorities to trust beside the platform's (PEM).",
    ),
    key(
        "egress.proxy",
        Form::Proxy,
        "",
        "HTTP proxy for everything that goes out; \"env\" takes it from the environment's variables.",
    ),
    key(
        "egress.client_cert",
        Form::Path,
        "",
        "Certificate and key in one PEM file, shown to receivers that ask for one.",
    ),
    key(
        "egress.resolver",
        Form::Word(&["dns", "system"]),
        "\"dns\"",
        "Who looks names up: \"dns\" asks the configured name servers itself, \"system\" asks the\n\
         # operating system, for machines whose names come from elsewhere.",
    ),
    key("egress.dns", Form::Address, "", "One name server to ask instead of the configured ones."),
    key("smtp.host", Form::Host, "", "The mail server that alerts by email are handed to."),
    key(
        "smtp.port",
        Form::Whole { min: 1, max: 65535 },
        "",
        "Its port; without it 587 for \"starttls\", 465 for \"tls\", 25 for \"none\".",
    ),
    key(
        "smtp.tls",
        Form::Word(&["starttls", "tls", "none"]),
        "\"starttls\"",
        "How the connection is secured: \"starttls\" upgrades it and sends nothing if it can't, \"tls\" is\n\
         # secure from its start, \"none\" sends alerts for everybody on the way to read, and never a login.",
    ),
    key("smtp.username", Form::Line, "", "The login, where the server asks for one."),
    key("smtp.password", Form::Secret, "", "Its password; better in a file, see the next."),
    key("smtp.password_file", Form::Path, "", "A file that holds the password and nothing else."),
    key(
        "smtp.from",
        Form::Sender,
        "",
        "Who the mail comes from: \"alerts@example.com\" or \"Belfry <alerts@example.com>\".",
    ),
    key(
        "smtp.hello_name",
        Form::Host,
        "",
        "What Belfry calls itself to the server; without it the machine's name.",
    ),
    key(
        "smtp.timeout",
        Form::Span { min_ms: SECOND, max_ms: 300 * SECOND },
        "\"30s\"",
        "Time of an attempt by email, from the start of name resolution to the server's last reply.",
    ),
    key(
        "detect.phrases",
        Form::Path,
        "",
        "A TOML file of your own phrases that tell of escalation, and of such as mean nothing, for all \
         records or for those of single organisations.",
    ),
    key(
        "detect.classifier.url",
        Form::Endpoint,
        "",
        "A classifier of your own that is asked for the levels of records without any; where it does not\n\
         # answer, the built-in detector judges.",
    ),
    key(
        "detect.classifier.allow_plain_http",
        Form::Switch,
        "false",
        "Whether that URL may be http: what customers write is then sent for everybody on the way to read.",
    ),
    key(
        "detect.classifier.protocol",
        Form::Word(&["belfry", "openai"]),
        "\"belfry\"",
        "How it is spoken to: \"belfry\" is the JSON that README describes, \"openai\" is chat completions\n\
         # with a JSON schema for the answer, as many servers of models have them.",
    ),
    key("detect.classifier.model", Form::Line, "", "What the model is called there."),
    key(
        "detect.classifier.api_key",
        Form::Secret,
        "",
        "Sent as a bearer token; better in a file, see the next.",
    ),
    key(
        "detect.classifier.api_key_file",
        Form::Path,
        "",
        "A file that holds the key and nothing else.",
    ),
    key(
        "detect.classifier.timeout",
        Form::Span { min_ms: 100, max_ms: 120 * SECOND },
        "\"10s\"",
        "Time of a question, from the start of name resolution to the end of the answer.",
    ),
    key(
        "detect.classifier.max_in_flight",
        Form::Whole { min: 1, max: 256 },
        "8",
        "Records that are with it at once; the others wait on disk.",
    ),
    key(
        "detect.classifier.max_wait",
        Form::Span { min_ms: SECOND, max_ms: 3600 * SECOND },
        "\"1m\"",
        "How long a record waits for its turn before the built-in detector judges it.",
    ),
    key("log.format", Form::Word(&["text", "json"]), "\"text\"", "How log lines look."),
    key(
        "log.level",
        Form::Word(&["error", "warn", "info", "debug", "trace"]),
        "\"info\"",
        "The least important lines that are written.",
    ),
    key(
        "metrics.access",
        Form::Word(&["token", "open", "off"]),
        "\"token\"",
        "Who may read /metrics: \"token\" asks for a token that may look, \"open\" lets everybody who\n\
         # reaches the address, \"off\" serves none.",
    ),
];

impl Form {
    /// What is allowed, as the end of a sentence that begins with "it must be".
    pub fn allowed(&self) -> String {
        match self {
            Self::Span { min_ms, max_ms } => format!(
                "a time such as \"500ms\", \"5s\", \"2m\" or \"72h\", from {} to {}",
                super::span::shown(*min_ms),
                super::span::shown(*max_ms)
            ),
            Self::Whole { min, max } => format!("a whole number from {min} to {max}"),
            Self::Number { min, max } => format!("a number from {min} to {max}"),
            Self::Word(words) => {
                let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
                format!("one of {}", quoted.join(", "))
            }
            Self::Switch => "true or false".to_owned(),
            Self::Address => "an IP address and a port such as \"127.0.0.1:8787\"".to_owned(),
            Self::Path => "the path of a file or directory as text".to_owned(),
            Self::Paths => "a list of paths such as [\"ca.pem\"]".to_owned(),
            Self::Networks => {
                "a list of networks such as [\"10.0.0.0/8\", \"192.168.1.5/32:443\"]".to_owned()
            }
            Self::Url => "an http or https URL without user, query and fragment".to_owned(),
            Self::Endpoint => {
                "an http or https URL such as \"https://models.example.com/v1/chat/completions\", without user \
                 and fragment"
                    .to_owned()
            }
            Self::Host => "a host's name or an IP address such as \"mail.example.com\"".to_owned(),
            Self::Sender => {
                "an address such as \"alerts@example.com\" or \"Belfry <alerts@example.com>\""
                    .to_owned()
            }
            Self::Line | Self::Secret => "one line of text that is not empty".to_owned(),
            Self::Proxy => "\"env\" or a URL such as \"http://proxy.example.com:3128\"".to_owned(),
        }
    }
}

/// The file that `belfry init` writes: every key, commented out, with its default and its meaning.
pub fn template() -> String {
    let mut text = String::from(
        "# Belfry's configuration. Every key is shown with its default; remove the `#` to change it.\n\
         # Each key can also be set in the environment: BELFRY__DELIVERY__RETRY__BASE=5s.\n\
         # `belfry check --data DIR` says what is wrong with it without starting.\n",
    );
    let mut section = "";
    for key in KEYS {
        let (its_section, name) = key.name.rsplit_once('.').unwrap_or(("", key.name));
        if its_section != section {
            section = its_section;
            text.push_str(&format!("\n[{section}]\n"));
        }
        let value = if key.default.is_empty() { example(key.form) } else { key.default };
        text.push_str(&format!("# {}\n#{name} = {value}\n", key.meaning));
    }
    text
}

fn example(form: Form) -> &'static str {
    match form {
        Form::Path => "\"file.pem\"",
        Form::Paths | Form::Networks => "[]",
        Form::Url => "\"https://belfry.example.com\"",
        Form::Endpoint => "\"https://models.example.com/v1/chat/completions\"",
        Form::Proxy => "\"http://proxy.example.com:3128\"",
        Form::Address => "\"10.0.0.2:53\"",
        Form::Host => "\"mail.example.com\"",
        Form::Sender => "\"Belfry <alerts@example.com>\"",
        Form::Whole { .. } => "587",
        Form::Line | Form::Secret => "\"belfry\"",
        Form::Span { .. } | Form::Number { .. } | Form::Word(_) => "\"\"",
        Form::Switch => "false",
    }
}
