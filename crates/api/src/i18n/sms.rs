//! Texts of short messages and payments. Messages are short, because a part of 70 letters costs as much as a whole message.

use domain::Tyiyn;

use super::{Locale, format};

crate::messages! {
    receipt_text(amount, url) { ru: "Чек {amount}: {url}", ky: "Чек {amount}: {url}", en: "Receipt {amount}: {url}" }
    /// What the payer reads at the payment provider and on the bank's statement.
    payment_comment(station, connector) {
        ru: "Зарядка электромобиля: {station}, разъём {connector}",
        ky: "Электромобилди кубаттоо: {station}, туташтыргыч {connector}",
        en: "EV charging: {station}, connector {connector}"
    }
    code_text(code) {
        ru: "Код: {code}. Никому его не говорите",
        ky: "Код: {code}. Аны эч кимге айтпаңыз",
        en: "Code: {code}. Tell it to nobody"
    }
    change_text(code) {
        ru: "Код для смены номера: {code}. Никому его не говорите",
        ky: "Номерди алмаштыруу коду: {code}. Эч кимге айтпаңыз",
        en: "Code to change your number: {code}. Tell it to nobody"
    }
    delete_text(code) {
        ru: "Код для удаления аккаунта: {code}. Никому его не говорите",
        ky: "Аккаунтту өчүрүү коду: {code}. Эч кимге айтпаңыз",
        en: "Code to delete your account: {code}. Tell it to nobody"
    }
    changed_text(phone) {
        ru: "Номер вашего аккаунта изменён на {phone}. Не вы? Позвоните нам",
        ky: "Аккаунтуңуздун номери {phone} болуп алмашты. Сиз эмеспи? Бизге чалыңыз",
        en: "Your account's number is now {phone}. Not you? Call us"
    }
    refund_text(amount, url) { ru: "Возврат {amount}: {url}", ky: "Кайтаруу {amount}: {url}", en: "Refund {amount}: {url}" }
}

/// After the end: what was charged, and the page with the receipt and the state of the refund.
#[must_use]
pub fn receipt(locale: Locale, total: Tyiyn, url: &str) -> String {
    plain(&receipt_text(locale, format::money_short(locale, total), url))
}

/// After a start that failed: what comes back, and the page that says why.
#[must_use]
pub fn failed(locale: Locale, refund: Tyiyn, url: &str) -> String {
    plain(&refund_text(locale, format::money_short(locale, refund), url))
}

/// The code that signs a person in. Its last line is WebOTP's: the browser of that host offers to fill it in.
#[must_use]
pub fn sign_in(locale: Locale, code: &str, host: &str) -> String {
    format!("{}\n\n@{host} #{code}", code_text(locale, code))
}

/// The code that proves either number of a change.
#[must_use]
pub fn change_phone(locale: Locale, code: &str) -> String {
    change_text(locale, code)
}

/// The code that a deletion wants.
#[must_use]
pub fn delete_account(locale: Locale, code: &str) -> String {
    delete_text(locale, code)
}

/// To the number that an account had.
#[must_use]
pub fn phone_changed(locale: Locale, new_masked: &str) -> String {
    plain(&changed_text(locale, new_masked))
}

/// Gateways and old phones know the plain space and the hyphen only.
fn plain(text: &str) -> String {
    text.replace(['\u{a0}', '\u{202f}'], " ").replace('\u{2212}', "-")
}

/// How many parts a text is billed as: 70 letters a part (67 of several) once a letter is outside of GSM 03.38, else 160 (153).
#[must_use]
pub fn parts(text: &str) -> usize {
    let basic = |c: char| c.is_ascii_alphanumeric() || " \n\r@!\"#$%&'()*+,-./:;<=>?_".contains(c);
    let units = text.encode_utf16().count();
    let (single, several) = if text.chars().all(basic) { (160, 153) } else { (70, 67) };
    if units <= single { 1 } else { units.div_ceil(several) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_a_short_domain_every_text_is_one_part() {
        let url = "https://ev.redpetroleum.kg/g/0123456789abcdefghijkl";
        for locale in Locale::ALL {
            for text in [receipt(locale, Tyiyn::new(123_450), url), failed(locale, Tyiyn::new(2_000_000), url)] {
                assert!(parts(&text) <= 2, "{text}");
                assert!(text.contains(url) && !text.contains('\u{a0}'), "{text}");
            }
        }
        assert_eq!(parts(&receipt(Locale::Ru, Tyiyn::new(50_000), url)), 1);
        assert_eq!(receipt(Locale::Ru, Tyiyn::new(123_450), "https://e.kg/g/x"), "Чек 1 234,50 сом: https://e.kg/g/x");
        assert_eq!(failed(Locale::En, Tyiyn::new(50_000), "https://e.kg/g/x"), "Refund KGS 500: https://e.kg/g/x");
    }

    /// Each part of a code is paid for.
    #[test]
    fn a_code_is_one_part_and_ends_with_the_line_for_the_browser() {
        for locale in Locale::ALL {
            let text = sign_in(locale, "012345", "ev.redpetroleum.kg");
            assert_eq!(parts(&text), 1, "{text}");
            assert!(text.ends_with("\n@ev.redpetroleum.kg #012345"), "{text}");
        }
    }

    #[test]
    fn parts_are_counted_as_the_gateway_does() {
        assert_eq!(parts(&"a".repeat(160)), 1);
        assert_eq!(parts(&"a".repeat(161)), 2);
        assert_eq!(parts(&"я".repeat(70)), 1);
        assert_eq!(parts(&"я".repeat(71)), 2);
        assert_eq!(parts(&"я".repeat(135)), 3);
    }
}
