//! What the guest's way says: the connector's page, the checkout, the charge from payment to receipt.
//!
//! Kyrgyz puts case endings on a time or a sum according to how the number is spoken, so those sentences keep numbers at the end,
//! after a colon.

use domain::charging::session::StopReason;
use domain::guest::{AmountError, GuestPhase, StartFailure};
use domain::phone::PhoneError;
use domain::stations::{ConnectorStatus, CurrentType};
use domain::tariffs::Band;

use super::Locale;

crate::messages! {
    connector(label) { ru: "Разъём {label}", ky: "Туташтыргыч {label}", en: "Connector {label}" }
    up_to(power) { ru: "до\u{a0}{power}", ky: "эң көбү {power}", en: "up to\u{a0}{power}" }
    current_ac() { ru: "переменный ток", ky: "өзгөрмө ток", en: "AC" }
    current_dc() { ru: "постоянный ток", ky: "туруктуу ток", en: "DC" }

    status_available() { ru: "Свободен", ky: "Бош", en: "Available" }
    status_preparing() { ru: "Свободен, кабель вставлен", ky: "Бош, кабель сайылган", en: "Available, cable plugged in" }
    status_charging() { ru: "Занят: идёт зарядка", ky: "Бош эмес: кубаттоо жүрүп жатат", en: "In use: charging" }
    status_finishing() { ru: "Освобождается", ky: "Бошоп жатат", en: "Being freed" }
    status_reserved() { ru: "Забронирован", ky: "Ээленген", en: "Reserved" }
    status_unavailable() { ru: "Не работает", ky: "Иштебейт", en: "Out of service" }
    status_faulted() { ru: "Неисправен", ky: "Бузук", en: "Faulted" }
    status_offline() { ru: "Нет связи", ky: "Байланыш жок", en: "Offline" }

    band_day() { ru: "дневной тариф", ky: "күндүзгү тариф", en: "day rate" }
    band_peak() { ru: "пиковый тариф", ky: "эң жүктүү убактын тарифи", en: "peak rate" }
    band_night() { ru: "ночной тариф", ky: "түнкү тариф", en: "night rate" }
    band_contract() { ru: "тариф по договору", ky: "келишим боюнча тариф", en: "contract rate" }
    band_flat() { ru: "единый тариф", ky: "бирдиктүү тариф", en: "flat rate" }

    price_now() { ru: "Цена сейчас", ky: "Азыркы баа", en: "Price now" }
    price_changes(time, price) { ru: "До {time}, потом {price}", ky: "Баанын өзгөрүшү: {time} — {price}", en: "Until {time}, then {price}" }
    price_constant() { ru: "Одинаковая в любое время", ky: "Каалаган убакта бирдей", en: "The same at any time" }
    fee_energy() { ru: "За энергию", ky: "Энергия үчүн", en: "Energy" }
    fee_minute() { ru: "За время зарядки", ky: "Кубаттоо убактысы үчүн", en: "Charging time" }
    fee_session() { ru: "За подключение", ky: "Туташуу үчүн", en: "Connection fee" }
    fee_idle() { ru: "За простой после зарядки", ky: "Кубаттоодон кийин туруп калганы үчүн", en: "Staying after charging" }
    fee_idle_grace(minutes) { ru: "первые {minutes} бесплатно", ky: "алгачкы {minutes} акысыз", en: "first {minutes} free" }
    no_other_fees() { ru: "Других платежей нет: ни за минуты, ни за подключение.", ky: "Башка төлөм жок: мүнөттөр үчүн да, туташуу үчүн да.", en: "Nothing else to pay: no charge for minutes or for connecting." }
    example_20_kwh(energy, amount) { ru: "Пример: {energy} на полной мощности с этой минуты — {amount} за всё", ky: "Мисалы: ушул мүнөттөн толук кубаттуулукта {energy} — баары {amount}", en: "Example: {energy} at full power from now cost {amount} in all" }

    amount_legend() { ru: "Сколько оплатить сейчас", ky: "Азыр канча төлөйсүз", en: "How much to pay now" }
    amount_other() { ru: "Другая", ky: "Башка", en: "Other" }
    amount_other_hint() { ru: "своя сумма", ky: "өз суммаңыз", en: "your own amount" }
    amount_label() { ru: "Своя сумма, сом", ky: "Өз суммаңыз, сом", en: "Your own amount, KGS" }
    amount_range(min, max) { ru: "От {min} до {max}", ky: "{min} – {max}", en: "From {min} to {max}" }
    about_energy(energy) { ru: "≈\u{a0}{energy}", ky: "≈\u{a0}{energy}", en: "≈\u{a0}{energy}" }
    rest_title() { ru: "Что не потратите, вернётся", ky: "Жумшалбаганы кайтып берилет", en: "What you do not use comes back" }
    rest_text() {
        ru: "Вы платите сейчас, а остаток после зарядки сам вернётся туда, откуда пришла оплата. Ход возврата видно на странице зарядки.",
        ky: "Азыр төлөйсүз, ал эми кубаттоодон кийин калганы төлөм келген жерге өзү кайтат. Кайтаруунун жүрүшү кубаттоо бетинде көрүнөт.",
        en: "You pay now; after charging the rest goes back by itself to where the payment came from. The charge's page shows how the refund goes."
    }
    stop_at_percent(percent) {
        ru: "Зарядка сама остановится у {percent} суммы, чтобы счёт её не превысил.",
        ky: "Эсеп суммадан ашпашы үчүн кубаттоо өзү токтойт: сумманын {percent}.",
        en: "Charging stops by itself at {percent} of the sum, so that the bill stays within it."
    }
    phone_label() { ru: "Телефон", ky: "Телефон", en: "Phone" }
    phone_hint() { ru: "Только чтобы прислать чек по SMS. Регистрация не нужна.", ky: "Чекти SMS менен жөнөтүү үчүн гана. Каттоонун кереги жок.", en: "Only to send you the receipt by SMS. No account needed." }
    consent() {
        ru: "Нажимая кнопку, вы соглашаетесь, что номер будет использован для отправки чека.",
        ky: "Баскычты басуу менен номериңиз чек жөнөтүү үчүн колдонуларына макул болосуз.",
        en: "By pressing the button you agree that the number is used to send the receipt."
    }
    pay() { ru: "Оплатить", ky: "Төлөө", en: "Pay" }
    pay_amount(amount) { ru: "Оплатить {amount}", ky: "Төлөө: {amount}", en: "Pay {amount}" }
    check_fields() { ru: "Проверьте отмеченные поля. Деньги не списаны.", ky: "Белгиленген талааларды текшериңиз. Акча алынган жок.", en: "Check the marked fields. Nothing was charged." }
    form_stale() { ru: "Страница устарела. Проверьте данные и отправьте ещё раз: деньги не списаны.", ky: "Бет эскирип калды. Маалыматты текшерип, кайра жөнөтүңүз: акча алынган жок.", en: "The page was out of date. Check it and send it again: nothing was charged." }
    taken_meanwhile() { ru: "Пока вы заполняли форму, разъём стал недоступен. Деньги не списаны.", ky: "Форманы толтуруп жатканда туташтыргыч жеткиликсиз болуп калды. Акча алынган жок.", en: "While you were filling in the form the connector became unavailable. Nothing was charged." }

    amount_empty() { ru: "Выберите или введите сумму.", ky: "Сумманы тандаңыз же жазыңыз.", en: "Choose or type an amount." }
    amount_not_a_number() { ru: "Введите сумму числом, например 750 или 750,50.", ky: "Сумманы сан менен жазыңыз, мисалы 750 же 750,50.", en: "Type the amount as a number, for example 750 or 750.50." }
    amount_fraction() { ru: "Не больше двух знаков после запятой; тысячу пишите как 1000.", ky: "Үтүрдөн кийин эки сандан ашпасын; миңди 1000 деп жазыңыз.", en: "No more than two decimals; write a thousand as 1000." }
    amount_negative() { ru: "Сумма должна быть больше нуля.", ky: "Сумма нөлдөн чоң болушу керек.", en: "The amount must be above zero." }
    amount_too_small(min) { ru: "Наименьшая сумма: {min}.", ky: "Эң аз сумма: {min}.", en: "The least amount is {min}." }
    amount_too_large(max) { ru: "Наибольшая сумма: {max}.", ky: "Эң көп сумма: {max}.", en: "The largest amount is {max}." }
    phone_empty() { ru: "Укажите телефон: на него придёт чек.", ky: "Телефонуңузду жазыңыз: чек ошого келет.", en: "Give your phone: the receipt goes there." }
    phone_bad_character() { ru: "В номере могут быть только цифры, например +996 700 123 456.", ky: "Номерде сандар гана болот, мисалы +996 700 123 456.", en: "A number has digits only, for example +996 700 123 456." }
    phone_wrong_length() { ru: "После +996 должно быть девять цифр.", ky: "+996дан кийин тогуз сан болушу керек.", en: "After +996 there must be nine digits." }
    phone_foreign() { ru: "SMS отправляем только на номера Кыргызстана, +996.", ky: "SMS Кыргызстандын +996 номерлерине гана жөнөтүлөт.", en: "SMS go to numbers of Kyrgyzstan, +996, only." }

    busy_title() { ru: "Здесь уже заряжаются", ky: "Бул жерде башка унаа кубатталып жатат", en: "Somebody is charging here" }
    busy_text() { ru: "Разъём занят другой машиной, поэтому оплату не принимаем.", ky: "Туташтыргычты башка унаа ээлеп турат, ошондуктан төлөм албайбыз.", en: "Another car uses the connector, so we take no payment." }
    finishing_title() { ru: "Разъём освобождается", ky: "Туташтыргыч бошоп жатат", en: "The connector is being freed" }
    finishing_text() { ru: "Зарядка закончена, но кабель ещё в машине. Обновите страницу, когда его вынут.", ky: "Кубаттоо бүттү, бирок кабель унаада. Аны чыгарганда бетти жаңыртыңыз.", en: "The charge is over, but the cable is still in the car. Reload when it is out." }
    reserved_title() { ru: "Разъём забронирован", ky: "Туташтыргыч ээленген", en: "The connector is reserved" }
    reserved_text() { ru: "Его ждёт другой водитель, поэтому оплату не принимаем.", ky: "Аны башка айдоочу күтүп жатат, ошондуктан төлөм албайбыз.", en: "Another driver has booked it, so we take no payment." }
    faulted_title() { ru: "Разъём неисправен", ky: "Туташтыргыч бузук", en: "The connector is faulty" }
    faulted_text() { ru: "Станция сообщает о неисправности. Зарядиться здесь сейчас нельзя.", ky: "Станция бузулганын билдирип жатат. Азыр бул жерде кубаттоого болбойт.", en: "The station reports a fault. Charging is not possible here now." }
    unavailable_title() { ru: "Разъём не обслуживается", ky: "Туташтыргыч тейленбейт", en: "The connector is out of service" }
    unavailable_text() { ru: "Он выключен на время работ.", ky: "Ал иштер убагына өчүрүлгөн.", en: "It is switched off for works." }
    offline_title() { ru: "Нет связи со станцией", ky: "Станция менен байланыш жок", en: "The station is offline" }
    offline_text() { ru: "Мы не можем начать зарядку, поэтому оплату не принимаем.", ky: "Кубаттоону баштай албайбыз, ошондуктан төлөм албайбыз.", en: "We could not start a charge, so we take no payment." }
    last_seen(time) { ru: "Последняя связь: {time}", ky: "Акыркы байланыш: {time}", en: "Last heard from: {time}" }
    neighbours_title() { ru: "Свободны рядом", ky: "Жанында бош", en: "Free near by" }
    neighbours_none() { ru: "Свободных разъёмов рядом сейчас нет.", ky: "Азыр жанында бош туташтыргыч жок.", en: "No free connector near by right now." }
    check_again() { ru: "Проверить ещё раз", ky: "Дагы бир жолу текшерүү", en: "Check again" }

    steps() { ru: "Ход зарядки", ky: "Кубаттоонун жүрүшү", en: "Progress" }
    step_pay() { ru: "Оплата", ky: "Төлөм", en: "Payment" }
    step_paid() { ru: "Оплачено", ky: "Төлөндү", en: "Paid" }
    step_plug() { ru: "Вставьте кабель", ky: "Кабелди сайыңыз", en: "Plug in" }
    step_charge() { ru: "Зарядка", ky: "Кубаттоо", en: "Charging" }
    step_receipt() { ru: "Чек", ky: "Чек", en: "Receipt" }
    step_not_started() { ru: "Не началась", ky: "Башталган жок", en: "Not started" }
    step_refund() { ru: "Возврат", ky: "Кайтаруу", en: "Refund" }
    step_done() { ru: "готово", ky: "бүттү", en: "done" }

    awaiting_title(amount) { ru: "Оплатите {amount}", ky: "Төлөңүз: {amount}", en: "Pay {amount}" }
    awaiting_text() { ru: "Откроется страница платёжного сервиса. После оплаты вы вернётесь сюда.", ky: "Төлөм кызматынын бети ачылат. Төлөгөндөн кийин бул жерге кайтасыз.", en: "The payment service's page opens. After paying you come back here." }
    awaiting_go() { ru: "Перейти к оплате", ky: "Төлөмгө өтүү", en: "Go to payment" }
    awaiting_link() { ru: "Готовим ссылку на оплату. Страница обновится сама.", ky: "Төлөм шилтемесин даярдап жатабыз. Бет өзү жаңырат.", en: "Preparing the payment link. The page reloads by itself." }
    awaiting_check() { ru: "Проверяем оплату. Обычно это несколько секунд, страница обновится сама.", ky: "Төлөмдү текшерип жатабыз. Адатта бир нече секунд, бет өзү жаңырат.", en: "Checking the payment. It takes a few seconds, the page reloads by itself." }
    awaiting_time_left() { ru: "Ссылка действует ещё", ky: "Шилтеменин калган убактысы", en: "The link is good for" }
    awaiting_time_out() {
        ru: "Если время выйдет, ничего не списывается. Опоздавшая оплата начнёт зарядку, если разъём ещё свободен, или вернётся целиком.",
        ky: "Убакыт бүтсө, эч нерсе алынбайт. Кечигип келген төлөм туташтыргыч бош болсо кубаттоону баштайт, болбосо толугу менен кайтат.",
        en: "If the time runs out nothing is charged. A late payment starts the charge if the connector is still free, or comes back whole."
    }
    qr_title() { ru: "Оплата с телефона", ky: "Телефондон төлөө", en: "Pay with your phone" }
    qr_text() { ru: "Наведите камеру телефона: откроется страница оплаты.", ky: "Телефондун камерасын каратыңыз: төлөм бети ачылат.", en: "Point the phone's camera here to open the payment page." }
    copy_payment_link() { ru: "Скопировать ссылку на оплату", ky: "Төлөм шилтемесин көчүрүү", en: "Copy the payment link" }
    copy_page_link() { ru: "Скопировать ссылку", ky: "Шилтемени көчүрүү", en: "Copy the link" }
    copied() { ru: "Скопировано", ky: "Көчүрүлдү", en: "Copied" }
    page_is_yours() {
        ru: "Страницу можно закрыть и открыть снова по этой же ссылке, в том числе на другом телефоне. Никому её не передавайте: по ней можно остановить зарядку.",
        ky: "Бетти жаап, ушул эле шилтеме менен кайра ачса болот, башка телефондо да. Аны эч кимге бербеңиз: ал аркылуу кубаттоону токтотууга болот.",
        en: "You can close this page and open it again by the same link, also on another phone. Keep it to yourself: whoever has it can stop the charge."
    }

    plug_in_title() { ru: "Вставьте кабель", ky: "Кабелди сайыңыз", en: "Plug in the cable" }
    plug_in_text(label) { ru: "Возьмите кабель разъёма {label} и вставьте его в машину до щелчка. Зарядка начнётся сама.", ky: "{label} туташтыргычынын кабелин алып, чык эткенче унаага сайыңыз. Кубаттоо өзү башталат.", en: "Take the cable of connector {label} and push it into the car until it clicks. Charging starts by itself." }
    plug_in_time_left() { ru: "Осталось", ky: "Калган убакыт", en: "Time left" }
    plug_in_time_out() { ru: "Если не успеете, вся сумма вернётся сама.", ky: "Үлгүрбөсөңүз, бардык сумма өзү кайтат.", en: "If you do not make it, the whole sum comes back by itself." }
    start_asking() { ru: "Связываемся со станцией…", ky: "Станция менен байланышып жатабыз…", en: "Talking to the station…" }
    start_accepted() { ru: "Станция готова и ждёт кабель", ky: "Станция даяр, кабелди күтүп жатат", en: "The station is ready and waits for the cable" }
    cancel() { ru: "Отменить и вернуть деньги", ky: "Жокко чыгарып, акчаны кайтаруу", en: "Cancel and get the money back" }
    cancel_question() { ru: "Отменить зарядку?", ky: "Кубаттоону жокко чыгарасызбы?", en: "Cancel the charge?" }
    cancel_text() { ru: "Вся сумма вернётся автоматически.", ky: "Бардык сумма автоматтык түрдө кайтат.", en: "The whole sum comes back by itself." }
    cancel_yes() { ru: "Да, отменить", ky: "Ооба, жокко чыгаруу", en: "Yes, cancel" }
    cancel_no() { ru: "Не отменять", ky: "Жок, уланта берүү", en: "No, go on" }

    charging_title() { ru: "Идёт зарядка", ky: "Кубаттоо жүрүп жатат", en: "Charging" }
    suspended_ev_title() { ru: "Машина сделала паузу", ky: "Унаа тыныгууда", en: "The car has paused" }
    suspended_ev_text() { ru: "Машина сейчас не берёт энергию: возможно, батарея полна или зарядка отложена в её настройках.", ky: "Унаа азыр энергия албай жатат: батарея толгон же кубаттоо анын жөндөөлөрүндө кийинкиге калтырылган болушу мүмкүн.", en: "The car takes no energy now: the battery may be full, or its settings delay the charge." }
    suspended_evse_title() { ru: "Станция сделала паузу", ky: "Станция тыныгууда", en: "The station has paused" }
    suspended_evse_text() { ru: "Станция временно не подаёт энергию и продолжит сама.", ky: "Станция убактылуу энергия бербейт, өзү улантат.", en: "The station gives no energy for a while and will go on by itself." }
    energy() { ru: "Заряжено", ky: "Кубатталды", en: "Charged" }
    cost() { ru: "Стоимость", ky: "Наркы", en: "Cost" }
    cost_of(amount) { ru: "из {amount}", ky: "жалпысы {amount}", en: "of {amount}" }
    power() { ru: "Мощность", ky: "Кубаттуулук", en: "Power" }
    time() { ru: "Время", ky: "Убакыт", en: "Time" }
    battery() { ru: "Батарея", ky: "Батарея", en: "Battery" }
    limit_note(amount) { ru: "Остановим сами на {amount}", ky: "Өзүбүз токтотобуз: {amount}", en: "We stop at {amount}" }
    limit_bar(percent) { ru: "Использовано {percent} оплаченной суммы", ky: "Төлөнгөн сумманын {percent} колдонулду", en: "{percent} of the paid sum used" }
    waiting_first_reading() { ru: "Ждём первое показание счётчика", ky: "Эсептегичтин биринчи көрсөткүчүн күтүп жатабыз", en: "Waiting for the first meter reading" }
    updated(ago) { ru: "Обновлено {ago}", ky: "Жаңыртылды: {ago}", en: "Updated {ago}" }
    stale() {
        ru: "Больше минуты нет новых данных. Показываем последние известные; зарядка идёт и считается по счётчику станции.",
        ky: "Бир мүнөттөн ашык жаңы маалымат жок. Акыркы белгилүүсүн көрсөтүп турабыз; кубаттоо жүрүп, станциянын эсептегичи боюнча эсептелет.",
        en: "No new data for more than a minute. These are the last known numbers; charging goes on and is billed by the station's meter."
    }
    link_lost() {
        ru: "Связь со станцией потеряна. Зарядка продолжается, счёт будет по её счётчику.",
        ky: "Станция менен байланыш үзүлдү. Кубаттоо улана берет, эсеп анын эсептегичи боюнча болот.",
        en: "The link to the station is lost. Charging goes on and is billed by its meter."
    }
    live_announcement(energy, cost) { ru: "Заряжено {energy}, стоимость {cost}", ky: "Кубатталды {energy}, наркы {cost}", en: "Charged {energy}, cost {cost}" }
    stop() { ru: "Остановить зарядку", ky: "Кубаттоону токтотуу", en: "Stop charging" }
    stop_question() { ru: "Остановить зарядку?", ky: "Кубаттоону токтотосузбу?", en: "Stop charging?" }
    stop_text() { ru: "Вы заплатите только за полученную энергию, остаток вернётся сам.", ky: "Алынган энергия үчүн гана төлөйсүз, калганы өзү кайтат.", en: "You pay only for the energy taken; the rest comes back by itself." }
    stop_yes() { ru: "Да, остановить", ky: "Ооба, токтотуу", en: "Yes, stop" }
    stop_no() { ru: "Продолжить зарядку", ky: "Кубаттоону улантуу", en: "Go on charging" }
    stopping_title() { ru: "Останавливаем…", ky: "Токтотуп жатабыз…", en: "Stopping…" }
    stopping_text() { ru: "Ждём последнее показание счётчика. Обычно это несколько секунд.", ky: "Эсептегичтин акыркы көрсөткүчүн күтүп жатабыз. Адатта бир нече секунд.", en: "Waiting for the last meter reading. It takes a few seconds." }
    stopping_offline() {
        ru: "Станция сейчас не на связи: команда уйдёт, как только связь вернётся. Чтобы не ждать, остановите зарядку на станции или в машине и выньте кабель. Счёт будет по счётчику станции.",
        ky: "Станция азыр байланышта эмес: байланыш кайтары менен буйрук жөнөтүлөт. Күтпөө үчүн кубаттоону станциядан же унаадан токтотуп, кабелди чыгарыңыз. Эсеп станциянын эсептегичи боюнча болот.",
        en: "The station is offline: the command goes out as soon as the link is back. Not to wait, stop the charge at the station or in the car and unplug. You are billed by the station's meter."
    }

    done_title() { ru: "Зарядка завершена", ky: "Кубаттоо аяктады", en: "Charge complete" }
    reason_payer() { ru: "Вы остановили зарядку.", ky: "Кубаттоону сиз токтоттуңуз.", en: "You stopped the charge." }
    reason_limit() { ru: "Остановлена сама: подошла к оплаченной сумме.", ky: "Өзү токтоду: төлөнгөн суммага жетти.", en: "Stopped by itself: it came up to the paid sum." }
    reason_charger() { ru: "Остановлена на станции или кабель вынут.", ky: "Станциядан токтотулду же кабель чыгарылды.", en: "Stopped at the station, or unplugged." }
    reason_vehicle() { ru: "Машина закончила зарядку.", ky: "Унаа кубаттоону бүтүрдү.", en: "The car finished charging." }
    reason_fault() { ru: "Остановлена из-за неисправности. Вы платите только за полученную энергию.", ky: "Бузулгандыктан токтоду. Алынган энергия үчүн гана төлөйсүз.", en: "Stopped by a fault. You pay only for the energy taken." }
    reason_silence() { ru: "Станция перестала отвечать; счёт закрыт по последнему показанию.", ky: "Станция жооп бербей калды; эсеп акыркы көрсөткүч боюнча жабылды.", en: "The station went silent; the bill was closed at its last reading." }
    reason_operator() { ru: "Остановлена оператором.", ky: "Оператор токтотту.", en: "Stopped by the operator." }
    bill() { ru: "Расчёт", ky: "Эсеп", en: "Bill" }
    bill_what() { ru: "За что", ky: "Эмне үчүн", en: "Item" }
    bill_amount() { ru: "Сумма", ky: "Сумма", en: "Amount" }
    line_idle() { ru: "Простой после зарядки", ky: "Кубаттоодон кийинки токтоп туруу", en: "Staying after charging" }
    line_time() { ru: "Время зарядки", ky: "Кубаттоо убактысы", en: "Charging time" }
    line_session() { ru: "Подключение", ky: "Туташуу", en: "Connection fee" }
    written_off() { ru: "Сверх оплаченного, не взимаем", ky: "Төлөнгөндөн ашканы, албайбыз", en: "Above the paid sum, not charged" }
    paid() { ru: "Оплачено", ky: "Төлөндү", en: "Paid" }
    used() { ru: "Использовано", ky: "Колдонулду", en: "Used" }
    returned() { ru: "Возврат", ky: "Кайтарылат", en: "Refund" }
    tax_included(code, rate) { ru: "В том числе {code} {rate}", ky: "Анын ичинде {code} {rate}", en: "Including {code} {rate}" }
    receipt_number(number) { ru: "Чек № {number}", ky: "Чек № {number}", en: "Receipt No. {number}" }
    receipt_not_fiscal() { ru: "Нефискальный документ", ky: "Фискалдык эмес документ", en: "Not a fiscal document" }
    receipt_pdf() { ru: "Скачать чек, PDF", ky: "Чекти жүктөө, PDF", en: "Download the receipt, PDF" }
    receipt_link() { ru: "Постоянная ссылка на чек", ky: "Чектин туруктуу шилтемеси", en: "Permanent link to the receipt" }
    receipt_sms(phone) { ru: "Ссылка придёт и по SMS на {phone}.", ky: "Шилтеме SMS менен да келет: {phone}.", en: "The link also goes by SMS to {phone}." }
    receipt_soon() { ru: "Чек готовится и появится здесь.", ky: "Чек даярдалып жатат, ушул жерде чыгат.", en: "The receipt is being made and will appear here." }

    refund_title() { ru: "Возврат", ky: "Акча кайтаруу", en: "Refund" }
    refund_pending() { ru: "Отправлен, ждём подтверждения", ky: "Жөнөтүлдү, ырастоону күтүп жатабыз", en: "Sent, waiting for confirmation" }
    refund_delayed() { ru: "Задерживается, им занимается сотрудник", ky: "Кечигүүдө, кызматкер алектенип жатат", en: "Delayed; a person is looking into it" }
    refund_completed() { ru: "Деньги возвращены", ky: "Акча кайтарылды", en: "The money is back" }
    refund_completed_at(time) { ru: "Деньги возвращены {time}", ky: "Акча кайтарылды: {time}", en: "The money was returned {time}" }
    refund_reference(reference) { ru: "Номер возврата: {reference}", ky: "Кайтаруу номери: {reference}", en: "Refund number: {reference}" }
    refund_none() { ru: "Вся сумма использована, возвращать нечего.", ky: "Бардык сумма колдонулду, кайтара турган эч нерсе жок.", en: "The whole sum was used, nothing to return." }
    refund_preparing() { ru: "Возврат готовится.", ky: "Кайтаруу даярдалып жатат.", en: "The refund is being prepared." }

    failed_title() { ru: "Зарядка не началась", ky: "Кубаттоо башталган жок", en: "The charge did not start" }
    failed_paid_back(amount) { ru: "Вся сумма, {amount}, возвращается сама. Делать ничего не нужно.", ky: "Бардык сумма өзү кайтып жатат: {amount}. Эч нерсе кылуунун кереги жок.", en: "The whole sum, {amount}, is coming back by itself. You need not do anything." }
    failed_is_back(amount) { ru: "Вся сумма, {amount}, возвращена.", ky: "Бардык сумма кайтарылды: {amount}.", en: "The whole sum, {amount}, was returned." }
    failure_connector_busy() { ru: "Пока шла оплата, на этом разъёме начал заряжаться другой водитель.", ky: "Төлөм жүрүп жатканда бул туташтыргычта башка айдоочу кубаттай баштады.", en: "While you were paying, another driver began to charge at this connector." }
    failure_offline() { ru: "Станция не ответила: пропала связь.", ky: "Станция жооп берген жок: байланыш үзүлдү.", en: "The station did not answer: its link is down." }
    failure_out_of_order() { ru: "Станция сообщила о неисправности.", ky: "Станция бузулганын билдирди.", en: "The station reported a fault." }
    failure_rejected() { ru: "Станция дважды отказалась начать зарядку.", ky: "Станция кубаттоону баштоодон эки жолу баш тартты.", en: "The station refused to start twice." }
    failure_no_cable() { ru: "Кабель не был вставлен вовремя.", ky: "Кабель убагында сайылган жок.", en: "The cable was not plugged in in time." }
    failure_paid_too_late() { ru: "Оплата пришла, когда её срок вышел, а разъём уже занят.", ky: "Төлөм мөөнөтү бүткөндө келди, туташтыргыч болсо бош эмес эле.", en: "The payment came after its time, and the connector was taken." }
    failure_paid_too_little() { ru: "Оплачено меньше наименьшей суммы.", ky: "Эң аз суммадан да аз төлөндү.", en: "Less was paid than the least amount." }
    failure_cancelled() { ru: "Вы отменили зарядку.", ky: "Кубаттоону сиз жокко чыгардыңыз.", en: "You cancelled the charge." }

    expired_title() { ru: "Время оплаты вышло", ky: "Төлөө убактысы бүттү", en: "The time to pay has run out" }
    expired_text() { ru: "Оплата не поступила, ничего не списано.", ky: "Төлөм келген жок, эч нерсе алынган жок.", en: "No payment came, nothing was charged." }
    expired_late() {
        ru: "Если вы всё же заплатили, не платите ещё раз: как только оплата дойдёт, зарядка начнётся или деньги вернутся целиком. Это видно здесь.",
        ky: "Эгер төлөп койсоңуз, кайра төлөбөңүз: төлөм жетери менен кубаттоо башталат же акча толугу менен кайтат. Ал ушул жерде көрүнөт.",
        en: "If you did pay, do not pay again: as soon as the payment arrives the charge starts or the money comes back whole. You will see it here."
    }
    start_anew() { ru: "Начать заново", ky: "Кайра баштоо", en: "Start anew" }
    charge_again() { ru: "Зарядиться ещё раз", ky: "Дагы кубаттоо", en: "Charge again" }
}

/// The kind of current.
#[must_use]
pub fn current(locale: Locale, current: CurrentType) -> String {
    match current {
        CurrentType::Ac => current_ac(locale),
        CurrentType::Dc => current_dc(locale),
    }
}

/// The connector's state in two or three words. `busy`: somebody's session is live there, whatever the charger reports.
#[must_use]
pub fn status(locale: Locale, status: ConnectorStatus, busy: bool) -> String {
    match status {
        ConnectorStatus::Available | ConnectorStatus::Preparing if busy => status_charging(locale),
        ConnectorStatus::Available => status_available(locale),
        ConnectorStatus::Preparing => status_preparing(locale),
        ConnectorStatus::Charging | ConnectorStatus::SuspendedEv | ConnectorStatus::SuspendedEvse => status_charging(locale),
        ConnectorStatus::Finishing => status_finishing(locale),
        ConnectorStatus::Reserved => status_reserved(locale),
        ConnectorStatus::Unavailable => status_unavailable(locale),
        ConnectorStatus::Faulted => status_faulted(locale),
        ConnectorStatus::Offline | ConnectorStatus::Unknown => status_offline(locale),
    }
}

/// The price band's name.
#[must_use]
pub fn band(locale: Locale, band: Band) -> String {
    match band {
        Band::Day => band_day(locale),
        Band::Peak => band_peak(locale),
        Band::Night => band_night(locale),
        Band::Contract => band_contract(locale),
        Band::Flat => band_flat(locale),
    }
}

/// What to write at the amount's field; `min` and `max` are ready texts.
#[must_use]
pub fn amount_error(locale: Locale, error: AmountError, min: &str, max: &str) -> String {
    match error {
        AmountError::Empty => amount_empty(locale),
        AmountError::NotANumber => amount_not_a_number(locale),
        AmountError::FractionOfTyiyn => amount_fraction(locale),
        AmountError::Negative => amount_negative(locale),
        AmountError::TooSmall => amount_too_small(locale, min),
        AmountError::TooLarge => amount_too_large(locale, max),
    }
}

/// What to write at the phone's field.
#[must_use]
pub fn phone_error(locale: Locale, error: PhoneError) -> String {
    match error {
        PhoneError::Empty => phone_empty(locale),
        PhoneError::BadCharacter => phone_bad_character(locale),
        PhoneError::WrongLength => phone_wrong_length(locale),
        PhoneError::ForeignCountry => phone_foreign(locale),
    }
}

/// Why there is no pay button: a title and a sentence.
#[must_use]
pub fn not_for_sale(locale: Locale, status: ConnectorStatus) -> (String, String) {
    match status {
        // Free as far as the charger says, and yet not for sale: a session that has not begun yet.
        ConnectorStatus::Available
        | ConnectorStatus::Preparing
        | ConnectorStatus::Charging
        | ConnectorStatus::SuspendedEv
        | ConnectorStatus::SuspendedEvse => (busy_title(locale), busy_text(locale)),
        ConnectorStatus::Finishing => (finishing_title(locale), finishing_text(locale)),
        ConnectorStatus::Reserved => (reserved_title(locale), reserved_text(locale)),
        ConnectorStatus::Unavailable => (unavailable_title(locale), unavailable_text(locale)),
        ConnectorStatus::Faulted => (faulted_title(locale), faulted_text(locale)),
        ConnectorStatus::Offline | ConnectorStatus::Unknown => (offline_title(locale), offline_text(locale)),
    }
}

/// Why the charge ended.
#[must_use]
pub fn stop_reason(locale: Locale, reason: StopReason) -> String {
    match reason {
        StopReason::Payer => reason_payer(locale),
        StopReason::Limit => reason_limit(locale),
        StopReason::Charger => reason_charger(locale),
        StopReason::Vehicle => reason_vehicle(locale),
        StopReason::Fault => reason_fault(locale),
        StopReason::Silence => reason_silence(locale),
        StopReason::Operator => reason_operator(locale),
    }
}

/// Why the charge did not begin.
#[must_use]
pub fn start_failure(locale: Locale, failure: StartFailure) -> String {
    match failure {
        StartFailure::ConnectorBusy => failure_connector_busy(locale),
        StartFailure::Offline => failure_offline(locale),
        StartFailure::OutOfOrder => failure_out_of_order(locale),
        StartFailure::Rejected => failure_rejected(locale),
        StartFailure::NoCable => failure_no_cable(locale),
        StartFailure::PaidTooLate => failure_paid_too_late(locale),
        StartFailure::PaidTooLittle => failure_paid_too_little(locale),
        StartFailure::Cancelled => failure_cancelled(locale),
    }
}

/// The page's heading in a phase; `amount` is a ready text.
#[must_use]
pub fn phase_title(locale: Locale, phase: GuestPhase, amount: &str) -> String {
    match phase {
        GuestPhase::AwaitingPayment => awaiting_title(locale, amount),
        GuestPhase::PlugIn => plug_in_title(locale),
        GuestPhase::Charging => charging_title(locale),
        GuestPhase::Stopping => stopping_title(locale),
        GuestPhase::Refunding | GuestPhase::Completed => done_title(locale),
        GuestPhase::FailedRefunding | GuestPhase::FailedRefunded => failed_title(locale),
        GuestPhase::Expired => expired_title(locale),
    }
}
