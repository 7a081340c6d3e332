//! A browser without JavaScript: keeps cookies as browsers do, fills in the forms that a page has, follows nothing by itself.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::app::{TestApp, World, eventually};
use crate::guest::{Page, filled_in};

/// One browser of somebody.
#[derive(Clone)]
pub struct Browser {
    http: reqwest::Client,
    site: String,
    /// The name that it asks for, when it is not the site's own address.
    host: Option<String>,
    sms: String,
    pub cookies: BTreeMap<String, String>,
}

/// What came back.
pub struct Answer {
    pub page: Page,
    pub location: Option<String>,
    pub set_cookies: Vec<String>,
}

impl Answer {
    pub fn status(&self) -> u16 {
        self.page.status
    }

    /// The `Set-Cookie` of that name.
    pub fn sets(&self, name: &str) -> Option<&str> {
        let begin = format!("{name}=");
        self.set_cookies.iter().find(|cookie| cookie.starts_with(&begin)).map(String::as_str)
    }

    /// The value of a hidden field.
    pub fn hidden(&self, name: &str) -> Option<&str> {
        let (_, rest) = self.page.html.split_once(&format!("name=\"{name}\" value=\""))?;
        rest.split('"').next()
    }
}

impl Browser {
    pub fn new(app: &TestApp) -> Self {
        Self::of(&app.world, &app.url)
    }

    pub fn of(world: &World, site: &str) -> Self {
        Self {
            http: world.http.clone(),
            site: site.to_owned(),
            host: None,
            sms: world.sms.base_url.to_string(),
            cookies: BTreeMap::new(),
        }
    }

    /// The same server under another name.
    pub fn at_host(mut self, host: &str) -> Self {
        self.host = Some(host.to_owned());
        self
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        let request = self.http.get(format!("{}{path}", self.site));
        self.send(request).await
    }

    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let request = filled_in(self.http.post(format!("{}{path}", self.site)), fields).header("sec-fetch-site", "same-origin");
        self.send(request).await
    }

    /// Fills in the form of a page: its hidden fields are there already.
    pub async fn submit(&mut self, page: &Answer, path: &str, fields: &[(&str, &str)]) -> Answer {
        let hidden = ["xsrf", "next"].into_iter().filter_map(|name| Some((name, page.hidden(name)?)));
        let all: Vec<(&str, &str)> = hidden.chain(fields.iter().copied()).collect();
        self.post(path, &all).await
    }

    async fn send(&mut self, request: reqwest::RequestBuilder) -> Answer {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = request.header("accept-language", "ru");
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        if let Some(host) = &self.host {
            request = request.header("host", host);
        }
        let answer = request.send().await.unwrap();
        let headers = answer.headers();
        let location = headers.get("location").and_then(|l| l.to_str().ok()).map(str::to_owned);
        let set_cookies: Vec<String> =
            headers.get_all("set-cookie").iter().filter_map(|c| c.to_str().ok()).map(str::to_owned).collect();
        for cookie in &set_cookies {
            let (name, rest) = cookie.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap_or_default();
            if cookie.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let status = answer.status().as_u16();
        Answer { page: Page { status, html: answer.text().await.unwrap() }, location, set_cookies }
    }

    /// Messages to a phone, the oldest first.
    pub async fn messages(&self, phone: &str) -> Vec<String> {
        let digits = domain::Phone::parse(phone).unwrap().digits().to_owned();
        let inbox: Value = self.http.get(format!("{}control/inbox", self.sms)).send().await.unwrap().json().await.unwrap();
        let list = inbox.as_array().or_else(|| inbox["messages"].as_array()).cloned().unwrap_or_default();
        // The inbox shows the newest first.
        let to_it = list.iter().rev().filter(|message| message["phone"].as_str().is_some_and(|p| p.ends_with(&digits)));
        to_it.map(|message| message["text"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// The six digits of the newest message to a phone, once there are more messages than there were.
    pub async fn code(&self, phone: &str, messages_before: usize) -> String {
        eventually("the code arrives", || async {
            let messages = self.messages(phone).await;
            let newest = messages.last().filter(|_| messages.len() > messages_before)?;
            let digits = newest.split(|c: char| !c.is_ascii_digit()).find(|word| word.len() == 6)?;
            Some(digits.to_owned())
        })
        .await
    }

    /// Asks for a code, and gives the code's page.
    pub async fn ask_code(&mut self, phone: &str, next: &str) -> (Answer, String) {
        let before = self.messages(phone).await.len();
        let form = self.get(&format!("/sign-in?next={next}")).await;
        let sent = self.submit(&form, "/sign-in", &[("phone", phone)]).await;
        assert_eq!(sent.status(), 303, "{}", sent.page.html);
        let page = self.get(&sent.location.unwrap()).await;
        assert_eq!(page.status(), 200);
        (page, self.code(phone, before).await)
    }

    /// Signs in as people do.
    pub async fn sign_in(&mut self, phone: &str) -> Answer {
        let (page, code) = self.ask_code(phone, "/account").await;
        let answer = self.submit(&page, "/sign-in/code", &[("code", &code)]).await;
        assert_eq!((answer.status(), answer.location.as_deref()), (303, Some("/account")), "{}", answer.page.html);
        answer
    }

    /// The code of an app that has the secret of the page, at that time.
    pub fn code_of_app(secret: &str, at: chrono::DateTime<chrono::Utc>) -> String {
        let secret = totp_rs::Secret::try_from_base32(secret.replace(' ', "")).unwrap();
        let app = totp_rs::Builder::new().with_secret(secret).with_account_name("x").build().unwrap();
        app.generate(at.timestamp().try_into().unwrap()).to_string()
    }

    /// Sets an app up, as staff does at the first sign-in, and shows its first code. The secret.
    pub async fn set_up_app(&mut self, at: chrono::DateTime<chrono::Utc>) -> String {
        let page = self.get("/sign-in/second-step").await;
        let (_, rest) = page.page.html.split_once("data-testid=\"second-step-secret\"").unwrap();
        let secret = rest.split(['>', '<']).nth(3).unwrap().to_owned();
        let code = Self::code_of_app(&secret, at);
        let answer = self.submit(&page, "/sign-in/second-step", &[("second_step", &code)]).await;
        assert_eq!((answer.status(), answer.location.as_deref()), (303, Some("/account")), "{}", answer.page.html);
        secret
    }

    /// Asks for the account's end and types the code.
    pub async fn ask_to_delete(&mut self) -> Answer {
        let account = self.get("/account").await;
        let (_, rest) = account.page.html.split_once("data-testid=\"account-phone\"").unwrap();
        let phone = rest.split(['>', '<']).nth(1).unwrap().to_owned();
        let before = self.messages(&phone).await.len();
        let page = self.get("/account/delete").await;
        let sent = self.submit(&page, "/account/delete", &[]).await;
        let code = self.code(&phone, before).await;
        self.submit(&sent, "/account/delete/confirm", &[("code", &code)]).await
    }

    pub async fn is_signed_in(&mut self) -> bool {
        self.get("/account").await.status() == 200
    }
}
