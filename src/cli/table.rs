//! Rows under headings, each column as wide as its widest cell.

use unicode_segmentation::UnicodeSegmentation as _;

use super::paint::{Colour, Paint};

/// One cell, with the colour that it is painted in.
#[derive(Debug, Clone, Default)]
pub struct Cell {
    text: String,
    colour: Option<Colour>,
}

impl Cell {
    /// In this colour.
    pub fn coloured(text: &str, colour: Option<Colour>) -> Self {
        Self { text: text.to_owned(), colour }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self { text: text.to_owned(), colour: None }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, colour: None }
    }
}

/// The table as lines, each with its end.
pub fn table(headings: &[&str], rows: &[Vec<Cell>], paint: Paint) -> String {
    let widths: Vec<usize> = headings
        .iter()
        .enumerate()
        .map(|(column, heading)| {
            let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| wide(&cell.text));
            cells.max().unwrap_or(0).max(wide(heading))
        })
        .collect();
    let line = |cells: &mut dyn Iterator<Item = (String, String)>| {
        let mut line = String::new();
        for ((text, painted), width) in cells.zip(&widths) {
            line.push_str(&painted);
            line.push_str(&" ".repeat(width.saturating_sub(wide(&text)) + 2));
        }
        line.truncate(line.trim_end().len());
        line.push('\n');
        line
    };
    let mut text = line(&mut headings.iter().map(|h| ((*h).to_owned(), paint.dim(h))));
    for row in rows {
        text.push_str(&line(&mut row.iter().map(|cell| {
            let painted = match cell.colour {
                Some(colour) => paint.colour(colour, &cell.text),
                None => cell.text.clone(),
            };
            (cell.text.clone(), painted)
        })));
    }
    text
}

/// How many characters a person sees.
fn wide(text: &str) -> usize {
    text.graphemes(true).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_their_headings() {
        let rows = [vec!["a".into(), "é!".into(), "x".into()], vec!["long".into(), "".into()]];
        let shown = table(&["ID", "N", "LAST"], &rows, Paint::off());
        assert_eq!(shown, "ID    N   LAST\na     é!  x\nlong\n");
    }
}
