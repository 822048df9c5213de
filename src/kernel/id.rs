//! Identifiers made by the service: UUIDv7 as lower-case hyphenated text.

use serde::{Deserialize, Serialize};

/// A text that is not an identifier of the service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier: {0}")]
pub struct NotAnId(pub String);

macro_rules! id_kinds {
    ($( $(#[$meta:meta])* $name:ident; )+) => {$(
        $(#[$meta])*
        ///
        /// Sortable by creation within one process; never used to order what several wrote.
        #[derive(
            Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
            diesel::expression::AsExpression, diesel::deserialize::FromSqlRow,
        )]
        #[diesel(sql_type = diesel::sql_types::Text)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// A new identifier, different from every other.
            #[allow(clippy::disallowed_methods, reason = "the one place where ids are made")]
            pub fn generate() -> Self {
                Self(uuid::Uuid::now_v7().hyphenated().to_string())
            }

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotAnId;
            fn try_from(text: String) -> Result<Self, NotAnId> {
                match uuid::Uuid::try_parse(&text) {
                    Ok(uuid) if uuid.hyphenated().to_string() == text => Ok(Self(text)),
                    Ok(_) | Err(_) => Err(NotAnId(text)),
                }
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .format(Some(utoipa::openapi::SchemaFormat::Custom("uuid".to_owned())))
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {}

        $crate::text_column!($name);
    )+};
}

id_kinds! {
    /// A user of the service.
    UserId;
    /// An API token of a user.
    TokenId;
    /// One entry of the audit trail.
    AuditId;
    /// A maker's lot: item, lot number, maker and expiry.
    MakersLotId;
    /// A maker's lot with its provenance, the grain of the ledger.
    LotId;
    /// One line of the ledger.
    MovementId;
    /// A document that posts to the ledger: receipt, issue, write-off, adjustment, state change.
    StockDocumentId;
    /// A version of a reserve plan.
    ReservePlanId;
    /// A line of a reserve plan.
    ReservePlanLineId;
    /// A declaration of a response level.
    ResponseLevelId;
    /// What somebody said of a version of a reserve plan.
    ReservePlanCommentId;
    /// Stock taken from below its floor.
    DrawDownId;
    /// The paperwork that is due after an act on a spoken authority.
    PaperworkId;
    /// An order to move stock between two stores.
    DispatchId;
    /// One lorry of a dispatch.
    ShipmentId;
    /// One signing for goods of a dispatch.
    DispatchReceiptId;
    /// A fact that the book could not cover.
    UnmatchedId;
    /// A promise that a fact cut.
    ReservationCutId;
    /// A correction of a maker's lot.
    MakersLotEventId;
    /// A cost that was settled.
    CostEventId;
    /// A proposal of who gets what of scarce stock.
    AllocationId;
    /// A promise that was made or taken back.
    ReservationEventId;
    /// A period that was closed.
    PeriodId;
    /// A clock that was accepted.
    ClockAcceptanceId;
    /// A write under way that may take longer than a command.
    LongWriteId;
    /// A stocktake.
    StocktakeId;
    /// What somebody counted in a stocktake.
    CountId;
    /// A stock report of a store for a business day.
    StockReportId;
    /// A daily use that somebody set by hand.
    DailyUseId;
    /// Something that somebody should know of.
    AlertId;
    /// A program elsewhere that is told of alerts.
    WebhookId;
    /// One telling of one event to one webhook.
    WebhookDeliveryId;
    /// Goods that are expected from outside.
    ExpectedReceiptId;
    /// A list of what may stand in for an item.
    SubstitutionListId;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_id_reads_back_and_other_spellings_are_refused() {
        let id = LotId::generate();
        assert_eq!(LotId::try_from(id.to_string()), Ok(id.clone()));
        assert!(LotId::try_from(id.to_string().to_uppercase()).is_err());
        assert!(LotId::try_from("1".to_owned()).is_err());
    }
}
