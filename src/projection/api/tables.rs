//! Projections as tables: a row for each line, or for each of its days.

use crate::http::{Cell, Table};
use crate::kernel::{Bilingual, Refusal};
use crate::projection::queries::{Answer, Projected};
use crate::projection::simulation::Day;
use crate::projection::views::ProjectionRow;
use chrono::NaiveDate;

/// The whole of an answer.
///
/// # Errors
/// `too_many_rows`.
pub fn whole(answer: &Answer, series: bool) -> Result<Table, Refusal> {
    if series { by_day(answer) } else { by_line(answer) }
}

fn by_line(answer: &Answer) -> Result<Table, Refusal> {
    let columns = [
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
    let mut table = Table::new("projections", headings(&columns));
    for line in &answer.lines {
        let row = ProjectionRow::new(line, false);
        table.push(vec![
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
        ])?;
    }
    Ok(table)
}

fn by_day(answer: &Answer) -> Result<Table, Refusal> {
    let columns = [
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
    let mut table = Table::new("projection_days", headings(&columns));
    for line in &answer.lines {
        for day in line.simulation.iter().flat_map(|simulation| &simulation.days) {
            table.push(day_row(line, day))?;
        }
    }
    Ok(table)
}

fn day_row(line: &Projected, day: &Day) -> Vec<Cell> {
    let figures =
        [day.opening, day.arrivals, day.demand, day.served, day.unmet, day.expired, day.closing];
    [Cell::text(&line.store), Cell::text(&line.item), Cell::text(day.day)]
        .into_iter()
        .chain(figures.into_iter().map(Cell::from))
        .collect()
}

fn headings(columns: &[(&str, &str)]) -> Vec<Bilingual> {
    columns.iter().map(|(zh, en)| Bilingual::new(*zh, *en)).collect()
}

fn date(day: Option<NaiveDate>) -> Cell {
    day.map_or(Cell::Empty, Cell::text)
}
