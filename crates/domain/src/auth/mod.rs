//! Roles and the permission matrix, so that every route, topic and file can name the one permission that it needs.
//!
//! Knows nothing of cookies, tokens or requests. It answers "how far does this role reach"; whether a row lies within that
//! reach (one's own, of one's partner, of one's company) is asked where the row is read.

mod code;
mod name;

use serde::{Deserialize, Serialize};

pub use code::{AskedLately, CodeLimits, NotACode, NotNow, SignInCode};
pub use name::{NameError, PersonName};

use crate::text_enum::text_enum;

/// The seven roles (DESIGN §8). A person can hold several, each in the scope of a company or a partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Driver,
    /// Charges on a company's account.
    Employee,
    CorporateAdmin,
    /// Owns stations.
    Partner,
    Support,
    Finance,
    Admin,
}

text_enum!(Role {
    Driver = "driver",
    Employee = "employee",
    CorporateAdmin = "corporate_admin",
    Partner = "partner",
    Support = "support",
    Finance = "finance",
    Admin = "admin",
});

impl Role {
    /// Whether the role is of the house, and so acts beyond one tenant.
    pub const fn is_staff(self) -> bool {
        matches!(self, Self::Support | Self::Finance | Self::Admin)
    }
}

/// What can be done. Grows with the features; the matrix below must then say who may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// See a station's connector, its price and status (`/q/{code}`).
    ViewConnector,
    /// Prepay a charge as a guest.
    GuestCheckout,
    /// See a session's live numbers and its end.
    ViewSession,
    /// End a session.
    StopSession,
    /// Read a receipt, as page or PDF.
    ViewReceipt,
    /// See what a charge point and the server said to one another.
    ViewOcppLogs,
    /// Send a charge point a command (Reset, TriggerMessage, remote start and stop).
    CommandChargePoint,
    /// Start and steer virtual charge points.
    RunSandbox,
    /// See payments, refunds and the journal.
    ViewLedger,
    /// Send money back by hand, and decide on what others ask for.
    IssueRefund,
    /// Make an entry in the journal by hand.
    CorrectLedger,
    /// See who did what to whom.
    ViewAudit,
    /// See and change the own account: name, language, phone, sessions.
    ManageAccount,
    /// See the own balance, add to it, and have the rest sent back.
    UseBalance,
}

text_enum!(Permission {
    ViewConnector = "view_connector",
    GuestCheckout = "guest_checkout",
    ViewSession = "view_session",
    StopSession = "stop_session",
    ViewReceipt = "view_receipt",
    ViewOcppLogs = "view_ocpp_logs",
    CommandChargePoint = "command_charge_point",
    RunSandbox = "run_sandbox",
    ViewLedger = "view_ledger",
    IssueRefund = "issue_refund",
    CorrectLedger = "correct_ledger",
    ViewAudit = "view_audit",
    ManageAccount = "manage_account",
    UseBalance = "use_balance",
});

/// How far a permission reaches, from the least to the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// What belongs to the person: own sessions, own receipts. For a guest: what the secret in the URL names.
    Own,
    /// What belongs to the company or the partner in whose scope the role is held.
    Tenant,
    /// Everything.
    All,
}

/// What anybody may do, signed in or not. The secret `/g/{token}` is the guest's right to the rest of the own charge.
pub const fn visitor_reach(permission: Permission) -> Option<Reach> {
    match permission {
        Permission::ViewConnector | Permission::GuestCheckout => Some(Reach::All),
        Permission::ViewSession | Permission::StopSession | Permission::ViewReceipt => Some(Reach::Own),
        Permission::ViewOcppLogs
        | Permission::CommandChargePoint
        | Permission::RunSandbox
        | Permission::ViewLedger
        | Permission::IssueRefund
        | Permission::CorrectLedger
        | Permission::ViewAudit
        | Permission::ManageAccount
        | Permission::UseBalance => None,
    }
}

/// The matrix: how far a role reaches with a permission, `None` when it may not at all. No role may less than a visitor.
pub const fn reach(role: Role, permission: Permission) -> Option<Reach> {
    use Reach::{All, Own, Tenant};
    use Role::{Admin, CorporateAdmin, Driver, Employee, Finance, Partner, Support};
    match permission {
        Permission::ViewConnector | Permission::GuestCheckout => Some(All),
        Permission::ViewSession | Permission::ViewReceipt => match role {
            Driver | Employee => Some(Own),
            CorporateAdmin | Partner => Some(Tenant),
            Support | Finance | Admin => Some(All),
        },
        Permission::StopSession => match role {
            Driver | Employee | Finance => Some(Own),
            CorporateAdmin | Partner => Some(Tenant),
            Support | Admin => Some(All),
        },
        Permission::ViewOcppLogs | Permission::CommandChargePoint => match role {
            Driver | Employee | CorporateAdmin | Finance => None,
            Partner => Some(Tenant),
            Support | Admin => Some(All),
        },
        Permission::RunSandbox => match role {
            Driver | Employee | CorporateAdmin | Partner | Finance => None,
            Support | Admin => Some(All),
        },
        // Partners and companies get statements of their own; the journal is the house's.
        Permission::ViewLedger => match role {
            Driver | Employee | CorporateAdmin | Partner | Support => None,
            Finance | Admin => Some(All),
        },
        // Not even an administrator: who can grant roles may not also move money.
        Permission::IssueRefund | Permission::CorrectLedger => match role {
            Driver | Employee | CorporateAdmin | Partner | Support | Admin => None,
            Finance => Some(All),
        },
        // Whoever is watched does not keep the watch.
        Permission::ViewAudit => match role {
            Driver | Employee | CorporateAdmin | Partner | Support | Finance => None,
            Admin => Some(All),
        },
        // Nobody is somebody else.
        Permission::ManageAccount | Permission::UseBalance => Some(Own),
    }
}

/// Whether a role has a permission at all, be it for its own things only.
pub const fn allows(role: Role, permission: Permission) -> bool {
    reach(role, permission).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who reads the change of a right in review should see the whole page.
    #[test]
    fn the_matrix() {
        let mut table = String::new();
        let cell = |reach: Option<Reach>| match reach {
            None => "-",
            Some(Reach::Own) => "own",
            Some(Reach::Tenant) => "tenant",
            Some(Reach::All) => "all",
        };
        for &permission in Permission::ALL {
            table += &format!("{}: visitor={}", permission.as_str(), cell(visitor_reach(permission)));
            for &role in Role::ALL {
                table += &format!(" {}={}", role.as_str(), cell(reach(role, permission)));
            }
            table += "\n";
        }
        insta::assert_snapshot!(table, @r"
        view_connector: visitor=all driver=all employee=all corporate_admin=all partner=all support=all finance=all admin=all
        guest_checkout: visitor=all driver=all employee=all corporate_admin=all partner=all support=all finance=all admin=all
        view_session: visitor=own driver=own employee=own corporate_admin=tenant partner=tenant support=all finance=all admin=all
        stop_session: visitor=own driver=own employee=own corporate_admin=tenant partner=tenant support=all finance=own admin=all
        view_receipt: visitor=own driver=own employee=own corporate_admin=tenant partner=tenant support=all finance=all admin=all
        view_ocpp_logs: visitor=- driver=- employee=- corporate_admin=- partner=tenant support=all finance=- admin=all
        command_charge_point: visitor=- driver=- employee=- corporate_admin=- partner=tenant support=all finance=- admin=all
        run_sandbox: visitor=- driver=- employee=- corporate_admin=- partner=- support=all finance=- admin=all
        view_ledger: visitor=- driver=- employee=- corporate_admin=- partner=- support=- finance=all admin=all
        issue_refund: visitor=- driver=- employee=- corporate_admin=- partner=- support=- finance=all admin=-
        correct_ledger: visitor=- driver=- employee=- corporate_admin=- partner=- support=- finance=all admin=-
        view_audit: visitor=- driver=- employee=- corporate_admin=- partner=- support=- finance=- admin=all
        manage_account: visitor=- driver=own employee=own corporate_admin=own partner=own support=own finance=own admin=own
        use_balance: visitor=- driver=own employee=own corporate_admin=own partner=own support=own finance=own admin=own
        ");
    }

    #[test]
    fn no_role_may_less_than_a_visitor_and_no_tenant_reaches_all() {
        for &permission in Permission::ALL {
            for &role in Role::ALL {
                assert!(reach(role, permission) >= visitor_reach(permission), "{role:?} {permission:?}");
                let public = visitor_reach(permission) == Some(Reach::All);
                assert!(role.is_staff() || public || reach(role, permission) < Some(Reach::All), "{role:?} {permission:?}");
                assert_eq!(allows(role, permission), reach(role, permission).is_some());
            }
        }
    }
}
