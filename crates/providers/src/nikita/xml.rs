//! Small XML, read into a tree with limits. Namespaces are ignored; a DTD or an entity of its own makes the document unreadable.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};

/// The largest document that is read. A push of 50 phones is about 10 KiB.
pub(crate) const DOCUMENT_BYTES_MAX: usize = 256 * 1024;
/// `report > dr > phone > number` is the deepest that is documented.
const DEPTH_MAX: usize = 16;
/// More elements than any packet has.
const ELEMENTS_MAX: usize = 10_000;

/// An element: its name without prefix, the text directly in it, its children.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Element {
    pub name: String,
    pub text: String,
    pub children: Vec<Element>,
}

impl Element {
    /// The first child of the name, without regard to case.
    pub fn child(&self, name: &str) -> Option<&Element> {
        self.all(name).next()
    }
    pub fn all<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a Element> + use<'a, 'n> {
        self.children.iter().filter(move |c| c.name.eq_ignore_ascii_case(name))
    }
    /// The trimmed text of a child; empty counts as missing.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.child(name).map(|c| c.text.trim()).filter(|t| !t.is_empty())
    }
}

/// Why a document is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    #[error("larger than {DOCUMENT_BYTES_MAX} bytes")]
    TooLarge,
    #[error("not UTF-8")]
    NotUtf8,
    #[error("a DTD or an entity of its own, which are forbidden")]
    Forbidden,
    #[error("too deep or too many elements")]
    TooComplex,
    #[error("no well-formed XML")]
    Malformed,
}

/// Reads a document.
pub(crate) fn parse(document: &[u8]) -> Result<Element, XmlError> {
    if document.len() > DOCUMENT_BYTES_MAX {
        return Err(XmlError::TooLarge);
    }
    let text = std::str::from_utf8(document).map_err(|_| XmlError::NotUtf8)?;
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}').trim_start());
    // The last one is open; the first is a root above the document's own.
    let mut open = vec![Element::default()];
    let mut elements = 0usize;
    loop {
        match reader.read_event().map_err(|_| XmlError::Malformed)? {
            Event::Start(start) => {
                elements += 1;
                if open.len() > DEPTH_MAX || elements > ELEMENTS_MAX {
                    return Err(XmlError::TooComplex);
                }
                open.push(element(&start));
            }
            Event::Empty(start) => {
                elements += 1;
                if elements > ELEMENTS_MAX {
                    return Err(XmlError::TooComplex);
                }
                last(&mut open)?.children.push(element(&start));
            }
            Event::End(_) => {
                let closed = open.pop().ok_or(XmlError::Malformed)?;
                last(&mut open)?.children.push(closed);
            }
            Event::Text(text) => last(&mut open)?.text.push_str(&text.xml_content().map_err(|_| XmlError::Malformed)?),
            Event::CData(text) => last(&mut open)?.text.push_str(&text.decode().map_err(|_| XmlError::Malformed)?),
            Event::GeneralRef(reference) => {
                let text = &mut last(&mut open)?.text;
                if let Some(c) = reference.resolve_char_ref().map_err(|_| XmlError::Malformed)? {
                    text.push(c);
                } else {
                    let name = reference.decode().map_err(|_| XmlError::Malformed)?;
                    text.push_str(resolve_predefined_entity(&name).ok_or(XmlError::Forbidden)?);
                }
            }
            Event::DocType(_) => return Err(XmlError::Forbidden),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    let top = open.pop().filter(|_| open.is_empty()).ok_or(XmlError::Malformed)?;
    match <[Element; 1]>::try_from(top.children) {
        Ok([root]) if top.text.trim().is_empty() => Ok(root),
        _ => Err(XmlError::Malformed),
    }
}

fn last(open: &mut [Element]) -> Result<&mut Element, XmlError> {
    open.last_mut().ok_or(XmlError::Malformed)
}

fn element(start: &BytesStart<'_>) -> Element {
    Element { name: String::from_utf8_lossy(start.local_name().as_ref()).into_owned(), ..Element::default() }
}

/// Text that can stand in an element: markup escaped, and what XML 1.0 cannot carry at all made a space.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            // Bare ones would be normalised to a line feed.
            '\r' => out.push_str("&#13;"),
            '\u{85}' => out.push_str("&#x85;"),
            '\u{2028}' => out.push_str("&#x2028;"),
            '\t' | '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}' => out.push(c),
            _ => out.push(' '),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn namespaces_and_prefixes_are_ignored() {
        let plain = parse(b"<response><id>A1</id><status>0</status></response>").unwrap();
        let named = parse(br#"<?xml version="1.0" encoding="UTF-8"?><n:response xmlns:n="http://Giper.mobi/schema/Message"><n:id>A1</n:id><!-- x --><n:status><![CDATA[0]]></n:status></n:response>"#).unwrap();
        assert_eq!(plain, named);
        assert_eq!(plain.value("STATUS"), Some("0"));
    }

    #[test]
    fn a_dtd_and_its_entities_are_refused() {
        let xxe = br#"<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r><status>&x;</status></r>"#;
        assert_eq!(parse(xxe), Err(XmlError::Forbidden));
        assert_eq!(parse(b"<r>&unknown;</r>"), Err(XmlError::Forbidden));
        assert_eq!(parse(b"<r>&lt;&#1078;&amp;</r>").unwrap().text, "<ж&");
    }

    #[test]
    fn limits_hold() {
        assert_eq!(parse("<a>".repeat(100).as_bytes()), Err(XmlError::TooComplex));
        assert_eq!(parse(format!("<r>{}</r>", "<a/>".repeat(ELEMENTS_MAX)).as_bytes()), Err(XmlError::TooComplex));
        assert_eq!(parse(&vec![b' '; DOCUMENT_BYTES_MAX + 1]), Err(XmlError::TooLarge));
        assert_eq!(parse(b"<r>\xff</r>"), Err(XmlError::NotUtf8));
        for bad in ["", "x", "<a>", "<a></b>", "</a>", "<a/><b/>", "<a/>x", "<a>&", "<a b", "{}"] {
            assert_eq!(parse(bad.as_bytes()), Err(XmlError::Malformed), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_escaped_comes_back(text in "[\\PC\n\r\t]{0,200}") {
            let read = parse(format!("<t>{}</t>", escape(&text)).as_bytes()).unwrap();
            prop_assert_eq!(read.text, text);
        }

        #[test]
        fn whatever_is_escaped_can_be_read(text in any::<String>()) {
            let document = format!("<t>{}</t>", escape(&text));
            prop_assert!(parse(document.as_bytes()).is_ok());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn no_markup_makes_it_panic(text in "[<>/&;!\\[\\]?a-c\"'= -]{0,80}") {
            let _ = parse(text.as_bytes());
        }
    }
}
