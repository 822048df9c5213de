//! What clients send to issue stock.

use crate::authority::AuthorityRequest;
use crate::stock::account::Outside;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Who uses what is issued.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsumerBody {
    /// E.g. `ward`, `sampling_site`, `community`.
    #[serde(default)]
    #[schema(example = "ward")]
    pub kind: Option<String>,
    /// Its code.
    #[serde(default)]
    pub code: Option<String>,
    /// Its name.
    #[serde(default)]
    #[schema(example = "发热门诊")]
    pub name: Option<String>,
    /// Who took the goods.
    #[serde(default)]
    #[schema(example = "王护士")]
    pub received_by: Option<String>,
}

/// A line of an issue.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueLineBody {
    /// The item.
    #[schema(example = "M02")]
    pub item_code: String,
    /// Base units.
    #[serde(default)]
    #[schema(example = 100, minimum = 1)]
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
    /// Only from this lot; first expired first without it.
    #[serde(default)]
    pub lot_id: Option<String>,
    /// Only from lots with this number on the label.
    #[serde(default)]
    pub lot_number: Option<String>,
    /// The purpose: stock earmarked for it may be taken.
    #[serde(default)]
    pub earmarked_for: Option<String>,
    /// The owner for whom it is: that owner's stock may be taken.
    #[serde(default)]
    pub owner_code: Option<String>,
}

/// An issue.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "store_code": "QN-TOWN", "purpose": "consumption",
    "consumer": {"kind": "ward", "name": "发热门诊", "received_by": "王护士"},
    "lines": [{"item_code": "M02", "quantity": 100}]
}))]
pub struct IssueRequest {
    /// The store.
    pub store_code: String,
    /// When it happened; now unless said.
    #[serde(default)]
    pub occurred_at: Option<String>,
    /// `consumption`, `aid_out`, `return_to_supplier`, `loan` or `drill`.
    #[schema(example = "consumption")]
    pub purpose: String,
    /// Who uses it.
    #[serde(default)]
    pub consumer: Option<ConsumerBody>,
    /// By whose word: for large issues, and for stock below its floor.
    #[serde(default)]
    pub authority: Option<AuthorityRequest>,
    /// It has happened already and is not refused; `slip_number` names its paper.
    #[serde(default)]
    pub after_the_fact: bool,
    /// The number of the paper slip; only with `after_the_fact`, and then required.
    #[serde(default)]
    #[schema(example = "手工出库单 0031")]
    pub slip_number: Option<String>,
    /// Anything else.
    #[serde(default)]
    pub note: Option<String>,
    /// What is issued, at most 1000 lines.
    pub lines: Vec<IssueLineBody>,
}

/// The purposes for which stock is issued.
pub fn purpose(word: &str) -> Option<Outside> {
    Outside::from_word(word).filter(|purpose| {
        matches!(
            purpose,
            Outside::Consumption
                | Outside::AidOut
                | Outside::ReturnToSupplier
                | Outside::Loan
                | Outside::Drill
        )
    })
}
