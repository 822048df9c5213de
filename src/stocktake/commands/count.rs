//! Entering counts: kept line by line, round by round; nothing is overwritten.

use crate::catalogue::Item;
use crate::catalogue::packs::EnteredQuantity;
use crate::command::{CommandError, Done, Tx};
use crate::kernel::id::{CountId, LotId, StocktakeId};
use crate::kernel::{
    Bilingual, Code, FaultCode, Faults, Instant, ItemCode, LotNumber, Quantity, Refusal,
};
use crate::stock::records::find_lots;
use crate::stock::requests::{item_of, items_named, lot_id, optional_text, state};
use crate::stock::{Expiry, Lot, StockState};
use crate::stocktake::commands::found::label;
use crate::stocktake::commands::{locked, subject};
use crate::stocktake::counting::{Admission, CountEntry, Decision, admit, decide};
use crate::stocktake::queries::loaded::{Loaded, load};
use crate::stocktake::queries::lots_at;
use crate::stocktake::records::{self, LineFilter};
use crate::stocktake::requests::{CountBody, CountsRequest, LINES_MAX};
use crate::stocktake::rules::Action;
use crate::stocktake::sheet::{Goods, SheetLine, Stocktake};
use crate::stocktake::views::{CountOutcomeView, CountsView};
use std::collections::{BTreeMap, BTreeSet};

/// Enters what was counted.
///
/// # Errors
/// `not_found`, `wrong_status`; `validation_failed` with every fault; `already_counted` for lines
/// that have another count in this round; `lot_conflict` where the county's book knows a label
/// with another expiry.
pub fn enter_counts(
    tx: &mut Tx<'_>,
    id: &StocktakeId,
    request: &CountsRequest,
) -> Result<Done, CommandError> {
    let mut stocktake = locked(tx, id, Action::Count)?;
    let mut faults = Faults::new();
    let team = team(tx, &stocktake, request, &mut faults);
    let mut counting = Counting::begin(tx, &stocktake, request, &mut faults)?;
    let mut sent = Vec::with_capacity(request.counts.len());
    for (at, body) in request.counts.iter().enumerate() {
        let pointer = format!("/counts/{at}");
        let line = counting.line_of(tx, &stocktake, body, &pointer, &mut faults)?;
        let entry = counting.read(tx, &stocktake, body, line, team.as_ref(), &pointer, &mut faults);
        if let Some(entry) = entry {
            sent.push((pointer, entry));
        }
    }
    faults.check()?;
    let outcomes = counting.admit(&stocktake, sent)?;
    if !counting.kept.is_empty() {
        records::insert_lines(tx.conn, &stocktake.id, &counting.added)?;
        records::insert_counts(tx.conn, &stocktake.id, &counting.kept)?;
        stocktake.version = stocktake.version.saturating_add(1);
        records::update(tx.conn, &stocktake)?;
    }
    let counts = outcomes
        .into_iter()
        .map(|(id, line, round, outcome)| CountOutcomeView {
            waits_for: counting.decision(&stocktake, line).waits_for(),
            id,
            line,
            round,
            outcome,
        })
        .collect();
    let (subject, version) = (subject(&stocktake), stocktake.version);
    let view = CountsView { stocktake: stocktake.into(), counts };
    Ok(Done::created(subject, &view).version(version))
}

/// Who counts, in which round, when.
struct Team {
    round: i64,
    counted_at: Instant,
    counted_by: String,
    witnessed_by: String,
}

fn team(
    tx: &Tx<'_>,
    stocktake: &Stocktake,
    request: &CountsRequest,
    faults: &mut Faults,
) -> Option<Team> {
    let round = request.round.unwrap_or(1);
    if !(1..=3).contains(&round) {
        faults.add("/round", FaultCode::OutOfRange);
    }
    let counted_at = counted_at(tx, stocktake, request.counted_at.as_ref(), "/counted_at", faults);
    let counted_by = match &request.counted_by {
        None => Some(tx.actor.name.clone()),
        given => optional_text::<120>(given.as_ref(), "/counted_by", faults),
    };
    let witnessed_by = optional_text::<120>(Some(&request.witnessed_by), "/witnessed_by", faults);
    if request.counts.is_empty() {
        faults.add("/counts", FaultCode::TooShort);
    } else if request.counts.len() > LINES_MAX {
        faults.add("/counts", FaultCode::TooLong);
    }
    Some(Team {
        round,
        counted_at: counted_at?,
        counted_by: counted_by?,
        witnessed_by: witnessed_by?,
    })
}

/// Reads when something was counted: not before the sheet; what a fast clock says counts as now.
fn counted_at(
    tx: &Tx<'_>,
    stocktake: &Stocktake,
    given: Option<&String>,
    pointer: &str,
    faults: &mut Faults,
) -> Option<Instant> {
    let Some(text) = given else { return Some(tx.now) };
    let at =
        faults.keep(pointer, Instant::parse(text).map_err(|_shape| FaultCode::NotAnInstant))?;
    if at > tx.now.plus_minutes(tx.settings.future_minutes) {
        faults.add(pointer, FaultCode::InFuture);
        return None;
    }
    if at < stocktake.frozen_at {
        let frozen = stocktake.frozen_at;
        let message = Bilingual::new(
            format!("早于盘点表的账面时间 {frozen}"),
            format!("lies before the book of the sheet, {frozen}"),
        );
        faults.add_saying(pointer, FaultCode::OutOfRange, message);
        return None;
    }
    Some(at.min(tx.now))
}

/// The lines that a request speaks of, as they stand and as they become.
struct Counting {
    items: BTreeMap<ItemCode, Item>,
    named_lots: BTreeMap<LotId, Lot>,
    loaded: Loaded,
    entries: Vec<CountEntry>,
    last_line: i64,
    added: Vec<SheetLine>,
    kept: Vec<CountEntry>,
}

impl Counting {
    fn begin(
        tx: &mut Tx<'_>,
        stocktake: &Stocktake,
        request: &CountsRequest,
        faults: &mut Faults,
    ) -> Result<Self, CommandError> {
        let bodies = request.counts.iter().take(LINES_MAX);
        let numbers: Vec<i64> = bodies.clone().filter_map(|body| body.line).collect();
        let ids: Vec<LotId> =
            bodies.clone().filter_map(|body| LotId::try_from(body.lot_id.clone()?).ok()).collect();
        let named_lots = find_lots(tx.conn, &ids)?;
        let mut codes: BTreeSet<ItemCode> =
            records::items_of_lines(tx.conn, &stocktake.id, &numbers)?.into_iter().collect();
        codes.extend(named_lots.values().map(|lot| lot.makers_lot.item_code.clone()));
        codes.extend(bodies.filter_map(|body| ItemCode::new(body.item_code.as_deref()?).ok()));
        let items = items_named(tx, codes.iter().map(ItemCode::as_str))?;
        let filter =
            LineFilter { items: Some(codes.into_iter().collect()), ..LineFilter::default() };
        let loaded = load(tx.conn, stocktake, &filter)?;
        let range = loaded.lines.first().zip(loaded.lines.last());
        let entries = match range.map(|(a, b)| (a.line.line_no, b.line.line_no)) {
            Some(range) => records::counts(tx.conn, &stocktake.id, Some(range))?,
            None => Vec::new(),
        };
        let mut outside =
            items.values().filter(|item| !stocktake.coverage.includes(&item.code, item.category));
        if let Some(item) = outside.next() {
            let message = Bilingual::new(
                format!("物资 {} 不在本次盘点范围内", item.code),
                format!("item {} is not part of this stocktake", item.code),
            );
            faults.add_saying("/counts", FaultCode::Contradicts, message);
        }
        Ok(Self {
            items,
            named_lots,
            loaded,
            entries,
            last_line: records::last_line(tx.conn, &stocktake.id)?,
            added: Vec::new(),
            kept: Vec::new(),
        })
    }

    fn lines(&self) -> impl Iterator<Item = &SheetLine> {
        self.loaded.lines.iter().map(|line| &line.line).chain(&self.added)
    }

    /// The line that a count is of: on the sheet, or put on it now.
    fn line_of(
        &mut self,
        tx: &mut Tx<'_>,
        stocktake: &Stocktake,
        body: &CountBody,
        pointer: &str,
        faults: &mut Faults,
    ) -> Result<Option<SheetLine>, CommandError> {
        let state = match &body.state {
            None => None,
            Some(word) => match state(word, format!("{pointer}/state"), faults) {
                None => return Ok(None),
                known => known,
            },
        };
        match (body.line, &body.lot_id, &body.lot_number) {
            (Some(number), None, None) if body.item_code.is_none() && state.is_none() => {
                let found = self.lines().find(|line| line.line_no == number).cloned();
                Ok(faults.keep(format!("{pointer}/line"), found.ok_or(FaultCode::Unknown)))
            }
            (None, Some(id), None) if body.item_code.is_none() => {
                Ok(self.lot_line(id, state.unwrap_or(StockState::Available), pointer, faults))
            }
            (None, None, Some(number)) => {
                let code = body.item_code.as_deref().unwrap_or_default();
                let item = item_of(&self.items, code, pointer, faults).cloned();
                let number =
                    faults.keep(format!("{pointer}/lot_number"), LotNumber::new(number.trim()));
                match item.zip(number) {
                    Some((item, number)) => {
                        self.labelled(tx, stocktake, body, &item, &number, state, pointer, faults)
                    }
                    None => Ok(None),
                }
            }
            (None, None, None) => {
                faults.add(format!("{pointer}/line"), FaultCode::Required);
                Ok(None)
            }
            _ => {
                faults.add(format!("{pointer}/line"), FaultCode::Contradicts);
                Ok(None)
            }
        }
    }

    fn lot_line(
        &mut self,
        id: &str,
        state: StockState,
        pointer: &str,
        faults: &mut Faults,
    ) -> Option<SheetLine> {
        let at = format!("{pointer}/lot_id");
        let id = lot_id(id, &*at, faults)?;
        let lot = faults.keep(at, self.named_lots.get(&id).cloned().ok_or(FaultCode::Unknown))?;
        Some(self.line_for(lot.makers_lot.item_code, Goods::Lot(id), state))
    }

    /// The line of goods in a state, put on the sheet where it is not.
    fn line_for(&mut self, item_code: ItemCode, goods: Goods, state: StockState) -> SheetLine {
        let same = |line: &&SheetLine| {
            let same_goods = match (&line.goods, &goods) {
                (Goods::Lot(one), Goods::Lot(other)) => one == other,
                (Goods::Unknown(one), Goods::Unknown(other)) => {
                    line.item_code == item_code
                        && one.lot_number == other.lot_number
                        && one.maker == other.maker
                }
                _ => false,
            };
            same_goods && line.state == state
        };
        if let Some(known) = self.lines().find(same) {
            return known.clone();
        }
        self.last_line = self.last_line.saturating_add(1);
        let line = SheetLine {
            line_no: self.last_line,
            item_code,
            goods,
            state,
            frozen: Quantity::ZERO,
            added: true,
            reason: None,
            reason_note: None,
            approved_difference: None,
            outcome: None,
        };
        self.added.push(line.clone());
        line
    }

    /// The line of goods named by item and label.
    #[allow(
        clippy::too_many_arguments,
        reason = "a label, where it is written, and where faults go"
    )]
    fn labelled(
        &mut self,
        tx: &mut Tx<'_>,
        stocktake: &Stocktake,
        body: &CountBody,
        item: &Item,
        number: &LotNumber,
        given_state: Option<StockState>,
        pointer: &str,
        faults: &mut Faults,
    ) -> Result<Option<SheetLine>, CommandError> {
        let maker = optional_text::<120>(body.maker.as_ref(), format!("{pointer}/maker"), faults);
        let state = given_state.unwrap_or(StockState::Available);
        let here = self.lots_here(tx, stocktake, &item.code, number, maker.as_deref())?;
        match here.as_slice() {
            [one] => {
                return Ok(Some(self.line_for(item.code.clone(), Goods::Lot(one.clone()), state)));
            }
            [] => {}
            several => {
                let told: Vec<&str> = several.iter().map(LotId::as_str).collect();
                let message = Bilingual::new(
                    format!("该批号在本储备点有多个批次，请用 lot_id 指明：{}", told.join("、")),
                    format!(
                        "stands for several lots here, name one by lot_id: {}",
                        told.join(", ")
                    ),
                );
                faults.add_saying(format!("{pointer}/lot_number"), FaultCode::Contradicts, message);
                return Ok(None);
            }
        }
        let same = |line: &&SheetLine| {
            line.item_code == item.code
                && line.state == state
                && matches!(&line.goods, Goods::Unknown(label) if label.lot_number == *number
                    && maker.as_ref().is_none_or(|maker| *maker == label.maker))
        };
        if let Some(known) = self.lines().find(same) {
            return Ok(Some(known.clone()));
        }
        let Some(label) = label(tx, body, item, number, maker, pointer, faults)? else {
            return Ok(None);
        };
        let state = match given_state {
            None if label.expiry == Expiry::Unknown => StockState::PendingInspection,
            Some(StockState::Available) if label.expiry == Expiry::Unknown => {
                faults.add(format!("{pointer}/state"), FaultCode::Contradicts);
                return Ok(None);
            }
            _ => state,
        };
        Ok(Some(self.line_for(item.code.clone(), Goods::Unknown(label), state)))
    }

    /// The lots of the sheet with this label; where it has none, those that the store ever had.
    fn lots_here(
        &self,
        tx: &mut Tx<'_>,
        stocktake: &Stocktake,
        item: &ItemCode,
        number: &LotNumber,
        maker: Option<&str>,
    ) -> Result<Vec<LotId>, CommandError> {
        let of_label = |lot: &&Lot| {
            lot.makers_lot.item_code == *item
                && lot.makers_lot.lot_number == *number
                && maker.is_none_or(|maker| lot.makers_lot.maker == maker)
        };
        let ids: BTreeSet<&LotId> = self.lines().filter_map(|line| line.goods.lot()).collect();
        let lots = ids
            .into_iter()
            .filter_map(|id| self.loaded.lots.get(id).or_else(|| self.named_lots.get(id)));
        let on_sheet: Vec<LotId> = lots.filter(of_label).map(|lot| lot.id.clone()).collect();
        if !on_sheet.is_empty() {
            return Ok(on_sheet);
        }
        let mut ever = lots_at(tx.conn, &stocktake.store_code, std::slice::from_ref(item))?;
        let same = ever.remove(&(item.clone(), number.clone())).unwrap_or_default();
        let same = same.into_iter().filter(|(_, of)| maker.is_none_or(|maker| of == maker));
        Ok(same.map(|(id, _)| id).collect())
    }

    /// A count as it would be kept.
    #[allow(clippy::too_many_arguments, reason = "a line, who counted it, and where faults go")]
    fn read(
        &self,
        tx: &Tx<'_>,
        stocktake: &Stocktake,
        body: &CountBody,
        line: Option<SheetLine>,
        team: Option<&Team>,
        pointer: &str,
        faults: &mut Faults,
    ) -> Option<CountEntry> {
        let entered = EnteredQuantity {
            quantity: body.quantity,
            pack_code: body.pack_code.clone(),
            packs: body.packs,
            loose: body.loose,
        };
        let said = entered != EnteredQuantity::default();
        let item = line.as_ref().and_then(|line| self.items.get(&line.item_code));
        let quantity = match (body.withdrawn, said) {
            (true, false) => Some(None),
            (true, true) => {
                faults.add(format!("{pointer}/withdrawn"), FaultCode::Contradicts);
                None
            }
            (false, _) => {
                item.and_then(|item| entered.to_units_or_zero(item, pointer, faults)).map(Some)
            }
        };
        let at = format!("{pointer}/counted_at");
        let counted_at = match &body.counted_at {
            None => team.map(|team| team.counted_at),
            given => counted_at(tx, stocktake, given.as_ref(), &at, faults),
        };
        let note = optional_text::<200>(body.note.as_ref(), format!("{pointer}/note"), faults);
        let reason =
            optional_text::<200>(body.reason.as_ref(), format!("{pointer}/reason"), faults);
        let supersedes = match &body.supersedes {
            None => Some(None),
            Some(id) => {
                let id = CountId::try_from(id.clone()).map_err(|_shape| FaultCode::Unknown);
                faults.keep(format!("{pointer}/supersedes"), id).map(Some)
            }
        };
        let team = team?;
        Some(CountEntry {
            id: CountId::generate(),
            line_no: line?.line_no,
            round: team.round,
            quantity: quantity?,
            counted_at: counted_at?,
            counted_by: team.counted_by.clone(),
            witnessed_by: team.witnessed_by.clone(),
            note,
            supersedes: supersedes?,
            reason,
            entered_by: tx.actor.name.clone(),
            recorded_at: tx.now,
        })
    }

    /// Holds every count against those before it, and gathers what cannot be kept.
    fn admit(
        &mut self,
        stocktake: &Stocktake,
        sent: Vec<(String, CountEntry)>,
    ) -> Result<Vec<(CountId, i64, i64, &'static str)>, Refusal> {
        let mut faults = Faults::new();
        let mut taken: Vec<(String, CountEntry, CountId)> = Vec::new();
        let mut outcomes = Vec::with_capacity(sent.len());
        for (pointer, entry) in sent {
            let waits = self.decision(stocktake, entry.line_no) == Decision::Waits(3);
            match admit(&self.entries, &entry, waits) {
                Ok(Admission::Kept) => {
                    outcomes.push((entry.id.clone(), entry.line_no, entry.round, "kept"));
                    self.entries.push(entry.clone());
                    self.kept.push(entry);
                }
                Ok(Admission::Duplicate(id)) => {
                    outcomes.push((id, entry.line_no, entry.round, "duplicate"));
                }
                Ok(Admission::AlreadyCounted(id)) => taken.push((pointer, entry, id)),
                Err((field, code)) => faults.add(pointer_of(&pointer, field), code),
            }
        }
        faults.check()?;
        let Some((_, first, id)) = taken.first() else { return Ok(outcomes) };
        let (line, round) = (first.line_no, first.round);
        let mut refusal = Refusal::new(
            Code::AlreadyCounted,
            format!("第 {line} 行第 {round} 轮已有盘点数；录入有误请用 supersedes 更正并注明原因"),
            format!(
                "Line {line} has a count in round {round}; a slip is corrected by naming it in \
                 `supersedes`, with a reason"
            ),
        )
        .with("line", line)
        .with("round", round)
        .with("count_id", id.as_str());
        for (pointer, _, _) in &taken {
            refusal = refusal.at(pointer, FaultCode::Duplicate);
        }
        Err(refusal)
    }

    /// Where the counting of a line has come.
    fn decision(&self, stocktake: &Stocktake, line_no: i64) -> Decision {
        let line = self.loaded.lines.iter().find(|line| line.line.line_no == line_no);
        let place = line.and_then(crate::stocktake::outcome::Evaluated::place);
        let book = |moment| place.as_ref().map_or(0, |place| self.loaded.books.at(place, moment));
        decide(&self.entries, line_no, stocktake.rounds, book)
    }
}

/// What belongs to the whole request is pointed at there.
fn pointer_of(line: &str, field: &str) -> String {
    match field {
        "round" | "counted_by" | "witnessed_by" => format!("/{field}"),
        field => format!("{line}/{field}"),
    }
}
