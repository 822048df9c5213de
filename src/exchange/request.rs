//! The request that a document of a file becomes: the one that clients of the REST face send.

pub mod plan_lines;

use crate::access::Permission;
use crate::catalogue::requests::ItemRequest;
use crate::catalogue::views::{PackBody, SubstituteBody};
use crate::dispatch::requests::{DispatchRequest, LineRequest};
use crate::exchange::draft::{Draft, Line};
use crate::exchange::fields::Record;
use crate::exchange::kind::ImportKind;
use crate::kernel::{Bilingual, Quantity};
use crate::stock::requests::{ReceiptLineBody, ReceiptRequest, SourceBody};
use crate::stores::requests::{RegionRequest, StoreRequest};

/// A request as clients send it.
#[derive(Debug, Clone)]
pub enum Request {
    /// A new item.
    Item(ItemRequest),
    /// A new store, and its region where nobody has entered that yet.
    Store(StoreRequest, Option<RegionRequest>),
    /// Goods received, or found on the shelves when the book opens.
    Receipt(ReceiptRequest),
    /// A request of a store, or the draft of a dispatch.
    Dispatch(DispatchRequest),
}

/// What is wrong with a row before it can become a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The line of the file.
    pub line: u64,
    /// Our field.
    pub field: &'static str,
    /// Why.
    pub reason: Bilingual,
}

/// The right that importing rows of a kind needs: that of the command which each row runs.
pub const fn permission(kind: ImportKind) -> Permission {
    match kind {
        ImportKind::Items => Permission::WriteItems,
        ImportKind::Stores => Permission::WriteStores,
        ImportKind::OpeningStock | ImportKind::Receipts => Permission::PostReceipts,
        ImportKind::Dispatches => Permission::CreateDispatches,
    }
}

impl Request {
    /// The request that the rows of a draft make.
    ///
    /// # Errors
    /// What is wrong with each row whose lists cannot be read.
    pub fn of(kind: ImportKind, draft: &Draft) -> Result<Self, Vec<Wrong>> {
        let Some(first) = draft.first() else { return Err(Vec::new()) };
        match kind {
            ImportKind::Items => item(&first.row.record).map(Self::Item),
            ImportKind::Stores => {
                let (store, region) = store(&first.row.record);
                Ok(Self::Store(store, region))
            }
            ImportKind::OpeningStock => Ok(Self::Receipt(receipt(draft, &first.row.record, true))),
            ImportKind::Receipts => Ok(Self::Receipt(receipt(draft, &first.row.record, false))),
            ImportKind::Dispatches => Ok(Self::Dispatch(dispatch(draft, &first.row.record))),
        }
    }

    /// The request as JSON, for the audit trail.
    pub fn asked(&self) -> serde_json::Value {
        match self {
            Self::Item(request) => serde_json::to_value(request),
            Self::Receipt(request) => serde_json::to_value(request),
            Self::Dispatch(request) => serde_json::to_value(request),
            Self::Store(request, region) => {
                serde_json::to_value(serde_json::json!({ "store": request, "region": region }))
            }
        }
        .unwrap_or_default()
    }
}

fn text(record: &Record, field: &str) -> Option<String> {
    record.get(field).map(str::to_owned)
}

fn required(record: &Record, field: &str) -> String {
    record.get(field).unwrap_or_default().to_owned()
}

fn item(record: &Record) -> Result<ItemRequest, Vec<Wrong>> {
    let mut wrong = Vec::new();
    let name_zh = required(record, "name_zh");
    let entries = record.list("packs");
    let packs = entries.iter().filter_map(|entry| {
        let pack = pack(entry);
        if pack.is_none() {
            wrong.push(Wrong {
                line: record.line,
                field: "packs",
                reason: Bilingual::new(
                    format!("“{entry}”须写作 编码=数量=中文名=英文名，如 box=50=盒=box"),
                    format!("\"{entry}\" must be code=units=Chinese=English, e.g. box=50=盒=box"),
                ),
            });
        }
        pack
    });
    let packs: Vec<PackBody> = packs.collect();
    let substitutes = record
        .list("substitutes")
        .into_iter()
        .zip(1..)
        .map(|(item_code, rank)| SubstituteBody { item_code, rank });
    let request = ItemRequest {
        code: required(record, "code"),
        name_en: text(record, "name_en").unwrap_or_else(|| name_zh.clone()),
        name_zh,
        category: required(record, "category"),
        base_unit: required(record, "base_unit"),
        packs,
        storage: text(record, "storage"),
        shelf_life_months: record.whole("shelf_life_months"),
        near_expiry_days: record.whole("near_expiry_days"),
        registration_number: text(record, "registration_number"),
        standard: text(record, "standard"),
        gtins: record.list("gtins"),
        substitutes: substitutes.collect(),
    };
    if wrong.is_empty() { Ok(request) } else { Err(wrong) }
}

/// `box=50=盒=box`; names that are left out are the code.
fn pack(entry: &str) -> Option<PackBody> {
    let mut parts = entry.split('=').map(str::trim);
    let code = parts.next().filter(|code| !code.is_empty())?.to_owned();
    let units = parts.next()?.parse().ok()?;
    let mut name = || parts.next().filter(|name| !name.is_empty()).unwrap_or(&code).to_owned();
    let (name_zh, name_en) = (name(), name());
    parts.next().is_none().then_some(PackBody { code, name_zh, name_en, units })
}

fn store(record: &Record) -> (StoreRequest, Option<RegionRequest>) {
    let name_zh = required(record, "name_zh");
    let region = text(record, "region_name_zh").map(|name| RegionRequest {
        code: required(record, "region_code"),
        name_en: text(record, "region_name_en").unwrap_or_else(|| name.clone()),
        name_zh: name,
    });
    let request = StoreRequest {
        code: required(record, "code"),
        name_en: text(record, "name_en").unwrap_or_else(|| name_zh.clone()),
        name_zh,
        kind: required(record, "kind"),
        region_code: required(record, "region_code"),
        supplied_by: text(record, "supplied_by"),
        priority_class: record.whole("priority_class"),
        storage: record.get("storage").map(|_| record.list("storage")),
        consumption_by: text(record, "consumption_by"),
        duty_phone: text(record, "duty_phone"),
        latitude: text(record, "latitude"),
        longitude: text(record, "longitude"),
    };
    (request, region)
}

fn receipt(draft: &Draft, head: &Record, opening: bool) -> ReceiptRequest {
    let kind = if opening { "opening".to_owned() } else { required(head, "source_kind") };
    ReceiptRequest {
        store_code: required(head, "store_code"),
        occurred_at: text(head, "occurred_at"),
        source: SourceBody {
            kind,
            name: text(head, "source_name"),
            document_number: text(head, "document_number"),
        },
        inspected_by: text(head, "inspected_by"),
        witnessed_by: text(head, "witnessed_by"),
        after_the_fact: false,
        slip_number: None,
        clears: Vec::new(),
        expected_receipt: None,
        note: text(head, "note"),
        lines: draft.iter().map(receipt_line).collect(),
    }
}

fn receipt_line(line: &Line) -> ReceiptLineBody {
    let record = &line.row.record;
    ReceiptLineBody {
        item_code: text(record, "item_code"),
        lot_number: text(record, "lot_number"),
        maker: text(record, "maker"),
        manufactured_on: text(record, "manufactured_on"),
        expires_on: text(record, "expires_on"),
        no_expiry: record.flag("no_expiry"),
        // As a constant of a mapping it means: where no expiry is given.
        expiry_unknown: record.flag("expiry_unknown")
            && record.get("expires_on").is_none()
            && !record.flag("no_expiry"),
        quantity: line.quantity.map(Quantity::units),
        delivered: record.whole("delivered"),
        rejected: record.whole("rejected"),
        reject_reason: text(record, "reject_reason"),
        quantity_basis: text(record, "quantity_basis"),
        pack_units: record.whole("pack_units"),
        unit_cost: text(record, "unit_cost"),
        cost_is_estimated: record.flag("cost_is_estimated"),
        owner_code: text(record, "owner_code"),
        fund_source: text(record, "fund_source"),
        donor: text(record, "donor"),
        earmarked_for: text(record, "earmarked_for"),
        state: text(record, "state"),
        ..ReceiptLineBody::default()
    }
}

fn dispatch(draft: &Draft, head: &Record) -> DispatchRequest {
    let lines = draft.iter().map(|line| LineRequest {
        item_code: required(&line.row.record, "item_code"),
        quantity: line.quantity.map(Quantity::units),
        ..LineRequest::default()
    });
    DispatchRequest {
        from_store: text(head, "from_store"),
        to_store: required(head, "to_store"),
        needed_by: text(head, "needed_by"),
        urgency: text(head, "urgency"),
        reason: text(head, "reason"),
        order_number: text(head, "order_number"),
        authority: None,
        note: text(head, "note"),
        lines: lines.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pack_is_written_in_one_cell() {
        let read = pack("box=50=盒=box of 50").unwrap();
        assert_eq!((read.code.as_str(), read.units, read.name_zh.as_str()), ("box", 50, "盒"));
        assert_eq!(pack("箱=2000").unwrap().name_en, "箱");
        for bad in ["", "box", "box=many", "=5", "a=1=b=c=d"] {
            assert_eq!(pack(bad), None, "{bad}");
        }
    }
}
