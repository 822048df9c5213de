//! The worked cases of reserve planning, by their numbers, through the public functions.
//!
//! R04 and R12 are the formulas of other systems. They stand here to compare with and serve nobody.

use crate::kernel::{ItemCode, Quantity, Ratio};
use crate::reserve_plan::basis::{Basis, Bound, Post};
use crate::reserve_plan::level::ResponseLevel;
use crate::reserve_plan::norm::norm_named;
use crate::reserve_plan::plan::{LevelPercents, LineScope, PlanLine};
use crate::reserve_plan::rate::Rate;
use crate::reserve_plan::rules::target;
use crate::reserve_plan::safety::{MinMax, largest_rotatable};

fn units(n: i64) -> Quantity {
    Quantity::new(n).unwrap()
}

fn rate(text: &str) -> Rate {
    Rate::parse(text).unwrap()
}

fn line(basis: Basis) -> PlanLine {
    PlanLine {
        scope: LineScope::StoreKind("hospital".to_owned()),
        item: ItemCode::new("M03").unwrap(),
        bases: vec![basis],
        floor: None,
        ceiling: None,
        level_percent: LevelPercents::default(),
        floor_percent: LevelPercents::default(),
    }
}

fn asked(basis: Basis, adc: Option<Ratio>) -> i64 {
    target(&line(basis), ResponseLevel::Normal, adc).unwrap().quantity.units()
}

fn post(count: i64, staff: &str, per_day: &str) -> Post {
    Post {
        count,
        staff: rate(staff),
        per_day: rate(per_day),
        norm_code: None,
        norm_units: Rate::ONE,
    }
}

fn full_load(days: i64, posts: &[(i64, &str)]) -> i64 {
    let posts = posts.iter().map(|(count, per_day)| post(*count, "1", per_day)).collect();
    asked(Basis::FullLoad { days, posts }, None)
}

#[test]
fn r01_a_fixed_quota_is_the_target() {
    assert_eq!(asked(Basis::Fixed { quantity: units(5_000) }, None), 5_000);
}

#[test]
fn r02_days_of_cover_multiply_the_average_use() {
    let adc = Ratio::new(1830, 60);
    assert_eq!(adc.unwrap().to_string(), "61/2");
    assert_eq!(asked(Basis::DaysOfCover { days: 30 }, adc), 915);
    // The same use over 49 days with stock.
    assert_eq!(asked(Basis::DaysOfCover { days: 30 }, Ratio::new(1830, 49)), 1_121);
}

/// OpenLMIS: consumption of `months`, adjusted for `out` days without stock.
fn adjusted_consumption(consumption: i128, months: i128, out: i128) -> i128 {
    let days = 30 * months;
    if consumption == 0 || out == 0 || out == days {
        return consumption;
    }
    Ratio::new(consumption * days, days - out).unwrap().ceil()
}

#[test]
fn r04_another_system_stretches_consumption_over_days_without_stock() {
    assert_eq!(adjusted_consumption(1830, 2, 11), 2_241);
    assert_eq!(adjusted_consumption(1830, 2, 0), 1_830);
    assert_eq!(adjusted_consumption(1830, 2, 60), 1_830);
    assert_eq!(adjusted_consumption(0, 2, 11), 0);
    // Ours says the same of a day, and unknown where it says 1830 of sixty days without stock.
    assert_eq!(Ratio::new(1830, 49).unwrap().times(Ratio::whole(60)).unwrap().ceil(), 2_241);
}

#[test]
fn r06_full_load_days_of_clinic_isolation_ward_and_outpatients() {
    let posts = [(12, "4"), (18, "2"), (30, "2"), (60, "1")];
    assert_eq!(full_load(1, &posts), 204);
    assert_eq!(full_load(10, &posts), 2_040);
    assert_eq!(full_load(30, &posts), 6_120);
}

#[test]
fn r07_weekly_needs_of_severe_and_critical_beds_keep_their_fractions_to_the_end() {
    let severe = norm_named("who-esft4-health-workers-severe-bed").unwrap();
    let critical = norm_named("who-esft4-health-workers-critical-bed").unwrap();
    let staff = |beds: i64, norm: &crate::reserve_plan::norm::Norm| {
        norm.amount().times(Ratio::whole(beds.into())).unwrap()
    };
    let workers = staff(12, severe).plus(staff(3, critical)).unwrap();
    assert_eq!(workers, rate("39.594792").ratio());
    for (code, weekly) in [
        ("who-esft4-respirator-inpatient-hcw", 278),
        ("who-esft4-gown-inpatient-hcw", 278),
        ("who-esft4-exam-gloves-inpatient-hcw", 6_652),
        ("who-esft4-surgical-mask-inpatient-hcw", 1_109),
        ("who-esft4-face-shield-inpatient-hcw", 278),
        ("who-esft4-apron-inpatient-hcw", 278),
    ] {
        let per_day = norm_named(code).unwrap().in_units(Rate::ONE).unwrap();
        let posts = vec![
            Post { per_day, ..post(12, "2.278023", "0") },
            Post { per_day, ..post(3, "4.086172", "0") },
        ];
        assert_eq!(asked(Basis::FullLoad { days: 7, posts }, None), weekly, "{code}");
    }
    let masks = norm_named("who-esft4-patient-mask-inpatient").unwrap().amount();
    assert_eq!(full_load(7, &[(15, masks.to_string().as_str())]), 210);
}

#[test]
fn r08_a_norm_per_ten_thousand_people_rounds_up() {
    let basis = Basis::Norm {
        heads: 182_345,
        rate: 15,
        per: 10_000,
        days: 1,
        norm_code: None,
        norm_units: Rate::ONE,
    };
    assert_eq!(asked(basis, None), 274);
}

#[test]
fn r09_a_response_level_multiplies_by_whole_percents() {
    use ResponseLevel::{I, II, III, IV};
    let mut line = line(Basis::Fixed { quantity: units(1_121) });
    line.level_percent = LevelPercents::new([(IV, 100), (III, 130), (II, 160), (I, 200)].into());
    let at = |level| target(&line, level, None).unwrap().quantity.units();
    assert_eq!([IV, III, II, I].map(at), [1_121, 1_458, 1_794, 2_242]);
}

#[test]
fn r11_minimum_maximum_and_what_to_order_between_them() {
    let adc = Ratio::new(61, 2).unwrap();
    let bounds = MinMax::from_days(adc, 7, 14, 30).unwrap();
    assert_eq!((bounds.min, bounds.max), (units(641), units(1_556)));
    let orders = [500, 641, 642].map(|position| bounds.order_at(units(position)).units());
    assert_eq!(orders, [1_056, 915, 0]);
    for (bound, wanted) in [(Bound::Min, 641), (Bound::Max, 1_556)] {
        let basis = Basis::MinMax { lead_days: 7, safety_days: 14, review_days: 30, bound };
        assert_eq!(asked(basis, Some(adc)), wanted);
    }
}

/// open-mSupply: what to ask for, from stock and a minimum and maximum in months.
fn suggested(monthly: Ratio, stock: i128, min: i128, max: i128) -> i128 {
    if monthly.is_zero() {
        return 0;
    }
    let months = Ratio::new(stock * monthly.denominator(), monthly.numerator()).unwrap();
    let trigger = Ratio::whole(if min == 0 { max } else { min });
    if max == 0 || months > trigger {
        return 0;
    }
    let lacking = Ratio::whole(max).plus(months.times(Ratio::whole(-1)).unwrap()).unwrap();
    lacking.times(monthly).unwrap().ceil()
}

#[test]
fn r12_another_system_suggests_by_months_of_stock() {
    let cases = [(500, 1, 3), (1000, 1, 3), (1000, 0, 3), (3000, 0, 3), (10, 1, 0)];
    let suggestions = cases.map(|(stock, min, max)| suggested(Ratio::whole(915), stock, min, max));
    assert_eq!(suggestions, [2_245, 0, 1_745, 0, 0]);
}

#[test]
fn r15_routine_use_rotates_no_more_than_it_uses_in_a_shelf_life() {
    let adc = Ratio::new(61, 2).unwrap();
    assert_eq!(largest_rotatable(adc, 730, 180), Some(units(16_775)));
    assert_eq!(largest_rotatable(adc, 90, 180), Some(Quantity::ZERO));
}

#[test]
fn r17_a_hospital_stockpile_of_eight_weeks() {
    let of = |code: &str| norm_named(code).unwrap().amount().to_string();
    let high = of("hashikura-2009-full-set-high-risk");
    assert_eq!(full_load(1, &[(20, &high)]), 80);
    assert_eq!(full_load(56, &[(20, &high)]), 4_480);
    let others = of("hashikura-2009-set-medium-low-risk");
    assert_eq!(full_load(1, &[(60, &others)]), 120);
    assert_eq!(full_load(56, &[(60, &others)]), 6_720);
    let (worker, inpatient, outpatient) = (
        of("hashikura-2009-surgical-mask-worker"),
        of("hashikura-2009-surgical-mask-inpatient"),
        of("hashikura-2009-surgical-mask-outpatient"),
    );
    let masks = [(80, worker.as_str()), (80, inpatient.as_str()), (150, outpatient.as_str())];
    assert_eq!(full_load(1, &masks), 470);
    assert_eq!(full_load(56, &masks), 26_320);
}

#[test]
fn r18_respirators_and_patient_masks_of_thirty_days() {
    assert_eq!(full_load(30, &[(3, "16"), (12, "8"), (15, "4")]), 6_120);
    let masks = norm_named("carias-2015-patient-mask").unwrap().amount();
    assert_eq!(full_load(30, &[(15, masks.to_string().as_str())]), 540);
}
