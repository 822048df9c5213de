//! What can be imported, and the fields that a row of each kind has.

use crate::word_enum;

word_enum! {
    /// What the rows of a file are.
    pub enum ImportKind {
        /// Items of the catalogue.
        Items = "items",
        /// Stores.
        Stores = "stores",
        /// What is on the shelves on the day the book opens.
        OpeningStock = "opening-stock",
        /// Goods received.
        Receipts = "receipts",
        /// Requests and drafts of dispatches.
        Dispatches = "dispatches",
    }
}

/// How the text of a field is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// As it stands.
    Text,
    /// A whole number, thousands separators allowed.
    Whole,
    /// A civil date in one of the mapping's formats.
    Date,
    /// An instant with an offset, or a date or local time in the county's zone.
    Instant,
    /// Yuan with at most four decimals.
    Money,
    /// `true` or `false`, `1` or `0`, `是` or `否`.
    Flag,
    /// Several texts, separated by `;` or `|`.
    List,
}

/// A field of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its name, as in the REST face where there is one.
    pub name: &'static str,
    /// The heading under which Chinese files may have it.
    pub heading_zh: &'static str,
    /// How its text is read.
    pub shape: Shape,
    /// Whether every row must have it.
    pub required: bool,
}

const fn must(name: &'static str, heading_zh: &'static str, shape: Shape) -> Field {
    Field { name, heading_zh, shape, required: true }
}

const fn may(name: &'static str, heading_zh: &'static str, shape: Shape) -> Field {
    Field { name, heading_zh, shape, required: false }
}

const ITEM_FIELDS: &[Field] = &[
    must("code", "物资编码", Shape::Text),
    must("name_zh", "物资名称", Shape::Text),
    may("name_en", "英文名称", Shape::Text),
    must("category", "类别", Shape::Text),
    must("base_unit", "基本单位", Shape::Text),
    may("packs", "包装", Shape::List),
    may("storage", "储存条件", Shape::Text),
    may("shelf_life_months", "有效期月数", Shape::Whole),
    may("near_expiry_days", "近效期天数", Shape::Whole),
    may("registration_number", "注册证号", Shape::Text),
    may("standard", "执行标准", Shape::Text),
    may("gtins", "商品条码", Shape::List),
    may("substitutes", "替代物资", Shape::List),
];

const STORE_FIELDS: &[Field] = &[
    must("code", "储备点编码", Shape::Text),
    must("name_zh", "储备点名称", Shape::Text),
    may("name_en", "英文名称", Shape::Text),
    must("kind", "储备点类型", Shape::Text),
    must("region_code", "区划代码", Shape::Text),
    // A region that nobody has entered yet is created with the first store in it.
    may("region_name_zh", "区划名称", Shape::Text),
    may("region_name_en", "区划英文名称", Shape::Text),
    may("supplied_by", "上级储备点", Shape::Text),
    may("priority_class", "优先级", Shape::Whole),
    may("storage", "储存条件", Shape::List),
    may("consumption_by", "消耗统计方式", Shape::Text),
    may("duty_phone", "值班电话", Shape::Text),
    may("latitude", "纬度", Shape::Text),
    may("longitude", "经度", Shape::Text),
];

/// What a line of stock coming in says; opening stock has no more.
const OPENING_FIELDS: &[Field] = &[
    must("store_code", "储备点编码", Shape::Text),
    must("occurred_at", "发生时间", Shape::Instant),
    must("item_code", "物资编码", Shape::Text),
    may("lot_number", "批号", Shape::Text),
    may("maker", "生产企业", Shape::Text),
    may("manufactured_on", "生产日期", Shape::Date),
    may("expires_on", "有效期至", Shape::Date),
    may("no_expiry", "无有效期", Shape::Flag),
    may("expiry_unknown", "有效期不详", Shape::Flag),
    may("quantity", "数量", Shape::Whole),
    may("unit", "单位", Shape::Text),
    may("pack_text", "包装说明", Shape::Text),
    may("packs", "件数", Shape::Whole),
    may("pack_units", "每件数量", Shape::Whole),
    may("unit_cost", "单价", Shape::Money),
    may("cost_is_estimated", "暂估", Shape::Flag),
    may("state", "质量状态", Shape::Text),
    may("owner_code", "权属单位", Shape::Text),
    may("fund_source", "资金来源", Shape::Text),
    may("donor", "捐赠方", Shape::Text),
    may("earmarked_for", "定向用途", Shape::Text),
    may("note", "备注", Shape::Text),
];

const RECEIPT_FIELDS: &[Field] = &[
    must("store_code", "储备点编码", Shape::Text),
    must("occurred_at", "发生时间", Shape::Instant),
    must("source_kind", "来源类别", Shape::Text),
    may("source_name", "来源单位", Shape::Text),
    may("document_number", "来源单号", Shape::Text),
    may("inspected_by", "验收人", Shape::Text),
    may("witnessed_by", "见证人", Shape::Text),
    may("note", "备注", Shape::Text),
    must("item_code", "物资编码", Shape::Text),
    may("lot_number", "批号", Shape::Text),
    may("maker", "生产企业", Shape::Text),
    may("manufactured_on", "生产日期", Shape::Date),
    may("expires_on", "有效期至", Shape::Date),
    may("no_expiry", "无有效期", Shape::Flag),
    may("expiry_unknown", "有效期不详", Shape::Flag),
    may("quantity", "数量", Shape::Whole),
    may("unit", "单位", Shape::Text),
    may("pack_text", "包装说明", Shape::Text),
    may("packs", "件数", Shape::Whole),
    may("pack_units", "每件数量", Shape::Whole),
    may("quantity_basis", "数量依据", Shape::Text),
    may("delivered", "到货数量", Shape::Whole),
    may("rejected", "拒收数量", Shape::Whole),
    may("reject_reason", "拒收原因", Shape::Text),
    may("unit_cost", "单价", Shape::Money),
    may("cost_is_estimated", "暂估", Shape::Flag),
    may("state", "质量状态", Shape::Text),
    may("owner_code", "权属单位", Shape::Text),
    may("fund_source", "资金来源", Shape::Text),
    may("donor", "捐赠方", Shape::Text),
    may("earmarked_for", "定向用途", Shape::Text),
];

const DISPATCH_FIELDS: &[Field] = &[
    may("from_store", "调出储备点", Shape::Text),
    must("to_store", "调入储备点", Shape::Text),
    must("item_code", "物资编码", Shape::Text),
    may("quantity", "数量", Shape::Whole),
    may("unit", "单位", Shape::Text),
    may("pack_text", "包装说明", Shape::Text),
    may("packs", "件数", Shape::Whole),
    may("pack_units", "每件数量", Shape::Whole),
    may("needed_by", "需用日期", Shape::Date),
    may("urgency", "紧急程度", Shape::Text),
    may("reason", "事由", Shape::Text),
    may("order_number", "调拨令号", Shape::Text),
    may("note", "备注", Shape::Text),
];

impl ImportKind {
    /// The fields that a row of this kind may have.
    pub const fn fields(self) -> &'static [Field] {
        match self {
            Self::Items => ITEM_FIELDS,
            Self::Stores => STORE_FIELDS,
            Self::OpeningStock => OPENING_FIELDS,
            Self::Receipts => RECEIPT_FIELDS,
            Self::Dispatches => DISPATCH_FIELDS,
        }
    }

    /// The field of a name.
    pub fn field(self, name: &str) -> Option<&'static Field> {
        self.fields().iter().find(|field| field.name == name)
    }

    /// The field that a heading names when there is no mapping: its name or its Chinese heading.
    pub fn field_of_heading(self, heading: &str) -> Option<&'static Field> {
        let heading = heading.trim().to_lowercase();
        self.fields().iter().find(|field| field.name == heading || field.heading_zh == heading)
    }

    /// Whether rows are things of which there is one each, so that a repeated row is the same
    /// thing again; two equal rows of receipts are two receipts.
    pub const fn rows_are_things(self) -> bool {
        match self {
            Self::Items | Self::Stores => true,
            Self::OpeningStock | Self::Receipts | Self::Dispatches => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_kind_has_two_fields_of_one_name_or_heading() {
        for kind in ImportKind::ALL {
            let names: BTreeSet<_> = kind.fields().iter().map(|field| field.name).collect();
            let headings: BTreeSet<_> = kind.fields().iter().map(|f| f.heading_zh).collect();
            assert_eq!(names.len(), kind.fields().len(), "{kind}");
            assert_eq!(headings.len(), kind.fields().len(), "{kind}");
        }
    }

    #[test]
    fn a_heading_is_known_in_both_languages() {
        let found = |heading| ImportKind::Receipts.field_of_heading(heading).map(|f| f.name);
        assert_eq!(found("批号"), Some("lot_number"));
        assert_eq!(found(" Lot_Number "), Some("lot_number"));
        assert_eq!(found("lot"), None);
    }
}
