//! What may be done with a stocktake, by whom, and when it is ready: pure, told the facts.

use crate::config::Settings;
use crate::kernel::{Code, Money, Refusal};
use crate::stock::CountMark;
use crate::stocktake::accuracy::Figures;
use crate::stocktake::counting::{CountEntry, Decision, same_person};
use crate::stocktake::outcome::{Evaluated, Known};
use crate::stocktake::sheet::{NotCounted, Stocktake, StocktakeStatus};
use crate::stocktake::variance::Books;

/// What can be done with a stocktake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Enter counts.
    Count,
    /// Give reasons for differences.
    Explain,
    /// Hand the counts in.
    Submit,
    /// Send it back for counting.
    Reopen,
    /// Approve the differences.
    Approve,
    /// Make the book follow the count.
    Post,
    /// Give it up.
    Cancel,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 7] = [
        Self::Count,
        Self::Explain,
        Self::Submit,
        Self::Reopen,
        Self::Approve,
        Self::Post,
        Self::Cancel,
    ];

    /// In which status it may be done.
    const fn allowed_in(self, status: StocktakeStatus) -> bool {
        use StocktakeStatus::{Approved, Cancelled, Open, Posted, Submitted};
        match (self, status) {
            (_, Posted | Cancelled) => false,
            (Self::Count | Self::Submit, _) => matches!(status, Open),
            (Self::Explain, _) => matches!(status, Open | Submitted),
            (Self::Reopen | Self::Approve, _) => matches!(status, Submitted | Approved),
            (Self::Post | Self::Cancel, _) => true,
        }
    }

    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Count => ("录入盘点数", "counted"),
            Self::Explain => ("填写原因", "explained"),
            Self::Submit => ("提交", "submitted"),
            Self::Reopen => ("退回", "sent back"),
            Self::Approve => ("审批", "approved"),
            Self::Post => ("过账", "posted"),
            Self::Cancel => ("作废", "given up"),
        }
    }
}

/// Requires a status in which an action may be done.
///
/// # Errors
/// `wrong_status` with the status.
pub fn allow(stocktake: &Stocktake, action: Action) -> Result<(), Refusal> {
    if action.allowed_in(stocktake.status) {
        return Ok(());
    }
    let (zh, en) = action.names();
    let (number, status) = (&stocktake.number, stocktake.status);
    Err(Refusal::new(
        Code::WrongStatus,
        format!("盘点单 {number} 处于 {status} 状态，不能{zh}"),
        format!("Stocktake {number} is {status} and cannot be {en}"),
    )
    .with("document_status", status.as_str()))
}

/// Requires an approver who neither made nor submitted the stocktake, nor counted, witnessed or
/// entered any of it; `names` are those under which the approver may be known.
///
/// # Errors
/// `own_document`.
pub fn approve_as_another(
    stocktake: &Stocktake,
    entries: &[CountEntry],
    names: &[&str],
) -> Result<(), Refusal> {
    let steps = [Some(&stocktake.created), stocktake.submitted.as_ref()];
    let made = steps.into_iter().flatten().map(|step| step.by.as_str());
    let counted = entries.iter().flat_map(|entry| {
        [entry.counted_by.as_str(), entry.witnessed_by.as_str(), entry.entered_by.as_str()]
    });
    let took_part = made.chain(counted).any(|who| names.iter().any(|name| same_person(who, name)));
    if took_part {
        return Err(Refusal::new(
            Code::OwnDocument,
            format!("盘点单 {} 须由未参与盘点的人审批", stocktake.number),
            format!("Stocktake {} is approved by someone who took no part in it", stocktake.number),
        ));
    }
    Ok(())
}

/// Requires every line to be counted and decided, and every difference to have a reason.
///
/// # Errors
/// `count_incomplete`, naming the lines that are not counted (unless they keep the book), that
/// wait for another round, that are known under several lots, and that differ without a reason.
pub fn complete(
    stocktake: &Stocktake,
    not_counted: NotCounted,
    lines: &[Evaluated],
) -> Result<(), Refusal> {
    let numbers = |wanted: &dyn Fn(&Evaluated) -> bool| -> Vec<i64> {
        lines.iter().filter(|line| wanted(line)).map(|line| line.line.line_no).collect()
    };
    let blank = numbers(&|line| line.decision == Decision::NotCounted && !line.is_void());
    let waiting = numbers(&|line| matches!(line.decision, Decision::Waits(_)));
    let several = numbers(&|line| line.known == Known::Several && line.counted().is_some());
    let unexplained =
        numbers(&|line| line.difference().is_some_and(|d| d != 0) && line.line.reason.is_none());
    let nothing = lines.iter().all(|line| line.counted().is_none());
    let blank_matters = !blank.is_empty() && (nothing || not_counted == NotCounted::Refuse);
    if !blank_matters
        && !nothing
        && waiting.is_empty()
        && several.is_empty()
        && unexplained.is_empty()
    {
        return Ok(());
    }
    let told = if blank_matters { blank } else { Vec::new() };
    Err(Refusal::new(
        Code::CountIncomplete,
        format!(
            "盘点单 {}：未盘 {} 行，待复盘 {} 行，批次不明 {} 行，差异未注明原因 {} 行",
            stocktake.number,
            told.len(),
            waiting.len(),
            several.len(),
            unexplained.len()
        ),
        format!(
            "Stocktake {}: {} lines not counted, {} wait for another round, {} of several lots, \
             {} differ without a reason",
            stocktake.number,
            told.len(),
            waiting.len(),
            several.len(),
            unexplained.len()
        ),
    )
    .with("not_counted", told)
    .with("waiting", waiting)
    .with("several_lots", several)
    .with("without_reason", unexplained))
}

/// Whether differences need another user's approval: above either limit.
pub fn needs_approval(figures: &Figures, settings: &Settings) -> bool {
    figures.absolute_units > settings.stocktake_units.units()
        || Money::from_ten_thousandths(figures.absolute_value) > settings.stocktake_value
}

/// Requires the approval that differences need, and of these very differences.
///
/// # Errors
/// `approval_required` with the figures and limits, or with the lines that changed since.
pub fn approved_or_small(
    stocktake: &Stocktake,
    figures: &Figures,
    lines: &[Evaluated],
    settings: &Settings,
) -> Result<(), Refusal> {
    if !needs_approval(figures, settings) {
        return Ok(());
    }
    let value = Money::from_ten_thousandths(figures.absolute_value);
    let facts = |refusal: Refusal| {
        refusal
            .with("units", figures.absolute_units)
            .with("value", value.to_string())
            .with("limit_units", settings.stocktake_units.units())
            .with("limit_value", settings.stocktake_value.to_string())
    };
    if stocktake.approved.is_none() {
        return Err(facts(Refusal::new(
            Code::ApprovalRequired,
            format!(
                "盘点单 {} 差异合计 {}（{value} 元），须由指挥部审批",
                stocktake.number, figures.absolute_units
            ),
            format!(
                "Stocktake {} differs by {} in all ({value} yuan): another user must approve it",
                stocktake.number, figures.absolute_units
            ),
        )));
    }
    let changed: Vec<i64> = lines
        .iter()
        .filter(|line| line.difference() != line.line.approved_difference)
        .map(|line| line.line.line_no)
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    Err(facts(Refusal::new(
        Code::ApprovalRequired,
        format!("盘点单 {} 审批后有 {} 行差异已变，须重新审批", stocktake.number, changed.len()),
        format!(
            "{} lines of stocktake {} changed since the approval: approve it again",
            changed.len(),
            stocktake.number
        ),
    ))
    .with("changed", changed))
}

/// Requires the count of a line to be the newest of its lot, and the later book to bear it.
///
/// # Errors
/// `absorbed_by_count` where a later count is posted already; `late_entry` where the difference
/// would take the book of a later moment below zero.
pub fn fits(line: &Evaluated, books: &Books, marks: &[CountMark]) -> Result<(), Refusal> {
    let (Some(place), Some((counted, counted_at)), Some(difference)) =
        (line.place(), line.counted(), line.difference())
    else {
        return Ok(());
    };
    let number = line.line.line_no;
    let later = marks.iter().find(|mark| {
        mark.lot_id == place.0 && mark.state == place.1 && mark.counted_at > counted_at
    });
    if let Some(mark) = later {
        let (other, at) = (&mark.document_number, mark.counted_at);
        return Err(Refusal::new(
            Code::AbsorbedByCount,
            format!("第 {number} 行：盘点单 {other} 已于 {at} 更晚盘点该批次，请撤回或重新盘点"),
            format!("Line {number}: {other} counted the lot later, at {at}: withdraw or recount"),
        )
        .with("line", number)
        .with("stocktake_number", other.as_str())
        .with("counted_at", at.to_string()));
    }
    let lowest = books.lowest_since(&place, counted_at).saturating_add(difference);
    if difference >= 0 || lowest >= 0 {
        return Ok(());
    }
    let short = lowest.saturating_abs();
    Err(Refusal::new(
        Code::LateEntry,
        format!(
            "第 {number} 行批次 {}：{counted_at} 盘得 {counted}，之后账上的出库比实有多 {short}，\
             请核对盘点数或之后的出库",
            place.0
        ),
        format!(
            "Line {number}, lot {}: {counted} were there at {counted_at}, and {short} more than \
             that left the book later: check the count or what was issued since",
            place.0
        ),
    )
    .with("line", number)
    .with("lot_id", place.0.as_str())
    .with("counted", counted.units())
    .with("counted_at", counted_at.to_string())
    .with("below_zero_by", short))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::id::{CountId, LotId, StocktakeId};
    use crate::kernel::{Instant, ItemCode, Quantity, StoreCode};
    use crate::stock::{ReasonCode, StockState};
    use crate::stocktake::sheet::{Coverage, Goods, SheetLine, Step};

    fn now() -> Instant {
        Instant::parse("2026-03-02T02:00:00Z").unwrap()
    }

    fn step(by: &str) -> Step {
        Step { by: by.to_owned(), at: now() }
    }

    fn stocktake(status: StocktakeStatus) -> Stocktake {
        Stocktake {
            id: StocktakeId::generate(),
            number: "PD-QN-DEPOT-2026-000001".to_owned(),
            store_code: StoreCode::new("QN-DEPOT").unwrap(),
            status,
            coverage: Coverage::Whole,
            blind: true,
            rounds: 1,
            not_counted: NotCounted::Refuse,
            note: None,
            frozen_at: now(),
            frozen_seq: 0,
            created: step("keeper"),
            submitted: None,
            approved: None,
            ended: None,
            posted_seq: None,
            decision_note: None,
            version: 1,
        }
    }

    fn line(book: i64, counted: Option<i64>) -> Evaluated {
        let decision = counted.map_or(Decision::NotCounted, |units| Decision::Decided {
            quantity: Quantity::new(units).unwrap(),
            counted_at: now(),
            round: 1,
        });
        let lot = LotId::generate();
        Evaluated {
            line: SheetLine {
                line_no: 1,
                item_code: ItemCode::new("M02").unwrap(),
                goods: Goods::Lot(lot.clone()),
                state: StockState::Available,
                frozen: Quantity::new(book).unwrap(),
                added: false,
                reason: None,
                reason_note: None,
                approved_difference: None,
                outcome: None,
            },
            known: Known::Lot(lot, Some(Money::parse("2.50").unwrap())),
            book: counted.map(|_| book),
            decision,
            rounds_counted: i64::from(counted.is_some()),
        }
    }

    #[test]
    fn every_action_is_allowed_in_its_statuses_and_refused_in_all_others() {
        use Action::{Approve, Cancel, Count, Explain, Post, Reopen, Submit};
        use StocktakeStatus::{Approved, Cancelled, Open, Posted, Submitted};
        let matrix: [(StocktakeStatus, &[Action]); 5] = [
            (Open, &[Count, Explain, Submit, Post, Cancel]),
            (Submitted, &[Explain, Reopen, Approve, Post, Cancel]),
            (Approved, &[Reopen, Approve, Post, Cancel]),
            (Posted, &[]),
            (Cancelled, &[]),
        ];
        assert_eq!(matrix.len(), StocktakeStatus::ALL.len());
        for (status, allowed) in matrix {
            for action in Action::ALL {
                let answer = allow(&stocktake(status), action);
                assert_eq!(answer.is_ok(), allowed.contains(&action), "{action:?} in {status}");
                if let Err(refusal) = answer {
                    assert_eq!(refusal.code, Code::WrongStatus);
                }
            }
        }
    }

    #[test]
    fn who_took_part_does_not_approve() {
        let mut own = stocktake(StocktakeStatus::Submitted);
        own.submitted = Some(step("deputy"));
        let entry = CountEntry {
            id: CountId::generate(),
            line_no: 1,
            round: 1,
            quantity: Some(Quantity::ZERO),
            counted_at: now(),
            counted_by: "曾小兰".to_owned(),
            witnessed_by: "commander".to_owned(),
            note: None,
            supersedes: None,
            reason: None,
            entered_by: "li".to_owned(),
            recorded_at: now(),
        };
        let approve = |names: &[&str]| {
            approve_as_another(&own, std::slice::from_ref(&entry), names).map_err(|r| r.code)
        };
        for part in ["keeper", "Deputy", "commander", "LI", "曾 小兰"] {
            assert_eq!(approve(&["x", part]), Err(Code::OwnDocument), "{part}");
        }
        assert_eq!(approve(&["chief", "钟卫国"]), Ok(()));
    }

    #[test]
    fn what_is_not_counted_not_decided_or_not_explained_is_named() {
        let open = stocktake(StocktakeStatus::Open);
        let check = |policy, lines: &[Evaluated]| complete(&open, policy, lines);
        let exact = line(5, Some(5));
        let blank =
            Evaluated { line: SheetLine { line_no: 2, ..line(5, None).line }, ..line(5, None) };
        let off = Evaluated {
            line: SheetLine { line_no: 3, ..line(5, Some(4)).line },
            ..line(5, Some(4))
        };
        let mut explained = off.clone();
        explained.line.reason = Some(ReasonCode::Lost);
        let waiting = Evaluated { decision: Decision::Waits(3), book: None, ..off.clone() };
        let several = Evaluated { known: Known::Several, ..exact.clone() };
        let named = |lines: &[Evaluated], policy, fact: &str| {
            check(policy, lines).unwrap_err().facts[fact].clone()
        };
        assert!(check(NotCounted::Refuse, &[exact.clone(), explained]).is_ok());
        let both = [exact.clone(), blank.clone()];
        assert_eq!(named(&both, NotCounted::Refuse, "not_counted"), serde_json::json!([2]));
        assert!(check(NotCounted::Keep, &both).is_ok());
        assert_eq!(named(&[off], NotCounted::Keep, "without_reason"), serde_json::json!([3]));
        assert_eq!(named(&[waiting], NotCounted::Keep, "waiting"), serde_json::json!([3]));
        assert_eq!(named(&[several], NotCounted::Keep, "several_lots"), serde_json::json!([1]));
        assert_eq!(named(&[blank], NotCounted::Keep, "not_counted"), serde_json::json!([2]));
        assert_eq!(check(NotCounted::Keep, &[]).unwrap_err().code, Code::CountIncomplete);
        let mut slip = line(0, None);
        slip.line.added = true;
        assert!(check(NotCounted::Refuse, &[exact, slip]).is_ok(), "a withdrawn find is no line");
    }

    #[test]
    fn differences_above_either_limit_need_an_approval_of_themselves() {
        let settings = Settings {
            stocktake_units: Quantity::new(10).unwrap(),
            stocktake_value: Money::parse("20").unwrap(),
            ..Settings::default()
        };
        let check = |stocktake: &Stocktake, lines: &[Evaluated]| {
            approved_or_small(stocktake, &Figures::of(lines), lines, &settings).map_err(|r| r.code)
        };
        let open = stocktake(StocktakeStatus::Open);
        assert_eq!(check(&open, &[line(100, Some(92))]), Ok(()));
        assert_eq!(check(&open, &[line(100, Some(91))]), Err(Code::ApprovalRequired));
        let cheap = |book, counted| {
            let mut line = line(book, Some(counted));
            line.known = Known::Lot(LotId::generate(), None);
            line
        };
        assert_eq!(check(&open, &[cheap(100, 90)]), Ok(()));
        assert_eq!(check(&open, &[cheap(100, 94), cheap(0, 5)]), Err(Code::ApprovalRequired));
        let mut approved = stocktake(StocktakeStatus::Approved);
        approved.approved = Some(step("commander"));
        let mut large = line(100, Some(50));
        large.line.approved_difference = Some(-50);
        assert_eq!(check(&approved, &[large.clone()]), Ok(()));
        large.book = Some(101);
        assert_eq!(check(&approved, &[large]), Err(Code::ApprovalRequired));
    }

    #[test]
    fn a_count_that_a_later_one_or_a_later_issue_overtook_is_refused() {
        let counted = line(10, Some(4));
        let place = counted.place().unwrap();
        let mark = |minutes: i64| CountMark {
            store_code: StoreCode::new("QN-DEPOT").unwrap(),
            lot_id: place.0.clone(),
            state: place.1,
            document_id: "other".to_owned(),
            document_number: "PD-QN-DEPOT-2026-000009".to_owned(),
            counted: Quantity::ZERO,
            counted_at: now().plus_minutes(minutes),
            recorded_at: now(),
        };
        let enough = Books { on_hand: [(place.clone(), 10)].into(), ..Books::default() };
        assert_eq!(fits(&counted, &enough, &[mark(0)]), Ok(()));
        let refused = fits(&counted, &enough, &[mark(1)]).unwrap_err();
        assert_eq!(refused.code, Code::AbsorbedByCount);
        assert_eq!(refused.facts["stocktake_number"], "PD-QN-DEPOT-2026-000009");
        let gone = Books { on_hand: [(place.clone(), 5)].into(), ..Books::default() };
        let refused = fits(&counted, &gone, &[]).unwrap_err();
        assert_eq!((refused.code, &refused.facts["below_zero_by"]), (Code::LateEntry, &1.into()));
    }
}
