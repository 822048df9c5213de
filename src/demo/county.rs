//! The demonstration county: Quannan 全南县, its stores and the people who work in them.
//!
//! Names and codes of the county and its nine towns and townships: National Bureau of Statistics,
//! divisions of 2023. The people, their telephones, the shares of use and the places' coordinates
//! to a tenth of a degree are the demonstration's own.

use crate::access::Role;
use crate::demo::items::DemoItem;
use crate::stores::requests::{RegionRequest, StoreRequest};
use crate::users::requests::UserRequest;

/// The county's code of GB/T 2260.
pub(super) const COUNTY: &str = "360729";
/// The county reserve depot.
pub(super) const DEPOT: &str = "QN-DEPOT";
/// The People's Hospital.
pub(super) const HOSPITAL: &str = "QN-PH";
/// The hospital of traditional medicine.
pub(super) const TCM: &str = "QN-TCM";
/// The hospital for mothers and children.
pub(super) const MCH: &str = "QN-MCH";
/// The county's centre for disease control.
pub(super) const CDC: &str = "QN-CDC";
/// The township whose store stops reporting.
pub(super) const SILENT: &str = "QN-LONGXIA";
/// The first commander, who drafts the plan.
pub(super) const COMMANDER: &str = "cmd.zhong";
/// The second commander, who approves it.
pub(super) const DEPUTY: &str = "cmd.li";
/// The administrator.
pub(super) const ADMIN: &str = "admin";
/// The keeper who may act on a spoken word at night.
pub(super) const DUTY: &str = "duty.depot";

/// What a store is in the county's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Depot,
    Hospital,
    Cdc,
    Township,
}

/// A store of the demonstration.
#[derive(Debug)]
pub(super) struct DemoStore {
    pub code: &'static str,
    pub kind: Kind,
    name_zh: &'static str,
    name_en: &'static str,
    region: &'static str,
    /// Who keeps it: the name of the user and the name that people know.
    pub keeper: (&'static str, &'static str),
    /// Percent of the use that the item table gives for its kind.
    pub share: i64,
}

/// The stores; the depot first, because it supplies the others.
pub(super) const STORES: &[DemoStore] = &[
    DemoStore {
        code: "QN-DEPOT",
        kind: Kind::Depot,
        name_zh: "全南县应急物资储备库",
        name_en: "Quannan County Reserve Depot",
        region: "360729",
        keeper: ("keeper.depot", "李库管"),
        share: 0,
    },
    DemoStore {
        code: "QN-PH",
        kind: Kind::Hospital,
        name_zh: "全南县人民医院",
        name_en: "Quannan People's Hospital",
        region: "360729",
        keeper: ("keeper.ph", "陈库管"),
        share: 100,
    },
    DemoStore {
        code: "QN-TCM",
        kind: Kind::Hospital,
        name_zh: "全南县中医院",
        name_en: "Quannan Hospital of Traditional Medicine",
        region: "360729",
        keeper: ("keeper.tcm", "曾库管"),
        share: 55,
    },
    DemoStore {
        code: "QN-MCH",
        kind: Kind::Hospital,
        name_zh: "全南县妇幼保健院",
        name_en: "Quannan Maternal and Child Health Hospital",
        region: "360729",
        keeper: ("keeper.mch", "谭库管"),
        share: 45,
    },
    DemoStore {
        code: "QN-CDC",
        kind: Kind::Cdc,
        name_zh: "全南县疾病预防控制中心",
        name_en: "Quannan Centre for Disease Control",
        region: "360729",
        keeper: ("keeper.cdc", "黄库管"),
        share: 100,
    },
    DemoStore {
        code: "QN-CHENGXIANG",
        kind: Kind::Township,
        name_zh: "城厢镇卫生院",
        name_en: "Chengxiang Health Centre",
        region: "360729100",
        keeper: ("keeper.chengxiang", "钟库管"),
        share: 400,
    },
    DemoStore {
        code: "QN-DAJISHAN",
        kind: Kind::Township,
        name_zh: "大吉山镇卫生院",
        name_en: "Dajishan Health Centre",
        region: "360729101",
        keeper: ("keeper.dajishan", "李月英"),
        share: 180,
    },
    DemoStore {
        code: "QN-PITOU",
        kind: Kind::Township,
        name_zh: "陂头镇卫生院",
        name_en: "Pitou Health Centre",
        region: "360729102",
        keeper: ("keeper.pitou", "袁春生"),
        share: 160,
    },
    DemoStore {
        code: "QN-JINLONG",
        kind: Kind::Township,
        name_zh: "金龙镇卫生院",
        name_en: "Jinlong Health Centre",
        region: "360729103",
        keeper: ("keeper.jinlong", "廖海燕"),
        share: 220,
    },
    DemoStore {
        code: "QN-NANJING",
        kind: Kind::Township,
        name_zh: "南迳镇卫生院",
        name_en: "Nanjing Town Health Centre",
        region: "360729104",
        keeper: ("keeper.nanjing", "曾祥福"),
        share: 140,
    },
    DemoStore {
        code: "QN-LONGYUANBA",
        kind: Kind::Township,
        name_zh: "龙源坝镇卫生院",
        name_en: "Longyuanba Health Centre",
        region: "360729105",
        keeper: ("keeper.longyuanba", "叶小兰"),
        share: 130,
    },
    DemoStore {
        code: "QN-ZHONGZHAI",
        kind: Kind::Township,
        name_zh: "中寨乡卫生院",
        name_en: "Zhongzhai Health Centre",
        region: "360729200",
        keeper: ("keeper.zhongzhai", "刘国平"),
        share: 80,
    },
    DemoStore {
        code: "QN-SHEJING",
        kind: Kind::Township,
        name_zh: "社迳乡卫生院",
        name_en: "Shejing Health Centre",
        region: "360729201",
        keeper: ("keeper.shejing", "谢秋香"),
        share: 100,
    },
    DemoStore {
        code: "QN-LONGXIA",
        kind: Kind::Township,
        name_zh: "龙下乡卫生院",
        name_en: "Longxia Health Centre",
        region: "360729202",
        keeper: ("keeper.longxia", "黄水生"),
        share: 80,
    },
];

/// The county and its towns and townships.
const REGIONS: &[(&str, &str, &str)] = &[
    (COUNTY, "全南县", "Quannan County"),
    ("360729100", "城厢镇", "Chengxiang Town"),
    ("360729101", "大吉山镇", "Dajishan Town"),
    ("360729102", "陂头镇", "Pitou Town"),
    ("360729103", "金龙镇", "Jinlong Town"),
    ("360729104", "南迳镇", "Nanjing Town"),
    ("360729105", "龙源坝镇", "Longyuanba Town"),
    ("360729200", "中寨乡", "Zhongzhai Township"),
    ("360729201", "社迳乡", "Shejing Township"),
    ("360729202", "龙下乡", "Longxia Township"),
];

/// Base units of one line that the duty keeper may let go on a spoken word.
const EMERGENCY_LIMIT: i64 = 2_000;

/// Procurement officers: name, the name that people know, own store.
const BUYERS: &[(&str, &str, &str)] =
    &[("buyer.ph", "郭采购", HOSPITAL), ("buyer.tcm", "邱采购", TCM), ("buyer.mch", "温采购", MCH)];

impl DemoStore {
    /// The kind of store as the service names it.
    const fn kind_code(&self) -> &'static str {
        match self.kind {
            Kind::Depot => "county_reserve",
            Kind::Hospital => "hospital",
            Kind::Cdc => "cdc",
            Kind::Township => "township",
        }
    }

    /// Base units of an item that the store uses on a quiet day.
    pub(super) const fn daily_use(&self, item: &DemoItem) -> i64 {
        let usual = match self.kind {
            Kind::Depot => 0,
            Kind::Hospital => item.hospital_daily,
            Kind::Cdc => item.cdc_daily,
            Kind::Township => item.township_daily,
        };
        (usual * self.share + 50) / 100
    }

    fn request(&self) -> StoreRequest {
        let mut storage = vec!["ambient", "cool", "refrigerated", "flammable"];
        if self.kind != Kind::Township {
            storage.push("frozen");
        }
        let priority = match self.kind {
            Kind::Hospital => 1,
            Kind::Cdc => 2,
            Kind::Township => 4,
            Kind::Depot => 5,
        };
        StoreRequest {
            code: self.code.to_owned(),
            name_zh: self.name_zh.to_owned(),
            name_en: self.name_en.to_owned(),
            kind: self.kind_code().to_owned(),
            region_code: self.region.to_owned(),
            supplied_by: (self.kind != Kind::Depot).then(|| DEPOT.to_owned()),
            priority_class: Some(priority),
            storage: Some(storage.into_iter().map(str::to_owned).collect()),
            consumption_by: Some("issue".to_owned()),
            duty_phone: Some("0797-2630120".to_owned()),
            latitude: None,
            longitude: None,
        }
    }
}

/// The regions, each after the one in which it lies.
pub(super) fn regions() -> Vec<RegionRequest> {
    let region = |(code, zh, en): &(&str, &str, &str)| RegionRequest {
        code: (*code).to_owned(),
        name_zh: (*zh).to_owned(),
        name_en: (*en).to_owned(),
    };
    REGIONS.iter().map(region).collect()
}

/// The stores, each after the one that supplies it.
pub(super) fn stores() -> Vec<StoreRequest> {
    STORES.iter().map(DemoStore::request).collect()
}

/// The users: two commanders, an auditor, an administrator, a keeper for every store, a duty keeper
/// and the hospitals' procurement.
pub(super) fn users() -> Vec<UserRequest> {
    let user = |name: &str, display_name: &str, role: Role| UserRequest {
        name: name.to_owned(),
        display_name: display_name.to_owned(),
        role: role.as_str().to_owned(),
        ..UserRequest::default()
    };
    let commander = |name, display_name| UserRequest {
        region_code: Some(COUNTY.to_owned()),
        ..user(name, display_name, Role::Commander)
    };
    let of_store = |name, display_name, role, store: &str| UserRequest {
        stores: vec![store.to_owned()],
        ..user(name, display_name, role)
    };
    let mut users = vec![
        user(ADMIN, "系统管理员", Role::Admin),
        user("auditor", "审计员黄敏", Role::Auditor),
        commander(COMMANDER, "钟指挥"),
        commander(DEPUTY, "李副指挥"),
        UserRequest {
            emergency_release_limit: Some(EMERGENCY_LIMIT),
            ..of_store(DUTY, "值班库管", Role::Keeper, DEPOT)
        },
    ];
    users.extend(
        STORES
            .iter()
            .map(|store| of_store(store.keeper.0, store.keeper.1, Role::Keeper, store.code)),
    );
    users.extend(
        BUYERS.iter().map(|(name, known, store)| of_store(name, known, Role::Procurement, store)),
    );
    users
}
