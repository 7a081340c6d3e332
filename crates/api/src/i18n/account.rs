//! Signing in, and the account's pages.

use domain::auth::{NameError, PersonName, Role};

use super::Locale;

crate::messages! {
    second_step_title() { ru: "Вход для сотрудников", ky: "Кызматкерлер үчүн кирүү", en: "Staff sign-in" }
    second_step_lead() { ru: "Введите код из приложения с одноразовыми кодами.", ky: "Бир жолку коддор колдонмосундагы кодду жазыңыз.", en: "Type the code that your authenticator app shows." }
    second_step_set_up() { ru: "Добавьте этот QR-код в приложение с одноразовыми кодами (Google Authenticator, Aegis и подобные) и введите код, который оно покажет.", ky: "Бул QR-кодду бир жолку коддор колдонмосуна (Google Authenticator, Aegis ж.б.) кошуп, ал көрсөткөн кодду жазыңыз.", en: "Add this QR code to an authenticator app (Google Authenticator, Aegis and the like), and type the code that it shows." }
    second_step_qr() { ru: "QR-код для приложения", ky: "Колдонмо үчүн QR-код", en: "QR code for the app" }
    second_step_by_hand() { ru: "Или введите ключ вручную:", ky: "Же ачкычты кол менен жазыңыз:", en: "Or type the key by hand:" }
    second_step_open_app() { ru: "Открыть приложение на этом телефоне", ky: "Ушул телефондогу колдонмону ачуу", en: "Open the app on this phone" }
    second_step_label() { ru: "Код из приложения", ky: "Колдонмодогу код", en: "Code of the app" }
    second_step_button() { ru: "Подтвердить", ky: "Ырастоо", en: "Confirm" }
    second_step_wrong() { ru: "Код не подошёл. Дождитесь следующего: каждый годится один раз.", ky: "Код туура келген жок. Кийинкисин күтүңүз: ар бири бир жолу жарайт.", en: "That code does not fit. Wait for the next one: each is good once." }
    second_step_locked(time) { ru: "Слишком много неверных кодов. Попробуйте после {time}.", ky: "Туура эмес код өтө көп. {time} кийин аракет кылыңыз.", en: "Too many wrong codes. Try again after {time}." }
    second_step_lost() { ru: "Потеряли приложение? Администратор сбросит его.", ky: "Колдонмону жоготтуңузбу? Администратор аны кайра коёт.", en: "Lost the app? An administrator can reset it." }
    second_step_wanted_title() { ru: "Нужен код из приложения", ky: "Колдонмодогу код керек", en: "A code of the app is needed" }
    second_step_wanted_text() { ru: "Ничего не сделано. Вернитесь назад и введите новый код: деньги двигаются только с ним.", ky: "Эч нерсе жасалган жок. Артка кайтып, жаңы кодду жазыңыз: акча ошону менен гана жылат.", en: "Nothing was done. Go back and type a new code: money moves with it only." }
    sign_in() { ru: "Войти", ky: "Кирүү", en: "Sign in" }
    sign_in_title() { ru: "Вход по номеру телефона", ky: "Телефон номери менен кирүү", en: "Sign in with your phone" }
    sign_in_lead() {
        ru: "Пришлём код в СМС. Пароль не нужен, аккаунт появится сам.",
        ky: "СМС менен код жөнөтөбүз. Сырсөз керек эмес, аккаунт өзү түзүлөт.",
        en: "We send a code by SMS. No password; the account makes itself."
    }
    phone_label() { ru: "Номер телефона", ky: "Телефон номери", en: "Phone number" }
    phone_hint() { ru: "Номер Кыргызстана, например 0700\u{a0}123\u{a0}456", ky: "Кыргызстандын номери, мисалы 0700\u{a0}123\u{a0}456", en: "A number of Kyrgyzstan, like 0700\u{a0}123\u{a0}456" }
    send_code() { ru: "Получить код", ky: "Код алуу", en: "Send the code" }
    without_account() {
        ru: "Зарядить можно и без входа: отсканируйте код на разъёме.",
        ky: "Кирбестен да кубаттаса болот: туташтыргычтагы кодду сканерлеңиз.",
        en: "You can charge without signing in: scan the code on the connector."
    }
    code_title() { ru: "Введите код из СМС", ky: "СМСтеги кодду жазыңыз", en: "Type the code from the SMS" }
    code_sent_to(phone) {
        ru: "Отправили шесть цифр на {phone}. Код действует пять минут.",
        ky: "{phone} номерине алты сан жөнөттүк. Код беш мүнөт жарактуу.",
        en: "We sent six digits to {phone}. They are good for five minutes."
    }
    code_label() { ru: "Код", ky: "Код", en: "Code" }
    code_malformed() { ru: "Нужны шесть цифр.", ky: "Алты сан керек.", en: "Six digits, please." }
    code_wrong(tries) {
        ru: "Код не подошёл. Осталось попыток: {tries}.",
        ky: "Код туура келген жок. Калган аракет: {tries}.",
        en: "That is not the code. Tries left: {tries}."
    }
    code_is_wrong() { ru: "Код не подошёл.", ky: "Код туура келген жок.", en: "That is not the code." }
    code_gone() {
        ru: "Этот код больше не действует. Запросите новый.",
        ky: "Бул код мындан ары жараксыз. Жаңысын сураңыз.",
        en: "That code is no longer good. Ask for a new one."
    }
    resend() { ru: "Отправить ещё раз", ky: "Кайра жөнөтүү", en: "Send again" }
    resend_at(time) { ru: "Новый код можно запросить в {time}.", ky: "Жаңы кодду саат {time} сурасаңыз болот.", en: "You can ask for another code at {time}." }
    resend_in(left) { ru: "Новый код можно запросить через {left}", ky: "Жаңы кодду {left} кийин сурасаңыз болот", en: "You can ask for another code in {left}" }
    other_phone() { ru: "Другой номер", ky: "Башка номер", en: "Another number" }
    asked_too_often(time) {
        ru: "На этот номер или из этой сети коды уже просили. Следующий можно запросить в {time}.",
        ky: "Бул номерге же бул тармактан код суралган. Кийинкисин саат {time} сурасаңыз болот.",
        en: "Codes were asked for this number or from this network before. You can ask for the next one at {time}."
    }
    too_many() {
        ru: "Сейчас мы не можем отправить код. Попробуйте через несколько минут. Зарядка по QR-коду работает без входа.",
        ky: "Азыр код жөнөтө албайбыз. Бир нече мүнөттөн кийин аракет кылыңыз. QR-код менен кубаттоо кирбестен иштейт.",
        en: "We cannot send a code right now. Try again in a few minutes. Charging by QR code works without signing in."
    }
    form_old() {
        ru: "Страница устарела, или браузер не хранит куки. Отправьте ещё раз.",
        ky: "Бет эскирип калган же браузер кукилерди сактабайт. Кайра жөнөтүңүз.",
        en: "The page was too old, or the browser keeps no cookies. Send it again."
    }
    blocked_title() { ru: "Вход закрыт", ky: "Кирүү жабык", en: "Sign-in is closed" }
    blocked_text() {
        ru: "Для этого номера вход закрыт. Позвоните нам.",
        ky: "Бул номер үчүн кирүү жабык. Бизге чалыңыз.",
        en: "This number cannot sign in. Please call us."
    }
    not_allowed_title() { ru: "Эта страница не для вас", ky: "Бул бет сиз үчүн эмес", en: "This page is not for you" }
    not_allowed_text() {
        ru: "У вашего аккаунта нет такого права. Если оно нужно, обратитесь к администратору.",
        ky: "Аккаунтуңузда мындай укук жок. Керек болсо, администраторго кайрылыңыз.",
        en: "Your account does not have this right. If you need it, ask an administrator."
    }

    account() { ru: "Аккаунт", ky: "Аккаунт", en: "Account" }
    saved() { ru: "Сохранено.", ky: "Сакталды.", en: "Saved." }
    save() { ru: "Сохранить", ky: "Сактоо", en: "Save" }
    roles() { ru: "Роли", ky: "Ролдор", en: "Roles" }
    name_label() { ru: "Имя", ky: "Аты-жөнү", en: "Name" }
    name_hint() { ru: "Необязательно", ky: "Милдеттүү эмес", en: "Optional" }
    name_too_long(most) { ru: "Не длиннее {most} знаков.", ky: "{most} белгиден узун эмес.", en: "At most {most} characters." }
    name_bad_character() { ru: "В имени есть невидимые знаки. Наберите его заново.", ky: "Атыңызда көрүнбөгөн белгилер бар. Кайра териңиз.", en: "The name has characters that are not shown. Type it again." }
    language_label() { ru: "Язык сообщений", ky: "Билдирүүлөрдүн тили", en: "Language of messages" }
    language_ru() { ru: "Русский", ky: "Русский", en: "Русский" }
    language_ky() { ru: "Кыргызча", ky: "Кыргызча", en: "Кыргызча" }
    language_en() { ru: "English", ky: "English", en: "English" }
    change_phone() { ru: "Сменить номер", ky: "Номерди алмаштыруу", en: "Change the number" }
    charges() { ru: "Мои зарядки", ky: "Менин кубаттоолорум", en: "My charges" }
    charges_none() {
        ru: "Пока нет. Зарядки с этим номером появятся здесь сами, вместе с чеками.",
        ky: "Азырынча жок. Бул номер менен кубаттоолор чектери менен бул жерде өзү пайда болот.",
        en: "None yet. Charges with this number show up here by themselves, receipts included."
    }
    charge_open() { ru: "Не завершена", ky: "Бүтө элек", en: "Not finished" }
    charge_without_bill() { ru: "Без списания", ky: "Акча алынган жок", en: "Nothing charged" }
    charge_of(code) { ru: "Разъём {code}", ky: "Туташтыргыч {code}", en: "Connector {code}" }
    sessions() { ru: "Где выполнен вход", ky: "Кайда кирилген", en: "Where you are signed in" }
    this_browser() { ru: "Этот браузер", ky: "Ушул браузер", en: "This browser" }
    unknown_browser() { ru: "Неизвестный браузер", ky: "Белгисиз браузер", en: "Unknown browser" }
    last_seen(time) { ru: "Последний раз: {time}", ky: "Акыркы жолу: {time}", en: "Last seen: {time}" }
    end_session() { ru: "Завершить", ky: "Аяктоо", en: "End" }
    end_other_sessions() { ru: "Завершить все остальные", ky: "Калгандарын аяктоо", en: "End all others" }
    sign_out() { ru: "Выйти", ky: "Чыгуу", en: "Sign out" }
    your_data() { ru: "Ваши данные", ky: "Сиздин маалыматтар", en: "Your data" }
    download_data() { ru: "Скачать всё, что мы знаем о вас", ky: "Сиз жөнүндө билгенибизди жүктөп алуу", en: "Download all that we know of you" }
    delete_account() { ru: "Удалить аккаунт", ky: "Аккаунтту өчүрүү", en: "Delete the account" }

    phone_change_title() { ru: "Смена номера", ky: "Номерди алмаштыруу", en: "Change of number" }
    phone_change_lead(phone) {
        ru: "Сейчас: {phone}. Пришлём по коду на оба номера: на старый и на новый.",
        ky: "Азыр: {phone}. Эки номерге тең код жөнөтөбүз: эскисине жана жаңысына.",
        en: "Now: {phone}. We send a code to both numbers: the old and the new."
    }
    new_phone_label() { ru: "Новый номер", ky: "Жаңы номер", en: "New number" }
    send_codes() { ru: "Отправить коды", ky: "Коддорду жөнөтүү", en: "Send the codes" }
    same_phone() { ru: "Это и есть ваш номер.", ky: "Бул сиздин номериңиз.", en: "That is your number already." }
    code_from(phone) { ru: "Код, пришедший на {phone}", ky: "{phone} номерине келген код", en: "The code sent to {phone}" }
    phone_taken() {
        ru: "У этого номера уже есть свой аккаунт. Войдите в него или позвоните нам.",
        ky: "Бул номердин өз аккаунту бар. Ага кириңиз же бизге чалыңыз.",
        en: "This number has an account of its own. Sign in to it, or call us."
    }
    phone_changed() { ru: "Номер изменён.", ky: "Номер алмашты.", en: "The number is changed." }
    lost_old_phone() {
        ru: "Нет доступа к старому номеру? Позвоните нам.",
        ky: "Эски номерге мүмкүнчүлүк жокпу? Бизге чалыңыз.",
        en: "No access to the old number? Call us."
    }

    delete_title() { ru: "Удаление аккаунта", ky: "Аккаунтту өчүрүү", en: "Deleting the account" }
    delete_text() {
        ru: "Имя, номер и сведения о браузерах будут стёрты сразу и навсегда. Чеки останутся в учёте без вашего имени, как требует закон.",
        ky: "Атыңыз, номериңиз жана браузерлер жөнүндө маалымат дароо жана биротоло өчүрүлөт. Чектер мыйзам талап кылгандай атыңызсыз эсепте калат.",
        en: "Your name, number and browsers are erased at once and for good. Receipts stay in the books without your name, as the law asks."
    }
    delete_send() { ru: "Прислать код для удаления", ky: "Өчүрүү үчүн код жөнөтүү", en: "Send the code that deletes" }
    delete_now() { ru: "Удалить навсегда", ky: "Биротоло өчүрүү", en: "Delete for good" }
    delete_money_left() {
        ru: "На балансе есть деньги. Сначала верните их себе.",
        ky: "Балансыңызда акча бар. Алгач аны кайтарып алыңыз.",
        en: "There is money on your balance. Ask for it back first."
    }
    delete_charge_open() {
        ru: "Есть незавершённая зарядка или возврат. Дождитесь конца.",
        ky: "Бүтө элек кубаттоо же кайтаруу бар. Аягын күтүңүз.",
        en: "A charge or a refund is under way. Wait for its end."
    }
    deleted_title() { ru: "Аккаунт удалён", ky: "Аккаунт өчүрүлдү", en: "The account is deleted" }
    deleted_text() { ru: "Мы больше не знаем вашего имени и номера.", ky: "Атыңызды жана номериңизди мындан ары билбейбиз.", en: "We no longer know your name and number." }
    cancel() { ru: "Отмена", ky: "Баш тартуу", en: "Cancel" }
    back_to_account() { ru: "К аккаунту", ky: "Аккаунтка", en: "To the account" }

    role_driver() { ru: "Водитель", ky: "Айдоочу", en: "Driver" }
    role_employee() { ru: "Сотрудник компании", ky: "Компаниянын кызматкери", en: "Company employee" }
    role_corporate_admin() { ru: "Администратор компании", ky: "Компаниянын администратору", en: "Company administrator" }
    role_partner() { ru: "Партнёр", ky: "Өнөктөш", en: "Partner" }
    role_support() { ru: "Поддержка", ky: "Колдоо", en: "Support" }
    role_finance() { ru: "Финансы", ky: "Финансы", en: "Finance" }
    role_admin() { ru: "Администратор", ky: "Администратор", en: "Administrator" }
}

/// What a role is called.
#[must_use]
pub fn role(locale: Locale, role: Role) -> String {
    match role {
        Role::Driver => role_driver(locale),
        Role::Employee => role_employee(locale),
        Role::CorporateAdmin => role_corporate_admin(locale),
        Role::Partner => role_partner(locale),
        Role::Support => role_support(locale),
        Role::Finance => role_finance(locale),
        Role::Admin => role_admin(locale),
    }
}

/// A language in itself.
#[must_use]
pub fn language(of: Locale) -> String {
    match of {
        Locale::Ru => language_ru(of),
        Locale::Ky => language_ky(of),
        Locale::En => language_en(of),
    }
}

/// Why a name is refused.
#[must_use]
pub fn name_error(locale: Locale, error: NameError) -> String {
    match error {
        NameError::TooLong => name_too_long(locale, PersonName::CHARS_MAX),
        NameError::BadCharacter => name_bad_character(locale),
    }
}
