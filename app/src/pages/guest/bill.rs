//! The end of a charge: what was used, what it cost in which price band, what comes back. All from the receipt and nothing else.

use api::guest::{GuestView, SummaryView};
use api::i18n::{Locale, format, guest as t, receipt, site};
use domain::receipts::ReceiptDocument;
use domain::tariffs::{BillLine, LineKind};
use leptos::prelude::*;

use super::refund;
use crate::ui::icons;
use crate::ui::parts::{Tone, fact, notice};

/// The summary, the bill, the refund, the PDF.
pub fn finished(locale: Locale, view: &GuestView) -> AnyView {
    let Some(summary) = &view.summary else { return without_receipt(locale, view) };
    let receipt = &summary.receipt;
    let refund = if view.refund.is_some() || receipt.refund.is_positive() {
        refund::card(locale, view)
    } else {
        view! { <p class="muted px-2 text-sm" data-testid="refund-state" data-state="none">{t::refund_none(locale)}</p> }
            .into_any()
    };
    view! {
        {totals(locale, summary)}
        {refund}
        {bill(locale, receipt)}
        {papers(locale, view, receipt)}
    }
    .into_any()
}

fn without_receipt(locale: Locale, view: &GuestView) -> AnyView {
    let refund = view.refund.is_some().then(|| refund::card(locale, view));
    view! {
        <section class="card">
            <h1>{t::done_title(locale)}</h1>
            <div class="mt-4">{notice(Tone::Calm, t::receipt_soon(locale))}</div>
        </section>
        {refund}
    }
    .into_any()
}

fn totals(locale: Locale, summary: &SummaryView) -> AnyView {
    let r = &summary.receipt;
    let seconds = (r.ended_at - r.started_at).num_seconds();
    view! {
        <section class="card">
            <div class="flex items-center gap-4">
                <span class="disc tone-good">{icons::check("icon")}</span>
                <h1>{t::done_title(locale)}</h1>
            </div>
            <p class="lead" data-testid="stop-reason" data-reason=summary.stop_reason.as_str()>{t::stop_reason(locale, summary.stop_reason)}</p>
            <dl class="tiles">
                <div class="tile"><dt>{t::energy(locale)}</dt><dd data-testid="energy">{format::energy(locale, r.energy)}</dd></div>
                <div class="tile"><dt>{t::time(locale)}</dt><dd data-testid="elapsed">{format::duration(locale, seconds)}</dd></div>
            </dl>
            <dl class="facts mt-4">
                {fact(t::paid(locale), view! { <span data-testid="paid">{format::money(locale, r.paid)}</span> }.into_any())}
                {fact(t::used(locale), view! { <b data-testid="cost">{format::money(locale, r.total)}</b> }.into_any())}
                {fact(t::returned(locale), view! { <span data-testid="refund-amount">{format::money(locale, r.refund)}</span> }.into_any())}
            </dl>
        </section>
    }
    .into_any()
}

fn bill(locale: Locale, r: &ReceiptDocument) -> AnyView {
    let lines = r.lines.iter().map(|l| line(locale, r, l)).collect_view();
    let written_off = r
        .written_off
        .is_positive()
        .then(|| sum_row(t::written_off(locale), format!("\u{2212}{}", format::money(locale, r.written_off))));
    let taxes = r
        .taxes
        .iter()
        .map(|tax| {
            let name = t::tax_included(locale, receipt::tax(locale, &tax.code), format::percent_bp(locale, tax.rate_bp));
            view! { <tr class="muted text-sm"><th scope="row">{name}</th><td>{format::money(locale, tax.amount)}</td></tr> }
                .into_any()
        })
        .collect_view();
    view! {
        <section class="card">
            <h2>{t::bill(locale)}</h2>
            <table class="bill" data-testid="bill">
                <thead class="sr-only"><tr><th scope="col">{t::bill_what(locale)}</th><th scope="col">{t::bill_amount(locale)}</th></tr></thead>
                <tbody>{lines}{written_off}</tbody>
                <tfoot>
                    <tr class="bill-total"><th scope="row">{t::used(locale)}</th><td>{format::money(locale, r.total)}</td></tr>
                    {taxes}
                </tfoot>
            </table>
        </section>
    }
    .into_any()
}

fn sum_row(name: String, amount: String) -> AnyView {
    view! { <tr><th scope="row">{name}</th><td>{amount}</td></tr> }.into_any()
}

/// One price band of one kind: what, when, how much of it at which price.
fn line(locale: Locale, r: &ReceiptDocument, line: &BillLine) -> AnyView {
    let name = match line.kind {
        LineKind::Energy => t::band(locale, line.band),
        LineKind::Time => t::line_time(locale),
        LineKind::Session => t::line_session(locale),
        LineKind::Idle => t::line_idle(locale),
    };
    let times = format!("{}–{}", format::time(&r.time_zone, line.from), format::time(&r.time_zone, line.to));
    let how = match line.kind {
        LineKind::Energy => {
            format!(
                "{times}, {}\u{a0}×\u{a0}{}",
                format::energy_exact(locale, line.energy),
                format::money_short(locale, line.unit_price)
            )
        }
        LineKind::Time | LineKind::Idle => {
            format!(
                "{times}, {}\u{a0}×\u{a0}{}",
                format::duration(locale, line.seconds),
                format::price_per_minute(locale, line.unit_price)
            )
        }
        LineKind::Session => times,
    };
    view! {
        <tr>
            <th scope="row"><span class="block first-letter:uppercase">{name}</span><span class="muted text-sm font-normal">{how}</span></th>
            <td>{format::money(locale, line.amount)}</td>
        </tr>
    }
    .into_any()
}

fn papers(locale: Locale, view: &GuestView, r: &ReceiptDocument) -> AnyView {
    let address = format!("/g/{}", view.token);
    let seller = format!("{}: {}, {}", site::seller(locale), r.seller_name, site::tin(locale, &r.seller_tin));
    let issued = format::date_time(locale, &r.time_zone, r.issued_at);
    view! {
        <section class="card">
            <h2>{t::receipt_number(locale, &r.number)}</h2>
            <p class="muted text-sm">{format!("{issued} · {}", t::receipt_not_fiscal(locale))}</p>
            <p class="muted text-sm" data-testid="seller">{seller}</p>
            <a class="button button-main mt-5" href=format!("{address}/receipt.pdf") data-testid="pdf-link">{icons::document("icon")}{t::receipt_pdf(locale)}</a>
            <p class="mt-4 text-sm">
                <a class="link" href=address data-testid="receipt-link">{t::receipt_link(locale)}</a>
            </p>
            <p class="muted text-sm">{t::receipt_sms(locale, &view.phone_masked)}</p>
            <a class="button button-quiet mt-5 print-hidden" href=format!("/q/{}", view.code)>{t::charge_again(locale)}</a>
        </section>
    }
    .into_any()
}
