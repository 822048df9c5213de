//! Projections as tables: a row for each line, or for each of its days.

use crate::http::{Cell, Table};
use crate::kernel::{Bilingual, Refusal};
use crate::projection::line::Projected;
use crate::projection::simulation::Day;
use crate::projection::views::ProjectionRow;
use chrono::NaiveDate;

/// A table without rows yet.
pub fn empty(series: bool) -> Table {
    let (name, columns) = if series { ("projection_days", DAYS) } else { ("projections", LINES) };
    Table::new(name, columns.iter().map(|(zh, en)| Bilingual::new(*zh, *en)).collect())
}

/// Adds a line, or each of its days.
///
/// # Errors
/// `too_many_rows`.
pub fn push(table: &mut Table, line: &Projected, series: bool) -> Result<(), Refusal> {
    if !series {
        return table.push(line_row(&ProjectionRow::new(line)));
    }
    line.days.iter().try_for_each(|day| table.push(day_row(line, day)))
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
