//! Norms of use as the service shows them.

use crate::catalogue::Category;
use crate::kernel::Ratio;
use crate::reserve_plan::norm::{Head, Norm, Span, Thing, Unit};
use serde::Serialize;
use utoipa::ToSchema;

/// A norm of use with its source.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PlanningNormView {
    /// How a basis names it (`norm_code`); what stands under a code never changes.
    #[schema(example = "who-esft4-exam-gloves-inpatient-hcw")]
    pub code: &'static str,
    /// What it is about, for `?thing=`.
    pub thing: Thing,
    /// The same in Chinese.
    #[schema(example = "检查手套")]
    pub name_zh: &'static str,
    /// The same in English.
    #[schema(example = "examination gloves")]
    pub name_en: &'static str,
    /// Its category; null for staff.
    pub category: Option<Category>,
    /// What it counts.
    pub head: Head,
    /// The same in Chinese.
    #[schema(example = "每名住院病区医护")]
    pub head_zh: &'static str,
    /// The same in English, after "for each".
    #[schema(example = "health worker of inpatient wards")]
    pub head_en: &'static str,
    /// The amount for one of them, exact.
    #[schema(value_type = String, example = "24")]
    pub amount: Ratio,
    /// In what it counts. Where the item's base unit is another, a basis says `norm_units`: 2 for
    /// single gloves, "1/500" for bottles of 500 ml.
    pub unit: Unit,
    /// Whether the amount is for a day or for the whole stock.
    pub span: Span,
    /// Whether the thing is used again: its need is then not multiplied by days.
    pub reusable: bool,
    /// Who published it.
    pub source: &'static str,
}

impl From<&'static Norm> for PlanningNormView {
    fn from(norm: &'static Norm) -> Self {
        let (name_zh, name_en, category) = norm.thing.names();
        let (head_zh, head_en) = norm.head.names();
        Self {
            code: norm.code,
            thing: norm.thing,
            name_zh,
            name_en,
            category,
            head: norm.head,
            head_zh,
            head_en,
            amount: norm.amount(),
            unit: norm.unit,
            span: norm.span,
            reusable: norm.reusable,
            source: norm.source.citation(),
        }
    }
}
