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
        ("在订", "on order"),
        ("按时到货的订单", "orders arriving"),
        ("协议储备", "agreements"),
        ("产能储备", "capacity"),
        ("不可用或专用明细", "set apart"),
        ("现货缺口", "on-hand shortfall"),
        ("净缺口", "net shortfall"),
        ("替代物资", "substitutes"),
        ("替代后缺口", "shortfall after substitution"),
        ("富余", "surplus"),
        ("保障率%", "coverage %"),
        ("日均消耗", "daily use"),
        ("日均消耗（精确）", "daily use, exact"),
        ("消耗取自", "daily use from"),
        ("人工日耗有效至", "daily use set through"),
        ("可用天数", "days of cover"),
        ("断供日", "stock-out on"),
        ("预计过期", "expiry waste"),
        ("补足费用", "cost"),
        ("状态", "status"),
        ("库存区间", "band"),
        ("订货位置", "order position"),
        ("补足至", "order up to"),
        ("尚缺", "lacking"),
        ("建议订货", "suggested order"),
        ("订货包装", "order pack"),
        ("订货包数", "order packs"),
        ("订货费用", "order cost"),
        ("说明", "reasons"),
        ("最近流水或报告", "last report"),
        ("静默储备点推算可用", "estimated available"),
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
        line.expected.on_order.into(),
        line.expected.arriving.into(),
        line.expected.agreed.into(),
        line.expected.capacity.into(),
        Cell::text(set_apart(line)),
        Cell::of(figures.on_hand_shortfall),
        Cell::of(figures.net_shortfall),
        Cell::text(stand_ins(line)),
        Cell::of(line.substitution.as_ref().map(|of| of.still_missing)),
        Cell::of(figures.surplus),
        Cell::of(figures.coverage.map(percent)),
        tenths(line.consumption.adc),
        Cell::of(line.consumption.adc.map(|adc| adc.to_string())),
        Cell::text(line.consumption.method()),
        Cell::of(line.consumption.by_hand.map(|set| set.through_day.to_string())),
        tenths(figures.days_of_cover),
        Cell::of(projection.and_then(|projection| projection.stockout_on).map(|d| d.to_string())),
        Cell::of(projection.map(|projection| projection.total_waste)),
        Cell::of(line.cost),
        Cell::text(figures.status.as_str()),
        Cell::of(line.band.map(|band| band.to_string())),
        Cell::of(line.order.map(|order| order.position)),
        Cell::of(line.order.map(|order| order.up_to)),
        Cell::of(line.order.map(|order| order.lacking)),
        Cell::of(line.order.map(|order| order.quantity)),
        Cell::of(line.order.and(line.pack_code.clone())),
        Cell::of(line.order.map(|order| order.packs)),
        Cell::of(line.order.and_then(|order| order.cost)),
        Cell::text(reasons.join(" ")),
        Cell::of(line.last_report_at.map(|at| at.to_string())),
        Cell::of(line.estimated_available),
    ]
}

/// What nobody, or not everybody, may use: `expired 20; earmarked 5`.
fn set_apart(line: &Line) -> String {
    let parts = line.set_apart.iter().map(|(reason, quantity)| format!("{reason} {quantity}"));
    parts.collect::<Vec<_>>().join("; ")
}

/// What would stand in, in order: the substitute, how much of the shortfall it would cover, and of
/// its own units taken for it where that is another number: `M03 60; M04 30 (60)`.
fn stand_ins(line: &Line) -> String {
    let all = line.substitution.iter().flat_map(|of| &of.stand_ins);
    let parts = all.map(|one| match one.rate.is_one_for_one() {
        true => format!("{} {}", one.item, one.would_cover),
        false => format!("{} {} ({})", one.item, one.would_cover, one.would_take),
    });
    parts.collect::<Vec<_>>().join("; ")
}

/// What a table is about: a heading and a value on each line.
pub fn about(head: &Head) -> Vec<(Bilingual, Cell)> {
    let mut lines = vec![
        (Bilingual::new("计算时点", "as of"), Cell::text(head.as_of)),
        (Bilingual::new("据以计算的记录截至", "as known at"), Cell::text(head.as_known_at)),
        (Bilingual::new("最高响应级别", "gravest level"), Cell::text(head.level.as_str())),
        (
            Bilingual::new("净缺口计入截至该日到货", "net of what arrives by"),
            Cell::text(head.horizon_end),
        ),
        (Bilingual::new("替代用途", "use for substitutes"), Cell::text(head.scene)),
        (Bilingual::new("储备点数", "stores"), head.freshness.stores.into()),
        (
            Bilingual::new("其中按时有流水或报告", "of these heard of in time"),
            head.freshness.heard.into(),
        ),
        (
            Bilingual::new("最久未报告者的最近时间", "oldest report"),
            Cell::of(head.freshness.oldest_report_at.map(|at| at.to_string())),
        ),
        (
            Bilingual::new("列示而不抵减", "shown, never taken off"),
            Cell::text("agreements, capacity, substitutes 协议储备、产能储备、替代物资"),
        ),
    ];
    for PlanOfRegion { region_code, plan } in &head.plans {
        lines.push((
            Bilingual::new(format!("方案 {region_code}"), format!("plan of {region_code}")),
            Cell::text(format_args!("{} v{} {}", plan.number, plan.version, plan.name)),
        ));
    }
    lines
}
