//! Tables for spreadsheets: what Excel opens by a double click in a country that writes a comma before the tyiyn.

/// A table in the making: UTF-8 with a mark by which Excel knows it, semicolons, CRLF (RFC 4180 otherwise).
pub(super) struct Csv(String);

/// A cell.
pub(super) enum Cell {
    /// Anybody's words: never read as a formula.
    Text(String),
    /// A number of ours, as it is.
    Number(String),
}

impl Csv {
    pub(super) fn new() -> Self {
        Self("\u{feff}".to_owned())
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        for (number, cell) in cells.into_iter().enumerate() {
            if number > 0 {
                self.0.push(';');
            }
            match cell {
                Cell::Number(text) => self.0.push_str(&text),
                Cell::Text(text) => self.text(&text),
            }
        }
        self.0.push_str("\r\n");
    }

    fn text(&mut self, text: &str) {
        // OWASP "CSV injection": what begins so is a formula to a spreadsheet, also after spaces. An apostrophe makes it text.
        let is_formula =
            text.trim_start().starts_with(['=', '+', '-', '@', '\u{2212}', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}']);
        let guarded = is_formula || text.starts_with(['\t', '\r', '\n']);
        let plain = !guarded && !text.contains(['"', ';', ',', '\n', '\r', '\t']);
        if plain {
            self.0.push_str(text);
            return;
        }
        self.0.push('"');
        if guarded {
            self.0.push('\'');
        }
        self.0.push_str(&text.replace('"', "\"\""));
        self.0.push('"');
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_of_words_is_a_formula_and_none_leaves_its_place() {
        let mut csv = Csv::new();
        csv.row(["=1+1", "+7", "-1", "@a", " =x", "\t=x", "a;b", "a\"b", "a\r\nb"].map(|text| Cell::Text(text.to_owned())));
        csv.row([Cell::Number("-12,50".to_owned()), Cell::Text("Ала-Тоо".to_owned())]);
        let text = String::from_utf8(csv.into_bytes()).unwrap();
        assert_eq!(
            text,
            "\u{feff}\"'=1+1\";\"'+7\";\"'-1\";\"'@a\";\"' =x\";\"'\t=x\";\"a;b\";\"a\"\"b\";\"a\r\nb\"\r\n-12,50;Ала-Тоо\r\n"
        );
    }
}
