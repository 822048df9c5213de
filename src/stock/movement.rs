//! Movements: the immutable lines of the ledger, and the hash that chains them.

use crate::kernel::hash::FieldHasher;
use crate::kernel::id::{LotId, MovementId, ShipmentId};
use crate::kernel::{Instant, ItemCode, Quantity, StoreCode};
use crate::stock::account::{Account, StockState};
use crate::word_enum;
use chrono::NaiveDate;

word_enum! {
    /// What a movement is.
    pub enum MovementKind {
        /// 入库.
        Receipt = "receipt",
        /// 出库.
        Issue = "issue",
        /// 报损报废.
        WriteOff = "write_off",
        /// 更正.
        Adjustment = "adjustment",
        /// 状态变更.
        StateChange = "state_change",
        /// 调拨出库: from the sender onto the lorry.
        DispatchOut = "dispatch_out",
        /// 调拨入库: from the lorry to a store.
        DispatchIn = "dispatch_in",
        /// 在途损失: lost on the way.
        TransitLoss = "transit_loss",
        /// 盘点差异.
        Count = "count",
        /// 批号更正.
        Reclassification = "reclassification",
        /// 红冲.
        Reversal = "reversal",
    }
}

/// The kind of document whose movements are estimates: stock reports, from whose decrease the
/// consumption is taken.
pub const ESTIMATED_BY: &str = "stock_report";

/// The document behind a movement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentRef {
    /// E.g. `receipt`, `dispatch`.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Its human number.
    pub number: String,
}

/// A movement to be posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMovement {
    /// What it is.
    pub kind: MovementKind,
    /// The store in whose chain it stands: the one it touches, or the receiver of what was lost.
    pub store_code: StoreCode,
    /// The item.
    pub item_code: ItemCode,
    /// The lot.
    pub lot_id: LotId,
    /// How much, above zero.
    pub quantity: Quantity,
    /// From where.
    pub from: Account,
    /// To where.
    pub to: Account,
    /// The lorry, where one of the accounts is in transit.
    pub shipment_id: Option<ShipmentId>,
    /// The line of its document, from 1.
    pub line_no: i64,
    /// Why, from the list of reasons.
    pub reason_code: Option<String>,
    /// Why, in words.
    pub note: Option<String>,
    /// The movement that it takes back.
    pub reverses: Option<MovementId>,
}

impl NewMovement {
    /// A movement in a store's chain with nothing beside the essentials.
    #[allow(clippy::too_many_arguments, reason = "these are the essentials of a movement")]
    pub fn new(
        kind: MovementKind,
        store_code: &StoreCode,
        item_code: &ItemCode,
        lot_id: &LotId,
        quantity: Quantity,
        from: Account,
        to: Account,
        line_no: i64,
    ) -> Self {
        Self {
            kind,
            store_code: store_code.clone(),
            item_code: item_code.clone(),
            lot_id: lot_id.clone(),
            quantity,
            from,
            to,
            shipment_id: None,
            line_no,
            reason_code: None,
            note: None,
            reverses: None,
        }
    }
}

/// A movement as it stands in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Movement {
    /// The movement's id.
    pub id: MovementId,
    /// Its place in the store's chain, from 1.
    pub chain_seq: i64,
    /// What was posted.
    pub line: NewMovement,
    /// The document behind it.
    pub document: DocumentRef,
    /// Whether it had happened before it was booked.
    pub after_the_fact: bool,
    /// The paper slip of a fact.
    pub slip_number: Option<String>,
    /// Business time.
    pub occurred_at: Instant,
    /// The calendar day of the business time in the county's zone.
    pub business_day: NaiveDate,
    /// The service's time, later than that of every movement before it in the chain.
    pub recorded_at: Instant,
    /// Who posted it.
    pub actor: String,
    /// The hash of the movement before it in the chain.
    pub previous_hash: String,
    /// Its own hash.
    pub hash: String,
}

impl Movement {
    /// The hash of everything that the movement says, and of the one before it.
    pub fn compute_hash(&self) -> String {
        let line = &self.line;
        let account = |hasher: FieldHasher, account: &Account| {
            hasher
                .field(account.kind())
                .field(account.name())
                .optional(account.state().map(StockState::as_str))
        };
        let hasher = FieldHasher::new()
            .field(&self.previous_hash)
            .field(self.id.as_str())
            .field(line.kind.as_str())
            .field(line.store_code.as_str())
            .number(self.chain_seq)
            .field(line.item_code.as_str())
            .field(line.lot_id.as_str())
            .number(line.quantity.units());
        account(account(hasher, &line.from), &line.to)
            .optional(line.shipment_id.as_ref().map(ShipmentId::as_str))
            .field(&self.document.kind)
            .field(&self.document.id)
            .field(&self.document.number)
            .number(line.line_no)
            .optional(line.reason_code.as_ref())
            .optional(line.note.as_ref())
            .optional(line.reverses.as_ref().map(MovementId::as_str))
            .field(if self.after_the_fact { "fact" } else { "" })
            .optional(self.slip_number.as_ref())
            .number(self.occurred_at.micros())
            .field(self.business_day.to_string())
            .number(self.recorded_at.micros())
            .field(&self.actor)
            .finish()
    }
}

/// The chain in which a store's movements stand.
pub fn chain_of(store: &StoreCode) -> String {
    format!("stock/{store}")
}
