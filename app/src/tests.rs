//! The pages over the fixtures: every phase, every status, every language, through the router.

use std::fmt::Write as _;

use api::i18n::Locale;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use tower::ServiceExt;

use crate::fixtures::{CHARGES, CODES, HOSTILE, charge, state, token};
use crate::live;

struct Answer {
    status: StatusCode,
    headers: axum::http::HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }
    fn cookies(&self) -> String {
        self.headers.get_all("set-cookie").iter().filter_map(|v| v.to_str().ok()).collect::<Vec<_>>().join("\n")
    }
    fn has(&self, test_id: &str) -> bool {
        self.body.contains(&format!("data-testid=\"{test_id}\""))
    }
}

async fn ask(mut request: Request<Body>) -> Answer {
    request.headers_mut().entry(header::HOST).or_insert(header::HeaderValue::from_static("127.0.0.1:3100"));
    let router: Router = crate::router(state());
    let response: Response<Body> = router.oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    Answer { status: parts.status, headers: parts.headers, body: String::from_utf8(bytes.to_vec()).unwrap() }
}

async fn get_in(locale: Locale, path: &str) -> Answer {
    ask(Request::get(path).header(header::COOKIE, format!("lang={}", locale.tag())).body(Body::empty()).unwrap()).await
}

async fn get(path: &str) -> Answer {
    get_in(Locale::Ru, path).await
}

async fn post(path: &str, form: &str) -> Answer {
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin");
    ask(request.body(Body::from(form.to_owned())).unwrap()).await
}

/// What a person reads: no markup.
fn text_of(html: &str) -> String {
    let body = html.split_once("<body>").map_or(html, |(_, b)| b);
    let body = body.split("<script").next().unwrap_or(body);
    let (mut text, mut inside) = (String::new(), false);
    for c in body.chars() {
        match c {
            '<' => inside = true,
            '>' => (inside, ()) = (false, text.push(' ')),
            c if !inside => text.push(c),
            _ => {}
        }
    }
    text
}

#[tokio::test]
async fn every_charge_is_shown_in_every_language() {
    for name in CHARGES {
        let token = token(name).unwrap();
        for locale in Locale::ALL {
            let page = get_in(locale, &format!("/g/{token}")).await;
            let phase = name.split('-').next().unwrap();
            assert_eq!(page.status, StatusCode::OK, "{name}");
            assert!(page.body.contains(&format!("data-phase=\"{phase}\"")), "{name}");
            assert!(
                page.body.starts_with("<!DOCTYPE html>") && page.body.contains(&format!("<html lang=\"{}\"", locale.tag()))
            );
            let text = text_of(&page.body);
            assert!(!text.contains("{") && !text.contains("}") && !text.contains("  ()"), "{name} {locale:?}: {text}");
            assert!(page.has("stepper") && page.has("helpline") && !page.body.contains("<!>"), "{name}");
            assert_eq!(page.body.matches("<h1").count(), 1, "{name}");
            let follows = !matches!(phase, "completed" | "failed_refunded");
            assert_eq!(page.body.contains("http-equiv=\"refresh\" content=\"10\""), follows, "{name}");
            assert_eq!(page.body.contains("data-follows=\"\""), follows, "{name}");
        }
    }
}

#[tokio::test]
async fn each_phase_has_what_its_tests_and_its_people_look_for() {
    for (name, ids) in [
        ("awaiting_payment", &["pay", "countdown", "payment-qr"][..]),
        ("plug_in", &["countdown", "stop", "start-state"]),
        ("charging", &["energy", "cost", "power", "elapsed", "battery", "updated", "stop"]),
        ("stopping-offline", &["stop-offline", "energy"]),
        ("refunding", &["refund-state", "receipt-link", "pdf-link", "energy", "cost", "bill", "refund-amount"]),
        ("completed-all-used", &["refund-state", "pdf-link"]),
        ("failed_refunding-rejected", &["failure", "refund-state", "refund-reference"]),
        ("failed_refunding-no-refund-yet", &["refund-state"]),
        ("expired", &["start-anew"]),
    ] {
        let page = get(&format!("/g/{}", token(name).unwrap())).await;
        for id in ids {
            assert!(page.has(id), "{name} lacks {id}");
        }
    }
}

#[tokio::test]
async fn every_connector_is_shown_in_every_language() {
    for (code, _) in CODES {
        for locale in Locale::ALL {
            let page = get_in(locale, &format!("/q/{code}")).await;
            let (status, sale) = match code {
                "FREE" | "CABT" | "FEES" | "HACK" => (StatusCode::OK, true),
                "MVED" => (StatusCode::FOUND, false),
                "GNE2" => (StatusCode::GONE, false),
                "ZZZZ" => (StatusCode::NOT_FOUND, false),
                _ => (StatusCode::OK, false),
            };
            assert_eq!((page.status, page.has("pay")), (status, sale), "{code}");
            assert!(!text_of(&page.body).contains('{'), "{code}");
            if status == StatusCode::OK {
                assert!(
                    page.has("connector-page") && page.has("price-now") && page.has("helpline") && page.has("seller"),
                    "{code}"
                );
                assert_eq!(page.has("not-for-sale"), !sale, "{code}");
            }
        }
    }
    assert_eq!(get("/q/MVED").await.header("location"), "/q/FREE");
}

#[tokio::test]
async fn the_price_comes_before_anything_is_asked() {
    let page = get("/q/FREE").await;
    let order = [
        "data-testid=\"status\"",
        "data-testid=\"price-now\"",
        "data-testid=\"price-example\"",
        "data-testid=\"amount-500\"",
        "data-testid=\"rest\"",
        "data-testid=\"phone\"",
        "data-testid=\"pay\"",
    ];
    let places: Vec<_> = order.iter().map(|id| page.body.find(id).unwrap()).collect();
    assert!(places.is_sorted(), "{places:?}");
    for id in ["amount-500", "amount-1000", "amount-2000", "amount-custom", "amount-input"] {
        assert!(page.has(id), "{id}");
    }
    let text = text_of(&page.body).replace('\u{a0}', " ");
    assert!(text.contains("До 18:00, потом"), "{text}");
    assert!(text.contains("кВт·ч"));
}

#[tokio::test]
async fn all_fees_are_named_in_the_fixed_order() {
    let text = text_of(&get_in(Locale::En, "/q/FEES").await.body);
    let places: Vec<_> =
        ["/kWh", "Charging time", "Connection fee", "Staying after charging"].iter().map(|w| text.find(w).unwrap()).collect();
    assert!(places.is_sorted(), "{text}");
    assert!(!text.contains("Nothing else to pay"));
}

#[tokio::test]
async fn names_from_the_database_never_become_markup() {
    let charge = format!("/g/{}", token("charging-hostile").unwrap());
    for path in ["/q/HACK", &charge, "/q/%3Cscript%3Ealert(1)%3C%2Fscript%3E", "/nothing/%22%3E%3Cscript%3E"] {
        let page = get(path).await;
        assert!(!page.body.contains("<script>alert") && !page.body.contains("<img"), "{path}");
        assert!(!page.body.contains("javascript:"), "{path}");
    }
    assert!(get("/q/HACK").await.body.contains("&lt;script&gt;"));
    assert!(HOSTILE.contains("<script>"));
}

#[tokio::test]
async fn a_good_form_leads_to_the_payment() {
    let answer = post("/q/FREE", "amount=500&amount_custom=&phone=%2B996+700+123+456&idempotency_key=k1").await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (StatusCode::SEE_OTHER, "https://pay.example/link/0193a5c8-1111-7000-8000-000000000001")
    );
    assert!(answer.header("set-cookie").starts_with("charge=awaiting_payment"));
    let without_link = post("/q/CABT", "amount=custom&amount_custom=750%2C50&phone=0700123456&idempotency_key=k1").await;
    assert_eq!(without_link.status, StatusCode::SEE_OTHER);
    assert!(without_link.header("location").starts_with("/g/awaiting_payment-no-link"));
}

#[tokio::test]
async fn a_bad_form_comes_back_with_its_values_and_a_message_at_the_field() {
    for (amount, phone, amount_wrong, phone_wrong) in [
        ("-500", "0700123456", true, false),
        ("abc%22%3E", "0700123456", true, false),
        ("99999999999999999999", "0700123456", true, false),
        ("750.505", "0700123456", true, false),
        ("", "", true, true),
        ("500", "12", false, true),
        ("500", "%2B7+999+123+45+67", false, true),
        ("500", "abc", false, true),
    ] {
        let answer =
            post("/q/FREE", &format!("amount=custom&amount_custom={amount}&phone={phone}&idempotency_key=key-1")).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{amount} {phone}");
        assert_eq!(
            (answer.has("field-error-amount"), answer.has("field-error-phone")),
            (amount_wrong, phone_wrong),
            "{amount} {phone}"
        );
        assert!(answer.body.contains("value=\"key-1\""), "the same key, so that it stays one order");
        assert!(answer.has("connector-page") && answer.has("banner") && answer.has("pay"));
    }
    let again = post("/q/FREE", "amount=custom&amount_custom=7+5&phone=12&idempotency_key=k").await;
    assert!(again.body.contains("value=\"7 5\"") && again.body.contains("value=\"12\""));
    let hostile =
        post("/q/FREE", "amount=%22%3E%3Cscript%3E&phone=%22%3E%3Cscript%3E&idempotency_key=%22%3E%3Cscript%3E").await;
    assert!(!hostile.body.contains("\"><script>"));
}

#[tokio::test]
async fn a_form_without_its_key_gets_a_new_one() {
    let answer = post("/q/FREE", "amount=500&phone=0700123456").await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(!answer.body.contains("name=\"idempotency_key\" value=\"\"") && answer.body.contains("value=\"0700123456\""));
}

#[tokio::test]
async fn a_form_keeps_its_key_until_the_order_is_paid() {
    let first = get("/q/FREE").await;
    let key =
        first.cookies().split_once("form_FREE=").and_then(|(_, rest)| rest.split_once(';')).map(|(k, _)| k.to_owned()).unwrap();
    assert!(first.body.contains(&format!("name=\"idempotency_key\" value=\"{key}\"")));
    let again = ask(Request::get("/q/FREE")
        .header(header::COOKIE, format!("form_FREE={key}; form_BUSY=x"))
        .body(Body::empty())
        .unwrap())
    .await;
    assert!(again.body.contains(&format!("value=\"{key}\"")));
    let forged = ask(Request::get("/q/FREE").header(header::COOKIE, "form_FREE=<script>").body(Body::empty()).unwrap()).await;
    assert!(!forged.body.contains("value=\"<script>"));
    assert!(!get(&format!("/g/{}", token("awaiting_payment").unwrap())).await.cookies().contains("form_FREE"));
    assert!(get(&format!("/g/{}", token("plug_in").unwrap())).await.cookies().contains("form_FREE=; Path=/q; Max-Age=0"));
}

#[tokio::test]
async fn a_connector_that_was_taken_meanwhile_says_so() {
    let answer = post("/q/BUSY", "amount=500&phone=0700123456&idempotency_key=k").await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert!(answer.has("banner") && answer.has("not-for-sale") && answer.has("neighbour") && !answer.has("pay"));
}

#[tokio::test]
async fn a_foreign_form_is_refused() {
    let foreign = Request::post("/q/FREE")
        .header("origin", "https://evil.example")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let answer = ask(foreign.body(Body::from("amount=500&phone=0700123456&idempotency_key=k")).unwrap()).await;
    assert_eq!((answer.status, answer.has("problem")), (StatusCode::FORBIDDEN, true));
}

#[tokio::test]
async fn a_form_that_cannot_be_read_is_answered_with_a_page() {
    let json = Request::post("/q/FREE").header(header::CONTENT_TYPE, "application/json").body(Body::from("{}")).unwrap();
    let answer = ask(json).await;
    assert_eq!((answer.status, answer.has("problem")), (StatusCode::UNSUPPORTED_MEDIA_TYPE, true));
}

#[tokio::test]
async fn stopping_asks_once_and_leads_back() {
    let token = token("charging").unwrap();
    let question = get(&format!("/g/{token}/stop")).await;
    assert_eq!((question.status, question.has("stop-confirm")), (StatusCode::OK, true));
    let stopped = post(&format!("/g/{token}/stop"), "").await;
    assert_eq!((stopped.status, stopped.header("location")), (StatusCode::SEE_OTHER, &*format!("/g/{token}")));
    let over = get(&format!("/g/{}/stop", crate::fixtures::token("completed").unwrap())).await;
    assert_eq!(over.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn the_receipt_is_a_pdf_that_nobody_keeps() {
    let pdf = get(&format!("/g/{}/receipt.pdf", token("completed").unwrap())).await;
    assert_eq!((pdf.status, pdf.header("content-type")), (StatusCode::OK, "application/pdf"));
    assert_eq!(pdf.header("content-disposition"), "inline; filename=\"RP-2026-000123.pdf\"");
    assert_eq!(pdf.header("cache-control"), "no-store");
    assert_eq!(get(&format!("/g/{}/receipt.pdf", token("charging").unwrap())).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn whatever_goes_wrong_there_is_a_page_that_helps() {
    let no_token = format!("/g/{}", "x".repeat(30));
    for (path, status) in [
        ("/nowhere", 404),
        ("/g/short", 404),
        (&*no_token, 404),
        ("/g/short/stop", 404),
        ("/g/short/receipt.pdf", 404),
        ("/q/EECF", 409),
        ("/q/EETM", 429),
        ("/q/EEUN", 503),
        ("/q/EEXX", 500),
    ] {
        for locale in Locale::ALL {
            let page = get_in(locale, path).await;
            assert_eq!((page.status.as_u16(), page.has("problem"), page.has("helpline")), (status, true, true), "{path}");
        }
    }
    assert_eq!(post("/", "").await.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(get("/q/EEUN").await.header("retry-after"), "10");
}

#[tokio::test]
async fn a_typed_code_leads_to_its_page() {
    let typed = get("/q?code=fr-ee+").await;
    assert_eq!((typed.status, typed.header("location")), (StatusCode::SEE_OTHER, "/q/FREE"));
    let wrong = get("/q?code=%3Cb%3E").await;
    assert_eq!((wrong.status, wrong.has("field-error-code")), (StatusCode::UNPROCESSABLE_ENTITY, true));
    assert!(wrong.body.contains("value=\"&lt;b&gt;\""));
    assert!(get("/").await.has("home") && get("/q").await.has("code"));
}

#[tokio::test]
async fn the_language_is_kept_and_leads_back_only_within_the_site() {
    let kept = get("/lang?to=ky&back=/q/FREE").await;
    assert_eq!((kept.status, kept.header("location")), (StatusCode::SEE_OTHER, "/q/FREE"));
    assert!(
        kept.header("set-cookie").starts_with("lang=ky; Path=/; Max-Age=") && kept.header("set-cookie").contains("HttpOnly")
    );
    for back in ["//evil.example", "https://evil.example", "/%5Cevil.example", "/a%0d%0ax:y", ""] {
        assert_eq!(get(&format!("/lang?to=en&back={back}")).await.header("location"), "/", "{back}");
    }
    assert_eq!(get("/lang?to=xx&back=/q/FREE").await.header("set-cookie"), "");
    assert_eq!(post("/theme", "to=dark&back=/").await.header("set-cookie").split(';').next(), Some("theme=dark"));
    let dark = ask(Request::get("/").header(header::COOKIE, "theme=dark").body(Body::empty()).unwrap()).await;
    assert!(dark.body.contains("data-theme=\"dark\""));
}

#[tokio::test]
async fn pages_are_private_and_closed() {
    let page = get(&format!("/g/{}", token("charging").unwrap())).await;
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(page.header("referrer-policy"), "no-referrer");
    let policy = page.header("content-security-policy");
    let nonce = policy.split_once("'nonce-").and_then(|(_, rest)| rest.split_once('\'')).map(|(n, _)| n).unwrap();
    assert_eq!(page.body.matches("<script").count(), 1);
    assert!(page.body.contains(&format!("<script type=\"module\" nonce=\"{nonce}\">")));
    for part in [
        "object-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "form-action 'self' https://pay.example",
        "'wasm-unsafe-eval'",
        "ws://127.0.0.1:3100",
    ] {
        assert!(policy.contains(part), "{part}");
    }
    assert!(!page.body.contains(" style=") && !page.body.contains("onclick"));
    assert_eq!(get("/").await.body.matches("<script").count(), 0);
}

#[tokio::test]
async fn a_live_charge_is_remembered_and_a_finished_one_forgotten() {
    let live = get(&format!("/g/{}", token("charging").unwrap())).await;
    assert!(live.cookies().contains("charge=charging__"));
    let cookie = format!("charge={}", token("charging").unwrap());
    let elsewhere = ask(Request::get("/q/FREE").header(header::COOKIE, &cookie).body(Body::empty()).unwrap()).await;
    assert!(elsewhere.has("charge-in-progress"));
    let done = token("completed").unwrap();
    let over =
        ask(Request::get(format!("/g/{done}")).header(header::COOKIE, format!("charge={done}")).body(Body::empty()).unwrap())
            .await;
    assert!(over.cookies().contains(&format!("charge={done}; Path=/; Max-Age=0")));
}

#[tokio::test]
async fn the_connector_page_is_small() {
    let page = get_in(Locale::Ky, "/q/FREE").await;
    assert!(page.body.len() <= 20 * 1024, "{} bytes", page.body.len());
}

#[test]
fn a_snapshot_has_every_text_of_the_live_page() {
    for locale in Locale::ALL {
        let view = charge("charging").unwrap();
        let json = serde_json::to_value(live::snapshot(&view, locale)).unwrap();
        for key in
            ["energy", "energy_number", "cost", "power", "elapsed", "battery", "price", "next_price", "updated", "announcement"]
        {
            assert!(json[key].as_str().is_some_and(|t| !t.is_empty()), "{locale:?} {key}");
        }
        assert_eq!(
            (json["phase"].as_str(), json["energy_wh"].as_i64(), json["progress_permille"].as_i64()),
            (Some("charging"), Some(12_345), Some(493))
        );
    }
}

#[test]
fn a_snapshot_reads_as_people_write() {
    let snapshot = live::snapshot(&charge("charging").unwrap(), Locale::Ru);
    let texts = [&snapshot.energy, &snapshot.cost, &snapshot.power, &snapshot.elapsed, &snapshot.battery, &snapshot.updated];
    let texts = texts.iter().fold(String::new(), |mut all, t| {
        let _ = write!(all, "{}; ", t.replace('\u{a0}', " "));
        all
    });
    insta::assert_snapshot!(texts, @"12,35 кВт·ч; 246,90 сом; 43,2 кВт; 18 мин; 64 %; Обновлено 7 с назад; ");
}

#[test]
fn the_page_is_loaded_anew_when_more_than_numbers_changed() {
    let page = |name: &str| live::snapshot(&charge(name).unwrap(), Locale::Ru).page;
    assert_ne!(page("plug_in"), page("plug_in-accepted"));
    assert_ne!(page("awaiting_payment"), page("awaiting_payment-no-link"));
    assert_ne!(page("charging"), page("charging-suspended-ev"));
    assert_ne!(page("refunding"), page("refunding-delayed"));
    assert_eq!(page("charging"), page("charging-stale"));
    assert_eq!(page("charging"), page("charging-link-lost"));
}

#[test]
fn stale_is_said_after_a_minute() {
    let stale = |name: &str| live::snapshot(&charge(name).unwrap(), Locale::En).stale;
    assert!(!stale("charging") && !stale("charging-first") && stale("charging-stale"));
}

#[test]
fn the_counter_has_templates_for_seconds_and_minutes() {
    for (locale, seconds, minutes) in [
        (Locale::Ru, "Обновлено {n} с назад", "Обновлено {n} мин назад"),
        (Locale::Ky, "Жаңыртылды: {n} сек мурун", "Жаңыртылды: {n} мүн мурун"),
        (Locale::En, "Updated {n} s ago", "Updated {n} min ago"),
    ] {
        let templates = live::AgoTemplates::new(locale);
        assert_eq!(
            (templates.seconds.replace('\u{a0}', " ").as_str(), templates.minutes.replace('\u{a0}', " ").as_str()),
            (seconds, minutes)
        );
    }
}

#[test]
fn a_part_of_a_whole_stays_on_the_bar() {
    use domain::Tyiyn;
    let permille = |part, whole| live::permille(Tyiyn::new(part), Tyiyn::new(whole));
    assert_eq!(
        [permille(0, 100), permille(50, 100), permille(200, 100), permille(-5, 100), permille(5, 0), permille(i64::MAX, 1)],
        [0, 500, 1000, 0, 0, 1000]
    );
}

/// Somebody who is signed in, with the word that the forms want.
async fn get_as(role: &str, path: &str) -> Answer {
    let cookies = format!("lang=ru; evp_access={role}; XSRF-TOKEN={}", form_word());
    ask(Request::get(path).header(header::COOKIE, cookies).body(Body::empty()).unwrap()).await
}

async fn post_as(role: &str, path: &str, form: &str) -> Answer {
    let cookies = format!("lang=ru; evp_access={role}; XSRF-TOKEN={}", form_word());
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin")
        .header(header::COOKIE, cookies);
    ask(request.body(Body::from(format!("xsrf={}&{form}", form_word()))).unwrap()).await
}

fn form_word() -> String {
    format!("word-{}", crate::fixtures::auth::SESSION)
}

#[tokio::test]
async fn a_persons_pages_are_shown_to_the_person_and_kept_by_nobody() {
    for (path, test_id) in [
        ("/account", "account"),
        ("/account/phone", "phone-change"),
        ("/account/phone/codes", "phone-codes"),
        ("/account/delete", "delete"),
        ("/balance", "balance"),
        ("/balance/statement", "statement"),
        ("/balance/statement?kind=charge&from=2026-11-01&to=2026-11-22", "statement"),
        ("/balance/refunds", "refunds"),
        ("/balance/top-ups/00000000-0000-0000-0000-000000000001", "top-up-page"),
        ("/balance/top-ups/00000000-0000-0000-0000-000000000002", "top-up-page"),
        ("/balance/top-ups/00000000-0000-0000-0000-000000000003", "top-up-page"),
    ] {
        let page = get_as("driver", path).await;
        assert!(page.status == StatusCode::OK && page.has(test_id), "{path}");
        assert_eq!(page.header("cache-control"), "no-store", "{path}");
        assert!(!page.body.contains("<script>alert") && !page.body.contains("<img src=x"), "{path}");
        let led = get(path).await;
        assert_eq!(led.status, StatusCode::SEE_OTHER, "{path}");
        assert!(led.header("location").starts_with("/sign-in?next="), "{path}");
    }
    assert_eq!(get_as("driver", "/balance/top-ups/nobody's").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_top_up_leads_to_the_payment_or_back_to_its_form() {
    let good = post_as("driver", "/balance/top-ups", "amount=500&idempotency_key=k").await;
    assert_eq!((good.status, good.header("location")), (StatusCode::SEE_OTHER, "https://pay.example/1"));
    for (amount, status) in [("0", 422), ("-5", 422), ("1e9", 422), ("NaN", 422), ("99999999999", 422), ("1999", 429)] {
        let form = format!("amount=custom&amount_custom={amount}&idempotency_key=k");
        let page = post_as("driver", "/balance/top-ups", &form).await;
        assert_eq!(page.status.as_u16(), status, "{amount}");
        assert!(page.body.contains(&format!("value=\"{amount}\"")), "what was typed is kept: {amount}");
        assert_eq!(page.has("field-error-amount"), status == 422, "{amount}");
    }
    let stale = post_as("driver", "/balance/top-ups", "amount=500").await;
    assert!(stale.status == StatusCode::UNPROCESSABLE_ENTITY && stale.has("banner"));
}

#[tokio::test]
async fn a_period_that_is_none_is_said_and_the_last_month_is_shown() {
    for query in ["from=2026-11-22&to=2026-11-01", "from=x&to=y", "from=2026-11-22", "from=2020-01-01&to=2026-01-01", "after=x"]
    {
        let page = get_as("driver", &format!("/balance/statement?{query}")).await;
        assert!(page.status == StatusCode::UNPROCESSABLE_ENTITY && page.has("banner"), "{query}");
        assert!(page.body.contains("value=\"2026-10-23\""), "{query}");
    }
}

#[tokio::test]
async fn finances_pages_are_shown_to_finance_and_say_what_is_wrong() {
    let id = |n: u128| uuid::Uuid::from_u128(0x0193_a5c8_0000_7000_8000_0000_0000_0000 + n);
    for (path, test_id) in [
        ("/finance".to_owned(), "finance"),
        ("/finance/orders?filter=paid&after=x".to_owned(), "orders"),
        ("/finance/orders?id=%27%3B+drop".to_owned(), "orders"),
        (format!("/finance/orders/{}", id(1)), "order-page"),
        ("/finance/refunds?filter=with_staff".to_owned(), "refunds"),
        (format!("/finance/refund-requests/{}", id(4)), "request-page"),
        ("/finance/inbox".to_owned(), "inbox"),
        ("/finance/inbox/1".to_owned(), "notice-page"),
        ("/finance/outbox".to_owned(), "outbox"),
        ("/finance/accounts?account=driver%3A".to_owned(), "accounts"),
        ("/finance/journal?account=namba%3Acash&from=2026-11-01&to=2026-11-22".to_owned(), "journal"),
        (format!("/finance/entries/{}", id(3)), "entry-page"),
        ("/finance/correction".to_owned(), "correction"),
        ("/finance/reconciliation".to_owned(), "reconciliation"),
    ] {
        let page = get_as("finance", &path).await;
        assert!(page.status == StatusCode::OK && page.has(test_id), "{path}: {}", page.status);
        assert!(!page.body.contains("<script>alert") && !page.body.contains("<img src=x"), "{path}");
        assert_eq!(get_as("support", &path).await.status, StatusCode::FORBIDDEN, "{path}");
    }
    assert!(get_as("admin", "/audit").await.has("audit"));
    assert!(get_as("support", "/sign-in/second-step").await.has("second-step-secret"));
    assert_eq!(get_as("driver", "/sign-in/second-step").await.status, StatusCode::FORBIDDEN);
    for (code, status) in [("", 422), ("000000", 422), ("999999", 429)] {
        let wrong = post_as("support", "/sign-in/second-step", &format!("second_step={code}&next=https://evil.example")).await;
        assert!(wrong.status.as_u16() == status && wrong.has("field-error-second_step"), "{code}");
    }
    let right = post_as("support", "/sign-in/second-step", "second_step=123+456&next=%2Ffinance").await;
    assert_eq!(right.header("location"), "/finance");
    assert_eq!(get_as("finance", "/audit").await.status, StatusCode::FORBIDDEN);
    for (path, form, field) in [
        (format!("/finance/orders/{}/refund", id(1)), "amount=5", "field-error-reason"),
        (format!("/finance/refund-requests/{}", id(4)), "decision=approve", "field-error-reason"),
        ("/finance/correction".to_owned(), "amount=5", "field-error-debit"),
    ] {
        let wrong = post_as("finance", &path, form).await;
        assert!(wrong.status == StatusCode::UNPROCESSABLE_ENTITY && wrong.has(field), "{path}: {}", wrong.status);
        assert_eq!(post_as("admin", &path, form).await.status, StatusCode::FORBIDDEN, "who grants roles moves no money");
    }
    let good = post_as("finance", "/finance/correction", "debit=a&credit=b&amount=1&reason=c&idempotency_key=d").await;
    assert_eq!(good.header("location"), format!("/finance/entries/{}", id(3)));
}
