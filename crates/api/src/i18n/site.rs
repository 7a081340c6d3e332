//! What every page says: the frame, the way in, and what went wrong.

crate::messages! {
    skip_to_content() { ru: "К содержанию", ky: "Мазмунга өтүү", en: "Skip to content" }
    language() { ru: "Язык", ky: "Тил", en: "Language" }
    theme() { ru: "Оформление", ky: "Көрүнүш", en: "Appearance" }
    theme_auto() { ru: "Как в системе", ky: "Тутумдагыдай", en: "System" }
    theme_light() { ru: "Светлое", ky: "Жарык", en: "Light" }
    theme_dark() { ru: "Тёмное", ky: "Караңгы", en: "Dark" }
    /// The brand link's name for a screen reader.
    to_start_page() { ru: "На главную", ky: "Башкы бетке", en: "Start page" }

    helpline_invite() { ru: "Что-то не так? Позвоните, поможем.", ky: "Бир нерсе туура эмеспи? Чалыңыз, жардам беребиз.", en: "Something wrong? Call us, we will help." }
    seller() { ru: "Продавец", ky: "Сатуучу", en: "Seller" }
    tin(number) { ru: "ИНН\u{a0}{number}", ky: "ИСН\u{a0}{number}", en: "TIN\u{a0}{number}" }
    /// Against stickers glued over ours.
    no_cards_here() {
        ru: "Мы никогда не просим номер карты на этих страницах.",
        ky: "Бул беттерде карта номерин эч качан сурабайбыз.",
        en: "We never ask for a card number on these pages."
    }
    charge_in_progress() { ru: "У вас есть незавершённая зарядка", ky: "Бүтө элек кубаттооңуз бар", en: "You have a charge in progress" }
    open() { ru: "Открыть", ky: "Ачуу", en: "Open" }

    home_title() { ru: "Зарядка без регистрации", ky: "Каттоосуз кубаттоо", en: "Charging without an account" }
    home_lead() {
        ru: "Наведите камеру на QR-код возле разъёма или введите код, который напечатан под ним.",
        ky: "Камераны туташтыргычтын жанындагы QR-кодго каратыңыз же анын астында басылган кодду жазыңыз.",
        en: "Point your camera at the QR code beside the connector, or type the code printed under it."
    }
    code_label() { ru: "Код с наклейки", ky: "Чаптамадагы код", en: "Code on the sticker" }
    code_hint() { ru: "Латинские буквы и цифры, регистр не важен", ky: "Латын тамгалары жана сандар, чоң-кичинеси маанилүү эмес", en: "Letters and digits, upper or lower case" }
    code_find() { ru: "Найти разъём", ky: "Туташтыргычты табуу", en: "Find the connector" }
    code_missing() { ru: "Введите код с наклейки.", ky: "Чаптамадагы кодду жазыңыз.", en: "Type the code on the sticker." }
    how_it_works() { ru: "Как это работает", ky: "Бул кантип иштейт", en: "How it works" }
    how_scan() { ru: "Отсканируйте код: цена и состояние разъёма видны сразу.", ky: "Кодду сканерлеңиз: баасы жана туташтыргычтын абалы дароо көрүнөт.", en: "Scan the code: the price and the connector's status come first." }
    how_pay() { ru: "Оплатите любую сумму с телефона.", ky: "Каалаган сумманы телефон аркылуу төлөңүз.", en: "Pay any amount with your phone." }
    how_plug() { ru: "Вставьте кабель: зарядка начнётся сама.", ky: "Кабелди сайыңыз: кубаттоо өзү башталат.", en: "Plug in: charging starts by itself." }
    how_rest() { ru: "Неизрасходованное вернётся автоматически, чек останется у вас.", ky: "Жумшалбаган акча автоматтык түрдө кайтат, чек сизде калат.", en: "What you do not use comes back by itself, and the receipt stays with you." }

    code_unknown_title() { ru: "Такого кода у нас нет", ky: "Мындай код бизде жок", en: "We have no such code" }
    code_unknown_text(code) {
        ru: "Код «{code}» не найден. Проверьте буквы на наклейке. Если наклейка выглядит переклеенной, не платите и позвоните нам.",
        ky: "«{code}» коду табылган жок. Чаптамадагы тамгаларды текшериңиз. Эгер чаптама үстүнөн жабыштырылгандай көрүнсө, төлөбөй, бизге чалыңыз.",
        en: "There is no code “{code}”. Check the letters on the sticker. If the sticker looks pasted over, do not pay, and call us."
    }
    code_retired_title() { ru: "Этот разъём больше не работает", ky: "Бул туташтыргыч мындан ары иштебейт", en: "This connector is no longer in use" }
    code_retired_text() {
        ru: "Разъём с этим кодом снят. Ниже разъёмы, где можно зарядиться.",
        ky: "Бул коддуу туташтыргыч алынып салынган. Төмөндө кубаттоого боло турган туташтыргычтар.",
        en: "The connector with this code was removed. Below is where you can charge."
    }
    charge_unknown_title() { ru: "Такой зарядки нет", ky: "Мындай кубаттоо жок", en: "There is no such charge" }
    charge_unknown_text() {
        ru: "Похоже, ссылка скопирована не целиком. Откройте её ещё раз из сообщения или истории браузера.",
        ky: "Шилтеме толук көчүрүлбөй калган окшойт. Аны билдирүүдөн же браузердин тарыхынан кайра ачыңыз.",
        en: "The link seems to be incomplete. Open it again from the message or from your browser's history."
    }
    page_unknown_title() { ru: "Такой страницы нет", ky: "Мындай бет жок", en: "There is no such page" }
    page_unknown_text() {
        ru: "Если вы у станции, введите код с наклейки на разъёме.",
        ky: "Станциянын жанында болсоңуз, туташтыргычтагы кодду жазыңыз.",
        en: "If you are at a station, type the code on the connector's sticker."
    }
    method_title() { ru: "Так эту страницу открыть нельзя", ky: "Бул бетти минтип ачууга болбойт", en: "This page cannot be opened this way" }
    forbidden_title() { ru: "Запрос отклонён", ky: "Сурам четке кагылды", en: "Request refused" }
    forbidden_text() {
        ru: "Форма отправлена не с нашей страницы. Откройте страницу заново и повторите: деньги не списаны.",
        ky: "Форма биздин беттен жөнөтүлгөн эмес. Бетти кайра ачып, кайталаңыз: акча алынган жок.",
        en: "The form did not come from our page. Open the page again and repeat: nothing was charged."
    }
    conflict_title() { ru: "Сейчас это невозможно", ky: "Азыр бул мүмкүн эмес", en: "Not possible right now" }
    conflict_text() { ru: "Состояние изменилось. Вернитесь назад и обновите страницу.", ky: "Абал өзгөрдү. Артка кайтып, бетти жаңыртыңыз.", en: "Things have changed. Go back and reload the page." }
    too_many_title() { ru: "Слишком много попыток", ky: "Өтө көп аракет", en: "Too many tries" }
    too_many_text() { ru: "Подождите несколько минут и повторите. Деньги не списаны.", ky: "Бир нече мүнөт күтүп, кайталаңыз. Акча алынган жок.", en: "Wait a few minutes and try again. Nothing was charged." }
    unavailable_title() { ru: "Сервис временно не отвечает", ky: "Кызмат убактылуу жооп бербей жатат", en: "The service does not answer right now" }
    unavailable_text() {
        ru: "Ничего не потеряно: начатая зарядка и оплата сохраняются. Обновите страницу через минуту.",
        ky: "Эч нерсе жоголгон жок: башталган кубаттоо жана төлөм сакталат. Бетти бир мүнөттөн кийин жаңыртыңыз.",
        en: "Nothing is lost: a running charge and your payment are safe. Reload the page in a minute."
    }
    internal_title() { ru: "У нас что-то сломалось", ky: "Бизде бир нерсе бузулду", en: "Something broke on our side" }
    internal_text() {
        ru: "Мы уже получили сообщение об ошибке. Начатая зарядка и оплата сохраняются. Попробуйте ещё раз или позвоните.",
        ky: "Ката жөнүндө билдирүү бизге келди. Башталган кубаттоо жана төлөм сакталат. Кайра аракет кылыңыз же чалыңыз.",
        en: "We have been told about the error. A running charge and your payment are safe. Try again, or call us."
    }
    reload() { ru: "Обновить", ky: "Жаңыртуу", en: "Reload" }
}
