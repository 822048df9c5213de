//! Shortfalls as tables, with the plan, the level and the times that they rest on.

use crate::http::Cell;
use crate::kernel::{Bilingual, Instant, Ratio};
use crate::reserve_plan::plan::PlanVersion;
use crate::shortfall::queries::Line;
use crate::shortfall::rules::percent;
use crate::shortfall::views::PlanOfRegion;
use crate::shortfall::views::stream::Head;

/// The headings of a table.
pub fn columns() -> Vec<Bilingual> {
    [
        ("储备点", "store"),
        ("物资", "item"),
        ("方案", "plan"),
        ("方案版本", "plan version"),
        ("响应级别", "level"),
        ("计算时点", "as of"),
        ("定额", "target"),
        ("下限", "floor"),
        ("上限", "ceiling"),
        ("账面", "on hand"),
        ("占用", "reserved"),
        ("不可用", "blocked"),
        ("可用", "available"),
        ("在途", "in transit"),
        ("按时到货", "arriving"),
        ("现货缺口", "on-hand shortfall"),
        ("净缺口", "net shortfall"),
        ("富余", "surplus"),
        ("保障率%", "coverage %"),
        ("日均消耗", "daily use"),
        ("可用天数", "days of cover"),
        ("断供日", "stock-out on"),
        ("预计过期", "expiry waste"),
        ("补足费用", "cost"),
        ("状态", "status"),
        ("说明", "reasons"),
        ("最近流水", "last report"),
    ]
    .into_iter()
    .map(|(zh, en)| Bilingual::new(zh, en))
    .collect()
}

/// A row of a table, a cell for each of [`columns`].
pub fn cells(line: &Line, plan: Option<&PlanVersion>, as_of: Instant) -> Vec<Cell> {
    let figures = &line.figures;
    let projection = line.projection.as_ref();
    let tenths = |ratio: Option<Ratio>| Cell::of(ratio.map(|ratio| ratio.to_decimal(1)));
    let reasons: Vec<&str> = line.reasons.iter().map(|reason| reason.as_str()).collect();
    vec![
        Cell::text(&line.store),
        Cell::text(&line.item),
        Cell::of(plan.map(|plan| plan.number.clone())),
        Cell::of(plan.map(|plan| plan.version)),
        Cell::text(line.level.as_str()),
        Cell::text(as_of),
        Cell::of(line.target.as_ref().ok().map(|target| target.quantity)),
        Cell::of(line.plan_line.line.floor_at(line.level)),
        Cell::of(line.plan_line.line.ceiling),
        line.on_hand.into(),
        line.reserved.into(),
        line.blocked.into(),
        line.available.into(),
        line.in_transit_in.into(),
        line.arriving.into(),
        Cell::of(figures.on_hand_shortfall),
        Cell::of(figures.net_shortfall),
        Cell::of(figures.surplus),
        Cell::of(figures.coverage.map(percent)),
        tenths(line.consumption.adc),
        tenths(figures.days_of_cover),
        Cell::of(projection.and_then(|projection| projection.stockout_on).map(|d| d.to_string())),
        Cell::of(projection.map(|projection| projection.total_waste)),
        Cell::of(line.cost),
        Cell::text(figures.status.as_str()),
        Cell::text(reasons.join(" ")),
        Cell::of(line.last_report_at.map(|at| at.to_string())),
    ]
}

/// What a table is about: a heading and a value on each line.
pub fn about(head: &Head) -> Vec<(Bilingual, Cell)> {
    let mut lines = vec![
        (Bilingual::new("计算时点", "as of"), Cell::text(head.as_of)),
        (Bilingual::new("据以计算的记录截至", "as known at"), Cell::text(head.as_known_at)),
        (Bilingual::new("最高响应级别", "gravest level"), Cell::text(head.level.as_str())),
    ];
    for PlanOfRegion { region_code, plan } in &head.plans {
        lines.push((
            Bilingual::new(format!("方案 {region_code}"), format!("plan of {region_code}")),
            Cell::text(format_args!("{} v{} {}", plan.number, plan.version, plan.name)),
        ));
    }
    lines
}
