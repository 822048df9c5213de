//! The order to move stock between two stores 调拨单, with what was shipped and signed for.

use crate::authority::Authority;
use crate::kernel::id::{DispatchId, LotId, ShipmentId};
use crate::kernel::{Instant, ItemCode, Quantity, StoreCode};
use crate::word_enum;

word_enum! {
    /// How far a dispatch has come.
    pub enum DispatchStatus {
        /// 申领: the receiver asks; nobody has decided.
        Requested = "requested",
        /// 拟单: the sender or the command center proposes it; nobody has decided.
        Draft = "draft",
        /// 已批准: cut line by line, its lots reserved.
        Approved = "approved",
        /// 已拣货: the lots are set aside.
        Picked = "picked",
        /// 已发货: on the way, wholly or in part.
        Shipped = "shipped",
        /// 已收货: nothing is on the way or left to ship.
        Received = "received",
        /// 已关闭: reconciled.
        Closed = "closed",
        /// 已取消: before anything left.
        Cancelled = "cancelled",
    }
}

word_enum! {
    /// How pressing the need is.
    pub enum Urgency {
        /// 常规.
        Routine = "routine",
        /// 紧急.
        Urgent = "urgent",
        /// 特急: lives depend on it.
        Emergency = "emergency",
    }
}

word_enum! {
    /// How a piece that was on the way ended, or that it was not on the papers.
    pub enum Fate {
        /// In good order, at the receiver.
        Received = "received",
        /// Broken or soaked, at the receiver.
        Damaged = "damaged",
        /// It never came.
        Lost = "lost",
        /// Sent back, at the sender for inspection.
        Returned = "returned",
        /// More came than the papers say.
        Over = "over",
    }
}

word_enum! {
    /// Which of a line's numbers somebody set or added to.
    pub enum Step {
        /// Asked for.
        Requested = "requested",
        /// Granted.
        Approved = "approved",
        /// Set aside.
        Picked = "picked",
        /// Sent.
        Shipped = "shipped",
        /// Arrived in good order.
        Received = "received",
        /// Arrived broken.
        Damaged = "damaged",
        /// Never came.
        Lost = "lost",
        /// Sent back.
        Returned = "returned",
        /// Arrived beyond the papers.
        Over = "over",
        /// Promised, and given back to the sender's stock unsent.
        Released = "released",
        /// Asked for again in another dispatch.
        CarriedOver = "carried_over",
    }
}

impl From<Fate> for Step {
    fn from(fate: Fate) -> Self {
        match fate {
            Fate::Received => Self::Received,
            Fate::Damaged => Self::Damaged,
            Fate::Lost => Self::Lost,
            Fate::Returned => Self::Returned,
            Fate::Over => Self::Over,
        }
    }
}

/// A quantity of one lot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LotQuantity {
    /// The lot.
    pub lot_id: LotId,
    /// Its item, which is another than the line's where a substitute was picked.
    pub item_code: ItemCode,
    /// Base units.
    pub quantity: Quantity,
}

/// What one lorry carries of one lot for one line, and what has become of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Load {
    /// The lorry.
    pub shipment_id: ShipmentId,
    /// The lot.
    pub lot_id: LotId,
    /// The lot's item.
    pub item_code: ItemCode,
    /// Base units that left the sender.
    pub shipped: Quantity,
    /// Of these, arrived in good order.
    pub received: Quantity,
    /// Of these, arrived broken.
    pub damaged: Quantity,
    /// Of these, lost on the way.
    pub lost: Quantity,
    /// Of these, sent back.
    pub returned: Quantity,
    /// Beyond these, arrived all the same.
    pub over: Quantity,
}

impl Load {
    /// What is still on the way: shipped and without an end.
    pub fn in_transit(&self) -> Quantity {
        let ended = Quantity::total([self.received, self.damaged, self.lost, self.returned]);
        self.shipped.minus_or_zero(ended)
    }

    /// The number that counts a fate.
    pub fn count_mut(&mut self, fate: Fate) -> &mut Quantity {
        match fate {
            Fate::Received => &mut self.received,
            Fate::Damaged => &mut self.damaged,
            Fate::Lost => &mut self.lost,
            Fate::Returned => &mut self.returned,
            Fate::Over => &mut self.over,
        }
    }
}

/// One item of a dispatch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its number on the paper, from 1.
    pub line: i64,
    /// What is asked for.
    pub item_code: ItemCode,
    /// The lot that is asked for, where it must be that one.
    pub lot_id: Option<LotId>,
    /// Base units asked for.
    pub requested: Quantity,
    /// Base units granted; `None` before the approval.
    pub approved: Option<Quantity>,
    /// Base units set aside in all, shipped ones included; `None` before the picking.
    pub picked: Option<Quantity>,
    /// Base units of it that were asked for again in another dispatch.
    pub carried_over: Quantity,
    /// Lots promised and not yet shipped, those that expire first in front.
    pub reserved: Vec<LotQuantity>,
    /// What left the sender, the first lorry in front.
    pub loads: Vec<Load>,
}

impl Line {
    fn sum(&self, number: impl Fn(&Load) -> Quantity) -> Quantity {
        Quantity::total(self.loads.iter().map(number))
    }

    /// Base units that left the sender.
    pub fn shipped(&self) -> Quantity {
        self.sum(|load| load.shipped)
    }

    /// Base units that arrived in good order.
    pub fn received(&self) -> Quantity {
        self.sum(|load| load.received)
    }

    /// Base units that arrived broken.
    pub fn damaged(&self) -> Quantity {
        self.sum(|load| load.damaged)
    }

    /// Base units lost on the way.
    pub fn lost(&self) -> Quantity {
        self.sum(|load| load.lost)
    }

    /// Base units sent back.
    pub fn returned(&self) -> Quantity {
        self.sum(|load| load.returned)
    }

    /// Base units that arrived beyond the papers.
    pub fn over(&self) -> Quantity {
        self.sum(|load| load.over)
    }

    /// Base units on the way.
    pub fn in_transit(&self) -> Quantity {
        self.sum(Load::in_transit)
    }

    /// Base units promised and not yet shipped.
    pub fn reserved(&self) -> Quantity {
        Quantity::total(self.reserved.iter().map(|lot| lot.quantity))
    }

    /// What may still be set aside: granted and not yet shipped.
    pub fn to_ship(&self) -> Quantity {
        self.approved.unwrap_or(Quantity::ZERO).minus_or_zero(self.shipped())
    }

    /// What was asked for and is neither there, nor on its way, nor promised: cut, picked short,
    /// released, lost, damaged and sent back all keep the request open.
    pub fn open_remainder(&self) -> Quantity {
        self.requested.minus_or_zero(Quantity::total([
            self.received(),
            self.over(),
            self.in_transit(),
            self.reserved(),
            self.carried_over,
        ]))
    }
}

/// The order to move stock between two stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Its id.
    pub id: DispatchId,
    /// Its number, e.g. `DB-QN-DEPOT-2026-000123`.
    pub number: String,
    /// How far it has come.
    pub status: DispatchStatus,
    /// The sender; a request may leave it to whoever approves.
    pub from_store: Option<StoreCode>,
    /// The receiver, or where the goods were redirected to.
    pub to_store: StoreCode,
    /// The day or instant by which it is needed, as it was given.
    pub needed_by: Option<String>,
    /// How pressing the need is.
    pub urgency: Urgency,
    /// Why it is needed.
    pub reason: Option<String>,
    /// The number of the order on paper.
    pub order_number: Option<String>,
    /// By whose word.
    pub authority: Option<Authority>,
    /// What else there is to say.
    pub note: Option<String>,
    /// The dispatch whose open remainder it asks for again.
    pub follows: Option<DispatchId>,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Instant,
    /// Who approved it.
    pub approved_by: Option<String>,
    /// When.
    pub approved_at: Option<Instant>,
    /// When the last lorry is expected.
    pub expected_at: Option<Instant>,
    /// Counts the changes.
    pub version: i64,
    /// What it moves.
    pub lines: Vec<Line>,
}

impl Order {
    /// A line by its number.
    pub fn line(&self, number: i64) -> Option<&Line> {
        self.lines.iter().find(|line| line.line == number)
    }

    /// Base units on the way, over all lines.
    pub fn in_transit(&self) -> Quantity {
        Quantity::total(self.lines.iter().map(Line::in_transit))
    }

    /// Base units promised and not yet shipped, over all lines.
    pub fn reserved(&self) -> Quantity {
        Quantity::total(self.lines.iter().map(Line::reserved))
    }

    /// Whether anything that was asked for is still open; a cancelled dispatch asks for nothing.
    pub fn has_open_remainder(&self) -> bool {
        self.status != DispatchStatus::Cancelled
            && self.lines.iter().any(|line| !line.open_remainder().is_zero())
    }
}
