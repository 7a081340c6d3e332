//! The words of the receipt, on paper and on the page.

use domain::charging::session::StopReason;
use domain::stations::PlugType;
use domain::tariffs::{Band, LineKind};

use super::Locale;

crate::messages! {
    /// The head of a paper that no cash register made. Never left out, and never a fiscal number beside it.
    non_fiscal() { ru: "НЕФИСКАЛЬНЫЙ ДОКУМЕНТ", ky: "ФИСКАЛДЫК ЭМЕС ДОКУМЕНТ", en: "NON-FISCAL DOCUMENT" }
    title(number) { ru: "Чек № {number}", ky: "№ {number} чек", en: "Receipt No. {number}" }
    /// Without the number, for a window's title.
    name() { ru: "Чек", ky: "Чек", en: "Receipt" }
    issued_at(at) { ru: "Выдан {at}", ky: "{at} берилди", en: "Issued {at}" }
    corrects(number) { ru: "Исправляет чек № {number}", ky: "№ {number} чекти оңдойт", en: "Corrects receipt No. {number}" }
    subject() { ru: "Зарядка электромобиля", ky: "Электромобилди кубаттоо", en: "Electric vehicle charging" }
    seller() { ru: "Продавец", ky: "Сатуучу", en: "Seller" }
    tin() { ru: "ИНН", ky: "ИСН (ИНН)", en: "TIN (ИНН)" }
    station() { ru: "Станция", ky: "Станция", en: "Station" }
    connector() { ru: "Разъём", ky: "Туташтыргыч", en: "Connector" }
    started() { ru: "Начало", ky: "Башталышы", en: "Started" }
    ended() { ru: "Окончание", ky: "Аягы", en: "Ended" }
    duration() { ru: "Длительность", ky: "Узактыгы", en: "Duration" }
    stop_reason() { ru: "Завершение", ky: "Токтотулушу", en: "Stopped by" }
    meter_start() { ru: "Счётчик в начале", ky: "Эсептегич башында", en: "Meter at start" }
    meter_stop() { ru: "Счётчик в конце", ky: "Эсептегич аягында", en: "Meter at end" }
    energy() { ru: "Отпущено энергии", ky: "Берилген энергия", en: "Energy delivered" }
    session_id() { ru: "Сессия", ky: "Сессия", en: "Session" }
    payment_reference() { ru: "Платёж", ky: "Төлөм", en: "Payment" }
    column_item() { ru: "Период", ky: "Мезгил", en: "Period" }
    column_quantity() { ru: "Количество", ky: "Саны", en: "Quantity" }
    column_price() { ru: "Цена, сом", ky: "Баасы, сом", en: "Price, KGS" }
    column_amount() { ru: "Сумма, сом", ky: "Суммасы, сом", en: "Amount, KGS" }
    cost() { ru: "Стоимость", ky: "Наркы", en: "Cost" }
    written_off() { ru: "Сверх предоплаты, за наш счёт", ky: "Алдын ала төлөмдөн ашык, биздин эсептен", en: "Above the prepayment, on us" }
    total() { ru: "Итого", ky: "Жыйынтыгы", en: "Total" }
    tax_included(tax, rate) { ru: "в том числе {tax} {rate}", ky: "анын ичинде {tax} {rate}", en: "including {tax} {rate}" }
    paid() { ru: "Оплачено", ky: "Төлөндү", en: "Paid" }
    used() { ru: "Использовано", ky: "Колдонулду", en: "Used" }
    refund() { ru: "Возврат", ky: "Кайтаруу", en: "Refund" }
    refund_note() {
        ru: "Остаток возвращается автоматически туда же, откуда пришла оплата.",
        ky: "Калган акча төлөм келген жерге автоматтык түрдө кайтарылат.",
        en: "The rest goes back automatically to where the payment came from."
    }
    helpline() { ru: "Поддержка", ky: "Колдоо кызматы", en: "Helpline" }
    page() { ru: "Страница этого чека", ky: "Бул чектин барагы", en: "This receipt online" }
    page_of(page, pages) { ru: "Страница {page} из {pages}", ky: "{pages} барактын {page}-барагы", en: "Page {page} of {pages}" }
    local_time(zone) { ru: "Время местное ({zone}).", ky: "Жергиликтүү убакыт ({zone}).", en: "Local time ({zone})." }
}

/// The name of a price band.
#[must_use]
pub const fn band(locale: Locale, band: Band) -> &'static str {
    use Locale::{En, Ky, Ru};
    match (band, locale) {
        (Band::Day, Ru) => "День",
        (Band::Day, Ky) => "Күндүз",
        (Band::Day, En) => "Day",
        (Band::Peak, Ru) => "Пик",
        (Band::Peak, Ky) => "Эң жүктөлгөн маал",
        (Band::Peak, En) => "Peak",
        (Band::Night, Ru) => "Ночь",
        (Band::Night, Ky) => "Түн",
        (Band::Night, En) => "Night",
        (Band::Contract, Ru) => "По договору",
        (Band::Contract, Ky) => "Келишим боюнча",
        (Band::Contract, En) => "Contract",
        (Band::Flat, Ru) => "Единый тариф",
        (Band::Flat, Ky) => "Бирдиктүү тариф",
        (Band::Flat, En) => "Flat rate",
    }
}

/// What a line charges for.
#[must_use]
pub const fn line_kind(locale: Locale, kind: LineKind) -> &'static str {
    use Locale::{En, Ky, Ru};
    match (kind, locale) {
        (LineKind::Energy, Ru | Ky) => "Энергия",
        (LineKind::Energy, En) => "Energy",
        (LineKind::Time, Ru) => "Время зарядки",
        (LineKind::Time, Ky) => "Кубаттоо убактысы",
        (LineKind::Time, En) => "Charging time",
        (LineKind::Session, Ru) => "Подключение",
        (LineKind::Session, Ky) => "Туташуу",
        (LineKind::Session, En) => "Session fee",
        (LineKind::Idle, Ru) => "Простой с кабелем",
        (LineKind::Idle, Ky) => "Кабель менен токтоп туруу",
        (LineKind::Idle, En) => "Idle with cable",
    }
}

/// Why it ended, in a few words.
#[must_use]
pub const fn stop_reason_text(locale: Locale, reason: StopReason) -> &'static str {
    use Locale::{En, Ky, Ru};
    match (reason, locale) {
        (StopReason::Payer, Ru) => "по вашей кнопке «Стоп»",
        (StopReason::Payer, Ky) => "сиз «Токтотуу» бастыңыз",
        (StopReason::Payer, En) => "you pressed stop",
        (StopReason::Limit, Ru) => "по оплаченной сумме",
        (StopReason::Limit, Ky) => "төлөнгөн сумма боюнча",
        (StopReason::Limit, En) => "the prepaid amount",
        (StopReason::Charger, Ru) => "на станции или кабель вынут",
        (StopReason::Charger, Ky) => "станцияда же кабель сууруп чыгарылды",
        (StopReason::Charger, En) => "the charger or unplugging",
        (StopReason::Vehicle, Ru) => "автомобилем",
        (StopReason::Vehicle, Ky) => "автоунаа токтотту",
        (StopReason::Vehicle, En) => "the vehicle",
        (StopReason::Fault, Ru) => "сбой станции",
        (StopReason::Fault, Ky) => "станциянын бузулушу",
        (StopReason::Fault, En) => "a charger fault",
        (StopReason::Silence, Ru) => "потеря связи со станцией",
        (StopReason::Silence, Ky) => "станция менен байланыш үзүлдү",
        (StopReason::Silence, En) => "the charger went silent",
        (StopReason::Operator, Ru) => "оператором",
        (StopReason::Operator, Ky) => "оператор токтотту",
        (StopReason::Operator, En) => "the operator",
    }
}

/// As printed beside the socket; the same in all languages.
#[must_use]
pub const fn plug(plug: PlugType) -> &'static str {
    match plug {
        PlugType::Type2 => "Type 2",
        PlugType::Ccs2 => "CCS2",
        PlugType::Chademo => "CHAdeMO",
        PlugType::GbtAc => "GB/T AC",
        PlugType::GbtDc => "GB/T DC",
    }
}

/// The name of a tax by its code; a code without a name is shown as it is.
#[must_use]
pub fn tax(locale: Locale, code: &str) -> String {
    use Locale::{En, Ky, Ru};
    match (code, locale) {
        ("vat", Ru) => "НДС",
        ("vat", Ky) => "КНС",
        ("vat", En) => "VAT",
        ("sales_tax", Ru) => "НсП",
        ("sales_tax", Ky) => "сатуу салыгы",
        ("sales_tax", En) => "sales tax",
        _ => code,
    }
    .to_owned()
}
