//! The plan of the house, proved: who may know whom (DESIGN § 1), what is compiled into what, and what may stand in no file.
//!
//! Three sources are asked: `cargo metadata` for the arrows between our crates, `cargo tree` for what a program really
//! contains with the features that it is really built with, and the paths in the source text. Comments and strings do not
//! count as source, but what stands inside a macro does.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

// --- the arrows -----------------------------------------------------------------------------------------------------------

/// Each crate and all that it may use of ours: DESIGN § 1, "an arrow reads: is used by".
const MAY_USE: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("api", &["domain"]),
    ("ocpp", &[]),
    ("app", &["api", "domain"]),
    ("frontend", &["app"]),
    ("localpg", &[]),
    ("providers", &["domain"]),
    ("simulator", &["ocpp"]),
    ("platform", &["api", "domain", "providers"]),
    ("csms", &["domain", "ocpp", "platform"]),
    ("server", &["api", "app", "csms", "domain", "localpg", "ocpp", "platform", "providers", "simulator"]),
];

/// What tests may use beyond that: a database, virtual charge points, and the words of the pages' traits. An optional dependency is
/// for a feature that only tests turn on.
const TESTS_MAY_USE: &[&str] = &["api", "localpg", "simulator"];

/// Libraries that a crate may not name as its dependency, whoever else brings them.
const NEVER_DIRECTLY: &[(&str, &[&str])] = &[
    ("domain", &["tokio", "sqlx", "axum", "leptos", "reqwest", "rand", "futures", "tracing"]),
    ("ocpp", &["tokio", "sqlx", "axum", "leptos", "reqwest", "rand", "futures", "tracing", "tokio-tungstenite"]),
    ("api", &["tokio", "sqlx", "axum", "leptos", "reqwest", "rand"]),
    // regex alone would be half a megabyte of WASM.
    ("app", &["tokio", "sqlx", "reqwest", "rand", "regex"]),
    ("platform", &["axum", "leptos", "tokio-tungstenite"]),
    ("csms", &["leptos", "leptos_axum", "sqlx", "reqwest"]),
    ("providers", &["leptos", "sqlx"]),
    ("simulator", &["axum", "leptos", "sqlx", "reqwest"]),
];

/// Libraries that may not be in a crate at all, not even through another one.
const NEVER_AT_ALL: &[(&str, &[&str])] = &[
    ("domain", &["tokio", "sqlx-core", "axum", "leptos", "hyper", "reqwest", "mio", "tungstenite"]),
    ("ocpp", &["tokio", "sqlx-core", "axum", "leptos", "hyper", "reqwest", "mio", "tungstenite", "domain"]),
    ("api", &["tokio", "sqlx-core", "axum", "leptos", "hyper", "reqwest", "mio", "tungstenite"]),
    ("simulator", &["platform", "domain", "sqlx-core", "axum"]),
    ("providers", &["platform", "sqlx-core", "leptos"]),
    ("platform", &["ocpp", "csms", "app", "leptos"]),
    ("csms", &["app", "leptos"]),
];

#[test]
fn crates_depend_only_along_the_arrows() {
    let ours: BTreeMap<_, _> = MAY_USE.iter().copied().collect();
    let packages = our_packages();
    assert_eq!(
        packages.keys().map(String::as_str).collect::<BTreeSet<_>>(),
        ours.keys().copied().collect(),
        "a new crate needs its place in the plan"
    );
    let mut wrong = Vec::new();
    for (name, dependencies) in &packages {
        for dependency in dependencies.iter().filter(|d| ours.contains_key(d.name.as_str())) {
            let allowed = ours[name.as_str()].contains(&dependency.name.as_str())
                || (dependency.dev || dependency.optional) && TESTS_MAY_USE.contains(&dependency.name.as_str());
            if !allowed {
                wrong.push(format!("{name} may not use {}", dependency.name));
            }
        }
        let banned = NEVER_DIRECTLY.iter().find(|(of, _)| of == name).map_or(&[][..], |(_, banned)| banned);
        for dependency in dependencies.iter().filter(|d| !d.dev && banned.contains(&d.name.as_str())) {
            wrong.push(format!("{name} may not use {}", dependency.name));
        }
    }
    assert_none(&wrong);
}

#[test]
fn pure_crates_hold_no_io_not_even_through_others() {
    let mut wrong = Vec::new();
    for (name, banned) in NEVER_AT_ALL {
        let inside = tree(&["-p", name, "-e", "normal,no-proc-macro"]);
        assert!(inside.contains_key(*name), "cargo tree says nothing of {name}");
        wrong.extend(banned.iter().filter(|b| inside.contains_key(**b)).map(|b| format!("{name} contains {b}")));
    }
    assert_none(&wrong);
}

#[test]
fn nothing_of_the_server_reaches_the_browser() {
    let inside = tree(&["-p", "frontend", "--target", "wasm32-unknown-unknown", "-e", "normal,no-proc-macro"]);
    assert!(inside.contains_key("wasm-bindgen"), "cargo tree does not show the browser's side");
    let banned = [
        "platform",
        "ocpp",
        "csms",
        "server",
        "providers",
        "tokio",
        "sqlx-core",
        "axum",
        "hyper",
        "leptos_axum",
        "qrcode",
        "chrono-tz",
    ];
    assert_none(
        &banned.iter().filter(|b| inside.contains_key(**b)).map(|b| format!("the WASM contains {b}")).collect::<Vec<_>>(),
    );
}

#[test]
fn server_and_browser_are_built_with_their_own_features() {
    // With both `ssr` and `hydrate`, leptos drops event handlers and panics (leptos #4586).
    let server = features(&["-p", "server", "-e", "normal,no-proc-macro,features"]);
    assert!(server.contains("leptos feature \"ssr\""), "cargo tree shows no features");
    let browser = features(&["-p", "frontend", "--target", "wasm32-unknown-unknown", "-e", "normal,no-proc-macro,features"]);
    assert!(browser.contains("leptos feature \"hydrate\""), "cargo tree shows no features");
    let mut wrong = Vec::new();
    for feature in [
        "leptos feature \"hydrate\"",
        "leptos feature \"csr\"",
        "leptos feature \"islands-router\"",
        "platform feature \"testing\"",
    ] {
        if server.contains(feature) {
            wrong.push(format!("the server is built with {feature}"));
        }
    }
    for feature in
        ["leptos feature \"ssr\"", "leptos feature \"csr\"", "leptos feature \"islands-router\"", "app feature \"ssr\""]
    {
        if browser.contains(feature) {
            wrong.push(format!("the WASM is built with {feature}"));
        }
    }
    // It is unified into the whole program and breaks numbers inside tagged, untagged and flattened types (serde-rs/json #721).
    for (what, features) in [("server", &server), ("WASM", &browser)] {
        if features.contains("serde_json feature \"arbitrary_precision\"") {
            wrong.push(format!("the {what} is built with serde_json/arbitrary_precision"));
        }
    }
    assert_none(&wrong);
}

// --- one of each ----------------------------------------------------------------------------------------------------------

/// Never in the server, and why.
const NOT_IN_THE_SERVER: &[(&str, &str)] = &[
    ("openssl-sys", "one TLS stack: rustls with aws-lc-rs"),
    ("native-tls", "one TLS stack: rustls with aws-lc-rs"),
    ("ring", "one cryptography library: aws-lc-rs"),
    ("rsa", "RUSTSEC-2023-0071"),
    ("jiff", "one clock library: chrono"),
    ("image", "QR codes are SVG"),
    ("rust_decimal", "money is Tyiyn; its serde feature brings arbitrary_precision"),
    ("rust-ocpp", "brings serde_json/arbitrary_precision"),
    ("ocpp_rs", "brings serde_json/arbitrary_precision"),
];

/// Libraries of which two copies would be a fault: types that do not fit each other, two TLS stacks, two runtimes.
const ONE_COPY: &[&str] = &[
    "aws-lc-rs",
    "axum",
    "axum-core",
    "chrono",
    "chrono-tz",
    "hmac",
    "http",
    "http-body",
    "hyper",
    "leptos",
    "leptos_axum",
    "quick-xml",
    "reqwest",
    "rustls",
    "rustls-webpki",
    "secrecy",
    "serde",
    "serde_json",
    "sqlx",
    "sqlx-core",
    "tokio",
    "tokio-rustls",
    "tokio-tungstenite",
    "tower",
    "tower-http",
    "tracing",
    "tracing-subscriber",
    "tungstenite",
    "url",
    "uuid",
    "wasm-bindgen",
];

/// What may be in the server twice, and whose fault it is. Anything else is a new copy that somebody must look at.
const TWICE: &[(&str, &str)] = &[
    ("alloc-no-stdlib", "two generations of brotli: tower-http's and printpdf's fonts"),
    ("alloc-stdlib", "as alloc-no-stdlib"),
    ("brotli-decompressor", "as alloc-no-stdlib"),
    ("base64", "hyper-util is ahead of sqlx"),
    ("block-buffer", "sha1 0.10 of axum's and tungstenite's handshake, sha2 0.10 of sqlx"),
    ("cpufeatures", "as block-buffer"),
    ("crypto-common", "as block-buffer"),
    ("digest", "as block-buffer"),
    ("sha1", "0.10 of axum's and tungstenite's handshake, 0.11 of totp-rs"),
    ("sha2", "as block-buffer"),
    ("getrandom", "as rand"),
    ("rand", "0.9 is leptos', tungstenite's and ours, 0.10 sqlx's and printpdf's"),
    ("rand_chacha", "as rand"),
    ("rand_core", "as rand"),
    ("hashbrown", "indexmap is ahead of sqlx"),
    ("nom", "x509-parser, which reads certificate requests, is behind printpdf"),
    ("untrusted", "aws-lc-rs has an older one than rustls-webpki for what x509-parser asks of it"),
    ("thiserror", "gloo-net of leptos is behind"),
    ("thiserror-impl", "as thiserror"),
];

#[test]
fn there_is_one_tls_stack_one_clock_and_one_websocket() {
    let inside = tree(&["-p", "server", "-e", "normal,no-proc-macro"]);
    let mut wrong = Vec::new();
    wrong.extend(
        NOT_IN_THE_SERVER
            .iter()
            .filter(|(name, _)| inside.contains_key(*name))
            .map(|(name, why)| format!("the server contains {name}: {why}")),
    );
    for (name, versions) in &inside {
        if versions.len() > 1 && (ONE_COPY.contains(&name.as_str()) || !TWICE.iter().any(|(twice, _)| twice == name)) {
            wrong.push(format!(
                "{name} is there {} times: {}",
                versions.len(),
                versions.iter().cloned().collect::<Vec<_>>().join(", ")
            ));
        }
    }
    wrong.extend(
        ONE_COPY
            .iter()
            .filter(|name| TWICE.iter().any(|(twice, _)| twice == *name))
            .map(|name| format!("{name} is in both lists")),
    );
    assert_none(&wrong);
}

#[test]
fn the_pinned_tools_fit_the_pinned_crates() {
    let pinned = std::fs::read_to_string(root().join("scripts/versions")).unwrap();
    let of = |name: &str| pinned.lines().find_map(|line| line.strip_prefix(&format!("{name}=")).map(str::to_owned)).unwrap();
    let inside = tree(&["-p", "frontend", "--target", "wasm32-unknown-unknown", "-e", "normal,no-proc-macro"]);
    assert_eq!(
        inside["wasm-bindgen"],
        BTreeSet::from([of("WASM_BINDGEN")]),
        "wasm-bindgen-cli must equal the crate to the patch"
    );
}

// --- what the source says ---------------------------------------------------------------------------------------------------

#[test]
fn pure_crates_touch_neither_files_nor_clock_nor_network() {
    let io = [
        "std::fs",
        // An address is a value; only what opens a connection is not.
        "std::net::TcpStream",
        "std::net::TcpListener",
        "std::net::UdpSocket",
        "std::net::ToSocketAddrs",
        "std::env",
        "std::process",
        "std::thread",
        "std::io",
        "std::time::SystemTime",
        "std::time::Instant",
    ];
    let mut wrong = Vec::new();
    for source in ["crates/domain/src", "crates/ocpp/src", "crates/api/src"].iter().flat_map(|dir| sources(dir)) {
        for path in source.product_paths() {
            if io.iter().any(|io| begins_with(&path, io)) || path.ends_with("Utc::now") || path.ends_with("Local::now") {
                wrong.push(source.says(&path));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn no_float_touches_money_or_energy() {
    let mut wrong = Vec::new();
    for source in ["crates/domain/src", "crates/api/src", "crates/platform/src"].iter().flat_map(|dir| sources(dir)) {
        // A page is drawn in millimetres, and the drawing knows no sums but as text.
        if source.file.components().any(|part| part.as_os_str().to_string_lossy().starts_with("pdf")) {
            continue;
        }
        wrong.extend(
            source
                .product_paths()
                .iter()
                .filter(|path| matches!(path.split("::").next(), Some("f32" | "f64")))
                .map(|path| source.says(path)),
        );
    }
    assert_none(&wrong);
}

#[test]
fn the_ledger_knows_nothing_of_those_who_post_into_it() {
    let others = ["charging", "guest", "booking", "partner", "corporate", "sandbox"];
    let mut wrong = Vec::new();
    let ledger = sources("crates/platform/src/ledger");
    assert!(!ledger.is_empty(), "the ledger has moved: tell this test where");
    for source in ledger.into_iter().chain(sources("crates/domain/src/ledger")) {
        for path in source.product_paths() {
            let mut parts =
                path.split("::").skip_while(|part| matches!(*part, "crate" | "super" | "self" | "domain" | "platform"));
            let from_outside = begins_with(&path, "crate") || begins_with(&path, "super") || begins_with(&path, "domain");
            if from_outside && parts.next().is_some_and(|module| others.contains(&module)) {
                wrong.push(source.says(&path));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn a_module_reads_only_its_own_tables() {
    let mut wrong = Vec::new();
    let mut stores = 0;
    for source in sources("crates/platform/src") {
        stores += usize::from(source.is_store());
        let own = source.module();
        for path in source.paths() {
            let parts: Vec<&str> = path.split("::").collect();
            let Some(at) = parts.iter().position(|part| *part == "store") else { continue };
            // `store::x`, `self::store::x` and, from beside it, `super::store::x` are one's own.
            let owner = parts[..at].iter().rev().find(|part| !matches!(**part, "self" | "super" | "crate"));
            if owner.is_some_and(|owner| Some((*owner).to_owned()) != own && is_module(owner)) {
                wrong.push(source.says(&path));
            }
        }
        if source.text.lines().any(|line| line.trim_start().starts_with("pub") && line.contains(" mod store")) {
            wrong.push(format!("{}: `mod store` is private to its module", source.file.display()));
        }
    }
    for source in ["server", "app", "crates/csms", "crates/providers", "crates/simulator"].iter().flat_map(|dir| sources(dir)) {
        wrong.extend(
            source
                .paths()
                .iter()
                .filter(|path| begins_with(path, "platform") && path.contains("::store"))
                .map(|path| source.says(path)),
        );
    }
    assert!(stores > 0, "there is no store.rs left to watch over");
    assert_none(&wrong);
}

#[test]
fn sql_is_in_the_stores() {
    let mut wrong = Vec::new();
    for source in all_sources() {
        if source.may_hold_sql() {
            continue;
        }
        for path in source.product_paths() {
            let macro_or_function = path.strip_prefix("sqlx::").is_some_and(|rest| {
                rest.starts_with("query")
                    || matches!(rest.split("::").next(), Some("raw_sql" | "QueryBuilder" | "AssertSqlSafe"))
            });
            if macro_or_function {
                wrong.push(source.says(&path));
            }
        }
        wrong.extend(source.product_strings().iter().filter(|text| is_sql(text)).map(|text| source.says(text)));
    }
    assert_none(&wrong);
}

#[test]
fn chargers_are_served_no_pages() {
    let mut wrong = Vec::new();
    for source in sources("crates/csms/src") {
        wrong.extend(
            source
                .product_paths()
                .iter()
                .filter(|path| {
                    ["app", "leptos", "leptos_axum", "axum::response::Html", "axum::Form", "axum::extract::Form", "sqlx"]
                        .iter()
                        .any(|no| begins_with(path, no))
                })
                .map(|path| source.says(path)),
        );
    }
    assert_none(&wrong);
}

#[test]
fn pages_ask_traits_and_know_nothing_behind_them() {
    let mut wrong = Vec::new();
    for source in sources("app/src") {
        for path in source.product_paths() {
            if ["platform", "sqlx", "tokio", "ocpp", "csms", "providers"].iter().any(|no| begins_with(&path, no)) {
                wrong.push(source.says(&path));
            }
            // GET server functions carry cookies from any site (leptos #4809).
            if path.ends_with("GetUrl") || path.ends_with("GetCbor") {
                wrong.push(source.says(&path));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn every_crate_says_what_it_does_not_know() {
    let mut wrong = Vec::new();
    for (name, _) in MAY_USE {
        let dir = if root().join("crates").join(name).is_dir() { root().join("crates").join(name) } else { root().join(name) };
        let entry = ["src/lib.rs", "src/main.rs"].iter().map(|file| dir.join(file)).find(|file| file.is_file()).unwrap();
        let text = std::fs::read_to_string(&entry).unwrap();
        let head: Vec<&str> = text.lines().take_while(|line| line.starts_with("//!")).collect();
        let words = head.join(" ").to_lowercase();
        let says_it = ["not", "no ", "nothing", "never", "without"].iter().any(|word| words.contains(word));
        if words.len() < 40 || !says_it {
            wrong.push(format!(
                "{name}: the first lines of {} say what the crate is and what it does not know",
                entry.strip_prefix(root()).unwrap().display()
            ));
        }
    }
    assert_none(&wrong);
}

#[test]
fn nothing_is_left_for_later() {
    let mut wrong = Vec::new();
    for source in all_sources() {
        for path in source.macros() {
            if ["todo", "unimplemented", "dbg"].contains(&path.as_str()) {
                wrong.push(source.says(&format!("{path}!")));
            }
        }
        if source.attributes().iter().any(|attribute| attribute == "ignore") {
            wrong.push(source.says("#[ignore]"));
        }
    }
    assert_none(&wrong);
}

#[test]
fn no_file_speaks_of_a_machine() {
    // Put together here, so that this file passes its own test.
    let machine = [
        ["/ro", "ot/"].concat(),
        ["/wo", "rk/"].concat(),
        ["/ho", "me/"].concat(),
        ["/tm", "p/"].concat(),
        ["/Use", "rs/"].concat(),
    ];
    let mut looked_at = 0;
    let mut wrong = Vec::new();
    for file in every_file(&root()) {
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        // Hashes in lock files may spell anything.
        if file.file_name().is_some_and(|name| name == "Cargo.lock" || name == "package-lock.json") {
            assert!(!text.contains("\"resolved\""), "package-lock.json names registry hosts; .npmrc prevents it");
            continue;
        }
        looked_at += 1;
        for (number, line) in text.lines().enumerate() {
            if machine.iter().any(|path| {
                line.match_indices(path.as_str())
                    .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '.' || c == '}' || c == '$'))
            }) {
                wrong.push(format!("{}:{}: {}", file.strip_prefix(root()).unwrap().display(), number + 1, line.trim()));
            }
        }
    }
    assert!(looked_at > 50, "only {looked_at} files were found");
    assert_none(&wrong);
}

// --- this test is not blind -------------------------------------------------------------------------------------------------

#[test]
fn paths_are_found_in_imports_calls_and_macros() {
    let source = Source::parse(
        "x.rs",
        r#"
        //! std::fs in a comment
        use a::{b::{c, d as e}, f::*};
        pub(crate) fn g() -> h::I<j::K> { l!(m::n(), { o::<p::Q>::r() }); "s::t"; }
        #[cfg(test)]
        mod tests { use u::v; }
        "#,
    );
    let all = source.paths();
    for path in ["a::b::c", "a::b::d", "a::f::*", "h::I", "j::K", "m::n", "p::Q", "u::v"] {
        assert!(all.iter().any(|found| found == path), "{path} was not found in {all:?}");
    }
    assert!(!all.iter().any(|path| path.contains("std") || path.contains("s::t")));
    assert!(!source.product_paths().iter().any(|path| path == "u::v"), "tests are told from the product");
    assert_eq!(source.macros(), ["l"]);
}

/// docs/OCPP.md says what is shown by which test.
#[test]
fn the_page_about_ocpp_names_tests_that_exist_and_all_numbered_ones() {
    let page = std::fs::read_to_string(root().join("docs/OCPP.md")).unwrap();
    let tests: BTreeSet<String> = all_sources().iter().flat_map(|source| test_names(&source.text)).collect();
    // Only tables that say by which test something is shown, and only their last column.
    let mut shows = false;
    let mut named: BTreeSet<&str> = BTreeSet::new();
    for line in page.lines() {
        let last = line.trim().trim_end_matches('|').rsplit('|').next().unwrap_or_default().trim();
        if !line.starts_with('|') {
            shows = false;
        } else if last == "shown by" {
            shows = true;
        } else if shows {
            named.extend(last.split('`').skip(1).step_by(2));
        }
    }
    assert!(named.len() > 40, "the tables were not read");
    let mut wrong: Vec<String> =
        named.iter().filter(|name| !tests.contains(**name)).map(|name| format!("no test is called {name}")).collect();
    for name in &tests {
        let numbered = name.strip_prefix("case_").or_else(|| name.strip_prefix("mistake_"));
        if numbered.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) && !named.contains(name.as_str()) {
            wrong.push(format!("{name} is in no table"));
        }
        if let Some(id) = name.strip_prefix("oca_") {
            let digits = |part: &&str| part.chars().all(|c| c.is_ascii_digit());
            let id = id.split('_').take_while(digits).collect::<Vec<_>>().join("_");
            let shown = page.split("Shown for the central system:").nth(1).and_then(|rest| rest.split("Not shown yet").next());
            let listed = |text: &str| text.split([',', '.', ' ', '\n']).any(|word| word == id);
            if !shown.is_some_and(listed) {
                wrong.push(format!("{name} is not among the ids that are shown"));
            }
        }
    }
    assert_none(&wrong);
}

/// A row of docs/SECURITY.md that names a test names one that is there.
#[test]
fn every_test_that_the_security_page_names_is_there() {
    let tests: BTreeSet<String> = every_file(&root())
        .into_iter()
        .filter(|file| file.extension().is_some_and(|extension| extension == "rs"))
        .flat_map(|file| test_names(&std::fs::read_to_string(&file).unwrap()))
        .collect();
    let page = std::fs::read_to_string(root().join("docs/SECURITY.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with('|'));
    let shown_by = rows.filter_map(|line| line.trim_end_matches(['|', ' ']).rsplit('|').next());
    let named: Vec<&str> =
        shown_by.flat_map(|cell| cell.split('`').skip(1).step_by(2)).filter(|name| !name.contains(['/', '.', ' '])).collect();
    assert!(named.len() > 30, "the tables were not read");
    let missing: Vec<String> =
        named.iter().filter(|name| !tests.contains(**name)).map(|name| format!("no test is called {name}")).collect();
    assert_none(&missing);
}

/// The functions that stand below a test's attribute.
fn test_names(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut below = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[tokio::test") || line == "#[test]" {
            below = true;
        } else if below && let Some((_, rest)) = line.split_once("fn ") {
            names.extend(rest.split('(').next().map(str::to_owned));
            below = false;
        }
    }
    names
}

/// A route that is added past `app/src/routes.rs` must be in the server's list, with its reason.
#[test]
fn a_route_that_declares_nothing_is_in_no_router() {
    let listed: BTreeSet<&str> = server::router::OUTSIDE_PAGES.iter().map(|(path, _)| *path).collect();
    let mut found = BTreeSet::new();
    let mut wrong = Vec::new();
    for dir in ["app/src", "server/src", "crates/csms/src", "crates/platform/src"] {
        for file in every_file(&root().join(dir)) {
            let name = file.strip_prefix(root()).unwrap().display().to_string();
            // The stand-ins' own pages are not ours.
            if name == "app/src/routes.rs" || name.starts_with("server/src/demo/") {
                continue;
            }
            let text = std::fs::read_to_string(&file).unwrap();
            for call in [".route(", ".route_service(", ".nest_service(", ".nest("] {
                for (_, rest) in text.match_indices(call).map(|(at, _)| text.split_at(at + call.len())) {
                    let path = rest.split('"').nth(1).unwrap_or_default();
                    let is_first_argument = rest.trim_start().starts_with(['"', '&']);
                    if is_first_argument && listed.contains(path) {
                        found.insert(path.to_owned());
                    } else {
                        wrong.push(format!("{name}: a route for {path:?} declares nothing"));
                    }
                }
            }
        }
    }
    wrong.extend(
        listed.iter().filter(|path| !found.contains(**path)).map(|path| format!("{path} is listed and nowhere routed")),
    );
    assert_none(&wrong);
}

#[test]
fn sql_is_told_from_prose() {
    assert!(is_sql("select id from journal_entry"));
    assert!(is_sql("\n  insert into posting (amount) values ($1)"));
    assert!(is_sql("update hold set state = $1"));
    assert!(is_sql("with x as (select 1) select * from x"));
    assert!(!is_sql("select a connector"));
    assert!(!is_sql("updated 5 s ago"));
    assert!(!is_sql("Update the settings"));
}

// --- how it looks -----------------------------------------------------------------------------------------------------------

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn assert_none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n  {}\n", wrong.join("\n  "));
}

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).args(arguments).arg("--locked").current_dir(root()).output().unwrap();
    assert!(output.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

struct Dependency {
    name: String,
    dev: bool,
    optional: bool,
}

/// Our crates and what their manifests ask for.
fn our_packages() -> BTreeMap<String, Vec<Dependency>> {
    let metadata: serde_json::Value =
        serde_json::from_str(&cargo(&["metadata", "--format-version", "1", "--no-deps"])).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"].as_array().unwrap();
            let dependencies = dependencies.iter().map(|d| Dependency {
                name: text(&d["name"]),
                dev: d["kind"] == "dev",
                optional: d["optional"] == true,
            });
            (text(&package["name"]), dependencies.collect())
        })
        .collect()
}

/// What is compiled, name by name, with the versions.
fn tree(arguments: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let mut inside: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in cargo(&[&["tree", "--prefix", "none", "--format", "{p}"], arguments].concat()).lines() {
        let mut words = line.split_whitespace();
        if let (Some(name), Some(version)) = (words.next(), words.next()) {
            inside.entry(name.to_owned()).or_default().insert(version.trim_start_matches('v').to_owned());
        }
    }
    inside
}

fn features(arguments: &[&str]) -> BTreeSet<String> {
    let text = cargo(&[&["tree", "--prefix", "none"], arguments].concat());
    text.lines().map(|line| line.trim_end_matches(" (*)").to_owned()).filter(|line| line.contains(" feature ")).collect()
}

/// Whether `path` is `prefix` or something inside of it.
fn begins_with(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Lower-case SQL as the house writes it: the verb and what must follow it.
fn is_sql(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        ["select", rest @ ..] => rest.contains(&"from"),
        ["insert", "into", ..]
        | ["delete", "from", ..]
        | ["truncate", "table", ..]
        | ["create" | "alter" | "drop", "table" | "database", ..] => true,
        ["update", _, "set", ..] => true,
        ["with", _, "as", ..] => words.iter().any(|word| word.trim_start_matches('(') == "select"),
        _ => false,
    }
}

/// Whether the platform has a module of this name.
fn is_module(name: &str) -> bool {
    root().join("crates/platform/src").join(name).is_dir()
}

struct Source {
    /// Relative to the workspace.
    file: PathBuf,
    text: String,
    tokens: TokenStream,
}

impl Source {
    fn parse(file: impl Into<PathBuf>, text: &str) -> Self {
        let file = file.into();
        let tokens = text.parse().unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        Self { file, text: text.to_owned(), tokens }
    }

    fn says(&self, what: &str) -> String {
        format!("{}: {}", self.file.display(), what.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    fn is_test(&self) -> bool {
        self.file.components().any(|part| {
            matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs" | "testing" | "testing.rs" | "benches" | "examples"))
        }) || self.is_declared_for_tests()
    }

    /// Whether the parent declares this file as `#[cfg(test)] mod …;`.
    fn is_declared_for_tests(&self) -> bool {
        let (Some(directory), Some(name)) = (self.file.parent(), self.file.file_stem().and_then(|n| n.to_str())) else {
            return false;
        };
        let parents = [directory.join("mod.rs"), directory.join("lib.rs")];
        parents.iter().filter_map(|parent| std::fs::read_to_string(root().join(parent)).ok()).any(|text| {
            let lines: Vec<&str> = text.lines().map(str::trim).collect();
            lines.windows(2).any(|pair| {
                let declared = pair[1].trim_start_matches("pub(crate) ").trim_start_matches("pub ");
                pair[0].starts_with("#[cfg(any(test") | (pair[0] == "#[cfg(test)]") && declared == format!("mod {name};")
            })
        })
    }

    fn is_store(&self) -> bool {
        self.file.ends_with("store.rs") || self.file.components().any(|part| part.as_os_str() == "store")
    }

    /// `db.rs` makes the pool and the transactions, `localpg` makes databases, and tests look at what became of them.
    fn may_hold_sql(&self) -> bool {
        self.is_store()
            || self.is_test()
            || self.file.ends_with("crates/platform/src/db.rs")
            || self.file.starts_with("crates/localpg")
    }

    /// The platform's module that the file belongs to.
    fn module(&self) -> Option<String> {
        let inside = self.file.strip_prefix("crates/platform/src").ok()?;
        let name = inside.components().next()?.as_os_str().to_str()?.trim_end_matches(".rs").to_owned();
        is_module(&name).then_some(name)
    }

    fn paths(&self) -> Vec<String> {
        let mut found = Vec::new();
        paths(&self.tokens, "", &mut found);
        found
    }

    /// Without tests: neither test files nor what is under `#[cfg(test)]`.
    fn product_paths(&self) -> Vec<String> {
        let mut found = Vec::new();
        if !self.is_test() {
            paths(&without_tests(&self.tokens), "", &mut found);
        }
        found
    }

    fn product_strings(&self) -> Vec<String> {
        let mut found = Vec::new();
        if !self.is_test() {
            strings(&without_tests(&self.tokens), &mut found);
        }
        found
    }

    fn macros(&self) -> Vec<String> {
        let mut found = Vec::new();
        walk(&self.tokens, &mut |tokens| {
            for three in tokens.windows(3) {
                if let [TokenTree::Ident(name), TokenTree::Punct(mark), TokenTree::Group(_)] = three
                    && mark.as_char() == '!'
                {
                    found.push(name.to_string());
                }
            }
        });
        found
    }

    /// The first word of each attribute.
    fn attributes(&self) -> Vec<String> {
        let mut found = Vec::new();
        walk(&self.tokens, &mut |tokens| {
            for two in tokens.windows(2) {
                if let [TokenTree::Punct(hash), TokenTree::Group(group)] = two
                    && hash.as_char() == '#'
                    && group.delimiter() == Delimiter::Bracket
                    && let Some(TokenTree::Ident(name)) = group.stream().into_iter().next()
                {
                    found.push(name.to_string());
                }
            }
        });
        found
    }
}

/// Shows every list of tokens, from the outermost in.
fn walk(stream: &TokenStream, look: &mut impl FnMut(&[TokenTree])) {
    let tokens: Vec<TokenTree> = stream.clone().into_iter().collect();
    look(&tokens);
    for token in &tokens {
        if let TokenTree::Group(group) = token {
            walk(&group.stream(), look);
        }
    }
}

/// All paths, those of `use a::{b, c}` written out.
fn paths(stream: &TokenStream, prefix: &str, found: &mut Vec<String>) {
    let tokens: Vec<TokenTree> = stream.clone().into_iter().collect();
    let is_colon = |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(p)) if p.as_char() == ':');
    let join = |prefix: &str, name: &str| if prefix.is_empty() { name.to_owned() } else { format!("{prefix}::{name}") };
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Ident(first) => {
                let mut path = join(prefix, &first.to_string());
                at += 1;
                let mut open = false;
                while is_colon(at) && is_colon(at + 1) {
                    match tokens.get(at + 2) {
                        Some(TokenTree::Ident(next)) => path = join(&path, &next.to_string()),
                        Some(TokenTree::Punct(star)) if star.as_char() == '*' => path = join(&path, "*"),
                        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                            paths(&group.stream(), &path, found);
                            open = true;
                        }
                        _ => break,
                    }
                    at += 3;
                }
                if !open {
                    found.push(path);
                }
                // What is renamed is known by its own name.
                if matches!(tokens.get(at), Some(TokenTree::Ident(word)) if word == "as") && !prefix.is_empty() {
                    at += 2;
                }
            }
            TokenTree::Group(group) => {
                paths(&group.stream(), "", found);
                at += 1;
            }
            _ => at += 1,
        }
    }
}

fn strings(stream: &TokenStream, found: &mut Vec<String>) {
    let tokens: Vec<TokenTree> = stream.clone().into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            // Attributes hold documentation.
            TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket && at > 0 && is_hash(&tokens[at - 1]) => {}
            TokenTree::Group(group) => strings(&group.stream(), found),
            TokenTree::Literal(literal) => {
                let text = literal.to_string();
                if let (Some(from), Some(to)) = (text.find('"'), text.rfind('"'))
                    && from < to
                {
                    found.push(text[from + 1..to].replace("\\n", " "));
                }
            }
            _ => {}
        }
    }
}

fn is_hash(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(p) if p.as_char() == '#')
}

/// Leaves out what stands under `#[cfg(test)]`: all up to the next block or semicolon.
fn without_tests(stream: &TokenStream) -> TokenStream {
    let tokens: Vec<TokenTree> = stream.clone().into_iter().collect();
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let test_follows = is_hash(&tokens[at])
            && matches!(tokens.get(at + 1), Some(TokenTree::Group(group)) if {
                let text = group.stream().to_string().replace(' ', "");
                text == "cfg(test)" || text.starts_with("cfg(all(test,") || text.starts_with("cfg(any(test,")
            });
        if test_follows {
            at += 2;
            while at < tokens.len() {
                let ends = match &tokens[at] {
                    TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
                    TokenTree::Punct(p) => p.as_char() == ';',
                    _ => false,
                };
                at += 1;
                if ends {
                    break;
                }
            }
            continue;
        }
        kept.push(match &tokens[at] {
            TokenTree::Group(group) => {
                TokenTree::Group(proc_macro2::Group::new(group.delimiter(), without_tests(&group.stream())))
            }
            other => other.clone(),
        });
        at += 1;
    }
    kept.into_iter().collect()
}

/// All Rust files under a directory of the workspace; none when there is no such directory.
fn sources(dir: &str) -> Vec<Source> {
    every_file(&root().join(dir))
        .into_iter()
        .filter(|file| file.extension().is_some_and(|extension| extension == "rs"))
        .map(|file| Source::parse(file.strip_prefix(root()).unwrap(), &std::fs::read_to_string(&file).unwrap()))
        .collect()
}

fn all_sources() -> Vec<Source> {
    let all: Vec<Source> = ["app", "frontend", "server", "crates"].iter().flat_map(|dir| sources(dir)).collect();
    assert!(all.len() > 30, "only {} Rust files were found", all.len());
    all
}

/// All files that belong to the project: what git would ignore is left out.
fn every_file(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let Ok(entries) = std::fs::read_dir(dir) else { return files };
    for entry in entries.map(Result::unwrap) {
        let name = entry.file_name();
        if matches!(name.to_str(), Some(".git" | "target" | "node_modules" | "artifacts")) {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            files.extend(every_file(&entry.path()));
        } else {
            files.push(entry.path());
        }
    }
    files.sort();
    files
}
