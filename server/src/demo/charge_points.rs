//! `evp virtual-charge-points`: the demo's chargers and cars, in a process of their own, with a page of buttons.
//!
//! The page is plain HTML with forms: it is the hand at the cable. It knows the chargers only as a person would: plug, unplug, the stop
//! button, the emergency stop, the power switch and the network cable.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use simulator::client::{ClientConfig, VirtualChargePoint};
use simulator::{Car, Config, ConnectorConfig, Current, Fault, Robot};

use super::plan::{self, Cable};

/// What the supervisor writes to the standard input: it holds the charge points' passwords.
#[derive(Serialize, Deserialize)]
pub struct Plan {
    pub listen: SocketAddr,
    pub site: String,
    /// `ws://host:port/ocpp`
    pub server: String,
    pub speed: u32,
    pub meter_interval_s: u32,
    /// How long the site waits for the cable.
    pub start_deadline_s: u32,
    pub charge_points: Vec<PlannedChargePoint>,
}

#[derive(Serialize, Deserialize)]
pub struct PlannedChargePoint {
    pub identity: String,
    pub password: String,
}

/// A driver who is quick, so that nobody waits at the screen.
const PLUG_AFTER_MS: u32 = 4_000;
/// He reads the display before he leaves.
const UNPLUG_AFTER_MS: u32 = 8_000;

struct Yard {
    site: String,
    speed: u32,
    chargers: Vec<(VirtualChargePoint, &'static plan::DemoChargePoint)>,
}

/// Runs until SIGTERM or Ctrl-C.
pub async fn run() -> Result<()> {
    super::refuse_outside_demo()?;
    let plan: Plan = super::read_plan()?;
    let mut chargers = Vec::new();
    for planned in &plan.charge_points {
        let known = plan::charge_point(&planned.identity).context("a charge point that is not in the demo's plan")?;
        let config = ClientConfig::new(plan.server.clone(), charger(known, &plan)).password(planned.password.clone());
        chargers.push((VirtualChargePoint::start(config), known));
    }
    let yard = Arc::new(Yard { site: plan.site, speed: plan.speed, chargers });
    let listener = tokio::net::TcpListener::bind(plan.listen).await.context("the page of the charge points cannot listen")?;
    let router = Router::new()
        .route("/", get(page))
        .route("/act", post(act))
        .route("/faults", get(faults).post(set_fault))
        .route("/state", get(state))
        .with_state(Arc::clone(&yard));
    axum::serve(listener, router)
        .with_graceful_shutdown(async {
            let _ = crate::shutdown::asked().await;
        })
        .await?;
    for (charger, _) in &yard.chargers {
        charger.shutdown().await;
    }
    Ok(())
}

fn charger(known: &plan::DemoChargePoint, plan: &Plan) -> Config {
    let mut config =
        Config::dc(known.identity).speed(plan.speed).meter_interval_ms(plan.meter_interval_s.saturating_mul(1_000));
    config.connectors = known
        .connectors
        .iter()
        .map(|c| ConnectorConfig {
            current: if c.plug.current() == domain::stations::CurrentType::Dc { Current::Dc } else { Current::Ac },
            max_power_w: c.max_power.get(),
            register_wh: 4_500_000,
        })
        .collect();
    config.model = if config.connectors.iter().any(|c| c.current == Current::Dc) { "DC".into() } else { "AC".into() };
    // As long as the site's own countdown: who gives up first would refuse the next guest, or leave this one with the cable in hand.
    config.connection_timeout_s = plan.start_deadline_s;
    if known.ocpp == plan::Ocpp::V201 {
        config = config.v201();
    }
    if known.cable == Cable::PlugsItself {
        config = config.robot(Robot { plug_after_ms: PLUG_AFTER_MS, unplug_after_ms: UNPLUG_AFTER_MS, car: Car::default() });
    }
    config
}

/// A button that was pressed.
#[derive(Debug, Deserialize)]
struct Press {
    identity: String,
    connector: u32,
    act: String,
}

async fn act(State(yard): State<Arc<Yard>>, headers: HeaderMap, Form(press): Form<Press>) -> Response {
    if !is_own(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let Some((charger, _)) = yard.chargers.iter().find(|(c, _)| c.identity() == press.identity) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match press.act.as_str() {
        "plug" => charger.plug(press.connector).await,
        "unplug" => charger.unplug(press.connector).await,
        "stop" => charger.press_stop(press.connector).await,
        "emergency" => charger.emergency_stop().await,
        "repair" => charger.repair(press.connector).await,
        "offline" => charger.go_offline().await,
        "online" => charger.go_online().await,
        "reboot" => charger.reboot().await,
        _ => return StatusCode::BAD_REQUEST.into_response(),
    }
    Redirect::to("/").into_response()
}

/// The page acts only for itself: another site's form must not unplug anybody.
fn is_own(headers: &HeaderMap) -> bool {
    headers.get(header::ORIGIN).is_none_or(|origin| {
        let host = headers.get(header::HOST).and_then(|h| h.to_str().ok()).unwrap_or_default();
        origin.to_str().is_ok_and(|o| o == format!("http://{host}"))
    })
}

/// Whose faults are meant.
#[derive(Debug, Deserialize)]
struct Whose {
    identity: String,
}

/// What a charger gets wrong: on a page that does not refresh itself, for there is a list to read.
async fn faults(State(yard): State<Arc<Yard>>, Query(whose): Query<Whose>) -> Response {
    let Some((charger, _)) = yard.chargers.iter().find(|(c, _)| c.identity() == whose.identity) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let identity = charger.identity();
    let on = charger.state().faults;
    let mut body = String::new();
    for name in Fault::names() {
        let is_on = on.contains(&name);
        let (class, set) = if is_on { ("main", "off") } else { ("", "on") };
        let _ = write!(
            body,
            "<form method=post action=/faults><input type=hidden name=identity value=\"{identity}\"><input type=hidden name=set value={set}>\
             <button class=\"{class}\" name=fault value={name} aria-pressed={is_on}>{name}</button></form>"
        );
    }
    Html(format!(
        "<!doctype html><html lang=ru><head><meta charset=utf-8><meta name=viewport content=\"width=device-width,initial-scale=1\">\
         <title>{identity}: ошибки</title><style>{STYLE}</style></head><body><main><h1>{identity}</h1>\
         <p class=quiet>Что зарядка делает неправильно. Красные включены. <a href=/>Назад</a></p>{body}</main></body></html>"
    ))
    .into_response()
}

/// A fault that is switched.
#[derive(Debug, Deserialize)]
struct Switch {
    identity: String,
    fault: String,
    set: String,
}

async fn set_fault(State(yard): State<Arc<Yard>>, headers: HeaderMap, Form(switch): Form<Switch>) -> Response {
    if !is_own(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let Some((charger, known)) = yard.chargers.iter().find(|(c, _)| c.identity() == switch.identity) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let Ok(fault) = switch.fault.parse::<Fault>() else { return StatusCode::BAD_REQUEST.into_response() };
    match switch.set.as_str() {
        "on" => charger.set_fault(fault).await,
        "off" => charger.clear_fault(fault).await,
        _ => return StatusCode::BAD_REQUEST.into_response(),
    }
    // Its own name for it: what the form said does not go into a header.
    Redirect::to(&format!("/faults?identity={}", known.identity)).into_response()
}

/// For scripts.
async fn state(State(yard): State<Arc<Yard>>) -> Json<serde_json::Value> {
    let list: Vec<_> = yard
        .chargers
        .iter()
        .map(|(charger, _)| {
            let state = charger.state();
            let connectors: Vec<_> = state
                .connectors
                .iter()
                .map(|c| {
                    serde_json::json!({
                        "connector": c.id,
                        "status": c.status.as_str(),
                        "is_plugged": c.is_plugged,
                        "power_w": c.power_w,
                        "register_wh": c.register_wh,
                        "is_charging": c.transaction.is_some(),
                    })
                })
                .collect();
            serde_json::json!({ "identity": charger.identity(), "is_linked": state.is_linked, "connectors": connectors })
        })
        .collect();
    Json(list.into())
}

const STYLE: &str = "
:root{color-scheme:light dark;--line:#8884}
body{font:16px/1.4 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:1rem}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin:0 0 .25rem}
section{border:1px solid var(--line);border-radius:12px;padding:1rem;margin:1rem 0}
form{display:inline}
button{font:inherit;min-height:44px;padding:0 .9rem;margin:.25rem .25rem .25rem 0;border-radius:10px;border:1px solid var(--line);cursor:pointer}
button.main{background:#a3122a;color:#fff;border-color:#a3122a}
p{margin:.25rem 0}.quiet{opacity:.75}.off{color:#b3261e;font-weight:600}
";

async fn page(State(yard): State<Arc<Yard>>) -> Html<String> {
    let mut body = String::new();
    for (charger, known) in &yard.chargers {
        let state = charger.state();
        let link = if state.is_linked { "на связи" } else { "<span class=off>нет связи</span>" };
        let identity = charger.identity();
        let _ = write!(body, "<section><h2>{identity}</h2><p>{link}</p>");
        for (connector, planned) in state.connectors.iter().zip(known.connectors) {
            let (site, code, label, number) = (&yard.site, planned.code, planned.label, connector.id);
            let status = status_in_russian(connector.status.as_str());
            let kilowatts = connector.power_w / 1_000;
            let charged = connector.transaction.as_ref().map_or(0, |t| t.energy_wh);
            let _ = write!(
                body,
                "<p><strong>Разъём {label}</strong> · {status} · {kilowatts} кВт · {} Вт·ч · <a href=\"{site}/q/{code}\">страница QR</a></p><p>",
                charged
            );
            let button = |act: &str, text: &str, class: &str| {
                format!(
                    "<form method=post action=/act><input type=hidden name=identity value=\"{identity}\"><input type=hidden name=connector value={number}>\
                     <button class=\"{class}\" name=act value={act}>{text}</button></form>"
                )
            };
            if connector.is_plugged {
                body.push_str(&button("unplug", "Вынуть кабель", ""));
            } else {
                body.push_str(&button("plug", "Вставить кабель", "main"));
            }
            body.push_str(&button("stop", "Кнопка «Стоп»", ""));
            body.push_str(&button("repair", "Починить", ""));
            body.push_str("</p>");
        }
        let of_charger = |act: &str, text: &str| {
            format!(
                "<form method=post action=/act><input type=hidden name=identity value=\"{identity}\"><input type=hidden name=connector value=1>\
                 <button name=act value={act}>{text}</button></form>"
            )
        };
        body.push_str(&if state.is_linked {
            of_charger("offline", "Отключить связь")
        } else {
            of_charger("online", "Включить связь")
        });
        body.push_str(&of_charger("reboot", "Перезагрузить"));
        body.push_str(&of_charger("emergency", "Аварийная кнопка"));
        let count = state.faults.len();
        let _ = write!(body, "<p><a href=\"/faults?identity={identity}\">Ошибки зарядки: включено {count}</a></p>");
        body.push_str("</section>");
    }
    Html(format!(
        "<!doctype html><html lang=ru><head><meta charset=utf-8><meta name=viewport content=\"width=device-width,initial-scale=1\">\
         <meta http-equiv=refresh content=3><title>Виртуальные зарядки</title><style>{STYLE}</style></head>\
         <body><main><h1>Виртуальные зарядки</h1><p class=quiet>Скорость ×{}. Здесь вы — рука с кабелем.</p>{body}</main></body></html>",
        yard.speed
    ))
}

fn status_in_russian(status: &str) -> &str {
    match status {
        "Available" => "свободен",
        "Preparing" => "готовится",
        "Charging" => "заряжает",
        "SuspendedEV" => "машина не берёт",
        "SuspendedEVSE" => "зарядка приостановлена",
        "Finishing" => "выньте кабель",
        "Reserved" => "забронирован",
        "Unavailable" => "не работает",
        "Faulted" => "неисправен",
        other => other,
    }
}
