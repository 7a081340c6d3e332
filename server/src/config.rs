//! What the operator sets: `DATABASE_URL` and the `EVP_*` variables. Read once at the start; every bad variable is named at once.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use app::hosts::Hosts;
use domain::Tyiyn;
use domain::charging::hold::HoldPolicy;
use domain::guest::AmountLimits;
use secrecy::SecretString;
use url::Url;

/// One variable that is missing or wrong, in words that say what to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub variable: &'static str,
    pub message: String,
}

/// All that is wrong with the configuration. The server does not start with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the configuration is not complete:")?;
        for p in &self.0 {
            writeln!(f, "  {}: {}", p.variable, p.message)?;
        }
        Ok(())
    }
}
impl std::error::Error for Problems {}

/// The payment provider.
#[derive(Debug, Clone)]
pub struct NambaSettings {
    pub base_url: Url,
    pub merchant_guid: String,
    pub secret: SecretString,
    /// `v1` or `v2` of the create-link call.
    pub api_version: ApiVersion,
    /// Sent along as a webhook header and compared when it comes back. Without it every webhook is refused.
    pub webhook_secret: Option<SecretString>,
}

/// The version of Namba's create-link call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiVersion {
    V1,
    V2,
}

/// The SMS gateway.
#[derive(Debug, Clone)]
pub struct NikitaSettings {
    pub base_url: Url,
    pub login: String,
    pub password: SecretString,
    pub sender: String,
}

/// The charge points' own TLS port.
#[derive(Debug, Clone)]
pub struct OcppTls {
    pub listen: SocketAddr,
    /// PEM files; read again when they change.
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// The authority that signs charge points' client certificates: two PEM files, made by `evp ca init`.
#[derive(Debug, Clone)]
pub struct AuthorityFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// Everything that `evp serve` needs.
#[derive(Debug, Clone)]
pub struct Config {
    pub database_url: SecretString,
    pub database_connections_max: u32,
    pub listen: SocketAddr,
    /// Where people reach us: links in SMS, QR codes, webhooks. `https`, except on loopback.
    pub public_url: Url,
    /// The names under which the site is served, and the cookies' domain under each.
    pub hosts: Hosts,
    /// Where the browser's files are: `pkg/` and the icons.
    pub site_root: PathBuf,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Without it charge points come over the site's port: with TLS by a proxy, or without.
    pub ocpp_tls: Option<OcppTls>,
    /// Without it nobody gets a client certificate.
    pub authority: Option<AuthorityFiles>,
    pub namba: NambaSettings,
    pub nikita: NikitaSettings,
    /// Shown when no station's own helpline is known, E.164.
    pub helpline: String,
    pub amount_limits: AmountLimits,
    pub hold_policy: HoldPolicy,
    /// How long the cable is awaited after the payment, seconds.
    pub start_deadline_s: u32,
    /// How long a payment link is good, minutes.
    pub payment_lifetime_min: u32,
    /// The interval that charge points are told for MeterValues, seconds.
    pub meter_interval_s: u32,
    /// A connector may give this much of its nominal power before a reading is implausible. More than some hundred only with virtual
    /// charge points whose cars charge faster than the clock.
    pub meter_plausible_percent: u32,
    /// The node's name in the database.
    pub node: String,
    pub log_format: LogFormat,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

/// The names and what they mean, for `evp doctor` and the README.
pub const VARIABLES: &[(&str, &str)] = &[
    ("DATABASE_URL", "postgres://… of PostgreSQL 15 or newer"),
    ("EVP_DATABASE_CONNECTIONS", "connections at most; default 20"),
    ("EVP_LISTEN", "address and port; default 127.0.0.1:3000"),
    ("EVP_PUBLIC_URL", "where people reach the site: https://…"),
    (
        "EVP_HOSTS",
        "further names of the site and the domain of their cookies: a.example=a.example, *.a.example=a.example, b.example; any other Host is refused",
    ),
    ("EVP_SITE_ROOT", "directory of the browser's files; default target/site"),
    ("EVP_TRUSTED_PROXIES", "comma-separated addresses whose X-Forwarded-For is believed"),
    ("EVP_OCPP_TLS_LISTEN", "address and port of the charge points' own TLS port; without it they come over EVP_LISTEN"),
    ("EVP_OCPP_TLS_CERT", "PEM file of that port's certificate chain; read again when it changes"),
    ("EVP_OCPP_TLS_KEY", "PEM file of that certificate's key"),
    ("EVP_OCPP_CA_CERT", "PEM file of the authority that signs charge points' client certificates (evp ca init)"),
    ("EVP_OCPP_CA_KEY", "PEM file of that authority's key"),
    ("EVP_NAMBA_URL", "base URL of the Namba One merchant API"),
    ("EVP_NAMBA_MERCHANT", "merchant account guid"),
    ("EVP_NAMBA_SECRET", "the key that signs requests"),
    ("EVP_NAMBA_API_VERSION", "v1 or v2; default v2"),
    ("EVP_NAMBA_WEBHOOK_SECRET", "16 characters or more; without it webhooks are refused and orders are only polled"),
    ("EVP_NIKITA_URL", "base URL of the SMS gateway"),
    ("EVP_NIKITA_LOGIN", "login at the SMS gateway"),
    ("EVP_NIKITA_PASSWORD", "password at the SMS gateway"),
    ("EVP_NIKITA_SENDER", "approved sender name"),
    ("EVP_HELPLINE", "phone of the helpline, +996…"),
    ("EVP_GUEST_AMOUNT_MIN", "least prepaid sum, som; default 50"),
    ("EVP_GUEST_AMOUNT_MAX", "largest prepaid sum, som; default 20000"),
    ("EVP_HOLD_PERCENT_OF_LIMIT", "default 95"),
    ("EVP_HOLD_PERCENT_OF_BALANCE", "default 90"),
    ("EVP_START_DEADLINE_S", "seconds to insert the cable; default 180"),
    ("EVP_PAYMENT_LIFETIME_MIN", "minutes that a payment link is good; default 15"),
    ("EVP_METER_INTERVAL_S", "seconds between MeterValues; default 10"),
    ("EVP_METER_PLAUSIBLE_PERCENT", "of the connector's power that a reading may show; default 120"),
    ("EVP_NODE", "name of this node; default node-1"),
    ("EVP_LOG_FORMAT", "text or json; default text"),
];

/// Collects problems instead of stopping at the first.
struct Reader<'a> {
    env: &'a BTreeMap<String, String>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn fail(&mut self, variable: &'static str, message: impl Into<String>) {
        self.problems.push(Problem { variable, message: message.into() });
    }

    fn text(&mut self, variable: &'static str) -> Option<String> {
        self.env.get(variable).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty())
    }

    fn required(&mut self, variable: &'static str) -> String {
        let value = self.text(variable);
        if value.is_none() {
            let meaning = VARIABLES.iter().find(|(n, _)| *n == variable).map_or("", |(_, m)| m);
            self.fail(variable, format!("missing ({meaning})"));
        }
        value.unwrap_or_default()
    }

    fn parsed<T: FromStr>(&mut self, variable: &'static str, default: T, expected: &str) -> T {
        match self.text(variable) {
            None => default,
            Some(text) => text.parse().unwrap_or_else(|_| {
                self.fail(variable, format!("must be {expected}"));
                default
            }),
        }
    }

    fn number(&mut self, variable: &'static str, default: u32, min: u32, max: u32) -> u32 {
        let value = self.parsed(variable, default, &format!("a whole number from {min} to {max}"));
        if (min..=max).contains(&value) {
            value
        } else {
            self.fail(variable, format!("must be from {min} to {max}"));
            default
        }
    }

    fn url(&mut self, variable: &'static str) -> Url {
        // A stand-in while problems are collected; never used, since any problem stops the start.
        let nowhere = || Url::parse("http://127.0.0.1:1/").unwrap_or_else(|_| unreachable!("a constant URL"));
        let text = self.required(variable);
        if text.is_empty() {
            return nowhere();
        }
        match Url::parse(&text) {
            Ok(url) if url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url)) => url,
            Ok(_) => {
                self.fail(variable, "must begin with https:// (http:// only on this machine's own address)");
                nowhere()
            }
            Err(e) => {
                self.fail(variable, format!("is no URL: {e}"));
                nowhere()
            }
        }
    }
}

/// Whether the URL names this machine.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(d)) => d == "localhost" || d.ends_with(".localhost"),
        None => false,
    }
}

/// The least length of a shared secret, characters.
const SECRET_CHARS_MIN: usize = 16;

impl Config {
    /// Reads the variables of the process.
    pub fn from_process_env() -> Result<Self, Problems> {
        Self::from_env(&std::env::vars().collect())
    }

    /// Reads the given variables and names all that is wrong with them.
    pub fn from_env(env: &BTreeMap<String, String>) -> Result<Self, Problems> {
        let mut r = Reader { env, problems: Vec::new() };
        for name in env.keys().filter(|n| n.starts_with("EVP_")) {
            let known = VARIABLES.iter().any(|(n, _)| n == name) || TOOL_VARIABLES.contains(&name.as_str());
            if !known {
                r.problems.push(Problem { variable: "EVP_*", message: format!("{name} is not a variable of this program") });
            }
        }
        let database_url = r.required("DATABASE_URL");
        let is_postgres = ["postgres://", "postgresql://"].iter().any(|scheme| database_url.starts_with(scheme));
        if !database_url.is_empty() && !is_postgres {
            r.fail("DATABASE_URL", "must begin with postgres://");
        }
        let public_url = r.url("EVP_PUBLIC_URL");
        let map = r.text("EVP_HOSTS").unwrap_or_default();
        let named = |map: &str| Hosts::new(public_url.host_str().unwrap_or_default(), public_url.scheme() == "https", map);
        let hosts = named(&map).or_else(|error| {
            r.fail("EVP_HOSTS", error.to_string());
            named("")
        });
        let namba_url = r.url("EVP_NAMBA_URL");
        let namba_merchant = r.required("EVP_NAMBA_MERCHANT");
        if !namba_merchant.is_empty() && uuid::Uuid::parse_str(&namba_merchant).is_err() {
            r.fail("EVP_NAMBA_MERCHANT", "must be a guid");
        }
        let namba_secret = r.required("EVP_NAMBA_SECRET");
        let api_version = match r.text("EVP_NAMBA_API_VERSION").as_deref() {
            None | Some("v2") => ApiVersion::V2,
            Some("v1") => ApiVersion::V1,
            Some(_) => {
                r.fail("EVP_NAMBA_API_VERSION", "must be v1 or v2");
                ApiVersion::V2
            }
        };
        let webhook_secret = r.text("EVP_NAMBA_WEBHOOK_SECRET");
        if webhook_secret
            .as_ref()
            .is_some_and(|s| s.chars().count() < SECRET_CHARS_MIN || !s.bytes().all(|b| b.is_ascii_graphic()))
        {
            r.fail(
                "EVP_NAMBA_WEBHOOK_SECRET",
                format!("must be {SECRET_CHARS_MIN} or more plain characters: it travels in a header"),
            );
        }
        let nikita_url = r.url("EVP_NIKITA_URL");
        let nikita_login = r.required("EVP_NIKITA_LOGIN");
        let nikita_password = r.required("EVP_NIKITA_PASSWORD");
        let sender = r.required("EVP_NIKITA_SENDER");
        let helpline = r.required("EVP_HELPLINE");
        if !helpline.is_empty() && domain::Phone::parse(&helpline).is_err() {
            r.fail("EVP_HELPLINE", "must be a phone of +996");
        }
        let min_som = r.number("EVP_GUEST_AMOUNT_MIN", 50, 1, 1_000_000);
        let max_som = r.number("EVP_GUEST_AMOUNT_MAX", 20_000, 1, 1_000_000);
        if min_som > max_som {
            r.fail("EVP_GUEST_AMOUNT_MAX", "must not be below EVP_GUEST_AMOUNT_MIN");
        }
        let percent_of_limit = r.number("EVP_HOLD_PERCENT_OF_LIMIT", 95, 1, 100);
        let percent_of_balance = r.number("EVP_HOLD_PERCENT_OF_BALANCE", 90, 1, 100);
        let trusted_proxies = match r.text("EVP_TRUSTED_PROXIES") {
            None => Vec::new(),
            Some(list) => {
                let parsed: Result<Vec<IpAddr>, _> = list.split(',').map(|a| a.trim().parse()).collect();
                parsed.unwrap_or_else(|_| {
                    r.fail("EVP_TRUSTED_PROXIES", "must be addresses separated by commas");
                    Vec::new()
                })
            }
        };
        let log_format = match r.text("EVP_LOG_FORMAT").as_deref() {
            None | Some("text") => LogFormat::Text,
            Some("json") => LogFormat::Json,
            Some(_) => {
                r.fail("EVP_LOG_FORMAT", "must be text or json");
                LogFormat::Text
            }
        };
        let (tls_cert, tls_key) = (r.text("EVP_OCPP_TLS_CERT"), r.text("EVP_OCPP_TLS_KEY"));
        let ocpp_tls = match (r.text("EVP_OCPP_TLS_LISTEN"), tls_cert, tls_key) {
            (None, None, None) => None,
            (Some(listen), Some(certificate), Some(key)) => match listen.parse() {
                Ok(listen) => Some(OcppTls { listen, certificate: certificate.into(), key: key.into() }),
                Err(_) => {
                    r.fail("EVP_OCPP_TLS_LISTEN", "must be an address and a port, like 0.0.0.0:8443");
                    None
                }
            },
            _ => {
                r.fail("EVP_OCPP_TLS_LISTEN", "goes with EVP_OCPP_TLS_CERT and EVP_OCPP_TLS_KEY: all three or none");
                None
            }
        };
        let authority = match (r.text("EVP_OCPP_CA_CERT"), r.text("EVP_OCPP_CA_KEY")) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some(AuthorityFiles { certificate: certificate.into(), key: key.into() }),
            _ => {
                r.fail("EVP_OCPP_CA_CERT", "goes with EVP_OCPP_CA_KEY: both or none");
                None
            }
        };
        let config = Self {
            ocpp_tls,
            authority,
            database_url: SecretString::from(database_url),
            database_connections_max: r.number("EVP_DATABASE_CONNECTIONS", 20, 4, 500),
            listen: r.parsed(
                "EVP_LISTEN",
                SocketAddr::from(([127, 0, 0, 1], 3000)),
                "an address and a port, like 0.0.0.0:3000",
            ),
            public_url,
            // Without a map there is nothing to be wrong about.
            hosts: hosts.unwrap_or_else(|_| unreachable!("no map at all is a good map")),
            site_root: r.text("EVP_SITE_ROOT").map_or_else(|| PathBuf::from("target/site"), PathBuf::from),
            trusted_proxies,
            namba: NambaSettings {
                base_url: namba_url,
                merchant_guid: namba_merchant,
                secret: SecretString::from(namba_secret),
                api_version,
                webhook_secret: webhook_secret.map(SecretString::from),
            },
            nikita: NikitaSettings {
                base_url: nikita_url,
                login: nikita_login,
                password: SecretString::from(nikita_password),
                sender,
            },
            helpline,
            amount_limits: AmountLimits {
                min: Tyiyn::new(i64::from(min_som) * 100),
                max: Tyiyn::new(i64::from(max_som) * 100),
            },
            hold_policy: HoldPolicy {
                percent_of_limit: u8::try_from(percent_of_limit).unwrap_or(95),
                percent_of_balance: u8::try_from(percent_of_balance).unwrap_or(90),
            },
            start_deadline_s: r.number("EVP_START_DEADLINE_S", 180, 10, 3_600),
            payment_lifetime_min: r.number("EVP_PAYMENT_LIFETIME_MIN", 15, 1, 1_440),
            meter_interval_s: r.number("EVP_METER_INTERVAL_S", 10, 1, 900),
            meter_plausible_percent: r.number("EVP_METER_PLAUSIBLE_PERCENT", 120, 100, 1_000_000),
            node: r.text("EVP_NODE").unwrap_or_else(|| "node-1".to_owned()),
            log_format,
        };
        if r.problems.is_empty() { Ok(config) } else { Err(Problems(r.problems)) }
    }
}

/// Variables of the build and of the scripts that share the prefix.
const TOOL_VARIABLES: &[&str] = &["EVP_CACHE", "EVP_DEMO"];

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> BTreeMap<String, String> {
        [
            ("DATABASE_URL", "postgres://evp@db/evp"),
            ("EVP_PUBLIC_URL", "https://ev.example"),
            ("EVP_NAMBA_URL", "https://namba.example"),
            ("EVP_NAMBA_MERCHANT", "39b826bf-6b00-4996-bee7-7bfab4e055f5"),
            ("EVP_NAMBA_SECRET", "signs"),
            ("EVP_NIKITA_URL", "https://sms.example"),
            ("EVP_NIKITA_LOGIN", "login"),
            ("EVP_NIKITA_PASSWORD", "password"),
            ("EVP_NIKITA_SENDER", "RedPetrol"),
            ("EVP_HELPLINE", "+996312000000"),
        ]
        .into_iter()
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .collect()
    }

    #[test]
    fn a_whole_configuration_is_read() {
        let config = Config::from_env(&good()).unwrap();
        assert_eq!(config.amount_limits.min, Tyiyn::new(5_000));
        assert!(config.namba.webhook_secret.is_none());
    }

    #[test]
    fn every_bad_variable_is_named_at_once() {
        let mut env = good();
        env.remove("DATABASE_URL");
        env.insert("EVP_LISTEN".into(), "everywhere".into());
        env.insert("EVP_PUBLIC_URL".into(), "http://ev.example".into());
        env.insert("EVP_NAMBA_WEBHOOK_SECRET".into(), "short".into());
        env.insert("EVP_HOLD_PERCENT_OF_LIMIT".into(), "101".into());
        env.insert("EVP_LISTNE".into(), "a typing error".into());
        let names: Vec<_> = Config::from_env(&env).unwrap_err().0.into_iter().map(|p| p.variable).collect();
        assert_eq!(
            names,
            ["EVP_*", "DATABASE_URL", "EVP_PUBLIC_URL", "EVP_NAMBA_WEBHOOK_SECRET", "EVP_HOLD_PERCENT_OF_LIMIT", "EVP_LISTEN"]
        );
    }

    #[test]
    fn an_empty_environment_names_all_that_is_required() {
        let text = Config::from_env(&BTreeMap::new()).unwrap_err().to_string();
        for name in [
            "DATABASE_URL",
            "EVP_PUBLIC_URL",
            "EVP_NAMBA_URL",
            "EVP_NAMBA_MERCHANT",
            "EVP_NAMBA_SECRET",
            "EVP_NIKITA_URL",
            "EVP_NIKITA_LOGIN",
            "EVP_NIKITA_PASSWORD",
            "EVP_NIKITA_SENDER",
            "EVP_HELPLINE",
        ] {
            assert!(text.contains(name), "{name} is not named in:\n{text}");
        }
    }

    #[test]
    fn secrets_do_not_show_in_debug() {
        assert!(!format!("{:?}", Config::from_env(&good()).unwrap()).contains("signs"));
    }
}
