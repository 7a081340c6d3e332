//! The receipt on paper: a PDF made from the frozen document and nothing else, the same bytes at every call.
//!
//! Knows nothing of the database. Lengths are whole thousandths of a point and become floats only where the library wants
//! them, so that the layout of a receipt is a matter of integers and is the same on every machine.

use api::i18n::{Locale, format, receipt as words};
use chrono::{DateTime, Utc};
use domain::receipts::ReceiptDocument;
use domain::tariffs::{BillLine, LineKind};
use printpdf::{
    Color, FontId, Greyscale, Line, LinePoint, Mm, OffsetDateTime, Op, PaintMode, ParsedFont, PdfDocument, PdfFont,
    PdfFontHandle, PdfPage, PdfSaveOptions, Point, Polygon, PolygonRing, Pt, Rgb, TextItem, WindingOrder,
};
use sha2::{Digest as _, Sha256};

/// Noto Sans, reduced to Latin and Cyrillic (assets/OFL.txt).
const FONT_REGULAR: &[u8] = include_bytes!("../../assets/NotoSans-Regular-subset.ttf");
const FONT_BOLD: &[u8] = include_bytes!("../../assets/NotoSans-Bold-subset.ttf");

/// A5, upright: a receipt is read on a phone and printed two on a sheet.
const PAGE_WIDTH_MM: f32 = 148.0;
const PAGE_HEIGHT_MM: f32 = 210.0;
/// The same in thousandths of a point.
const PAGE_WIDTH: i32 = 419_528;
const PAGE_HEIGHT: i32 = 595_276;
const MARGIN: i32 = 28_000;
const LEFT: i32 = MARGIN;
const RIGHT: i32 = PAGE_WIDTH - MARGIN;
/// Below this line stands only the page's number.
const BOTTOM: i32 = MARGIN + 14_000;
/// A bill of a month-long session has some 100 lines; more pages than this are a fault, and the rest is summed in the totals.
const PAGES_MAX: usize = 40;

const SIZE_SMALL: i32 = 7_500;
const SIZE_TEXT: i32 = 8_500;
const SIZE_TOTAL: i32 = 12_000;
const SIZE_TITLE: i32 = 15_000;
/// The side of the QR code with its quiet zone.
const QR_SIDE: i32 = 66_000;
/// Empty modules around a QR code (ISO/IEC 18004 § 9.1).
const QR_QUIET_MODULES: i32 = 4;

/// Why there is no PDF.
#[derive(Debug, thiserror::Error)]
pub enum PdfError {
    #[error("the font {0} cannot be read")]
    Font(&'static str),
    #[error("the page's address does not fit into a QR code")]
    Qr,
    #[error("the PDF could not be written: {0}")]
    Write(String),
}

/// Makes the PDF. `page_url` is the receipt's page: printed and as a QR code when it is given.
pub fn render(document: &ReceiptDocument, page_url: Option<&str>) -> Result<Vec<u8>, PdfError> {
    let locale = Locale::parse(&document.locale).unwrap_or_default();
    let fonts = Fonts::load()?;
    let mut paper = Paper::new(&fonts);
    lay_out(&mut paper, document, locale, page_url)?;
    paper.finish(document, locale)
}

/// What is printed with which face.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Face {
    Regular,
    Bold,
}

/// Shades of what is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ink {
    Black,
    Grey,
    /// The house's petroleum red.
    Red,
    Hairline,
}

impl Ink {
    fn color(self) -> Color {
        match self {
            Self::Black => Color::Greyscale(Greyscale { percent: 0.0, icc_profile: None }),
            Self::Grey => Color::Greyscale(Greyscale { percent: 0.38, icc_profile: None }),
            Self::Hairline => Color::Greyscale(Greyscale { percent: 0.75, icc_profile: None }),
            Self::Red => Color::Rgb(Rgb { r: 0.69, g: 0.11, b: 0.16, icc_profile: None }),
        }
    }
}

struct Fonts {
    regular: ParsedFont,
    bold: ParsedFont,
}

impl Fonts {
    fn load() -> Result<Self, PdfError> {
        let load = |bytes, name: &'static str| {
            let mut warnings = Vec::new();
            let mut font = ParsedFont::from_bytes(bytes, 0, &mut warnings).ok_or(PdfError::Font(name))?;
            if !warnings.is_empty() {
                return Err(PdfError::Font(name));
            }
            font.font_name = Some(name.to_owned());
            Ok(font)
        };
        Ok(Self { regular: load(FONT_REGULAR, "NotoSans-Regular")?, bold: load(FONT_BOLD, "NotoSans-Bold")? })
    }

    fn face(&self, face: Face) -> &ParsedFont {
        match face {
            Face::Regular => &self.regular,
            Face::Bold => &self.bold,
        }
    }

    /// What the face can print: other letters become question marks, so that nothing vanishes unseen.
    fn printable(&self, face: Face, text: &str) -> String {
        let font = self.face(face);
        let known = |c: char| font.lookup_glyph_index(u32::from(c)).is_some_and(|glyph| glyph != 0);
        let stand_in = |c: char| match c {
            _ if known(c) => c,
            // Noto Sans leaves the minus to its mathematical sister.
            '\u{2212}' => '–',
            '\u{2010}' | '\u{2011}' => '-',
            _ if c.is_whitespace() => ' ',
            _ => '?',
        };
        text.chars().map(stand_in).collect()
    }

    /// The width of a printable text.
    fn width(&self, face: Face, size: i32, text: &str) -> i32 {
        let font = self.face(face);
        let units: i64 = text
            .chars()
            .filter_map(|c| font.lookup_glyph_index(u32::from(c)))
            .map(|glyph| i64::from(font.get_glyph_width(glyph).unwrap_or(0)))
            .sum();
        let units_per_em = i64::from(font.units_per_em.max(1));
        i32::try_from(units * i64::from(size) / units_per_em).unwrap_or(i32::MAX)
    }
}

/// Pages being filled from top to bottom.
struct Paper<'f> {
    fonts: &'f Fonts,
    pages: Vec<Vec<Op>>,
    /// The baseline of the last line, from the bottom.
    y: i32,
}

/// Thousandths of a point as the library wants them.
fn pt(thousandths: i32) -> Pt {
    #[allow(
        clippy::float_arithmetic,
        clippy::cast_precision_loss,
        reason = "the library's unit; the layout itself is whole numbers"
    )]
    Pt(thousandths as f32 / 1000.0)
}

fn point(x: i32, y: i32) -> Point {
    Point { x: pt(x), y: pt(y) }
}

fn corner(x: i32, y: i32) -> LinePoint {
    LinePoint { p: point(x, y), bezier: false }
}

impl<'f> Paper<'f> {
    fn new(fonts: &'f Fonts) -> Self {
        Self { fonts, pages: vec![Vec::new()], y: PAGE_HEIGHT - MARGIN }
    }

    fn page(&mut self) -> &mut Vec<Op> {
        if self.pages.is_empty() {
            self.pages.push(Vec::new());
        }
        let last = self.pages.len() - 1;
        &mut self.pages[last]
    }

    /// Moves down by `height`; goes to a new page when `needed` does not fit below.
    fn down(&mut self, height: i32, needed: i32) {
        if self.y - needed < BOTTOM && self.pages.len() < PAGES_MAX {
            self.pages.push(Vec::new());
            self.y = PAGE_HEIGHT - MARGIN - height;
        } else {
            self.y -= height;
        }
    }

    fn text_at(&mut self, x: i32, face: Face, size: i32, ink: Ink, text: &str) {
        let y = self.y;
        self.text_at_height(x, y, face, size, ink, text);
    }

    fn text_at_height(&mut self, x: i32, y: i32, face: Face, size: i32, ink: Ink, text: &str) {
        let text = self.fonts.printable(face, text);
        let font = PdfFontHandle::External(font_id(face));
        self.page().extend([
            Op::StartTextSection,
            Op::SetFillColor { col: ink.color() },
            Op::SetFont { font, size: pt(size) },
            Op::SetTextCursor { pos: point(x, y) },
            Op::ShowText { items: vec![TextItem::Text(text)] },
            Op::EndTextSection,
        ]);
    }

    /// Ends at `x`.
    fn text_right(&mut self, x: i32, face: Face, size: i32, ink: Ink, text: &str) {
        let printable = self.fonts.printable(face, text);
        let width = self.fonts.width(face, size, &printable);
        self.text_at(x - width, face, size, ink, &printable);
    }

    fn text_centred(&mut self, face: Face, size: i32, ink: Ink, text: &str) {
        let printable = self.fonts.printable(face, text);
        let width = self.fonts.width(face, size, &printable);
        self.text_at((PAGE_WIDTH - width) / 2, face, size, ink, &printable);
    }

    /// Words in lines of at most `width`; a word that is wider than a line is cut.
    fn wrap(&self, face: Face, size: i32, width: i32, text: &str) -> Vec<String> {
        let text = self.fonts.printable(face, text);
        let fits = |line: &str| self.fonts.width(face, size, line) <= width;
        let mut lines = Vec::new();
        let mut line = String::new();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            if fits(&longer) {
                line = longer;
                continue;
            }
            if !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            for c in word.chars() {
                line.push(c);
                if !fits(&line) && line.chars().count() > 1 {
                    line.pop();
                    lines.push(std::mem::take(&mut line));
                    line.push(c);
                }
            }
        }
        lines.push(line);
        lines
    }

    /// A line across the page, a little below the last baseline.
    fn rule(&mut self, ink: Ink, thickness: i32) {
        let y = self.y;
        self.page().extend([
            Op::SetOutlineColor { col: ink.color() },
            Op::SetOutlineThickness { pt: pt(thickness) },
            Op::DrawLine { line: Line { points: vec![corner(LEFT, y), corner(RIGHT, y)], is_closed: false } },
        ]);
    }

    /// A frame from the height `top` to `bottom`.
    fn frame(&mut self, top: i32, bottom: i32, ink: Ink) {
        self.page().extend([
            Op::SetOutlineColor { col: ink.color() },
            Op::SetOutlineThickness { pt: pt(1_200) },
            Op::DrawLine {
                line: Line {
                    points: vec![corner(LEFT, top), corner(RIGHT, top), corner(RIGHT, bottom), corner(LEFT, bottom)],
                    is_closed: true,
                },
            },
        ]);
    }

    /// A name on the left and what it is on the right of it, over several lines if need be.
    fn fact(&mut self, name: &str, value: &str) {
        const NAME_WIDTH: i32 = 112_000;
        let lines = self.wrap(Face::Regular, SIZE_TEXT, RIGHT - LEFT - NAME_WIDTH, value);
        let height = 12_000;
        for (number, line) in lines.iter().enumerate() {
            self.down(height, height);
            if number == 0 {
                self.text_at(LEFT, Face::Regular, SIZE_TEXT, Ink::Grey, name);
            }
            self.text_at(LEFT + NAME_WIDTH, Face::Regular, SIZE_TEXT, Ink::Black, line);
        }
    }

    /// A name on the left and a sum at the right edge.
    fn sum(&mut self, face: Face, size: i32, ink: Ink, name: &str, amount: &str) {
        let height = size + 4_500;
        self.down(height, height);
        self.text_at(LEFT, face, size, ink, name);
        self.text_right(RIGHT, face, size, ink, amount);
    }

    fn qr(&mut self, left: i32, top: i32, text: &str) -> Result<(), PdfError> {
        let code = qrcode::QrCode::new(text.as_bytes()).map_err(|_| PdfError::Qr)?;
        let width = i32::try_from(code.width()).map_err(|_| PdfError::Qr)?;
        let module = QR_SIDE / (width + 2 * QR_QUIET_MODULES);
        let colors = code.to_colors();
        let mut rings = Vec::new();
        for (row, modules) in (0_i32..).zip(colors.chunks(code.width())) {
            let y = top - (row + QR_QUIET_MODULES) * module;
            // Dark modules that touch are one rectangle: thin white lines between them would show in print.
            let mut column = 0_i32;
            for run in modules.chunk_by(|a, b| a == b) {
                let length = i32::try_from(run.len()).map_err(|_| PdfError::Qr)?;
                if run.first() == Some(&qrcode::Color::Dark) {
                    let from = left + (column + QR_QUIET_MODULES) * module;
                    let to = from + length * module;
                    rings.push(PolygonRing {
                        points: vec![corner(from, y), corner(to, y), corner(to, y - module), corner(from, y - module)],
                    });
                }
                column += length;
            }
        }
        self.page().extend([
            Op::SetFillColor { col: Ink::Black.color() },
            Op::DrawPolygon { polygon: Polygon { rings, mode: PaintMode::Fill, winding_order: WindingOrder::NonZero } },
        ]);
        Ok(())
    }

    /// The numbers of the pages, the document's own data, the bytes.
    fn finish(mut self, document: &ReceiptDocument, locale: Locale) -> Result<Vec<u8>, PdfError> {
        let pages = self.pages.len();
        if pages > 1 {
            let all = std::mem::take(&mut self.pages);
            let mut numbered = Vec::with_capacity(pages);
            for (number, ops) in (1..).zip(all) {
                self.pages = vec![ops];
                self.y = MARGIN - 6_000;
                self.text_centred(Face::Regular, SIZE_SMALL, Ink::Grey, &words::page_of(locale, number, pages));
                numbered.append(&mut self.pages);
            }
            self.pages = numbered;
        }

        let mut pdf = PdfDocument::new(&words::title(locale, &document.number));
        pdf.resources.fonts.map.insert(font_id(Face::Regular), PdfFont::new(self.fonts.regular.clone()));
        pdf.resources.fonts.map.insert(font_id(Face::Bold), PdfFont::new(self.fonts.bold.clone()));
        let issued = pdf_time(document.issued_at);
        let info = &mut pdf.metadata.info;
        info.author.clone_from(&document.seller_name);
        info.subject = words::subject(locale);
        info.creator = "Red Petroleum EV".to_owned();
        info.producer = "Red Petroleum EV".to_owned();
        info.identifier.clone_from(&document.number);
        (info.creation_date, info.modification_date, info.metadata_date) = (issued, issued, issued);
        pdf.pages = self.pages.into_iter().map(|ops| PdfPage::new(Mm(PAGE_WIDTH_MM), Mm(PAGE_HEIGHT_MM), ops)).collect();

        let mut warnings = Vec::new();
        let mut file = printpdf::to_lopdf_doc(&pdf, &PdfSaveOptions::default(), &mut warnings);
        if let Some(warning) = warnings.first() {
            return Err(PdfError::Write(warning.msg.clone()));
        }
        // The library draws the file's id by lot; a receipt's is its digest.
        let id = file_id(document);
        let id = lopdf::Object::String(id, lopdf::StringFormat::Hexadecimal);
        file.trailer.set("ID", vec![id.clone(), id]);
        // Nor does it conform to PDF/X, as the library would have it say.
        let info = file.trailer.get(b"Info").and_then(lopdf::Object::as_reference);
        if let Ok(info) = info.and_then(|info| file.get_dictionary_mut(info)) {
            info.remove(b"GTS_PDFXVersion");
        }
        if let Ok(catalog) = file.catalog_mut() {
            catalog.set("Lang", lopdf::Object::string_literal(locale.tag()));
            let preferences = lopdf::Dictionary::from_iter([("DisplayDocTitle", lopdf::Object::Boolean(true))]);
            catalog.set("ViewerPreferences", preferences);
        }
        file.compress();
        let mut bytes = Vec::new();
        file.save_to(&mut bytes).map_err(|error| PdfError::Write(error.to_string()))?;
        Ok(bytes)
    }
}

fn font_id(face: Face) -> FontId {
    FontId(
        match face {
            Face::Regular => "FR",
            Face::Bold => "FB",
        }
        .to_owned(),
    )
}

fn file_id(document: &ReceiptDocument) -> Vec<u8> {
    let digest = Sha256::new().chain_update(&document.number).chain_update(&document.session_id).finalize();
    digest.iter().take(16).copied().collect()
}

fn pdf_time(at: DateTime<Utc>) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(at.timestamp()).unwrap_or(OffsetDateTime::epoch())
}

fn lay_out(paper: &mut Paper<'_>, document: &ReceiptDocument, locale: Locale, page_url: Option<&str>) -> Result<(), PdfError> {
    head(paper, document, locale);
    facts(paper, document, locale);
    table(paper, document, locale);
    totals(paper, document, locale);
    foot(paper, document, locale, page_url)
}

/// What it is, before anything else: a receipt, but not one of a cash register.
fn head(paper: &mut Paper<'_>, document: &ReceiptDocument, locale: Locale) {
    let top = paper.y;
    paper.y = top - 17_000;
    paper.text_centred(Face::Bold, 12_500, Ink::Red, &words::non_fiscal(locale));
    paper.y -= 11_000;
    let others: Vec<String> = Locale::ALL.into_iter().filter(|other| *other != locale).map(words::non_fiscal).collect();
    paper.text_centred(Face::Regular, SIZE_SMALL, Ink::Red, &others.join(" · "));
    paper.frame(top, paper.y - 7_000, Ink::Red);
    paper.y -= 7_000;

    paper.down(25_000, 25_000);
    paper.text_at(LEFT, Face::Bold, SIZE_TITLE, Ink::Black, &words::title(locale, &document.number));
    paper.down(12_500, 12_500);
    let issued_at = format::date_time(locale, &document.time_zone, document.issued_at);
    paper.text_at(LEFT, Face::Regular, SIZE_TEXT, Ink::Grey, &words::issued_at(locale, issued_at));
    paper.text_right(RIGHT, Face::Regular, SIZE_TEXT, Ink::Grey, &words::subject(locale));
    if let Some(corrected) = &document.corrects {
        paper.down(12_000, 12_000);
        paper.text_at(LEFT, Face::Bold, SIZE_TEXT, Ink::Black, &words::corrects(locale, corrected));
    }
    paper.down(7_000, 7_000);
    paper.rule(Ink::Hairline, 600);
}

fn facts(paper: &mut Paper<'_>, document: &ReceiptDocument, locale: Locale) {
    let at = |at| {
        let date = format::date(locale, &document.time_zone, at);
        format!("{date}, {}", format::time_with_seconds(&document.time_zone, at))
    };
    paper.down(3_000, 3_000);
    paper.fact(&words::seller(locale), &format!("{}, {} {}", document.seller_name, words::tin(locale), document.seller_tin));
    paper.fact(&words::station(locale), &format!("{}, {}", document.station_name, document.station_address));
    let connector =
        [document.connector_label.clone(), words::plug(document.plug).to_owned(), format::power(locale, document.max_power)];
    paper.fact(&words::connector(locale), &connector.join(" · "));
    paper.fact(&words::started(locale), &at(document.started_at));
    let seconds = (document.ended_at - document.started_at).num_seconds();
    let ended = format!("{} ({})", at(document.ended_at), format::duration(locale, seconds));
    paper.fact(&words::ended(locale), &ended);
    paper.fact(&words::stop_reason(locale), words::stop_reason_text(locale, document.stop_reason));
    paper.fact(&words::meter_start(locale), &format::energy_exact(locale, document.meter_start));
    paper.fact(&words::meter_stop(locale), &format::energy_exact(locale, document.meter_stop));
    paper.fact(&words::energy(locale), &format::energy_exact(locale, document.energy));
    paper.fact(&words::session_id(locale), &document.session_id);
    if let Some(reference) = &document.payment_reference {
        paper.fact(&words::payment_reference(locale), reference);
    }
}

/// The right edges of the columns with numbers.
const COLUMN_QUANTITY: i32 = RIGHT - 128_000;
const COLUMN_PRICE: i32 = RIGHT - 66_000;

fn table(paper: &mut Paper<'_>, document: &ReceiptDocument, locale: Locale) {
    paper.down(18_000, 60_000);
    paper.text_at(LEFT, Face::Bold, SIZE_SMALL, Ink::Grey, &words::column_item(locale));
    paper.text_right(COLUMN_QUANTITY, Face::Bold, SIZE_SMALL, Ink::Grey, &words::column_quantity(locale));
    paper.text_right(COLUMN_PRICE, Face::Bold, SIZE_SMALL, Ink::Grey, &words::column_price(locale));
    paper.text_right(RIGHT, Face::Bold, SIZE_SMALL, Ink::Grey, &words::column_amount(locale));
    paper.down(4_000, 4_000);
    paper.rule(Ink::Black, 600);
    for line in &document.lines {
        row(paper, document, locale, line);
    }
    paper.down(5_000, 5_000);
    paper.rule(Ink::Black, 600);
}

fn row(paper: &mut Paper<'_>, document: &ReceiptDocument, locale: Locale, line: &BillLine) {
    let zone = &document.time_zone;
    let name = match line.kind {
        LineKind::Energy => format!("{}: {}", words::line_kind(locale, line.kind), words::band(locale, line.band)),
        LineKind::Time | LineKind::Session | LineKind::Idle => words::line_kind(locale, line.kind).to_owned(),
    };
    let quantity = match line.kind {
        LineKind::Energy => format::energy_exact(locale, line.energy),
        LineKind::Time | LineKind::Idle => clock(line.seconds),
        LineKind::Session => "1".to_owned(),
    };
    // The second line says from when to when; the days only when they are not the one of the start.
    let (from, to) = (format::date(locale, zone, line.from), format::date(locale, zone, line.to));
    let hours = format!("{}–{}", format::time(zone, line.from), format::time(zone, line.to));
    let period = if from != to {
        format!("{} – {}", format::date_time(locale, zone, line.from), format::date_time(locale, zone, line.to))
    } else if from == format::date(locale, zone, document.started_at) {
        hours
    } else {
        format!("{from}, {hours}")
    };
    paper.down(13_500, 26_000);
    paper.text_at(LEFT, Face::Regular, SIZE_TEXT, Ink::Black, &name);
    paper.text_right(COLUMN_QUANTITY, Face::Regular, SIZE_TEXT, Ink::Black, &quantity);
    paper.text_right(COLUMN_PRICE, Face::Regular, SIZE_TEXT, Ink::Black, &format::money_bare(locale, line.unit_price));
    paper.text_right(RIGHT, Face::Regular, SIZE_TEXT, Ink::Black, &format::money_bare(locale, line.amount));
    paper.down(9_500, 9_500);
    paper.text_at(LEFT, Face::Regular, SIZE_SMALL, Ink::Grey, &period);
}

/// `1:05:09`: to the second, so that the sum can be checked.
fn clock(seconds: i64) -> String {
    let seconds = seconds.max(0);
    format!("{}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

fn totals(paper: &mut Paper<'_>, document: &ReceiptDocument, locale: Locale) {
    let money = |amount| format::money(locale, amount);
    // The sums stay together on one page.
    paper.down(2_000, 110_000);
    if document.written_off.is_positive() {
        paper.sum(Face::Regular, SIZE_TEXT, Ink::Black, &words::cost(locale), &money(document.cost));
        let given = domain::Tyiyn::new(document.written_off.get().saturating_neg());
        paper.sum(Face::Regular, SIZE_TEXT, Ink::Black, &words::written_off(locale), &money(given));
    }
    paper.sum(Face::Bold, SIZE_TOTAL, Ink::Black, &words::total(locale), &money(document.total));
    for tax in &document.taxes {
        let name = words::tax_included(locale, words::tax(locale, &tax.code), format::percent_bp(locale, tax.rate_bp));
        paper.sum(Face::Regular, SIZE_SMALL, Ink::Grey, &name, &money(tax.amount));
    }
    paper.down(7_000, 7_000);
    paper.rule(Ink::Hairline, 600);
    paper.down(2_000, 2_000);
    paper.sum(Face::Regular, SIZE_TEXT, Ink::Black, &words::paid(locale), &money(document.paid));
    paper.sum(Face::Regular, SIZE_TEXT, Ink::Black, &words::used(locale), &money(document.total));
    paper.sum(Face::Bold, SIZE_TEXT, Ink::Black, &words::refund(locale), &money(document.refund));
    if document.refund.is_positive() {
        for line in paper.wrap(Face::Regular, SIZE_SMALL, RIGHT - LEFT, &words::refund_note(locale)) {
            paper.down(10_500, 10_500);
            paper.text_at(LEFT, Face::Regular, SIZE_SMALL, Ink::Grey, &line);
        }
    }
}

fn foot(paper: &mut Paper<'_>, document: &ReceiptDocument, locale: Locale, page_url: Option<&str>) -> Result<(), PdfError> {
    let needed = if page_url.is_some() { QR_SIDE + 12_000 } else { 34_000 };
    paper.down(10_000, needed);
    paper.rule(Ink::Hairline, 600);
    let mut width = RIGHT - LEFT;
    if let Some(url) = page_url {
        let top = paper.y - 3_000;
        paper.qr(RIGHT - QR_SIDE, top, url)?;
        width -= QR_SIDE + 8_000;
    }
    let mut lines = vec![(Face::Bold, format!("{}: {}", words::helpline(locale), phone(&document.helpline)))];
    if let Some(url) = page_url {
        lines.push((Face::Regular, format!("{}:", words::page(locale))));
        lines.push((Face::Regular, url.to_owned()));
    }
    lines.push((Face::Regular, words::local_time(locale, &document.time_zone)));
    paper.down(3_000, 3_000);
    for (face, text) in lines {
        for line in paper.wrap(face, SIZE_SMALL, width, &text) {
            paper.down(11_500, 11_500);
            paper.text_at(LEFT, face, SIZE_SMALL, Ink::Black, &line);
        }
    }
    Ok(())
}

/// The helpline as it is dialled and read.
fn phone(text: &str) -> String {
    domain::Phone::parse_international(text).map_or_else(|_| text.to_owned(), |phone| phone.display())
}

#[cfg(test)]
#[path = "pdf_tests.rs"]
mod tests;
