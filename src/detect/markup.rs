//! Takes HTML's tags and entities off a text. A `<` that opens no tag of HTML is kept; what stands in
//! scripts, styles and block quotations is not. Every character is looked at a bounded number of times.

use super::fold::{Glyph, fold};
use super::mail;

/// Bytes in which a tag must close; beyond them `<` is a character like others.
const TAG_BYTES: usize = 600;
/// Bytes of an entity between `&` and `;`.
const ENTITY_BYTES: usize = 10;

/// Elements between which a sentence ends.
const BLOCKS: [&str; 20] = [
    "address", "article", "br", "dd", "div", "dt", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li",
    "p", "section", "td", "th", "tr", "ul",
];
/// Elements that stand within a line or around everything.
const INLINES: [&str; 31] = [
    "a", "abbr", "b", "body", "center", "cite", "code", "em", "font", "footer", "header", "html",
    "i", "img", "ins", "label", "link", "mark", "meta", "ol", "pre", "s", "small", "span",
    "strong", "sub", "sup", "table", "tbody", "u", "wbr",
];
/// Elements whose content nobody said here.
const SILENT: [&str; 5] = ["blockquote", "head", "script", "style", "title"];

const ENTITIES: [(&str, char); 24] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", ' '),
    ("rsquo", '\''),
    ("lsquo", '\''),
    ("ldquo", '"'),
    ("rdquo", '"'),
    ("hellip", '.'),
    ("ndash", '-'),
    ("mdash", '-'),
    ("eacute", 'e'),
    ("egrave", 'e'),
    ("agrave", 'a'),
    ("aacute", 'a'),
    ("oacute", 'o'),
    ("ntilde", 'n'),
    ("ccedil", 'c'),
    ("auml", 'a'),
    ("ouml", 'o'),
    ("uuml", 'u'),
    ("szlig", 's'),
];

/// The customer's own words of a text, as they are judged.
pub(super) fn glyphs(text: &str) -> Vec<Glyph> {
    let mut reader =
        Reader { text, at: 0, end: 0, out: Vec::with_capacity(text.len()), unclosed: [false; 5] };
    for range in mail::own_words(text) {
        (reader.at, reader.end) = (range.start.max(reader.at), range.end);
        reader.read();
    }
    reader.out
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    end: usize,
    out: Vec<Glyph>,
    /// Silent elements that are known not to close any more, so that nobody looks for it twice.
    unclosed: [bool; 5],
}

impl Reader<'_> {
    fn read(&mut self) {
        while let Some(rest) = self.text.get(self.at..self.end).filter(|rest| !rest.is_empty()) {
            let plain = rest.find(['<', '&']).unwrap_or(rest.len());
            let (plain, marked) = rest.split_at_checked(plain).unwrap_or((rest, ""));
            for (offset, each) in plain.char_indices() {
                let start = self.at + offset;
                self.push(each, start, start + each.len_utf8());
            }
            self.at += plain.len();
            let taken = match marked.chars().next() {
                Some('<') => self.tag(),
                Some(_) => self.entity(),
                None => return,
            };
            if let (None, Some(each)) = (taken, marked.chars().next()) {
                self.push(each, self.at, self.at + 1);
                self.at += 1;
            }
        }
    }

    fn push(&mut self, each: char, start: usize, end: usize) {
        // Texts are cut to a bound far below four gigabytes before they come here.
        let (start, end) = (start as u32, end as u32);
        fold(each, |each| self.out.push(Glyph { each, start, end }));
    }

    /// Takes a tag away, and with it the content of a silent element.
    fn tag(&mut self) -> Option<()> {
        let rest = self.text.get(self.at + 1..)?;
        let rest = rest.get(..rest.floor_char_boundary(TAG_BYTES))?;
        if rest.starts_with("!--") {
            let end = rest.find("-->")?;
            self.at += 1 + end + 3;
            return Some(());
        }
        let name = rest.strip_prefix('/').unwrap_or(rest);
        let letters = name.bytes().take(11).take_while(u8::is_ascii_alphanumeric).count();
        let name = name.get(..letters)?.to_ascii_lowercase();
        let known = |names: &[&str]| names.contains(&name.as_str());
        let silent = SILENT.iter().position(|each| *each == name);
        let (block, inline) = (known(&BLOCKS), known(&INLINES));
        if silent.is_none() && !block && !inline {
            return None;
        }
        let (start, opens) = (self.at, !rest.starts_with('/'));
        let close = rest.bytes().position(|byte| matches!(byte, b'>' | b'<'))?;
        if rest.as_bytes().get(close) != Some(&b'>') {
            return None;
        }
        self.at += 1 + close + 1;
        if let Some(silent) = silent.filter(|_| opens) {
            self.skip_to_close(silent, &name);
        }
        if block || silent.is_some() {
            self.push('\n', start, self.at);
            self.push('\n', start, self.at);
        }
        Some(())
    }

    fn skip_to_close(&mut self, silent: usize, name: &str) {
        let Some(unclosed) = self.unclosed.get_mut(silent) else { return };
        if *unclosed {
            return;
        }
        let rest = self.text.get(self.at..).unwrap_or_default();
        let closes = |(at, _): &(usize, &str)| {
            rest.get(at + 2..at + 2 + name.len()).is_some_and(|it| it.eq_ignore_ascii_case(name))
        };
        match rest.match_indices("</").find(closes) {
            Some((at, _)) => self.at += at,
            None => *unclosed = true,
        }
    }

    fn entity(&mut self) -> Option<()> {
        let rest = self.text.get(self.at + 1..self.end)?;
        let length = rest.bytes().take(ENTITY_BYTES).position(|byte| byte == b';')?;
        let name = rest.get(..length)?;
        let each = match name.strip_prefix('#') {
            Some(number) => {
                let hexadecimal = number.strip_prefix(['x', 'X']);
                let code = match hexadecimal {
                    Some(digits) => u32::from_str_radix(digits, 16),
                    None => number.parse(),
                };
                char::from_u32(code.ok()?)?
            }
            None => {
                let found = ENTITIES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
                found.1
            }
        };
        let end = self.at + 1 + length + 1;
        self.push(each, self.at, end);
        self.at = end;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::glyphs;

    fn plain(text: &str) -> String {
        glyphs(text).into_iter().map(|glyph| glyph.each).collect()
    }

    #[test]
    fn tags_and_entities_go() {
        for (text, expected) in [
            ("<p>Hi <b>th</b>ere</p>", "\n\nHi there\n\n"),
            ("5 < 6 and 7 > 6", "5 < 6 and 7 > 6"),
            ("<3 you", "<3 you"),
            ("Tom &amp; Jo&#39;s &#x41;", "Tom & Jo's A"),
            ("a<script>I will sue</script>b", "a\n\n\n\nb"),
            ("a<BLOCKQUOTE>I will sue</BLOCKQUOTE>b", "a\n\n\n\nb"),
            ("a<script>b", "a\n\nb"),
            ("x &bogus; &; & y", "x &bogus; &; & y"),
            ("a<!-- sue -->b", "ab"),
        ] {
            assert_eq!(plain(text), expected, "{text}");
        }
    }
}
