//! What clients send to move stock, and how it becomes movements: every fault gathered.

use crate::catalogue::packs::EnteredQuantity;
use crate::catalogue::{Item, records as items};
use crate::command::{CommandError, Tx};
use crate::kernel::id::{LotId, UnmatchedId};
use crate::kernel::time::parse_date;
use crate::kernel::{
    FaultCode, Faults, Gtin, Instant, ItemCode, LotNumber, Money, Quantity, StoreCode, Text,
};
use crate::stock::account::{Outside, StockState};
use crate::stock::gs1;
use crate::stock::lot::{Expiry, LotWanted, Provenance};
use crate::stock::reason::ReasonCode;
use crate::stores::records as stores;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The most lines that one document may have.
pub const LINES_MAX: usize = 1_000;

/// Where received stock comes from.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceBody {
    /// `supplier`, `donor`, `allocated_from_above`, `ward_return`, `loan` or `opening`.
    #[schema(example = "supplier")]
    pub kind: String,
    /// The supplier's or giver's name.
    #[serde(default)]
    #[schema(example = "赣州医药公司")]
    pub name: Option<String>,
    /// Number of the paper that came with the goods.
    #[serde(default)]
    pub document_number: Option<String>,
}

/// A line of a receipt.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReceiptLineBody {
    /// The item; may be left out where `gs1` tells it.
    #[serde(default)]
    #[schema(example = "M02")]
    pub item_code: Option<String>,
    /// A scanned GS1 element string that fills item, lot number and dates.
    #[serde(default)]
    pub gs1: Option<String>,
    /// The number on the label; without one, a house number is given.
    #[serde(default)]
    #[schema(example = "20260101A")]
    pub lot_number: Option<String>,
    /// Who made it.
    #[serde(default)]
    pub maker: Option<String>,
    /// When it was made, `YYYY-MM-DD`.
    #[serde(default)]
    pub manufactured_on: Option<String>,
    /// The last day of use, `YYYY-MM-DD`.
    #[serde(default)]
    #[schema(example = "2028-01-01")]
    pub expires_on: Option<String>,
    /// It does not expire.
    #[serde(default)]
    pub no_expiry: bool,
    /// The label does not say; the lot then waits in `pending_inspection`.
    #[serde(default)]
    pub expiry_unknown: bool,
    /// Base units that were accepted.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub quantity: Option<i64>,
    /// Instead of `quantity`: the pack that `packs` counts.
    #[serde(default)]
    pub pack_code: Option<String>,
    /// Whole packs.
    #[serde(default)]
    pub packs: Option<i64>,
    /// Base units beside the packs.
    #[serde(default)]
    pub loose: Option<i64>,
    /// Base units that came, accepted and rejected together.
    #[serde(default)]
    pub delivered: Option<i64>,
    /// Base units that were rejected and not taken in.
    #[serde(default)]
    pub rejected: Option<i64>,
    /// Why they were rejected.
    #[serde(default)]
    pub reject_reason: Option<String>,
    /// `labelled` (the default) or `counted`: how the quantity was found.
    #[serde(default)]
    pub quantity_basis: Option<String>,
    /// Base units in the pack in which it came.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub pack_units: Option<i64>,
    /// Yuan for one base unit.
    #[serde(default)]
    #[schema(example = "0.85")]
    pub unit_cost: Option<String>,
    /// Whether the cost is an estimate, to be settled later.
    #[serde(default)]
    pub cost_is_estimated: bool,
    /// Who owns it, where that is not the county.
    #[serde(default)]
    pub owner_code: Option<String>,
    /// The fund that paid for it.
    #[serde(default)]
    pub fund_source: Option<String>,
    /// Who donated it.
    #[serde(default)]
    pub donor: Option<String>,
    /// The purpose for which alone it may be used.
    #[serde(default)]
    pub earmarked_for: Option<String>,
    /// The state in which it is taken in; `available` unless said.
    #[serde(default)]
    pub state: Option<String>,
    /// The line of the `expected_receipt` that it fulfils; the first of the item unless said.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub expected_line: Option<i64>,
}

/// A receipt.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "store_code": "QN-DEPOT",
    "source": {"kind": "supplier", "name": "赣州医药公司"},
    "lines": [{"item_code": "M02", "lot_number": "20260101A", "expires_on": "2028-01-01",
               "pack_code": "box", "packs": 20}]
}))]
pub struct ReceiptRequest {
    /// The store that receives.
    pub store_code: String,
    /// When it happened; now unless said.
    #[serde(default)]
    pub occurred_at: Option<String>,
    /// Where the goods come from.
    pub source: SourceBody,
    /// Who inspected them.
    #[serde(default)]
    pub inspected_by: Option<String>,
    /// Who witnessed it.
    #[serde(default)]
    pub witnessed_by: Option<String>,
    /// It has happened already and is not refused; `slip_number` names its paper.
    #[serde(default)]
    pub after_the_fact: bool,
    /// The number of the paper slip; only with `after_the_fact`, and then required.
    #[serde(default)]
    #[schema(example = "手工入库单 0031")]
    pub slip_number: Option<String>,
    /// Facts that the book could not cover and that this receipt clears, by their ids and in this
    /// order; besides them it clears those that happened after it came, the oldest first.
    #[serde(default)]
    pub clears: Vec<String>,
    /// What was expected and has come, by id or number: what is open of it falls. More may come than
    /// was ordered, and the answer says so; items that it does not name fulfil nothing.
    #[serde(default)]
    #[schema(example = "YQ-QN-DEPOT-2026-000001")]
    pub expected_receipt: Option<String>,
    /// Anything else.
    #[serde(default)]
    pub note: Option<String>,
    /// What came, at most 1000 lines.
    pub lines: Vec<ReceiptLineBody>,
}

impl ReceiptRequest {
    /// The lots that the book will be asked for, as far as they can be read without it.
    pub fn wanted(&self) -> Vec<LotWanted> {
        let Ok(store) = StoreCode::new(&self.store_code) else { return Vec::new() };
        let wanted = |line: &ReceiptLineBody| {
            Some(LotWanted {
                store: store.clone(),
                item: ItemCode::new(line.item_code.as_deref()?).ok()?,
                number: LotNumber::new(line.lot_number.as_deref()?).ok()?,
            })
        };
        self.lines.iter().filter_map(wanted).collect()
    }
}

/// How a lot of a receipt is identified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LotFacts {
    /// The number on the label; a house number is given where it is absent.
    pub lot_number: Option<LotNumber>,
    /// Who made it; empty where nobody says.
    pub maker: String,
    /// When it was made.
    pub manufactured_on: Option<NaiveDate>,
    /// The last day of use.
    pub expiry: Expiry,
}

/// A line of a receipt that makes sense.
#[derive(Debug, Clone)]
pub struct ReceiptLine {
    /// The item.
    pub item: Item,
    /// The lot.
    pub lot: LotFacts,
    /// Where it comes from and whose it is.
    pub provenance: Provenance,
    /// Base units taken in.
    pub quantity: Quantity,
    /// The state in which they are taken in.
    pub state: StockState,
}

/// A store at which something may be posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveStore {
    /// Its code.
    pub code: StoreCode,
}

/// The head of a document: where and when.
#[derive(Debug, Clone)]
pub struct Head {
    /// The store.
    pub store: ActiveStore,
    /// Business time.
    pub occurred_at: Instant,
}

/// Reads the store and the business time of a document.
///
/// # Errors
/// `store_out_of_scope` when the caller may not act there; failures of the database. Other faults
/// are gathered.
pub fn head(
    tx: &mut Tx<'_>,
    store_code: &str,
    occurred_at: Option<&str>,
    faults: &mut Faults,
) -> Result<Option<Head>, CommandError> {
    let occurred_at = business_time(tx, occurred_at, faults);
    let Some(code) = faults.keep("/store_code", StoreCode::new(store_code)) else {
        return Ok(None);
    };
    tx.actor.require_store(&code)?;
    match stores::is_active(tx.conn, &code)? {
        None => {
            faults.add("/store_code", FaultCode::Unknown);
            return Ok(None);
        }
        Some(false) => faults.add("/store_code", FaultCode::Inactive),
        Some(true) => {}
    }
    let store = ActiveStore { code };
    Ok(occurred_at.map(|occurred_at| Head { store, occurred_at }))
}

/// Reads a business time: now unless said. Some minutes ahead of the service's clock count as now,
/// because devices' clocks run fast; more is refused.
pub fn business_time(tx: &Tx<'_>, given: Option<&str>, faults: &mut Faults) -> Option<Instant> {
    let Some(text) = given else { return Some(tx.now) };
    let read = Instant::parse(text).map_err(|_shape| FaultCode::NotAnInstant);
    let at = faults.keep("/occurred_at", read)?;
    if at > tx.now.plus_minutes(tx.settings.future_minutes) {
        faults.add("/occurred_at", FaultCode::InFuture);
        return None;
    }
    Some(at.min(tx.now))
}

/// Reads the slip of a fact: what has happened already names its paper, and nothing else does.
pub fn slip(after_the_fact: bool, given: Option<&String>, faults: &mut Faults) -> Option<String> {
    match (after_the_fact, given) {
        (true, None) => {
            faults.add("/slip_number", FaultCode::Required);
            None
        }
        (false, Some(_)) => {
            faults.add("/slip_number", FaultCode::Contradicts);
            None
        }
        (_, given) => optional_text::<64>(given, "/slip_number", faults),
    }
}

/// Reads the facts that goods which came are to clear.
pub fn facts_named(given: &[String], faults: &mut Faults) -> Vec<UnmatchedId> {
    let mut named = Vec::with_capacity(given.len());
    for (at, text) in given.iter().enumerate() {
        let pointer = format!("/clears/{at}");
        let id = UnmatchedId::try_from(text.clone()).map_err(|_shape| FaultCode::Unknown);
        let Some(id) = faults.keep(&*pointer, id) else { continue };
        if named.contains(&id) {
            faults.add(pointer, FaultCode::Duplicate);
        }
        named.push(id);
    }
    named
}

/// The items that some lines name with their packs, fetched at once.
///
/// # Errors
/// When the database fails.
pub fn items_named<'a>(
    tx: &mut Tx<'_>,
    codes: impl Iterator<Item = &'a str>,
) -> Result<BTreeMap<ItemCode, Item>, CommandError> {
    let codes: Vec<ItemCode> = codes.filter_map(|code| ItemCode::new(code).ok()).collect();
    Ok(items::find_with_packs(tx.conn, &codes)?)
}

/// Reads the item of a line.
pub fn item_of<'a>(
    items: &'a BTreeMap<ItemCode, Item>,
    code: &str,
    pointer: &str,
    faults: &mut Faults,
) -> Option<&'a Item> {
    let at = format!("{pointer}/item_code");
    let code = faults.keep(&*at, ItemCode::new(code))?;
    faults.keep(at, items.get(&code).ok_or(FaultCode::Unknown))
}

/// Requires one to [`LINES_MAX`] lines.
pub fn check_line_count(count: usize, faults: &mut Faults) {
    if count == 0 {
        faults.add("/lines", FaultCode::TooShort);
    } else if count > LINES_MAX {
        faults.add("/lines", FaultCode::TooLong);
    }
}

/// Reads an optional text of at most `MAX` characters.
pub fn optional_text<const MAX: usize>(
    given: Option<&String>,
    pointer: impl Into<String>,
    faults: &mut Faults,
) -> Option<String> {
    given.and_then(|text| faults.keep(pointer, Text::<MAX>::new(text))).map(String::from)
}

/// Reads a reason from the list.
pub fn reason(given: &str, pointer: impl Into<String>, faults: &mut Faults) -> Option<ReasonCode> {
    faults.keep(pointer, ReasonCode::from_word(given).ok_or(FaultCode::NotInList))
}

/// Reads a stock state.
pub fn state(given: &str, pointer: impl Into<String>, faults: &mut Faults) -> Option<StockState> {
    faults.keep(pointer, StockState::from_word(given).ok_or(FaultCode::NotInList))
}

/// Reads a quantity above zero.
pub fn quantity(given: i64, pointer: impl Into<String>, faults: &mut Faults) -> Option<Quantity> {
    let valid = Quantity::new(given).ok().filter(|quantity| !quantity.is_zero());
    faults.keep(pointer, valid.ok_or(FaultCode::OutOfRange))
}

/// How a line names the lot it is about: by id, or by item and the number on the label.
#[derive(Debug, Clone, Copy)]
pub struct LotName<'a> {
    /// The lot's id.
    pub lot_id: Option<&'a String>,
    /// The item.
    pub item_code: Option<&'a String>,
    /// The number on the label.
    pub lot_number: Option<&'a String>,
}

/// A lot's name that makes sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamedLot {
    /// By id, and by its item where the line says one.
    Id(LotId, Option<ItemCode>),
    /// By item and number.
    Number(ItemCode, LotNumber),
}

impl LotName<'_> {
    /// Reads the name.
    pub fn parse(self, pointer: &str, faults: &mut Faults) -> Option<NamedLot> {
        let item = self
            .item_code
            .map(|text| faults.keep(format!("{pointer}/item_code"), ItemCode::new(text)));
        match (self.lot_id, self.lot_number) {
            (Some(id), None) => {
                let id = lot_id(id, format!("{pointer}/lot_id"), faults)?;
                Some(NamedLot::Id(id, item.flatten()))
            }
            (None, Some(number)) => {
                let number = faults.keep(format!("{pointer}/lot_number"), LotNumber::new(number));
                if item.is_none() {
                    faults.add(format!("{pointer}/item_code"), FaultCode::Required);
                }
                Some(NamedLot::Number(item.flatten()?, number?))
            }
            (Some(_), Some(_)) => {
                faults.keep(format!("{pointer}/lot_number"), Err(FaultCode::Contradicts))
            }
            (None, None) => faults.keep(format!("{pointer}/lot_id"), Err(FaultCode::Required)),
        }
    }
}

/// Implements how a line body names its lot.
macro_rules! names_a_lot {
    ($($body:ident),+) => {
        $(impl $body {
            /// How the line names its lot.
            pub fn lot_name(&self) -> LotName<'_> {
                LotName {
                    lot_id: self.lot_id.as_ref(),
                    item_code: self.item_code.as_ref(),
                    lot_number: self.lot_number.as_ref(),
                }
            }
        })+
    };
}

names_a_lot!(WriteOffLineBody, AdjustmentLineBody, StateChangeLineBody);

/// Reads a lot's id; what is no id names no lot.
pub fn lot_id(given: &str, pointer: impl Into<String>, faults: &mut Faults) -> Option<LotId> {
    faults.keep(pointer, LotId::try_from(given.to_owned()).map_err(|_shape| FaultCode::Unknown))
}

impl ReceiptRequest {
    /// The lines of the receipt, with the items that they name.
    ///
    /// # Errors
    /// When the database fails; what makes no sense is gathered in `faults`.
    pub fn lines(
        &self,
        tx: &mut Tx<'_>,
        day: NaiveDate,
        faults: &mut Faults,
    ) -> Result<Vec<ReceiptLine>, CommandError> {
        check_line_count(self.lines.len(), faults);
        let source_kind = self.source_kind(faults);
        let source_name = optional_text::<120>(self.source.name.as_ref(), "/source/name", faults);
        let mut scans = Vec::with_capacity(self.lines.len());
        for (at, line) in self.lines.iter().enumerate() {
            scans.push(scan(tx, line, &format!("/lines/{at}"), faults)?);
        }
        let codes = self.lines.iter().zip(&scans).filter_map(|(line, scan)| {
            line.item_code.as_deref().or(scan.item_code.as_ref().map(ItemCode::as_str))
        });
        let items = items_named(tx, codes)?;
        let mut lines = Vec::with_capacity(self.lines.len());
        for (at, (line, scan)) in self.lines.iter().zip(&scans).enumerate() {
            let pointer = format!("/lines/{at}");
            let parsed = line.parse(scan, &items, day, &pointer, faults);
            let Some((item, lot, mut provenance, quantity, state)) = parsed else { continue };
            if let Some(kind) = source_kind {
                provenance.source_kind = kind;
                provenance.source_name.clone_from(&source_name);
                lines.push(ReceiptLine { item, lot, provenance, quantity, state });
            }
        }
        Ok(lines)
    }

    fn source_kind(&self, faults: &mut Faults) -> Option<Outside> {
        let known = Outside::from_word(&self.source.kind).filter(|kind| {
            matches!(
                kind,
                Outside::Supplier
                    | Outside::Donor
                    | Outside::AllocatedFromAbove
                    | Outside::WardReturn
                    | Outside::Loan
                    | Outside::Opening
            )
        });
        faults.keep("/source/kind", known.ok_or(FaultCode::NotInList))
    }
}

/// What a scanned label says.
#[derive(Debug, Default)]
struct Scan {
    item_code: Option<ItemCode>,
    lot_number: Option<String>,
    expires_on: Option<NaiveDate>,
    manufactured_on: Option<NaiveDate>,
}

fn scan(
    tx: &mut Tx<'_>,
    line: &ReceiptLineBody,
    pointer: &str,
    faults: &mut Faults,
) -> Result<Scan, CommandError> {
    let Some(text) = &line.gs1 else { return Ok(Scan::default()) };
    let at = format!("{pointer}/gs1");
    let Some(label) =
        faults.keep(&*at, gs1::parse(text).map_err(|_fault| FaultCode::InvalidFormat))
    else {
        return Ok(Scan::default());
    };
    let item_code = match label.gtin.as_deref().map(Gtin::new) {
        Some(Ok(gtin)) => {
            let code = items::code_by_gtin(tx.conn, &gtin)?;
            faults.keep(at, code.ok_or(FaultCode::Unknown))
        }
        Some(Err(code)) => {
            faults.add(at, code);
            None
        }
        None => None,
    };
    Ok(Scan {
        item_code,
        lot_number: label.lot_number,
        expires_on: label.expires_on,
        manufactured_on: label.manufactured_on,
    })
}

type ParsedLine = (Item, LotFacts, Provenance, Quantity, StockState);

impl ReceiptLineBody {
    fn parse(
        &self,
        scan: &Scan,
        items: &BTreeMap<ItemCode, Item>,
        day: NaiveDate,
        pointer: &str,
        faults: &mut Faults,
    ) -> Option<ParsedLine> {
        let code = self
            .item_code
            .as_deref()
            .or(scan.item_code.as_ref().map(ItemCode::as_str))
            .unwrap_or_default();
        let item = item_of(items, code, pointer, faults);
        if item.is_some_and(|item| !item.active) {
            faults.add(format!("{pointer}/item_code"), FaultCode::Inactive);
        }
        if scan.item_code.as_ref().is_some_and(|scanned| scanned.as_str() != code) {
            faults.add(format!("{pointer}/item_code"), FaultCode::Contradicts);
        }
        let entered = EnteredQuantity {
            quantity: self.quantity,
            pack_code: self.pack_code.clone(),
            packs: self.packs,
            loose: self.loose,
        };
        let quantity = item.and_then(|item| entered.to_units(item, pointer, faults));
        self.check_delivered(quantity, pointer, faults);
        let lot = self.lot(scan, day, pointer, faults);
        let state = self.state(lot.as_ref(), pointer, faults);
        let provenance = item.and_then(|item| self.provenance(item, pointer, faults));
        if let Some(basis) = &self.quantity_basis
            && !matches!(basis.as_str(), "labelled" | "counted")
        {
            faults.add(format!("{pointer}/quantity_basis"), FaultCode::NotInList);
        }
        Some((item?.clone(), lot?, provenance?, quantity?, state?))
    }

    /// What came is what was accepted and what was rejected.
    fn check_delivered(&self, quantity: Option<Quantity>, pointer: &str, faults: &mut Faults) {
        let rejected = self.rejected.unwrap_or(0);
        if Quantity::new(rejected).is_err() {
            faults.add(format!("{pointer}/rejected"), FaultCode::OutOfRange);
        } else if rejected > 0 && self.reject_reason.is_none() {
            faults.add(format!("{pointer}/reject_reason"), FaultCode::Required);
        }
        optional_text::<200>(
            self.reject_reason.as_ref(),
            format!("{pointer}/reject_reason"),
            faults,
        );
        if let (Some(delivered), Some(quantity)) = (self.delivered, quantity)
            && Some(delivered) != quantity.units().checked_add(rejected)
        {
            faults.add(format!("{pointer}/delivered"), FaultCode::Contradicts);
        }
    }

    fn lot(
        &self,
        scan: &Scan,
        day: NaiveDate,
        pointer: &str,
        faults: &mut Faults,
    ) -> Option<LotFacts> {
        let number = self.lot_number.as_ref().or(scan.lot_number.as_ref());
        let lot_number = number.map(|number| {
            faults.keep(format!("{pointer}/lot_number"), LotNumber::new(number.trim()))
        });
        let maker = optional_text::<120>(self.maker.as_ref(), format!("{pointer}/maker"), faults);
        let mut date = |field: &str, given: Option<&String>, scanned: Option<NaiveDate>| match given
        {
            None => scanned.map(Some),
            Some(text) => {
                let read = parse_date(text).ok_or(FaultCode::NotADate);
                Some(faults.keep(format!("{pointer}/{field}"), read))
            }
        };
        let expires_on = date("expires_on", self.expires_on.as_ref(), scan.expires_on);
        let made_on = date("manufactured_on", self.manufactured_on.as_ref(), scan.manufactured_on);
        let expiry = match (expires_on, self.no_expiry, self.expiry_unknown) {
            (Some(day), false, false) => day.map(Expiry::Dated),
            (None, true, false) => Some(Expiry::None),
            (None, false, true) => Some(Expiry::Unknown),
            (None, false, false) => {
                faults.add(format!("{pointer}/expires_on"), FaultCode::Required);
                None
            }
            _ => {
                faults.add(format!("{pointer}/expires_on"), FaultCode::Contradicts);
                None
            }
        };
        if let Some(Some(made)) = made_on {
            if made > day {
                faults.add(format!("{pointer}/manufactured_on"), FaultCode::InFuture);
            }
            if expiry.and_then(Expiry::date).is_some_and(|last| last < made) {
                faults.add(format!("{pointer}/expires_on"), FaultCode::Contradicts);
            }
        }
        Some(LotFacts {
            lot_number: match lot_number {
                None => None,
                Some(number) => Some(number?),
            },
            maker: maker.unwrap_or_default(),
            manufactured_on: match made_on {
                None => None,
                Some(day) => Some(day?),
            },
            expiry: expiry?,
        })
    }

    /// A lot whose expiry nobody knows waits for inspection.
    fn state(
        &self,
        lot: Option<&LotFacts>,
        pointer: &str,
        faults: &mut Faults,
    ) -> Option<StockState> {
        let unknown = lot.is_some_and(|lot| lot.expiry == Expiry::Unknown);
        match &self.state {
            None if unknown => Some(StockState::PendingInspection),
            None => Some(StockState::Available),
            Some(word) => {
                let at = format!("{pointer}/state");
                let state = state(word, &*at, faults)?;
                if unknown && state == StockState::Available {
                    faults.add(at, FaultCode::Contradicts);
                    return None;
                }
                Some(state)
            }
        }
    }

    fn provenance(&self, item: &Item, pointer: &str, faults: &mut Faults) -> Option<Provenance> {
        let mut text = |field: &str, given: &Option<String>| {
            optional_text::<120>(given.as_ref(), format!("{pointer}/{field}"), faults)
        };
        let owner_code = text("owner_code", &self.owner_code);
        let fund_source = text("fund_source", &self.fund_source);
        let donor = text("donor", &self.donor);
        let earmarked_for = text("earmarked_for", &self.earmarked_for);
        let unit_cost = match &self.unit_cost {
            None => None,
            Some(text) => {
                let cost = Money::parse(text).ok().filter(|cost| *cost >= Money::ZERO);
                faults.keep(format!("{pointer}/unit_cost"), cost.ok_or(FaultCode::InvalidFormat))
            }
        };
        if self.cost_is_estimated && self.unit_cost.is_none() {
            faults.add(format!("{pointer}/unit_cost"), FaultCode::Required);
        }
        let pack_units = match (self.pack_units, &self.pack_code) {
            (Some(units), _) => quantity(units, format!("{pointer}/pack_units"), faults)?,
            (None, Some(code)) => item.pack(code).map_or(Quantity::new(1).ok()?, |pack| pack.units),
            (None, None) => Quantity::new(1).ok()?,
        };
        Some(Provenance {
            owner_code,
            source_kind: Outside::Opening,
            source_name: None,
            fund_source,
            donor,
            earmarked_for,
            unit_cost,
            cost_is_estimated: self.cost_is_estimated,
            pack_units,
        })
    }
}

/// A line of a write-off.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WriteOffLineBody {
    /// The lot; or say `item_code` and `lot_number`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "019b0f5d-ac96-774b-bcce-b302099a8057")]
    pub lot_id: Option<String>,
    /// The item, where the lot is named by its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_code: Option<String>,
    /// The number on the label: the lot of that number that the store holds, or has held alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot_number: Option<String>,
    /// The state in which it lies; `available` unless said.
    #[serde(default)]
    pub state: Option<String>,
    /// Base units.
    #[schema(minimum = 1, example = 20)]
    pub quantity: i64,
    /// Why, from the list of reasons.
    #[schema(example = "expired")]
    pub reason_code: String,
    /// Why, in words.
    #[serde(default)]
    pub note: Option<String>,
}

/// A write-off.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WriteOffRequest {
    /// The store.
    #[schema(example = "QN-DEPOT")]
    pub store_code: String,
    /// When it happened; now unless said.
    #[serde(default)]
    pub occurred_at: Option<String>,
    /// Who witnessed it.
    #[serde(default)]
    pub witnessed_by: Option<String>,
    /// It has happened already and is not refused; `slip_number` names its paper.
    #[serde(default)]
    pub after_the_fact: bool,
    /// The number of the paper slip; only with `after_the_fact`, and then required.
    #[serde(default)]
    #[schema(example = "手工报损单 0031")]
    pub slip_number: Option<String>,
    /// What is written off, at most 1000 lines.
    pub lines: Vec<WriteOffLineBody>,
}

/// A line of an adjustment.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AdjustmentLineBody {
    /// The lot; or say `item_code` and `lot_number`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "019b0f5d-ac96-774b-bcce-b302099a8057")]
    pub lot_id: Option<String>,
    /// The item, where the lot is named by its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_code: Option<String>,
    /// The number on the label: the lot of that number that the store holds, or has held alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot_number: Option<String>,
    /// The state in which it lies; `available` unless said.
    #[serde(default)]
    pub state: Option<String>,
    /// Base units more (above zero) or fewer (below zero).
    #[schema(example = -3)]
    pub quantity_change: i64,
    /// Why, from the list of reasons.
    #[schema(example = "miscounted")]
    pub reason_code: String,
    /// Why, in words.
    #[serde(default)]
    pub note: Option<String>,
}

/// An adjustment of the book to what is there.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AdjustmentRequest {
    /// The store.
    #[schema(example = "QN-DEPOT")]
    pub store_code: String,
    /// When it was found; now unless said.
    #[serde(default)]
    pub occurred_at: Option<String>,
    /// It has happened already and is not refused; `slip_number` names its paper.
    #[serde(default)]
    pub after_the_fact: bool,
    /// The number of the paper slip; only with `after_the_fact`, and then required.
    #[serde(default)]
    #[schema(example = "手工更正单 0031")]
    pub slip_number: Option<String>,
    /// What changes, at most 1000 lines.
    pub lines: Vec<AdjustmentLineBody>,
}

/// A line of a change of state.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StateChangeLineBody {
    /// The lot; or say `item_code` and `lot_number`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "019b0f5d-ac96-774b-bcce-b302099a8057")]
    pub lot_id: Option<String>,
    /// The item, where the lot is named by its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_code: Option<String>,
    /// The number on the label: the lot of that number that the store holds, or has held alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot_number: Option<String>,
    /// The state in which it lies.
    #[schema(example = "available")]
    pub from_state: String,
    /// The state into which it goes.
    #[schema(example = "held")]
    pub to_state: String,
    /// Base units.
    #[schema(minimum = 1, example = 20)]
    pub quantity: i64,
    /// Why, from the list of reasons.
    #[schema(example = "quality")]
    pub reason_code: String,
    /// Why, in words.
    #[serde(default)]
    pub note: Option<String>,
}

/// A change of state: to hold, release, set apart or pass inspection.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StateChangeRequest {
    /// The store.
    #[schema(example = "QN-DEPOT")]
    pub store_code: String,
    /// When it happened; now unless said.
    #[serde(default)]
    pub occurred_at: Option<String>,
    /// What changes its state, at most 1000 lines.
    pub lines: Vec<StateChangeLineBody>,
}

/// A reversal of a movement or of a document.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReversalRequest {
    /// Base units to take back; all that is left unless said. Only for one movement.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub quantity: Option<i64>,
    /// Of a document: the lines to take back, wholly or in part; all of them unless said.
    #[serde(default)]
    pub lines: Option<Vec<ReversalLine>>,
    /// Why, from the list of reasons.
    #[schema(example = "entered_twice")]
    pub reason_code: String,
    /// Why, in words.
    #[serde(default)]
    pub note: Option<String>,
}

/// How much of a line of a document is taken back.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReversalLine {
    /// The line, from 1.
    #[schema(minimum = 1, example = 1)]
    pub line: i64,
    /// Base units; all that is left of the line unless said.
    #[serde(default)]
    #[schema(minimum = 1, example = 20)]
    pub quantity: Option<i64>,
}

impl ReversalLine {
    /// The line and how much of it.
    pub const fn asked(&self) -> (i64, Option<i64>) {
        (self.line, self.quantity)
    }
}

/// Stock that a fact had taken all along.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MatchRequest {
    /// The lot; first expired first without it.
    #[serde(default)]
    #[schema(example = "019b0f5d-ac96-774b-bcce-b302099a8057")]
    pub lot_id: Option<String>,
    /// The state in which it lies; any without it.
    #[serde(default)]
    pub state: Option<String>,
    /// Base units; everything that is open unless said.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub quantity: Option<i64>,
    /// Which receipt brought it, or why.
    #[serde(default)]
    #[schema(example = "RK-QN-TOWN-2026-000007")]
    pub note: Option<String>,
}

/// A recall of a maker's lot.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecallRequest {
    /// Why, and by whose word.
    #[schema(example = "国家药监局召回公告 2026-17")]
    pub reason: String,
}

/// The settled cost of a receipt's lots.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CostRequest {
    /// Why; required where a cost was settled before.
    #[serde(default)]
    #[schema(example = "other")]
    pub reason_code: Option<String>,
    /// Why, in words; e.g. the number of the invoice.
    #[serde(default)]
    #[schema(example = "发票 03417729")]
    pub note: Option<String>,
    /// The lines whose cost is settled.
    pub lines: Vec<CostLineBody>,
}

/// The settled cost of one line.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CostLineBody {
    /// The line, from 1.
    #[schema(minimum = 1, example = 1)]
    pub line: i64,
    /// Yuan for one base unit.
    #[schema(example = "0.92")]
    pub unit_cost: String,
}

/// Approval of a write-off, or giving it up.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WriteOffDecisionRequest)]
pub struct DecisionRequest {
    /// Why, in words.
    #[serde(default)]
    pub note: Option<String>,
}

/// A period to be closed, for a store or for a region.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"store_code": "QN-DEPOT", "through_day": "2026-01-31"}))]
pub struct ClosePeriodRequest {
    /// The store; or say `region_code`.
    #[serde(default)]
    pub store_code: Option<String>,
    /// The region, for every store in it.
    #[serde(default)]
    pub region_code: Option<String>,
    /// The last business day that is closed, over by now.
    pub through_day: String,
    /// Anything else.
    #[serde(default)]
    pub note: Option<String>,
}

/// Why a period is reopened.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "一月盘点漏记两箱口罩"}))]
pub struct ReopenPeriodRequest {
    /// Why.
    pub reason: String,
}
