//! Both providers' stand-ins over HTTP, as the tests of payments and guests drive them.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use domain::Tyiyn;
use providers::namba::{ApiVersion, Timeouts};
use providers::nikita::SendMode;
use providers::standin::{NambaStandIn, NambaStandInConfig, NikitaStandIn, NikitaStandInConfig, StandInContext, StandInHandle};
use providers::{NambaClient, NambaConfig, NikitaClient, NikitaConfig};
use secrecy::SecretString;
use serde_json::{Value, json};
use uuid::Uuid;

use super::BalanceSettings;
use crate::db::Db;
use crate::ids::{Ids as _, SystemIds};

const MERCHANT: &str = "39b826bf-6b00-4996-bee7-7bfab4e055f5";
pub(crate) const WEBHOOK_SECRET: &str = "0123456789abcdef0123";
/// Long enough for a machine that is busy, short enough for a test that lets an answer hang.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// The providers of one test. They stop with it.
pub(crate) struct StandIns {
    namba: StandInHandle,
    nikita: StandInHandle,
    pub payments: Arc<NambaClient>,
    pub gateway: Arc<NikitaClient>,
    http: reqwest::Client,
}

fn random_id() -> Uuid {
    let mut bytes = [0; 16];
    SystemIds.fill(&mut bytes);
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

impl StandIns {
    /// Started for a database, whose clock and task tracker they share.
    pub async fn start(db: &Db) -> Self {
        let clock = Arc::clone(db.clock());
        let context = StandInContext::new(move || clock.now(), random_id, tokio_util::task::TaskTracker::new());
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let secret = SecretString::from("signs the requests");
        let config = NambaStandInConfig {
            refund_delay: Duration::from_secs(3_600),
            ..NambaStandInConfig::new(MERCHANT, secret.clone())
        };
        let namba = NambaStandIn::start(anywhere, config, context.clone()).await.unwrap();
        let password = SecretString::from("password");
        let config = NikitaStandInConfig::new("login", password.clone(), "RedPetrol");
        let nikita = NikitaStandIn::start(anywhere, config, context).await.unwrap();
        let timeouts = Timeouts { connect: CALL_TIMEOUT, total: CALL_TIMEOUT };
        let payments = NambaClient::new(
            NambaConfig {
                base_url: namba.base_url.clone(),
                merchant_guid: MERCHANT.to_owned(),
                secret,
                api_version: ApiVersion::V2,
                refund_parent_type: None,
                timeouts,
            },
            random_id,
        )
        .unwrap();
        let gateway = NikitaClient::new(NikitaConfig {
            base_url: nikita.base_url.clone(),
            login: "login".to_owned(),
            password,
            sender: "RedPetrol".to_owned(),
            parts_max: 4,
            mode: SendMode::default(),
            timeouts,
        })
        .unwrap();
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        // Notices are handed over by the tests themselves, because nobody listens at the public address.
        let standins = Self { namba, nikita, payments: Arc::new(payments), gateway: Arc::new(gateway), http };
        standins.faults(json!({ "webhooks_off": true })).await;
        standins
    }

    pub fn settings() -> BalanceSettings {
        BalanceSettings {
            public_url: "https://ev.example/".to_owned(),
            webhook_secret: Some(SecretString::from(WEBHOOK_SECRET)),
            payment_lifetime: chrono::TimeDelta::minutes(15),
        }
    }

    async fn post(&self, base: &StandInHandle, path: &str, body: &Value) -> (u16, Value) {
        let answer = self.http.post(format!("{}{path}", base.base_url)).json(body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    async fn get(&self, base: &StandInHandle, path: &str) -> Value {
        self.http.get(format!("{}{path}", base.base_url)).send().await.unwrap().json().await.unwrap()
    }

    /// Sets faults of the payment provider.
    pub async fn faults(&self, faults: Value) {
        let (status, answer) = self.post(&self.namba, "control/faults", &faults).await;
        assert_eq!(status, 200, "{answer}");
    }

    /// No faults but that webhooks are sent by the test.
    pub async fn heal(&self) {
        self.faults(json!({ "reset": true, "webhooks_off": true })).await;
    }

    /// Sets faults of the SMS gateway.
    pub async fn sms_faults(&self, faults: Value) {
        let (status, answer) = self.post(&self.nikita, "control/faults", &faults).await;
        assert_eq!(status, 200, "{answer}");
    }

    pub async fn state(&self) -> Value {
        self.get(&self.namba, "control/state").await
    }

    /// Our ids of all links, the oldest first.
    pub async fn links(&self) -> Vec<String> {
        let state = self.state().await;
        let orders = state["orders"].as_array().cloned().unwrap_or_default();
        orders.iter().filter_map(|order| order["external_id"].as_str().map(ToOwned::to_owned)).collect()
    }

    /// Our ids of all refunds and their statuses, the oldest first.
    pub async fn refunds(&self) -> Vec<(String, String)> {
        let state = self.state().await;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let refunds = state["refunds"].as_array().cloned().unwrap_or_default();
        refunds.iter().map(|refund| (text(&refund["external_refund_id"]), text(&refund["status"]))).collect()
    }

    /// The payer pays. False when there is nothing to pay any more.
    pub async fn pay(&self, external_id: &str, amount: Option<Tyiyn>) -> bool {
        let body = amount.map_or_else(|| json!({}), |amount| json!({ "amount_tyiyn": amount.get() }));
        self.post(&self.namba, &format!("control/pay/{external_id}"), &body).await.0 == 200
    }

    /// Puts an order into a status.
    pub async fn order_status(&self, external_id: &str, status: &str) {
        let (code, answer) =
            self.post(&self.namba, &format!("control/status/{external_id}"), &json!({ "status": status })).await;
        assert_eq!(code, 200, "{answer}");
    }

    /// Puts a refund into a status.
    pub async fn refund_status(&self, external_id: &str, status: &str) {
        let (code, answer) =
            self.post(&self.namba, &format!("control/refund/{external_id}"), &json!({ "status": status })).await;
        assert_eq!(code, 200, "{answer}");
    }

    /// All refunds that are under way become complete.
    pub async fn complete_refunds(&self) {
        for (id, status) in self.refunds().await {
            if matches!(status.as_str(), "CREATED" | "PROCESSING" | "STUCK") {
                self.refund_status(&id, "COMPLETED").await;
            }
        }
    }

    pub async fn set_float(&self, balance: Tyiyn) {
        let (code, _) = self.post(&self.namba, "control/float", &json!({ "balance_tyiyn": balance.get() })).await;
        assert_eq!(code, 200);
    }

    /// The texts that reached phones, the oldest first.
    pub async fn inbox(&self) -> Vec<(String, String)> {
        let inbox = self.get(&self.nikita, "control/inbox").await;
        let messages = inbox.as_array().or_else(|| inbox["messages"].as_array()).cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        messages.iter().map(|message| (text(&message["phone"]), text(&message["text"]))).collect()
    }
}

impl Drop for StandIns {
    fn drop(&mut self) {
        self.namba.shutdown.cancel();
        self.nikita.shutdown.cancel();
    }
}

/// A notice of a payment, as the provider words it.
pub(crate) fn payment_notice(external_id: &str, guid: &str, status: &str, amount: Tyiyn) -> Vec<u8> {
    let amount = amount.get().to_string();
    json!({
        "type": "PAYMENT_ORDER", "version": "1", "createdAt": "2026-11-22T09:00:00Z",
        "data": {
            "guid": guid, "externalId": external_id, "status": status, "currency": "KGS",
            "amount": amount, "paymentAmount": amount, "type": "PAYMENT_QR",
        },
    })
    .to_string()
    .into_bytes()
}

/// A notice of a refund.
pub(crate) fn refund_notice(external_id: &str, status: &str) -> Vec<u8> {
    json!({
        "type": "REFUND_ORDER", "version": "1", "createdAt": "2026-11-22T09:00:00Z",
        "data": { "guid": "r", "externalGuid": external_id, "status": status, "currency": "KGS", "amount": "1" },
    })
    .to_string()
    .into_bytes()
}
