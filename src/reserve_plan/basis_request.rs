//! What clients send about a ground of a target, and how it becomes one: every fault gathered.

use crate::kernel::{FaultCode, Faults, Quantity};
use crate::reserve_plan::basis::{Basis, Bound, Post, SafetyMeasure};
use crate::reserve_plan::norm::norm_named;
use crate::reserve_plan::pooled::{PooledOutput, PooledTesting};
use crate::reserve_plan::rate::{Rate, RateText};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The most days that a basis may cover: ten years.
const MAX_DAYS: i64 = 3_650;
/// The most heads, and the largest rate, of a norm.
const MAX_HEADS: i64 = 1_000_000_000;
/// The most wells of a plate, rounds of testing, or people in a pool.
const MAX_SMALL: i64 = 10_000;
/// The most bases that a line may have.
const MAX_BASES: usize = 10;
/// The most posts that a basis at full load may have.
const MAX_POSTS: usize = 50;
/// Wells of the usual plate.
const PLATE: i64 = 96;
/// The usual controls of a run: one positive, one negative.
const CONTROLS: i64 = 2;

/// A ground of a target. By `kind`:
///
/// - `fixed`: `quantity`;
/// - `days_of_cover`: `days` of the average daily consumption;
/// - `full_load`: `days × Σ posts (count × staff × per_day)`;
/// - `norm`: `heads × rate / per × days`;
/// - `pooled_testing`: `people`, `pool`, `wells`, `controls`, `rounds`, `waste_percent`,
///   `tests_per_kit`, and `output`, which says what the line's item is;
/// - `safety_stock`: `ceil(z × sqrt(lead_days × daily_sigma² + daily² × lead_days_sigma²))`;
/// - `min_max`: `ceil(ADC × (lead_days + safety_days))`, or with `review_days` more.
///
/// A norm or a post may name a norm of the library (`norm_code`): it fills `rate` and `per`, or
/// `per_day`, times `norm_units`, and stays frozen in the line.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BasisBody {
    /// `fixed`, `days_of_cover`, `full_load`, `norm`, `pooled_testing`, `safety_stock` or `min_max`.
    #[schema(example = "fixed")]
    pub kind: String,
    /// Base units of a fixed quota.
    #[schema(minimum = 0, example = 5000)]
    pub quantity: Option<i64>,
    /// Days of the average daily consumption, at full load, or of a norm for a day.
    #[schema(minimum = 1)]
    pub days: Option<i64>,
    /// Posts, beds or visits at full load.
    pub posts: Option<Vec<PostBody>>,
    /// Number of heads of a norm: people, beds, staff, students.
    #[schema(minimum = 0)]
    pub heads: Option<i64>,
    /// Base units for each `per` heads.
    #[schema(minimum = 0)]
    pub rate: Option<i64>,
    /// The heads that `rate` is for; 1 unless said.
    #[schema(minimum = 1)]
    pub per: Option<i64>,
    /// A norm of the library, in place of `rate` and `per`.
    #[schema(example = "who-esft4-exam-gloves-inpatient-hcw")]
    pub norm_code: Option<String>,
    /// Base units of the item for one unit of that norm; 1 unless said.
    pub norm_units: Option<RateText>,
    /// People tested in each round.
    #[schema(minimum = 0)]
    pub people: Option<i64>,
    /// People in one tube.
    #[schema(minimum = 1)]
    pub pool: Option<i64>,
    /// Wells of a plate; 96 unless said.
    pub wells: Option<i64>,
    /// Wells of a run that hold controls; 2 unless said.
    pub controls: Option<i64>,
    /// Rounds; 1 unless said.
    pub rounds: Option<i64>,
    /// Whole percents that are lost, below 100; 0 unless said.
    pub waste_percent: Option<i64>,
    /// Tests in a kit; required where the output is counted in kits.
    pub tests_per_kit: Option<i64>,
    /// What the line's item is: `kits` unless said.
    pub output: Option<String>,
    /// The quantile of the service level, e.g. `"1.645"`.
    pub z: Option<RateText>,
    /// Days from order to delivery.
    pub lead_days: Option<RateText>,
    /// Their standard deviation; 0 unless said.
    pub lead_days_sigma: Option<RateText>,
    /// Demand of a day; the average daily consumption unless said.
    pub daily: Option<RateText>,
    /// The standard deviation of a day's demand.
    pub daily_sigma: Option<RateText>,
    /// `safety_stock` unless said, or `reorder_point`.
    pub measure: Option<String>,
    /// Days of use kept as safety.
    #[schema(minimum = 0)]
    pub safety_days: Option<i64>,
    /// Days between two orders; 0 unless said.
    #[schema(minimum = 0)]
    pub review_days: Option<i64>,
    /// `max` unless said, or `min`.
    pub bound: Option<String>,
}

/// Posts, beds or visits at full load.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PlanPostBody)]
pub struct PostBody {
    /// How many.
    #[schema(minimum = 0)]
    pub count: i64,
    /// People at each, when `per_day` is for a person; 1 unless said.
    pub staff: Option<RateText>,
    /// Base units that each uses in a day; required unless `norm_code` is given.
    pub per_day: Option<RateText>,
    /// A norm of the library, in place of `per_day`.
    pub norm_code: Option<String>,
    /// Base units of the item for one unit of that norm; 1 unless said.
    pub norm_units: Option<RateText>,
}

/// Reads the bases of a line.
pub fn bases_of(bases: &[BasisBody], pointer: &str, faults: &mut Faults) -> Vec<Basis> {
    if bases.is_empty() {
        faults.add(pointer, FaultCode::Required);
    }
    if bases.len() > MAX_BASES {
        faults.add(pointer, FaultCode::TooLong);
    }
    let bases = bases.iter().enumerate();
    bases.filter_map(|(at, basis)| basis.parse(&format!("{pointer}/{at}"), faults)).collect()
}

/// The fields that a kind of basis takes; `None` when there is no such kind.
pub fn fields_of(kind: &str) -> Option<&'static [&'static str]> {
    Some(match kind {
        "fixed" => &["quantity"],
        "days_of_cover" => &["days"],
        "full_load" => &["days", "posts"],
        "norm" => &["heads", "rate", "per", "days", "norm_code", "norm_units"],
        "pooled_testing" => &[
            "people",
            "pool",
            "wells",
            "controls",
            "rounds",
            "waste_percent",
            "tests_per_kit",
            "output",
        ],
        "safety_stock" => &["z", "lead_days", "lead_days_sigma", "daily", "daily_sigma", "measure"],
        "min_max" => &["lead_days", "safety_days", "review_days", "bound"],
        _ => return None,
    })
}

/// Reads the fields of one basis.
struct Reader<'a> {
    pointer: &'a str,
    faults: &'a mut Faults,
}

impl Reader<'_> {
    fn at(&self, field: &str) -> String {
        format!("{}/{field}", self.pointer)
    }

    fn whole(&mut self, field: &str, value: Option<i64>, least: i64, most: i64) -> Option<i64> {
        let checked = match value {
            None => Err(FaultCode::Required),
            Some(value) if (least..=most).contains(&value) => Ok(value),
            Some(_) => Err(FaultCode::OutOfRange),
        };
        self.faults.keep(self.at(field), checked)
    }

    fn rate(&mut self, field: &str, value: Option<&RateText>) -> Option<Rate> {
        let read = value.ok_or(FaultCode::Required).and_then(RateText::read);
        self.faults.keep(self.at(field), read)
    }

    /// A rate that may be absent.
    fn rate_or(&mut self, field: &str, value: Option<&RateText>, otherwise: Rate) -> Option<Rate> {
        match value {
            None => Some(otherwise),
            Some(_) => self.rate(field, value),
        }
    }

    fn word<T>(
        &mut self,
        field: &str,
        word: Option<&str>,
        otherwise: T,
        known: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        match word {
            None => Some(otherwise),
            Some(word) => self.faults.keep(self.at(field), known(word).ok_or(FaultCode::NotInList)),
        }
    }

    /// The amount of a norm of the library, in base units; `None` where there is no such norm.
    fn norm(&mut self, code: &str, units: Rate) -> Option<Rate> {
        let norm = norm_named(code).ok_or(FaultCode::Unknown);
        let norm = self.faults.keep(self.at("norm_code"), norm)?;
        let amount = norm.in_units(units).ok_or(FaultCode::OutOfRange);
        self.faults.keep(self.at("norm_units"), amount)
    }
}

impl BasisBody {
    fn parse(&self, pointer: &str, faults: &mut Faults) -> Option<Basis> {
        let Some(allowed) = fields_of(&self.kind) else {
            faults.add(format!("{pointer}/kind"), FaultCode::NotInList);
            return None;
        };
        for field in self.given() {
            if !allowed.contains(&field.as_str()) {
                faults.add(format!("{pointer}/{field}"), FaultCode::Contradicts);
            }
        }
        let mut reader = Reader { pointer, faults };
        match self.kind.as_str() {
            "fixed" => {
                let units = reader.whole("quantity", self.quantity, 0, Quantity::MAX.units())?;
                Quantity::new(units).ok().map(|quantity| Basis::Fixed { quantity })
            }
            "days_of_cover" => {
                reader.whole("days", self.days, 1, MAX_DAYS).map(|days| Basis::DaysOfCover { days })
            }
            "full_load" => self.full_load(&mut reader),
            "norm" => self.norm(&mut reader),
            "pooled_testing" => self.pooled_testing(&mut reader),
            "safety_stock" => self.safety_stock(&mut reader),
            _ => self.min_max(&mut reader),
        }
    }

    /// The names of the fields that were given, besides `kind`.
    fn given(&self) -> Vec<String> {
        let Ok(serde_json::Value::Object(fields)) = serde_json::to_value(self) else {
            return Vec::new();
        };
        let given = fields.into_iter().filter(|(name, value)| name != "kind" && !value.is_null());
        given.map(|(name, _)| name).collect()
    }

    fn full_load(&self, reader: &mut Reader<'_>) -> Option<Basis> {
        let days = reader.whole("days", self.days, 1, MAX_DAYS);
        let posts = self.posts.as_deref().unwrap_or_default();
        match posts.len() {
            0 => reader.faults.add(reader.at("posts"), FaultCode::Required),
            many if many > MAX_POSTS => reader.faults.add(reader.at("posts"), FaultCode::TooLong),
            _ => {}
        }
        let mut read = Vec::with_capacity(posts.len());
        for (at, post) in posts.iter().enumerate() {
            let pointer = format!("{}/posts/{at}", reader.pointer);
            read.extend(post.parse(&mut Reader { pointer: &pointer, faults: reader.faults }));
        }
        Some(Basis::FullLoad { days: days?, posts: read })
    }

    fn norm(&self, reader: &mut Reader<'_>) -> Option<Basis> {
        let heads = reader.whole("heads", self.heads, 0, MAX_HEADS);
        let days = reader.whole("days", self.days.or(Some(1)), 1, MAX_DAYS);
        let norm_units = reader.rate_or("norm_units", self.norm_units.as_ref(), Rate::ONE);
        let (mut rate, mut per) = (self.rate, self.per);
        if let Some(code) = &self.norm_code {
            let amount = reader.norm(code, norm_units?)?.ratio();
            let above = i64::try_from(amount.numerator()).ok();
            let below = i64::try_from(amount.denominator()).ok();
            // A line that is sent back as it was read has them filled already.
            for (field, given, filled) in [("rate", rate, above), ("per", per, below)] {
                if given.is_some() && given != filled {
                    reader.faults.add(reader.at(field), FaultCode::Contradicts);
                }
            }
            (rate, per) = (above, below);
        } else if self.norm_units.is_some() {
            reader.faults.add(reader.at("norm_code"), FaultCode::Required);
        }
        let rate = reader.whole("rate", rate, 0, MAX_HEADS);
        let per = reader.whole("per", per.or(Some(1)), 1, MAX_HEADS);
        Some(Basis::Norm {
            heads: heads?,
            rate: rate?,
            per: per?,
            days: days?,
            norm_code: self.norm_code.clone(),
            norm_units: norm_units?,
        })
    }

    fn pooled_testing(&self, reader: &mut Reader<'_>) -> Option<Basis> {
        let people = reader.whole("people", self.people, 0, MAX_HEADS);
        let pool = reader.whole("pool", self.pool, 1, MAX_SMALL);
        let wells = reader.whole("wells", self.wells.or(Some(PLATE)), 1, MAX_SMALL);
        let controls = reader.whole("controls", self.controls.or(Some(CONTROLS)), 0, MAX_SMALL);
        let rounds = reader.whole("rounds", self.rounds.or(Some(1)), 1, MAX_SMALL);
        let waste = reader.whole("waste_percent", self.waste_percent.or(Some(0)), 0, 99);
        let word = self.output.as_deref();
        let output = reader.word("output", word, PooledOutput::Kits, PooledOutput::from_word);
        let kit = match output {
            Some(output) if !output.is_in_kits() => self.tests_per_kit.or(Some(1)),
            _ => self.tests_per_kit,
        };
        let tests_per_kit = reader.whole("tests_per_kit", kit, 1, MAX_SMALL);
        if wells.zip(controls).is_some_and(|(wells, controls)| controls >= wells) {
            reader.faults.add(reader.at("controls"), FaultCode::Contradicts);
        }
        Some(Basis::PooledTesting(PooledTesting {
            people: people?,
            pool: pool?,
            wells: wells?,
            controls: controls?,
            rounds: rounds?,
            waste_percent: waste?,
            tests_per_kit: tests_per_kit?,
            output: output?,
        }))
    }

    fn safety_stock(&self, reader: &mut Reader<'_>) -> Option<Basis> {
        let nothing = Rate::whole(0);
        let z = reader.rate("z", self.z.as_ref());
        let lead_days = reader.rate("lead_days", self.lead_days.as_ref());
        let lead_days_sigma =
            reader.rate_or("lead_days_sigma", self.lead_days_sigma.as_ref(), nothing);
        let daily = self.daily.as_ref().map(|daily| reader.rate("daily", Some(daily)));
        let daily_sigma = reader.rate("daily_sigma", self.daily_sigma.as_ref());
        let measure = self.measure.as_deref();
        let measure =
            reader.word("measure", measure, SafetyMeasure::SafetyStock, SafetyMeasure::from_word);
        Some(Basis::SafetyStock {
            z: z?,
            lead_days: lead_days?,
            lead_days_sigma: lead_days_sigma?,
            daily: daily.map_or(Some(None), |read| read.map(Some))?,
            daily_sigma: daily_sigma?,
            measure: measure?,
        })
    }

    fn min_max(&self, reader: &mut Reader<'_>) -> Option<Basis> {
        let lead = match &self.lead_days {
            None => None,
            Some(RateText::Whole(days)) => Some(*days),
            Some(RateText::Text(text)) => match text.trim().parse() {
                Ok(days) => Some(days),
                Err(_fraction) => {
                    reader.faults.add(reader.at("lead_days"), FaultCode::InvalidFormat);
                    // Told already; whatever stands here goes nowhere.
                    Some(0)
                }
            },
        };
        let lead_days = reader.whole("lead_days", lead, 0, MAX_DAYS);
        let safety_days = reader.whole("safety_days", self.safety_days, 0, MAX_DAYS);
        let review_days = reader.whole("review_days", self.review_days.or(Some(0)), 0, MAX_DAYS);
        let bound = reader.word("bound", self.bound.as_deref(), Bound::Max, Bound::from_word);
        Some(Basis::MinMax {
            lead_days: lead_days?,
            safety_days: safety_days?,
            review_days: review_days?,
            bound: bound?,
        })
    }
}

impl PostBody {
    fn parse(&self, reader: &mut Reader<'_>) -> Option<Post> {
        let count = reader.whole("count", Some(self.count), 0, MAX_HEADS);
        let staff = reader.rate_or("staff", self.staff.as_ref(), Rate::ONE);
        let norm_units = reader.rate_or("norm_units", self.norm_units.as_ref(), Rate::ONE);
        let per_day = match &self.norm_code {
            None => {
                if self.norm_units.is_some() {
                    reader.faults.add(reader.at("norm_code"), FaultCode::Required);
                }
                reader.rate("per_day", self.per_day.as_ref())
            }
            Some(code) => {
                let amount = reader.norm(code, norm_units?);
                let given = self.per_day.as_ref().and_then(|given| given.read().ok());
                if self.per_day.is_some() && given != amount {
                    reader.faults.add(reader.at("per_day"), FaultCode::Contradicts);
                }
                amount
            }
        };
        Some(Post {
            count: count?,
            staff: staff?,
            per_day: per_day?,
            norm_code: self.norm_code.clone(),
            norm_units: norm_units?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: serde_json::Value) -> Result<Basis, Vec<(String, &'static str)>> {
        let body: BasisBody = serde_json::from_value(json).unwrap();
        let mut faults = Faults::new();
        let basis = body.parse("", &mut faults);
        faults.finish(basis).map_err(|refusal| {
            refusal.faults.into_iter().map(|fault| (fault.pointer, fault.code.as_str())).collect()
        })
    }

    #[test]
    fn every_kind_of_basis_reads_back_what_it_shows() {
        for json in [
            serde_json::json!({"kind": "fixed", "quantity": 5000}),
            serde_json::json!({"kind": "days_of_cover", "days": 30}),
            serde_json::json!({"kind": "full_load", "days": 10, "posts": [
                {"count": 12, "per_day": 4},
                {"count": 12, "staff": "2.278023", "norm_code": "who-esft4-gown-inpatient-hcw"}]}),
            serde_json::json!({"kind": "norm", "heads": 182_345, "rate": 15, "per": 10_000}),
            serde_json::json!({"kind": "norm", "heads": 40, "days": 30, "norm_units": 2,
                "norm_code": "who-esft4-exam-gloves-inpatient-hcw"}),
            serde_json::json!({"kind": "pooled_testing", "people": 182_345, "pool": 10, "wells": 96,
                "controls": 2, "rounds": 3, "waste_percent": 5, "tests_per_kit": 96}),
            serde_json::json!({"kind": "pooled_testing", "people": 1, "pool": 1, "output": "tubes"}),
            serde_json::json!({"kind": "safety_stock", "z": "1.645", "lead_days": 7,
                "daily_sigma": "17/2", "daily": "61/2", "measure": "reorder_point"}),
            serde_json::json!({"kind": "min_max", "lead_days": 7, "safety_days": 14, "review_days": 30}),
        ] {
            let basis = read(json).unwrap();
            let shown = serde_json::to_value(&basis).unwrap();
            assert_eq!(read(shown.clone()).unwrap(), basis);
            assert_eq!(serde_json::from_value::<Basis>(shown).unwrap(), basis);
            assert!(fields_of(basis.kind()).is_some());
        }
    }

    #[test]
    fn a_norm_of_the_library_is_frozen_into_the_line() {
        let basis = read(serde_json::json!({"kind": "norm", "heads": 40, "days": 30,
            "norm_units": 2, "norm_code": "who-esft4-exam-gloves-inpatient-hcw"}));
        let Ok(Basis::Norm { rate: 48, per: 1, days: 30, .. }) = basis else {
            panic!("{basis:?}");
        };
    }

    #[test]
    fn every_fault_of_a_basis_is_told() {
        let faults = |json| read(json).unwrap_err();
        let own = |list: &[(&str, &'static str)]| -> Vec<(String, &'static str)> {
            list.iter().map(|(pointer, code)| ((*pointer).to_owned(), *code)).collect()
        };
        assert_eq!(
            faults(
                serde_json::json!({"kind": "pooled_testing", "people": -1, "pool": 0, "wells": 4,
                "controls": 4, "waste_percent": 100, "output": "swab", "days": 3})
            ),
            own(&[
                ("/days", "contradicts"),
                ("/people", "out_of_range"),
                ("/pool", "out_of_range"),
                ("/waste_percent", "out_of_range"),
                ("/output", "not_in_list"),
                ("/tests_per_kit", "required"),
                ("/controls", "contradicts"),
            ])
        );
        assert_eq!(
            faults(serde_json::json!({"kind": "full_load", "posts": [
                {"count": -1, "staff": "1.x"}, {"count": 1, "norm_code": "guess"},
                {"count": 1, "per_day": 3, "norm_code": "who-esft4-gown-inpatient-hcw"}]})),
            own(&[
                ("/days", "required"),
                ("/posts/0/count", "out_of_range"),
                ("/posts/0/staff", "invalid_format"),
                ("/posts/0/per_day", "required"),
                ("/posts/1/norm_code", "unknown"),
                ("/posts/2/per_day", "contradicts"),
            ])
        );
        assert_eq!(
            faults(
                serde_json::json!({"kind": "safety_stock", "z": -1, "daily": "x", "measure": "most"})
            ),
            own(&[
                ("/z", "out_of_range"),
                ("/lead_days", "required"),
                ("/daily", "invalid_format"),
                ("/daily_sigma", "required"),
                ("/measure", "not_in_list"),
            ])
        );
        assert_eq!(
            faults(serde_json::json!({"kind": "min_max", "lead_days": "7/2", "bound": "middle"})),
            own(&[
                ("/lead_days", "invalid_format"),
                ("/safety_days", "required"),
                ("/bound", "not_in_list"),
            ])
        );
        assert_eq!(
            faults(serde_json::json!({"kind": "norm", "heads": 1, "rate": 7, "per": 1,
                "norm_code": "who-esft4-gown-inpatient-hcw"})),
            own(&[("/rate", "contradicts")])
        );
    }
}
