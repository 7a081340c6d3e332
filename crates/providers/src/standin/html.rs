//! The stand-ins' few pages: plain HTML that works without scripts.

use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use domain::Tyiyn;

/// Text between tags or in a quoted attribute.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

/// `1 234,50 сом`
pub(super) fn money(amount: Tyiyn) -> String {
    let tyiyn = amount.get().unsigned_abs();
    let sign = if amount < Tyiyn::ZERO { "−" } else { "" };
    let whole = (tyiyn / 100).to_string();
    let mut grouped = String::new();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            grouped.push('\u{a0}');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped},{:02}\u{a0}сом", tyiyn % 100)
}

/// The text with its web addresses as links; everything else is only text.
pub(super) fn with_links(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = [rest.find("http://"), rest.find("https://")].into_iter().flatten().min() {
        let (before, from) = rest.split_at(start);
        let end = from.find(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"')).unwrap_or(from.len());
        let address = from[..end].trim_end_matches(['.', ',', ';', ':', '!', '?', ')', '»']);
        out.push_str(&escape(before));
        if address.len() > "https://".len() {
            let address_html = escape(address);
            out.push_str(&format!("<a href=\"{address_html}\" rel=\"noreferrer\">{address_html}</a>"));
        } else {
            out.push_str(&escape(address));
        }
        rest = &from[address.len()..];
    }
    out.push_str(&escape(rest));
    out
}

const STYLE: &str = ":root{color-scheme:light dark;font:16px/1.45 system-ui,sans-serif}body{margin:0 auto;padding:1rem;max-width:70rem}\
body.narrow{max-width:26rem}h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}a{color:#0b57d0}\
.sum{font-size:2.2rem;font-weight:700;margin:.2rem 0}.card{border:1px solid #8886;border-radius:12px;padding:1rem;margin:1rem 0}\
button,input,select{font:inherit;border-radius:10px;border:1px solid #8888;padding:.6rem .8rem;min-height:44px;box-sizing:border-box}\
button{cursor:pointer;width:100%;margin:.3rem 0}button.main{background:#0a7d33;border-color:#0a7d33;color:#fff;font-weight:600}\
input[type=checkbox]{min-height:0;width:1.2rem;height:1.2rem}label{display:block;margin:.4rem 0}label input[type=text],label select{width:100%;max-width:22rem}\
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.9rem}th,td{text-align:left;padding:.35rem .5rem;border-bottom:1px solid #8885;vertical-align:top}\
.muted{opacity:.7;font-size:.9rem}.note{background:#fff3cd;color:#332701;border-radius:10px;padding:.6rem .8rem}.qr svg{width:180px;height:180px;background:#fff}\
pre{white-space:pre-wrap;overflow-wrap:anywhere;font:inherit;margin:.3rem 0}details summary{cursor:pointer;padding:.5rem 0}@media (prefers-color-scheme:dark){a{color:#8ab4f8}}";

/// How wide a page is.
#[derive(Clone, Copy)]
pub(super) enum Width {
    /// A phone's page.
    Narrow,
    /// Tables.
    Wide,
}

/// A whole page. `title` is escaped here, `body` is HTML already. `refresh_s` reloads it.
pub(super) fn page(title: &str, width: Width, refresh_s: Option<u32>, body: &str) -> Response {
    let class = match width {
        Width::Narrow => " class=\"narrow\"",
        Width::Wide => "",
    };
    let refresh = refresh_s.map_or_else(String::new, |s| format!("<meta http-equiv=\"refresh\" content=\"{s}\">"));
    let title = escape(title);
    let html = format!(
        "<!DOCTYPE html><html lang=\"ru\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">{refresh}\
         <link rel=\"icon\" href=\"data:,\"><title>{title}</title><style>{STYLE}</style></head><body{class}><main><h1>{title}</h1>{body}</main></body></html>"
    );
    // No `form-action`: Chromium would forbid the redirect back to the merchant that follows the payment.
    let headers = [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; frame-ancestors 'none'",
        ),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, Html(html)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_reads_as_in_bishkek() {
        assert_eq!(money(Tyiyn::new(123_450)), "1\u{a0}234,50\u{a0}сом");
        assert_eq!(money(Tyiyn::new(5)), "0,05\u{a0}сом");
        assert_eq!(money(Tyiyn::new(-100_000_000)), "−1\u{a0}000\u{a0}000,00\u{a0}сом");
    }

    #[test]
    fn only_web_addresses_become_links() {
        let html = with_links("Чек: http://127.0.0.1:3000/g/abc?x=1&y=2. <b>javascript:alert(1)</b> https:// конец");
        assert!(html.contains(r#"<a href="http://127.0.0.1:3000/g/abc?x=1&amp;y=2" rel="noreferrer">"#), "{html}");
        assert!(html.contains("&lt;b&gt;javascript:alert(1)&lt;/b&gt; https:// конец"), "{html}");
        assert_eq!(html.matches("<a ").count(), 1);
    }
}
