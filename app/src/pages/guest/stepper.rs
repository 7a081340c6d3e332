//! Where the guest stands: four steps, or three when the charge did not begin.

use api::i18n::{Locale, guest as t};
use domain::guest::GuestPhase;
use leptos::prelude::*;

use crate::ui::icons;

/// How a step looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Done,
    Now,
    Ahead,
    Failed,
}

impl Step {
    const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Now => "now",
            Self::Ahead => "ahead",
            Self::Failed => "failed",
        }
    }
}

fn steps(locale: Locale, phase: GuestPhase) -> Vec<(Step, String)> {
    use Step::{Ahead, Done, Failed, Now};
    let four = |states: [Step; 4]| {
        let pay = if states[0] == Done { t::step_paid(locale) } else { t::step_pay(locale) };
        let names = [pay, t::step_plug(locale), t::step_charge(locale), t::step_receipt(locale)];
        states.into_iter().zip(names).collect()
    };
    let failed =
        |refund| vec![(Done, t::step_paid(locale)), (Failed, t::step_not_started(locale)), (refund, t::step_refund(locale))];
    match phase {
        GuestPhase::AwaitingPayment => four([Now, Ahead, Ahead, Ahead]),
        GuestPhase::PlugIn => four([Done, Now, Ahead, Ahead]),
        GuestPhase::Charging | GuestPhase::Stopping => four([Done, Done, Now, Ahead]),
        GuestPhase::Refunding => four([Done, Done, Done, Now]),
        GuestPhase::Completed => four([Done, Done, Done, Done]),
        GuestPhase::FailedRefunding => failed(Now),
        GuestPhase::FailedRefunded => failed(Done),
        GuestPhase::Expired => four([Failed, Ahead, Ahead, Ahead]),
    }
}

/// The steps as a list; the current one is marked for screen readers, too.
pub fn stepper(locale: Locale, phase: GuestPhase) -> AnyView {
    let items =
        steps(locale, phase).into_iter().enumerate().map(|(i, (step, name))| item(locale, i + 1, step, name)).collect_view();
    view! { <ol class="stepper" aria-label=t::steps(locale) data-testid="stepper">{items}</ol> }.into_any()
}

fn item(locale: Locale, number: usize, step: Step, name: String) -> AnyView {
    let sign = match step {
        Step::Done => icons::check("icon"),
        Step::Failed => icons::cross("icon"),
        Step::Now | Step::Ahead => number.to_string().into_any(),
    };
    let done = (step == Step::Done)
        .then(|| view! { <span class="sr-only">{format!(" ({})", t::step_done(locale))}</span> }.into_any());
    let current = (step == Step::Now).then_some("step");
    view! {
        <li class="step" data-step=step.name() aria-current=current>
            <span class="step-sign" aria-hidden="true">{sign}</span>
            <span class="step-name">{name}{done}</span>
        </li>
    }
    .into_any()
}
