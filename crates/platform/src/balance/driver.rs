//! The pages' trait: the user's face of each answer and error. The log's face is written here, once.

use api::ApiError;
use api::balance::{
    BalanceApi, BalanceView, CsvFile, MoneyForm, RefundOutcome, RefundRequestView, StatementQuery, StatementView, TopUpOutcome,
    TopUpView,
};
use api::i18n::Locale;
use async_trait::async_trait;
use domain::balance::Period;
use domain::{OrderId, RefundRequestId};
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use uuid::Uuid;

use super::{Balance, BalanceError, person_topic};
use crate::db::{self, TxError as _};
use crate::ledger::StatementError;

pub(super) fn answer<T>(what: &'static str, result: Result<T, BalanceError>) -> Result<T, ApiError> {
    result.map_err(|error| {
        let answer = match &error {
            BalanceError::NotFound(_) => return ApiError::NotFound,
            BalanceError::FormReused
            | BalanceError::NotRefundable
            | BalanceError::FourEyes
            | BalanceError::Decided
            | BalanceError::NoReason
            | BalanceError::Statement(StatementError::TooLong) => return ApiError::Conflict,
            BalanceError::TooManyUnpaid => return ApiError::TooMany,
            BalanceError::Provider(_) => ApiError::Unavailable,
            _ if error.sqlx().is_some_and(db::is_out_of_reach) => ApiError::Unavailable,
            _ => ApiError::Internal,
        };
        tracing::error!(error = &error as &dyn std::error::Error, "Could not {what}");
        answer
    })
}

#[async_trait]
impl BalanceApi for Balance {
    async fn balance(&self, person: Uuid) -> Result<BalanceView, ApiError> {
        answer("show a balance", self.view(person).await)
    }

    async fn top_up(&self, person: Uuid, form: &MoneyForm, locale: Locale) -> Result<TopUpOutcome, ApiError> {
        answer("open a top-up", self.order_top_up(person, form, locale).await)
    }

    async fn top_up_view(&self, person: Uuid, order: OrderId, returned: bool) -> Result<TopUpView, ApiError> {
        answer("show a top-up", self.view_top_up(person, order, returned).await)
    }

    async fn statement(&self, person: Uuid, query: StatementQuery) -> Result<StatementView, ApiError> {
        answer("show a statement", self.statement_page(person, query).await)
    }

    async fn statement_csv(&self, person: Uuid, period: Period, locale: Locale) -> Result<CsvFile, ApiError> {
        answer("write a statement", self.statement_file(person, period, locale).await)
    }

    async fn ask_refund(&self, person: Uuid, form: &MoneyForm) -> Result<RefundOutcome, ApiError> {
        answer("ask for a refund", self.ask_for_refund(person, form).await)
    }

    async fn refund_requests(&self, person: Uuid) -> Result<Vec<RefundRequestView>, ApiError> {
        answer("list refunds", self.requests_of(person).await)
    }

    async fn refund_request(&self, person: Uuid, id: RefundRequestId) -> Result<RefundRequestView, ApiError> {
        answer("show a refund", self.request_of(person, id).await)
    }

    async fn changes(&self, person: Uuid) -> Result<BoxStream<'static, ()>, ApiError> {
        let subscription = self.bus.subscribe(&person_topic(person)).await;
        Ok(stream::unfold(subscription, |mut subscription| async move {
            subscription.next().await;
            Some(((), subscription))
        })
        .boxed())
    }
}
