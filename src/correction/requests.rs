//! What clients send to put the label of a maker's lot right.

use crate::authority::{Authority, AuthorityRequest};
use crate::correction::rules::{ExpiryBecause, Right};
use crate::kernel::time::parse_date;
use crate::kernel::{FaultCode, Faults, Instant, ItemCode, LotNumber, Refusal};
use crate::stock::lot::Expiry;
use crate::stock::reason::ReasonCode;
use crate::stock::requests::{optional_text, reason};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What was booked wrong of a maker's lot: only what changes is given.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"item_code": "M03", "reason_code": "wrong_item",
    "note": "2020年1月31日更正：N95 36000 应为 KN95 36000"}))]
pub struct CorrectionRequest {
    /// The item; of the same base unit as the one booked.
    #[serde(default)]
    pub item_code: Option<String>,
    /// The number on the label.
    #[serde(default)]
    pub lot_number: Option<String>,
    /// Who made it.
    #[serde(default)]
    pub maker: Option<String>,
    /// When it was made, `YYYY-MM-DD`.
    #[serde(default)]
    pub manufactured_on: Option<String>,
    /// The last day of use, `YYYY-MM-DD`.
    #[serde(default)]
    pub expires_on: Option<String>,
    /// It does not expire.
    #[serde(default)]
    pub no_expiry: bool,
    /// Why, from the list of reasons.
    #[schema(example = "wrong_item")]
    pub reason_code: String,
    /// Why, in words.
    #[serde(default)]
    pub note: Option<String>,
}

/// A new expiry of a maker's lot.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"expires_on": "2028-07-01", "because": "extended",
    "authority": {"kind": "order", "number": "赣药监〔2026〕12号", "issued_by": "省药监局"},
    "reason_code": "other"}))]
pub struct ExpiryRequest {
    /// The last day of use, `YYYY-MM-DD`.
    #[serde(default)]
    pub expires_on: Option<String>,
    /// It does not expire.
    #[serde(default)]
    pub no_expiry: bool,
    /// `extended`, which needs an authority, or `typing_error`.
    #[schema(example = "extended")]
    pub because: String,
    /// By whose word it was extended.
    #[serde(default)]
    pub authority: Option<AuthorityRequest>,
    /// Why, from the list of reasons.
    #[schema(example = "other")]
    pub reason_code: String,
    /// Why, in words.
    #[serde(default)]
    pub note: Option<String>,
}

/// Why something is put right.
#[derive(Debug, Clone)]
pub struct Why {
    /// From the list of reasons.
    pub reason: ReasonCode,
    /// In words.
    pub note: Option<String>,
}

impl CorrectionRequest {
    /// What is right, and why it was wrong.
    ///
    /// # Errors
    /// `validation_failed` with every fault.
    pub fn parse(&self) -> Result<(Right, Why), Refusal> {
        let mut faults = Faults::new();
        let item = self.item_code.as_deref().map(ItemCode::new);
        let number = self.lot_number.as_deref().map(|text| LotNumber::new(text.trim()));
        let right = Right {
            item_code: item.and_then(|item| faults.keep("/item_code", item)),
            lot_number: number.and_then(|number| faults.keep("/lot_number", number)),
            maker: optional_text::<120>(self.maker.as_ref(), "/maker", &mut faults),
            manufactured_on: self.manufactured_on.as_deref().and_then(|text| {
                faults.keep("/manufactured_on", parse_date(text).ok_or(FaultCode::NotADate))
            }),
            expiry: expiry(self.expires_on.as_deref(), self.no_expiry, &mut faults),
        };
        let reason = reason(&self.reason_code, "/reason_code", &mut faults);
        let note = optional_text::<500>(self.note.as_ref(), "/note", &mut faults);
        faults.finish(reason.map(|reason| (right, Why { reason, note })))
    }
}

impl ExpiryRequest {
    /// The new expiry, why it changes and by whose word.
    ///
    /// # Errors
    /// `validation_failed` with every fault.
    pub fn parse(
        &self,
        latest: Instant,
    ) -> Result<(Expiry, ExpiryBecause, Option<Authority>, Why), Refusal> {
        let mut faults = Faults::new();
        let to = expiry(self.expires_on.as_deref(), self.no_expiry, &mut faults);
        if self.expires_on.is_none() && !self.no_expiry {
            faults.add("/expires_on", FaultCode::Required);
        }
        let because = ExpiryBecause::from_word(&self.because).ok_or(FaultCode::NotInList);
        let because = faults.keep("/because", because);
        let authority = self
            .authority
            .as_ref()
            .and_then(|given| given.parse("/authority", latest, &mut faults));
        let reason = reason(&self.reason_code, "/reason_code", &mut faults);
        let note = optional_text::<500>(self.note.as_ref(), "/note", &mut faults);
        let all = to.zip(because).zip(reason);
        let all = all.map(|((to, because), reason)| (to, because, authority, Why { reason, note }));
        faults.finish(all)
    }
}

fn expiry(expires_on: Option<&str>, no_expiry: bool, faults: &mut Faults) -> Option<Expiry> {
    match (expires_on, no_expiry) {
        (None, false) => None,
        (None, true) => Some(Expiry::None),
        (Some(text), false) => {
            let day = parse_date(text).ok_or(FaultCode::NotADate);
            faults.keep("/expires_on", day).map(Expiry::Dated)
        }
        (Some(_), true) => {
            faults.add("/no_expiry", FaultCode::Contradicts);
            None
        }
    }
}
