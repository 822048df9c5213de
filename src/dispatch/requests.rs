//! What clients send about dispatches, and how it becomes a command: every fault gathered.

use crate::authority::{Authority, AuthorityRequest};
use crate::catalogue::packs::EnteredQuantity;
use crate::catalogue::substitution::UseScene;
use crate::config::Settings;
use crate::dispatch::order::{Fate, Urgency};
use crate::dispatch::rules::{
    Approve, ApprovedLine, PickedLine, Receive, ReceivedLine, Ship, ShippedLine,
};
use crate::kernel::id::{LotId, ShipmentId, UnmatchedId};
use crate::kernel::time::parse_date;
use crate::kernel::{
    FaultCode, Faults, Instant, ItemCode, LotNumber, Quantity, Refusal, StoreCode, Text,
};
use crate::stock::Expiry;
use crate::stock::reason::ReasonCode;
use crate::stock::requests::{facts_named, slip};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The most lines of a request.
const MANY_LINES: usize = 1_000;

/// What a parser needs to know of the service.
#[derive(Debug, Clone, Copy)]
pub struct Clockwork<'a> {
    /// The service's time.
    pub now: Instant,
    /// What the county decided.
    pub settings: &'a Settings,
}

impl Clockwork<'_> {
    /// The latest business time that is not in the future.
    fn latest(self) -> Instant {
        self.now.plus_minutes(self.settings.future_minutes)
    }
}

/// One item of a new dispatch.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LineRequest {
    /// What is asked for.
    #[schema(example = "M03")]
    pub item_code: String,
    /// Base units; or say `pack_code`, `packs` and `loose`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 500, minimum = 1)]
    pub quantity: Option<i64>,
    /// The pack that `packs` counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pack_code: Option<String>,
    /// Whole packs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0)]
    pub packs: Option<i64>,
    /// Base units beside the packs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0)]
    pub loose: Option<i64>,
    /// The very lot, where it must be that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot_id: Option<String>,
    /// Instead of `lot_id`: the number on the label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot_number: Option<String>,
}

/// A new dispatch: a request where the receiver makes it, else a draft.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DispatchRequest {
    /// The sender; a request may leave it to whoever approves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "QN-DEPOT")]
    pub from_store: Option<String>,
    /// The receiver.
    #[schema(example = "QN-PH")]
    pub to_store: String,
    /// The day, or the instant with an offset, by which it is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-01-18")]
    pub needed_by: Option<String>,
    /// `routine` (unless said), `urgent` or `emergency`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "urgent")]
    pub urgency: Option<String>,
    /// Why it is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "发热门诊用量上升")]
    pub reason: Option<String>,
    /// The number of the order on paper.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_number: Option<String>,
    /// By whose word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<AuthorityRequest>,
    /// What else there is to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What it moves.
    pub lines: Vec<LineRequest>,
}

/// One line of a new dispatch, before its item is known.
#[derive(Debug, Clone)]
pub struct AskedLine {
    /// What is asked for; `None` after its fault was recorded.
    pub item_code: Option<ItemCode>,
    /// How much, as it was entered.
    pub entered: EnteredQuantity,
    /// The very lot.
    pub lot_id: Option<LotId>,
}

/// A new dispatch, before its stores and items are known.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The sender.
    pub from_store: Option<StoreCode>,
    /// The receiver; `None` after its fault was recorded.
    pub to_store: Option<StoreCode>,
    /// By when, as it was given.
    pub needed_by: Option<String>,
    /// How pressing.
    pub urgency: Urgency,
    /// Why.
    pub reason: Option<String>,
    /// The number of the order on paper.
    pub order_number: Option<String>,
    /// By whose word.
    pub authority: Option<Authority>,
    /// What else there is to say.
    pub note: Option<String>,
    /// What it moves.
    pub lines: Vec<AskedLine>,
}

impl DispatchRequest {
    /// Reads everything that can be judged without the book; faults go to `faults`.
    pub fn parse(&self, clock: Clockwork<'_>, faults: &mut Faults) -> Asked {
        let urgency = self.urgency.as_deref().map_or(Some(Urgency::Routine), |word| {
            faults.keep("/urgency", Urgency::from_word(word).ok_or(FaultCode::NotInList))
        });
        let asked = Asked {
            from_store: store(faults, "/from_store", self.from_store.as_deref()),
            to_store: faults.keep("/to_store", StoreCode::new(&self.to_store)),
            needed_by: self.needed_by.as_deref().and_then(|text| needed_by(faults, text)),
            urgency: urgency.unwrap_or(Urgency::Routine),
            reason: text::<200>(faults, "/reason", self.reason.as_deref()),
            order_number: text::<64>(faults, "/order_number", self.order_number.as_deref()),
            authority: authority(faults, self.authority.as_ref(), clock),
            note: text::<500>(faults, "/note", self.note.as_deref()),
            lines: self
                .lines
                .iter()
                .enumerate()
                .map(|(at, line)| line.parse(&format!("/lines/{at}"), faults))
                .collect(),
        };
        if asked.from_store.is_some() && asked.from_store == asked.to_store {
            faults.add("/to_store", FaultCode::Contradicts);
        }
        count_lines(faults, "/lines", self.lines.len(), 1);
        for (at, line) in asked.lines.iter().enumerate() {
            let same = |other: &AskedLine| {
                other.item_code.is_some()
                    && other.item_code == line.item_code
                    && other.lot_id == line.lot_id
            };
            if asked.lines.iter().take(at).any(same) {
                faults.add(format!("/lines/{at}/item_code"), FaultCode::Duplicate);
            }
        }
        asked
    }
}

impl LineRequest {
    fn parse(&self, pointer: &str, faults: &mut Faults) -> AskedLine {
        AskedLine {
            item_code: faults.keep(format!("{pointer}/item_code"), ItemCode::new(&self.item_code)),
            entered: EnteredQuantity {
                quantity: self.quantity,
                pack_code: self.pack_code.clone(),
                packs: self.packs,
                loose: self.loose,
            },
            lot_id: lot(faults, format!("{pointer}/lot_id"), self.lot_id.as_deref()),
        }
    }
}

/// How much of a line is granted.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApproveLine {
    /// The line.
    #[schema(example = 1)]
    pub line: i64,
    /// Base units granted.
    #[schema(example = 300, minimum = 0)]
    pub approved: i64,
    /// Why less than asked; a cut needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "other")]
    pub reason_code: Option<String>,
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "其他医院同样告急")]
    pub note: Option<String>,
}

/// A decision to grant a dispatch; an empty one grants everything.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApproveRequest {
    /// The sender, where it is decided only now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "QN-DEPOT")]
    pub from_store: Option<String>,
    /// Lines granted otherwise than asked; the others are granted whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines: Option<Vec<ApproveLine>>,
    /// By whose word, where the dispatch does not say or another gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<AuthorityRequest>,
    /// What else there is to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Why somebody set a line's number so, and what else there is to say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Why {
    /// From the list of reasons.
    pub reason_code: Option<String>,
    /// In words.
    pub note: Option<String>,
}

/// The reasons of a command, by line.
pub type Whys = Vec<(i64, Why)>;

impl ApproveRequest {
    /// The decision, with the reason of each line and the note.
    ///
    /// # Errors
    /// `validation_failed` with every fault.
    pub fn parse(&self, clock: Clockwork<'_>) -> Result<(Approve, Whys, Option<String>), Refusal> {
        let mut faults = Faults::new();
        let mut command = Approve {
            from_store: store(&mut faults, "/from_store", self.from_store.as_deref()),
            lines: Vec::new(),
            authority: authority(&mut faults, self.authority.as_ref(), clock),
        };
        let note = text::<500>(&mut faults, "/note", self.note.as_deref());
        let mut whys = Whys::new();
        for (at, line) in self.lines.iter().flatten().enumerate() {
            let pointer = format!("/lines/{at}");
            let why = why(&mut faults, &pointer, line.reason_code.as_ref(), line.note.as_ref());
            command.lines.push(ApprovedLine {
                line: line.line,
                approved: units(&mut faults, format!("{pointer}/approved"), line.approved),
                reason_code: why.reason_code.clone(),
            });
            whys.push((line.line, why));
        }
        faults.finish(Some((command, whys, note)))
    }
}

/// A quantity of one lot.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LotRequest {
    /// The lot; or say `lot_number`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot_id: Option<String>,
    /// The number on the label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot_number: Option<String>,
    /// With `lot_number`: the item, where a substitute goes instead of the line's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_code: Option<String>,
    /// Base units.
    #[schema(example = 300, minimum = 1)]
    pub quantity: i64,
}

/// The lots that are set aside for a line.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PickLine {
    /// The line.
    #[schema(example = 1)]
    pub line: i64,
    /// The lots, which replace those promised.
    pub lots: Vec<LotRequest>,
    /// Why other lots, or less; any difference needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "damaged")]
    pub reason_code: Option<String>,
    /// The use for which the goods are meant, which says what may stand in: `general` (the default),
    /// `isolation`, `clinical`, `laboratory`, `sampling` or `public`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scene: Option<String>,
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A picking; an empty one takes the lots that are promised.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PickRequest {
    /// Lines picked otherwise than promised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines: Option<Vec<PickLine>>,
    /// What else there is to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl PickRequest {
    /// The picking, with the reason of each line and the note.
    ///
    /// # Errors
    /// `validation_failed` with every fault.
    pub fn parse(&self) -> Result<(Vec<PickedLine>, Whys, Option<String>), Refusal> {
        let mut faults = Faults::new();
        let mut lines = Vec::new();
        let mut whys = Whys::new();
        for (at, line) in self.lines.iter().flatten().enumerate() {
            let pointer = format!("/lines/{at}");
            let why = why(&mut faults, &pointer, line.reason_code.as_ref(), line.note.as_ref());
            lines.push(PickedLine {
                line: line.line,
                lots: lots(&mut faults, &pointer, &line.lots),
                reason_code: why.reason_code.clone(),
                scene: scene(&mut faults, &pointer, line.scene.as_deref()),
            });
            whys.push((line.line, why));
        }
        let note = text::<500>(&mut faults, "/note", self.note.as_deref());
        faults.finish(Some((lines, whys, note)))
    }
}

fn scene(faults: &mut Faults, pointer: &str, word: Option<&str>) -> UseScene {
    let known = word.map(|word| UseScene::from_word(word).ok_or(FaultCode::NotInList));
    let scene = known.and_then(|known| faults.keep(format!("{pointer}/scene"), known));
    scene.unwrap_or(UseScene::General)
}

/// How much of a line goes on the lorry.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShipLine {
    /// The line.
    #[schema(example = 1)]
    pub line: i64,
    /// Base units of the lots that expire first; everything set aside without it and `lots`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 200, minimum = 1)]
    pub quantity: Option<i64>,
    /// The very lots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lots: Option<Vec<LotRequest>>,
}

/// One lorry; without `lines` it carries everything that is set aside.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShipRequest {
    /// When it left; now unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-01-15T02:30:00Z")]
    pub occurred_at: Option<String>,
    /// The carrier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<String>,
    /// The number plate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "赣B·12345")]
    pub vehicle: Option<String>,
    /// The driver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "廖建平")]
    pub driver: Option<String>,
    /// The driver's telephone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// When it is expected.
    #[schema(example = "2026-01-15T05:00:00Z")]
    pub expected_at: String,
    /// What it carries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines: Option<Vec<ShipLine>>,
    /// Whether no other lorry follows: what is not shipped is then released.
    #[serde(default)]
    pub last: bool,
    /// It has happened already; `slip_number` names its paper.
    #[serde(default)]
    pub after_the_fact: bool,
    /// The number of the paper slip; only with `after_the_fact`, and then required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slip_number: Option<String>,
    /// What else there is to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Who drives a lorry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lorry {
    /// The carrier.
    pub carrier: Option<String>,
    /// The number plate.
    pub vehicle: Option<String>,
    /// The driver.
    pub driver: Option<String>,
    /// The driver's telephone.
    pub phone: Option<String>,
    /// The slip of what had happened before it was booked.
    pub slip: Option<String>,
}

impl ShipRequest {
    /// The lorry and what it carries, with the note.
    ///
    /// # Errors
    /// `validation_failed` with every fault.
    pub fn parse(&self, clock: Clockwork<'_>) -> Result<(Ship, Lorry, Option<String>), Refusal> {
        let mut faults = Faults::new();
        let occurred_at = business_time(&mut faults, self.occurred_at.as_deref(), clock);
        let expected_at = instant(&mut faults, "/expected_at", &self.expected_at);
        let lorry = Lorry {
            carrier: text::<64>(&mut faults, "/carrier", self.carrier.as_deref()),
            vehicle: text::<32>(&mut faults, "/vehicle", self.vehicle.as_deref()),
            driver: text::<64>(&mut faults, "/driver", self.driver.as_deref()),
            phone: text::<32>(&mut faults, "/phone", self.phone.as_deref()),
            slip: slip(self.after_the_fact, self.slip_number.as_ref(), &mut faults),
        };
        let lines = self.lines.as_ref().map(|lines| {
            lines
                .iter()
                .enumerate()
                .map(|(at, line)| line.parse(&format!("/lines/{at}"), &mut faults))
                .collect()
        });
        let note = text::<500>(&mut faults, "/note", self.note.as_deref());
        let ship = expected_at.map(|expected_at| Ship {
            shipment_id: ShipmentId::generate(),
            occurred_at,
            expected_at,
            lines,
            last: self.last,
        });
        faults.finish(ship.map(|ship| (ship, lorry, note)))
    }
}

impl ShipLine {
    fn parse(&self, pointer: &str, faults: &mut Faults) -> ShippedLine {
        let quantity = self.quantity.map(|n| above_zero(faults, format!("{pointer}/quantity"), n));
        let lots = lots(faults, pointer, self.lots.as_deref().unwrap_or_default());
        ShippedLine { line: self.line, quantity, lots }
    }
}

/// How the pieces of a lot ended; what is not said is nought.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReceiveLine {
    /// The line.
    #[schema(example = 1)]
    pub line: i64,
    /// The lot; it or its number is needed where several of the line are on the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot_id: Option<String>,
    /// Instead of `lot_id`: the number on the label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot_number: Option<String>,
    /// Base units in good order: to the receiver's available stock.
    #[serde(default)]
    #[schema(example = 260, minimum = 0)]
    pub received: i64,
    /// Base units broken: to the receiver's damaged stock.
    #[serde(default)]
    #[schema(minimum = 0)]
    pub damaged: i64,
    /// Base units that never came: written off.
    #[serde(default)]
    #[schema(example = 40, minimum = 0)]
    pub lost: i64,
    /// Base units sent back: to the sender, for inspection.
    #[serde(default)]
    #[schema(minimum = 0)]
    pub returned: i64,
    /// Base units beyond the papers: from a count difference to the receiver.
    #[serde(default)]
    #[schema(minimum = 0)]
    pub over: i64,
    /// Why anything but good order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "lost_in_transit")]
    pub reason_code: Option<String>,
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A lot that came and is not on the papers.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UnexpectedRequest {
    /// What came.
    #[schema(example = "M03")]
    pub item_code: String,
    /// The number on the label.
    #[schema(example = "20251101")]
    pub lot_number: String,
    /// The maker; empty where the label does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maker: Option<String>,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "2025-11-01")]
    pub manufactured_on: Option<String>,
    /// The last day of use; or say `no_expiry` or `expiry_unknown`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "2027-10-31")]
    pub expires_on: Option<String>,
    /// It does not expire.
    #[serde(default)]
    pub no_expiry: bool,
    /// Nobody knows: it waits for inspection.
    #[serde(default)]
    pub expiry_unknown: bool,
    /// Base units.
    #[schema(example = 50, minimum = 1)]
    pub quantity: i64,
    /// What else there is to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A signing for goods; an empty one takes everything on the way as received in good order.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DispatchReceiptRequest)]
pub struct ReceiptRequest {
    /// When the goods came; now unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-01-15T05:10:00Z")]
    pub occurred_at: Option<String>,
    /// The person who took them over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "陈玉梅")]
    pub received_by: Option<String>,
    /// The lorry, where it matters which one came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipment_id: Option<String>,
    /// What came of each lot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines: Option<Vec<ReceiveLine>>,
    /// What came and is not on the papers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unexpected: Vec<UnexpectedRequest>,
    /// It has happened already; `slip_number` names its paper.
    #[serde(default)]
    pub after_the_fact: bool,
    /// The number of the paper slip; only with `after_the_fact`, and then required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slip_number: Option<String>,
    /// Facts that the book could not cover and that these goods clear, by their ids; besides them
    /// they clear those that happened after they came, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clears: Vec<String>,
    /// What else there is to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A lot that came and is not on the papers.
#[derive(Debug, Clone)]
pub struct Unexpected {
    /// What came.
    pub item_code: ItemCode,
    /// The number on the label.
    pub lot_number: LotNumber,
    /// The maker; empty where the label does not say.
    pub maker: String,
    /// When it was made.
    pub manufactured_on: Option<chrono::NaiveDate>,
    /// The last day of use.
    pub expiry: Expiry,
    /// Base units.
    pub quantity: Quantity,
    /// What else there is to say.
    pub note: Option<String>,
}

/// A signing as it was asked for.
#[derive(Debug, Clone)]
pub struct Signed {
    /// When the goods came.
    pub occurred_at: Instant,
    /// The person who took them over.
    pub received_by: Option<String>,
    /// What came.
    pub receive: Receive,
    /// Reasons and notes, in the order of the lines.
    pub whys: Vec<Why>,
    /// What came and is not on the papers.
    pub unexpected: Vec<Unexpected>,
    /// The slip of what had happened before it was booked, and the facts that it clears.
    pub late: Late,
    /// What else there is to say.
    pub note: Option<String>,
}

/// What a signing says of the time before it was booked.
#[derive(Debug, Clone, Default)]
pub struct Late {
    /// The slip of what had happened before it was booked.
    pub slip: Option<String>,
    /// Facts that the goods clear, named by their ids.
    pub clears: Vec<UnmatchedId>,
}

impl ReceiptRequest {
    /// The signing.
    ///
    /// # Errors
    /// `validation_failed` with every fault.
    pub fn parse(&self, clock: Clockwork<'_>) -> Result<Signed, Refusal> {
        let mut faults = Faults::new();
        let mut whys = Vec::new();
        let lines = self.lines.as_ref().map(|lines| {
            let mut parsed = Vec::new();
            for (at, line) in lines.iter().enumerate() {
                let pointer = format!("/lines/{at}");
                let (reason, note) = (line.reason_code.as_ref(), line.note.as_ref());
                whys.push(why(&mut faults, &pointer, reason, note));
                parsed.push(line.parse(&pointer, &mut faults));
            }
            parsed
        });
        count_lines(&mut faults, "/unexpected", self.unexpected.len(), 0);
        let unexpected: Vec<Unexpected> = self
            .unexpected
            .iter()
            .enumerate()
            .filter_map(|(at, line)| line.parse(&format!("/unexpected/{at}"), &mut faults))
            .collect();
        let shipment_id = self.shipment_id.clone().and_then(|text| {
            let id = ShipmentId::try_from(text).map_err(|_shape| FaultCode::Unknown);
            faults.keep("/shipment_id", id)
        });
        let late = Late {
            slip: slip(self.after_the_fact, self.slip_number.as_ref(), &mut faults),
            clears: facts_named(&self.clears, &mut faults),
        };
        let signed = Signed {
            late,
            occurred_at: business_time(&mut faults, self.occurred_at.as_deref(), clock),
            received_by: text::<64>(&mut faults, "/received_by", self.received_by.as_deref()),
            receive: Receive { shipment_id, lines, unexpected: unexpected.len() },
            whys,
            unexpected,
            note: text::<500>(&mut faults, "/note", self.note.as_deref()),
        };
        faults.finish(Some(signed))
    }
}

impl ReceiveLine {
    fn parse(&self, pointer: &str, faults: &mut Faults) -> ReceivedLine {
        let mut count = |name: &str, n: i64| units(faults, format!("{pointer}/{name}"), n);
        let counts = vec![
            (Fate::Received, count("received", self.received)),
            (Fate::Damaged, count("damaged", self.damaged)),
            (Fate::Lost, count("lost", self.lost)),
            (Fate::Returned, count("returned", self.returned)),
            (Fate::Over, count("over", self.over)),
        ];
        let lot_id = lot(faults, format!("{pointer}/lot_id"), self.lot_id.as_deref());
        ReceivedLine { line: self.line, lot_id, counts }
    }
}

impl UnexpectedRequest {
    fn parse(&self, pointer: &str, faults: &mut Faults) -> Option<Unexpected> {
        let item_code = faults.keep(format!("{pointer}/item_code"), ItemCode::new(&self.item_code));
        let lot_number =
            faults.keep(format!("{pointer}/lot_number"), LotNumber::new(&self.lot_number));
        let maker = text::<100>(faults, &format!("{pointer}/maker"), self.maker.as_deref());
        let made = self.manufactured_on.as_deref();
        let manufactured_on = made.and_then(|text| {
            let day = parse_date(text).ok_or(FaultCode::NotADate);
            faults.keep(format!("{pointer}/manufactured_on"), day)
        });
        let expires_on = format!("{pointer}/expires_on");
        let expiry = match (self.expires_on.as_deref(), self.no_expiry, self.expiry_unknown) {
            (Some(text), false, false) => faults
                .keep(expires_on, parse_date(text).ok_or(FaultCode::NotADate))
                .map(Expiry::Dated),
            (None, true, false) => Some(Expiry::None),
            (None, false, true) => Some(Expiry::Unknown),
            (None, false, false) => faults.keep(expires_on, Err(FaultCode::Required)),
            _ => faults.keep(expires_on, Err(FaultCode::Contradicts)),
        };
        let quantity = above_zero(faults, format!("{pointer}/quantity"), self.quantity);
        let note = text::<200>(faults, &format!("{pointer}/note"), self.note.as_deref());
        Some(Unexpected {
            item_code: item_code?,
            lot_number: lot_number?,
            maker: maker.unwrap_or_default(),
            manufactured_on,
            expiry: expiry?,
            quantity,
            note,
        })
    }
}

/// Another destination.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RedirectRequest {
    /// Where it goes now.
    #[schema(example = "QN-CDC")]
    pub to_store: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "县医院已满足")]
    pub reason: Option<String>,
}

impl RedirectRequest {
    /// The destination, and why.
    ///
    /// # Errors
    /// `validation_failed` with every fault.
    pub fn parse(&self) -> Result<(StoreCode, Option<String>), Refusal> {
        let mut faults = Faults::new();
        let to_store = faults.keep("/to_store", StoreCode::new(&self.to_store));
        let reason = text::<200>(&mut faults, "/reason", self.reason.as_deref());
        faults.finish(to_store.map(|to_store| (to_store, reason)))
    }
}

/// A cancellation.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelRequest {
    /// Why.
    #[schema(example = "需求已由上级直接调拨满足")]
    pub reason: String,
}

impl CancelRequest {
    /// Why.
    ///
    /// # Errors
    /// `validation_failed` when it is empty or too long.
    pub fn parse(&self) -> Result<String, Refusal> {
        let mut faults = Faults::new();
        let reason = faults.keep("/reason", Text::<200>::new(&self.reason));
        faults.finish(reason.map(String::from))
    }
}

/// The end of a dispatch.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CloseDispatchRequest)]
pub struct CloseRequest {
    /// What else there is to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl CloseRequest {
    /// The note.
    ///
    /// # Errors
    /// `validation_failed` when it is empty or too long.
    pub fn parse(&self) -> Result<Option<String>, Refusal> {
        let mut faults = Faults::new();
        let note = text::<500>(&mut faults, "/note", self.note.as_deref());
        faults.finish(Some(note))
    }
}

/// The reversal of a signing.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SigningReversalRequest {
    /// Why, from the list of reasons.
    #[schema(example = "miscounted")]
    pub reason_code: String,
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl SigningReversalRequest {
    /// Why.
    ///
    /// # Errors
    /// `validation_failed` with every fault.
    pub fn parse(&self) -> Result<Why, Refusal> {
        let mut faults = Faults::new();
        let why = why(&mut faults, "", Some(&self.reason_code), self.note.as_ref());
        faults.finish(Some(why))
    }
}

/// What is asked for again; an empty one repeats the old request.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FollowUpRequest {
    /// The sender; open unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_store: Option<String>,
    /// By when; as before unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needed_by: Option<String>,
    /// How pressing; as before unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urgency: Option<String>,
    /// Why; as before unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What is asked for again, as far as it differs.
#[derive(Debug, Clone)]
pub struct FollowUp {
    /// The sender.
    pub from_store: Option<StoreCode>,
    /// By when.
    pub needed_by: Option<String>,
    /// How pressing.
    pub urgency: Option<Urgency>,
    /// Why.
    pub reason: Option<String>,
}

impl FollowUpRequest {
    /// What differs from the old request.
    ///
    /// # Errors
    /// `validation_failed` with every fault.
    pub fn parse(&self) -> Result<FollowUp, Refusal> {
        let mut faults = Faults::new();
        let follow_up = FollowUp {
            from_store: store(&mut faults, "/from_store", self.from_store.as_deref()),
            needed_by: self.needed_by.as_deref().and_then(|text| needed_by(&mut faults, text)),
            urgency: self.urgency.as_deref().and_then(|word| {
                faults.keep("/urgency", Urgency::from_word(word).ok_or(FaultCode::NotInList))
            }),
            reason: text::<200>(&mut faults, "/reason", self.reason.as_deref()),
        };
        faults.finish(Some(follow_up))
    }
}

fn count_lines(faults: &mut Faults, pointer: &str, count: usize, least: usize) {
    if count < least {
        faults.add(pointer, FaultCode::TooShort);
    } else if count > MANY_LINES {
        faults.add(pointer, FaultCode::TooLong);
    }
}

fn text<const MAX: usize>(
    faults: &mut Faults,
    pointer: &str,
    value: Option<&str>,
) -> Option<String> {
    value.and_then(|value| faults.keep(pointer, Text::<MAX>::new(value))).map(String::from)
}

fn store(faults: &mut Faults, pointer: &str, value: Option<&str>) -> Option<StoreCode> {
    value.and_then(|code| faults.keep(pointer, StoreCode::new(code)))
}

fn lot(faults: &mut Faults, pointer: String, value: Option<&str>) -> Option<LotId> {
    let id = LotId::try_from(value?.to_owned()).map_err(|_shape| FaultCode::Unknown);
    faults.keep(pointer, id)
}

fn lots(faults: &mut Faults, pointer: &str, lots: &[LotRequest]) -> Vec<(LotId, Quantity)> {
    lots.iter()
        .enumerate()
        .filter_map(|(at, one)| {
            let pointer = format!("{pointer}/lots/{at}");
            if one.lot_id.is_none() {
                faults.add(format!("{pointer}/lot_id"), FaultCode::Required);
            }
            let id = lot(faults, format!("{pointer}/lot_id"), one.lot_id.as_deref());
            let quantity = above_zero(faults, format!("{pointer}/quantity"), one.quantity);
            id.map(|id| (id, quantity))
        })
        .collect()
}

/// A quantity, or nought after its fault was recorded.
fn units(faults: &mut Faults, pointer: String, n: i64) -> Quantity {
    let quantity = Quantity::new(n).map_err(|_range| FaultCode::OutOfRange);
    faults.keep(pointer, quantity).unwrap_or(Quantity::ZERO)
}

fn above_zero(faults: &mut Faults, pointer: String, n: i64) -> Quantity {
    let quantity = Quantity::new(n).ok().filter(|quantity| !quantity.is_zero());
    faults.keep(pointer, quantity.ok_or(FaultCode::OutOfRange)).unwrap_or(Quantity::ZERO)
}

fn instant(faults: &mut Faults, pointer: &str, value: &str) -> Option<Instant> {
    faults.keep(pointer, Instant::parse(value).map_err(|_shape| FaultCode::NotAnInstant))
}

/// Business time: now unless said. A little ahead of the clock counts as now; more is refused.
fn business_time(faults: &mut Faults, value: Option<&str>, clock: Clockwork<'_>) -> Instant {
    let Some(at) = value.and_then(|value| instant(faults, "/occurred_at", value)) else {
        return clock.now;
    };
    if at > clock.latest() {
        faults.add("/occurred_at", FaultCode::InFuture);
    }
    at.min(clock.now)
}

/// A civil date, or an instant with an offset, kept as it was meant.
fn needed_by(faults: &mut Faults, value: &str) -> Option<String> {
    let meant = parse_date(value)
        .map(|day| day.to_string())
        .or_else(|| Instant::parse(value).ok().map(|at| at.to_string()));
    faults.keep("/needed_by", meant.ok_or(FaultCode::NotADate))
}

fn authority(
    faults: &mut Faults,
    value: Option<&AuthorityRequest>,
    clock: Clockwork<'_>,
) -> Option<Authority> {
    value.and_then(|authority| authority.parse("/authority", clock.latest(), faults))
}

fn why(
    faults: &mut Faults,
    pointer: &str,
    reason_code: Option<&String>,
    note: Option<&String>,
) -> Why {
    let reason_code = reason_code.and_then(|word| {
        let known = ReasonCode::from_word(word).map(|reason| reason.as_str().to_owned());
        faults.keep(format!("{pointer}/reason_code"), known.ok_or(FaultCode::NotInList))
    });
    let note = text::<200>(faults, &format!("{pointer}/note"), note.map(String::as_str));
    Why { reason_code, note }
}
