//! What the standards of mail ask for, checked from outside, with a parser that is none of ours.

use mail_parser::{HeaderName, MessageParser, PartType};

/// The headers that a mail of ours has, each once.
const HEADERS: [&str; 12] = [
    "Message-ID",
    "Date",
    "From",
    "Subject",
    "In-Reply-To",
    "References",
    "To",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "List-Id",
    "MIME-Version",
    "Content-Type",
];

/// Every breach of a rule, in words.
pub(crate) fn breaches(bytes: &[u8], title: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut unless = |holds: bool, rule: &str| {
        if !holds {
            found.push(rule.to_owned());
        }
    };
    unless(bytes.is_ascii(), "it needs no extension of the server's: all is ASCII");
    let text = String::from_utf8_lossy(bytes);
    unless(!text.contains('\0'), "there is no NUL");
    for line in text.split("\r\n") {
        // RFC 5322, section 2.1.1.
        unless(line.len() <= 998, "a line has at most 998 characters");
        unless(!line.contains(['\r', '\n']), "there is no line end but CR LF");
    }
    let head = text.split("\r\n\r\n").next().unwrap_or_default();
    let mut names: Vec<&str> = head
        .split("\r\n")
        .filter(|line| !line.starts_with([' ', '\t']))
        .filter_map(|line| line.split_once(':').map(|(name, _)| name))
        .collect();
    names.sort_unstable();
    let mut known = HEADERS.to_vec();
    known.sort_unstable();
    unless(names == known, &format!("it has other headers: {names:?}"));
    let Some(mail) = MessageParser::default().parse(bytes) else {
        found.push("it can't be parsed".to_owned());
        return found;
    };
    unless(mail.parts.len() == 3, "it has two readings and what holds them");
    unless(mail.text_body_count() == 1 && mail.html_body_count() == 1, "one plain, one HTML");
    // A header's line is folded at spaces, and decoded words may part there.
    let squeezed = |text: &str| text.split_whitespace().collect::<String>();
    let subject = mail.subject().unwrap_or_default();
    unless(squeezed(subject) == squeezed(title), &format!("its subject is {subject:?}"));
    let html = mail.parts.iter().find_map(|part| {
        let PartType::Html(html) = &part.body else { return None };
        Some(html.to_string())
    });
    let html = html.unwrap_or_default().to_ascii_lowercase();
    unless(html.matches("<style>").count() == 1, "no style comes from elsewhere");
    for bad in ["<script", "onclick=\"", "javascript:\"", "<img", "<iframe", "href=\"javascript"] {
        unless(!html.contains(bad), &format!("its HTML has {bad}"));
    }
    unless(mail.header(HeaderName::Bcc).is_none(), "nobody gets it in secret");
    found
}
