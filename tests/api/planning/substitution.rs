//! Who may stand in for what: lists with their reason, their use, their region and their time.

use super::{fixed, in_force};
use crate::support::TestApp;
use changbei::kernel::Clock;
use serde_json::{Value, json};

fn list(item: &str, others: &[&str]) -> Value {
    let entries: Vec<Value> = others
        .iter()
        .zip(1..)
        .map(|(other, rank)| json!({"item_code": other, "rank": rank}))
        .collect();
    json!({"item_code": item, "reason": "口罩紧缺", "source": "全防指〔2026〕12号", "entries": entries})
}

fn with(mut body: Value, more: Value) -> Value {
    for (field, value) in more.as_object().unwrap() {
        body[field] = value.clone();
    }
    body
}

fn receive(app: &TestApp, item: &str, units: i64) {
    let body = json!({"store_code": "QN-HOSP", "occurred_at": "2026-02-20T01:00:00Z",
        "source": {"kind": "supplier", "name": "江西某医疗器械公司"},
        "lines": [{"item_code": item, "lot_number": "B1", "expires_on": "2027-06-30",
                   "quantity": units}]});
    app.post("keeper.hospital", "/receipts", body).expect(201);
}

/// What stands in for surgical masks at the hospital: the codes, and how much they cover.
fn stand_ins(app: &TestApp, query: &str) -> Vec<(String, i64)> {
    let path = format!("/shortfalls?store=QN-HOSP&item=M02{query}");
    let page = app.get("keeper.hospital", &path).expect(200);
    let others = page["rows"][0]["substitutes"].as_array().unwrap().clone();
    others
        .iter()
        .map(|one| {
            (one["item_code"].as_str().unwrap().to_owned(), one["would_cover"].as_i64().unwrap())
        })
        .collect()
}

fn ids(page: &Value) -> Vec<&str> {
    page["rows"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect()
}

#[test]
fn a_list_is_recorded_read_back_listed_and_audited() {
    TestApp::each(|app| {
        let body = with(
            list("M02", &["M03"]),
            json!({"scene": "isolation", "valid_from": "2026-03-01", "valid_to": "2026-06-01"}),
        );
        let answer = app.post("commander", "/substitution-lists", body);
        let path = answer.header("location").unwrap().trim_start_matches("/api/v1").to_owned();
        let made = answer.expect(201);
        // A commander's list holds in the commander's region; it is the second of the item.
        assert_eq!((&made["region_code"], &made["version"]), (&json!("360729"), &json!(2)));
        assert_eq!(made["valid_from"], "2026-02-28T16:00:00Z");
        assert_eq!(made["valid_to"], "2026-05-31T16:00:00Z");
        assert_eq!(made["recorded_by"], "commander");
        let entry = json!({"rank": 1, "item_code": "M03", "substitute_units": 1, "item_units": 1,
            "note": null});
        assert_eq!(made["entries"], json!([entry]));
        assert_eq!(app.get("keeper.town", &path).expect(200), made);
        let id = made["id"].as_str().unwrap();
        let found = |query: &str| {
            let page = app.get("auditor", &format!("/substitution-lists?{query}")).expect(200);
            page["rows"].as_array().unwrap().len() == 1 && ids(&page) == [id]
        };
        for query in [
            "item=M02&scene=isolation",
            "substitute=M03&region=360729",
            "limit=1",
            "at=2026-03-01&region=360729",
        ] {
            assert!(found(query), "{query}");
        }
        let all = app.get("auditor", "/substitution-lists?item=M02").expect(200);
        assert_eq!(all["rows"].as_array().unwrap().len(), 2, "with that of the catalogue");
        let first = app.get("auditor", "/substitution-lists?limit=1").expect(200);
        let next = first["next_cursor"].as_str().unwrap();
        let rest = app.get("auditor", &format!("/substitution-lists?cursor={next}")).expect(200);
        assert_eq!(rest["rows"][0]["source"], "物资目录");
        assert_eq!(rest["next_cursor"], Value::Null);
        let trail = app.get("auditor", "/audit?object_kind=substitution_list").expect(200);
        assert_eq!(trail["rows"].as_array().unwrap().len(), 1);
        assert_eq!(trail["rows"][0]["object_id"], made["id"]);
        app.get("auditor", "/substitution-lists/none").refused(404, "not_found");
    });
}

#[test]
fn every_fault_of_a_list_is_named_at_once_and_strangers_may_not_write() {
    TestApp::each(|app| {
        let body = json!({"item_code": "M02", "scene": "party", "region_code": "36x", "reason": " ",
            "source": "", "valid_from": "tomorrow",
            "entries": [{"item_code": "M02", "rank": 1}, {"item_code": "M03", "rank": 1},
                        {"item_code": "M03", "rank": 0, "substitute_units": 0}]});
        let answer = app.post("commander", "/substitution-lists", body);
        assert_eq!(
            answer.pointers(),
            [
                "/scene",
                "/region_code",
                "/valid_from",
                "/reason",
                "/source",
                "/entries/0/item_code",
                "/entries/1/rank",
                "/entries/2/item_code",
                "/entries/2/rank",
                "/entries/2/substitute_units"
            ]
        );
        answer.refused(422, "validation_failed");
        let unknown = with(
            list("M99", &["M98"]),
            json!({"region_code": "360799", "valid_from": "2026-03-02", "valid_to": "2026-03-01"}),
        );
        let answer = app.post("commander", "/substitution-lists", unknown);
        assert_eq!(
            answer.pointers(),
            ["/region_code", "/item_code", "/entries/0/item_code", "/valid_to"]
        );
        for user in ["keeper.hospital", "buyer.hospital", "auditor"] {
            app.post(user, "/substitution-lists", list("M02", &["M03"])).refused(403, "forbidden");
        }
        let elsewhere = with(list("M02", &["M03"]), json!({"region_code": "360722"}));
        app.post("commander", "/substitution-lists", elsewhere).refused(403, "forbidden");
        // An administrator keeps the catalogue of all.
        let made = app.post("admin", "/substitution-lists", list("M02", &[])).expect(201);
        assert_eq!(made["region_code"], Value::Null);
    });
}

#[test]
fn the_past_is_answered_by_the_list_in_force_then_and_by_what_was_known_then() {
    TestApp::each(|app| {
        in_force(app, json!([fixed("QN-HOSP", "M02", 1_000)]));
        receive(app, "M03", 260);
        receive(app, "D03", 70);
        assert_eq!(stand_ins(app, ""), [("M03".to_owned(), 260)]);
        let before = app.clock.now();
        app.clock.set(before.plus_hours(1));
        // Two days of another substitute; what held before holds again afterwards.
        let for_now = json!({"valid_to": app.clock.now().plus_seconds(172_800)});
        app.post("commander", "/substitution-lists", with(list("M02", &["D03"]), for_now))
            .expect(201);
        assert_eq!(stand_ins(app, ""), [("D03".to_owned(), 70)]);
        assert_eq!(stand_ins(app, &format!("&as_of={before}")), [("M03".to_owned(), 260)]);
        app.clock.set(before.plus_hours(72));
        assert_eq!(stand_ins(app, ""), [("M03".to_owned(), 260)]);
        // What is said today of the past is known from today on.
        let known = app.clock.now().plus_seconds(-3_600);
        let backdated = json!({"valid_from": before.plus_seconds(-86_400)});
        app.post("commander", "/substitution-lists", with(list("M02", &[]), backdated)).expect(201);
        assert_eq!(stand_ins(app, &format!("&as_of={before}")), []);
        let then = format!("&as_of={before}&as_known_at={known}");
        assert_eq!(stand_ins(app, &then), [("M03".to_owned(), 260)]);
        // The catalogue tells what holds everywhere, which a region's list does not change.
        let item = app.get("admin", "/items/M02").expect(200);
        assert_eq!(item["substitutes"], json!([{"item_code": "M03", "rank": 1}]));
    });
}

#[test]
fn a_use_a_region_and_a_rate_say_what_stands_in_and_for_how_much() {
    TestApp::each(|app| {
        in_force(app, json!([fixed("QN-HOSP", "M02", 100)]));
        receive(app, "M03", 61);
        receive(app, "D03", 70);
        let mut wards = with(list("M02", &["M03", "D03"]), json!({"scene": "isolation"}));
        wards["entries"][0]["substitute_units"] = json!(2);
        wards["entries"][1]["item_units"] = json!(3);
        let made = app.post("commander", "/substitution-lists", wards).expect(201);
        assert_eq!(stand_ins(app, ""), [("M03".to_owned(), 61)]);
        assert_eq!(stand_ins(app, "&scene=public"), [("M03".to_owned(), 61)]);
        let isolation = [("M03".to_owned(), 30), ("D03".to_owned(), 70)];
        assert_eq!(stand_ins(app, "&scene=isolation"), isolation);
        let path = "/shortfalls/explain?store=QN-HOSP&item=M02&scene=isolation";
        let row = app.get("keeper.hospital", path).expect(200)["result"].clone();
        let first = &row["substitutes"][0];
        assert_eq!(first["would_take"], json!(60));
        assert_eq!((&first["substitute_units"], &first["item_units"]), (&json!(2), &json!(1)));
        assert_eq!(first["substitution_list_id"], made["id"]);
        assert_eq!(row["substitutes"][1]["would_take"], json!(24));
        assert_eq!(row["shortfall_after_substitution"], json!(0));
        // What holds in another county says nothing here.
        let there = with(list("M02", &["D03"]), json!({"region_code": "360722"}));
        app.post("admin", "/substitution-lists", there).expect(201);
        assert_eq!(stand_ins(app, ""), [("M03".to_owned(), 61)]);
        app.get("keeper.hospital", "/shortfalls?scene=party").refused(422, "validation_failed");
    });
}

#[test]
fn an_items_own_substitutes_make_a_list_and_the_same_ones_make_none() {
    TestApp::each(|app| {
        let tag = app.get("admin", "/items/M03").etag();
        let patch = json!({"substitutes": [{"item_code": "D03", "rank": 2}]});
        let changed =
            app.storing("PATCH", "admin", "/items/M03").if_match(&tag).json(patch.clone()).send();
        let tag = changed.etag();
        assert_eq!(changed.expect(200)["substitutes"], patch["substitutes"]);
        app.storing("PATCH", "admin", "/items/M03").if_match(&tag).json(patch).send().expect(200);
        let lists = app.get("admin", "/substitution-lists?item=M03").expect(200);
        assert_eq!(lists["rows"].as_array().unwrap().len(), 1);
        assert_eq!(lists["rows"][0]["entries"][0]["rank"], json!(2));
    });
}
