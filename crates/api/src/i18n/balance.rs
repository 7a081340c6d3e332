//! The pages of a driver's balance.

use domain::balance::{MovementKind, RefundRequestState, TopUpState};

use super::Locale;

crate::messages! {
    balance() { ru: "Баланс", ky: "Баланс", en: "Balance" }
    available() { ru: "Доступно", ky: "Жеткиликтүү", en: "Available" }
    held(amount) { ru: "Отложено на зарядку или возврат: {amount}", ky: "Кубаттоого же кайтарууга бөлүндү: {amount}", en: "Set aside for a charge or a refund: {amount}" }
    top_up() { ru: "Пополнить", ky: "Толтуруу", en: "Top up" }
    top_up_title() { ru: "Пополнить баланс", ky: "Балансты толтуруу", en: "Top up the balance" }
    top_up_legend() { ru: "Сколько положить", ky: "Канча салуу керек", en: "How much to add" }
    top_up_button(amount) { ru: "Пополнить на {amount}", ky: "{amount} толтуруу", en: "Add {amount}" }
    top_up_hint() {
        ru: "Оплата в приложении Namba One. Неизрасходованное можно вернуть.",
        ky: "Төлөм Namba One колдонмосунда. Жумшалбаганын кайтарып алса болот.",
        en: "You pay in the Namba One app. What you do not use can be sent back."
    }
    too_many_unpaid() {
        ru: "У вас уже есть неоплаченные пополнения. Оплатите одно из них или подождите, пока они истекут.",
        ky: "Төлөнбөгөн толтурууларыңыз бар. Бирин төлөңүз же мөөнөтү бүткүчө күтүңүз.",
        en: "You have unpaid top-ups already. Pay one of them, or wait until they expire."
    }
    unpaid_title() { ru: "Ждёт оплаты", ky: "Төлөмдү күтүүдө", en: "Waits for payment" }
    unpaid_open() { ru: "Открыть пополнение", ky: "Толтурууну ачуу", en: "Open the top-up" }
    form_stale() { ru: "Страница устарела. Проверьте сумму и отправьте ещё раз.", ky: "Бет эскирип калды. Сумманы текшерип, кайра жөнөтүңүз.", en: "The page was out of date. Check the sum and send it again." }
    form_reused() { ru: "Эта форма уже была отправлена с другой суммой. Проверьте историю.", ky: "Бул форма башка сумма менен жөнөтүлгөн. Тарыхты текшериңиз.", en: "This form was sent before with another sum. Look at the history." }

    state_awaiting(amount) { ru: "Оплатите {amount}", ky: "{amount} төлөңүз", en: "Pay {amount}" }
    state_awaiting_text() {
        ru: "Деньги появятся на балансе сразу после оплаты. Эту страницу можно закрыть.",
        ky: "Акча төлөмдөн кийин дароо баланста пайда болот. Бул бетти жапса болот.",
        en: "The money is on the balance right after you pay. You can close this page."
    }
    state_paid(amount) { ru: "Баланс пополнен на {amount}", ky: "Баланс {amount} толтурулду", en: "{amount} added to your balance" }
    state_failed() { ru: "Оплата не прошла", ky: "Төлөм өтпөдү", en: "The payment did not go through" }
    state_expired() { ru: "Время на оплату вышло", ky: "Төлөө мөөнөтү бүттү", en: "The time to pay is over" }
    state_late_text() {
        ru: "Если вы всё же заплатили, деньги придут на баланс сами.",
        ky: "Эгер төлөсөңүз, акча баланска өзү түшөт.",
        en: "If you have paid after all, the money comes to your balance by itself."
    }
    to_balance() { ru: "К балансу", ky: "Баланска", en: "To the balance" }
    again() { ru: "Пополнить ещё раз", ky: "Кайра толтуруу", en: "Top up again" }

    history() { ru: "История", ky: "Тарых", en: "History" }
    history_none() { ru: "За этот период движений не было.", ky: "Бул мезгилде кыймыл болгон жок.", en: "Nothing moved in this period." }
    period_from() { ru: "С", ky: "Башы", en: "From" }
    period_to() { ru: "По", ky: "Аягы", en: "To" }
    period_wrong() { ru: "Выберите период от одного дня до года.", ky: "Бир күндөн бир жылга чейинки мезгилди тандаңыз.", en: "Choose a period of one day to one year." }
    kind_all() { ru: "Все движения", ky: "Бардык кыймыл", en: "All movements" }
    kind_label() { ru: "Что показать", ky: "Эмнени көрсөтүү", en: "Show" }
    show() { ru: "Показать", ky: "Көрсөтүү", en: "Show" }
    opening() { ru: "На начало", ky: "Башында", en: "Opening" }
    closing() { ru: "На конец", ky: "Аягында", en: "Closing" }
    balance_after(amount) { ru: "остаток {amount}", ky: "калдык {amount}", en: "balance {amount}" }
    more() { ru: "Дальше", ky: "Андан ары", en: "More" }
    download_csv() { ru: "Скачать таблицей (CSV)", ky: "Таблица катары жүктөө (CSV)", en: "Download as a table (CSV)" }
    whole_history() { ru: "Вся история", ky: "Бардык тарых", en: "Whole history" }

    movement_top_up() { ru: "Пополнение", ky: "Толтуруу", en: "Top-up" }
    movement_charge() { ru: "Зарядка", ky: "Кубаттоо", en: "Charge" }
    movement_refund() { ru: "Возврат", ky: "Кайтаруу", en: "Refund" }
    movement_correction() { ru: "Исправление", ky: "Оңдоо", en: "Correction" }
    movement_other() { ru: "Другое", ky: "Башка", en: "Other" }

    refund_title() { ru: "Вернуть деньги с баланса", ky: "Баланстан акча кайтаруу", en: "Send money back" }
    refund_lead(amount) {
        ru: "Можно вернуть до {amount}. Деньги уйдут туда, откуда пришли.",
        ky: "{amount} чейин кайтарса болот. Акча келген жерине кетет.",
        en: "Up to {amount} can go back. It goes where it came from."
    }
    refund_nothing() { ru: "Сейчас возвращать нечего.", ky: "Азыр кайтара турган эч нерсе жок.", en: "There is nothing to send back now." }
    refund_sum() { ru: "Сумма, сом", ky: "Сумма, сом", en: "Sum, som" }
    refund_button() { ru: "Вернуть", ky: "Кайтаруу", en: "Send back" }
    refund_approval(amount) { ru: "Больше {amount} за сутки проверяет сотрудник.", ky: "Суткасына {amount} көбүн кызматкер текшерет.", en: "More than {amount} a day is checked by a person." }
    refund_requests() { ru: "Ваши возвраты", ky: "Сиздин кайтаруулар", en: "Your refunds" }
    request_awaiting() { ru: "На проверке", ky: "Текшерүүдө", en: "Being checked" }
    request_under_way() { ru: "В пути", ky: "Жолдо", en: "On its way" }
    request_delayed() { ru: "Задерживается, занимаемся", ky: "Кечигүүдө, карап жатабыз", en: "Delayed; we are on it" }
    request_completed() { ru: "Выполнен", ky: "Аткарылды", en: "Done" }
    request_rejected() { ru: "Отклонён, деньги снова доступны", ky: "Четке кагылды, акча кайра жеткиликтүү", en: "Refused; the money is available again" }
}

/// What a top-up's page says first.
#[must_use]
pub fn top_up_state(locale: Locale, state: TopUpState, amount: &str) -> String {
    match state {
        TopUpState::AwaitingPayment => state_awaiting(locale, amount),
        TopUpState::Paid => state_paid(locale, amount),
        TopUpState::Failed => state_failed(locale),
        TopUpState::Expired => state_expired(locale),
    }
}

/// What moved.
#[must_use]
pub fn movement(locale: Locale, kind: MovementKind) -> String {
    match kind {
        MovementKind::TopUp => movement_top_up(locale),
        MovementKind::Charge => movement_charge(locale),
        MovementKind::Refund => movement_refund(locale),
        MovementKind::Correction => movement_correction(locale),
        MovementKind::Other => movement_other(locale),
    }
}

/// Where a refund that was asked for stands.
#[must_use]
pub fn request_state(locale: Locale, state: RefundRequestState) -> String {
    match state {
        RefundRequestState::AwaitingApproval => request_awaiting(locale),
        RefundRequestState::UnderWay => request_under_way(locale),
        RefundRequestState::Delayed => request_delayed(locale),
        RefundRequestState::Completed => request_completed(locale),
        RefundRequestState::Rejected => request_rejected(locale),
    }
}
