//! The frame of every page: `<html>`, head, header, footer, and the script that wakes the islands.

use api::i18n::{Locale, account, site};
use leptos::prelude::*;

use crate::redirect::escaped;
use crate::render::{Motion, Page, REFRESH_S};
use crate::theme::Theme;
use crate::ui::icons;
use crate::visit::Visit;

/// Loads the WASM module once the page is idle (after 1.5 s at the latest: a page that is never idle would else never wake) and
/// hands each island its element. When that fails, a page that must keep up with the server asks again, as without JavaScript.
/// Leptos' own script has no such bound (0.8.23) and no such fallback.
const WAKE: &str = r#"((js,wasm)=>{
const late=()=>{if(document.querySelector("[data-follows]"))setTimeout(()=>location.reload(),15000)};
const wake=()=>import(js).then(m=>m.default({module_or_path:wasm}).then(()=>{
m.hydrate();
for(const e of document.querySelectorAll("leptos-island")){const f=m[e.dataset.component];if(f)f(e)}
})).catch(late);
"requestIdleCallback" in window?requestIdleCallback(wake,{timeout:1500}):setTimeout(wake,1)
})"#;

/// The whole document.
pub fn document(visit: &Visit, page: &Page, nonce: &str, content: AnyView) -> AnyView {
    let title = format!("{} · Red Petroleum EV", page.title);
    view! {
        <!DOCTYPE html>
        <html lang=visit.locale.tag() data-theme=visit.theme.name()>
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <meta name="format-detection" content="telephone=no"/>
                <title inner_html=escape(&title)></title>
                <link rel="stylesheet" href=visit.site.assets.css.clone()/>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
                <link rel="manifest" href="/manifest.webmanifest"/>
                {refresh(page.motion)}
            </head>
            <body>
                <a class="skip" href="#main">{site::skip_to_content(visit.locale)}</a>
                {header(visit)}
                <main id="main" class="frame">{unfinished(visit)}{content}</main>
                {footer(visit)}
                {script(visit, page.motion, nonce)}
            </body>
        </html>
    }
    .into_any()
}

/// A title is text to its end tag: the marks that Leptos leaves beside dynamic text would be read as part of it.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// Without JavaScript the page asks again by itself.
fn refresh(motion: Motion) -> Option<AnyView> {
    let seconds = REFRESH_S.to_string();
    (motion == Motion::Follows).then(|| view! { <noscript><meta http-equiv="refresh" content=seconds/></noscript> }.into_any())
}

fn script(visit: &Visit, motion: Motion, nonce: &str) -> Option<AnyView> {
    let assets = &visit.site.assets;
    // The names are our own and plain ASCII, so Rust's quoting is JavaScript's.
    let code = format!("{WAKE}({:?},{:?})", assets.js, assets.wasm);
    (motion != Motion::Still).then(|| {
        view! {
            <script type="module" nonce=nonce.to_owned()>{code}</script>
        }
        .into_any()
    })
}

fn header(visit: &Visit) -> AnyView {
    let locale = visit.locale;
    view! {
        <header class="frame flex items-center justify-between gap-3 py-3">
            <a class="brand" href="/" aria-label=format!("Red Petroleum EV. {}", site::to_start_page(locale))>
                {icons::mark("h-8 w-8 shrink-0")}
                <span class="brand-name">"Red Petroleum\u{a0}"<b>"EV"</b></span>
            </a>
            <div class="flex items-center gap-2">
                <nav class="switch switch-languages" aria-label=site::language(locale)>
                    {Locale::ALL.map(|to| language_link(visit, to)).into_iter().collect_view()}
                </nav>
                {account_link(visit)}
            </div>
        </header>
    }
    .into_any()
}

/// To the account, or to the sign-in that leads back here.
fn account_link(visit: &Visit) -> AnyView {
    let (name, address) = if visit.who.is_some() {
        (account::account(visit.locale), "/account".to_owned())
    } else if !visit.here.starts_with("/q/") {
        (account::sign_in(visit.locale), "/sign-in".to_owned())
    } else {
        (account::sign_in(visit.locale), format!("/sign-in?next={}", escaped(&visit.here)))
    };
    let signed_in = visit.who.is_some().to_string();
    view! {
        <a class="account-link" href=address aria-label=name data-signed-in=signed_in data-testid="account-link" rel="nofollow">
            {icons::person("icon")}
        </a>
    }
    .into_any()
}

/// A link that comes back to this page in another language.
fn language_link(visit: &Visit, to: Locale) -> AnyView {
    // The beginning is shown, the whole is heard: what a person sees must be part of what the link is called (WCAG 2.5.3).
    let (short, rest) = match to {
        Locale::Ru => ("Рус", "ский"),
        Locale::Ky => ("Кыр", "гызча"),
        Locale::En => ("Eng", "lish"),
    };
    let current = (to == visit.locale).then_some("true");
    view! {
        <a class="switch-item" href=switch_address("/lang", to.tag(), &visit.here) lang=to.tag() hreflang=to.tag() aria-current=current rel="nofollow">
            {short}<span class="sr-only">{rest}</span>
        </a>
    }
    .into_any()
}

fn theme_link(visit: &Visit, to: Theme) -> AnyView {
    let name = match to {
        Theme::Auto => site::theme_auto(visit.locale),
        Theme::Light => site::theme_light(visit.locale),
        Theme::Dark => site::theme_dark(visit.locale),
    };
    let current = (to == visit.theme).then_some("true");
    view! {
        <a class="switch-item" href=switch_address("/theme", to.name(), &visit.here) aria-current=current rel="nofollow">{name}</a>
    }
    .into_any()
}

/// `/lang?to=ky&back=%2Fq%2FABCD`
fn switch_address(path: &str, to: &str, back: &str) -> String {
    format!("{path}?to={to}&back={}", escaped(back))
}

/// The way back to a charge that is not over, on every page but its own.
fn unfinished(visit: &Visit) -> Option<AnyView> {
    let address = format!("/g/{}", visit.charge.as_ref()?);
    (!visit.here.starts_with(&address)).then(|| {
        view! {
            <a class="notice tone-good no-underline mb-4" href=address data-testid="charge-in-progress">
                {icons::bolt("icon")}
                <span class="grow">{site::charge_in_progress(visit.locale)}</span>
                <b class="shrink-0">{site::open(visit.locale)}</b>
            </a>
        }
        .into_any()
    })
}

fn footer(visit: &Visit) -> AnyView {
    let locale = visit.locale;
    view! {
        <footer class="frame footer">
            <p>{site::no_cards_here(locale)}</p>
            <nav class="switch" aria-label=site::theme(locale)>{Theme::ALL.map(|to| theme_link(visit, to)).into_iter().collect_view()}</nav>
        </footer>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_is_one_parameter() {
        assert_eq!(switch_address("/lang", "ky", "/g/a_b-c?returned=1&x"), "/lang?to=ky&back=/g/a_b-c%3Freturned%3D1%26x");
    }
}
