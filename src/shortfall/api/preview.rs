//! The REST face of trying a response level.

use super::{horizon, rows_of};
use crate::access::Permission;
use crate::catalogue::Category;
use crate::http::{ApiError, Caller, Filters, page_after};
use crate::kernel::{FaultCode, Faults, ItemCode, RegionCode, StoreCode};
use crate::reserve_plan::level::ResponseLevel;
use crate::shortfall::queries::Question;
use crate::shortfall::queries::preview::preview;
use crate::shortfall::views::preview::LevelPreviewPage;
use actix_web::{HttpResponse, get};
use serde::Deserialize;
use utoipa::IntoParams;

/// Which level to try where, and which lines to show.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PreviewQuery {
    /// The region that would declare it; a commander's own unless said.
    #[param(example = "360729")]
    region: Option<String>,
    /// The level: `normal`, `IV`, `III`, `II` or `I`.
    #[param(example = "II")]
    level: String,
    /// At this store.
    store: Option<String>,
    /// Of this item.
    item: Option<String>,
    /// At stores of this kind.
    kind: Option<String>,
    /// Of items in this category.
    category: Option<String>,
    /// Goods on the way count when they arrive within this many days; 7 unless said or set otherwise.
    #[param(minimum = 0, maximum = 365)]
    horizon_days: Option<i64>,
    /// Whether the totals over all lines that match are wanted.
    totals: Option<bool>,
    /// Rows of a page: 50 unless said, 1000 at most.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Try a response level
///
/// What a level would ask for before it is declared: for every line of the plan in force the target
/// and the shortfall now and then, and what the difference costs where a price is known. Smaller
/// regions that declared a level of their own keep it. Nothing is stored and nobody is told.
#[utoipa::path(tag = "planning", operation_id = "preview_response_level", params(PreviewQuery),
    responses((status = 200, description = "The lines now and then", body = LevelPreviewPage)),
    extensions(("x-permission" = json!("shortfalls.read"))))]
#[get("/response-level/preview")]
pub async fn preview_response_level(
    caller: Caller,
    Filters(query): Filters<PreviewQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let own = caller.actor().region.clone();
    let region = match query.region.as_deref() {
        Some(text) => faults.keep("/region", RegionCode::new(text)),
        None => faults.keep("/region", own.ok_or(FaultCode::Required)),
    };
    let level = ResponseLevel::from_word(&query.level).ok_or(FaultCode::NotInList);
    let level = faults.keep("/level", level);
    let question = query.question(&mut faults);
    let ((region, level), question) = faults.finish(region.zip(level).zip(Some(question)))?;
    caller
        .read(Permission::ReadShortfalls, move |conn, app, actor| {
            let question = Question { scope: actor.scope.stores(), ..question };
            let now = app.clock.now();
            let found = preview(conn, &question, &region, level, &app.settings, now)?;
            Ok(LevelPreviewPage::new(region, level, found))
        })
        .await
}

impl PreviewQuery {
    /// Which lines, still without the caller's scope and the region.
    fn question(self, faults: &mut Faults) -> Question {
        let (size, after) = page_after(self.limit, self.cursor.as_deref(), faults);
        Question {
            store: self.store.and_then(|text| faults.keep("/store", StoreCode::new(&text))),
            kind: self.kind,
            item: self.item.and_then(|text| faults.keep("/item", ItemCode::new(&text))),
            category: self.category.and_then(|word| {
                faults.keep("/category", Category::from_word(&word).ok_or(FaultCode::NotInList))
            }),
            horizon_days: horizon(self.horizon_days, faults),
            after,
            limit: Some(rows_of(size)),
            totals: self.totals.unwrap_or(false),
            ..Question::default()
        }
    }
}
