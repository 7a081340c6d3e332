//! Finance's pages and the audit trail.

use domain::finance::{DifferenceKind, OrderFilter, RefundFilter};

use super::Locale;
use crate::finance::{AccountFault, DecisionOutcome};

crate::messages! {
    finance() { ru: "Финансы", ky: "Каржы", en: "Finance" }
    orders() { ru: "Платежи", ky: "Төлөмдөр", en: "Orders" }
    order() { ru: "Платёж", ky: "Төлөм", en: "Order" }
    refunds() { ru: "Возвраты", ky: "Кайтаруулар", en: "Refunds" }
    inbox() { ru: "Уведомления", ky: "Билдирмелер", en: "Inbox" }
    outbox() { ru: "Исходящие", ky: "Чыгуучулар", en: "Outbox" }
    accounts() { ru: "Счета", ky: "Эсептер", en: "Accounts" }
    account() { ru: "Счёт", ky: "Эсеп", en: "Account" }
    correction() { ru: "Корректировка", ky: "Түзөтүү", en: "Correction" }
    reconciliation() { ru: "Сверка", ky: "Салыштыруу", en: "Reconciliation" }
    audit() { ru: "Журнал действий", ky: "Аракеттер журналы", en: "Audit trail" }
    sections() { ru: "Разделы финансов", ky: "Каржы бөлүмдөрү", en: "Sections of finance" }
    alerts() { ru: "Требует внимания", ky: "Көңүл буруу керек", en: "Needs attention" }
    alerts_none() { ru: "Всё спокойно.", ky: "Баары тынч.", en: "All is quiet." }
    waiting_requests(count) { ru: "Ждут решения: {count}", ky: "Чечимди күтүүдө: {count}", en: "Waiting for a decision: {count}" }
    with_staff(count) { ru: "Возвраты с затруднением: {count}", ky: "Кыйынчылыгы бар кайтаруулар: {count}", en: "Refunds in trouble: {count}" }
    parked(count) { ru: "Остановленные задачи: {count}", ky: "Токтотулган иштер: {count}", en: "Jobs that were given up: {count}" }
    sign_hint() { ru: "Плюс: мы должны или заработали. Минус: деньги у нас или должны нам.", ky: "Плюс: биз карызбыз же таптык. Минус: акча бизде же бизге карыз.", en: "Plus: we owe it or have earned it. Minus: we have it or are owed it." }
    own_accounts() { ru: "Счета компании", ky: "Компаниянын эсептери", en: "The house's accounts" }

    none() { ru: "Здесь пусто.", ky: "Бул жер бош.", en: "Nothing here." }
    older() { ru: "Раньше", ky: "Мурунку", en: "Older" }
    show() { ru: "Показать", ky: "Көрсөтүү", en: "Show" }
    find_label() { ru: "Номер платежа, возврата или номер в Namba One", ky: "Төлөмдүн, кайтаруунун же Namba One номери", en: "Id of an order, a refund, or of Namba One" }
    find() { ru: "Найти", ky: "Табуу", en: "Find" }
    filter() { ru: "Какие", ky: "Кайсылар", en: "Which" }

    purpose_guest() { ru: "Зарядка гостя", ky: "Коноктун кубаттоосу", en: "A guest's charge" }
    purpose_top_up() { ru: "Пополнение баланса", ky: "Балансты толуктоо", en: "Top-up" }
    state() { ru: "Состояние", ky: "Абалы", en: "State" }
    asked_sum() { ru: "Запрошено", ky: "Суралган", en: "Asked for" }
    paid_sum() { ru: "Оплачено", ky: "Төлөнгөн", en: "Paid" }
    sent_back() { ru: "Возвращено или в пути", ky: "Кайтарылган же жолдо", en: "Sent back or on its way" }
    created() { ru: "Создан", ky: "Түзүлгөн", en: "Created" }
    paid_at() { ru: "Оплачен", ky: "Төлөнгөн убакыт", en: "Paid at" }
    cleared_at() { ru: "Расчёт с провайдером", ky: "Провайдер менен эсептешүү", en: "Settled by the provider" }
    not_yet() { ru: "ещё нет", ky: "азырынча жок", en: "not yet" }
    provider_id() { ru: "Номер в Namba One", ky: "Namba One номери", en: "Id at Namba One" }
    provider_says() { ru: "Ответ Namba One", ky: "Namba One жообу", en: "Namba One says" }
    our_ids() { ru: "Наши номера у провайдера", ky: "Провайдердеги биздин номерлер", en: "Our ids at the provider" }
    on_account() { ru: "Доступно на счёте", ky: "Эсептеги жеткиликтүү", en: "Available on the account" }
    entries() { ru: "Проводки", ky: "Жазуулар", en: "Journal entries" }
    ask_provider() { ru: "Спросить Namba One сейчас", ky: "Namba One'дон азыр суроо", en: "Ask Namba One now" }
    refund_title() { ru: "Вернуть плательщику", ky: "Төлөөчүгө кайтаруу", en: "Send back to the payer" }
    refund_lead(amount) { ru: "Можно вернуть до {amount}. Большую сумму за сутки утверждает второй сотрудник.", ky: "{amount} чейин кайтарса болот. Бир суткадагы чоң сумманы экинчи кызматкер бекитет.", en: "Up to {amount} can go back. A larger sum in a day is approved by a second person." }
    refund_nothing() { ru: "Возвращать нечего. Деньги гостя возвращаются сами после зарядки; сверх того сначала нужна корректировка на его счёт.", ky: "Кайтара турган акча жок. Коноктун акчасы кубаттоодон кийин өзү кайтат; андан ашыгы үчүн адегенде анын эсебине түзөтүү керек.", en: "There is nothing to send back. A guest's rest goes back by itself after the charge; anything beyond needs a correction onto the account first." }
    amount() { ru: "Сумма, сом", ky: "Сумма, сом", en: "Amount, som" }
    reason() { ru: "Причина", ky: "Себеби", en: "Reason" }
    reason_hint() { ru: "Остаётся в журнале. До 500 знаков.", ky: "Журналда калат. 500 белгиге чейин.", en: "Stays in the journal. Up to 500 characters." }
    reason_missing() { ru: "Напишите причину, до 500 знаков.", ky: "Себебин жазыңыз, 500 белгиге чейин.", en: "Write a reason, up to 500 characters." }
    send_back() { ru: "Вернуть", ky: "Кайтаруу", en: "Send back" }
    form_stale() { ru: "Страница устарела. Проверьте и отправьте ещё раз.", ky: "Бет эскирип калды. Текшерип, кайра жөнөтүңүз.", en: "The page was out of date. Check it and send it again." }
    form_reused() { ru: "Эта форма уже была отправлена с другими данными.", ky: "Бул форма башка маалымат менен жөнөтүлгөн.", en: "This form was sent before with other contents." }

    request() { ru: "Заявка на возврат", ky: "Кайтаруу арызы", en: "Refund request" }
    requests() { ru: "Заявки, ждущие решения", ky: "Чечим күткөн арыздар", en: "Requests that wait for a decision" }
    requests_none() { ru: "Заявок нет.", ky: "Арыз жок.", en: "No requests." }
    asked_by() { ru: "Кто попросил", ky: "Ким сурады", en: "Asked by" }
    of_balance() { ru: "Неизрасходованный баланс", ky: "Жумшалбаган баланс", en: "Unused balance" }
    approve() { ru: "Утвердить", ky: "Бекитүү", en: "Approve" }
    reject() { ru: "Отклонить", ky: "Четке кагуу", en: "Reject" }
    decision() { ru: "Решение", ky: "Чечим", en: "Decision" }
    attempts(count) { ru: "попыток: {count}", ky: "аракет: {count}", en: "attempts: {count}" }

    received() { ru: "Получено", ky: "Алынган", en: "Received" }
    processed() { ru: "Обработано", ky: "Иштетилген", en: "Acted on" }
    from_address() { ru: "Адрес", ky: "Дарек", en: "Address" }
    outcome() { ru: "Итог", ky: "Жыйынтык", en: "Outcome" }
    body() { ru: "Что прислали", ky: "Эмне жөнөтүштү", en: "What was sent" }
    act_again() { ru: "Обработать ещё раз", ky: "Кайра иштетүү", en: "Act on it again" }

    open_refunds() { ru: "Незавершённые возвраты", ky: "Бүтпөгөн кайтаруулар", en: "Refunds that are not complete" }
    jobs() { ru: "Задачи", ky: "Иштер", en: "Jobs" }
    job_parked() { ru: "остановлена", ky: "токтотулган", en: "given up" }
    job_next(time) { ru: "в {time}", ky: "{time}", en: "at {time}" }
    run_now() { ru: "Запустить", ky: "Баштоо", en: "Run now" }

    accounts_prefix() { ru: "Начало счёта", ky: "Эсептин башы", en: "Account begins with" }
    held(amount) { ru: "отложено {amount}", ky: "бөлүндү {amount}", en: "held {amount}" }
    journal() { ru: "Движения по счёту", ky: "Эсептеги кыймыл", en: "Journal of the account" }
    entry() { ru: "Проводка", ky: "Жазуу", en: "Journal entry" }
    recorded() { ru: "Записано", ky: "Жазылган", en: "Recorded" }
    effective() { ru: "Произошло", ky: "Болгон", en: "Effective" }
    business_key() { ru: "Ключ", ky: "Ачкыч", en: "Business key" }
    source() { ru: "Основание", ky: "Негизи", en: "Source" }
    postings() { ru: "Строки", ky: "Саптар", en: "Postings" }
    correction_lead() { ru: "Новая проводка: списать с одного счёта, зачислить на другой. Старые записи не меняются.", ky: "Жаңы жазуу: бир эсептен чыгарып, экинчисине киргизүү. Эски жазуулар өзгөрбөйт.", en: "A new entry: debit one account, credit another. What was written stays." }
    debit() { ru: "Дебет (списать с)", ky: "Дебет (эсептен чыгаруу)", en: "Debit (take from)" }
    credit() { ru: "Кредит (зачислить на)", ky: "Кредит (эсепке киргизүү)", en: "Credit (add to)" }
    correct() { ru: "Записать", ky: "Жазуу", en: "Record it" }

    reconciliation_lead() { ru: "Namba One, наш журнал и зарядки сравниваются каждую ночь. Цель: ноль расхождений.", ky: "Namba One, биздин журнал жана кубаттоолор ар түнү салыштырылат. Максат: айырма жок.", en: "Namba One, our ledger and the sessions are compared each night. The aim is no difference." }
    reconcile_now() { ru: "Сверить сейчас", ky: "Азыр салыштыруу", en: "Compare now" }
    differences() { ru: "Расхождения", ky: "Айырмалар", en: "Differences" }
    differences_none() { ru: "Расхождений нет.", ky: "Айырма жок.", en: "No differences." }
    expected(text) { ru: "у нас {text}", ky: "бизде {text}", en: "ours {text}" }
    found(text) { ru: "у них {text}", ky: "аларда {text}", en: "theirs {text}" }
    runs() { ru: "Прошлые сверки", ky: "Мурунку салыштыруулар", en: "Past comparisons" }
    runs_none() { ru: "Сверок ещё не было.", ky: "Салыштыруу боло элек.", en: "There was none yet." }
    run_under_way() { ru: "идёт", ky: "жүрүп жатат", en: "under way" }
    run_differences(count) { ru: "расхождений: {count}", ky: "айырма: {count}", en: "differences: {count}" }
    run_orders(count) { ru: "платежей: {count}", ky: "төлөм: {count}", en: "orders: {count}" }
    asked_again() { ru: "Сделано. Обновите страницу через несколько секунд.", ky: "Аткарылды. Бир нече секунддан кийин бетти жаңыртыңыз.", en: "Done. Reload the page in a few seconds." }

    audit_about() { ru: "Чей или о ком: номер", ky: "Кимдики же ким жөнүндө: номер", en: "By or about: an id" }
    audit_system() { ru: "система", ky: "система", en: "system" }
}

#[must_use]
pub fn order_filter(locale: Locale, filter: OrderFilter) -> String {
    let texts = match filter {
        OrderFilter::All => ["Все", "Баары", "All"],
        OrderFilter::Paid => ["Оплаченные", "Төлөнгөн", "Paid"],
        OrderFilter::Open => ["Ждут оплаты", "Төлөмдү күтүүдө", "Can be paid"],
        OrderFilter::Unpaid => ["Не оплачены", "Төлөнбөгөн", "Not paid"],
        OrderFilter::Uncleared => ["Без расчёта с провайдером", "Провайдер менен эсептешпеген", "Not settled yet"],
    };
    pick(locale, texts)
}

#[must_use]
pub fn refund_filter(locale: Locale, filter: RefundFilter) -> String {
    let texts = match filter {
        RefundFilter::All => ["Все", "Баары", "All"],
        RefundFilter::Open => ["Незавершённые", "Бүтпөгөн", "Not complete"],
        RefundFilter::WithStaff => ["С затруднением", "Кыйынчылыгы бар", "In trouble"],
    };
    pick(locale, texts)
}

/// Of an order or a refund, as the tables have it; another word is shown as it is.
#[must_use]
pub fn stage(locale: Locale, word: &str) -> String {
    let texts = match word {
        "new" => ["создаётся", "түзүлүүдө", "being made"],
        "link" => ["ждёт оплаты", "төлөмдү күтүүдө", "can be paid"],
        "paid" => ["оплачен", "төлөндү", "paid"],
        "failed" => ["не прошёл", "өтпөдү", "failed"],
        "expired" => ["истёк", "мөөнөтү бүттү", "expired"],
        "queued" => ["в очереди", "кезекте", "queued"],
        "sent" => ["отправлен", "жөнөтүлдү", "sent"],
        "unknown" => ["ответ неясен", "жооп белгисиз", "unknown"],
        "stuck" => ["застрял", "токтоп калды", "stuck"],
        "completed" => ["выполнен", "аткарылды", "completed"],
        other => return other.to_owned(),
    };
    pick(locale, texts)
}

/// What staff must look at; a kind of another part of the house is shown as it is.
#[must_use]
pub fn alert_kind(locale: Locale, kind: &str) -> String {
    let texts = match kind {
        "refund_request" => ["Возврат ждёт решения", "Кайтаруу чечимди күтүүдө", "A refund waits for a decision"],
        "refund_stuck" => {
            ["Возврат застрял у Namba One", "Кайтаруу Namba One'до токтоп калды", "A refund is stuck at Namba One"]
        }
        "refund_failed" => ["Возврат не прошёл", "Кайтаруу өтпөдү", "A refund failed"],
        "refund_refused" => ["Namba One отказал в возврате", "Namba One кайтаруудан баш тартты", "Namba One refused a refund"],
        "refund_amount_mismatch" => ["Сумма возврата другая", "Кайтаруунун суммасы башка", "A refund has another sum"],
        "refund_contradiction" => [
            "Namba One противоречит себе о возврате",
            "Namba One кайтаруу боюнча өзүнө каршы",
            "Namba One contradicts itself about a refund",
        ],
        "merchant_float_low" => [
            "На счёте Namba One мало денег для возвратов",
            "Namba One эсебинде кайтарууга акча аз",
            "Too little at Namba One to pay the refunds",
        ],
        "payment_provider" | "payment_links" => [
            "Namba One не принимает запросы",
            "Namba One суроо-талаптарды кабыл албай жатат",
            "Namba One does not take our requests",
        ],
        "payment_not_settled" => [
            "Namba One не рассчитался за платёж",
            "Namba One төлөм боюнча эсептешкен жок",
            "Namba One has not settled a payment",
        ],
        "payment_unreadable" => {
            ["Ответ о платеже не читается", "Төлөм жөнүндө жооп окулбайт", "What is said of a payment cannot be read"]
        }
        "payment_second" | "payment_of_other_order" => ["Оплачено второй раз", "Экинчи жолу төлөндү", "Paid a second time"],
        "reconciliation" => ["Сверка нашла расхождения", "Салыштыруу айырмаларды тапты", "The books disagree"],
        other => return other.to_owned(),
    };
    pick(locale, texts)
}

/// What came of a notice; another word is shown as it is.
#[must_use]
pub fn notice_outcome(locale: Locale, outcome: &str) -> String {
    let texts = match outcome {
        "asked about the payment" => ["платёж уточнён", "төлөм такталды", "asked about the payment"],
        "asked about the refund" => ["возврат уточнён", "кайтаруу такталды", "asked about the refund"],
        "unknown payment" => ["не наш платёж", "биздин төлөм эмес", "not our payment"],
        "unknown refund" => ["не наш возврат", "биздин кайтаруу эмес", "not our refund"],
        "unknown type" => ["неизвестный вид", "белгисиз түрү", "unknown type"],
        "malformed" => ["не читается", "окулбайт", "cannot be read"],
        other => return other.to_owned(),
    };
    pick(locale, texts)
}

/// Of a journal entry.
#[must_use]
pub fn entry_kind(locale: Locale, kind: &str) -> String {
    let texts = match kind {
        "payment" => ["Оплата", "Төлөм", "Payment"],
        "payment_cleared" => ["Расчёт с провайдером", "Провайдер менен эсептешүү", "Settled by the provider"],
        "capture" => ["Зарядка", "Кубаттоо", "Charge"],
        "refund" => ["Возврат", "Кайтаруу", "Refund"],
        "refund_completed" => ["Возврат выплачен", "Кайтаруу төлөндү", "Refund paid out"],
        "correction" => ["Корректировка", "Түзөтүү", "Correction"],
        other => return other.to_owned(),
    };
    pick(locale, texts)
}

#[must_use]
pub fn account_fault(locale: Locale, fault: AccountFault) -> String {
    let texts = match fault {
        AccountFault::Unknown => ["Такого счёта нет.", "Мындай эсеп жок.", "There is no such account."],
        AccountFault::Same => ["Счета должны различаться.", "Эсептер ар башка болушу керек.", "The accounts must differ."],
        AccountFault::Own => [
            "Свой счёт исправляет другой сотрудник.",
            "Өз эсебиңизди башка кызматкер түзөтөт.",
            "Somebody else must correct your own account.",
        ],
        AccountFault::Short => ["На счёте столько нет.", "Эсепте мынча акча жок.", "The account does not have as much."],
    };
    pick(locale, texts)
}

/// Why a decision was not taken; nothing when it was.
#[must_use]
pub fn decision_fault(locale: Locale, outcome: DecisionOutcome) -> Option<String> {
    let texts = match outcome {
        DecisionOutcome::Done => return None,
        DecisionOutcome::NoReason => return Some(reason_missing(locale)),
        DecisionOutcome::FourEyes => [
            "Решает другой сотрудник: это ваша заявка.",
            "Башка кызматкер чечет: бул сиздин арыз.",
            "Somebody else must decide: this is your own request.",
        ],
        DecisionOutcome::Decided => ["Решение уже принято.", "Чечим кабыл алынган.", "It has been decided already."],
        DecisionOutcome::NotRefundable => [
            "Этих денег уже нет: заявку можно только отклонить.",
            "Бул акча жок: арызды четке гана кагууга болот.",
            "The money is not there any more: the request can only be rejected.",
        ],
    };
    Some(pick(locale, texts))
}

/// A difference, and what to do about it. An invariant has its own name.
#[must_use]
pub fn difference(locale: Locale, kind: &str) -> (String, String) {
    let Some(known) = DifferenceKind::parse(kind) else {
        let advice = [
            "Внутренняя проверка не сошлась: сообщите разработчикам, ничего не исправляя.",
            "Ички текшерүү туура келген жок: эч нерсени оңдобой, иштеп чыгуучуларга айтыңыз.",
            "One of our own checks fails: tell the developers before anything is corrected.",
        ];
        return (kind.to_owned(), pick(locale, advice));
    };
    let (what, advice) = match known {
        DifferenceKind::PaymentNotCredited => (
            [
                "Оплачено в Namba One, у нас не зачислено",
                "Namba One'до төлөнгөн, бизде киргизилген эмес",
                "Paid at Namba One, not credited here",
            ],
            [
                "Откройте платёж и спросите Namba One ещё раз; если не поможет, зачислите корректировкой.",
                "Төлөмдү ачып, Namba One'дон кайра сураңыз; болбосо түзөтүү менен киргизиңиз.",
                "Open the order and ask Namba One again; if that does not help, credit it by a correction.",
            ],
        ),
        DifferenceKind::PaymentUnknown => (
            [
                "Зачислено у нас, в Namba One такого платежа нет",
                "Бизде киргизилген, Namba One'до мындай төлөм жок",
                "Credited here, unknown to Namba One",
            ],
            [
                "Запросите у Namba One выписку. До ответа деньги не возвращайте.",
                "Namba One'дон көчүрмө сураңыз. Жоопко чейин акчаны кайтарбаңыз.",
                "Ask Namba One for a statement. Send nothing back before they answer.",
            ],
        ),
        DifferenceKind::PaymentAmount => (
            ["Суммы платежа различаются", "Төлөмдүн суммалары ар башка", "The sums of the payment differ"],
            [
                "Сверьте с выпиской Namba One и исправьте корректировкой.",
                "Namba One көчүрмөсү менен салыштырып, түзөтүү менен оңдоңуз.",
                "Compare with Namba One's statement and correct the difference.",
            ],
        ),
        DifferenceKind::PaymentOther => (
            ["Оплачено дважды", "Эки жолу төлөнгөн", "Paid twice"],
            [
                "Верните второй платёж через Namba One по номеру справа.",
                "Экинчи төлөмдү Namba One аркылуу оң жактагы номер менен кайтарыңыз.",
                "Have Namba One send the second payment back by the id on the right.",
            ],
        ),
        DifferenceKind::RefundNotDone => (
            [
                "Возврат закрыт у нас, но не в Namba One",
                "Кайтаруу бизде бүттү, Namba One'до бүтө элек",
                "The refund is complete here, not at Namba One",
            ],
            [
                "Спросите Namba One о возврате по нашему номеру.",
                "Namba One'дон биздин номер менен кайтаруу жөнүндө сураңыз.",
                "Ask Namba One about the refund by our id.",
            ],
        ),
        DifferenceKind::RefundAmount => (
            ["Суммы возврата различаются", "Кайтаруунун суммалары ар башка", "The sums of the refund differ"],
            [
                "Сверьте с выпиской Namba One и исправьте корректировкой.",
                "Namba One көчүрмөсү менен салыштырып, түзөтүү менен оңдоңуз.",
                "Compare with Namba One's statement and correct the difference.",
            ],
        ),
        DifferenceKind::RefundSum => (
            [
                "По платежу возвращено не столько, сколько у нас",
                "Төлөм боюнча биздегиден башка сумма кайтарылган",
                "Another sum of the order went back than we have",
            ],
            [
                "Проверьте возвраты в кабинете Namba One: кто-то мог сделать возврат вручную.",
                "Namba One кабинетиндеги кайтарууларды текшериңиз: бирөө кол менен кайтарган болушу мүмкүн.",
                "Look at the refunds in Namba One's cabinet: somebody may have made one by hand.",
            ],
        ),
        DifferenceKind::Ledger => (
            ["Платёж и журнал расходятся", "Төлөм менен журнал дал келбейт", "The order and the journal disagree"],
            [
                "Внутренняя ошибка: сообщите разработчикам, ничего не исправляя.",
                "Ички ката: эч нерсени оңдобой, иштеп чыгуучуларга айтыңыз.",
                "A fault of ours: tell the developers before anything is corrected.",
            ],
        ),
    };
    (pick(locale, what), pick(locale, advice))
}

fn pick(locale: Locale, [ru, ky, en]: [&str; 3]) -> String {
    match locale {
        Locale::Ru => ru,
        Locale::Ky => ky,
        Locale::En => en,
    }
    .to_owned()
}
