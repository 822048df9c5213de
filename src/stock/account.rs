//! Accounts: the places between which a movement takes stock.

use crate::kernel::StoreCode;
use crate::kernel::id::DispatchId;
use crate::word_enum;

word_enum! {
    /// The quality state of stock in a store (质量状态).
    pub enum StockState {
        /// 合格: may be used, unless the lot is expired or recalled.
        Available = "available",
        /// 待验: waits for inspection.
        PendingInspection = "pending_inspection",
        /// 隔离: set apart on a suspicion.
        Quarantined = "quarantined",
        /// 冻结: held back by an order.
        Held = "held",
        /// 损坏: damaged.
        Damaged = "damaged",
    }
}

word_enum! {
    /// Where stock comes from and goes to outside the county's stores, by source and purpose.
    pub enum Outside {
        /// 期初: what was there when the book began.
        Opening = "opening",
        /// 供应商: bought.
        Supplier = "supplier",
        /// 捐赠: donated.
        Donor = "donor",
        /// 上级调拨: handed down from above the county.
        AllocatedFromAbove = "allocated_from_above",
        /// 病区退回: returned by a ward.
        WardReturn = "ward_return",
        /// 借用: lent or borrowed.
        Loan = "loan",
        /// 消耗: used. The only purpose that counts as consumption.
        Consumption = "consumption",
        /// 对外支援: given out as aid.
        AidOut = "aid_out",
        /// 退货: returned to the supplier.
        ReturnToSupplier = "return_to_supplier",
        /// 演练: used in a drill.
        Drill = "drill",
        /// 报损报废: written off.
        WriteOff = "write_off",
        /// 盘盈盘亏: found or missing against the book.
        CountDifference = "count_difference",
        /// 未匹配: facts that the book could not cover.
        Unmatched = "unmatched",
        /// 批号更正: between the lot as it was booked and the lot as it is; always empty.
        Reclassification = "reclassification",
    }
}

/// An account of the double-entry ledger.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Account {
    /// Stock of a store in one state.
    Store(StoreCode, StockState),
    /// Stock on the way under a dispatch.
    Transit(DispatchId),
    /// Outside the county's stores.
    Outside(Outside),
}

impl Account {
    /// The kind of account, as stored.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Store(..) => "store",
            Self::Transit(_) => "transit",
            Self::Outside(_) => "outside",
        }
    }

    /// Which account of its kind, as stored.
    pub fn name(&self) -> &str {
        match self {
            Self::Store(store, _) => store.as_str(),
            Self::Transit(dispatch) => dispatch.as_str(),
            Self::Outside(word) => word.as_str(),
        }
    }

    /// The state, where the account is a store's.
    pub const fn state(&self) -> Option<StockState> {
        match self {
            Self::Store(_, state) => Some(*state),
            Self::Transit(_) | Self::Outside(_) => None,
        }
    }

    /// Reads an account as stored; `None` for what the service never wrote.
    pub fn from_columns(kind: &str, name: &str, state: Option<StockState>) -> Option<Self> {
        match (kind, state) {
            ("store", Some(state)) => Some(Self::Store(StoreCode::new(name).ok()?, state)),
            ("transit", None) => Some(Self::Transit(DispatchId::try_from(name.to_owned()).ok()?)),
            ("outside", None) => Some(Self::Outside(Outside::from_word(name)?)),
            _ => None,
        }
    }
}

impl std::fmt::Display for Account {
    /// As clients see it: `store/QN-DEPOT/available`, `transit/…`, `outside/consumption`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.kind(), self.name())?;
        self.state().map_or(Ok(()), |state| write!(f, "/{state}"))
    }
}
