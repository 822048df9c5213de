//! A problem as clients send it to the solver.

use crate::allocation::faults;
use crate::allocation::problem::{
    Donor, Measure, Policy, Problem, Recipient, Route, Routes, Stage,
};
use crate::kernel::{FaultCode, Faults, Quantity, Ratio, Refusal};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Type};

/// The longest text of an exact number.
const MAX_DIGITS: usize = 50;

/// An integer, or an exact fraction as text: `30`, `"30"`, `"61/2"`.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub struct ExactNumber(Value);

impl ExactNumber {
    /// Its value.
    ///
    /// # Errors
    /// What is wrong with it.
    fn ratio(&self) -> Result<Ratio, FaultCode> {
        match &self.0 {
            Value::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(whole), _) => Ok(Ratio::whole(whole.into())),
                (None, Some(whole)) => Ok(Ratio::whole(whole.into())),
                // A float: beyond what integers hold, or a decimal, which is not exact.
                (None, None) if number.to_string().contains("e+") => Err(FaultCode::OutOfRange),
                (None, None) => Err(FaultCode::InvalidFormat),
            },
            Value::String(text) if text.len() <= MAX_DIGITS => read(text),
            Value::String(_) => Err(FaultCode::TooLong),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                Err(FaultCode::WrongType)
            }
        }
    }

    /// Its value where it is whole.
    fn whole(&self) -> Result<i64, FaultCode> {
        let ratio = self.ratio()?;
        if ratio.denominator() != 1 {
            return Err(FaultCode::InvalidFormat);
        }
        i64::try_from(ratio.numerator()).map_err(|_beyond| FaultCode::OutOfRange)
    }

    fn quantity(&self) -> Result<Quantity, FaultCode> {
        Quantity::new(self.whole()?).map_err(|_range| FaultCode::OutOfRange)
    }
}

fn read(text: &str) -> Result<Ratio, FaultCode> {
    let (above, below) = text.split_once('/').unwrap_or((text, "1"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(above.strip_prefix('-').unwrap_or(above)) || !digits(below) {
        return Err(FaultCode::InvalidFormat);
    }
    let parsed = above.parse().ok().zip(below.parse().ok());
    let (above, below) = parsed.ok_or(FaultCode::OutOfRange)?;
    Ratio::new(above, below).ok_or(FaultCode::OutOfRange)
}

impl utoipa::PartialSchema for ExactNumber {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        OneOfBuilder::new()
            .item(ObjectBuilder::new().schema_type(Type::Integer))
            .item(ObjectBuilder::new().schema_type(Type::String).pattern(Some(r"^-?\d+(/\d+)?$")))
            .description(Some("An integer, or an exact fraction as text."))
            .examples([serde_json::json!("61/2")])
            .into()
    }
}

impl ToSchema for ExactNumber {}

/// One item to be divided.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "policy": "leximin", "measure": "days_of_cover", "pack": 20,
    "donors": [{"id": "county_reserve", "available": 3400, "floor": 1000}],
    "recipients": [
        {"id": "county_hospital", "available": 1200, "daily_use": 240, "target": 7200, "priority": 1},
        {"id": "cdc", "available": 90, "daily_use": "61/2", "target": 900, "priority": 1},
        {"id": "dajishan", "available": 0, "daily_use": 5, "target": 150, "priority": 2}
    ],
    "routes": [
        {"donor": "county_reserve", "recipient": "county_hospital", "cost": 2},
        {"donor": "county_reserve", "recipient": "cdc", "cost": 1},
        {"donor": "county_reserve", "recipient": "dajishan", "cost": "35/2"}
    ]
}))]
pub struct SolveRequest {
    /// `leximin`, `staged_leximin` (unless said), `weighted`, `proportional`, `strict_priority`,
    /// `equal_awards` or `equal_losses`.
    #[schema(example = "staged_leximin")]
    pub policy: Option<String>,
    /// `days_of_cover` (unless said), `coverage` or `need`.
    #[schema(example = "days_of_cover")]
    pub measure: Option<String>,
    /// Base units in one pack, above zero.
    pub pack: ExactNumber,
    /// Those who give; together at most 2^53 - 1 base units.
    #[schema(max_items = 200)]
    pub donors: Vec<DonorBody>,
    /// Those who receive; ties go to whoever comes first.
    #[schema(max_items = 5000)]
    pub recipients: Vec<RecipientBody>,
    /// The routes that are open; absent or null: every route, at no cost.
    #[schema(max_items = 1_000_000)]
    pub routes: Option<Vec<RouteBody>>,
    /// The steps of `staged_leximin`. Absent: everyone to 3 days, priority 1 to 7, everyone to 7,
    /// priority 1 to its target, then all to theirs.
    #[schema(max_items = 50)]
    pub stages: Option<Vec<StageBody>>,
}

/// Someone who gives whole packs of what lies above a floor.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AllocationDonorBody)]
pub struct DonorBody {
    /// Who it is; unique among donors and recipients.
    #[schema(example = "county_reserve", max_length = 100)]
    pub id: String,
    /// Base units that are there and may be given.
    pub available: ExactNumber,
    /// Base units that must remain; none unless said.
    pub floor: Option<ExactNumber>,
}

/// Someone who receives.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AllocationRecipientBody)]
pub struct RecipientBody {
    /// Who it is; unique among donors and recipients.
    #[schema(example = "county_hospital", max_length = 100)]
    pub id: String,
    /// Base units that are there already; none unless said.
    pub available: Option<ExactNumber>,
    /// Average daily use in base units; null or 0 where it is not known.
    pub daily_use: Option<ExactNumber>,
    /// Base units that should be there.
    pub target: Option<ExactNumber>,
    /// Base units that are lacking; worked out from the target unless said.
    pub need: Option<ExactNumber>,
    /// The class: 1 before 2, none after every class.
    pub priority: Option<ExactNumber>,
    /// Scales the denominator of the level, above zero: 2 gets twice the level of 1.
    pub weight: Option<ExactNumber>,
    /// The most packs it may get; worked out from the target, or the need, unless said.
    pub max_packs: Option<ExactNumber>,
}

/// A route that is open.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AllocationRouteBody)]
pub struct RouteBody {
    /// The id of the donor.
    #[schema(example = "county_reserve")]
    pub donor: String,
    /// The id of the recipient.
    #[schema(example = "county_hospital")]
    pub recipient: String,
    /// The cost of one pack, not negative; none unless said.
    pub cost: Option<ExactNumber>,
}

/// A step of a staged allocation.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AllocationStageBody)]
pub struct StageBody {
    /// Those of this priority or a smaller number; null: everyone.
    pub priority_at_most: Option<ExactNumber>,
    /// The days of cover up to which they are brought; null: their targets.
    pub to_days: Option<ExactNumber>,
}

impl SolveRequest {
    /// The problem.
    ///
    /// # Errors
    /// `validation_failed` with every fault: of the numbers as they are written, and of what the
    /// problem means.
    pub fn understand(self) -> Result<Problem, Refusal> {
        let mut reader = Reader(Faults::new());
        let problem = reader.problem(self);
        let Err(meant) = faults::check(&problem) else {
            return reader.0.finish(Some(problem));
        };
        // Where a number could not be read, what would be said of its absence is beside the point.
        let mut all = reader.0.into_faults();
        let told: BTreeSet<String> = all.iter().map(|fault| fault.pointer.clone()).collect();
        all.extend(meant.into_iter().filter(|fault| !told.contains(&fault.pointer)));
        Err(Refusal::invalid(all))
    }
}

/// Reads numbers and remembers what is wrong with them.
struct Reader(Faults);

impl Reader {
    fn problem(&mut self, body: SolveRequest) -> Problem {
        let stages = self.stages(body.stages.unwrap_or_default());
        let policy = body.policy.unwrap_or_else(|| "staged_leximin".to_owned());
        let policy = Policy::from_word(&policy).ok_or(FaultCode::NotInList);
        let measure = body.measure.unwrap_or_else(|| "days_of_cover".to_owned());
        let measure = Measure::from_word(&measure).ok_or(FaultCode::NotInList);
        let policy = match self.0.keep("/policy", policy).unwrap_or(Policy::Leximin) {
            Policy::StagedLeximin { .. } => Policy::StagedLeximin { stages },
            other @ (Policy::Leximin
            | Policy::Weighted
            | Policy::Proportional
            | Policy::StrictPriority
            | Policy::EqualAwards
            | Policy::EqualLosses) => other,
        };
        let one = Quantity::new(1).unwrap_or(Quantity::ZERO);
        Problem {
            policy,
            measure: self.0.keep("/measure", measure).unwrap_or(Measure::DaysOfCover),
            pack: self.0.keep("/pack", body.pack.quantity()).unwrap_or(one),
            donors: self.donors(body.donors),
            recipients: self.recipients(body.recipients),
            routes: match body.routes {
                None => Routes::All,
                Some(routes) => Routes::Only(self.routes(routes)),
            },
        }
    }

    fn donors(&mut self, bodies: Vec<DonorBody>) -> Vec<Donor> {
        let donor = |(number, body): (usize, DonorBody)| {
            let at = |field: &str| format!("/donors/{number}/{field}");
            let available = self.0.keep(at("available"), body.available.quantity());
            let floor = self.optional(at("floor"), body.floor, ExactNumber::quantity);
            Donor {
                id: body.id,
                available: available.unwrap_or(Quantity::ZERO),
                floor: floor.unwrap_or(Quantity::ZERO),
            }
        };
        bodies.into_iter().enumerate().map(donor).collect()
    }

    fn recipients(&mut self, bodies: Vec<RecipientBody>) -> Vec<Recipient> {
        let recipient = |(number, body): (usize, RecipientBody)| {
            let at = |field: &str| format!("/recipients/{number}/{field}");
            let available = self.optional(at("available"), body.available, ExactNumber::quantity);
            Recipient {
                id: body.id,
                available: available.unwrap_or(Quantity::ZERO),
                daily_use: self.optional(at("daily_use"), body.daily_use, ExactNumber::ratio),
                target: self.optional(at("target"), body.target, ExactNumber::ratio),
                need: self.optional(at("need"), body.need, ExactNumber::ratio),
                priority: self.optional(at("priority"), body.priority, ExactNumber::whole),
                weight: self.optional(at("weight"), body.weight, ExactNumber::ratio),
                max_packs: self.optional(at("max_packs"), body.max_packs, ExactNumber::whole),
            }
        };
        bodies.into_iter().enumerate().map(recipient).collect()
    }

    fn routes(&mut self, bodies: Vec<RouteBody>) -> Vec<Route> {
        let route = |(number, body): (usize, RouteBody)| {
            let at = format!("/routes/{number}/cost");
            let cost = self.optional(at, body.cost, ExactNumber::ratio);
            Route {
                donor: body.donor,
                recipient: body.recipient,
                cost: cost.unwrap_or(Ratio::ZERO),
            }
        };
        bodies.into_iter().enumerate().map(route).collect()
    }

    fn stages(&mut self, bodies: Vec<StageBody>) -> Vec<Stage> {
        let stage = |(number, body): (usize, StageBody)| {
            let at = |field: &str| format!("/stages/{number}/{field}");
            let class = body.priority_at_most;
            Stage {
                priority_at_most: self.optional(at("priority_at_most"), class, ExactNumber::whole),
                to_days: self.optional(at("to_days"), body.to_days, ExactNumber::ratio),
            }
        };
        bodies.into_iter().enumerate().map(stage).collect()
    }

    fn optional<T>(
        &mut self,
        pointer: String,
        number: Option<ExactNumber>,
        read: impl Fn(&ExactNumber) -> Result<T, FaultCode>,
    ) -> Option<T> {
        number.and_then(|number| self.0.keep(pointer, read(&number)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(json: &str) -> ExactNumber {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn numbers_are_integers_or_fractions_in_text_and_never_decimals() {
        assert_eq!(number("30").ratio(), Ok(Ratio::whole(30)));
        assert_eq!(number("\"30\"").whole(), Ok(30));
        assert_eq!(number("\"61/2\"").ratio().unwrap().to_string(), "61/2");
        assert_eq!(number("\"61/2\"").whole(), Err(FaultCode::InvalidFormat));
        for inexact in ["1.5", "\"1.5\"", "\"\"", "\"1/\"", "\"/2\"", "\"+1\"", "\" 1\"", "1e-3"] {
            assert_eq!(number(inexact).ratio(), Err(FaultCode::InvalidFormat), "{inexact}");
        }
        assert_eq!(number("\"1/0\"").ratio(), Err(FaultCode::OutOfRange));
        assert_eq!(number("9007199254740992").quantity(), Err(FaultCode::OutOfRange));
        assert_eq!(number("18446744073709551615").quantity(), Err(FaultCode::OutOfRange));
        assert_eq!(number("99999999999999999999999").ratio(), Err(FaultCode::OutOfRange));
        assert_eq!(number("true").ratio(), Err(FaultCode::WrongType));
    }
}
