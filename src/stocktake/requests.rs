//! What clients send to run a stocktake.

use crate::catalogue::Category;
use crate::kernel::{FaultCode, Faults, ItemCode, Refusal};
use crate::stock::requests::optional_text;
use crate::stocktake::sheet::{Coverage, NotCounted};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The most items that a stocktake may name, and the most counts or reasons of one request.
pub const LINES_MAX: usize = 1_000;

/// A stocktake to begin.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"store_code": "QN-DEPOT", "category": "ppe", "blind": true, "rounds": 2}))]
pub struct StocktakeRequest {
    /// The store.
    #[schema(example = "QN-DEPOT")]
    pub store_code: String,
    /// Only items of this category.
    #[serde(default)]
    pub category: Option<String>,
    /// Only these items, at most 1000.
    #[serde(default)]
    pub items: Option<Vec<String>>,
    /// Whether the sheet keeps the book to itself, so that the goods are counted and not the book;
    /// `true` unless said.
    #[serde(default)]
    pub blind: Option<bool>,
    /// How many independent counts each line needs: 1 (unless said) or 2. Where two differ, a
    /// third decides.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 2)]
    pub rounds: Option<i64>,
    /// Business time of the book from which the sheet is made; now unless said.
    #[serde(default)]
    pub frozen_at: Option<String>,
    /// Anything else.
    #[serde(default)]
    pub note: Option<String>,
}

impl StocktakeRequest {
    /// What is to be counted.
    pub fn coverage(&self, faults: &mut Faults) -> Option<Coverage> {
        match (&self.category, &self.items) {
            (None, None) => Some(Coverage::Whole),
            (Some(_), Some(_)) => {
                faults.add("/items", FaultCode::Contradicts);
                None
            }
            (Some(word), None) => {
                let category = Category::from_word(word).ok_or(FaultCode::NotInList);
                faults.keep("/category", category).map(Coverage::Category)
            }
            (None, Some(codes)) => {
                if codes.is_empty() {
                    faults.add("/items", FaultCode::TooShort);
                } else if codes.len() > LINES_MAX {
                    faults.add("/items", FaultCode::TooLong);
                }
                let mut items: Vec<ItemCode> = Vec::with_capacity(codes.len());
                for (at, code) in codes.iter().enumerate() {
                    let pointer = format!("/items/{at}");
                    match faults.keep(&*pointer, ItemCode::new(code)) {
                        Some(item) if items.contains(&item) => {
                            faults.add(pointer, FaultCode::Duplicate);
                        }
                        item => items.extend(item),
                    }
                }
                Some(Coverage::Items(items))
            }
        }
    }
}

/// What was counted of one lot in one state.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CountBody {
    /// The line of the sheet. Or else name the lot.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub line: Option<i64>,
    /// The lot, on the sheet or not.
    #[serde(default)]
    pub lot_id: Option<String>,
    /// The item, with `lot_number`: also of goods that the book does not know.
    #[serde(default)]
    #[schema(example = "M02")]
    pub item_code: Option<String>,
    /// The number on the label.
    #[serde(default)]
    #[schema(example = "20260101A")]
    pub lot_number: Option<String>,
    /// Who made it, where the label says so.
    #[serde(default)]
    pub maker: Option<String>,
    /// When it was made, `YYYY-MM-DD`.
    #[serde(default)]
    pub manufactured_on: Option<String>,
    /// The last day of use, `YYYY-MM-DD`; needed for goods that no book of the county knows.
    #[serde(default)]
    pub expires_on: Option<String>,
    /// It does not expire.
    #[serde(default)]
    pub no_expiry: bool,
    /// The label does not say; such goods wait in `pending_inspection`.
    #[serde(default)]
    pub expiry_unknown: bool,
    /// The state in which it lies; `available` unless said.
    #[serde(default)]
    pub state: Option<String>,
    /// Base units. Nothing given is not zero: zero is said as 0.
    #[serde(default)]
    #[schema(example = 480, minimum = 0)]
    pub quantity: Option<i64>,
    /// Instead of `quantity`: the pack that `packs` counts.
    #[serde(default)]
    pub pack_code: Option<String>,
    /// Whole packs.
    #[serde(default)]
    pub packs: Option<i64>,
    /// Base units beside the packs.
    #[serde(default)]
    pub loose: Option<i64>,
    /// When this line was counted, where that differs from the others.
    #[serde(default)]
    pub counted_at: Option<String>,
    /// Anything else.
    #[serde(default)]
    pub note: Option<String>,
    /// The entry that this one replaces, because it was a slip; both are kept.
    #[serde(default)]
    pub supersedes: Option<String>,
    /// Why it is replaced.
    #[serde(default)]
    pub reason: Option<String>,
    /// With `supersedes`: the line counts as not counted in this round.
    #[serde(default)]
    pub withdrawn: bool,
}

/// What one pair of people counted in one round.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StocktakeCountsRequest, example = json!({
    "round": 1, "counted_at": "2026-03-02T01:30:00Z",
    "counted_by": "曾小兰", "witnessed_by": "廖建平",
    "counts": [{"line": 1, "quantity": 480},
               {"item_code": "M02", "lot_number": "X7", "maker": "稳健",
                "expires_on": "2027-05-31", "pack_code": "box", "packs": 3, "loose": 20}]
}))]
pub struct CountsRequest {
    /// 1 unless said; 2 for the second, independent count; 3 where the first two differ.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 3)]
    pub round: Option<i64>,
    /// When it was counted; now unless said. Not before the sheet was made.
    #[serde(default)]
    pub counted_at: Option<String>,
    /// Who counted; the user who enters it unless said.
    #[serde(default)]
    pub counted_by: Option<String>,
    /// Who saw it: somebody else.
    #[schema(example = "廖建平")]
    pub witnessed_by: String,
    /// What was counted, at most 1000 lines.
    pub counts: Vec<CountBody>,
}

/// Why a line differs.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LineReasonBody {
    /// The line.
    #[schema(minimum = 1, example = 1)]
    pub line: i64,
    /// From the list of reasons; absent to take a reason back.
    #[serde(default)]
    #[schema(example = "miscounted")]
    pub reason_code: Option<String>,
    /// The same in words.
    #[serde(default)]
    pub note: Option<String>,
}

/// Reasons for differences.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"lines": [{"line": 1, "reason_code": "lost", "note": "监控未见"}]}))]
pub struct ReasonsRequest {
    /// The lines, at most 1000.
    pub lines: Vec<LineReasonBody>,
}

/// Handing in or posting a stocktake.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"not_counted": "refuse"}))]
pub struct FinishRequest {
    /// `keep`: lines that nobody counted keep what the book says. `refuse` (unless said): they
    /// must be counted first.
    #[serde(default)]
    pub not_counted: Option<String>,
    /// Anything else.
    #[serde(default)]
    pub note: Option<String>,
}

/// A finish that makes sense.
#[derive(Debug, Clone)]
pub struct Finish {
    /// What becomes of lines that nobody counted, where it is said.
    pub not_counted: Option<NotCounted>,
    /// Anything else.
    pub note: Option<String>,
}

impl FinishRequest {
    /// Reads it.
    ///
    /// # Errors
    /// `validation_failed` with every fault.
    pub fn parse(self) -> Result<Finish, Refusal> {
        let mut faults = Faults::new();
        let not_counted = self.not_counted.as_deref().and_then(|word| {
            faults.keep("/not_counted", NotCounted::from_word(word).ok_or(FaultCode::NotInList))
        });
        let note = optional_text::<200>(self.note.as_ref(), "/note", &mut faults);
        faults.finish(Some(Finish { not_counted, note }))
    }
}

/// Approving a stocktake.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StocktakeApprovalRequest)]
pub struct NoteRequest {
    /// Why, in words.
    #[serde(default)]
    #[schema(example = "同意按实盘数调整")]
    pub note: Option<String>,
}

/// Sending a stocktake back, or giving it up.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StocktakeReasonRequest)]
pub struct WhyRequest {
    /// Why.
    #[schema(example = "第 3 行请复盘")]
    pub reason: String,
}
