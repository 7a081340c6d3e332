//! Signing in, as browsers and those who attack it do.

use api::i18n::Locale;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::Phone;
use domain::auth::{NotNow, SignInCode};
use serde_json::json;

use api::auth::Grant;
use domain::auth::{Permission, Reach, Role};

use super::*;
use crate::audit::Actor;
use crate::testing::TestDb;

const ISSUER: &str = "https://ev.example";

fn caller() -> Caller {
    Caller { address: [203, 0, 113, 9].into(), user_agent: "Mozilla/5.0".to_owned() }
}

fn phone(text: &str) -> Phone {
    Phone::parse(text).unwrap()
}

fn asking(number: &str, browser: &str) -> AskCode {
    AskCode {
        phone: phone(number),
        browser: browser.to_owned(),
        known: None,
        caller: caller(),
        locale: Locale::Ru,
        host: "ev.example".to_owned(),
    }
}

struct House {
    test: TestDb,
    auth: Auth,
}

impl House {
    async fn new() -> Self {
        let test = TestDb::new().await;
        let auth = Auth::new(test.db.clone(), AuthSettings::new(ISSUER));
        Self { test, auth }
    }

    async fn ask(&self, number: &str, browser: &str) -> Result<CodeSent, NoCode> {
        self.auth.ask_code(asking(number, browser)).await
    }

    /// The code in the newest message to the phone.
    async fn code(&self, number: &str) -> SignInCode {
        let text: String = sqlx::query_scalar("select text from sms_message where phone = $1 order by created_at desc limit 1")
            .bind(phone(number).as_e164())
            .fetch_one(self.test.db.pool())
            .await
            .unwrap();
        SignInCode::parse(text.rsplit('#').next().unwrap()).unwrap()
    }

    async fn try_code(&self, code: &SignInCode, browser: &str) -> Result<Tokens, SignInRefusal> {
        let with = SignIn { code: code.clone(), browser: browser.to_owned(), caller: caller(), locale: Locale::Ru };
        self.auth.sign_in(with).await
    }

    async fn sign_in(&self, number: &str) -> Tokens {
        // Nobody who waits as long is stopped by a limit.
        self.test.clock.advance(TimeDelta::days(2));
        self.ask(number, "browser").await.unwrap();
        self.try_code(&self.code(number).await, "browser").await.unwrap()
    }

    async fn who(&self, tokens: &Tokens) -> Option<Principal> {
        self.auth.authenticate(&tokens.access).await.unwrap()
    }

    async fn refresh(&self, tokens: &Tokens) -> Result<Tokens, RefreshRefusal> {
        self.auth.refresh(&tokens.refresh, &caller()).await
    }
}

/// Another code than this one.
fn wrong(code: &SignInCode) -> SignInCode {
    let other = if code.as_str().ends_with('0') { "1" } else { "0" };
    SignInCode::parse(&format!("{}{other}", &code.as_str()[..5])).unwrap()
}

#[tokio::test]
async fn a_code_signs_in_once_and_only_where_it_was_asked_for() {
    let house = House::new().await;
    let sent = house.ask("0700 123 456", "browser").await.unwrap();
    assert_eq!(sent.expires_at - house.test.db.now(), TimeDelta::minutes(5));
    let code = house.code("+996700123456").await;
    assert!(matches!(house.try_code(&code, "another browser").await, Err(SignInRefusal::NoCode)));
    let tokens = house.try_code(&code, "browser").await.unwrap();
    let who = house.who(&tokens).await.unwrap();
    assert_eq!(who.grants, [Grant { role: Role::Driver, scope: None }]);
    assert_eq!(house.auth.person(&phone("700123456")).await.unwrap(), Some(who.person));
    assert!(matches!(house.try_code(&code, "browser").await, Err(SignInRefusal::NoCode)), "a code works once");
    let again = house.sign_in("+996700123456").await;
    assert_eq!(house.who(&again).await.unwrap().person, who.person, "the same person");
}

#[tokio::test]
async fn five_tries_and_five_minutes() {
    let house = House::new().await;
    house.ask("700123456", "browser").await.unwrap();
    let code = house.code("700123456").await;
    for left in (0..5).rev() {
        let refusal = house.try_code(&wrong(&code), "browser").await.unwrap_err();
        assert!(matches!(refusal, SignInRefusal::WrongCode { tries_left } if tries_left == left), "{refusal:?}");
    }
    assert!(matches!(house.try_code(&code, "browser").await, Err(SignInRefusal::NoCode)), "the right one is too late");
    house.test.clock.advance(TimeDelta::minutes(2));
    house.ask("700123456", "browser").await.unwrap();
    house.test.clock.advance(TimeDelta::minutes(5));
    let code = house.code("700123456").await;
    assert!(matches!(house.try_code(&code, "browser").await, Err(SignInRefusal::NoCode)));
}

#[tokio::test]
async fn who_tries_many_at_once_has_five_tries_together() {
    let house = House::new().await;
    house.ask("700123456", "browser").await.unwrap();
    let code = wrong(&house.code("700123456").await);
    let tried = futures::future::join_all((0..20).map(|_| house.try_code(&code, "browser"))).await;
    let compared = tried.iter().filter(|r| matches!(r, Err(SignInRefusal::WrongCode { .. }))).count();
    assert_eq!(compared, 5);
}

#[tokio::test]
async fn one_code_gives_one_session_however_many_bring_it_at_once() {
    let house = House::new().await;
    house.ask("700123456", "browser").await.unwrap();
    let code = house.code("700123456").await;
    let tried = futures::future::join_all((0..5).map(|_| house.try_code(&code, "browser"))).await;
    assert_eq!(tried.iter().filter(|r| r.is_ok()).count(), 1, "{tried:?}");
    assert_eq!(house.test.number("select count(*) from auth_session").await, 1);
    assert_eq!(house.test.number("select count(*) from person").await, 1);
}

#[tokio::test]
async fn a_phone_is_not_flooded_and_a_scan_costs_little() {
    let house = House::new().await;
    house.ask("700123456", "one").await.unwrap();
    let refusal = house.ask("700123456", "another").await.unwrap_err();
    let again = house.test.db.now() + TimeDelta::minutes(1);
    assert!(matches!(refusal, NoCode::NotNow(NotNow::AskAgainAt(at)) if at == again), "{refusal:?}");
    for n in 1..10 {
        house.ask(&format!("70012345{n}"), "one").await.map_or_else(|e| assert!(n == 6, "{e:?}"), drop);
    }
    let refusal = house.ask("700999999", "one").await;
    assert!(refusal.is_ok() || matches!(refusal, Err(NoCode::NotNow(_))));
    assert!(house.ask("700888888", "one").await.is_err(), "ten of one address an hour");
    assert_eq!(house.test.number("select count(*) from sms_message").await, 10);
}

#[tokio::test]
async fn a_stranger_cannot_use_up_the_codes_of_a_number_that_is_known_here() {
    let house = House::new().await;
    house.sign_in("700123456").await;
    let known = house.auth.form_token(&codes::known_as(&phone("700123456"))).await.unwrap();
    house.test.clock.advance(TimeDelta::days(2));
    for n in 0..10 {
        house.ask("700123456", "stranger").await.unwrap();
        house.test.clock.advance(TimeDelta::minutes(if n < 9 { 61 } else { 0 }));
    }
    assert!(house.ask("700123456", "stranger").await.is_err(), "ten a day");
    let own = |known: &str| AskCode { known: Some(known.to_owned()), ..asking("700123456", "own") };
    assert!(house.auth.ask_code(own("x.y")).await.is_err());
    let of_other = house.auth.form_token(&codes::known_as(&phone("555123456"))).await.unwrap();
    assert!(house.auth.ask_code(own(&of_other)).await.is_err());
    house.auth.ask_code(own(&known)).await.unwrap();
    assert!(house.auth.ask_code(own(&known)).await.is_err(), "a minute apart, as for everybody");
}

#[tokio::test]
async fn when_all_codes_of_a_minute_are_sent_staff_is_told() {
    let house = House::new().await;
    let mut settings = AuthSettings::new(ISSUER);
    settings.limits.all_a_minute = 1;
    let auth = Auth::new(house.test.db.clone(), settings);
    auth.ask_code(asking("700123456", "browser")).await.unwrap();
    for _ in 0..2 {
        let refusal = auth.ask_code(asking("555123456", "browser")).await;
        assert!(matches!(refusal, Err(NoCode::NotNow(NotNow::Exhausted))), "{refusal:?}");
    }
    assert_eq!(house.test.number("select count(*) from alert where kind = 'sign_in_codes_exhausted'").await, 1);
}

#[tokio::test]
async fn nothing_secret_is_kept_as_it_is() {
    let house = House::new().await;
    house.ask("700123456", "browser-secret").await.unwrap();
    let code = house.code("700123456").await;
    let tokens = house.try_code(&code, "browser-secret").await.unwrap();
    let tables = ["person", "sign_in_code", "auth_session", "refresh_token", "audit_event"];
    for table in tables {
        let rows: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select t::text from {table} t")))
            .fetch_all(house.test.db.pool())
            .await
            .unwrap();
        for secret in ["browser-secret", &tokens.refresh, &tokens.access] {
            assert!(rows.iter().all(|row| !row.contains(secret)), "{table}");
        }
        assert!(table == "person" || rows.iter().all(|row| !row.contains(&format!("{},", code.as_str()))), "{table}");
    }
}

#[tokio::test]
async fn a_token_of_another_kind_key_issuer_or_time_is_no_token() {
    let house = House::new().await;
    let tokens = house.sign_in("700123456").await;
    let parts: Vec<&str> = tokens.access.split('.').collect();
    let forged_header = |header: serde_json::Value| {
        let header = BASE64_URL_SAFE_NO_PAD.encode(header.to_string());
        format!("{header}.{}.{}", parts[1], parts[2])
    };
    let kid: serde_json::Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(parts[0]).unwrap()).unwrap();
    let other = Auth::new(house.test.db.clone(), AuthSettings::new("https://evil.example"));
    assert_eq!(other.authenticate(&tokens.access).await.unwrap(), None, "another issuer");
    for token in [
        String::new(),
        "a.b.c".to_owned(),
        "x".repeat(1_000_000),
        tokens.refresh.clone(),
        forged_header(json!({ "alg": "none", "typ": "at+jwt", "kid": kid["kid"] })),
        forged_header(json!({ "alg": "HS512", "typ": "at+jwt", "kid": kid["kid"] })),
        forged_header(json!({ "alg": "HS256", "typ": "JWT", "kid": kid["kid"] })),
        forged_header(json!({ "alg": "HS256", "typ": "at+jwt", "kid": "another" })),
        forged_header(json!({ "alg": "HS256", "typ": "at+jwt" })),
        format!("{}.{}.{}", parts[0], parts[1], "A".repeat(parts[2].len())),
        format!("{}.{}.", parts[0], parts[1]),
    ] {
        assert_eq!(house.auth.authenticate(&token).await.unwrap(), None, "{}", &token[..token.len().min(80)]);
    }
    assert!(house.who(&tokens).await.is_some());
    house.test.clock.advance(TimeDelta::minutes(15));
    assert_eq!(house.who(&tokens).await, None, "fifteen minutes");
}

#[tokio::test]
async fn a_refresh_token_works_once_and_two_tabs_get_the_same() {
    let house = House::new().await;
    let first = house.sign_in("700123456").await;
    let second = house.refresh(&first).await.unwrap();
    assert_ne!(second.refresh, first.refresh);
    house.test.clock.advance(TimeDelta::seconds(10));
    assert_eq!(house.refresh(&first).await.unwrap().refresh, second.refresh, "the other tab");
    let third = house.refresh(&second).await.unwrap();
    assert!(house.who(&third).await.is_some());
    // A copy of the first one turns up: who has it and who has the third are not the same.
    house.test.clock.advance(TimeDelta::seconds(1));
    assert!(matches!(house.refresh(&first).await, Err(RefreshRefusal::Reused)));
    assert_eq!(house.who(&third).await, None);
    assert!(matches!(house.refresh(&third).await, Err(RefreshRefusal::SignedOut)));
    let told = "select count(*) from audit_event where action = 'auth.token_reused'";
    assert_eq!(house.test.number(told).await, 1);
}

#[tokio::test]
async fn many_tabs_at_once_are_one_renewal() {
    let house = House::new().await;
    let tokens = house.sign_in("700123456").await;
    let renewed = futures::future::join_all((0..8).map(|_| house.refresh(&tokens))).await;
    let mut successors: Vec<String> = renewed.into_iter().map(|r| r.unwrap().refresh).collect();
    successors.dedup();
    assert_eq!(successors.len(), 1);
    assert_eq!(house.test.number("select count(*) from refresh_token").await, 2);
}

#[tokio::test]
async fn a_session_ends_after_a_week_unused_and_after_ninety_days_at_the_latest() {
    let house = House::new().await;
    let idle = house.sign_in("700123456").await;
    house.test.clock.advance(TimeDelta::days(7));
    assert!(matches!(house.refresh(&idle).await, Err(RefreshRefusal::SignedOut)));
    let mut tokens = house.sign_in("700123456").await;
    let began = house.test.db.now();
    loop {
        house.test.clock.advance(TimeDelta::days(6));
        match house.refresh(&tokens).await {
            Ok(newer) => tokens = newer,
            Err(refusal) => break assert!(matches!(refusal, RefreshRefusal::SignedOut)),
        }
    }
    assert_eq!((house.test.db.now() - began).num_days(), 90);
}

#[tokio::test]
async fn keys_are_renewed_and_the_old_ones_are_believed_for_a_while() {
    let house = House::new().await;
    let old = house.sign_in("700123456").await;
    house.test.clock.advance(TimeDelta::days(6));
    let old = house.refresh(&old).await.unwrap();
    // Another node, which knows no key yet.
    let node = Auth::new(house.test.another_node().await, AuthSettings::new(ISSUER));
    assert!(node.authenticate(&old.access).await.unwrap().is_some());
    for _ in 0..5 {
        house.test.clock.advance(TimeDelta::days(10));
        house.sign_in("700123456").await;
    }
    assert_eq!(house.test.number("select count(*) from signing_key").await, 2);
    assert_eq!(house.auth.keys.signing().await.unwrap().kid, node.keys.signing().await.unwrap().kid, "one key of all nodes");
}

impl House {
    /// The secret of the person's app, offered or in use.
    async fn app(&self, person: Uuid) -> totp_rs::Totp {
        let secret: Vec<u8> = sqlx::query_scalar("select secret from totp where person_id = $1")
            .bind(person)
            .fetch_one(self.test.db.pool())
            .await
            .unwrap();
        totp_rs::Builder::new().with_secret(secret).with_account_name("x").build().unwrap()
    }

    /// What the app shows, some steps from now.
    async fn code_of_app(&self, person: Uuid, steps: i64) -> SignInCode {
        let at = self.test.db.now().timestamp() + 30 * steps;
        SignInCode::parse(&self.app(person).await.generate(at.try_into().unwrap()).to_string()).unwrap()
    }

    async fn shows_the_app(&self, tokens: &Tokens) {
        let who = self.who(tokens).await.unwrap();
        self.auth.second_step_form(&who).await.unwrap();
        let code = self.code_of_app(who.person, 0).await;
        assert_eq!(self.auth.prove_second_step(&who, code).await.unwrap(), SecondStepProved::Yes);
    }
}

#[tokio::test]
async fn a_code_of_the_app_is_good_once_and_for_a_while() {
    use api::auth::SecondStep;
    let house = House::new().await;
    let tokens = house.sign_in("700123456").await;
    let who = house.who(&tokens).await.unwrap();
    let prove = |code: SignInCode| house.auth.prove_second_step(&who, code);
    let some = SignInCode::parse("123456").unwrap();
    assert_eq!(prove(some).await.unwrap(), SecondStepProved::WrongCode, "no app yet");
    house.auth.second_step_form(&who).await.unwrap();
    for steps in [-3, 3] {
        assert_eq!(prove(house.code_of_app(who.person, steps).await).await.unwrap(), SecondStepProved::WrongCode, "{steps}");
    }
    let code = house.code_of_app(who.person, -1).await;
    let many = futures::future::join_all((0..5).map(|_| prove(code.clone()))).await;
    assert_eq!(many.iter().filter(|proved| matches!(proved, Ok(SecondStepProved::Yes))).count(), 1, "once");
    assert_eq!(house.who(&tokens).await.unwrap().second_step, SecondStep::Fresh);
    house.test.clock.advance(TimeDelta::minutes(6));
    assert_eq!(house.who(&tokens).await.unwrap().second_step, SecondStep::Taken);
    assert!(house.auth.forget_second_step(&Actor::System, who.person).await.unwrap());
    assert_eq!(house.who(&tokens).await.unwrap().second_step, SecondStep::Missing);
}

#[tokio::test]
async fn five_wrong_codes_of_the_app_close_it_for_a_quarter_of_an_hour() {
    let house = House::new().await;
    let tokens = house.sign_in("700123456").await;
    let who = house.who(&tokens).await.unwrap();
    house.shows_the_app(&tokens).await;
    let wrong = house.code_of_app(who.person, 9).await;
    for _ in 0..5 {
        assert_eq!(house.auth.prove_second_step(&who, wrong.clone()).await.unwrap(), SecondStepProved::WrongCode);
    }
    let right = house.code_of_app(who.person, 1).await;
    assert!(matches!(house.auth.prove_second_step(&who, right).await.unwrap(), SecondStepProved::TooMany(_)));
    house.test.clock.advance(TimeDelta::minutes(15));
    let right = house.code_of_app(who.person, 0).await;
    assert_eq!(house.auth.prove_second_step(&who, right).await.unwrap(), SecondStepProved::Yes);
}

#[tokio::test]
async fn a_role_taken_away_and_a_person_blocked_are_out_at_once() {
    let house = House::new().await;
    let tokens = house.sign_in("700123456").await;
    let person = house.who(&tokens).await.unwrap().person;
    let staff = Actor::Person("staff".to_owned());
    let finance = Grant { role: Role::Finance, scope: None };
    assert!(house.auth.grant(&staff, person, finance).await.unwrap());
    assert!(!house.auth.grant(&staff, person, finance).await.unwrap(), "held already");
    assert_eq!(house.who(&tokens).await.unwrap().reach(Permission::IssueRefund), None, "not without the second step");
    house.shows_the_app(&tokens).await;
    assert_eq!(house.who(&tokens).await.unwrap().reach(Permission::IssueRefund), Some(Reach::All));
    assert!(house.auth.revoke(&staff, person, finance).await.unwrap());
    assert_eq!(house.who(&tokens).await.unwrap().reach(Permission::IssueRefund), None);
    assert!(house.auth.block(&staff, person).await.unwrap());
    assert_eq!(house.who(&tokens).await, None);
    assert!(matches!(house.refresh(&tokens).await, Err(RefreshRefusal::SignedOut)));
    house.test.clock.advance(TimeDelta::hours(2));
    house.ask("700123456", "browser").await.unwrap();
    let refused = house.try_code(&house.code("700123456").await, "browser").await;
    assert!(matches!(refused, Err(SignInRefusal::Blocked)));
    assert!(house.auth.unblock(&staff, person).await.unwrap());
    assert!(house.who(&house.sign_in("700123456").await).await.is_some());
    let told = "select count(*) from audit_event where actor_id = 'staff'";
    assert_eq!(house.test.number(told).await, 4);
}

#[tokio::test]
async fn a_tenants_role_names_its_tenant_and_reaches_no_other() {
    let house = House::new().await;
    let who = house.who(&house.sign_in("700123456").await).await.unwrap();
    let (ours, theirs) = (house.test.db.ids().uuid(), house.test.db.ids().uuid());
    for grant in [
        Grant { role: Role::Partner, scope: None },
        Grant { role: Role::Admin, scope: Some(ours) },
        Grant { role: Role::Driver, scope: None },
    ] {
        assert!(matches!(house.auth.grant(&Actor::System, who.person, grant).await, Err(AuthError::Scope(_))), "{grant:?}");
    }
    house.auth.grant(&Actor::System, who.person, Grant { role: Role::Partner, scope: Some(ours) }).await.unwrap();
    let who = house.who(&house.sign_in("700123456").await).await.unwrap();
    assert_eq!(who.reach(Permission::ViewOcppLogs), Some(Reach::Tenant));
    let scopes: Vec<_> = who.scopes(Permission::ViewOcppLogs).collect();
    assert!(scopes == [ours] && !scopes.contains(&theirs));
    assert_eq!(who.scopes(Permission::IssueRefund).count(), 0);
}

#[tokio::test]
async fn sessions_are_seen_and_ended_by_their_person_only() {
    let house = House::new().await;
    let (one, two) = (house.sign_in("700123456").await, house.sign_in("700123456").await);
    let stranger = house.who(&house.sign_in("555123456").await).await.unwrap();
    house.refresh(&one).await.unwrap();
    let first = house.auth.authenticate(&house.refresh(&one).await.unwrap().access).await.unwrap().unwrap();
    assert_eq!(house.auth.sessions(first.person).await.unwrap().len(), 2);
    assert!(!house.auth.end_session(&stranger, first.session).await.unwrap(), "not theirs");
    assert_eq!(house.auth.end_other_sessions(&first).await.unwrap(), 1);
    assert!(matches!(house.refresh(&two).await, Err(RefreshRefusal::SignedOut)));
    assert_eq!(house.auth.sessions(first.person).await.unwrap().len(), 1);
    house.auth.sign_out(&first).await.unwrap();
    assert!(house.auth.sessions(first.person).await.unwrap().is_empty());
    assert_eq!(house.auth.sessions(stranger.person).await.unwrap().len(), 1);
}

#[test]
fn an_address_is_counted_with_its_network() {
    let of = |text: &str| (network(text.parse().unwrap(), 32, 64), network(text.parse().unwrap(), 24, 48));
    assert_eq!(of("203.0.113.9"), ("203.0.113.9".to_owned(), "203.0.113.0".to_owned()));
    assert_eq!(of("::ffff:203.0.113.9"), of("203.0.113.9"));
    assert_eq!(of("2001:db8:1:2:3::1"), ("2001:db8:1:2::".to_owned(), "2001:db8:1::".to_owned()));
}
