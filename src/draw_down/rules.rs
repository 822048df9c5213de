//! When stock below its floor is taken, and when it is made good.

use crate::authority::Authority;
use crate::kernel::id::{DrawDownId, ReservePlanId};
use crate::kernel::{Code, Instant, ItemCode, Quantity, Refusal, StoreCode};
use crate::word_enum;
use chrono::NaiveDate;

word_enum! {
    /// What has become of a draw-down.
    pub enum DrawDownStatus {
        /// The reserve is still to be replenished.
        Open = "open",
        /// What was promised was given back before it left the store.
        Released = "released",
        /// The stock is at its floor again.
        Replenished = "replenished",
        /// A commander closed it below the floor, saying why.
        Closed = "closed",
    }
}

/// The floor that the plan in force gives an item at a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Floor {
    /// Base units that are reserve.
    pub quantity: Quantity,
    /// The plan version that says so.
    pub plan_id: ReservePlanId,
    /// Its version number.
    pub plan_version: i64,
}

/// Stock taken from below its floor for a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrawDown {
    /// Its id.
    pub id: DrawDownId,
    /// Whose reserve.
    pub store_code: StoreCode,
    /// Of what.
    pub item_code: ItemCode,
    /// Base units that this document took from below the floor.
    pub quantity: Quantity,
    /// Base units that were available after it.
    pub available_after: Quantity,
    /// The floor, and the plan version that gave it.
    pub floor: Floor,
    /// By whose word.
    pub authority: Authority,
    /// E.g. `dispatch`.
    pub document_kind: String,
    /// The document's id.
    pub document_id: String,
    /// Its number.
    pub document_number: String,
    /// Who took it.
    pub taken_by: String,
    /// When.
    pub taken_at: Instant,
    /// The day by which the reserve is to be made good.
    pub replenish_by: NaiveDate,
    /// What has become of it.
    pub status: DrawDownStatus,
    /// Who closed it.
    pub closed_by: Option<String>,
    /// When.
    pub closed_at: Option<Instant>,
    /// Why it was closed below the floor.
    pub note: Option<String>,
    /// Counts the changes.
    pub version: i64,
}

/// How much of `taken` comes from below the floor, where `after` is what remains available.
///
/// What was below the floor already before is not counted twice: only what this taking adds.
pub fn below_floor(after: Quantity, taken: Quantity, floor: Quantity) -> Quantity {
    floor.minus_or_zero(after).min(taken)
}

/// Whether a taking may cross the floor, and how much of it is reserve.
///
/// `Ok(None)` where the floor holds.
///
/// # Errors
/// `floor_crossed` where it does not and no authority is named: missing paper may be followed up,
/// a missing word may not.
pub fn draw_down(
    item: &ItemCode,
    after: Quantity,
    taken: Quantity,
    floor: Quantity,
    authority: Option<&Authority>,
) -> Result<Option<Quantity>, Refusal> {
    let below = below_floor(after, taken, floor);
    if below.is_zero() {
        return Ok(None);
    }
    if authority.is_some() {
        return Ok(Some(below));
    }
    Err(Refusal::new(
        Code::FloorCrossed,
        format!(
            "{item} 可用量将降至 {after}，低于储备下限 {floor}：动用储备须注明依据（authority）"
        ),
        format!("{item} would fall to {after}, below its floor of {floor}: name an authority"),
    )
    .with("item_code", item.as_str())
    .with("floor", floor.units())
    .with("available_after", after.units())
    .with("below_floor", below.units()))
}

/// Gives back what was promised but did not leave the store.
///
/// The part below the floor was taken last, so it is given back first.
pub fn give_back(draw_down: &DrawDown, released: Quantity) -> DrawDown {
    let quantity = draw_down.quantity.minus_or_zero(released);
    let status = if quantity.is_zero() { DrawDownStatus::Released } else { draw_down.status };
    DrawDown { quantity, status, version: draw_down.version + 1, ..draw_down.clone() }
}

/// Closes a draw-down: as replenished where `available` has reached the floor, else with a reason.
///
/// # Errors
/// `wrong_status` unless it is open; `floor_crossed` when the stock is still below the floor and
/// no note says why it is closed all the same.
pub fn close(
    draw_down: &DrawDown,
    available: Quantity,
    note: Option<String>,
    by: &str,
    at: Instant,
) -> Result<DrawDown, Refusal> {
    if draw_down.status != DrawDownStatus::Open {
        return Err(Refusal::new(
            Code::WrongStatus,
            format!("该动用记录的状态为 {}", draw_down.status),
            format!("The draw-down is {} already", draw_down.status),
        )
        .with("document_status", draw_down.status.as_str()));
    }
    let floor = draw_down.floor.quantity;
    let status = if available >= floor {
        DrawDownStatus::Replenished
    } else if note.is_some() {
        DrawDownStatus::Closed
    } else {
        return Err(Refusal::new(
            Code::FloorCrossed,
            format!("可用量 {available} 仍低于储备下限 {floor}：如需关闭请说明原因（note）"),
            format!("{available} are available, below the floor of {floor}: say why in note"),
        )
        .with("available", available.units())
        .with("floor", floor.units()));
    };
    Ok(DrawDown {
        status,
        closed_by: Some(by.to_owned()),
        closed_at: Some(at),
        note,
        version: draw_down.version + 1,
        ..draw_down.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::AuthorityKind;
    use proptest::prelude::*;

    fn units(n: i64) -> Quantity {
        Quantity::new(n).unwrap()
    }

    fn masks() -> ItemCode {
        ItemCode::new("M03").unwrap()
    }

    fn order() -> Authority {
        Authority {
            kind: AuthorityKind::Order,
            number: Some("18号".to_owned()),
            issued_by: "钟卫国".to_owned(),
            post: None,
            phone: None,
            issued_at: None,
            heard_by: None,
        }
    }

    fn open(quantity: i64) -> DrawDown {
        let now = Instant::parse("2026-01-15T04:00:00Z").unwrap();
        DrawDown {
            id: DrawDownId::generate(),
            store_code: StoreCode::new("QN-DEPOT").unwrap(),
            item_code: masks(),
            quantity: units(quantity),
            available_after: units(0),
            floor: Floor {
                quantity: units(100),
                plan_id: ReservePlanId::generate(),
                plan_version: 1,
            },
            authority: order(),
            document_kind: "dispatch".to_owned(),
            document_id: "1".to_owned(),
            document_number: "DB-QN-DEPOT-2026-000001".to_owned(),
            taken_by: "zeng".to_owned(),
            taken_at: now,
            replenish_by: crate::kernel::time::parse_date("2026-02-14").unwrap(),
            status: DrawDownStatus::Open,
            closed_by: None,
            closed_at: None,
            note: None,
            version: 1,
        }
    }

    #[test]
    fn stock_at_its_floor_is_no_draw_down() {
        let at_floor = draw_down(&masks(), units(100), units(50), units(100), None);
        assert_eq!(at_floor, Ok(None));
        assert_eq!(draw_down(&masks(), units(0), units(50), Quantity::ZERO, None), Ok(None));
    }

    #[test]
    fn a_floor_is_crossed_only_on_an_authority() {
        let refusal = draw_down(&masks(), units(80), units(50), units(100), None).unwrap_err();
        assert_eq!(refusal.code, Code::FloorCrossed);
        assert_eq!(refusal.facts["below_floor"], 20);
        let taken = draw_down(&masks(), units(80), units(50), units(100), Some(&order()));
        assert_eq!(taken, Ok(Some(units(20))));
    }

    #[test]
    fn what_was_below_the_floor_before_is_not_counted_twice() {
        let taken = draw_down(&masks(), units(10), units(50), units(100), Some(&order()));
        assert_eq!(taken, Ok(Some(units(50))));
    }

    #[test]
    fn what_did_not_leave_is_given_back() {
        let partly = give_back(&open(20), units(15));
        assert_eq!((partly.quantity, partly.status), (units(5), DrawDownStatus::Open));
        let wholly = give_back(&open(20), units(50));
        assert_eq!((wholly.quantity, wholly.status), (units(0), DrawDownStatus::Released));
    }

    #[test]
    fn a_draw_down_is_closed_at_its_floor_or_with_a_reason() {
        let now = Instant::parse("2026-02-01T04:00:00Z").unwrap();
        let shut = |available, note: Option<&str>| {
            close(&open(20), units(available), note.map(str::to_owned), "zhong", now)
        };
        assert_eq!(shut(100, None).unwrap().status, DrawDownStatus::Replenished);
        assert_eq!(shut(99, None).unwrap_err().code, Code::FloorCrossed);
        let closed = shut(99, Some("停产，改列新品")).unwrap();
        assert_eq!(closed.status, DrawDownStatus::Closed);
        let again = close(&closed, units(100), None, "zhong", now).unwrap_err();
        assert_eq!(again.code, Code::WrongStatus);
    }

    proptest! {
        #[test]
        fn takings_one_after_another_draw_down_what_they_would_together(
            stock in 0i64..500, floor in 0i64..500, first in 0i64..250, second in 0i64..250,
        ) {
            prop_assume!(first + second <= stock);
            let apart = below_floor(units(stock - first), units(first), units(floor)).units()
                + below_floor(units(stock - first - second), units(second), units(floor)).units();
            let both = units(first + second);
            let together = below_floor(units(stock - first - second), both, units(floor)).units();
            prop_assert_eq!(apart, together);
        }
    }
}
