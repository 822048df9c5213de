//! Corrections of maker's lots over REST.

use crate::access::Permission;
use crate::correction::commands;
use crate::correction::requests::{CorrectionRequest, ExpiryRequest};
use crate::correction::views::LabelCorrectionView;
use crate::http::{ApiError, Caller};
use crate::kernel::Refusal;
use crate::kernel::id::MakersLotId;
use actix_web::{HttpResponse, post, web};
use utoipa_actix_web::service_config::ServiceConfig;

/// Correct a maker's lot
///
/// Puts right what was booked wrong of its label: item, number, maker or dates (批号更正). Where item,
/// number or maker change, every piece goes to the right maker's lot by `reclassification`
/// movements, in all stores and on the lorries at once, and promises go with it; where the book
/// knows the right one already, they become one. An item changes only into one of the same base
/// unit.
#[utoipa::path(tag = "stock", operation_id = "correct_makers_lot",
    request_body = CorrectionRequest,
    params(("id" = MakersLotId, Path, description = "The maker's lot's id")),
    responses((status = 200, description = "What was corrected, and where it lies", body = LabelCorrectionView)),
    extensions(("x-permission" = json!("lots.correct"))))]
#[post("/makers-lots/{id}/correction")]
pub async fn correct_makers_lot(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::CorrectLots, Ok::<CorrectionRequest, _>, move |tx, request| {
            commands::correct(tx, &makers_lot_id(&id)?, request)
        })
        .await
}

/// Change the expiry of a maker's lot
///
/// In all stores at once: an extension needs an authority, a typing error does not. What the book
/// said before stays answerable with `as_known_at`.
#[utoipa::path(tag = "stock", operation_id = "set_makers_lot_expiry",
    request_body = ExpiryRequest,
    params(("id" = MakersLotId, Path, description = "The maker's lot's id")),
    responses((status = 200, description = "What was changed, and where it lies", body = LabelCorrectionView)),
    extensions(("x-permission" = json!("lots.correct"))))]
#[post("/makers-lots/{id}/expiry")]
pub async fn set_makers_lot_expiry(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::CorrectLots, Ok::<ExpiryRequest, _>, move |tx, request| {
            commands::set_expiry(tx, &makers_lot_id(&id)?, request)
        })
        .await
}

fn makers_lot_id(text: &str) -> Result<MakersLotId, Refusal> {
    MakersLotId::try_from(text.to_owned())
        .map_err(|_shape| Refusal::not_found("批号", "maker's lot", text))
}

/// The operations that put maker's lots right.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(correct_makers_lot).service(set_makers_lot_expiry);
}
