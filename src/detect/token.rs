//! A text as words: what is a word, a number, a link, an account's name; where sentences and clauses
//! end; what stands in quotation marks. One pass over the characters, and one over the words.

use super::fold::Glyph;
use super::vocabulary::{Vocabulary, WordId};

/// Words that quotation marks may hold; a mark that closes later closes nothing.
const QUOTED_WORDS: usize = 80;
/// Letters of a word that is spelled out with something between its letters.
const SPELLED: std::ops::RangeInclusive<usize> = 3..=16;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Word,
    Number,
    /// An address of the web or of mail.
    Link,
    /// The name of an account.
    Mention,
}

/// A word, or what stands in place of one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    /// Bytes of the original text.
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) word: WordId,
    pub(super) kind: Kind,
    pub(super) sentence: u32,
    pub(super) clause: u32,
    pub(super) quoted: bool,
    /// Four letters or more, all capitals.
    pub(super) capitals: bool,
    pub(super) drawn_out: bool,
    /// The letter of a word that has only one.
    letter: Option<u8>,
}

impl Token {
    pub(super) fn is_word(&self) -> bool {
        self.kind == Kind::Word
    }
}

/// A text as words.
#[derive(Debug, Default)]
pub(super) struct Text {
    pub(super) tokens: Vec<Token>,
    /// Which sentences are questions.
    pub(super) questions: Vec<bool>,
    pub(super) hashtags: usize,
    latin: usize,
    foreign: usize,
}

impl Text {
    /// Reads the words of a text.
    pub(super) fn read(glyphs: &[Glyph], vocabulary: &Vocabulary) -> Self {
        let text = Self { tokens: Vec::with_capacity(glyphs.len() / 5 + 1), ..Self::default() };
        let mut reader = Reader {
            glyphs,
            vocabulary,
            text,
            sentence: 0,
            clause: 0,
            chunk_end: 0,
            quote: None,
            lower: String::new(),
            scratch: String::new(),
        };
        let mut at = 0;
        while let Some(glyph) = glyphs.get(at) {
            at = reader.step(at, glyph.each);
        }
        reader.finish()
    }

    /// Most letters are of a script that no phrase is in.
    pub(super) fn is_foreign_script(&self) -> bool {
        self.foreign > self.latin
    }
}

struct Reader<'a> {
    glyphs: &'a [Glyph],
    vocabulary: &'a Vocabulary,
    text: Text,
    sentence: u32,
    clause: u32,
    /// Where the characters end that have been looked at for being a link.
    chunk_end: usize,
    /// The first token behind an opening quotation mark.
    quote: Option<usize>,
    lower: String,
    scratch: String,
}

impl Reader<'_> {
    fn each(&self, at: usize) -> char {
        self.glyphs.get(at).map_or(' ', |glyph| glyph.each)
    }

    /// Takes what begins at `at`, and says where the next begins.
    fn step(&mut self, at: usize, each: char) -> usize {
        if each.is_whitespace() {
            return self.space(at);
        }
        if at >= self.chunk_end
            && let Some(end) = self.link(at)
        {
            return end;
        }
        if is_letter(each) || (each == '$' && self.each(at + 1).is_ascii_alphabetic()) {
            return self.word(at);
        }
        match each {
            '@' if is_letter(self.each(at + 1)) => self.mention(at),
            '#' => {
                self.text.hashtags += usize::from(self.each(at + 1).is_alphanumeric());
                at + 1
            }
            '"' => {
                self.quotation();
                at + 1
            }
            '.' | '!' | '?' | '…' | '。' | '！' | '？' | '؟' => self.mark(at),
            ',' | ';' | ':' | '(' | ')' | '，' => {
                self.clause += 1;
                at + 1
            }
            _ => at + 1,
        }
    }

    /// A blank line ends a sentence; other white space is as good as one blank.
    fn space(&mut self, mut at: usize) -> usize {
        let mut lines = 0;
        while self.glyphs.get(at).is_some_and(|glyph| glyph.each.is_whitespace()) {
            lines += usize::from(self.each(at) == '\n');
            at += 1;
        }
        if lines > 1 {
            self.end_sentence(false);
        }
        at
    }

    fn end_sentence(&mut self, question: bool) {
        let index = self.sentence as usize;
        self.text.questions.resize(index + 1, false);
        if let Some(place) = self.text.questions.get_mut(index) {
            *place = question;
        }
        self.sentence += 1;
        self.clause += 1;
    }

    /// Marks that end a sentence, if a blank or the end is behind them.
    fn mark(&mut self, mut at: usize) -> usize {
        let (start, mut question) = (at, false);
        while let each @ ('.' | '!' | '?' | '…' | '。' | '！' | '？' | '؟') = self.each(at) {
            question |= matches!(each, '?' | '？' | '؟');
            at += 1;
        }
        // One dot within a word parts nothing; several do.
        if at - start > 1 || !is_letter(self.each(at)) {
            self.end_sentence(question);
        }
        at
    }

    fn quotation(&mut self) {
        let here = self.text.tokens.len();
        match self.quote.take() {
            Some(start) if here - start <= QUOTED_WORDS => {
                for token in self.text.tokens.iter_mut().skip(start) {
                    token.quoted = true;
                }
            }
            _ => self.quote = Some(here),
        }
    }

    /// An address, if the characters up to the next blank are one. Each of them is looked at once.
    fn link(&mut self, at: usize) -> Option<usize> {
        let rest = self.glyphs.get(at..)?;
        let length = rest.iter().position(|glyph| glyph.each.is_whitespace());
        let end = at + length.unwrap_or(rest.len());
        self.chunk_end = end;
        let chunk = self.glyphs.get(at..end)?;
        // Few pieces have anything of an address.
        if !chunk.iter().any(|glyph| matches!(glyph.each, ':' | '@' | '.')) {
            return None;
        }
        let is = |from: usize, text: &str| {
            let found = chunk.get(from..from + text.len()).unwrap_or_default();
            found.len() == text.len()
                && found.iter().zip(text.chars()).all(|(a, b)| a.each.eq_ignore_ascii_case(&b))
        };
        let scheme = || (0..chunk.len().min(12)).any(|from| is(from, "://"));
        let mail = || {
            let name = chunk.iter().position(|glyph| glyph.each == '@');
            name.is_some_and(|name| {
                let domain = chunk.get(name + 1..).unwrap_or_default();
                let dot = domain.iter().rposition(|glyph| glyph.each == '.');
                name > 0 && dot.is_some_and(|dot| dot > 0 && dot + 2 < domain.len())
            })
        };
        if !(is(0, "www.") || scheme() || mail()) {
            return None;
        }
        self.push(Kind::Link, at, end, WordId::UNKNOWN);
        Some(end)
    }

    fn mention(&mut self, at: usize) -> usize {
        let mut end = at + 1;
        while is_letter(self.each(end)) || self.each(end) == '_' {
            end += 1;
        }
        // "@ttorney" is no account: with the letter that was taken away it is a word of a phrase.
        self.spell(at, end);
        let found = self.vocabulary.resolve(&self.lower, &mut self.scratch);
        if end - at >= 6 && found.id != WordId::UNKNOWN {
            self.push(Kind::Word, at, end, found.id);
        } else {
            self.push(Kind::Mention, at, end, WordId::UNKNOWN);
        }
        end
    }

    /// Letters and figures, with apostrophes and disguises between them.
    fn word(&mut self, at: usize) -> usize {
        let mut end = at + 1;
        let (mut apostrophe, mut disguised) = (None, self.each(at) == '$');
        loop {
            let each = self.each(end);
            if is_letter(each) {
                end += 1;
            } else if matches!(each, '@' | '$' | '|') && is_letter(self.each(end + 1)) {
                disguised = true;
                end += 1;
            } else if each == '\'' && self.each(end + 1).is_alphabetic() && apostrophe.is_none() {
                apostrophe = Some(end);
                end += 1;
            } else {
                break;
            }
        }
        if disguised {
            let plain = (at..end).find(|at| matches!(self.each(*at), '@' | '$' | '|'));
            self.spell(at, end);
            let found = self.vocabulary.resolve(&self.lower, &mut self.scratch);
            // No word of a phrase: then the sign was a sign.
            if found.id == WordId::UNKNOWN && plain.is_some_and(|plain| plain > at) {
                end = plain.unwrap_or(end);
                apostrophe = apostrophe.filter(|apostrophe| *apostrophe < end);
            }
        }
        match apostrophe {
            Some(apostrophe) => self.contraction(at, apostrophe, end),
            None => self.simple(at, end),
        }
        end
    }

    /// "I'll" is "I will", "don't" is "dont", "l'avocat" is "l avocat", "Jo's" is "Jo".
    fn contraction(&mut self, at: usize, apostrophe: usize, end: usize) {
        self.spell(apostrophe + 1, end);
        let suffix = match self.lower.as_str() {
            "ll" => "will",
            "m" => "am",
            "re" => "are",
            "ve" => "have",
            "d" => "would",
            "s" => "",
            "t" => {
                self.simple(at, end);
                return;
            }
            _ => {
                self.simple(at, apostrophe);
                self.simple(apostrophe + 1, end);
                return;
            }
        };
        self.simple(at, apostrophe);
        if !suffix.is_empty() {
            let id = self.vocabulary.find(suffix).unwrap_or(WordId::UNKNOWN);
            self.push(Kind::Word, at, end, id);
        }
    }

    /// A run of letters and figures. "15days" is two words unless a phrase knows it as one.
    fn simple(&mut self, at: usize, end: usize) {
        self.spell(at, end);
        let figures = self.lower.bytes().take_while(u8::is_ascii_digit).count();
        if figures == self.lower.len() {
            self.push(Kind::Number, at, end, WordId::NUMBER);
            return;
        }
        let found = self.vocabulary.resolve(&self.lower, &mut self.scratch);
        if figures > 0 && found.id == WordId::UNKNOWN {
            self.push(Kind::Number, at, at + figures, WordId::NUMBER);
            self.simple(at + figures, end);
            return;
        }
        self.push(Kind::Word, at, end, found.id);
        let letters = self.lower.len();
        let glyphs = self.glyphs.get(at..end).unwrap_or_default();
        let capitals = letters >= 4
            && glyphs.iter().all(|glyph| !glyph.each.is_lowercase())
            && glyphs.iter().filter(|glyph| glyph.each.is_uppercase()).count() >= 4;
        let letter = match self.lower.as_bytes() {
            [letter] if letter.is_ascii_alphabetic() => Some(*letter),
            _ => None,
        };
        if let Some(token) = self.text.tokens.last_mut() {
            token.capitals = capitals;
            token.drawn_out = found.drawn_out;
            token.letter = letter;
        }
        let latin = self.lower.bytes().filter(u8::is_ascii_alphabetic).count();
        self.text.latin += latin;
        self.text.foreign += self.lower.chars().filter(|each| !each.is_ascii()).count();
    }

    /// The characters from `at` to `end` in lower case, without apostrophes, into `lower`.
    fn spell(&mut self, at: usize, end: usize) {
        self.lower.clear();
        for glyph in self.glyphs.get(at..end).unwrap_or_default() {
            if glyph.each.is_ascii() {
                if glyph.each != '\'' {
                    self.lower.push(glyph.each.to_ascii_lowercase());
                }
            } else {
                self.lower.extend(glyph.each.to_lowercase());
            }
        }
    }

    fn push(&mut self, kind: Kind, at: usize, end: usize, word: WordId) {
        let start = self.glyphs.get(at).map_or(0, |glyph| glyph.start);
        let end = self.glyphs.get(end.saturating_sub(1)).map_or(start, |glyph| glyph.end);
        self.text.tokens.push(Token {
            start,
            end,
            word,
            kind,
            sentence: self.sentence,
            clause: self.clause,
            quoted: false,
            capitals: false,
            drawn_out: false,
            letter: None,
        });
    }

    fn finish(mut self) -> Text {
        self.join_spelled();
        let words = self.text.tokens.len();
        let quoted = self.text.tokens.iter().filter(|token| token.quoted).count();
        // Who puts everything into quotation marks quotes nobody.
        if quoted * 10 >= words * 9 {
            for token in &mut self.text.tokens {
                token.quoted = false;
            }
        }
        self.text
    }

    /// "s u e" and "l.a.w.y.e.r" become the words that they spell, if those are words of a phrase.
    fn join_spelled(&mut self) {
        let tokens = std::mem::take(&mut self.text.tokens);
        if !tokens.windows(3).any(|three| three.iter().all(|token| token.letter.is_some())) {
            self.text.tokens = tokens;
            return;
        }
        let mut joined: Vec<Token> = Vec::with_capacity(tokens.len());
        let mut rest = tokens.as_slice();
        while let Some(first) = rest.first() {
            let alike = |token: &&Token| token.letter.is_some() && token.sentence == first.sentence;
            let run = rest.iter().take(*SPELLED.end()).take_while(alike).count();
            let spelled = if run >= *SPELLED.start() { self.spelled(rest, run) } else { None };
            let taken = match spelled {
                Some((word, length)) => {
                    let end = rest.get(length - 1).map_or(first.end, |token| token.end);
                    joined.push(Token { end, word, letter: None, ..*first });
                    length
                }
                None => {
                    joined.push(*first);
                    1
                }
            };
            rest = rest.get(taken..).unwrap_or_default();
        }
        self.text.tokens = joined;
    }

    /// The longest word that the first letters spell.
    fn spelled(&mut self, tokens: &[Token], run: usize) -> Option<(WordId, usize)> {
        self.lower.clear();
        self.lower.extend(tokens.iter().take(run).filter_map(|token| token.letter).map(char::from));
        (*SPELLED.start()..=run).rev().find_map(|length| {
            let word = self.vocabulary.find(self.lower.get(..length)?)?;
            Some((word, length))
        })
    }
}

fn is_letter(each: char) -> bool {
    if each.is_ascii() { each.is_ascii_alphanumeric() } else { each.is_alphanumeric() }
}
