//! Files go in through the same commands as requests do: whole or row by row, once, and never with
//! more rights than their user has.

use crate::planning::{draft, fixed};
use crate::support::{NOW, TestApp, TestDatabase, databases};
use changbei::access::records::actor_by_name;
use changbei::app::App;
use changbei::audit::Outcome;
use changbei::catalogue::records::substitution::in_force;
use changbei::catalogue::substitution::UseScene;
use changbei::command::CommandError;
use changbei::config::Settings;
use changbei::db::DbError;
use changbei::exchange::commands::{Import, Progress, file_hash, import};
use changbei::exchange::kind::ImportKind;
use changbei::exchange::mapping::Mapping;
use changbei::exchange::report::Report;
use changbei::exchange::{rejects, table};
use changbei::kernel::page::PageSize;
use changbei::kernel::time::SetClock;
use changbei::kernel::{Code, Instant, ItemCode, Language};
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook, Worksheet};
use serde_json::json;
use std::sync::Arc;

/// The small county, and the files that it is sent.
struct County {
    app: App,
}

impl County {
    fn on(database: &TestDatabase) -> Self {
        let clock = SetClock::at(Instant::parse(NOW).unwrap());
        let app = App::new(database.db.clone(), Arc::new(clock), Settings::default());
        Self { app }
    }

    fn try_import(&self, user: &str, wanted: &Wanted<'_>) -> Result<Report, CommandError> {
        let mapping = match wanted.mapping {
            Some(text) => Mapping::parse(text, wanted.kind).unwrap(),
            None => Mapping::none(),
        };
        let table = Arc::new(table::read(wanted.bytes, mapping.reading).unwrap());
        let work = Import {
            kind: wanted.kind,
            file_hash: file_hash(wanted.bytes),
            mapping,
            good_rows_go_in: wanted.good_rows_go_in,
            dry_run: wanted.dry_run,
        };
        let actor = self.app.read(|conn| actor_by_name(conn, user)).unwrap().unwrap();
        let quiet: Progress = Arc::new(|_, _| ());
        import(&self.app, &actor, &work, table, &quiet)
    }

    fn import(&self, user: &str, wanted: &Wanted<'_>) -> Report {
        self.try_import(user, wanted).unwrap()
    }

    /// The items that are not the small county's own.
    fn items(&self) -> Vec<String> {
        let all = changbei::catalogue::records::Filter::default();
        let items = self.app.read(|conn| {
            changbei::catalogue::records::list(conn, &all, None, PageSize::new(1_000).unwrap())
        });
        let codes = items.unwrap().into_iter().map(|item| item.code.to_string());
        codes.filter(|code| code.starts_with('N')).collect()
    }

    /// The stores that are not the small county's own.
    fn stores(&self) -> Vec<String> {
        let all = changbei::stores::records::Filter::default();
        let stores = self.app.read(|conn| {
            changbei::stores::records::list(conn, &all, None, PageSize::new(1_000).unwrap())
        });
        let codes = stores.unwrap().into_iter().map(|store| store.code.to_string());
        codes.filter(|code| code.starts_with("AY")).collect()
    }

    /// What the audit trail says of the imports, in its order.
    fn audited(&self) -> Vec<(Option<String>, Outcome)> {
        let all = changbei::audit::records::Filter::default();
        let scope = changbei::access::Scope::All;
        let entries = self.app.read(|conn| {
            let size = PageSize::new(1_000).unwrap();
            changbei::audit::records::list(conn, &scope, &all, None, size)
        });
        let entries = entries.unwrap().into_iter().filter(|entry| entry.entry.actor != "seed");
        entries.map(|entry| (entry.entry.object_id, entry.entry.outcome)).collect()
    }
}

struct Wanted<'a> {
    kind: ImportKind,
    bytes: &'a [u8],
    mapping: Option<&'a str>,
    good_rows_go_in: bool,
    dry_run: bool,
}

impl<'a> Wanted<'a> {
    fn of(kind: ImportKind, text: &'a str) -> Self {
        Self { kind, bytes: text.as_bytes(), mapping: None, good_rows_go_in: false, dry_run: false }
    }

    fn mapped(self, mapping: &'a str) -> Self {
        Self { mapping: Some(mapping), ..self }
    }

    fn with_rejects(self) -> Self {
        Self { good_rows_go_in: true, ..self }
    }

    fn tried(self) -> Self {
        Self { dry_run: true, ..self }
    }
}

/// Runs a check on a fresh county in each database.
fn on_each(check: impl Fn(&County)) {
    for database in databases() {
        check(&County::on(&database));
    }
}

fn named(report: &Report) -> Vec<(u64, &str)> {
    report.faults.iter().map(|fault| (fault.line, fault.column.as_str())).collect()
}

const ITEMS: &str = "code,name_zh,name_en,category,base_unit,packs,gtins,substitutes\n\
    N01,一次性使用医用口罩,Medical face mask,ppe,只,box=50=盒=box;carton=2000=箱=carton,4006381333931,N02\n\
    N02,医用外科口罩,Surgical mask,ppe,只,box=50=盒=box,,\n\
    N03,75%消毒酒精,Ethanol 75 %,disinfectant,瓶,,,\n";

const STORES: &str = "code,name_zh,kind,region_code,region_name_zh,supplied_by,storage\n\
    AY-HOSP,安远县人民医院,hospital,360726,安远县,AY-DEPOT,ambient;refrigerated\n\
    AY-DEPOT,安远县应急物资储备库,county_reserve,360726,安远县,,\n";

#[test]
fn items_and_stores_go_in_whatever_order_they_refer_to_each_other() {
    on_each(|county| {
        let items = county.import("admin", &Wanted::of(ImportKind::Items, ITEMS));
        assert_eq!(items.faults, []);
        assert_eq!((items.accepted, items.documents, items.stored), (3, 3, true));
        let stores = county.import("admin", &Wanted::of(ImportKind::Stores, STORES));
        assert_eq!(stores.faults, []);
        assert_eq!(county.items(), ["N01", "N02", "N03"]);
        assert_eq!(county.stores(), ["AY-DEPOT", "AY-HOSP"]);
        let mask = ItemCode::new("N01").unwrap();
        let find = |conn: &mut _| changbei::catalogue::records::find(conn, &mask);
        let mask = county.app.read::<_, DbError>(find).unwrap().unwrap();
        assert_eq!(mask.packs.iter().map(|p| p.units.units()).collect::<Vec<_>>(), [50, 2_000]);
        let code = mask.code.clone();
        let lists = move |conn: &mut _| {
            in_force(conn, Some(std::slice::from_ref(&code)), county.app.clock.now(), None)
        };
        let lists = county.app.read::<_, DbError>(lists).unwrap();
        let list = lists.list_of(&mask.code, None, UseScene::General).unwrap();
        assert_eq!(list.entries[0].item_code.as_str(), "N02");
        // Each item and store has the audit entry that its own request would have.
        assert_eq!(county.audited().len(), 5);
    });
}

#[test]
fn the_same_file_twice_changes_nothing() {
    on_each(|county| {
        county.import("admin", &Wanted::of(ImportKind::Items, ITEMS));
        let audited = county.audited();
        let again = county.import("admin", &Wanted::of(ImportKind::Items, ITEMS));
        assert_eq!((again.accepted, again.already, again.refused()), (0, 3, 0));
        assert!(!again.stored);
        assert_eq!(county.audited(), audited);
        // In another order, with a row more and one twice: only what is new goes in.
        let more = "category,code,base_unit,name_zh,name_en\n\
            equipment,N04,台,红外体温计,\n\
            equipment,N04,台,红外体温计,\n\
            disinfectant,N03,瓶,75%消毒酒精,Ethanol 75 %\n";
        let more = county.import("admin", &Wanted::of(ImportKind::Items, more));
        assert_eq!((more.accepted, more.already, more.repeated), (1, 1, 1));
        assert_eq!(county.items(), ["N01", "N02", "N03", "N04"]);
    });
}

const BAD_ITEMS: &str = "code,name_zh,category,base_unit,packs,shelf_life_months\n\
    N11,好的一行,ppe,只,,24\n\
    B 1,,weapons,只,,two\n\
    N12,另一行好的,drug,盒,,\n\
    N14,包装有误,ppe,只,box of 50,\n\
    N11,编码已用,ppe,只,,\n";

#[test]
fn every_bad_row_is_named_and_nothing_is_stored() {
    on_each(|county| {
        let report = county.import("admin", &Wanted::of(ImportKind::Items, BAD_ITEMS));
        assert_eq!(
            named(&report),
            [(3, "name_zh"), (3, "shelf_life_months"), (5, "packs"), (6, "")],
        );
        assert_eq!((report.accepted, report.refused(), report.stored), (2, 3, false));
        assert!(county.items().is_empty());
        assert_eq!(county.audited(), [(None, Outcome::Refused)]);
    });
}

#[test]
fn with_rejects_the_good_rows_go_in_and_the_corrected_rest_follows() {
    on_each(|county| {
        let wanted = Wanted::of(ImportKind::Items, BAD_ITEMS).with_rejects();
        let report = county.import("admin", &wanted);
        assert_eq!((report.accepted, report.refused(), report.stored), (2, 3, true));
        assert_eq!(county.items(), ["N11", "N12"]);
        let table = table::read(BAD_ITEMS.as_bytes(), table::Reading::default()).unwrap();
        let mut file = Vec::new();
        rejects::write(&mut file, &table, &report.faults, Language::Zh).unwrap();
        let corrected = String::from_utf8(file)
            .unwrap()
            .replace("B 1,,weapons,只,,two", "N13,护目镜,ppe,只,,24")
            .replace("box of 50", "box=50")
            .replace("N11,", "N15,");
        let report = county.import("admin", &Wanted::of(ImportKind::Items, &corrected));
        assert_eq!(report.faults, []);
        assert_eq!(county.items(), ["N11", "N12", "N13", "N14", "N15"]);
    });
}

#[test]
fn a_dry_run_tries_everything_and_stores_nothing() {
    on_each(|county| {
        let report = county.import("admin", &Wanted::of(ImportKind::Items, ITEMS).tried());
        assert_eq!((report.accepted, report.stored, report.dry_run), (3, false, true));
        let wanted = Wanted::of(ImportKind::Items, BAD_ITEMS).with_rejects().tried();
        let report = county.import("admin", &wanted);
        assert_eq!((report.accepted, report.refused(), report.stored), (2, 3, false));
        assert!(county.items().is_empty());
        assert!(county.audited().is_empty());
    });
}

#[test]
fn a_gb18030_file_with_semicolons_goes_in_like_any_other() {
    on_each(|county| {
        let text = "物资编码;物资名称;类别;单位\nN09;医用防护口罩;防护用品;只\n";
        let (bytes, _, unmappable) = encoding_rs::GB18030.encode(text);
        assert!(!unmappable);
        let mapping = r#"
            kind = "items"
            [columns]
            code = "物资编码"
            name_zh = "物资名称"
            category = "类别"
            base_unit = "单位"
            [lookups.category]
            "防护用品" = "ppe"
        "#;
        let wanted = Wanted { bytes: &bytes, ..Wanted::of(ImportKind::Items, "").mapped(mapping) };
        let report = county.import("admin", &wanted);
        assert_eq!(report.faults, []);
        assert_eq!((report.encoding, report.delimiter), ("gb18030", ';'));
        assert_eq!(county.items(), ["N09"]);
    });
}

#[test]
fn an_import_can_do_nothing_that_its_user_could_not() {
    on_each(|county| {
        let refused = county.try_import("keeper.depot", &Wanted::of(ImportKind::Items, ITEMS));
        let Err(CommandError::Refused(refusal)) = refused else { panic!("{refused:?}") };
        assert_eq!(refusal.code, Code::Forbidden);
        assert!(county.items().is_empty());
        assert_eq!(county.audited(), [(None, Outcome::Refused)]);
    });
}

impl County {
    /// What was received: store, item, base units and state, in the order of the ledger.
    fn received(&self) -> Vec<(String, String, i64, String)> {
        let all = changbei::stock::queries::MovementFilter::default();
        let size = PageSize::new(1_000).unwrap();
        let scope = changbei::access::Scope::All;
        let movements = self
            .app
            .read(|conn| changbei::stock::queries::movements(conn, &scope, &all, None, size));
        let movements = movements.unwrap().into_iter().map(|movement| {
            let line = movement.line;
            let state = match line.to {
                changbei::stock::Account::Store(_, state) => state.to_string(),
                other => panic!("{other:?}"),
            };
            (line.store_code.to_string(), line.item_code.to_string(), line.quantity.units(), state)
        });
        movements.collect()
    }
}

const RECEIPTS: &str = "delivered;warehouse;goods;lot;use by;boxes;each;from\n\
    14-Feb-26;Depot;Surgical mask;A1;2028-01-01;1,200;50;Ganzhou Medical\n\
    14-Feb-26;Depot;Ethanol;;;3;1;Ganzhou Medical\n\
    14-Feb-26;Depot;Ethanol;;;3;1;Ganzhou Medical\n";

const RECEIPTS_MAP: &str = r#"
    kind = "receipts"
    [columns]
    occurred_at = "delivered"
    store_code = "warehouse"
    item_code = "goods"
    lot_number = "lot"
    expires_on = "use by"
    packs = "boxes"
    pack_units = "each"
    source_name = "from"
    [constants]
    source_kind = "supplier"
    expiry_unknown = "true"
    [lookups.store_code]
    Depot = "QN-DEPOT"
    Hospital = "QN-HOSP"
    [lookups.item_code]
    "Surgical mask" = "M02"
    Ethanol = "D03"
    [dates]
    formats = ["%d-%b-%y", "%Y-%m-%d"]
"#;

#[test]
fn rows_of_one_delivery_become_one_receipt_and_two_equal_rows_are_two_deliveries() {
    on_each(|county| {
        let wanted = || Wanted::of(ImportKind::Receipts, RECEIPTS).mapped(RECEIPTS_MAP);
        let report = county.import("keeper.depot", &wanted());
        assert_eq!(report.faults, []);
        assert_eq!((report.accepted, report.documents), (3, 1));
        let row = |item: &str, units, state: &str| {
            ("QN-DEPOT".to_owned(), item.to_owned(), units, state.to_owned())
        };
        let received = [
            row("M02", 60_000, "available"),
            row("D03", 3, "pending_inspection"),
            row("D03", 3, "pending_inspection"),
        ];
        assert_eq!(county.received(), received);
        let again = county.import("keeper.depot", &wanted());
        assert_eq!((again.accepted, again.already), (0, 3));
        assert_eq!(county.received(), received);
    });
}

#[test]
fn only_the_lines_at_fault_are_refused_and_a_foreign_store_with_all_its_lines() {
    on_each(|county| {
        let text = "store_code,occurred_at,source_kind,item_code,lot_number,expires_on,quantity,unit\n\
            QN-DEPOT,2026-02-01,supplier,M02,A1,2028-01-01,10,盒\n\
            QN-DEPOT,2026-02-01,supplier,M99,A1,2028-01-01,10,\n\
            QN-DEPOT,2026-02-01,supplier,M02,A1,2029-01-01,10,只\n\
            QN-DEPOT,2026-02-01,supplier,M02,A2,2028-01-01,10,桶\n\
            QN-HOSP,2026-02-01,supplier,M02,A3,2028-01-01,10,\n\
            QN-DEPOT,2027-02-01,supplier,M02,A4,2028-01-01,10,\n";
        let wanted = Wanted::of(ImportKind::Receipts, text).with_rejects();
        let report = county.import("keeper.depot", &wanted);
        assert_eq!(
            named(&report),
            [(3, "item_code"), (4, "lot_number"), (5, "unit"), (6, ""), (7, "occurred_at")],
        );
        assert!(report.faults[0].reason.en.contains("M99"));
        let units: Vec<i64> = county.received().into_iter().map(|row| row.2).collect();
        assert_eq!(units, [500]);
    });
}

#[test]
fn opening_stock_comes_from_the_opening_account() {
    on_each(|county| {
        let text = "储备点编码,发生时间,物资编码,批号,有效期至,数量,定向用途\n\
            QN-DEPOT,2026/1/1,M03,B7,2027年6月30日,400,发热门诊\n\
            QN-DEPOT,2026/1/1,E02,,,2,\n";
        let refused = county.import("keeper.depot", &Wanted::of(ImportKind::OpeningStock, text));
        assert_eq!(named(&refused), [(3, "有效期至")]);
        assert!(county.received().is_empty());
        let text = text
            .replace("定向用途", "定向用途,无有效期")
            .replace("发热门诊", "发热门诊,")
            .replace("2,\n", "2,,是\n");
        let report = county.import("keeper.depot", &Wanted::of(ImportKind::OpeningStock, &text));
        assert_eq!(report.faults, []);
        let items: Vec<(String, i64)> =
            county.received().into_iter().map(|row| (row.1, row.2)).collect();
        assert_eq!(items, [("M03".to_owned(), 400), ("E02".to_owned(), 2)]);
    });
}

/// A dispatch: its receiver, its status, and the items and quantities of its lines.
type Asked = (String, String, Vec<(String, i64)>);

impl County {
    /// The dispatches, sorted.
    fn dispatches(&self) -> Vec<Asked> {
        let all = changbei::dispatch::records::Filter::default();
        let scope = changbei::access::Scope::All;
        let orders = self.app.read(|conn| {
            let size = PageSize::new(1_000).unwrap();
            changbei::dispatch::records::list(conn, &scope, &all, None, size)
        });
        let orders = orders.unwrap().into_iter().map(|order| {
            let lines = order.lines.iter();
            let lines = lines.map(|line| (line.item_code.to_string(), line.requested.units()));
            (order.to_store.to_string(), order.status.to_string(), lines.collect())
        });
        let mut orders: Vec<Asked> = orders.collect();
        orders.sort();
        orders
    }
}

const NOTICES: &str = "published,receiver,item,spec,unit,qty\n\
    2020-01-30,人民医院,口罩,2000只/箱,箱,5\n\
    2020-01-30,人民医院,酒精,500ml*30瓶,件,20\n\
    2020-01-30,人民医院,口罩,50箱（*1000）,件,1\n\
    2020-01-30,人民医院,血氧仪,,台,4\n\
    2020-01-30,疾控中心,口罩,,箱,3\n\
    2020-01-30,某医院,酒精,12瓶/箱,箱,3\n\
    2020-01-31,人民医院,口罩,,个,300\n";

const NOTICES_MAP: &str = r#"
    kind = "dispatches"
    [columns]
    to_store = "receiver"
    item_code = "item"
    quantity = "qty"
    unit = "unit"
    pack_text = "spec"
    [constants]
    urgency = "urgent"
    [templates]
    reason = "{published} 通告"
    [units]
    bare = ["箱", "件"]
    same = [["箱", "件"], ["个", "只"]]
    [lookups.to_store]
    "人民医院" = "QN-HOSP"
    "疾控中心" = "QN-CDC"
    [lookups.item_code]
    "口罩" = "M02"
    "酒精" = "D03"
    "血氧仪" = "E02"
"#;

#[test]
fn lines_of_notices_become_requests_where_their_number_of_pieces_is_certain() {
    on_each(|county| {
        let wanted = || Wanted::of(ImportKind::Dispatches, NOTICES).mapped(NOTICES_MAP);
        let whole = county.import("buyer.hospital", &wanted());
        assert_eq!(named(&whole), [(4, "spec"), (6, "unit"), (7, "receiver")]);
        assert!(county.dispatches().is_empty());
        let report = county.import("buyer.hospital", &wanted().with_rejects());
        assert_eq!((report.accepted, report.documents, report.refused()), (4, 2, 3));
        let line = |item: &str, units| (item.to_owned(), units);
        let requested = |lines| ("QN-HOSP".to_owned(), "requested".to_owned(), lines);
        let requests = [
            requested(vec![line("M02", 300)]),
            requested(vec![line("M02", 10_000), line("D03", 600), line("E02", 4)]),
        ];
        assert_eq!(county.dispatches(), requests);
        let again = county.import("buyer.hospital", &wanted().with_rejects());
        assert_eq!((again.accepted, again.already), (0, 4));
        assert_eq!(county.dispatches(), requests);
    });
}

const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

fn workbook(fill: impl FnOnce(&mut Worksheet)) -> Vec<u8> {
    let mut book = Workbook::new();
    fill(book.add_worksheet());
    book.save_to_buffer().unwrap()
}

#[test]
fn a_workbook_says_the_same_as_its_twin_in_csv() {
    let headings = [
        "store_code",
        "source_kind",
        "occurred_at",
        "item_code",
        "lot_number",
        "maker",
        "expires_on",
        "quantity",
        "unit_cost",
    ];
    let csv = format!(
        "{}\nQN-DEPOT,supplier,2026-03-01 09:30:00,M03,A1,某厂,2027-06-30,1200,0.0325\n",
        headings.join(",")
    );
    let book = workbook(|sheet| {
        for (column, heading) in (0_u16..).zip(headings) {
            sheet.write_string(0, column, heading).unwrap();
        }
        let words = ["QN-DEPOT", "supplier", "", "M03", "A1", "某厂"];
        for (column, text) in (0_u16..).zip(words).filter(|(_, text)| !text.is_empty()) {
            sheet.write_string(4, column, text).unwrap();
        }
        let time = Format::new().set_num_format("yyyy-mm-dd hh:mm");
        let at = ExcelDateTime::from_ymd(2026, 3, 1).unwrap().and_hms(9, 30, 0).unwrap();
        sheet.write_datetime_with_format(4, 2, at, &time).unwrap();
        let day = Format::new().set_num_format("d/m/yy");
        let at = ExcelDateTime::from_ymd(2027, 6, 30).unwrap();
        sheet.write_datetime_with_format(4, 6, at, &day).unwrap();
        sheet.write_number(4, 7, 1_200).unwrap();
        sheet.write_number(4, 8, 0.0325).unwrap();
    });
    for database in databases() {
        let county = County::on(&database);
        let wanted = |bytes| Wanted {
            kind: ImportKind::Receipts,
            bytes,
            mapping: None,
            good_rows_go_in: false,
            dry_run: false,
        };
        let first = county.import("keeper.depot", &wanted(&book));
        assert_eq!((first.accepted, first.encoding, &first.faults), (1, "XLSX", &vec![]));
        let again = county.import("keeper.depot", &wanted(csv.as_bytes()));
        assert_eq!((again.accepted, again.already), (0, 1));
    }
}

#[test]
fn the_lines_of_a_plan_go_out_as_a_workbook_and_come_back_the_same() {
    TestApp::each(|app| {
        let bases = json!([{"kind": "full_load", "days": 30,
                "posts": [{"count": 12, "per_day": 4}, {"count": 18, "per_day": "6/5"}]},
            {"kind": "fixed", "quantity": 5_000}]);
        let made = draft(
            app,
            json!([{"store_code": "QN-HOSP", "item_code": "M03", "bases": bases, "floor": 100,
                    "ceiling": 9_000, "level_percent": {"I": 200}, "floor_percent": {"I": 0}},
                fixed("QN-CDC", "M02", 70),
                {"region_code": "360729", "item_code": "M02",
                    "bases": [{"kind": "days_of_cover", "days": 14}]}]),
        );
        let lines = |plan: &str| app.get("auditor", plan).expect(200)["lines"].clone();
        let plan = format!("/reserve-plans/{}", made["id"].as_str().unwrap());
        for headings in ["names", "zh"] {
            let path = format!("/api/v1{plan}/lines/export?headings={headings}");
            let out = app.request("GET", &path).by("auditor").header("accept", XLSX).send();
            assert_eq!((out.status, out.header("content-type")), (200, Some(XLSX)));
            let empty = json!({"name": format!("副本 {headings}")});
            let copy = app.post("commander", "/reserve-plans", empty).expect(201);
            let copy = format!("/reserve-plans/{}", copy["id"].as_str().unwrap());
            let import = |bytes: &[u8], tag: &str| {
                app.storing("POST", "commander", &format!("{copy}/lines/import"))
                    .if_match(tag)
                    .bytes(bytes, XLSX)
                    .send()
            };
            import(&out.bytes, "\"v1\"").expect(200);
            assert_eq!(lines(&copy), lines(&plan));

            let bad = workbook(|sheet| {
                for (column, heading) in
                    (0_u16..).zip(["store_code", "item_code", "kind", "quantity"])
                {
                    sheet.write_string(0, column, heading).unwrap();
                }
                for (row, item, quantity) in [(1, "M03", 5.5), (2, "M99", 7.0), (3, "M02", 9.0)] {
                    sheet.write_string(row, 0, "QN-HOSP").unwrap();
                    sheet.write_string(row, 1, item).unwrap();
                    sheet.write_string(row, 2, "fixed").unwrap();
                    sheet.write_number(row, 3, quantity).unwrap();
                }
            });
            let refused = import(&bad, "\"v2\"").refused(422, "validation_failed");
            let rows = refused["rejected_rows"].as_array().unwrap().clone();
            let mut places: Vec<(u64, String)> = rows
                .iter()
                .map(|row| {
                    let column = row["column"].as_str().unwrap().to_owned();
                    (row["row"].as_u64().unwrap(), column)
                })
                .collect();
            places.dedup();
            assert_eq!(places, [(2, "quantity".to_owned()), (3, "item_code".to_owned())]);
            let inexact = workbook(|sheet| {
                sheet.write_string(0, 0, "quantity").unwrap();
                sheet.write_number(6, 0, 0.1 + 0.2).unwrap();
            });
            let refused = import(&inexact, "\"v2\"").refused(422, "validation_failed");
            assert_eq!(refused["rejected_rows"][0]["row"], 7);
            assert_eq!(refused["rejected_rows"][0]["column"], "quantity");
            assert_eq!(lines(&copy), lines(&plan));
        }
    });
}

/// A file that goes in whole is one transaction, and all that it records bears the time at which it
/// began. What was known since then is told only once it has ended.
#[test]
fn what_was_known_since_a_whole_file_began_is_told_when_it_has_ended() {
    TestApp::each(|app| {
        let ask = |known: &str| app.get("auditor", &format!("/stock?as_known_at={known}"));
        let asked_amid = std::sync::Mutex::new(Vec::new());
        let (send, received) = std::sync::mpsc::channel();
        let (go_on, goes_on) = std::sync::mpsc::channel::<()>();
        std::thread::scope(|threads| {
            let inner = app.app.clone();
            threads.spawn(move || {
                let goes_on = std::sync::Mutex::new(goes_on);
                let stops_amid: Progress = Arc::new(move |done, all| {
                    if done < all || send.send(()).is_err() {
                        return;
                    }
                    let _ = goes_on.lock().unwrap().recv();
                });
                let mapping = Mapping::parse(RECEIPTS_MAP, ImportKind::Receipts).unwrap();
                let table = Arc::new(table::read(RECEIPTS.as_bytes(), mapping.reading).unwrap());
                let work = Import {
                    kind: ImportKind::Receipts,
                    file_hash: file_hash(RECEIPTS.as_bytes()),
                    mapping,
                    good_rows_go_in: false,
                    dry_run: false,
                };
                let keeper = inner.read(|conn| actor_by_name(conn, "keeper.depot"));
                import(&inner, &keeper.unwrap().unwrap(), &work, table, &stops_amid).unwrap();
            });
            received.recv().unwrap();
            // Ten minutes later it is still at work.
            app.set_time("2026-03-02T02:10:00Z");
            let before = ask("2026-03-02T01:59:59Z");
            let since = ask("2026-03-02T02:05:00Z");
            asked_amid.lock().unwrap().extend([before, since]);
            drop(go_on);
        });
        let mut asked = asked_amid.into_inner().unwrap().into_iter();
        assert_eq!(asked.next().unwrap().expect(200)["rows"], json!([]));
        let since = asked.next().unwrap();
        assert_eq!(since.header("retry-after"), Some("1"));
        since.refused(503, "busy");
        assert_eq!(ask("2026-03-02T01:59:59Z").expect(200)["rows"], json!([]));
        let rows = ask("2026-03-02T02:05:00Z").expect(200)["rows"].clone();
        assert_eq!(
            rows.as_array().unwrap().len(),
            3,
            "what it recorded was known from its beginning"
        );
    });
}
