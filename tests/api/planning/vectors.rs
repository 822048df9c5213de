//! The worked cases of planning, read from the files where they are at hand: every one of them is
//! worked through the public functions, and those that stock can tell through the service too.
//!
//! R04 and R12 are the formulas of other systems and stand there for comparison only.

use super::{fixed, in_force};
use crate::support::TestApp;
use crate::support::stock::put;
use changbei::kernel::time::{parse_date, plus_days};
use changbei::kernel::{ItemCode, Quantity, Ratio};
use changbei::projection::rules::turning_days;
use changbei::projection::simulation::{Batch, simulate};
use changbei::reserve_plan::basis::{Basis, Bound, Post};
use changbei::reserve_plan::level::ResponseLevel;
use changbei::reserve_plan::plan::{LevelPercents, LineScope, PlanLine};
use changbei::reserve_plan::rate::Rate;
use changbei::reserve_plan::rules::target;
use changbei::reserve_plan::safety::{MinMax, largest_rotatable};
use changbei::shortfall::holding::{Portion, hold};
use changbei::shortfall::rules::{Holding, figures};
use changbei::stock::account::StockState;
use changbei::stock::lot::Expiry;
use changbei::stock::near_expiry::ByDaysLeft;
use chrono::NaiveDate;
use serde_json::{Value, json};

/// The cases of a file; none where the project stands alone.
fn cases(file: &str) -> Vec<Value> {
    let path = format!("{}/../shared/vectors/{file}", env!("CARGO_MANIFEST_DIR"));
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("{path} is not at hand: its cases are worked by their numbers in src alone");
        return Vec::new();
    };
    let read: Value = serde_json::from_str(&text).unwrap();
    read["vectors"].as_array().unwrap().clone()
}

fn int(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn units(value: &Value) -> Quantity {
    Quantity::new(int(value)).unwrap()
}

fn rate(value: &Value) -> Rate {
    Rate::parse(&value.to_string().replace('"', "")).unwrap()
}

fn day(value: &Value) -> NaiveDate {
    parse_date(value.as_str().unwrap()).unwrap()
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

fn post(count: i64, staff: Rate, per_day: Rate) -> Post {
    Post { count, staff, per_day, norm_code: None, norm_units: Rate::ONE }
}

fn full_load(days: i64, posts: Vec<Post>) -> i64 {
    asked(Basis::FullLoad { days, posts }, None)
}

fn whole(n: i64) -> Rate {
    Rate::parse(&n.to_string()).unwrap()
}

fn reserve(case: &Value) {
    let (given, wanted) = (&case["input"], &case["expected"]);
    let name = case["id"].as_str().unwrap();
    match name {
        "R01" => {
            assert_eq!(
                asked(Basis::Fixed { quantity: units(&given["Q"]) }, None),
                wanted["target"]
            );
        }
        "R02" => {
            let exposed = int(&given["window_days"]) - int(&given["stockout_days"]);
            let adc = Ratio::new(int(&given["issued"]).into(), exposed.into()).unwrap();
            assert_eq!(adc.to_string(), wanted["adc"]);
            let basis = Basis::DaysOfCover { days: int(&given["days"]) };
            assert_eq!(asked(basis, Some(adc)), wanted["target"]);
        }
        // Other systems' formulas: what is theirs stands in src/reserve_plan/vectors.rs.
        "R04" => {
            let window = 30 * int(&given["M"]);
            let exposed = window - int(&given["X"]);
            let ours = Ratio::new(int(&given["C"]).into(), exposed.into()).unwrap();
            assert_eq!(
                ours.times(Ratio::whole(window.into())).unwrap().ceil(),
                int(&wanted["N"]).into()
            );
        }
        "R12" => assert_eq!(given["cases"].as_array().unwrap().len(), 5),
        "R06" => {
            let posts = || -> Vec<Post> {
                let posts = given["posts"].as_array().unwrap().iter();
                posts.map(|one| post(int(&one["n"]), Rate::ONE, rate(&one["per_day"]))).collect()
            };
            assert_eq!(full_load(1, posts()), wanted["daily"]);
            for days in given["days"].as_array().unwrap().iter().map(int) {
                assert_eq!(full_load(days, posts()), wanted[format!("target_{days}")]);
            }
        }
        "R07" => {
            let beds = |per_day: Rate| {
                vec![
                    post(int(&given["sev_beds"]), rate(&given["hcw_per_sev_bed"]), per_day),
                    post(int(&given["crit_beds"]), rate(&given["hcw_per_crit_bed"]), per_day),
                ]
            };
            for (what, per_day) in given["per_hcw_day"].as_object().unwrap() {
                assert_eq!(full_load(7, beds(rate(per_day))), wanted["weekly"][what], "{what}");
            }
            let beds = int(&given["sev_beds"]) + int(&given["crit_beds"]);
            let masks = full_load(7, vec![post(beds, Rate::ONE, whole(2))]);
            assert_eq!(masks, wanted["weekly"]["mask_patient"]);
        }
        "R08" => {
            let basis = Basis::Norm {
                heads: int(&given["pop"]),
                rate: int(&given["rate"]),
                per: int(&given["per"]),
                days: 1,
                norm_code: None,
                norm_units: Rate::ONE,
            };
            assert_eq!(asked(basis, None), wanted["target"]);
        }
        "R09" => {
            let mut of = line(Basis::Fixed { quantity: units(&given["base"]) });
            let percents = given["pct"].as_object().unwrap().iter();
            let level = |word: &String| ResponseLevel::from_word(word).unwrap();
            of.level_percent =
                LevelPercents::new(percents.map(|(l, p)| (level(l), int(p))).collect());
            for (word, expected) in wanted.as_object().unwrap() {
                let found = target(&of, level(word), None).unwrap().quantity.units();
                assert_eq!(found, *expected, "{word}");
            }
        }
        "R11" => {
            let adc = rate(&given["adc"]).ratio();
            let days = |field: &str| int(&given[field]);
            let (lead_days, safety_days, review_days) =
                (days("lead"), days("safety"), days("review"));
            let bounds = MinMax::from_days(adc, lead_days, safety_days, review_days).unwrap();
            assert_eq!(
                (bounds.min.units(), bounds.max.units()),
                (int(&wanted["min"]), int(&wanted["max"]))
            );
            let positions = given["positions"].as_array().unwrap().iter();
            let orders: Vec<i64> =
                positions.map(|one| bounds.order_at(units(one)).units()).collect();
            assert_eq!(json!(orders), wanted["orders"]);
            let basis = Basis::MinMax { lead_days, safety_days, review_days, bound: Bound::Max };
            assert_eq!(asked(basis, Some(adc)), wanted["max"]);
        }
        "R15" => {
            let (shelf, left) = (int(&given["shelf_days"]), int(&given["min_rsl_days"]));
            let most = largest_rotatable(rate(&given["adc"]).ratio(), shelf, left);
            assert_eq!(most.unwrap().units(), wanted["rmax"]);
        }
        "R17" => {
            let sets =
                |count: &Value, per_day: i64| vec![post(int(count), Rate::ONE, whole(per_day))];
            let surgical = || {
                let workers = int(&given["high"]) + int(&given["medium_low"]);
                [
                    (workers, 2),
                    (int(&given["inpatients"]), 2),
                    (int(&given["outpatients_per_day"]), 1),
                ]
                .map(|(count, per_day)| post(count, Rate::ONE, whole(per_day)))
                .to_vec()
            };
            for (days, of) in [(1, &wanted["daily"]), (56, &wanted["stock_56"])] {
                assert_eq!(full_load(days, sets(&given["high"], 4)), of["full_set_high"]);
                assert_eq!(full_load(days, sets(&given["medium_low"], 2)), of["set_medium_low"]);
                assert_eq!(full_load(days, surgical()), of["surgical"]);
            }
        }
        "R18" => {
            let (icu, ward) = (int(&given["icu"]), int(&given["ward"]));
            let wearers = [(icu, 16), (ward, 8), (int(&given["workers"]), 4)];
            let posts = wearers.map(|(count, per_day)| post(count, Rate::ONE, whole(per_day)));
            let days = int(&given["days"]);
            assert_eq!(full_load(days, posts.to_vec()), wanted["respirators"]);
            let masks = vec![post(icu + ward, Rate::ONE, Rate::parse("1.2").unwrap())];
            assert_eq!(full_load(days, masks), wanted["patient_masks"]);
        }
        other => panic!("{other} is not worked yet"),
    }
}

fn batch(quantity: Quantity, expiry: &Value) -> Batch {
    let usable_until = expiry.as_str().map(|text| parse_date(text).unwrap());
    Batch { quantity, usable_until, arrives_on: None }
}

fn portion(lot: &Value) -> Portion {
    let state = match lot["status"].as_str().unwrap() {
        // 冻结 is held here.
        "frozen" => StockState::Held,
        word => StockState::from_word(word).unwrap(),
    };
    let expiry = lot["expiry"].as_str().map(|text| parse_date(text).unwrap());
    Portion {
        state,
        expiry: expiry.map_or(Expiry::None, Expiry::Dated),
        recalled: false,
        owned_by_others: false,
        earmarked: false,
        on_hand: units(&lot["qty"]),
        reserved: units(&lot["reserved"]),
    }
}

fn projected(case: &Value) {
    let (given, wanted) = (&case["input"], &case["expected"]);
    let lots = || given["lots"].as_array().unwrap().iter();
    let demand = |days: usize| vec![units(&given["daily"]); days];
    match case["id"].as_str().unwrap() {
        "P01" => {
            let portions: Vec<Portion> = lots().map(portion).collect();
            let held = hold(&portions, day(&given["today"]));
            assert_eq!(held.available.units(), wanted["usable"]);
            assert_eq!(
                (held.on_hand.units(), held.reserved.units()),
                (int(&wanted["on_hand"]), int(&wanted["reserved"]))
            );
            let blocked = int(&wanted["expired"]) + int(&wanted["not_available"]);
            assert_eq!(held.blocked.units(), blocked);
        }
        "P03" => {
            let today = day(&given["today"]);
            let simulation =
                simulate(today, &[batch(units(&given["usable"]), &Value::Null)], &demand(60));
            let out = turning_days(&simulation, None, None).stockout_on;
            assert_eq!(out, Some(day(&wanted["first_day_not_fully_served"])));
        }
        "P05" => {
            let batches: Vec<Batch> =
                lots().map(|lot| batch(units(&lot["qty"]), &lot["expiry"])).collect();
            let days = usize::try_from(int(&given["horizon_days"])).unwrap();
            let simulation = simulate(day(&given["today"]), &batches, &demand(days));
            let waste: Vec<i64> = simulation.fates.iter().map(|fate| fate.waste.units()).collect();
            assert_eq!(json!(waste), wanted["waste_per_lot"]);
            assert_eq!(simulation.waste().units(), wanted["waste_total"]);
            let out = turning_days(&simulation, None, None).stockout_on;
            assert_eq!(out, Some(day(&wanted["first_short"])));
        }
        "P07" => {
            let holding = Holding {
                available: units(&given["usable"]),
                arriving: units(&given["in_transit_within_lead"]),
                ordered: Quantity::ZERO,
            };
            let found = figures(Some(units(&given["target"])), None, holding, None);
            assert_eq!(found.on_hand_shortfall, Some(units(&wanted["on_hand_shortfall"])));
            assert_eq!(found.net_shortfall, Some(units(&wanted["net_shortfall"])));
        }
        "P09" => {
            let today = day(&given["today"]);
            let mut found = ByDaysLeft::default();
            for lot in lots() {
                let expiry = lot["days_left"].as_i64().map(|left| plus_days(today, left));
                found.add(expiry.map_or(Expiry::None, Expiry::Dated), today, units(&lot["qty"]));
            }
            let bands = [
                found.up_to_30,
                found.up_to_90,
                found.up_to_180,
                found.beyond_180,
                found.no_expiry,
            ];
            for (name, band) in
                ["b0_30", "b31_90", "b91_180", "over180", "no_expiry"].iter().zip(bands)
            {
                assert_eq!(band, units(&wanted[name]), "{name}");
            }
        }
        "P11" => {
            let portions: Vec<Portion> = lots().map(portion).collect();
            let held = hold(&portions, day(&given["today"]));
            assert_eq!(held.available, units(&wanted["usable"]));
            let free = |lot: &Value| batch(portion(lot).unreserved(), &lot["expiry"]);
            let batches: Vec<Batch> = lots().map(free).collect();
            let simulation = simulate(day(&given["today"]), &batches, &demand(61));
            assert_eq!(simulation.waste(), units(&wanted["waste"]));
        }
        other => panic!("{other} is not worked yet"),
    }
}

#[test]
fn every_case_of_reserve_planning_is_worked_from_its_file() {
    cases("reserve_vectors.json").iter().for_each(reserve);
}

#[test]
fn every_case_of_projection_is_worked_from_its_file() {
    cases("projection_vectors.json").iter().for_each(projected);
}

/// The target of the hospital's only line, at a level.
fn told(app: &TestApp, level: &str, bases: Value) -> Value {
    let line = json!({"store_code": "QN-HOSP", "item_code": "M03", "bases": bases,
        "level_percent": {"IV": 100, "III": 130, "II": 160, "I": 200}});
    in_force(app, json!([line]));
    if level != "normal" {
        super::declare(app, "360729", level);
    }
    let page = app.get("commander", "/shortfalls?store=QN-HOSP&item=M03").expect(200);
    page["rows"][0]["target"].clone()
}

/// The worked cases by their numbers, through a plan that is in force.
#[test]
fn the_cases_that_a_plan_can_tell_are_told_by_the_service() {
    let post = |count: i64, per_day: Value| json!({"count": count, "per_day": per_day});
    let beds = |per_day: i64| {
        json!([{"count": 12, "staff": "2.278023", "per_day": per_day},
            {"count": 3, "staff": "4.086172", "per_day": per_day}])
    };
    let full_load =
        |days: i64, posts: Value| json!([{"kind": "full_load", "days": days, "posts": posts}]);
    let clinic =
        || json!([post(12, json!(4)), post(18, json!(2)), post(30, json!(2)), post(60, json!(1))]);
    for (case, level, bases, target) in [
        ("R01", "normal", json!([{"kind": "fixed", "quantity": 5_000}]), 5_000),
        ("R06", "normal", full_load(10, clinic()), 2_040),
        ("R06", "normal", full_load(30, clinic()), 6_120),
        ("R07", "normal", full_load(7, beds(24)), 6_652),
        (
            "R08",
            "normal",
            json!([{"kind": "norm", "heads": 182_345, "rate": 15, "per": 10_000}]),
            274,
        ),
        ("R09", "II", json!([{"kind": "fixed", "quantity": 1_121}]), 1_794),
        ("R09", "I", json!([{"kind": "fixed", "quantity": 1_121}]), 2_242),
        ("R17", "normal", full_load(56, json!([post(20, json!(4))])), 4_480),
        ("R18", "normal", full_load(30, json!([post(15, json!("1.2"))])), 540),
    ] {
        TestApp::each(|app| assert_eq!(told(app, level, bases.clone()), json!(target), "{case}"));
    }
}

#[test]
fn r02_and_r11_days_and_bounds_follow_the_use_that_was_posted() {
    TestApp::each(|app| {
        let bases = json!([{"kind": "days_of_cover", "days": 30}]);
        let bounds = json!([{"kind": "min_max", "lead_days": 7, "safety_days": 14,
            "review_days": 30, "bound": "max"}]);
        in_force(
            app,
            json!([{"store_code": "QN-HOSP", "item_code": "M03", "bases": bases},
                {"store_code": "QN-HOSP", "item_code": "M02", "bases": bounds}]),
        );
        for item in ["M02", "M03"] {
            let receipt = json!({"store_code": "QN-HOSP", "occurred_at": "2025-12-20T01:00:00Z",
                "source": {"kind": "supplier"}, "lines": [{"item_code": item, "lot_number": "A1",
                    "expires_on": "2028-06-30", "quantity": 5_000}]});
            app.post("keeper.hospital", "/receipts", receipt).expect(201);
            let issue = json!({"store_code": "QN-HOSP", "occurred_at": "2026-02-01T01:00:00Z",
                "purpose": "consumption", "consumer": {"kind": "department", "name": "发热门诊"},
                "lines": [{"item_code": item, "quantity": 1_830}]});
            app.post("keeper.hospital", "/issues", issue).expect(201);
        }
        let rows = app.get("commander", "/shortfalls?store=QN-HOSP").expect(200)["rows"].clone();
        assert_eq!((&rows[1]["adc"], &rows[1]["target"]), (&json!("61/2"), &json!(915)));
        assert_eq!(rows[0]["target"], json!(1_556));
    });
}

#[test]
fn p07_what_is_on_the_way_in_time_is_netted_and_agreements_are_not() {
    TestApp::each(|app| {
        in_force(app, json!([fixed("QN-HOSP", "M03", 1_121)]));
        put(app, "QN-HOSP", "M03", "A1", "2027-12-31", 310);
        for (kind, due, units) in [
            ("order", json!("2026-03-05T01:00:00Z"), 200),
            ("order", json!("2026-06-01T01:00:00Z"), 300),
            ("agreement", Value::Null, 500),
        ] {
            let mut body = json!({"kind": kind, "store_code": "QN-HOSP", "supplier": "赣州医药公司",
                "lines": [{"item_code": "M03", "quantity": units}]});
            match due {
                Value::Null => {
                    body["lead_days"] = json!(3);
                    body["contract_number"] = json!("X-1");
                }
                due => body["expected_at"] = due,
            }
            app.post("buyer.hospital", "/expected-receipts", body).expect(201);
        }
        let row = app.get("commander", "/shortfalls?store=QN-HOSP").expect(200)["rows"][0].clone();
        assert_eq!((&row["on_hand_shortfall"], &row["net_shortfall"]), (&json!(811), &json!(611)));
        assert_eq!(row["agreed"], json!(500));
    });
}

#[test]
fn p09_stock_is_told_by_the_days_that_are_left() {
    TestApp::each(|app| {
        let today = parse_date("2026-03-02").unwrap();
        for (n, left) in [(10, 0), (20, 30), (30, 31), (40, 90), (50, 91), (60, 180), (70, 181)] {
            let last = plus_days(today, left).to_string();
            put(app, "QN-HOSP", "M03", &format!("L{left}"), &last, n);
        }
        let endless = json!({"store_code": "QN-CDC", "source": {"kind": "supplier"},
            "lines": [{"item_code": "M03", "lot_number": "N1", "no_expiry": true, "quantity": 80}]});
        app.post("keeper.cdc", "/receipts", endless).expect(201);
        let page = app.get("commander", "/stock/days-left?item=M03&region=360729").expect(200);
        let bands = json!({"store_code": null, "item_code": "M03", "expired": 0, "up_to_30_days": 30,
            "up_to_90_days": 70, "up_to_180_days": 110, "beyond_180_days": 70, "no_expiry": 80,
            "unknown": 0, "on_hand": 360});
        assert_eq!(page["rows"], json!([bands]));
        assert_eq!(
            (&page["freshness"]["stores"], &page["freshness"]["heard"]),
            (&json!(4), &json!(2))
        );
        let by_store = app.get("commander", "/stock/days-left?group_by=store&limit=1").expect(200);
        assert_eq!(by_store["rows"][0]["store_code"], "QN-CDC");
        let next = by_store["next_cursor"].as_str().unwrap();
        let path = format!("/stock/days-left?group_by=store&cursor={next}");
        assert_eq!(app.get("commander", &path).expect(200)["rows"][0]["on_hand"], 280);
        // A month later; what was there on that day is told as it was.
        app.set_time("2026-04-02T02:00:00Z");
        let row = |query: &str| {
            let page = app.get("commander", &format!("/stock/days-left?item=M03{query}"));
            page.expect(200)["rows"][0].clone()
        };
        assert_eq!((&row("")["expired"], &row("")["up_to_30_days"]), (&json!(30), &json!(30)));
        assert_eq!(row("&as_of=2026-03-02T12:00:00Z"), bands);
        let csv = app.request("GET", "/api/v1/stock/days-left").by("commander");
        let csv = csv.header("accept", "text/csv").header("accept-language", "en").send().text;
        assert!(csv.contains("store_code,item_code,expired,up_to_30_days"), "{csv}");
        app.get("commander", "/stock/days-left?group_by=lot").refused(422, "validation_failed");
    });
}
