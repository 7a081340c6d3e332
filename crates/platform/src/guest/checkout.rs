//! From the form to the order. The order is durable before the provider is asked, and one form is one order.

use api::guest::{CheckoutErrors, CheckoutForm, CheckoutOutcome};
use api::i18n::{Locale, sms as texts};
use domain::guest::GuestPhase;
use domain::{ConnectorCode, GuestChargeId, GuestToken, OrderId, Phone, Tyiyn};

use super::{Charge, Guest, GuestError, LINK_PATIENCE, store};
use crate::balance::{NewOrder, Purpose};
use crate::db::{self, Tx};
use crate::stations::{CodeTarget, ConnectorFacts};

/// Bytes of randomness in a token: 144 bits, 24 characters.
const TOKEN_BYTES: usize = 18;
/// The key of a form is made by the page: random, so that two people never share one.
const FORM_KEY_CHARS: std::ops::RangeInclusive<usize> = 16..=64;
/// A person who tries another card or goes back has two or three open orders.
const UNPAID_PER_PHONE_MAX: i64 = 5;
/// More people than this do not stand around one connector.
const UNPAID_PER_CONNECTOR_MAX: i64 = 30;

/// A form that can be acted on.
#[derive(Debug, Clone)]
struct Checkout {
    amount: Tyiyn,
    phone: Phone,
    key: String,
    locale: Locale,
}

impl Guest {
    pub(super) async fn order_charge(
        &self,
        code: &ConnectorCode,
        form: &CheckoutForm,
        locale: Locale,
    ) -> Result<CheckoutOutcome, GuestError> {
        let checkout = match self.parse(form, locale) {
            Ok(checkout) => checkout,
            Err(errors) => return Ok(CheckoutOutcome::Invalid(errors)),
        };
        let CodeTarget::Connector(facts) = self.stations.look_up(code.as_str()).await? else {
            return Ok(CheckoutOutcome::NotAvailable);
        };
        if let Some(charge) = self.sent_before(&checkout.key).await? {
            return self.again(&charge, &facts, &checkout).await;
        }
        if !facts.status.can_start() || self.is_busy(&facts).await? {
            return Ok(CheckoutOutcome::NotAvailable);
        }
        let charge = match self.insert(&facts, code, &checkout).await {
            Ok(charge) => charge,
            Err(GuestError::SentBefore) => {
                let charge = self.sent_before(&checkout.key).await?.ok_or(GuestError::NotFound("charge"))?;
                return self.again(&charge, &facts, &checkout).await;
            }
            Err(error) => return Err(error),
        };
        self.ordered(&charge).await
    }

    /// All that is wrong at once.
    fn parse(&self, form: &CheckoutForm, locale: Locale) -> Result<Checkout, CheckoutErrors> {
        let amount = self.settings.amount_limits.parse(&form.amount);
        let phone = Phone::parse(&form.phone);
        let key = &form.idempotency_key;
        let key_is_good =
            FORM_KEY_CHARS.contains(&key.len()) && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        match (amount, phone, key_is_good) {
            (Ok(amount), Ok(phone), true) => Ok(Checkout { amount, phone, key: key.clone(), locale }),
            (amount, phone, _) => Err(CheckoutErrors { amount: amount.err(), phone: phone.err(), form: !key_is_good }),
        }
    }

    async fn sent_before(&self, key: &str) -> Result<Option<Charge>, GuestError> {
        let mut connection = self.db.pool().acquire().await?;
        store::by_form_key(&mut connection, key).await
    }

    /// The same form again is the same order. Another form under the same key (the page came out of a browser's memory, and
    /// something was changed in it) is sent anew with a key of its own.
    async fn again(&self, charge: &Charge, facts: &ConnectorFacts, checkout: &Checkout) -> Result<CheckoutOutcome, GuestError> {
        let order = self.balance.order(charge.order).await?.ok_or(GuestError::NotFound("order"))?;
        let same = charge.connector == facts.connector
            && charge.phone.as_ref() == Some(&checkout.phone)
            && order.amount == checkout.amount;
        if !same {
            return Ok(CheckoutOutcome::Invalid(CheckoutErrors { form: true, ..CheckoutErrors::default() }));
        }
        self.ordered(charge).await
    }

    async fn ordered(&self, charge: &Charge) -> Result<CheckoutOutcome, GuestError> {
        let payment_url = if charge.phase == GuestPhase::AwaitingPayment {
            // The order exists: what goes wrong with its link shows on its page, not here.
            self.balance.payment_url(charge.order, LINK_PATIENCE).await.unwrap_or_else(|error| {
                tracing::warn!(charge.id = %charge.id, %error, "Could not look for a payment link");
                None
            })
        } else {
            None
        };
        Ok(CheckoutOutcome::Ordered { token: charge.token.clone(), payment_url })
    }

    async fn insert(&self, facts: &ConnectorFacts, code: &ConnectorCode, checkout: &Checkout) -> Result<Charge, GuestError> {
        let (guest, facts, code, checkout) = (self.clone(), facts.clone(), code.clone(), checkout.clone());
        db::tx(&self.db, move |mut tx| {
            let (guest, facts, code, checkout) = (guest.clone(), facts.clone(), code.clone(), checkout.clone());
            async move { guest.insert_in(&mut tx, &facts, code, checkout).await }
        })
        .await
    }

    async fn insert_in(
        &self,
        tx: &mut Tx,
        facts: &ConnectorFacts,
        code: ConnectorCode,
        checkout: Checkout,
    ) -> Result<Charge, GuestError> {
        let unpaid = store::unpaid(tx, &checkout.phone, facts.connector).await?;
        if unpaid.of_phone >= UNPAID_PER_PHONE_MAX || unpaid.of_connector >= UNPAID_PER_CONNECTOR_MAX {
            return Err(GuestError::TooMany);
        }
        let token =
            GuestToken::parse(&tx.ids().token(TOKEN_BYTES)).map_err(|_| GuestError::Unreadable("a token".to_owned()))?;
        let charge = Charge {
            id: GuestChargeId::from_uuid(tx.uuid()),
            token,
            connector: facts.connector,
            code,
            phone: Some(checkout.phone),
            locale: checkout.locale,
            order: OrderId::from_uuid(tx.uuid()),
            session: None,
            phase: GuestPhase::AwaitingPayment,
            failure: None,
            created_at: tx.now(),
        };
        let order = NewOrder {
            id: charge.order,
            purpose: Purpose::GuestCharge,
            amount: checkout.amount,
            comment: texts::payment_comment(charge.locale, &facts.station.name, &facts.label),
            return_path: format!("/g/{}?returned=1", charge.token),
        };
        self.balance.open_order(tx, &order).await?;
        match store::insert(tx, &charge, &checkout.key).await {
            Ok(()) => Ok(charge),
            Err(error) if db::constraint(&error) == Some("guest_charge_idempotency_key") => Err(GuestError::SentBefore),
            Err(error) => Err(error.into()),
        }
    }
}
