//! Texts of a driver's statement as a file, and of the payments onto a balance.

use domain::balance::MovementKind;

use super::Locale;

crate::messages! {
    /// What the payer reads at the payment provider and on the bank's statement.
    payment_comment() {
        ru: "Пополнение баланса Red Petroleum EV",
        ky: "Red Petroleum EV балансын толуктоо",
        en: "Red Petroleum EV balance top-up"
    }
    date() { ru: "Дата", ky: "Күнү", en: "Date" }
    movement() { ru: "Операция", ky: "Операция", en: "Movement" }
    amount() { ru: "Сумма, сом", ky: "Сумма, сом", en: "Amount, KGS" }
    balance_after() { ru: "Баланс после, сом", ky: "Андан кийинки баланс, сом", en: "Balance after, KGS" }
    document() { ru: "Документ", ky: "Документ", en: "Document" }
    note() { ru: "Примечание", ky: "Эскертүү", en: "Note" }
    opening() { ru: "На начало периода", ky: "Мезгилдин башына", en: "Opening balance" }
    closing() { ru: "На конец периода", ky: "Мезгилдин аягына", en: "Closing balance" }
    top_up() { ru: "Пополнение", ky: "Толуктоо", en: "Top-up" }
    charge() { ru: "Зарядка", ky: "Кубаттоо", en: "Charge" }
    refund() { ru: "Возврат", ky: "Кайтаруу", en: "Refund" }
    correction() { ru: "Корректировка", ky: "Түзөтүү", en: "Correction" }
    other() { ru: "Прочее", ky: "Башка", en: "Other" }
}

/// What moved the balance.
#[must_use]
pub fn kind(locale: Locale, kind: MovementKind) -> String {
    match kind {
        MovementKind::TopUp => top_up(locale),
        MovementKind::Charge => charge(locale),
        MovementKind::Refund => refund(locale),
        MovementKind::Correction => correction(locale),
        MovementKind::Other => other(locale),
    }
}
