//! Roles, the permissions that each has, and the scope in which they hold.

use crate::kernel::id::UserId;
use crate::kernel::{Code, Quantity, Refusal, RegionCode, StoreCode};
use crate::word_enum;
use std::collections::BTreeSet;

word_enum! {
    /// What a user is in the county's organisation.
    pub enum Role {
        /// 库管员: records the stock of their own stores.
        Keeper = "keeper",
        /// 采购员: asks for stock for their own stores.
        Procurement = "procurement",
        /// 指挥部: decides for a region.
        Commander = "commander",
        /// 审计员: reads everything, changes nothing.
        Auditor = "auditor",
        /// 系统管理员: keeps catalogue, stores and users; moves no stock.
        Admin = "admin",
    }
}

word_enum! {
    /// A right that an operation needs; named in the OpenAPI document as `x-permission`.
    pub enum Permission {
        /// See who one is.
        ReadSelf = "self.read",
        /// See items.
        ReadItems = "items.read",
        /// Create and change items.
        WriteItems = "items.write",
        /// See regions, store kinds and stores.
        ReadStores = "stores.read",
        /// Create and change stores, store kinds and regions.
        WriteStores = "stores.write",
        /// Manage users and their tokens.
        ManageUsers = "users.manage",
        /// Read the audit trail.
        ReadAudit = "audit.read",
        /// See stock, lots, movements and stock documents in scope.
        ReadStock = "stock.read",
        /// Post receipts and settle their cost.
        PostReceipts = "receipts.post",
        /// Post issues.
        PostIssues = "issues.post",
        /// Draft write-offs; small ones are posted at once.
        PostWriteOffs = "write_offs.post",
        /// Approve or refuse write-offs above the limit.
        ApproveWriteOffs = "write_offs.approve",
        /// Post adjustments.
        PostAdjustments = "adjustments.post",
        /// Move stock between states.
        PostStateChanges = "state_changes.post",
        /// Reverse movements and documents.
        PostReversals = "reversals.post",
        /// Recall a maker's lot in all stores.
        RecallLots = "lots.recall",
        /// Correct a maker's lot and its expiry in all stores.
        CorrectLots = "lots.correct",
        /// See reserve plans and response levels.
        ReadPlans = "reserve_plans.read",
        /// Draft and submit reserve plans.
        WritePlans = "reserve_plans.write",
        /// Approve reserve plans.
        ApprovePlans = "reserve_plans.approve",
        /// Declare a response level.
        DeclareLevel = "response_level.declare",
        /// See shortfalls in scope.
        ReadShortfalls = "shortfalls.read",
        /// Create and change capabilities.
        WriteCapabilities = "capabilities.write",
        /// See dispatches in scope.
        ReadDispatches = "dispatches.read",
        /// Request a dispatch to a store, or draft one from it.
        CreateDispatches = "dispatches.create",
        /// Approve a dispatch, cut it and reserve its lots.
        ApproveDispatches = "dispatches.approve",
        /// Pick and ship at the sender.
        ShipDispatches = "dispatches.ship",
        /// Sign for goods at the receiver.
        ReceiveDispatches = "dispatches.receive",
        /// Send goods on the way to another store.
        RedirectDispatches = "dispatches.redirect",
        /// Cancel a dispatch before it is shipped.
        CancelDispatches = "dispatches.cancel",
        /// Close a dispatch whose transit account is empty.
        CloseDispatches = "dispatches.close",
        /// See paperwork and draw-downs in scope.
        ReadPaperwork = "paperwork.read",
        /// Confirm or object to what was done on a spoken authority.
        ConfirmPaperwork = "paperwork.confirm",
        /// Close a period for a store or a region.
        ClosePeriods = "periods.close",
        /// Reopen a period that a lower role closed.
        ReopenPeriods = "periods.reopen",
        /// Accept a clock that has jumped.
        AcceptClock = "clock.accept",
        /// Send many commands in one request; each needs its own right.
        SendBatches = "batches.send",
        /// See allocations that look at a store in scope, and the routes.
        ReadAllocations = "allocations.read",
        /// Propose who gets what, compare policies and rehearse.
        ProposeAllocations = "allocations.propose",
        /// Edit, approve and discard proposals, and undo what came of them.
        DecideAllocations = "allocations.decide",
        /// Keep the table of routes.
        WriteRoutes = "routes.write",
        /// Begin stocktakes, enter counts, give reasons, submit and post.
        RunStocktakes = "stocktakes.run",
        /// Send a submitted stocktake back for counting.
        ReopenStocktakes = "stocktakes.reopen",
        /// Approve the differences of a stocktake above the limit.
        ApproveStocktakes = "stocktakes.approve",
        /// Ask the solver to divide what the question holds; nothing is stored or looked up.
        SolveAllocations = "allocations.solve",
        /// Send stock reports.
        SendReports = "stock_reports.send",
        /// Say by what hour a store's reports are due.
        ScheduleReports = "stock_reports.schedule",
        /// Set the daily use of an item at a store by hand.
        SetDailyUse = "daily_use.set",
        /// See alerts in scope.
        ReadAlerts = "alerts.read",
        /// Take note of an alert.
        AcknowledgeAlerts = "alerts.acknowledge",
        /// Keep the programs elsewhere that are told of alerts.
        ManageWebhooks = "webhooks.manage",
        /// See expected receipts in scope.
        ReadExpected = "expected_receipts.read",
        /// Enter, put off and cancel expected receipts.
        WriteExpected = "expected_receipts.write",
        /// Say what may stand in for what.
        WriteSubstitutions = "substitution_lists.write",
    }
}

impl Permission {
    /// Whether the permission only reads.
    pub const fn is_read(self) -> bool {
        matches!(
            self,
            Self::ReadSelf
                | Self::ReadItems
                | Self::ReadStores
                | Self::ReadStock
                | Self::ReadPlans
                | Self::ReadShortfalls
                | Self::ReadDispatches
                | Self::ReadPaperwork
                | Self::ReadAllocations
                | Self::SolveAllocations
                | Self::ReadAlerts
                | Self::ReadExpected
        )
    }
}

impl Role {
    /// Whether every user of the role has the permission.
    ///
    /// All read what lies in their scope; the audit trail is for auditors and administrators.
    pub const fn has(self, permission: Permission) -> bool {
        use Permission as P;
        if permission.is_read() {
            return true;
        }
        match self {
            Self::Keeper => matches!(
                permission,
                P::PostReceipts
                    | P::PostIssues
                    | P::PostWriteOffs
                    | P::PostAdjustments
                    | P::PostStateChanges
                    | P::PostReversals
                    | P::CreateDispatches
                    | P::ShipDispatches
                    | P::ReceiveDispatches
                    | P::CloseDispatches
                    | P::ClosePeriods
                    | P::SendBatches
                    | P::RunStocktakes
                    | P::ReopenStocktakes
                    | P::SendReports
                    | P::AcknowledgeAlerts
            ),
            Self::Procurement => {
                matches!(permission, P::CreateDispatches | P::SendBatches | P::WriteExpected)
            }
            Self::Commander => matches!(
                permission,
                P::WriteStores
                    | P::ApproveWriteOffs
                    | P::RecallLots
                    | P::CorrectLots
                    | P::WritePlans
                    | P::ApprovePlans
                    | P::DeclareLevel
                    | P::WriteCapabilities
                    | P::CreateDispatches
                    | P::ApproveDispatches
                    | P::RedirectDispatches
                    | P::CancelDispatches
                    | P::CloseDispatches
                    | P::ConfirmPaperwork
                    | P::ClosePeriods
                    | P::ReopenPeriods
                    | P::AcceptClock
                    | P::SendBatches
                    | P::ProposeAllocations
                    | P::DecideAllocations
                    | P::WriteRoutes
                    | P::ReopenStocktakes
                    | P::ApproveStocktakes
                    | P::ScheduleReports
                    | P::SetDailyUse
                    | P::AcknowledgeAlerts
                    | P::ManageWebhooks
                    | P::WriteExpected
                    | P::WriteSubstitutions
            ),
            Self::Auditor => matches!(permission, P::ReadAudit),
            Self::Admin => {
                matches!(
                    permission,
                    P::WriteItems
                        | P::WriteStores
                        | P::WriteCapabilities
                        | P::ManageUsers
                        | P::ReadAudit
                        | P::ReopenPeriods
                        | P::AcceptClock
                        | P::ManageWebhooks
                        | P::WriteSubstitutions
                )
            }
        }
    }
}

/// The stores in which a user's permissions hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Every store.
    All,
    /// These stores: a keeper's own, or all in a commander's region.
    Stores(BTreeSet<StoreCode>),
}

impl Scope {
    /// Whether a store lies in the scope.
    pub fn contains(&self, store: &StoreCode) -> bool {
        match self {
            Self::All => true,
            Self::Stores(stores) => stores.contains(store),
        }
    }

    /// The stores to filter a query by, or `None` where every store is in scope.
    pub fn stores(&self) -> Option<Vec<StoreCode>> {
        match self {
            Self::All => None,
            Self::Stores(stores) => Some(stores.iter().cloned().collect()),
        }
    }
}

/// The user on whose behalf something is done.
#[derive(Debug, Clone)]
pub struct Actor {
    /// The user's id.
    pub user_id: UserId,
    /// The user's unique name, as the ledger and the audit trail show it.
    pub name: String,
    /// The user's role.
    pub role: Role,
    /// Where the role's permissions hold.
    pub scope: Scope,
    /// A commander's region.
    pub region: Option<RegionCode>,
    /// `emergency_release`: base units per line that may move on a spoken authority.
    pub emergency_release_limit: Option<Quantity>,
}

impl Actor {
    /// Whether the user has a permission somewhere.
    ///
    /// `emergency_release` lets a duty keeper approve dispatches and allocations, which the rules
    /// then hold to a spoken authority within the limit.
    pub fn may(&self, permission: Permission) -> bool {
        let in_emergency = [Permission::ApproveDispatches, Permission::DecideAllocations];
        self.role.has(permission)
            || (in_emergency.contains(&permission)
                && self.role == Role::Keeper
                && self.emergency_release_limit.is_some())
    }

    /// Requires a permission.
    ///
    /// # Errors
    /// `forbidden` when the user does not have it.
    pub fn require(&self, permission: Permission) -> Result<(), Refusal> {
        if self.may(permission) {
            return Ok(());
        }
        Err(Refusal::new(
            Code::Forbidden,
            format!("您的角色（{}）没有权限 {permission}", self.role),
            format!("Your role ({}) does not have the permission {permission}", self.role),
        )
        .with("permission", permission.as_str()))
    }

    /// Requires a store that a request names to be in scope.
    ///
    /// # Errors
    /// `store_out_of_scope` when it is not.
    pub fn require_store(&self, store: &StoreCode) -> Result<(), Refusal> {
        if self.scope.contains(store) {
            return Ok(());
        }
        Err(Refusal::new(
            Code::StoreOutOfScope,
            format!("储备点 {store} 不在您的范围内"),
            format!("The store {store} is outside your scope"),
        )
        .with("store_code", store.as_str()))
    }

    /// Requires a region that a request names to lie in a commander's region.
    ///
    /// # Errors
    /// `forbidden` when it does not.
    pub fn require_region(&self, region: &RegionCode) -> Result<(), Refusal> {
        match (&self.scope, &self.region) {
            (Scope::All, _) => Ok(()),
            (Scope::Stores(_), Some(own)) if own.contains(region) => Ok(()),
            (Scope::Stores(_), _) => Err(Refusal::new(
                Code::Forbidden,
                format!("地区 {region} 不在您的范围内"),
                format!("The region {region} is outside your scope"),
            )
            .with("region_code", region.as_str())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keeper(limit: Option<i64>) -> Actor {
        Actor {
            user_id: UserId::generate(),
            name: "li".to_owned(),
            role: Role::Keeper,
            scope: Scope::Stores([StoreCode::new("QN-DEPOT").unwrap()].into()),
            region: None,
            emergency_release_limit: limit.map(|units| Quantity::new(units).unwrap()),
        }
    }

    #[test]
    fn auditors_change_nothing_and_administrators_move_no_stock() {
        for permission in Permission::ALL {
            let writes = !permission.is_read() && *permission != Permission::ReadAudit;
            assert!(!(writes && Role::Auditor.has(*permission)), "{permission}");
        }
        for permission in
            [Permission::PostReceipts, Permission::PostIssues, Permission::ApproveDispatches]
        {
            assert!(!Role::Admin.has(permission));
        }
    }

    #[test]
    fn a_keeper_approves_dispatches_only_with_emergency_release() {
        assert!(!keeper(None).may(Permission::ApproveDispatches));
        assert!(keeper(Some(500)).may(Permission::ApproveDispatches));
    }

    #[test]
    fn a_store_out_of_scope_is_refused_by_name() {
        let other = StoreCode::new("QN-CDC").unwrap();
        assert_eq!(keeper(None).require_store(&other).unwrap_err().code, Code::StoreOutOfScope);
        assert!(keeper(None).require_store(&StoreCode::new("QN-DEPOT").unwrap()).is_ok());
    }
}
