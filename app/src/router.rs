//! The table of contents of the web app.

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use domain::auth::Permission;

use crate::hosts::know_host;
use crate::pages::auth::{account, leaving, phone_change, second_step, sign_in};
use crate::pages::{balance, finance, guest, home, preferences, problem};
use crate::routes::{Declared, Needs, Routes};
use crate::security::{keep_private, refuse_foreign_forms};
use crate::session;
use crate::state::AppState;

/// All pages. The server adds static files, the WebSocket `/g/{token}/live`, limits and HSTS.
pub fn router(state: AppState) -> Router {
    let (routes, _) = routes(state.clone()).finish();
    routes
        .fallback(problem::page_unknown)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(from_fn_with_state(state.clone(), refuse_foreign_forms))
        .layer(from_fn_with_state(state.clone(), session::know))
        .layer(from_fn(keep_private))
        .layer(from_fn_with_state(state.clone(), know_host))
        .with_state(state)
}

/// What each route needs.
pub fn declared(state: AppState) -> Vec<Declared> {
    routes(state).finish().1
}

fn routes(state: AppState) -> Routes {
    use Permission::{
        CorrectLedger, GuestCheckout, IssueRefund, ManageAccount, StopSession, UseBalance, ViewAudit, ViewConnector,
        ViewLedger, ViewReceipt, ViewSession,
    };
    Routes::new(state)
        .get("/", Needs::Nothing, home::home)
        .get("/q", Needs::Nothing, home::find_code)
        .get("/q/{code}", Needs::Open(ViewConnector), guest::connector)
        .post("/q/{code}", Needs::Open(GuestCheckout), guest::check_out)
        .get("/g/{token}", Needs::Open(ViewSession), guest::charge)
        .get("/g/{token}/stop", Needs::Open(StopSession), guest::ask_stop)
        .post("/g/{token}/stop", Needs::Open(StopSession), guest::stop)
        .get("/g/{token}/receipt.pdf", Needs::Open(ViewReceipt), guest::receipt_pdf)
        .get("/lang", Needs::Nothing, preferences::language)
        .post("/lang", Needs::Nothing, preferences::language)
        .get("/theme", Needs::Nothing, preferences::theme)
        .post("/theme", Needs::Nothing, preferences::theme)
        .get("/sign-in", Needs::Nothing, sign_in::phone)
        .post("/sign-in", Needs::Nothing, sign_in::ask)
        .get("/sign-in/code", Needs::Nothing, sign_in::code)
        .post("/sign-in/code", Needs::Nothing, sign_in::try_code)
        .post("/sign-in/resend", Needs::Nothing, sign_in::resend)
        .get("/sign-in/second-step", Needs::May(ManageAccount), second_step::show)
        .post("/sign-in/second-step", Needs::May(ManageAccount), second_step::prove)
        .get("/account", Needs::May(ManageAccount), account::show)
        .post("/account/name", Needs::May(ManageAccount), account::rename)
        .post("/account/language", Needs::May(ManageAccount), account::language)
        .post("/account/sign-out", Needs::May(ManageAccount), account::sign_out)
        .post("/account/sessions/end-others", Needs::May(ManageAccount), account::end_others)
        .post("/account/sessions/{session}/end", Needs::May(ManageAccount), account::end_session)
        .get("/account/phone", Needs::May(ManageAccount), phone_change::phone)
        .post("/account/phone", Needs::May(ManageAccount), phone_change::ask)
        .get("/account/phone/codes", Needs::May(ManageAccount), phone_change::codes)
        .post("/account/phone/codes", Needs::May(ManageAccount), phone_change::confirm)
        .get("/account/data.json", Needs::May(ManageAccount), account::export)
        .get("/account/delete", Needs::May(ManageAccount), leaving::explain)
        .post("/account/delete", Needs::May(ManageAccount), leaving::send_code)
        .post("/account/delete/confirm", Needs::May(ManageAccount), leaving::delete)
        .get("/balance", Needs::May(UseBalance), balance::show)
        .post("/balance/top-ups", Needs::May(UseBalance), balance::top_up)
        .get("/balance/top-ups/{order}", Needs::May(UseBalance), balance::top_up_page)
        .get("/balance/statement", Needs::May(UseBalance), balance::statement)
        .get("/balance/statement.csv", Needs::May(UseBalance), balance::csv)
        .get("/balance/refunds", Needs::May(UseBalance), balance::refunds)
        .post("/balance/refunds", Needs::May(UseBalance), balance::ask_refund)
        .get("/finance", Needs::May(ViewLedger), finance::overview)
        .get("/finance/orders", Needs::May(ViewLedger), finance::orders)
        .get("/finance/orders/{order}", Needs::May(ViewLedger), finance::order)
        .post("/finance/orders/{order}/ask", Needs::May(ViewLedger), finance::ask_provider)
        .post("/finance/orders/{order}/refund", Needs::MayAfresh(IssueRefund), finance::refund_order)
        .get("/finance/refunds", Needs::May(ViewLedger), finance::refunds)
        .get("/finance/refund-requests/{request}", Needs::May(ViewLedger), finance::refund_request)
        .post("/finance/refund-requests/{request}", Needs::MayAfresh(IssueRefund), finance::decide)
        .get("/finance/inbox", Needs::May(ViewLedger), finance::inbox)
        .get("/finance/inbox/{notice}", Needs::May(ViewLedger), finance::notice)
        .post("/finance/inbox/{notice}/again", Needs::May(ViewLedger), finance::act_again)
        .get("/finance/outbox", Needs::May(ViewLedger), finance::outbox)
        .post("/finance/jobs/{job}/run", Needs::May(ViewLedger), finance::run_job)
        .get("/finance/accounts", Needs::May(ViewLedger), finance::accounts)
        .get("/finance/journal", Needs::May(ViewLedger), finance::journal)
        .get("/finance/entries/{entry}", Needs::May(ViewLedger), finance::entry)
        .get("/finance/correction", Needs::May(CorrectLedger), finance::correction)
        .post("/finance/correction", Needs::MayAfresh(CorrectLedger), finance::correct)
        .get("/finance/reconciliation", Needs::May(ViewLedger), finance::reconciliation)
        .post("/finance/reconciliation", Needs::May(ViewLedger), finance::reconcile)
        .get("/audit", Needs::May(ViewAudit), finance::audit_trail)
}
