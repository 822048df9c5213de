//! What clients send about expected receipts: every fault gathered.

use crate::catalogue::item::Item;
use crate::catalogue::packs::EnteredQuantity;
use crate::command::{CommandError, Tx};
use crate::expected::rules::{ExpectedKind, ExpectedLine};
use crate::kernel::{FaultCode, Faults, Instant, ItemCode, Money, Quantity, Refusal, Text};
use crate::stock::requests::{
    check_line_count, head, item_of, items_named, optional_text, quantity,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The longest time from the call to the delivery, in days.
const LEAD_DAYS_MAX: i64 = 3_650;

/// What a store expects.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "kind": "order", "store_code": "QN-DEPOT", "expected_at": "2026-01-20T02:00:00Z",
    "supplier": "赣州医药公司", "contract_number": "赣采〔2026〕18号",
    "lines": [{"item_code": "M02", "pack_code": "box", "packs": 200, "unit_price": "0.35"}]
}))]
pub struct ExpectedRequest {
    /// `order`, `agreement` or `capacity`.
    pub kind: String,
    /// The store that expects.
    pub store_code: String,
    /// When the goods are due; an order must say.
    #[serde(default)]
    pub expected_at: Option<String>,
    /// From whom.
    pub supplier: String,
    /// By which contract; an agreement and capacity must say.
    #[serde(default)]
    pub contract_number: Option<String>,
    /// Days from the call to the delivery; not for orders.
    #[serde(default)]
    pub lead_days: Option<i64>,
    /// Anything else.
    #[serde(default)]
    pub note: Option<String>,
    /// What is expected, at most 1000 lines.
    pub lines: Vec<ExpectedLineBody>,
}

/// An item that is expected.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectedLineBody {
    /// The item.
    pub item_code: String,
    /// Base units; or `pack_code` with `packs` and `loose`.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub quantity: Option<i64>,
    /// The pack that `packs` counts.
    #[serde(default)]
    pub pack_code: Option<String>,
    /// Whole packs.
    #[serde(default)]
    pub packs: Option<i64>,
    /// Base units beside the packs.
    #[serde(default)]
    pub loose: Option<i64>,
    /// The price of a base unit in yuan.
    #[serde(default)]
    #[schema(example = "0.35")]
    pub unit_price: Option<String>,
    /// Base units that can be made in a day; for capacity alone, which must say.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub per_day: Option<i64>,
}

/// An expected receipt that makes sense.
#[derive(Debug, Clone)]
pub struct Expected {
    /// How firmly.
    pub kind: ExpectedKind,
    /// The store.
    pub store: crate::kernel::StoreCode,
    /// When it is due.
    pub expected_at: Option<Instant>,
    /// From whom.
    pub supplier: String,
    /// By which contract.
    pub contract_number: Option<String>,
    /// Days from the call to the delivery.
    pub lead_days: Option<i64>,
    /// Anything else.
    pub note: Option<String>,
    /// What is expected.
    pub lines: Vec<ExpectedLine>,
}

impl ExpectedRequest {
    /// What it says.
    ///
    /// # Errors
    /// `validation_failed` with every fault, `store_out_of_scope`.
    pub fn parse(&self, tx: &mut Tx<'_>) -> Result<Expected, CommandError> {
        let mut faults = Faults::new();
        let head = head(tx, &self.store_code, None, &mut faults)?;
        let kind = ExpectedKind::from_word(&self.kind).ok_or(FaultCode::NotInList);
        let kind = faults.keep("/kind", kind);
        let expected_at = self.expected_at.as_deref();
        let expected_at = expected_at.and_then(|text| instant(text, &mut faults));
        let supplier = faults.keep("/supplier", Text::<120>::new(&self.supplier));
        let contract = self.contract_number.as_ref();
        let contract_number = optional_text::<120>(contract, "/contract_number", &mut faults);
        let note = optional_text::<1000>(self.note.as_ref(), "/note", &mut faults);
        self.check_kind(kind, &mut faults);
        check_line_count(self.lines.len(), &mut faults);
        let items = items_named(tx, self.lines.iter().map(|line| line.item_code.as_str()))?;
        let lines = (1..).zip(&self.lines).filter_map(|(line, body)| {
            let pointer = format!("/lines/{}", line - 1);
            body.parse(line, kind, &items, &pointer, &mut faults)
        });
        let lines: Vec<ExpectedLine> = lines.collect();
        let parsed = head.zip(kind).zip(supplier);
        let ((head, kind), supplier) = faults.finish(parsed)?;
        Ok(Expected {
            kind,
            store: head.store.code,
            expected_at,
            supplier: supplier.into(),
            contract_number,
            lead_days: self.lead_days,
            note,
            lines,
        })
    }

    /// What a kind must say, and what it cannot.
    fn check_kind(&self, kind: Option<ExpectedKind>, faults: &mut Faults) {
        if self.lead_days.is_some_and(|days| !(0..=LEAD_DAYS_MAX).contains(&days)) {
            faults.add("/lead_days", FaultCode::OutOfRange);
        }
        match kind {
            Some(ExpectedKind::Order) => {
                if self.expected_at.is_none() {
                    faults.add("/expected_at", FaultCode::Required);
                }
                if self.lead_days.is_some() {
                    faults.add("/lead_days", FaultCode::Contradicts);
                }
            }
            Some(ExpectedKind::Agreement | ExpectedKind::Capacity)
                if self.contract_number.is_none() =>
            {
                faults.add("/contract_number", FaultCode::Required);
            }
            Some(ExpectedKind::Agreement | ExpectedKind::Capacity) | None => {}
        }
    }
}

impl ExpectedLineBody {
    fn parse(
        &self,
        line: i64,
        kind: Option<ExpectedKind>,
        items: &BTreeMap<ItemCode, Item>,
        pointer: &str,
        faults: &mut Faults,
    ) -> Option<ExpectedLine> {
        let item = item_of(items, &self.item_code, pointer, faults);
        let entered = EnteredQuantity {
            quantity: self.quantity,
            pack_code: self.pack_code.clone(),
            packs: self.packs,
            loose: self.loose,
        };
        let units = item.and_then(|item| entered.to_units(item, pointer, faults));
        let unit_price = self.unit_price.as_deref().and_then(|text| {
            let price = Money::parse(text).map_err(|_shape| FaultCode::InvalidFormat);
            let price = faults.keep(format!("{pointer}/unit_price"), price)?;
            if price < Money::from_ten_thousandths(0) {
                faults.add(format!("{pointer}/unit_price"), FaultCode::OutOfRange);
            }
            Some(price)
        });
        let per_day = self.per_day(kind, pointer, faults);
        Some(ExpectedLine { line, item: item?.code.clone(), quantity: units?, unit_price, per_day })
    }

    fn per_day(
        &self,
        kind: Option<ExpectedKind>,
        pointer: &str,
        faults: &mut Faults,
    ) -> Option<Quantity> {
        let pointer = format!("{pointer}/per_day");
        match (kind, self.per_day) {
            (Some(ExpectedKind::Capacity), None) => {
                faults.add(pointer, FaultCode::Required);
                None
            }
            (Some(ExpectedKind::Order | ExpectedKind::Agreement), Some(_)) => {
                faults.add(pointer, FaultCode::Contradicts);
                None
            }
            (_, given) => given.and_then(|units| quantity(units, pointer, faults)),
        }
    }
}

/// Another day.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"expected_at": "2026-01-28T02:00:00Z", "reason": "厂家排产延后一周"}))]
pub struct RescheduleRequest {
    /// When the goods are due now.
    pub expected_at: String,
    /// Why.
    pub reason: String,
}

impl RescheduleRequest {
    /// The time and the reason.
    ///
    /// # Errors
    /// `validation_failed` with every fault.
    pub fn parse(&self) -> Result<(Instant, String), Refusal> {
        let mut faults = Faults::new();
        let at = instant(&self.expected_at, &mut faults);
        let reason = faults.keep("/reason", Text::<500>::new(&self.reason));
        let (at, reason) = faults.finish(at.zip(reason))?;
        Ok((at, reason.into()))
    }
}

/// The end of it.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CancelExpectedRequest, example = json!({"reason": "供应商无法供货"}))]
pub struct CancelRequest {
    /// Why.
    pub reason: String,
}

impl CancelRequest {
    /// The reason.
    ///
    /// # Errors
    /// `validation_failed`.
    pub fn parse(&self) -> Result<String, Refusal> {
        let mut faults = Faults::new();
        let reason = faults.keep("/reason", Text::<500>::new(&self.reason));
        Ok(faults.finish(reason)?.into())
    }
}

fn instant(text: &str, faults: &mut Faults) -> Option<Instant> {
    faults.keep("/expected_at", Instant::parse(text).map_err(|_shape| FaultCode::NotAnInstant))
}
