//! Russian, Kyrgyz and English from one typed catalogue: a text that lacks a language does not compile.
//!
//! `messages!` makes a function a text: `t::pay_now(locale, &amount)`. Numbers, money, dates and plurals are made by [`format`].

pub mod account;
pub mod balance;
pub mod finance;
pub mod format;
pub mod guest;
pub mod receipt;
pub mod site;
pub mod sms;
pub mod statement;

use serde::{Deserialize, Serialize};

/// The languages of the house.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Locale {
    #[default]
    Ru,
    Ky,
    En,
}

impl Locale {
    pub const ALL: [Self; 3] = [Self::Ru, Self::Ky, Self::En];

    /// The BCP 47 tag, for `lang` and the database.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Ru => "ru",
            Self::Ky => "ky",
            Self::En => "en",
        }
    }
    /// Reads the tag; anything else is `None`.
    pub fn parse(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|l| l.tag() == tag)
    }
}

/// Texts with their three languages; `{name}` stands for an argument.
///
/// ```
/// api::messages! {
///     /// On the button.
///     pay_now(amount) { ru: "Оплатить {amount}", ky: "{amount} төлөө", en: "Pay {amount}" }
///     stop() { ru: "Остановить", ky: "Токтотуу", en: "Stop" }
/// }
/// use api::i18n::Locale;
/// assert_eq!(pay_now(Locale::En, "KGS 500"), "Pay KGS 500");
/// ```
#[macro_export]
macro_rules! messages {
    ($( $(#[$doc:meta])* $name:ident ( $($arg:ident),* ) { ru: $ru:literal, ky: $ky:literal, en: $en:literal } )*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name(locale: $crate::i18n::Locale $(, $arg: impl ::core::fmt::Display)*) -> String {
            match locale {
                $crate::i18n::Locale::Ru => format!($ru $(, $arg = $arg)*),
                $crate::i18n::Locale::Ky => format!($ky $(, $arg = $arg)*),
                $crate::i18n::Locale::En => format!($en $(, $arg = $arg)*),
            }
        }
    )*};
}
