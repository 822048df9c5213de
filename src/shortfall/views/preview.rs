//! What another response level would ask for, as the service shows it.

use super::PlanRef;
use crate::kernel::page::Cursor;
use crate::kernel::{Instant, ItemCode, Money, Quantity, RegionCode, StoreCode};
use crate::reserve_plan::level::ResponseLevel;
use crate::shortfall::preview::{ItemTotals, PreviewTotals};
use crate::shortfall::queries::Line;
use crate::shortfall::queries::preview::{Preview, change};
use crate::shortfall::rules::Status;
use crate::stock::views::freshness::FreshnessView;
use serde::Serialize;
use utoipa::ToSchema;

/// A page of what another response level would ask for, in the order of store and item.
#[derive(Debug, Serialize, ToSchema)]
pub struct LevelPreviewPage {
    /// The region that would declare it.
    pub region_code: RegionCode,
    /// The level that holds there now.
    pub level_now: ResponseLevel,
    /// The level that is tried.
    pub level_then: ResponseLevel,
    /// The plan in force there; null when there is none, or smaller regions have their own.
    pub plan: Option<PlanRef>,
    /// The time that the figures are of.
    pub as_of: Instant,
    /// The lines.
    pub rows: Vec<LevelPreviewRow>,
    /// Over all lines that match; null unless asked for.
    pub totals: Option<LevelPreviewTotals>,
    /// How many of the stores on the page were heard of lately, or with totals of all asked about.
    pub freshness: FreshnessView,
    /// Give this as `cursor` to get the next page; null on the last.
    pub next_cursor: Option<String>,
}

impl LevelPreviewPage {
    /// The page of a preview of `level` in `region`.
    pub fn new(region: RegionCode, level: ResponseLevel, preview: Preview) -> Self {
        let rows: Vec<LevelPreviewRow> =
            preview.lines.iter().map(|(now, then)| LevelPreviewRow::new(now, then)).collect();
        let last = rows.last().filter(|_| preview.more);
        Self {
            region_code: region,
            level_now: preview.level_now,
            level_then: level,
            plan: preview.plan.as_ref().map(PlanRef::from),
            as_of: preview.as_of,
            next_cursor: last.map(|row| Cursor::after(&(&row.store_code, &row.item_code)).into()),
            totals: preview.totals.map(LevelPreviewTotals::from),
            freshness: preview.fresh.into(),
            rows,
        }
    }
}

/// What a store would have to hold of an item, now and at the level that is tried.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LevelPreviewRow {
    /// The store.
    pub store_code: StoreCode,
    /// The item.
    pub item_code: ItemCode,
    /// The level that holds at the store now.
    pub level_now: ResponseLevel,
    /// The level that would hold there: its own where it declared one.
    pub level_then: ResponseLevel,
    /// Base units that may be used now.
    pub available: Quantity,
    /// Base units on the way that count.
    pub arriving: Quantity,
    /// The target now; null when it cannot be worked out.
    pub target_now: Option<Quantity>,
    /// The target then.
    pub target_then: Option<Quantity>,
    /// The floor now.
    pub floor_now: Option<Quantity>,
    /// The floor then.
    pub floor_then: Option<Quantity>,
    /// 现货缺口 now.
    pub on_hand_shortfall_now: Option<Quantity>,
    /// 现货缺口 then.
    pub on_hand_shortfall_then: Option<Quantity>,
    /// 净缺口 now.
    pub net_shortfall_now: Option<Quantity>,
    /// 净缺口 then.
    pub net_shortfall_then: Option<Quantity>,
    /// What the net shortfall costs then, at the newest known price.
    #[schema(value_type = Option<String>, example = "1466.40")]
    pub cost_then: Option<Money>,
    /// What it costs more than now; null when no price is known.
    #[schema(value_type = Option<String>, example = "366.60")]
    pub added_cost: Option<Money>,
    /// How the store stands now.
    pub status_now: Status,
    /// How it would stand.
    pub status_then: Status,
}

impl LevelPreviewRow {
    fn new(before: &Line, after: &Line) -> Self {
        let change = change(before, after);
        Self {
            store_code: before.store.clone(),
            item_code: before.item.clone(),
            level_now: before.level,
            level_then: after.level,
            available: before.available,
            arriving: before.arriving,
            target_now: change.now.target,
            target_then: change.then.target,
            floor_now: before.plan_line.line.floor_at(before.level),
            floor_then: after.plan_line.line.floor_at(after.level),
            on_hand_shortfall_now: change.now.on_hand_shortfall,
            on_hand_shortfall_then: change.then.on_hand_shortfall,
            net_shortfall_now: change.now.net_shortfall,
            net_shortfall_then: change.then.net_shortfall,
            cost_then: change.then.cost,
            added_cost: change.added_cost(),
            status_now: change.now.status,
            status_then: change.then.status,
        }
    }
}

/// What a level would mean altogether.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LevelPreviewTotals {
    /// Lines that match.
    pub lines: i64,
    /// Lines whose target is another one then.
    pub changed: i64,
    /// Lines that are met now.
    pub met_now: i64,
    /// Lines that are met then.
    pub met_then: i64,
    /// Lines whose target cannot be worked out then.
    pub not_computable: i64,
    /// Lines that lack more then and have no price: not part of `added_cost`.
    pub without_price: i64,
    /// What the shortfalls then cost more than those now, where a price is known.
    #[schema(value_type = Option<String>, example = "36660.00")]
    pub added_cost: Option<Money>,
    /// By item; quantities of different items are never added up.
    pub items: Vec<LevelPreviewItem>,
}

/// What a level would mean for one item, over all stores that match.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LevelPreviewItem {
    /// The item.
    pub item_code: ItemCode,
    /// The sum of the targets now.
    pub target_now: Quantity,
    /// The sum of the targets then.
    pub target_then: Quantity,
    /// The sum of the net shortfalls now.
    pub net_shortfall_now: Quantity,
    /// The sum of the net shortfalls then.
    pub net_shortfall_then: Quantity,
    /// What they cost more; null when no price is known.
    #[schema(value_type = Option<String>, example = "3666.00")]
    pub added_cost: Option<Money>,
}

impl From<PreviewTotals> for LevelPreviewTotals {
    fn from(totals: PreviewTotals) -> Self {
        Self {
            lines: totals.lines,
            changed: totals.changed,
            met_now: totals.met_now,
            met_then: totals.met_then,
            not_computable: totals.not_computable,
            without_price: totals.without_price,
            added_cost: totals.added_cost,
            items: totals.items.into_iter().map(LevelPreviewItem::from).collect(),
        }
    }
}

impl From<(ItemCode, ItemTotals)> for LevelPreviewItem {
    fn from((item_code, totals): (ItemCode, ItemTotals)) -> Self {
        Self {
            item_code,
            target_now: totals.target_now,
            target_then: totals.target_then,
            net_shortfall_now: totals.net_shortfall_now,
            net_shortfall_then: totals.net_shortfall_then,
            added_cost: totals.added_cost,
        }
    }
}
