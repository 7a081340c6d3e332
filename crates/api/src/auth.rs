//! Who somebody is: signing in by phone, the browsers in which a person is signed in, and the person's own account.

use std::fmt;
use std::net::IpAddr;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::Phone;
use domain::auth::{Permission, PersonName, Reach, Role, SignInCode, reach};
use uuid::Uuid;

use crate::ApiError;
use crate::i18n::Locale;

/// From where somebody asks.
#[derive(Debug, Clone)]
pub struct Caller {
    pub address: IpAddr,
    /// As the browser names itself.
    pub user_agent: String,
}

/// A phone asks to be let in.
#[derive(Debug, Clone)]
pub struct AskCode {
    pub phone: Phone,
    /// The secret that the browser was given for it: only there is the code of any use.
    pub browser: String,
    /// What the browser was given when somebody signed in there: with it the number has codes that strangers cannot use up.
    pub known: Option<String>,
    pub caller: Caller,
    pub locale: Locale,
    /// Of the page: its line in the message lets the browser fill the code in.
    pub host: String,
}

/// What became of it. The same whether anybody has this phone or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeAsked {
    Sent,
    /// This phone or this address has asked too often.
    AskAgainAt(DateTime<Utc>),
    /// Too many ask: nobody can say when.
    TooMany,
}

/// The newest code that a browser has asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingCode {
    pub phone: Phone,
    /// False when it is too old, used, or was tried too often.
    pub is_good: bool,
    /// From when another one may be asked for.
    pub resend_at: DateTime<Utc>,
    pub now: DateTime<Utc>,
}

/// A code is typed.
#[derive(Debug, Clone)]
pub struct SignIn {
    pub code: SignInCode,
    pub browser: String,
    pub caller: Caller,
    pub locale: Locale,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignedIn {
    Yes {
        tokens: Tokens,
        /// For [`AskCode::known`], the next time.
        known: String,
    },
    WrongCode {
        tries_left: i32,
    },
    /// None was asked for in this browser, or it is too old, used, or tried too often: ask for another.
    NoCode,
    /// Said only to who has proved the phone.
    Blocked,
}

/// What the browser keeps. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Tokens {
    pub access: String,
    pub access_kept_s: u32,
    pub refresh: String,
    pub refresh_kept_s: u32,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("refresh_kept_s", &self.refresh_kept_s).finish_non_exhaustive()
    }
}

/// A role, and the company or the partner in whose scope it is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Grant {
    pub role: Role,
    pub scope: Option<Uuid>,
}

/// Somebody who is signed in, as of this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    pub person: Uuid,
    pub session: Uuid,
    /// The driver's role first: everybody has it.
    pub grants: Vec<Grant>,
    pub second_step: SecondStep,
}

/// What a code of the person's app is worth in this browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecondStep {
    /// None was shown, or too long ago: the roles of the house are not held.
    Missing,
    Taken,
    /// A moment ago: money may be moved by hand.
    Fresh,
}

/// What the second step asks for.
#[derive(Clone, PartialEq, Eq)]
pub enum SecondStepForm {
    Code,
    /// No app was set up yet: the secret to type, and the same as an address for a QR code.
    SetUp {
        secret: String,
        address: String,
    },
}

/// What became of a code of the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecondStepProved {
    Yes,
    /// Also one that was used before: the next one comes within half a minute.
    WrongCode,
    /// Too many wrong ones in a row.
    TooMany(DateTime<Utc>),
}

impl Principal {
    /// How far the person reaches with a permission: the furthest of the roles.
    pub fn reach(&self, permission: Permission) -> Option<Reach> {
        let held = |grant: &&Grant| !grant.role.is_staff() || self.second_step != SecondStep::Missing;
        self.grants.iter().filter(held).filter_map(|grant| reach(grant.role, permission)).max()
    }

    /// And how far after the second step.
    pub fn reach_by_second_step(&self, permission: Permission) -> Option<Reach> {
        self.grants.iter().filter_map(|grant| reach(grant.role, permission)).max()
    }

    /// Whether the person works for the house.
    pub fn is_staff(&self) -> bool {
        self.grants.iter().any(|grant| grant.role.is_staff())
    }

    /// The companies and partners that the person reaches with a permission.
    pub fn scopes(&self, permission: Permission) -> impl Iterator<Item = Uuid> + '_ {
        let of_tenant = move |grant: &&Grant| reach(grant.role, permission) == Some(Reach::Tenant);
        self.grants.iter().filter(of_tenant).filter_map(|grant| grant.scope)
    }
}

/// A session as its person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveSession {
    pub id: Uuid,
    pub created_at: DateTime<Utc>,
    pub last_seen_at: DateTime<Utc>,
    pub user_agent: String,
    pub address: String,
}

/// The account's page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountView {
    pub phone: Phone,
    pub name: Option<PersonName>,
    pub locale: Locale,
    pub roles: Vec<Role>,
    /// The one that asks among them.
    pub sessions: Vec<ActiveSession>,
    pub now: DateTime<Utc>,
}

/// Another phone for the account.
#[derive(Debug, Clone)]
pub struct AskPhoneChange {
    pub phone: Phone,
    pub caller: Caller,
    pub locale: Locale,
    pub host: String,
}

/// A change of the phone that waits for both codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingPhoneChange {
    pub old: Phone,
    pub new: Phone,
    pub is_good: bool,
}

/// Both numbers answer.
#[derive(Debug, Clone)]
pub struct ConfirmPhoneChange {
    pub old_code: SignInCode,
    pub new_code: SignInCode,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhoneChanged {
    Yes,
    WrongCode {
        old_is_right: bool,
        new_is_right: bool,
    },
    /// Ask again.
    NoCode,
    /// The new number has an account of its own. Said only to who has proved it.
    Taken,
}

/// What became of the wish to be forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    Yes,
    /// There is money on the balance or held: it must be asked back first.
    MoneyLeft,
    /// A charge is under way.
    ChargeOpen,
    /// The code does not prove the phone.
    WrongCode,
    NoCode,
}

/// Accounts, as the pages ask for them.
#[async_trait]
pub trait AuthApi: Send + Sync + 'static {
    async fn ask_code(&self, ask: AskCode) -> Result<CodeAsked, ApiError>;
    async fn pending_code(&self, browser: &str) -> Result<Option<PendingCode>, ApiError>;
    async fn sign_in(&self, with: SignIn) -> Result<SignedIn, ApiError>;
    /// Whose access token it is; `None` when nobody's (any more).
    async fn authenticate(&self, access: &str) -> Result<Option<Principal>, ApiError>;
    /// What the person's second step asks for.
    async fn second_step_form(&self, who: &Principal) -> Result<SecondStepForm, ApiError>;
    /// Takes a code of the app for this session.
    async fn prove_second_step(&self, who: &Principal, code: SignInCode) -> Result<SecondStepProved, ApiError>;
    /// New tokens for a refresh token; `None`: sign in again.
    async fn refresh(&self, refresh: &str, caller: &Caller) -> Result<Option<Tokens>, ApiError>;

    /// A word that only we can make for this session or browser: what its forms carry.
    async fn form_token(&self, of: &str) -> Result<String, ApiError>;
    async fn is_form_token(&self, token: &str, of: &str) -> Result<bool, ApiError>;

    async fn account(&self, who: &Principal) -> Result<AccountView, ApiError>;
    async fn rename(&self, who: &Principal, name: Option<PersonName>) -> Result<(), ApiError>;
    async fn set_locale(&self, who: &Principal, locale: Locale) -> Result<(), ApiError>;
    async fn sign_out(&self, who: &Principal) -> Result<(), ApiError>;
    /// `NotFound` when it is not one of the person's.
    async fn end_session(&self, who: &Principal, session: Uuid) -> Result<(), ApiError>;
    async fn end_other_sessions(&self, who: &Principal) -> Result<(), ApiError>;

    /// A code to either number. `Conflict`: it is the person's number already.
    async fn ask_phone_change(&self, who: &Principal, ask: AskPhoneChange) -> Result<CodeAsked, ApiError>;
    async fn pending_phone_change(&self, who: &Principal) -> Result<Option<PendingPhoneChange>, ApiError>;
    async fn confirm_phone_change(&self, who: &Principal, with: ConfirmPhoneChange) -> Result<PhoneChanged, ApiError>;

    /// All that we know of the person, as JSON.
    async fn export(&self, who: &Principal) -> Result<Vec<u8>, ApiError>;
    /// A code to the person's own number, before the account is deleted.
    async fn ask_deletion(&self, who: &Principal, caller: Caller, locale: Locale, host: String) -> Result<CodeAsked, ApiError>;
    /// The person goes; receipts and the journal stay, without a name.
    async fn delete(&self, who: &Principal, code: SignInCode) -> Result<Deleted, ApiError>;
}
