//! What clients see of issues.

use crate::authority::Authority;
use crate::catalogue::packs::InPacks;
use crate::draw_down::views::DrawDownView;
use crate::kernel::id::LotId;
use crate::kernel::{ItemCode, LotNumber, Quantity};
use crate::stock::account::Outside;
use crate::stock::fefo::PassedOverBecause;
use crate::stock::views::{CutView, DocumentHead, MovementView};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A quantity of one lot.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TakenLotView {
    /// The lot.
    pub lot_id: LotId,
    /// The number on the label.
    pub lot_number: LotNumber,
    /// The last day of use, where there is one.
    pub expires_on: Option<NaiveDate>,
    /// Base units.
    pub quantity: Quantity,
    /// Why a request would have passed it over; only a fact takes it all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub although: Option<PassedOverBecause>,
}

/// A lot that lies there and was not taken.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PassedOverView {
    /// The lot.
    pub lot_id: LotId,
    /// The number on the label.
    pub lot_number: LotNumber,
    /// Base units that lie there.
    pub quantity: Quantity,
    /// Why it was not taken.
    pub reason: PassedOverBecause,
}

/// A line of an issue, as recorded.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct IssueLineView {
    /// The line, from 1.
    pub line: i64,
    /// The item.
    pub item_code: ItemCode,
    /// Base units.
    pub quantity: Quantity,
    /// The same in the largest pack.
    pub in_packs: Option<InPacks>,
    /// The lots taken, first expired first.
    pub lots: Vec<TakenLotView>,
    /// The lots passed over, and why.
    pub passed_over: Vec<PassedOverView>,
    /// Of a fact: base units that the book did not hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmatched: Option<Quantity>,
    /// Of a fact: promises that it cut.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cuts: Vec<CutView>,
}

/// Who uses what was issued.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ConsumerView {
    /// E.g. `ward`.
    pub kind: Option<String>,
    /// Its code.
    pub code: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Who took the goods.
    pub received_by: Option<String>,
}

/// What an issue says beside its head.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct IssueDetail {
    /// For what it was issued.
    pub purpose: Outside,
    /// Who uses it.
    pub consumer: Option<ConsumerView>,
    /// By whose word.
    pub authority: Option<Authority>,
    /// The paper slip, where it had happened before it was booked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slip_number: Option<String>,
    /// Anything else.
    pub note: Option<String>,
    /// What was issued.
    pub lines: Vec<IssueLineView>,
}

/// An issue (出库单).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct IssueView {
    /// What every stock document says.
    #[serde(flatten)]
    pub head: DocumentHead,
    /// What an issue says.
    #[serde(flatten)]
    pub detail: IssueDetail,
    /// What of it was reserve.
    pub draw_downs: Vec<DrawDownView>,
    /// Its movements, with their reversals.
    pub movements: Vec<MovementView>,
}
