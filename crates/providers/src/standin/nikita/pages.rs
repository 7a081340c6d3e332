//! The inbox, the switches, and the control API.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::{Form, Json};
use chrono_tz::Asia::Bishkek;
use domain::Tyiyn;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::faults::{self, Field, check, choice, control_error, number};
use super::super::html::{Width, escape, money, page, with_links};
use super::App;
use super::state::{Mailbox, Message, NikitaFaults};

/// Messages on the page.
const SHOWN_MAX: usize = 100;
/// The page reloads itself.
const REFRESH_S: u32 = 5;

const FIELDS: &[Field] = &[
    choice(
        "answer",
        "Ответ на любой запрос",
        &[
            ("none", "как обычно"),
            ("html_500", "HTTP 500, страница HTML"),
            ("empty_body", "пустое тело"),
            ("broken", "испорченный XML"),
            ("empty_object", "без статуса"),
            ("doctype", "с DTD"),
            ("hang", "не отвечает"),
            ("too_many_requests", "HTTP 429"),
            ("huge", "слишком большой ответ"),
            ("redirect", "перенаправление"),
        ],
    ),
    check("act_before_faulty_answer", "Сначала выполнить, потом ответить сбоем"),
    number("faulty_answers_left", "Сколько ответов испортить (пусто: все)"),
    number("hang_ms", "Молчать, мс"),
    number("message_status", "Статус /message (1–11; пусто: настоящий)"),
    number("dr_status", "Статус /dr (1–5)"),
    number("def_status", "Статус /def (1–4)"),
    number("info_status", "Статус /info (1–3)"),
    number("report", "Код отчёта о доставке (0–7)"),
    check("duplicate_answers_zero", "На повтор отвечать 0, а не 10"),
    check("test_account", "Тестовый счёт: статус 11"),
    check("without_namespace", "Без пространства имён"),
    check("push_off", "Не присылать отчёты о доставке"),
];

#[derive(Deserialize)]
pub(super) struct Filter {
    phone: Option<String>,
}

impl Filter {
    fn digits(&self) -> Option<String> {
        let digits: String = self.phone.as_deref()?.chars().filter(char::is_ascii_digit).collect();
        (!digits.is_empty()).then_some(digits)
    }
}

fn newest_first(inbox: &Mailbox, filter: &Filter) -> Vec<Message> {
    let digits = filter.digits();
    inbox
        .messages
        .iter()
        .rev()
        .filter(|m| digits.as_ref().is_none_or(|d| m.phone.ends_with(d.as_str())))
        .take(SHOWN_MAX)
        .cloned()
        .collect()
}

pub(super) async fn inbox(State(app): State<App>, Query(filter): Query<Filter>) -> Response {
    let inbox = app.inbox();
    let messages: String = newest_first(&inbox, &filter)
        .iter()
        .map(|m| {
            format!(
                "<article class=\"card\"><div><strong>+{}</strong> от {}</div><pre>{}</pre><div class=\"muted\">{} · {} · частей: {}</div></article>",
                escape(&m.phone),
                escape(&m.sender),
                with_links(&m.text),
                m.at.with_timezone(&Bishkek).format("%d.%m.%Y %H:%M:%S"),
                escape(&m.id),
                m.parts,
            )
        })
        .collect();
    let messages = if messages.is_empty() {
        "<p>Сообщений пока нет. Страница обновляется сама.</p>".to_owned()
    } else {
        messages
    };
    let body = format!("<p>На счёте {}. <a href=\"/settings\">Сбои</a></p>{messages}", money(inbox.balance));
    page("Входящие SMS (учебные)", Width::Narrow, Some(REFRESH_S), &body)
}

pub(super) async fn settings(State(app): State<App>) -> Response {
    let form = faults::form(FIELDS, &app.inbox().faults);
    page("Сбои SMS-шлюза", Width::Narrow, None, &format!("<p><a href=\"/\">Входящие</a></p>{form}"))
}

pub(super) async fn set_faults(State(app): State<App>, Form(sent): Form<Vec<(String, String)>>) -> Response {
    let mut patch = faults::patch_of_form(FIELDS, &sent);
    patch.retain(|name, value| !value.is_null() || !matches!(name.as_str(), "hang_ms" | "report"));
    let mut inbox = app.inbox();
    match faults::patched::<NikitaFaults>(&inbox.faults, patch) {
        Ok(new) => {
            inbox.faults = new;
            Redirect::to("/settings").into_response()
        }
        Err(why) => {
            let body = format!("<p>{}</p><p><a href=\"/settings\">Назад</a></p>", escape(&why));
            (StatusCode::UNPROCESSABLE_ENTITY, page("Так нельзя", Width::Narrow, None, &body)).into_response()
        }
    }
}

/// Messages as JSON, newest first; `?phone=` takes any ending of the number.
pub(super) async fn control_inbox(State(app): State<App>, Query(filter): Query<Filter>) -> Response {
    Json(newest_first(&app.inbox(), &filter)).into_response()
}

pub(super) async fn control_state(State(app): State<App>) -> Response {
    let inbox = app.inbox();
    Json(json!({"faults": inbox.faults, "balance_tyiyn": inbox.balance.get(), "messages": inbox.messages.len()}))
        .into_response()
}

pub(super) async fn control_faults(State(app): State<App>, Json(patch): Json<Map<String, Value>>) -> Response {
    let mut inbox = app.inbox();
    match faults::patched::<NikitaFaults>(&inbox.faults, patch) {
        Ok(new) => {
            inbox.faults = new;
            Json(&inbox.faults).into_response()
        }
        Err(why) => control_error(StatusCode::BAD_REQUEST, why),
    }
}

pub(super) async fn control_reset(State(app): State<App>) -> Response {
    *app.inbox() = Mailbox::new(app.config.balance);
    Json(json!({"ok": true})).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Balance {
    balance_tyiyn: i64,
}

pub(super) async fn control_balance(State(app): State<App>, Json(balance): Json<Balance>) -> Response {
    app.inbox().balance = Tyiyn::new(balance.balance_tyiyn);
    Json(json!({"ok": true})).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_switch_is_on_the_page_and_every_field_is_a_switch() {
        let value = serde_json::to_value(NikitaFaults::default()).unwrap();
        let mut switches: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
        let mut fields: Vec<_> = FIELDS.iter().map(|f| f.name).collect();
        switches.sort_unstable();
        fields.sort_unstable();
        assert_eq!(switches, fields);
    }
}
