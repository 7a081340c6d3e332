//! Which language a visitor reads: what was chosen (cookie), else what the browser prefers, else Russian.

use api::i18n::Locale;
use axum::http::{HeaderMap, header};

/// The cookie that keeps the choice.
pub const COOKIE: &str = "lang";
/// Languages of `Accept-Language` that are looked at; real browsers send fewer than ten.
const PREFERENCES_MAX: usize = 20;

/// The visitor's language.
pub fn from_headers(headers: &HeaderMap) -> Locale {
    if let Some(chosen) = cookie(headers, COOKIE).and_then(Locale::parse) {
        return chosen;
    }
    headers.get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok()).and_then(preferred).unwrap_or_default()
}

/// The language with the highest weight that we have; the first of equals.
fn preferred(accept: &str) -> Option<Locale> {
    let mut best: Option<(Locale, u16)> = None;
    for part in accept.split(',').take(PREFERENCES_MAX) {
        let (tag, parameters) = part.split_once(';').unwrap_or((part, ""));
        let primary = tag.trim().split('-').next().unwrap_or_default().to_ascii_lowercase();
        let Some(locale) = Locale::parse(&primary) else { continue };
        let weight = parameters.split(';').find_map(|p| p.trim().strip_prefix("q=")).map_or(Some(1000), permille).unwrap_or(0);
        if weight > 0 && best.is_none_or(|(_, w)| weight > w) {
            best = Some((locale, weight));
        }
    }
    best.map(|(locale, _)| locale)
}

/// `0.8` as 800; `None` for anything that RFC 9110 § 12.4.2 does not allow.
fn permille(weight: &str) -> Option<u16> {
    let (whole, decimals) = weight.trim().split_once('.').unwrap_or((weight.trim(), ""));
    if decimals.len() > 3 || !decimals.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let fraction: u16 = format!("{decimals:0<3}").parse().ok()?;
    match whole {
        "0" => Some(fraction),
        "1" if fraction == 0 => Some(1000),
        _ => None,
    }
}

/// The value of a cookie.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    cookies(headers).find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// Names and values of all cookies.
pub(crate) fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(cookie: &str, accept: &str) -> Locale {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, cookie.parse().unwrap());
        headers.insert(header::ACCEPT_LANGUAGE, accept.parse().unwrap());
        from_headers(&headers)
    }

    #[test]
    fn what_was_chosen_wins() {
        assert_eq!(read("theme=dark; lang=ky", "en"), Locale::Ky);
        assert_eq!(read("lang=xx", "en"), Locale::En);
    }

    #[test]
    fn the_browser_is_asked_next() {
        assert_eq!(read("", "en-US,en;q=0.9,ru;q=0.8"), Locale::En);
        assert_eq!(read("", "de;q=1, en;q=0.4, ky-KG;q=0.7"), Locale::Ky);
        assert_eq!(read("", "en;q=0, ky;q=0.001"), Locale::Ky);
        assert_eq!(read("", "KY"), Locale::Ky);
    }

    #[test]
    fn russian_is_for_everybody_else() {
        for accept in ["", "de, fr;q=0.5", "en;q=nan", "en;q=2", "*", ";;;,,,", "en;q=0.12345"] {
            assert_eq!(read("", accept), Locale::Ru, "{accept}");
        }
        assert_eq!(from_headers(&HeaderMap::new()), Locale::Ru);
    }

    #[test]
    fn a_cookie_of_another_name_is_not_taken() {
        assert_eq!(read("xlang=ky; lang2=en", ""), Locale::Ru);
    }
}
