//! A stocktake and the lines of its sheet.

use crate::catalogue::Category;
use crate::kernel::id::{LotId, StocktakeId};
use crate::kernel::{Instant, ItemCode, LotNumber, Money, Quantity, StoreCode};
use crate::stock::{Expiry, ReasonCode, StockState};
use crate::word_enum;
use chrono::NaiveDate;

/// The letters with which the numbers of stocktakes begin: 盘点.
pub const PREFIX: &str = "PD";

/// What the ledger calls the document behind a count's movements.
pub const DOCUMENT_KIND: &str = "stocktake";

word_enum! {
    /// How far a stocktake has come.
    pub enum StocktakeStatus {
        /// 盘点中: counts are entered.
        Open = "open",
        /// 已提交: counting is over, the differences are looked at.
        Submitted = "submitted",
        /// 已批准: another user has approved the differences.
        Approved = "approved",
        /// 已过账: the book is what was counted.
        Posted = "posted",
        /// 已作废: it was given up and moved nothing.
        Cancelled = "cancelled",
    }
}

word_enum! {
    /// What posting does with lines that nobody counted. Not counted is not zero.
    pub enum NotCounted {
        /// Posting is refused until they are counted.
        Refuse = "refuse",
        /// They keep what the book says, and bear no mark of having been counted.
        Keep = "keep",
    }
}

/// What of a store is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Coverage {
    /// Everything.
    Whole,
    /// Items of one category.
    Category(Category),
    /// These items.
    Items(Vec<ItemCode>),
}

impl Coverage {
    /// Whether goods of an item belong to the stocktake.
    pub fn includes(&self, item: &ItemCode, category: Category) -> bool {
        match self {
            Self::Whole => true,
            Self::Category(counted) => *counted == category,
            Self::Items(items) => items.contains(item),
        }
    }
}

/// Who did something, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The user's name.
    pub by: String,
    /// When.
    pub at: Instant,
}

/// A stocktake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stocktake {
    /// Its id.
    pub id: StocktakeId,
    /// Its human number.
    pub number: String,
    /// The store that is counted.
    pub store_code: StoreCode,
    /// How far it has come.
    pub status: StocktakeStatus,
    /// What is counted.
    pub coverage: Coverage,
    /// Whether the sheet keeps the book to itself.
    pub blind: bool,
    /// How many independent counts each line needs: 1 or 2.
    pub rounds: i64,
    /// What posting does with lines that nobody counted.
    pub not_counted: NotCounted,
    /// Anything else.
    pub note: Option<String>,
    /// Business time of the book from which the sheet was made.
    pub frozen_at: Instant,
    /// The last movement of the store's chain when the sheet was made.
    pub frozen_seq: i64,
    /// Who began it.
    pub created: Step,
    /// Who handed the counts in.
    pub submitted: Option<Step>,
    /// Who approved the differences.
    pub approved: Option<Step>,
    /// Who posted it or gave it up.
    pub ended: Option<Step>,
    /// The last movement of the store's chain when it was posted.
    pub posted_seq: Option<i64>,
    /// What was said at the last decision.
    pub decision_note: Option<String>,
    /// Counts the changes.
    pub version: i64,
}

/// The moment of the book from which a sheet was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frozen {
    /// Business time.
    pub at: Instant,
    /// The last movement of the store's chain when the sheet was made.
    pub seq: i64,
    /// Whether the business time lay in the past already, so that movements from after it were
    /// known when the sheet was made.
    pub in_the_past: bool,
}

impl Stocktake {
    /// The moment of the book from which the sheet was made.
    pub fn frozen(&self) -> Frozen {
        Frozen {
            at: self.frozen_at,
            seq: self.frozen_seq,
            in_the_past: self.frozen_at < self.created.at,
        }
    }
}

/// What a label says of goods that the book does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The number on it.
    pub lot_number: LotNumber,
    /// Who made them; empty where it does not say.
    pub maker: String,
    /// When they were made.
    pub manufactured_on: Option<NaiveDate>,
    /// The last day of use.
    pub expiry: Expiry,
}

/// The goods of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Goods {
    /// A lot of the book.
    Lot(LotId),
    /// Goods of which the book knew no lot at this store.
    Unknown(Label),
}

impl Goods {
    /// The lot, where the book knows it.
    pub const fn lot(&self) -> Option<&LotId> {
        match self {
            Self::Lot(lot) => Some(lot),
            Self::Unknown(_) => None,
        }
    }
}

/// What a posted line came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineOutcome {
    /// What was there.
    pub counted: Quantity,
    /// When.
    pub counted_at: Instant,
    /// The round that decided.
    pub round: i64,
    /// How many rounds were counted.
    pub rounds: i64,
    /// What the book said of that moment.
    pub book: i64,
    /// The price of one base unit then.
    pub unit_cost: Option<Money>,
}

/// A line of the sheet: one lot in one state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SheetLine {
    /// The line, from 1.
    pub line_no: i64,
    /// The item.
    pub item_code: ItemCode,
    /// The goods.
    pub goods: Goods,
    /// Their state.
    pub state: StockState,
    /// What the book said when the sheet was made.
    pub frozen: Quantity,
    /// Whether it was found while counting and not on the sheet at first.
    pub added: bool,
    /// Why count and book differ.
    pub reason: Option<ReasonCode>,
    /// The same in words.
    pub reason_note: Option<String>,
    /// The difference that was approved.
    pub approved_difference: Option<i64>,
    /// What it came to, once posted.
    pub outcome: Option<LineOutcome>,
}
