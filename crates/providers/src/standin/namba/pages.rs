//! The pages: what the payer sees, and the overview with the switches.

use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use chrono::{DateTime, Utc};
use chrono_tz::Asia::Bishkek;
use domain::Tyiyn;
use qrcode::QrCode;
use serde::Deserialize;

use super::super::faults::{self, Field, check, choice, number, text};
use super::super::html::{Width, escape, money, page};
use super::state::{self, Late, Link, NambaFaults};
use super::{App, webhooks};
use crate::nikita::som_to_tyiyn;

/// A million som: more than anybody pays for a charge.
const PAID_MAX: Tyiyn = Tyiyn::new(100_000_000);
/// Rows of each table of the overview.
const ROWS_MAX: usize = 50;

const ANSWERS: &[(&str, &str)] = &[
    ("none", "как обычно"),
    ("error_in_200", "ERROR с HTTP 200"),
    ("unknown_error", "UNKNOWN_ERROR"),
    ("undocumented_code", "неизвестный код ошибки"),
    ("wrong_signature", "неверная подпись"),
    ("html_500", "HTTP 500, страница HTML"),
    ("empty_body", "пустое тело"),
    ("broken", "не JSON"),
    ("empty_object", "{} с HTTP 200"),
    ("hang", "не отвечает"),
    ("too_many_requests", "HTTP 429"),
    ("huge", "слишком большой ответ"),
    ("redirect", "перенаправление"),
];

const FIELDS: &[Field] = &[
    choice("create_link", "Ответ на создание ссылки", ANSWERS),
    choice("payment", "Ответ о платеже", ANSWERS),
    choice("refund", "Ответ на создание возврата", ANSWERS),
    choice("refund_status", "Ответ о возврате", ANSWERS),
    choice("merchant", "Ответ о счёте мерчанта", ANSWERS),
    check("act_before_faulty_answer", "Сначала выполнить, потом ответить сбоем"),
    number("faulty_answers_left", "Сколько ответов испортить (пусто: все)"),
    number("hang_ms", "Молчать, мс"),
    check("signature_not_checked", "Не проверять подпись"),
    check("replayed_salt_accepted", "Принимать повторную соль"),
    check("shapes_swapped", "Поменять формы ответов v1 и v2"),
    check("extra_fields", "Добавлять неизвестные поля"),
    choice(
        "unpaid",
        "Неоплаченная ссылка",
        &[("created", "заказ CREATED"), ("empty_data", "OK без данных"), ("not_found", "не найдено")],
    ),
    text("pay_status", "Статус после оплаты (COMPLETED, PROCESSING, CANCELLATION_FAILED, REFUNDED, SOMETHING_NEW…)"),
    number("paid_difference_tyiyn", "Оплачено больше или меньше суммы, тыйын"),
    check("webhook_before_answer", "Оплатить и уведомить раньше ответа о ссылке"),
    check("webhooks_off", "Не присылать уведомления"),
    number("webhook_duplicates", "Лишних копий уведомления"),
    number("webhook_delay_ms", "Задержка уведомления, мс"),
    check("webhook_interim", "Промежуточное уведомление до последнего"),
    check("webhook_reordered", "Промежуточное уведомление после последнего"),
    check("webhook_without_headers", "Уведомлять без секретного заголовка"),
    check("webhook_foreign", "Ещё одно о чужом заказе «../x»"),
    check("webhook_unknown_type", "Ещё одно неизвестного типа"),
    check("webhook_malformed", "Ещё одно испорченное"),
    choice(
        "refund_outcome",
        "Чем кончится возврат",
        &[
            ("completed", "COMPLETED"),
            ("processing", "останется PROCESSING"),
            ("stuck", "STUCK"),
            ("requisites_not_found", "FAILED, код 01"),
            ("provider_unavailable", "FAILED, код 02"),
            ("unrecognised_response", "FAILED, код 03"),
            ("canceled", "CANCELED"),
            ("expired", "EXPIRED"),
            ("something_new", "SOMETHING_NEW"),
        ],
    ),
    check("low_float", "На счёте мерчанта пусто"),
];

/// What the payer sees.
pub(super) async fn pay_page(State(app): State<App>, Path(token): Path<String>) -> Response {
    let link = {
        let mut ledger = app.ledger();
        state::expire_links(&mut ledger, app.config.link_lifetime, app.now());
        ledger.link_by_token(&token).cloned()
    };
    match link {
        Some(link) => show(&app, &link, ""),
        None => unknown_link(),
    }
}

fn unknown_link() -> Response {
    let body = "<p>Такой ссылки на оплату нет. Вернитесь к продавцу и начните оплату заново.</p>";
    (StatusCode::NOT_FOUND, page("Ссылка не найдена", Width::Narrow, None, body)).into_response()
}

fn show(app: &App, link: &Link, problem: &str) -> Response {
    let card = format!(
        "<div class=\"card\"><div>{}</div><div class=\"sum\">{}</div><div>{}</div><div class=\"muted\">Заказ {}</div></div>",
        escape(&app.config.merchant_name),
        money(link.payment_amount.unwrap_or(link.amount)),
        escape(&link.comment),
        escape(&link.external_id),
    );
    let back = link
        .redirect_link
        .as_ref()
        .map_or_else(String::new, |to| format!("<p><a href=\"{}\">Вернуться к продавцу</a></p>", escape(to)));
    let (title, rest) = match link.status.as_str() {
        "CREATED" => ("Оплата", pay_forms(app, link, problem)),
        "COMPLETED" | "REFUNDED" => ("Оплачено", format!("<p>Спасибо! Платёж прошёл.</p>{back}")),
        "CANCELED" | "FAILED" => ("Платёж отменён", format!("<p>Деньги не списаны.</p>{back}")),
        "EXPIRED" => ("Срок ссылки истёк", format!("<p>Деньги не списаны. Начните оплату заново.</p>{back}")),
        _ => ("Платёж обрабатывается", format!("<p>Состояние: {}.</p>{back}", escape(&link.status))),
    };
    page(title, Width::Narrow, None, &format!("<p class=\"note\">Учебная страница: деньги не настоящие.</p>{card}{rest}"))
}

fn pay_forms(app: &App, link: &Link, problem: &str) -> String {
    let token = escape(&link.token);
    let problem = if problem.is_empty() { String::new() } else { format!("<p role=\"alert\" class=\"note\">{problem}</p>") };
    let qr = QrCode::new(app.pay_url(&link.token).as_bytes()).map_or_else(
        |_| String::new(),
        |code| {
            let svg = code.render::<qrcode::render::svg::Color<'_>>().min_dimensions(180, 180).build();
            let svg = svg.find("<svg").map_or("", |start| &svg[start..]);
            format!("<details><summary>Оплатить с другого телефона</summary><div class=\"qr\">{svg}</div></details>")
        },
    );
    format!(
        "{problem}<form method=\"post\" action=\"/pay/{token}\"><button class=\"main\" name=\"action\" value=\"pay\">Оплатить {sum}</button>\
         <button name=\"action\" value=\"pay_and_stay\">Оплатить и не возвращаться</button>\
         <button name=\"action\" value=\"decline\">Отказаться</button></form>\
         <details><summary>Оплатить другую сумму</summary><form method=\"post\" action=\"/pay/{token}\">\
         <label>Сумма, сом<br><input type=\"text\" inputmode=\"decimal\" name=\"amount\" required></label>\
         <button name=\"action\" value=\"pay_other\">Оплатить эту сумму</button></form></details>{qr}",
        sum = money(link.amount),
    )
}

#[derive(Deserialize)]
pub(super) struct PayForm {
    action: String,
    #[serde(default)]
    amount: String,
}

/// The payer pays or declines. A second submit changes nothing and shows what is.
pub(super) async fn pay(State(app): State<App>, Path(token): Path<String>, Form(form): Form<PayForm>) -> Response {
    let amount = match form.action.as_str() {
        "pay_other" => match other_amount(&form.amount) {
            Some(amount) => Some(amount),
            None => {
                let link = app.ledger().link_by_token(&token).cloned();
                let problem = "Введите сумму в сомах, например 750 или 750,50.";
                return link.map_or_else(unknown_link, |link| {
                    (StatusCode::UNPROCESSABLE_ENTITY, show(&app, &link, problem)).into_response()
                });
            }
        },
        _ => None,
    };
    let (link, notices) = {
        let mut ledger = app.ledger();
        let now = app.now();
        state::expire_links(&mut ledger, app.config.link_lifetime, now);
        let Some(link) = ledger.link_by_token(&token).cloned() else { return unknown_link() };
        let id = &link.external_id;
        let notices = match form.action.as_str() {
            "pay" | "pay_other" | "pay_and_stay" => {
                state::order_is_paid(&mut ledger, id, amount, Late::Refused, now).unwrap_or_default()
            }
            "decline" if link.is_unpaid() => state::order_gets_status(&mut ledger, id, "CANCELED", None, now),
            _ => Vec::new(),
        };
        let Some(link) = ledger.link_by_token(&token).cloned() else { return unknown_link() };
        (link, notices)
    };
    webhooks::send_later(&app, notices);
    let returns = matches!(form.action.as_str(), "pay" | "pay_other")
        && link.auto_redirect
        && !matches!(link.status.as_str(), "CREATED" | "EXPIRED" | "CANCELED");
    match &link.redirect_link {
        Some(to) if returns => Redirect::to(to).into_response(),
        _ => Redirect::to(&format!("/pay/{token}")).into_response(),
    }
}

fn other_amount(text: &str) -> Option<Tyiyn> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    if text.split_once(['.', ',']).is_some_and(|(_, fraction)| fraction.len() > 2) {
        return None;
    }
    som_to_tyiyn(&text).filter(|a| *a > Tyiyn::ZERO && *a <= PAID_MAX)
}

/// As the clock on the wall in Bishkek.
fn local_time(at: DateTime<Utc>) -> String {
    at.with_timezone(&Bishkek).format("%d.%m.%Y %H:%M:%S").to_string()
}

/// Orders, refunds, webhooks, switches.
pub(super) async fn overview(State(app): State<App>) -> Response {
    let mut ledger = app.ledger();
    state::expire_links(&mut ledger, app.config.link_lifetime, app.now());
    let orders: String = ledger
        .links
        .iter()
        .rev()
        .take(ROWS_MAX)
        .map(|l| {
            format!(
                "<tr><td>{}</td><td><a href=\"{}\">{}</a></td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                local_time(l.created_at),
                escape(&app.pay_url(&l.token)),
                escape(&l.external_id),
                money(l.amount),
                l.payment_amount.map_or_else(|| "—".to_owned(), money),
                money(l.refund_amount),
                escape(&l.status),
            )
        })
        .collect();
    let refunds: String = ledger
        .refunds
        .iter()
        .rev()
        .take(ROWS_MAX)
        .map(|r| {
            format!(
                "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{} {}</td></tr>",
                local_time(r.created_at),
                escape(&r.external_id),
                money(r.amount),
                escape(&r.comment),
                escape(&r.status),
                escape(r.error_code.as_deref().unwrap_or_default()),
            )
        })
        .collect();
    let attempts: String = ledger
        .attempts
        .iter()
        .rev()
        .take(ROWS_MAX)
        .map(|a| {
            let status = a.http_status.map_or_else(|| "нет ответа".to_owned(), |s| s.to_string());
            format!(
                "<tr><td>{}</td><td>{}</td><td>{}</td><td>{status}</td></tr>",
                local_time(a.at),
                escape(&a.about),
                escape(&a.label)
            )
        })
        .collect();
    let body = format!(
        "<p>Счёт мерчанта: {}, из них в возвратах {}, доступно {}.</p>\
         <p><a href=\"/\">Обновить</a> · <a href=\"/control/state\">JSON</a></p>\
         <h2>Платежи</h2><div class=\"wide\"><table><thead><tr><th>Создан</th><th>Заказ</th><th>Сумма</th><th>Оплачено</th><th>Возвращено</th><th>Статус</th></tr></thead><tbody>{orders}</tbody></table></div>\
         <h2>Возвраты</h2><div class=\"wide\"><table><thead><tr><th>Создан</th><th>Номер</th><th>Сумма</th><th>Причина</th><th>Статус</th></tr></thead><tbody>{refunds}</tbody></table></div>\
         <h2>Уведомления</h2><div class=\"wide\"><table><thead><tr><th>Время</th><th>О чём</th><th>Что</th><th>HTTP</th></tr></thead><tbody>{attempts}</tbody></table></div>\
         <h2>Сбои</h2>{}",
        money(ledger.balance),
        money(ledger.held()),
        money(ledger.available()),
        faults::form(FIELDS, &ledger.faults),
    );
    page("Платёжный провайдер (учебный)", Width::Wide, None, &body)
}

/// The form of the switches.
pub(super) async fn set_faults(State(app): State<App>, Form(sent): Form<Vec<(String, String)>>) -> Response {
    let mut patch = faults::patch_of_form(FIELDS, &sent);
    // An emptied number takes its default, except where empty has a meaning.
    patch.retain(|name, value| !value.is_null() || name == "faulty_answers_left");
    let mut ledger = app.ledger();
    match faults::patched::<NambaFaults>(&ledger.faults, patch) {
        Ok(new) => {
            ledger.faults = new;
            Redirect::to("/").into_response()
        }
        Err(why) => (
            StatusCode::UNPROCESSABLE_ENTITY,
            page("Так нельзя", Width::Narrow, None, &format!("<p>{}</p><p><a href=\"/\">Назад</a></p>", escape(&why))),
        )
            .into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_switch_is_on_the_page_and_every_field_is_a_switch() {
        let value = serde_json::to_value(NambaFaults::default()).unwrap();
        let mut switches: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
        let mut fields: Vec<_> = FIELDS.iter().map(|f| f.name).collect();
        switches.sort_unstable();
        fields.sort_unstable();
        assert_eq!(switches, fields);
    }

    #[test]
    fn every_choice_can_be_chosen() {
        for field in FIELDS {
            let faults::Kind::Choice(choices) = field.kind else { continue };
            for (value, _) in choices {
                let patch = serde_json::Map::from_iter([(field.name.to_owned(), serde_json::Value::from(*value))]);
                assert!(faults::patched(&NambaFaults::default(), patch).is_ok(), "{} {value}", field.name);
            }
        }
    }

    #[test]
    fn the_payer_types_som() {
        assert_eq!(other_amount("1 250,50"), Some(Tyiyn::new(125_050)));
        for bad in ["", "0", "-5", "1,234", "NaN", "9999999"] {
            assert_eq!(other_amount(bad), None, "{bad}");
        }
    }
}
