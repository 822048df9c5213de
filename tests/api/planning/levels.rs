//! Response levels of regions.

use super::{declaration, declare};
use crate::support::TestApp;
use serde_json::json;

#[test]
fn the_nearest_region_that_declared_a_level_decides() {
    TestApp::each(|app| {
        let level = |region: &str| {
            let path = format!("/response-level?region={region}");
            let answer = app.get("keeper.town", &path);
            let tag = answer.etag();
            (answer.expect(200), tag)
        };
        let (before, tag) = level("360729101");
        assert_eq!((&before["level"], &before["declaration"]), (&json!("normal"), &json!(null)));
        assert_eq!(tag, "\"v0\"");

        declare(app, "360729", "II");
        let (below, _) = level("360729101");
        assert_eq!(below["level"], "II");
        assert_eq!(below["declaration"]["region_code"], "360729");
        assert_eq!(below["declaration"]["authority"]["number"], "全防指〔2026〕3号");
        assert_eq!(below["declaration"]["declared_by"], "commander");

        declare(app, "360729101", "I");
        assert_eq!(level("360729101").0["level"], "I");
        assert_eq!(level("360729").0["level"], "II");
        assert_eq!(level("360722").0["level"], "normal");
        assert_eq!(level("360729").1, "\"v1\"");
    });
}

#[test]
fn a_level_is_declared_by_authority_within_the_own_region_and_on_what_was_read() {
    TestApp::each(|app| {
        let put = |user: &str, body: serde_json::Value, tag: &str| {
            app.storing("PUT", user, "/response-level").if_match(tag).json(body).send()
        };
        let body = declaration("360729", "III");
        put("foreign.commander", body.clone(), "\"v0\"").refused(403, "forbidden");
        put("keeper.depot", body.clone(), "\"v0\"").refused(403, "forbidden");
        app.storing("PUT", "commander", "/response-level")
            .json(body.clone())
            .send()
            .refused(428, "precondition_required");
        put("commander", body.clone(), "\"v1\"").refused(412, "stale_version");
        assert_eq!(put("commander", body.clone(), "\"v0\"").etag(), "\"v1\"");
        put("deputy", body, "\"v0\"").refused(412, "stale_version");

        let wrong = json!({"level": "V", "region_code": "36072", "reason": "",
            "authority": {"kind": "verbal", "issued_by": ""}, "effective_at": "tomorrow"});
        let answer = put("commander", wrong, "*");
        assert_eq!(
            answer.pointers(),
            [
                "/level",
                "/region_code",
                "/reason",
                "/authority/issued_by",
                "/authority/heard_by",
                "/authority/issued_at",
                "/effective_at"
            ]
        );
        answer.refused(422, "validation_failed");
        let nameless = json!({"level": "I", "region_code": "360729", "reason": "x"});
        assert_eq!(put("commander", nameless, "*").pointers(), ["/authority"]);
    });
}

#[test]
fn a_level_can_be_declared_ahead_and_the_history_keeps_all() {
    TestApp::each(|app| {
        declare(app, "360729", "IV");
        let mut ahead = declaration("360729", "II");
        ahead["effective_at"] = json!("2026-03-03T00:00:00+08:00");
        app.storing("PUT", "commander", "/response-level")
            .if_match("\"v1\"")
            .json(ahead)
            .send()
            .expect(200);
        let level = || {
            app.get("commander", "/response-level").expect(200)["level"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        assert_eq!(level(), "IV");
        app.set_time("2026-03-02T16:00:00Z");
        assert_eq!(level(), "II");

        let mut back = declaration("360729", "I");
        back["effective_at"] = json!("2026-03-01T00:00:00+08:00");
        app.storing("PUT", "commander", "/response-level")
            .if_match("*")
            .json(back)
            .send()
            .refused(422, "validation_failed");

        let history = app.get("auditor", "/response-levels?region=360729&limit=1").expect(200);
        assert_eq!(history["rows"][0]["level"], "II");
        let cursor = history["next_cursor"].as_str().unwrap();
        let next = app.get("auditor", &format!("/response-levels?limit=1&cursor={cursor}"));
        assert_eq!(next.expect(200)["rows"][0]["level"], "IV");
        app.get("auditor", "/response-level").refused(422, "validation_failed");
    });
}

#[test]
fn a_level_on_a_spoken_word_waits_for_another_to_vouch_for_it() {
    TestApp::each(|app| {
        let body = json!({"level": "II", "region_code": "360729", "reason": "凌晨接市指挥部电话",
            "authority": {"kind": "verbal", "issued_by": "钟卫国", "heard_by": "曾小兰",
                "issued_at": "2026-03-02T09:30:00+08:00"}});
        let declared = app
            .storing("PUT", "commander", "/response-level")
            .if_match("\"v0\"")
            .json(body)
            .send()
            .expect(200);
        let open = app.get("deputy", "/paperwork?state=open").expect(200);
        let paper = &open["rows"][0];
        assert_eq!(paper["document"]["kind"], "response_level");
        assert_eq!(paper["document"]["id"], declared["id"]);
        let path = format!("/paperwork/{}/confirm", paper["id"].as_str().unwrap());
        let confirm = json!({"number": "全防指〔2026〕5号"});
        app.act("commander", &path, "\"v1\"", confirm.clone()).refused(403, "own_document");
        app.act("deputy", &path, "\"v1\"", confirm).expect(200);
        let foreign = app.get("foreign.commander", "/paperwork").expect(200);
        assert_eq!(foreign["rows"], json!([]));
    });
}
