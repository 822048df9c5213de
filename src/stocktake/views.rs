//! What clients see of stocktakes.

pub mod sheet_csv;

use crate::catalogue::Item;
use crate::catalogue::packs::InPacks;
use crate::kernel::id::{CountId, LotId, MovementId, StocktakeId};
use crate::kernel::{Instant, ItemCode, LotNumber, Money, Quantity, Ratio, StoreCode};
use crate::stock::facts::Promise;
use crate::stock::views::{ClearedView, CutView, DocumentRefView};
use crate::stock::{Lot, MovementKind, ReasonCode, StockState};
use crate::stocktake::accuracy::Figures;
use crate::stocktake::counting::{CountEntry, Decision};
use crate::stocktake::outcome::{Evaluated, Known, Progress};
use crate::stocktake::queries::{Consequences, Due};
use crate::stocktake::records::StocktakeResult;
use crate::stocktake::rules::needs_approval;
use crate::stocktake::sheet::{Coverage, Goods, NotCounted, Stocktake, StocktakeStatus};
use crate::stocktake::variance::{Books, Timing};
use chrono::NaiveDate;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A stocktake without its lines.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StocktakeHead {
    /// Its id.
    pub id: StocktakeId,
    /// Its human number.
    pub number: String,
    /// The store.
    pub store_code: StoreCode,
    /// How far it has come.
    pub status: StocktakeStatus,
    /// Only items of this category are counted.
    pub category: Option<crate::catalogue::Category>,
    /// Only these items are counted.
    pub items: Option<Vec<ItemCode>>,
    /// Whether the sheet keeps the book to itself.
    pub blind: bool,
    /// How many independent counts each line needs.
    pub rounds: i64,
    /// What becomes of lines that nobody counted.
    pub not_counted: NotCounted,
    /// Anything else.
    pub note: Option<String>,
    /// Business time of the book from which the sheet was made.
    pub frozen_at: Instant,
    /// Who began it.
    pub created_by: String,
    /// When.
    pub created_at: Instant,
    /// Who handed it in.
    pub submitted_by: Option<String>,
    /// When.
    pub submitted_at: Option<Instant>,
    /// Who approved its differences.
    pub approved_by: Option<String>,
    /// When.
    pub approved_at: Option<Instant>,
    /// Who posted it, or gave it up.
    pub ended_by: Option<String>,
    /// When.
    pub ended_at: Option<Instant>,
    /// What was said at the last decision.
    pub decision_note: Option<String>,
}

impl From<Stocktake> for StocktakeHead {
    fn from(stocktake: Stocktake) -> Self {
        let (category, items) = match stocktake.coverage {
            Coverage::Whole => (None, None),
            Coverage::Category(category) => (Some(category), None),
            Coverage::Items(items) => (None, Some(items)),
        };
        let split = |step: Option<crate::stocktake::sheet::Step>| match step {
            Some(step) => (Some(step.by), Some(step.at)),
            None => (None, None),
        };
        let (submitted_by, submitted_at) = split(stocktake.submitted);
        let (approved_by, approved_at) = split(stocktake.approved);
        let (ended_by, ended_at) = split(stocktake.ended);
        Self {
            id: stocktake.id,
            number: stocktake.number,
            store_code: stocktake.store_code,
            status: stocktake.status,
            category,
            items,
            blind: stocktake.blind,
            rounds: stocktake.rounds,
            not_counted: stocktake.not_counted,
            note: stocktake.note,
            frozen_at: stocktake.frozen_at,
            created_by: stocktake.created.by,
            created_at: stocktake.created.at,
            submitted_by,
            submitted_at,
            approved_by,
            approved_at,
            ended_by,
            ended_at,
            decision_note: stocktake.decision_note,
        }
    }
}

/// How far the counting has come.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct ProgressView {
    /// Lines of the sheet, those found while counting too.
    pub lines: i64,
    /// Lines whose count is decided.
    pub counted: i64,
    /// Lines that wait for another round.
    pub waiting: i64,
    /// Lines that nobody has counted.
    pub not_counted: i64,
    /// Counted among all lines; `null` where the sheet is empty.
    pub share: Option<Ratio>,
}

impl From<Progress> for ProgressView {
    fn from(progress: Progress) -> Self {
        Self {
            lines: progress.lines,
            counted: progress.decided,
            waiting: progress.waiting,
            not_counted: progress.not_counted,
            share: Ratio::new(i128::from(progress.decided), i128::from(progress.lines)),
        }
    }
}

/// How true the book was.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FiguresView {
    /// Lines that were counted.
    pub lines_counted: i64,
    /// Of these, lines where count and book agreed.
    pub lines_exact: i64,
    /// Lines that nobody counted.
    pub lines_not_counted: i64,
    /// Lines that needed a third count.
    pub lines_recounted: i64,
    /// Lines that differ and whose lot has no cost: they are not in the values.
    pub lines_without_cost: i64,
    /// The most rounds that a line was counted in.
    pub rounds: i64,
    /// What the book said of the counted lines, in base units.
    pub book_units: i64,
    /// Shortages and surpluses together, in base units.
    pub absolute_units: i64,
    /// Surpluses less shortages, in base units.
    pub net_units: i64,
    /// Shortages and surpluses together, in yuan.
    pub absolute_value: Money,
    /// Surpluses less shortages, in yuan.
    pub net_value: Money,
    /// Lines that agreed among those counted (账实相符率).
    pub line_accuracy: Option<Ratio>,
    /// One less the differences among what the book said, not below zero.
    pub unit_accuracy: Option<Ratio>,
}

impl From<Figures> for FiguresView {
    fn from(figures: Figures) -> Self {
        Self {
            lines_counted: figures.lines_counted,
            lines_exact: figures.lines_exact,
            lines_not_counted: figures.lines_not_counted,
            lines_recounted: figures.lines_recounted,
            lines_without_cost: figures.lines_without_cost,
            rounds: figures.rounds,
            book_units: figures.book_units,
            absolute_units: figures.absolute_units,
            net_units: figures.net_units,
            absolute_value: Money::from_ten_thousandths(figures.absolute_value),
            net_value: Money::from_ten_thousandths(figures.net_value),
            line_accuracy: figures.line_accuracy(),
            unit_accuracy: figures.unit_accuracy(),
        }
    }
}

/// A stocktake with its progress and its figures.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StocktakeView {
    /// What it is.
    #[serde(flatten)]
    pub head: StocktakeHead,
    /// How far the counting has come.
    pub progress: ProgressView,
    /// How true the book is by what is counted so far; absent while a blind count is open.
    pub figures: Option<FiguresView>,
    /// Whether its differences need another user's approval; absent while a blind count is open.
    pub needs_approval: Option<bool>,
    /// The promises that its posting cut, because less is there than was promised.
    pub cuts: Vec<CutView>,
    /// The *unmatched* facts that its posting cleared.
    pub cleared: Vec<ClearedView>,
}

impl StocktakeView {
    /// The view of a stocktake and its lines.
    pub fn new(
        stocktake: Stocktake,
        lines: &[Evaluated],
        settings: &crate::config::Settings,
    ) -> Self {
        let hidden = is_hidden(&stocktake);
        let figures = Figures::of(lines);
        Self {
            progress: Progress::of(lines).into(),
            figures: (!hidden).then(|| figures.into()),
            needs_approval: (!hidden).then(|| needs_approval(&figures, settings)),
            head: stocktake.into(),
            cuts: Vec::new(),
            cleared: Vec::new(),
        }
    }

    /// The same with what its posting did besides moving stock.
    #[must_use]
    pub fn with(mut self, consequences: &Consequences) -> Self {
        self.cuts = consequences.cuts.iter().map(CutView::from).collect();
        let cleared = consequences.cleared.iter().map(|(fact, quantity)| ClearedView {
            unmatched_id: fact.id.clone(),
            document_number: fact.document.number.clone(),
            quantity: *quantity,
        });
        self.cleared = cleared.collect();
        self
    }
}

/// While a blind stocktake is open, the book and other counts of undecided lines are not told:
/// who knows them counts them again instead of the goods.
pub fn is_hidden(stocktake: &Stocktake) -> bool {
    stocktake.blind && stocktake.status == StocktakeStatus::Open
}

/// What a line is about.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CountedGoodsView {
    /// The line, from 1.
    pub line: i64,
    /// The item.
    pub item_code: ItemCode,
    /// The lot; absent for goods that the book does not know.
    pub lot_id: Option<LotId>,
    /// The number on the label.
    pub lot_number: Option<LotNumber>,
    /// Who made it; empty where nobody says.
    pub maker: Option<String>,
    /// The last day of use, where there is one.
    pub expires_on: Option<NaiveDate>,
    /// The state.
    pub state: StockState,
    /// Whether it was found while counting and not on the sheet at first.
    pub added: bool,
    /// `not_counted`, `waiting` or `decided`.
    pub status: &'static str,
    /// The round that it waits for.
    pub waits_for: Option<i64>,
}

impl CountedGoodsView {
    fn new(line: &Evaluated, lots: &BTreeMap<LotId, Lot>) -> Self {
        let lot = line.place().and_then(|(id, _)| lots.get(&id));
        let label = match &line.line.goods {
            Goods::Unknown(label) => Some(label),
            Goods::Lot(_) => None,
        };
        Self {
            line: line.line.line_no,
            item_code: line.line.item_code.clone(),
            lot_id: line.place().map(|(lot, _)| lot),
            lot_number: lot
                .map(|lot| lot.makers_lot.lot_number.clone())
                .or(label.map(|label| label.lot_number.clone())),
            maker: lot
                .map(|lot| lot.makers_lot.maker.clone())
                .or(label.map(|label| label.maker.clone())),
            expires_on: lot
                .map(|lot| lot.makers_lot.expiry)
                .or(label.map(|label| label.expiry))
                .and_then(crate::stock::Expiry::date),
            state: line.line.state,
            added: line.line.added,
            status: match line.decision {
                Decision::NotCounted => "not_counted",
                Decision::Waits(_) => "waiting",
                Decision::Decided { .. } => "decided",
            },
            waits_for: line.decision.waits_for(),
        }
    }
}

/// A line of the sheet, to be counted.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SheetRow {
    /// What is to be counted.
    #[serde(flatten)]
    pub goods: CountedGoodsView,
    /// The item's Chinese name.
    pub name_zh: Option<String>,
    /// The item's English name.
    pub name_en: Option<String>,
    /// The smallest unit.
    pub base_unit: Option<String>,
    /// The pack in which it came, in base units.
    pub pack_units: Option<Quantity>,
    /// Who owns it, where that is not the county.
    pub owner_code: Option<String>,
    /// The purpose for which alone it may be used.
    pub earmarked_for: Option<String>,
    /// Who donated it.
    pub donor: Option<String>,
    /// What the book said when the sheet was made; absent while a blind count is open.
    pub book: Option<Quantity>,
    /// The same in the largest pack.
    pub book_in_packs: Option<InPacks>,
}

impl SheetRow {
    /// The row of a line.
    pub fn new(
        stocktake: &Stocktake,
        line: &Evaluated,
        lots: &BTreeMap<LotId, Lot>,
        items: &BTreeMap<ItemCode, Item>,
    ) -> Self {
        let item = items.get(&line.line.item_code);
        let lot = line.place().and_then(|(id, _)| lots.get(&id)).map(|lot| &lot.provenance);
        let book = (!is_hidden(stocktake)).then_some(line.line.frozen);
        let in_packs = |book| item.and_then(Item::largest_pack).map(|pack| InPacks::of(book, pack));
        Self {
            goods: CountedGoodsView::new(line, lots),
            name_zh: item.map(|item| item.name_zh.clone()),
            name_en: item.map(|item| item.name_en.clone()),
            base_unit: item.map(|item| item.base_unit.clone()),
            pack_units: lot.map(|lot| lot.pack_units),
            owner_code: lot.and_then(|lot| lot.owner_code.clone()),
            earmarked_for: lot.and_then(|lot| lot.earmarked_for.clone()),
            donor: lot.and_then(|lot| lot.donor.clone()),
            book_in_packs: book.and_then(in_packs),
            book,
        }
    }
}

/// A movement that the sheet did not know, and how it stands to the count.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MeanwhileView {
    /// `entered_late`, `before_count` or `after_count`.
    pub timing: Timing,
    /// The movement.
    pub movement_id: MovementId,
    /// What it was.
    pub kind: MovementKind,
    /// The document behind it.
    pub document: DocumentRefView,
    /// Business time.
    pub occurred_at: Instant,
    /// The service's time.
    pub recorded_at: Instant,
    /// Base units more (above zero) or fewer (below zero).
    pub quantity_change: i64,
}

/// A line with what was counted, what the book says of that moment, and why they differ.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct VarianceRow {
    /// What was counted.
    #[serde(flatten)]
    pub goods: CountedGoodsView,
    /// Whether the book knows several lots under the label: count them by `lot_id`.
    pub several_lots: bool,
    /// What the book said when the sheet was made.
    pub frozen: Option<Quantity>,
    /// What was counted.
    pub counted: Option<Quantity>,
    /// At which business time.
    pub counted_at: Option<Instant>,
    /// In which round it was decided.
    pub round: Option<i64>,
    /// What the book says of that moment: `frozen`, and every movement but those `after_count`.
    pub book: Option<i64>,
    /// Counted less book.
    pub difference: Option<i64>,
    /// The price of one base unit.
    pub unit_cost: Option<Money>,
    /// The value of the difference.
    pub value: Option<Money>,
    /// Why they differ.
    pub reason_code: Option<ReasonCode>,
    /// The same in words.
    pub reason_note: Option<String>,
    /// The movements that the sheet did not know.
    pub movements: Vec<MeanwhileView>,
    /// The promises that posting the stocktake now would cut; empty once it has been posted, when
    /// the stocktake itself tells which it did cut.
    pub would_cut: Vec<CutView>,
}

impl VarianceRow {
    /// The row of a line; while a blind count is open, an undecided line tells nothing. `promises`
    /// are those that posting may still cut.
    pub fn new(
        stocktake: &Stocktake,
        line: &Evaluated,
        books: &Books,
        lots: &BTreeMap<LotId, Lot>,
        promises: &[Promise],
    ) -> Self {
        let counted = line.counted();
        let hidden = is_hidden(stocktake) && counted.is_none();
        let round = match line.decision {
            Decision::Decided { round, .. } => Some(round),
            Decision::NotCounted | Decision::Waits(_) => None,
        };
        let told = match line.place() {
            Some(place) if !hidden => {
                books.explain(&place, stocktake.frozen_at, counted.map(|(_, at)| at))
            }
            _ => Vec::new(),
        };
        // The count's own movement is the outcome and no explanation; what is entered after it was
        // posted explains nothing of what was posted.
        let own = stocktake.id.as_str();
        let told = told.into_iter().filter(|(_, change)| {
            change.document.id != own
                && stocktake.posted_seq.is_none_or(|last| change.chain_seq <= last)
        });
        let movements = told.map(|(timing, change)| MeanwhileView {
            timing,
            movement_id: change.movement_id.clone(),
            kind: change.kind,
            document: DocumentRefView {
                kind: change.document.kind.clone(),
                id: change.document.id.clone(),
                number: change.document.number.clone(),
            },
            occurred_at: change.occurred_at,
            recorded_at: change.recorded_at,
            quantity_change: change.units,
        });
        Self {
            goods: CountedGoodsView::new(line, lots),
            several_lots: line.known == Known::Several,
            frozen: (!hidden).then_some(line.line.frozen),
            counted: counted.map(|(quantity, _)| quantity),
            counted_at: counted.map(|(_, at)| at),
            round,
            book: line.book,
            difference: line.difference(),
            unit_cost: line.unit_cost(),
            value: line.value(),
            reason_code: line.line.reason,
            reason_note: line.line.reason_note.clone(),
            movements: movements.collect(),
            would_cut: line.cuts(books, promises).iter().map(CutView::from).collect(),
        }
    }
}

/// A count that was entered.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CountView {
    /// Its id.
    pub id: CountId,
    /// The line.
    pub line: i64,
    /// The round.
    pub round: i64,
    /// Base units; absent where the count is withdrawn or hidden.
    pub quantity: Option<Quantity>,
    /// Whether it is hidden, because a blind count of the line is not decided yet.
    pub hidden: bool,
    /// Whether it takes the superseded count back: the line is then not counted in this round.
    pub withdrawn: bool,
    /// Business time of the count.
    pub counted_at: Instant,
    /// Who counted.
    pub counted_by: String,
    /// Who saw it.
    pub witnessed_by: String,
    /// Anything else.
    pub note: Option<String>,
    /// The entry that it replaces.
    pub supersedes: Option<CountId>,
    /// Why it replaces it.
    pub reason: Option<String>,
    /// The user who entered it.
    pub entered_by: String,
    /// When it was entered.
    pub recorded_at: Instant,
}

impl CountView {
    /// The view of an entry.
    pub fn new(entry: CountEntry, hidden: bool) -> Self {
        Self {
            id: entry.id,
            line: entry.line_no,
            round: entry.round,
            hidden,
            withdrawn: entry.quantity.is_none(),
            quantity: if hidden { None } else { entry.quantity },
            counted_at: entry.counted_at,
            counted_by: entry.counted_by,
            witnessed_by: entry.witnessed_by,
            note: entry.note,
            supersedes: entry.supersedes,
            reason: entry.reason,
            entered_by: entry.entered_by,
            recorded_at: entry.recorded_at,
        }
    }
}

/// What became of a count that was sent.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CountOutcomeView {
    /// The entry's id.
    pub id: CountId,
    /// The line.
    pub line: i64,
    /// The round.
    pub round: i64,
    /// `kept`, or `duplicate` where the same count was sent before.
    pub outcome: &'static str,
    /// The round that the line waits for now.
    pub waits_for: Option<i64>,
}

/// What became of counts that were sent.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CountsView {
    /// The stocktake.
    pub stocktake: StocktakeHead,
    /// The counts, in the order in which they were sent.
    pub counts: Vec<CountOutcomeView>,
}

/// How true the book was in one posted stocktake.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AccuracyRow {
    /// The stocktake.
    pub stocktake_id: StocktakeId,
    /// Its human number.
    pub number: String,
    /// The store.
    pub store_code: StoreCode,
    /// When it was posted.
    pub posted_at: Instant,
    /// Who counted.
    pub counters: Vec<String>,
    /// Its figures.
    #[serde(flatten)]
    pub figures: FiguresView,
}

impl From<StocktakeResult> for AccuracyRow {
    fn from(result: StocktakeResult) -> Self {
        Self {
            stocktake_id: result.stocktake_id,
            number: result.number,
            store_code: result.store_code,
            posted_at: result.posted_at,
            counters: result.counters,
            figures: result.figures.into(),
        }
    }
}

/// Accuracy over time.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AccuracyPage {
    /// Posted stocktakes, newest first.
    pub rows: Vec<AccuracyRow>,
    /// How many there are in all, whatever the page.
    pub stocktakes: i64,
    /// The figures of all of them together.
    pub totals: FiguresView,
    /// The same for each store, by its code.
    pub by_store: Vec<StoreAccuracyView>,
    /// Give this as `cursor` to get the next page; absent on the last.
    pub next_cursor: Option<String>,
}

/// Accuracy of one store over time.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StoreAccuracyView {
    /// The store.
    pub store_code: StoreCode,
    /// Posted stocktakes.
    pub stocktakes: i64,
    /// When the last was posted.
    pub last_posted_at: Instant,
    /// Their figures together.
    #[serde(flatten)]
    pub figures: FiguresView,
}

/// Stock that has not been counted for a while.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DueRow {
    /// The store.
    pub store_code: StoreCode,
    /// The item.
    pub item_code: ItemCode,
    /// The lot.
    pub lot_id: LotId,
    /// The number on the label.
    pub lot_number: Option<LotNumber>,
    /// The last day of use, where there is one.
    pub expires_on: Option<NaiveDate>,
    /// The state.
    pub state: StockState,
    /// When it was counted last; absent where it never was.
    pub last_counted_at: Option<Instant>,
    /// In which stocktake.
    pub last_stocktake: Option<String>,
    /// Whole days since then.
    pub days: Option<i64>,
}

impl DueRow {
    /// The row of some stock.
    pub fn new(due: Due, lots: &BTreeMap<LotId, Lot>, now: Instant) -> Self {
        let lot = lots.get(&due.lot_id).map(|lot| &lot.makers_lot);
        const DAY: i64 = 86_400_000_000;
        let days = due.last.as_ref().map(|(at, _)| (now.micros() - at.micros()).max(0) / DAY);
        Self {
            lot_number: lot.map(|lot| lot.lot_number.clone()),
            expires_on: lot.and_then(|lot| lot.expiry.date()),
            store_code: due.store_code,
            item_code: due.item_code,
            lot_id: due.lot_id,
            state: due.state,
            days,
            last_counted_at: due.last.as_ref().map(|(at, _)| *at),
            last_stocktake: due.last.map(|(_, number)| number),
        }
    }
}
