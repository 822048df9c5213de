//! Projections as tables: a row for each line, or for each of its days.

use crate::http::{Cell, Table};
use crate::kernel::{Bilingual, Refusal};
use crate::projection::line::{Projected, Rotation};
use crate::projection::queries::asked::Asked;
use crate::projection::simulation::Day;
use crate::projection::views::ProjectionRow;
use chrono::NaiveDate;

/// What the rows of a table are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowsOf {
    /// A line each.
    Lines,
    /// A day of a line each.
    Days,
    /// A lot of a line that will expire and a store that could use it each; one row without a store
    /// where none could.
    Rotation,
}

impl RowsOf {
    /// The rows that a question asks for.
    pub fn asked(asked: &Asked) -> Self {
        match (asked.rotation, asked.series) {
            (true, _) => Self::Rotation,
            (false, true) => Self::Days,
            (false, false) => Self::Lines,
        }
    }
}

/// A table without rows yet.
pub fn empty(rows_of: RowsOf) -> Table {
    let (name, columns) = match rows_of {
        RowsOf::Lines => ("projections", LINES),
        RowsOf::Days => ("projection_days", DAYS),
        RowsOf::Rotation => ("rotation", ROTATION),
    };
    Table::new(name, columns.iter().map(|(zh, en)| Bilingual::new(*zh, *en)).collect())
}

/// Adds the rows of a line.
///
/// # Errors
/// `too_many_rows`.
pub fn push(table: &mut Table, line: &Projected, rows_of: RowsOf) -> Result<(), Refusal> {
    match rows_of {
        RowsOf::Lines => table.push(line_row(&ProjectionRow::new(line))),
        RowsOf::Days => line.days.iter().try_for_each(|day| table.push(day_row(line, day))),
        RowsOf::Rotation => {
            line.rotations.iter().flatten().try_for_each(|lot| push_lot(table, line, lot))
        }
    }
}

fn push_lot(table: &mut Table, line: &Projected, lot: &Rotation) -> Result<(), Refusal> {
    let of_lot = || {
        vec![
            Cell::text(&line.store),
            Cell::text(&line.item),
            Cell::text(&lot.lot_number),
            Cell::text(lot.usable_until),
            lot.waste.into(),
        ]
    };
    if lot.candidates.is_empty() {
        let mut row = of_lot();
        row.resize(ROTATION.len(), Cell::Empty);
        return table.push(row);
    }
    lot.candidates.iter().try_for_each(|there| {
        let mut row = of_lot();
        row.extend([
            Cell::text(&there.store),
            there.gain.could_use.into(),
            there.gain.covers_unmet.into(),
            Cell::text(there.arrives_on),
            Cell::Number(there.lead.days),
            Cell::Number(there.days_left),
            Cell::of(there.distance_m),
        ]);
        table.push(row)
    })
}

const LINES: &[(&str, &str)] = &[
    ("储备点", "store_code"),
    ("物资", "item_code"),
    ("需求来源", "demand_from"),
    ("日均消耗", "adc"),
    ("定额", "target"),
    ("下限", "floor"),
    ("可用", "available"),
    ("在途到货", "arriving"),
    ("供应", "served"),
    ("未满足", "unmet"),
    ("期末", "closing"),
    ("断货日", "stockout_on"),
    ("低于下限日", "below_floor_on"),
    ("低于定额日", "below_target_on"),
    ("最迟调拨日", "last_dispatch_on"),
    ("调拨已晚", "dispatch_too_late"),
    ("最迟采购日", "last_order_on"),
    ("采购已晚", "order_too_late"),
    ("到期报废", "waste"),
    ("报废金额", "waste_cost"),
    ("可轮换上限", "largest_rotatable"),
    ("最近流水或报告", "last_report_at"),
];

const ROTATION: &[(&str, &str)] = &[
    ("储备点", "store_code"),
    ("物资", "item_code"),
    ("批号", "lot_number"),
    ("有效期至", "expires_on"),
    ("将到期报废", "waste"),
    ("可调往", "to_store_code"),
    ("那里可用", "could_use"),
    ("其中补其缺口", "covers_unmet"),
    ("到达日", "arrives_on"),
    ("途中天数", "transfer_days"),
    ("到达后剩余天数", "days_left_on_arrival"),
    ("距离（米）", "distance_m"),
];

const DAYS: &[(&str, &str)] = &[
    ("储备点", "store_code"),
    ("物资", "item_code"),
    ("日期", "day"),
    ("期初", "opening"),
    ("到货", "arrivals"),
    ("需求", "demand"),
    ("供应", "served"),
    ("未满足", "unmet"),
    ("报废", "expired"),
    ("期末", "closing"),
];

fn line_row(row: &ProjectionRow) -> Vec<Cell> {
    vec![
        Cell::text(&row.store_code),
        Cell::text(&row.item_code),
        Cell::text(row.demand_from),
        row.adc.map_or(Cell::Empty, Cell::text),
        Cell::of(row.target),
        Cell::of(row.floor),
        row.available.into(),
        row.arriving.into(),
        Cell::of(row.served),
        Cell::of(row.unmet),
        Cell::of(row.closing),
        date(row.stockout_on),
        date(row.below_floor_on),
        date(row.below_target_on),
        date(row.last_dispatch.on),
        row.last_dispatch.too_late.map_or(Cell::Empty, Cell::text),
        date(row.last_order.on),
        row.last_order.too_late.map_or(Cell::Empty, Cell::text),
        Cell::of(row.waste),
        Cell::of(row.waste_cost),
        Cell::of(row.largest_rotatable),
        row.last_report_at.map_or(Cell::Empty, Cell::text),
    ]
}

fn day_row(line: &Projected, day: &Day) -> Vec<Cell> {
    let figures =
        [day.opening, day.arrivals, day.demand, day.served, day.unmet, day.expired, day.closing];
    [Cell::text(&line.store), Cell::text(&line.item), Cell::text(day.day)]
        .into_iter()
        .chain(figures.into_iter().map(Cell::from))
        .collect()
}

fn date(day: Option<NaiveDate>) -> Cell {
    day.map_or(Cell::Empty, Cell::text)
}
