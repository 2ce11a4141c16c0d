//! Which lines of a text the customer wrote: quoted and forwarded mails, signatures and the small print
//! below them are not judged. Every line is looked at once.

use std::ops::Range;

/// Lines that may stand below a closing formula; more is no signature.
const SIGNATURE_LINES: usize = 8;
/// Bytes of a line of a signature; a longer one is prose.
const SIGNATURE_BYTES: usize = 70;

/// How a line that begins a mail below the customer's own words begins, in lower case.
const BELOW: [&str; 14] = [
    "-----original message",
    "---- original message",
    "---------- forwarded message",
    "-----ursprungliche nachricht",
    "-----message d'origine",
    "-----mensaje original",
    "-----mensagem original",
    "begin forwarded message",
    "anfang der weitergeleiteten",
    "debut du message",
    "forwarded message:",
    "inicio del mensaje reenviado",
    "mensagem encaminhada",
    "-------- weitergeleitete nachricht",
];
/// First and last words of the line that mail programs put above what they quote.
const WROTE: [(&str, &str); 5] = [
    ("on ", "wrote:"),
    ("am ", "schrieb:"),
    ("le ", "a ecrit :"),
    ("el ", "escribio:"),
    ("em ", "escreveu:"),
];
/// Fields of a mail's head.
const FIELDS: [&str; 21] = [
    "from:",
    "sent:",
    "to:",
    "subject:",
    "date:",
    "cc:",
    "von:",
    "gesendet:",
    "an:",
    "betreff:",
    "datum:",
    "de:",
    "de :",
    "envoye:",
    "objet:",
    "para:",
    "asunto:",
    "fecha:",
    "assunto:",
    "data:",
    "enviado:",
];
/// Closing formulas, alone on their line.
const CLOSINGS: [&str; 34] = [
    "regards",
    "best regards",
    "kind regards",
    "warm regards",
    "with regards",
    "many thanks",
    "thanks and regards",
    "thanks & regards",
    "sincerely",
    "yours sincerely",
    "yours faithfully",
    "yours truly",
    "best",
    "best wishes",
    "cheers",
    "respectfully",
    "cordially",
    "thank you",
    "thanks",
    "mit freundlichen grussen",
    "freundliche grusse",
    "viele grusse",
    "beste grusse",
    "mfg",
    "cordialement",
    "bien cordialement",
    "salutations",
    "saludos",
    "un saludo",
    "saludos cordiales",
    "atentamente",
    "atenciosamente",
    "cumprimentos",
    "obrigado",
];

/// The ranges of a text that the customer wrote, in order.
pub(super) fn own_words(text: &str) -> Vec<Range<usize>> {
    if !text.trim_end().contains('\n') {
        return std::iter::once(0..text.len()).collect();
    }
    let lines = lines(text);
    let end = lines.iter().position(|line| line.begins_another()).unwrap_or(lines.len());
    let (above, below) = lines.split_at(end);
    let mut kept = kept(above);
    // A mail that was passed on without a word is all there is to judge.
    if kept.iter().all(|line| line.plain.is_empty()) {
        let body = below.iter().skip_while(|line| line.is_head() || line.plain.is_empty());
        let body: Vec<Line> = body.cloned().collect();
        kept = self::kept(&body);
    }
    kept.into_iter().map(|line| line.at).collect()
}

fn kept(lines: &[Line]) -> Vec<Line> {
    let end = lines.iter().position(Line::is_rule).unwrap_or(lines.len());
    let lines = lines.get(..end).unwrap_or_default();
    let end = signature(lines).unwrap_or(lines.len());
    lines.iter().take(end).filter(|line| !line.is_quoted()).cloned().collect()
}

/// Where the signature begins: at the first closing formula below which there is nothing but short
/// lines.
fn signature(lines: &[Line]) -> Option<usize> {
    let mut short = 0;
    let mut found = None;
    for (at, line) in lines.iter().enumerate().rev() {
        if line.is_closing() && at > 0 && short > 0 {
            found = Some(at);
        }
        short += usize::from(!line.plain.is_empty());
        if short > SIGNATURE_LINES || line.at.len() > SIGNATURE_BYTES {
            break;
        }
    }
    found
}

#[derive(Debug, Clone)]
struct Line {
    at: Range<usize>,
    /// Its first bytes, folded, without white space and exclamation marks around them.
    plain: String,
    quoted: bool,
}

fn lines(text: &str) -> Vec<Line> {
    let mut start = 0;
    let pieces = text.split_inclusive('\n');
    let line = |piece: &str| {
        let at = start..start + piece.len();
        start = at.end;
        let trimmed = piece.trim();
        let quoted = trimmed.strip_prefix('>').or_else(|| trimmed.strip_prefix("&gt;"));
        // "> 30 days" is a number, and no mail.
        let quoted = quoted
            .is_some_and(|rest| !rest.trim_start().starts_with(|each: char| each.is_ascii_digit()));
        let most = trimmed.floor_char_boundary(240);
        let plain = super::fold::folded(trimmed.get(..most).unwrap_or_default());
        let plain = plain.trim_end_matches(['!', ' ']).to_owned();
        Line { at, plain, quoted }
    };
    pieces.map(line).collect()
}

impl Line {
    fn is_quoted(&self) -> bool {
        self.quoted || self.plain.starts_with("sent from my ")
    }

    fn is_head(&self) -> bool {
        let starts = |word: &&str| self.plain.starts_with(*word);
        FIELDS.iter().any(starts) || self.begins_another()
    }

    /// Below this line stands somebody's mail.
    fn begins_another(&self) -> bool {
        let plain = &self.plain;
        BELOW.iter().any(|start| plain.starts_with(start))
            || WROTE.iter().any(|(first, last)| plain.starts_with(first) && plain.ends_with(last))
            || (FIELDS.first().is_some_and(|from| plain.starts_with(from)) && plain.contains('@'))
            || (["von:", "de:", "de :"].iter().any(|from| plain.starts_with(from))
                && plain.contains('@'))
    }

    /// Below this line stand a signature or small print.
    fn is_rule(&self) -> bool {
        let plain = &self.plain;
        let small_print = ["this e-mail", "this email", "this message", "confidentiality notice"]
            .iter()
            .any(|start| plain.starts_with(start))
            && ["confidential", "intended", "privileged"].iter().any(|word| plain.contains(word));
        plain == "--" || small_print
    }

    fn is_closing(&self) -> bool {
        let plain = self.plain.trim_end_matches([',', '.', ' ', '-']);
        CLOSINGS.contains(&plain)
    }
}

#[cfg(test)]
mod tests {
    use super::own_words;

    fn own(text: &str) -> String {
        own_words(text).into_iter().map(|at| text[at].to_owned()).collect()
    }

    #[test]
    fn only_own_words_are_kept() {
        let forwarded = "See below.\n\nBegin forwarded message:\nFrom: a@b.example\nI will sue\n";
        assert_eq!(own(forwarded), "See below.\n\n");
        assert_eq!(own("Hello\n> I will sue\nBye\n"), "Hello\nBye\n");
        assert_eq!(own("Hello\n> 30 days now\n"), "Hello\n> 30 days now\n");
        assert_eq!(own("Hi\nKind regards,\nJo Doe\nLegal Department\n"), "Hi\n");
        assert_eq!(own("Hi\n-- \nJo Doe, Attorney\n"), "Hi\n");
        assert_eq!(own("Hi\nOn Monday Jo wrote:\nOld words\n"), "Hi\n");
        let alone =
            "---------- Forwarded message ----------\nFrom: a@b.example\nSubject: x\n\nHelp\n";
        assert_eq!(own(alone), "Help\n");
        let small = "Hi\nThis email is confidential and may lead to legal action\nBye\n";
        assert_eq!(own(small), "Hi\n");
    }
}
