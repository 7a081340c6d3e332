//! People who sign in, and those who would like to be somebody else.

use app::routes::Needs;
use chrono::TimeDelta;
use domain::auth::{Role, reach};
use platform::Clock as _;
use server::demo::plan::PEOPLE;

use crate::app::TestApp;
use crate::browser::Browser;

const PHONE: &str = "0700 555 001";

fn phone_of(role: Role) -> &'static str {
    PEOPLE.into_iter().find(|(of, _)| *of == role).unwrap().1
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_by_phone_and_stays_signed_in() {
    let app = TestApp::start().await;
    let mut browser = Browser::new(&app);
    assert_eq!(browser.get("/account").await.location.as_deref(), Some("/sign-in?next=/account"));

    let signed_in = browser.sign_in("+996 (700) 55-50-01").await;
    for (name, kept_s) in [("evp_access", 900), ("evp_refresh", 604_800)] {
        let cookie = signed_in.sets(name).unwrap();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Path=/;"), "{cookie}");
        assert!(cookie.contains(&format!("Max-Age={kept_s};")) && !cookie.contains("Domain"), "{cookie}");
    }
    let page = browser.get("/account").await;
    assert!(page.status() == 200 && page.page.has("sessions") && page.page.html.contains("+996\u{a0}700\u{a0}555\u{a0}001"));
    assert!(!page.sets("XSRF-TOKEN").unwrap().contains("HttpOnly"), "scripts may read it");

    // The short token runs out, the long one is renewed on the way.
    for _ in 0..4 {
        let before = browser.cookies["evp_refresh"].clone();
        app.world.clock.advance(TimeDelta::hours(30));
        let page = browser.get("/account").await;
        assert!(page.status() == 200 && page.sets("evp_access").is_some());
        assert_ne!(browser.cookies["evp_refresh"], before);
    }
    app.world.clock.advance(TimeDelta::days(7));
    let gone = browser.get("/account").await;
    assert_eq!(gone.location.as_deref(), Some("/sign-in?next=/account"));
    browser.cookies.remove("sign_in_known");
    assert!(browser.cookies.is_empty(), "what is of no use is taken away: {:?}", browser.cookies);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_code_a_used_code_and_a_code_in_another_browser_sign_nobody_in() {
    let app = TestApp::start().await;
    let (mut browser, mut thief) = (Browser::new(&app), Browser::new(&app));
    let (page, code) = browser.ask_code(PHONE, "/account").await;
    let wrong = if code.starts_with('0') { "111111" } else { "000000" };

    for (typed, error) in [("", true), ("12345", true), ("١٢٣٤٥٦", true), ("<b>", true), (wrong, true)] {
        let refused = browser.submit(&page, "/sign-in/code", &[("code", typed)]).await;
        assert!(refused.status() == 422 && refused.page.has("field-error-code") == error, "{typed}");
    }
    let (theirs, _) = thief.ask_code("0700 555 002", "/account").await;
    let stolen = thief.submit(&theirs, "/sign-in/code", &[("code", &code)]).await;
    assert_eq!(stolen.status(), 422, "the code is of the other browser");
    let with_dashes = format!("{}-{}", &code[..3], &code[3..]);
    assert_eq!(browser.submit(&page, "/sign-in/code", &[("code", &with_dashes)]).await.status(), 303);
    assert!(browser.is_signed_in().await && !thief.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_too_often_waits_and_is_told_until_when() {
    let app = TestApp::start().await;
    let mut browser = Browser::new(&app);
    let (page, _) = browser.ask_code(PHONE, "/account").await;

    let again = browser.submit(&page, "/sign-in/resend", &[]).await;
    assert!(again.status() == 429 && again.page.has("banner"), "{}", again.page.html);
    let other = Browser::new(&app).get("/sign-in").await;
    let mut stranger = Browser::new(&app);
    let form = stranger.get("/sign-in").await;
    assert_eq!(other.page.has("banner"), form.page.has("banner"));
    assert_eq!(stranger.submit(&form, "/sign-in", &[("phone", PHONE)]).await.status(), 429);
    let twice = browser.submit(&page, "/sign-in", &[("phone", PHONE)]).await;
    assert_eq!(twice.status(), 303, "pressed twice: the first code is good");
    assert_eq!(browser.messages(PHONE).await.len(), 1);
    app.world.clock.advance(TimeDelta::seconds(61));
    assert_eq!(browser.submit(&page, "/sign-in/resend", &[]).await.status(), 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_and_an_unknown_number_get_the_same_answer() {
    let app = TestApp::start().await;
    let mut answers = Vec::new();
    for phone in [phone_of(Role::Admin), "0700 999 999"] {
        let mut browser = Browser::new(&app);
        let form = browser.get("/sign-in").await;
        let sent = browser.submit(&form, "/sign-in", &[("phone", phone)]).await;
        answers.push((sent.status(), sent.location.clone(), sent.set_cookies.len()));
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_phones_and_foreign_ways_back_lead_nowhere() {
    let app = TestApp::start().await;
    let mut browser = Browser::new(&app);
    let form = browser.get("/sign-in").await;

    for phone in ["", "12", "+7 900 123 45 67", "0700 12З 456", "٠٧٠٠١٢٣٤٥٦", "0700123456\r\nX: y", "<b>"] {
        let refused = browser.submit(&form, "/sign-in", &[("phone", phone)]).await;
        assert!(refused.status() == 422 && refused.page.has("field-error-phone"), "{phone:?}");
    }
    for next in [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/a%0d%0aset-cookie:x=1",
        "javascript:alert(1)",
        "/sign-in",
    ] {
        let mut browser = Browser::new(&app);
        let page = browser.get(&format!("/sign-in?next={next}")).await;
        assert_eq!(page.hidden("next"), Some("/account"), "{next}");
    }
    assert_eq!(app.number("select count(*) from sign_in_code").await, 0);
}

/// Every role and every route: what the matrix allows is answered, what it does not is refused, and nobody has forgotten to say.
#[tokio::test(flavor = "multi_thread")]
async fn every_role_meets_every_route_as_the_matrix_says() {
    let app = TestApp::start().await;
    let routes = app.routes();
    assert!(routes.len() > 25, "the routes are there");

    let mut visitor = Browser::new(&app);
    for route in &routes {
        let path = filled(route.path);
        let answer = match route.method {
            "GET" => visitor.get(&path).await,
            _ => visitor.post(&path, &[]).await,
        };
        let led_to_sign_in =
            answer.location.as_deref().is_some_and(|l| l.starts_with("/sign-in?next=")) && answer.status() == 303;
        let is_own = route.path.starts_with("/sign-in");
        assert!(
            is_own || led_to_sign_in == matches!(route.needs, Needs::May(_) | Needs::MayAfresh(_)),
            "{route:?}: {}",
            answer.status()
        );
    }
    for (role, phone) in PEOPLE {
        // The limits of one address are not what this is about.
        app.world.clock.advance(TimeDelta::hours(2));
        let mut browser = Browser::new(&app);
        browser.sign_in(phone).await;
        if role.is_staff() {
            browser.set_up_app(app.world.clock.now()).await;
        }
        let word = browser.get("/account").await.hidden("xsrf").unwrap().to_owned();
        for route in &routes {
            // These end the session that asks.
            if ["/account/sign-out", "/account/delete/confirm"].contains(&route.path) {
                continue;
            }
            let (Needs::May(permission) | Needs::MayAfresh(permission)) = route.needs else { continue };
            let path = filled(route.path);
            let (answer, without_word) = match route.method {
                "GET" => (browser.get(&path).await, None),
                _ => {
                    let without = browser.post(&path, &[]).await.status();
                    (browser.post(&path, &[("xsrf", &word)]).await, Some(without))
                }
            };
            let may = reach(role, permission).is_some() || reach(Role::Driver, permission).is_some();
            // A page for staff alone, whatever the permission of its route.
            let may = may && (role.is_staff() || route.path != "/sign-in/second-step");
            assert_eq!(answer.status() != 403, may, "{role:?} {route:?}: {}", answer.status());
            assert!(answer.status() < 500, "{role:?} {route:?}: {}", answer.status());
            assert!(without_word.is_none_or(|status| status == 403), "{role:?} {route:?} without its word");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_needs_a_second_step_and_money_moves_with_a_new_code_only() {
    let app = TestApp::start().await;
    let mut finance = Browser::new(&app);
    let now = || app.world.clock.now();
    finance.sign_in(phone_of(Role::Finance)).await;
    let led = finance.get("/finance/orders?filter=paid").await;
    assert_eq!(led.location.as_deref(), Some("/sign-in/second-step?next=/finance/orders%3Ffilter%3Dpaid"));
    assert!(!finance.get("/account").await.page.has("to-finance"), "nor is there a way");
    let secret = finance.set_up_app(now()).await;
    assert_eq!(finance.get("/finance").await.status(), 200);
    assert!(!finance.get("/sign-in/second-step").await.page.has("second-step-secret"), "it is shown no more");

    let page = finance.get("/finance/correction").await;
    let key = page.hidden("idempotency_key").unwrap().to_owned();
    let form =
        [("debit", "write_off"), ("credit", "rounding"), ("amount", "1"), ("reason", "x"), ("idempotency_key", key.as_str())];
    app.world.clock.advance(TimeDelta::minutes(6));
    let code = Browser::code_of_app(&secret, now());
    let with = |code: &'static str| form.iter().copied().chain([("second_step", code)]).collect::<Vec<_>>();
    for wrong in ["", "12345", "abcdef"] {
        assert_eq!(finance.submit(&page, "/finance/correction", &with(wrong)).await.status(), 422, "{wrong}");
    }
    assert_eq!(app.number("select count(*) from journal_entry").await, 0);
    let good: Vec<_> = form.iter().copied().chain([("second_step", code.as_str())]).collect();
    assert_eq!(finance.submit(&page, "/finance/correction", &good).await.status(), 303);
    assert_eq!(app.number("select count(*) from journal_entry").await, 1);

    let mut thief = Browser::new(&app);
    thief.sign_in(phone_of(Role::Finance)).await;
    let asks = thief.get("/sign-in/second-step").await;
    let used = thief.submit(&asks, "/sign-in/second-step", &[("second_step", &code)]).await;
    assert_eq!(used.status(), 422, "each code is good once");
    for _ in 0..4 {
        thief.submit(&asks, "/sign-in/second-step", &[("second_step", "000000")]).await;
    }
    app.world.clock.advance(TimeDelta::minutes(1));
    let code = Browser::code_of_app(&secret, now());
    let locked = thief.submit(&asks, "/sign-in/second-step", &[("second_step", &code)]).await;
    assert_eq!(locked.status(), 429, "five wrong ones are enough");
    app.world.clock.advance(TimeDelta::hours(12));
    assert!(finance.get("/finance").await.location.unwrap().starts_with("/sign-in/second-step"), "a day's work is over");
    let mut driver = Browser::new(&app);
    driver.sign_in(PHONE).await;
    assert_eq!(driver.get("/sign-in/second-step").await.status(), 403);
}

/// A path with something in its holes that nobody has.
fn filled(path: &str) -> String {
    path.replace("{order}", &uuid::Uuid::nil().to_string())
        .replace("{code}", "ZZZZ22")
        .replace("{token}", "0123456789abcdefghijkl")
        .replace("{session}", &uuid::Uuid::nil().to_string())
        .replace("{request}", &uuid::Uuid::nil().to_string())
        .replace("{entry}", &uuid::Uuid::nil().to_string())
        .replace("{notice}", "999999")
        .replace("{job}", "999999")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_without_the_sessions_own_word_changes_nothing() {
    let app = TestApp::start().await;
    let (mut browser, mut other) = (Browser::new(&app), Browser::new(&app));
    browser.sign_in(PHONE).await;
    other.sign_in("0700 555 002").await;
    let word = browser.get("/account").await.hidden("xsrf").unwrap().to_owned();
    let theirs = other.get("/account").await.hidden("xsrf").unwrap().to_owned();

    let refused = |sent: Option<String>, kept: Option<String>| {
        let mut browser = browser.clone();
        browser.cookies.remove("XSRF-TOKEN");
        browser.cookies.extend(kept.map(|kept| ("XSRF-TOKEN".to_owned(), kept)));
        async move {
            let mut fields = vec![("name", "Взломщик")];
            fields.extend(sent.as_deref().map(|sent| ("xsrf", sent)));
            browser.post("/account/name", &fields).await.status()
        }
    };
    let (word, theirs) = (Some(word), Some(theirs));
    for (sent, kept) in [
        (None, None),
        (None, word.clone()),
        (word.clone(), None),
        (theirs.clone(), theirs.clone()),
        (theirs.clone(), word.clone()),
        (Some("x".to_owned()), Some("x".to_owned())),
    ] {
        assert_eq!(refused(sent.clone(), kept.clone()).await, 403, "{sent:?} {kept:?}");
    }
    assert_eq!(app.number("select count(*) from person where name is not null").await, 0);
    assert_eq!(refused(word.clone(), word).await, 303, "and with it, it does");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_reaches_the_sessions_of_somebody_else() {
    let app = TestApp::start().await;
    let (mut phone, mut desk, mut stranger) = (Browser::new(&app), Browser::new(&app), Browser::new(&app));
    phone.sign_in(PHONE).await;
    app.world.clock.advance(TimeDelta::minutes(2));
    desk.sign_in(PHONE).await;
    stranger.sign_in("0700 555 002").await;
    let page = desk.get("/account").await;
    let (_, rest) = page.page.html.split_once("/account/sessions/").unwrap();
    let session = rest.split('/').next().unwrap().to_owned();

    let theirs = stranger.get("/account").await;
    assert_eq!(stranger.submit(&theirs, &format!("/account/sessions/{session}/end"), &[]).await.status(), 404);
    assert!(phone.is_signed_in().await);
    assert_eq!(desk.submit(&page, &format!("/account/sessions/{session}/end"), &[]).await.status(), 303);
    assert!(!phone.is_signed_in().await && desk.is_signed_in().await);
    assert_eq!(desk.submit(&page, "/account/sign-out", &[]).await.location.as_deref(), Some("/"));
    assert!(!desk.is_signed_in().await && stranger.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_unrelated_domains_and_their_subdomains_work_side_by_side() {
    let map = "one.test=one.test, *.one.test=one.test, two.test=two.test";
    let app = TestApp::start_with(&[("EVP_HOSTS", Some(map))]).await;
    let mut one = Browser::new(&app).at_host("one.test");
    let signed_in = one.sign_in(PHONE).await;
    assert!(signed_in.sets("evp_refresh").unwrap().ends_with("; Domain=one.test"));
    assert!(one.messages(PHONE).await.last().unwrap().contains("@one.test #"), "the browser of that name fills it in");

    let mut two = Browser::new(&app).at_host("two.test");
    app.world.clock.advance(TimeDelta::minutes(3));
    assert!(two.sign_in(PHONE).await.sets("evp_access").unwrap().ends_with("; Domain=two.test"));
    // What the browser keeps for one.test it also sends to its subdomains.
    assert!(one.clone().at_host("www.one.test").is_signed_in().await);
    for host in ["evil.test", "a.b.one.test", "one.test.evil.test"] {
        assert_eq!(Browser::new(&app).at_host(host).get("/").await.status(), 421, "{host}");
    }
    assert!(Browser::new(&app).get("/").await.status() == 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_charged_as_a_guest_joins_the_account_of_who_proves_the_phone() {
    let app = TestApp::start().await;
    let _charger = app.charger("RP-CHUY-2").await;
    app.guest("CHUYB2").order(500).await;

    let (mut stranger, mut guest) = (Browser::new(&app), Browser::new(&app));
    stranger.sign_in("0700 555 002").await;
    assert!(!stranger.get("/account").await.page.has("own-charge"));
    guest.sign_in("0700 123 456").await;
    assert!(guest.get("/account").await.page.has("own-charge"));
    app.world.clock.advance(TimeDelta::minutes(2));
    let refused = guest.ask_to_delete().await;
    assert_eq!(refused.status(), 409, "a charge is under way");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_changes_when_both_numbers_answer() {
    let app = TestApp::start().await;
    let (mut browser, mut elsewhere) = (Browser::new(&app), Browser::new(&app));
    elsewhere.sign_in(PHONE).await;
    app.world.clock.advance(TimeDelta::minutes(2));
    browser.sign_in(PHONE).await;
    app.world.clock.advance(TimeDelta::minutes(5));
    let new = "0700 555 009";

    let form = browser.get("/account/phone").await;
    let before = browser.messages(PHONE).await.len();
    assert_eq!(
        browser.submit(&form, "/account/phone", &[("phone", new)]).await.location.as_deref(),
        Some("/account/phone/codes")
    );
    let (old_code, new_code) = (browser.code(PHONE, before).await, browser.code(new, 0).await);
    let page = browser.get("/account/phone/codes").await;
    let swapped = browser.submit(&page, "/account/phone/codes", &[("old_code", &new_code), ("new_code", &old_code)]).await;
    assert_eq!(swapped.status(), 422, "each number proves itself");
    let done = browser.submit(&page, "/account/phone/codes", &[("old_code", &old_code), ("new_code", &new_code)]).await;
    assert_eq!(done.location.as_deref(), Some("/account?done=phone"));
    assert!(browser.get("/account").await.page.html.contains("+996\u{a0}700\u{a0}555\u{a0}009"));
    assert!(!elsewhere.is_signed_in().await, "the other browsers are signed out");
    assert!(
        crate::app::eventually("the old number is told", || async {
            let messages = browser.messages(PHONE).await;
            (messages.len() > before + 1).then_some(true)
        })
        .await
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_takes_the_data_and_goes() {
    let app = TestApp::start().await;
    let mut browser = Browser::new(&app);
    browser.sign_in(PHONE).await;
    let page = browser.get("/account").await;
    browser.submit(&page, "/account/name", &[("name", "Айгүл")]).await;
    let data: serde_json::Value = serde_json::from_str(&browser.get("/account/data.json").await.page.html).unwrap();
    assert_eq!((&data["person"]["name"], &data["person"]["phone"]), (&"Айгүл".into(), &"+996700555001".into()));

    app.world.clock.advance(TimeDelta::minutes(2));
    let deleted = browser.ask_to_delete().await;
    assert!(deleted.status() == 200 && deleted.page.has("deleted"), "{}", deleted.page.html);
    assert!(!browser.is_signed_in().await);
    let left = "select count(*) from person p left join auth_session s on s.person_id = p.id
        where p.phone = '+996700555001' or p.name is not null or s.user_agent <> ''";
    assert_eq!(app.number(left).await, 0);
    app.world.clock.advance(TimeDelta::minutes(6));
    browser.sign_in(PHONE).await;
    assert!(!browser.get("/account").await.page.html.contains("Айгүл"), "somebody new");
}
