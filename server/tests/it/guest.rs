//! A guest with a phone: opens pages, fills in forms, pays, and reads what is on the screen. No JavaScript.

use std::sync::Mutex;

use domain::guest::GuestPhase;
use platform::{Ids, SystemIds};
use serde_json::{Value, json};

use crate::app::{World, eventually, eventually_or};

/// A form as a browser sends it.
pub fn filled_in(request: reqwest::RequestBuilder, fields: &[(&str, &str)]) -> reqwest::RequestBuilder {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    request.header("content-type", "application/x-www-form-urlencoded").body(body)
}

/// A guest in front of a connector.
#[derive(Clone)]
pub struct GuestDriver {
    http: reqwest::Client,
    namba: String,
    site: String,
    code: String,
    /// Of the form that the page gave.
    key: String,
    token: Option<String>,
}

/// A page that was opened.
pub struct Page {
    pub status: u16,
    pub html: String,
}

impl Page {
    /// The value of the first attribute of that name.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let start = self.html.find(&format!("{name}=\""))? + name.len() + 2;
        let rest = &self.html[start..];
        rest.split('"').next()
    }

    /// What the page says about the phase.
    pub fn phase(&self) -> Option<GuestPhase> {
        GuestPhase::parse(self.attribute("data-phase")?)
    }

    /// Whether an element with this test id is there.
    pub fn has(&self, testid: &str) -> bool {
        self.html.contains(&format!("data-testid=\"{testid}\""))
    }
}

impl GuestDriver {
    pub fn new(world: &World, site: &str, code: &str) -> Self {
        Self {
            http: world.http.clone(),
            namba: world.namba.base_url.to_string(),
            site: site.to_owned(),
            code: code.to_owned(),
            key: SystemIds.uuid().simple().to_string(),
            token: None,
        }
    }

    /// Another phone with the same charge open.
    pub fn second_phone(&self) -> Self {
        self.clone()
    }

    async fn open(&self, path: &str) -> reqwest::Result<Page> {
        let answer = self.http.get(format!("{}{path}", self.site)).header("accept-language", "ru").send().await?;
        let status = answer.status().as_u16();
        Ok(Page { status, html: answer.text().await? })
    }

    /// The connector's page, if the server answers.
    pub async fn try_scan(&self) -> Option<Page> {
        self.open(&format!("/q/{}", self.code)).await.ok()
    }

    /// Scans the code: the connector's page, with the form's key.
    pub async fn scan(&mut self) -> Page {
        let page = self.open(&format!("/q/{}", self.code)).await.unwrap();
        if let Some(at) = page.html.find("name=\"idempotency_key\"") {
            let rest = Page { status: 200, html: page.html[at..].to_owned() };
            self.key = rest.attribute("value").expect("the form has a key").to_owned();
        }
        page
    }

    /// Sends the form as it is.
    pub async fn submit(&mut self, amount: &str, phone: &str) -> reqwest::Result<(Page, Option<String>)> {
        let picked = ["500", "1000", "2000"].contains(&amount);
        let form = [
            ("amount", if picked { amount } else { "custom" }),
            ("amount_custom", if picked { "" } else { amount }),
            ("phone", phone),
            ("idempotency_key", &self.key),
        ];
        let request = self.http.post(format!("{}/q/{}", self.site, self.code)).header("origin", &self.site);
        let request = filled_in(request, &form);
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        let location = answer.headers().get("location").and_then(|l| l.to_str().ok()).map(str::to_owned);
        let cookies: Vec<_> =
            answer.headers().get_all("set-cookie").iter().filter_map(|c| c.to_str().ok()).map(str::to_owned).collect();
        if status == 303 {
            // The charge is remembered in a cookie, and the way back from the payment leads to it.
            let from_location = location.as_deref().and_then(|l| l.split_once("/g/")).map(|(_, rest)| rest.to_owned());
            let from_cookie =
                cookies.iter().find_map(|c| c.split_once('=').filter(|(n, _)| n.contains("charge")).map(|(_, v)| v.to_owned()));
            let token = from_location.or(from_cookie).expect("an order leads to its page");
            self.token = Some(token.split([';', '?', '/']).next().unwrap_or_default().to_owned());
        }
        Ok((Page { status, html: answer.text().await? }, location))
    }

    /// Scans, orders and pays that many som.
    pub async fn pay(&mut self, som: u32) {
        self.order(som).await;
        let order = self.external_id().await;
        self.pay_order(&order, json!({})).await;
    }

    /// Scans and orders.
    pub async fn order(&mut self, som: u32) {
        self.scan().await;
        let (page, _) = self.submit(&som.to_string(), "0700 123 456").await.unwrap();
        assert_eq!(page.status, 303, "{}", page.html);
    }

    /// The order of this charge as the provider knows it: the newest one whose way back is our page.
    pub async fn external_id(&self) -> String {
        let token = self.token.clone().expect("ordered");
        eventually("the provider knows the order", || async {
            let state: Value = self.http.get(format!("{}control/state", self.namba)).send().await.ok()?.json().await.ok()?;
            let orders = state["orders"].as_array()?;
            let mine = orders.iter().find(|o| o["redirect_link"].as_str().is_some_and(|l| l.contains(&token)))?;
            mine["external_id"].as_str().map(str::to_owned)
        })
        .await
    }

    /// The payer presses the button at the provider.
    pub async fn pay_order(&self, external_id: &str, body: Value) {
        let answer = self.http.post(format!("{}control/pay/{external_id}", self.namba)).json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "paying: {}", answer.text().await.unwrap_or_default());
    }

    pub fn token(&self) -> &str {
        self.token.as_deref().expect("ordered")
    }

    /// The charge's page; an error when the server is down.
    pub async fn try_look(&self) -> reqwest::Result<Page> {
        self.open(&format!("/g/{}", self.token())).await
    }

    /// The charge's page.
    pub async fn look(&self) -> Page {
        self.try_look().await.unwrap()
    }

    /// Comes back from the payment page.
    pub async fn come_back(&self) -> Page {
        self.open(&format!("/g/{}?returned", self.token())).await.unwrap()
    }

    /// Looks again and again until the page shows this phase.
    pub async fn until(&self, phase: GuestPhase) -> Page {
        let last = Mutex::new(None);
        let look = || async {
            let page = self.try_look().await.ok()?;
            *last.lock().unwrap() = Some((page.status, page.phase()));
            (page.phase() == Some(phase)).then_some(page)
        };
        eventually_or(&format!("the page shows {phase:?}"), look, || format!("but {:?}", last.lock().unwrap())).await
    }

    /// Presses stop and confirms; an error when the server is down.
    pub async fn try_stop(&self) -> reqwest::Result<u16> {
        let request = self.http.post(format!("{}/g/{}/stop", self.site, self.token())).header("origin", &self.site);
        Ok(request.send().await?.status().as_u16())
    }

    /// Presses stop and confirms.
    pub async fn stop(&self) -> u16 {
        self.try_stop().await.unwrap()
    }

    /// The receipt's bytes.
    pub async fn pdf(&self) -> Vec<u8> {
        let answer = self.http.get(format!("{}/g/{}/receipt.pdf", self.site, self.token())).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
        answer.bytes().await.unwrap().to_vec()
    }
}
