//! The grounds on which a line's target rests: what each asks for, exactly, and how.

use crate::kernel::{Quantity, Ratio};
use crate::reserve_plan::pooled::{PooledOutput, PooledTesting};
use crate::reserve_plan::rate::Rate;
use crate::reserve_plan::safety::{LeadTime, MinMax};
use crate::word_enum;
use serde::{Deserialize, Serialize};

word_enum! {
    /// Data without which a target cannot be worked out.
    pub enum NotComputable {
        /// The average daily consumption is unknown.
        ConsumptionUnknown = "consumption_unknown",
        /// The result is larger than any quantity the service can hold.
        TooLarge = "too_large",
    }
}

impl NotComputable {
    /// The reason in Chinese.
    pub const fn zh(self) -> &'static str {
        match self {
            Self::ConsumptionUnknown => "缺少消耗数据",
            Self::TooLarge => "计算结果过大",
        }
    }

    /// The reason in English.
    pub const fn en(self) -> &'static str {
        match self {
            Self::ConsumptionUnknown => "the average daily consumption is unknown",
            Self::TooLarge => "the result is too large",
        }
    }
}

word_enum! {
    /// What a basis on safety stock asks for.
    pub enum SafetyMeasure {
        /// 安全库存 alone: what covers the variation.
        SafetyStock = "safety_stock",
        /// 再订货点: safety stock and the demand of the lead time.
        ReorderPoint = "reorder_point",
    }
}

word_enum! {
    /// Which bound a basis on minimum and maximum asks for.
    pub enum Bound {
        /// 最低库存: when to order.
        Min = "min",
        /// 最高库存: up to where.
        Max = "max",
    }
}

/// Posts, beds or visits at full load, and what each uses in a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PlanPost)]
pub struct Post {
    /// How many: staff on duty, beds, patients, visits a day.
    pub count: i64,
    /// People at each, when `per_day` is for a person: e.g. 2.278023 health workers for a severe
    /// bed (WHO ESFT v4).
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub staff: Rate,
    /// Base units that each uses in a day.
    pub per_day: Rate,
    /// The norm of the library that `per_day` was taken from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub norm_code: Option<String>,
    /// Base units of the item for one unit of that norm: 2 where the norm counts pairs and the item
    /// single gloves.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub norm_units: Rate,
}

const fn one() -> Rate {
    Rate::ONE
}

fn is_one(rate: &Rate) -> bool {
    *rate == Rate::ONE
}

const fn one_day() -> i64 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_one_day(days: &i64) -> bool {
    *days == 1
}

/// One ground on which a line's target rests; the largest of a line's bases counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[schema(as = PlanBasis)]
pub enum Basis {
    /// A fixed quota 储备定额.
    Fixed {
        /// Base units.
        quantity: Quantity,
    },
    /// So many days of the average daily consumption.
    DaysOfCover {
        /// Whole days.
        days: i64,
    },
    /// So many days at full load 满负荷运转: `days × Σ count × staff × per_day`.
    FullLoad {
        /// Whole days; provinces quote 30, the national plan of May 2020 is quoted with 10.
        days: i64,
        /// Who works at full load.
        posts: Vec<Post>,
    },
    /// A norm by head-count: `heads × rate / per × days`, e.g. people, beds, staff or students.
    Norm {
        /// Number of heads.
        heads: i64,
        /// Base units for each `per` heads.
        rate: i64,
        /// The number of heads that `rate` is for, above zero.
        per: i64,
        /// Days, where the norm is for a day; 1 where it is for the whole stock.
        #[serde(default = "one_day", skip_serializing_if = "is_one_day")]
        days: i64,
        /// The norm of the library that `rate` and `per` were taken from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        norm_code: Option<String>,
        /// Base units of the item for one unit of that norm.
        #[serde(default = "one", skip_serializing_if = "is_one")]
        norm_units: Rate,
    },
    /// Pooled nucleic-acid testing 混采检测 of a population.
    PooledTesting(PooledTesting),
    /// Statistical safety stock: `ceil(z × sqrt(L·σd² + d²·σL²))`, or the reorder point above it.
    SafetyStock {
        /// The quantile of the service level, e.g. `"1.645"` for 95 %.
        z: Rate,
        /// Days from order to delivery.
        lead_days: Rate,
        /// Their standard deviation.
        lead_days_sigma: Rate,
        /// Demand of a day; the average daily consumption where absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        daily: Option<Rate>,
        /// The standard deviation of a day's demand.
        daily_sigma: Rate,
        /// What is asked for.
        measure: SafetyMeasure,
    },
    /// Minimum or maximum: `ceil(ADC × (lead + safety))`, or with `review` days more.
    MinMax {
        /// Days from order to delivery.
        lead_days: i64,
        /// Days of use kept as safety.
        safety_days: i64,
        /// Days between two orders.
        review_days: i64,
        /// Which bound is asked for.
        bound: Bound,
    },
}

/// A step on the way to what a basis asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = PlanBasisStep)]
pub struct Step {
    /// What it is, e.g. `runs_per_round`.
    pub name: &'static str,
    /// Its value, exact.
    pub value: Ratio,
}

impl Basis {
    /// The word that tells its kind.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Fixed { .. } => "fixed",
            Self::DaysOfCover { .. } => "days_of_cover",
            Self::FullLoad { .. } => "full_load",
            Self::Norm { .. } => "norm",
            Self::PooledTesting(_) => "pooled_testing",
            Self::SafetyStock { .. } => "safety_stock",
            Self::MinMax { .. } => "min_max",
        }
    }

    /// The exact number of base units that it asks for; rounding comes at the very end, except
    /// where a formula itself counts whole things: tubes, runs and kits, a root, a bound.
    ///
    /// # Errors
    /// `ConsumptionUnknown` when it rests on consumption and `adc` is `None`; `TooLarge` when it
    /// does not fit.
    pub fn amount(&self, adc: Option<Ratio>) -> Result<Ratio, NotComputable> {
        let known = || adc.ok_or(NotComputable::ConsumptionUnknown);
        let amount = match self {
            Self::Fixed { quantity } => Some(Ratio::whole(quantity.units().into())),
            Self::DaysOfCover { days } => known()?.times(Ratio::whole((*days).into())),
            Self::FullLoad { days, posts } => daily_at_full_load(posts)
                .and_then(|daily| daily.times(Ratio::whole((*days).into()))),
            Self::Norm { heads, rate, per, days, .. } => i128::from(*heads)
                .checked_mul((*rate).into())
                .and_then(|need| need.checked_mul((*days).into()))
                .and_then(|need| Ratio::new(need, (*per).into())),
            Self::PooledTesting(campaign) => {
                campaign.need().map(|need| Ratio::whole(need.quantity))
            }
            Self::SafetyStock { z, measure, .. } => {
                let lead = self.lead_time(adc)?;
                let units = lead.and_then(|lead| match measure {
                    SafetyMeasure::SafetyStock => lead.safety_stock(*z),
                    SafetyMeasure::ReorderPoint => lead.reorder_point(*z),
                });
                units.map(Ratio::whole)
            }
            Self::MinMax { lead_days, safety_days, review_days, bound } => {
                MinMax::from_days(known()?, *lead_days, *safety_days, *review_days).map(|bounds| {
                    let units = match bound {
                        Bound::Min => bounds.min,
                        Bound::Max => bounds.max,
                    };
                    Ratio::whole(units.units().into())
                })
            }
        };
        amount.ok_or(NotComputable::TooLarge)
    }

    /// Demand and delivery of a basis on safety stock; `None` for every other kind.
    fn lead_time(&self, adc: Option<Ratio>) -> Result<Option<LeadTime>, NotComputable> {
        let Self::SafetyStock { lead_days, lead_days_sigma, daily, daily_sigma, .. } = self else {
            return Ok(None);
        };
        let daily = daily.map(Rate::ratio).or(adc).ok_or(NotComputable::ConsumptionUnknown)?;
        Ok(Some(LeadTime {
            daily,
            daily_sigma: *daily_sigma,
            days: *lead_days,
            days_sigma: *lead_days_sigma,
        }))
    }

    /// Minimum and maximum, of a basis that has them and an average that is known.
    pub fn bounds(&self, adc: Option<Ratio>) -> Option<MinMax> {
        let Self::MinMax { lead_days, safety_days, review_days, .. } = self else { return None };
        MinMax::from_days(adc?, *lead_days, *safety_days, *review_days)
    }

    /// The basis as a formula for people to read, with its numbers.
    pub fn formula(&self, adc: Option<Ratio>) -> String {
        let adc = adc.map_or_else(|| "?".to_owned(), |adc| adc.to_string());
        match self {
            Self::Fixed { quantity } => quantity.to_string(),
            Self::DaysOfCover { days } => format!("{adc} × {days}"),
            Self::FullLoad { days, posts } => {
                let posts: Vec<String> = posts.iter().map(Post::formula).collect();
                format!("{days} × ({})", posts.join(" + "))
            }
            Self::Norm { heads, rate, per, days: 1, .. } => format!("{heads} × {rate} / {per}"),
            Self::Norm { heads, rate, per, days, .. } => {
                format!("{heads} × {rate} / {per} × {days}")
            }
            Self::PooledTesting(campaign) => pooled_formula(campaign),
            Self::SafetyStock { z, lead_days, lead_days_sigma, daily, daily_sigma, measure } => {
                let daily = daily.map_or(adc, |daily| daily.to_string());
                let stock = format!(
                    "ceil({z} × sqrt({lead_days} × {daily_sigma}² + ({daily})² × {lead_days_sigma}²))"
                );
                match measure {
                    SafetyMeasure::SafetyStock => stock,
                    SafetyMeasure::ReorderPoint => format!("ceil({daily} × {lead_days}) + {stock}"),
                }
            }
            Self::MinMax { lead_days, safety_days, review_days, bound } => match bound {
                Bound::Min => format!("ceil({adc} × ({lead_days} + {safety_days}))"),
                Bound::Max => {
                    format!("ceil({adc} × ({lead_days} + {safety_days} + {review_days}))")
                }
            },
        }
    }

    /// The steps between its inputs and its amount, where there are any worth seeing.
    pub fn steps(&self, adc: Option<Ratio>) -> Vec<Step> {
        let named = |name, value| Step { name, value };
        let whole = |name, units| Step { name, value: Ratio::whole(units) };
        match self {
            Self::Fixed { .. } | Self::DaysOfCover { .. } | Self::Norm { .. } => Vec::new(),
            Self::FullLoad { posts, .. } => {
                daily_at_full_load(posts).map(|daily| named("daily", daily)).into_iter().collect()
            }
            Self::PooledTesting(campaign) => campaign.need().map_or_else(Vec::new, |need| {
                vec![
                    whole("tubes_per_round", need.tubes_per_round),
                    whole("runs_per_round", need.runs_per_round),
                    whole("net", need.net),
                    whole("with_waste", need.with_waste),
                ]
            }),
            Self::SafetyStock { z, .. } => {
                let Ok(Some(lead)) = self.lead_time(adc) else { return Vec::new() };
                let variance = lead.variance().map(|variance| named("variance", variance));
                let stock = lead.safety_stock(*z).map(|units| whole("safety_stock", units));
                variance.into_iter().chain(stock).collect()
            }
            Self::MinMax { .. } => self.bounds(adc).map_or_else(Vec::new, |bounds| {
                vec![
                    whole("min", bounds.min.units().into()),
                    whole("max", bounds.max.units().into()),
                ]
            }),
        }
    }
}

impl Post {
    fn daily(&self) -> Option<Ratio> {
        Ratio::whole(self.count.into()).times(self.staff.ratio())?.times(self.per_day.ratio())
    }

    fn formula(&self) -> String {
        let Self { count, staff, per_day, .. } = self;
        if is_one(staff) {
            format!("{count} × {per_day}")
        } else {
            format!("{count} × {staff} × {per_day}")
        }
    }
}

/// What all posts use in a day; `None` when it does not fit.
fn daily_at_full_load(posts: &[Post]) -> Option<Ratio> {
    posts.iter().try_fold(Ratio::ZERO, |sum, post| sum.plus(post.daily()?))
}

fn pooled_formula(campaign: &PooledTesting) -> String {
    let PooledTesting {
        people,
        pool,
        wells,
        controls,
        rounds,
        waste_percent,
        tests_per_kit,
        output,
    } = campaign;
    let tubes = format!("ceil({people} / {pool})");
    let runs = format!("ceil({tubes} / ({wells} − {controls}))");
    let of_a_round = match output {
        PooledOutput::Swabs => people.to_string(),
        PooledOutput::Tubes => tubes,
        PooledOutput::Extractions
        | PooledOutput::ExtractionKits
        | PooledOutput::Reactions
        | PooledOutput::Kits => format!("({tubes} + {runs} × {controls})"),
        PooledOutput::Controls => format!("{runs} × {controls}"),
        PooledOutput::Plates => runs,
    };
    let mut formula = format!("{of_a_round} × {rounds}");
    if *waste_percent != 0 {
        formula = format!("ceil({formula} × 100 / (100 − {waste_percent}))");
    }
    if output.is_in_kits() {
        formula = format!("ceil({formula} / {tests_per_kit})");
    }
    formula
}
