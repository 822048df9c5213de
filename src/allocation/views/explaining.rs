//! Why so much, why not more, and why out of these lots: in words that people can check.

use crate::allocation::inputs::{CostFrom, Inputs, PartInput, RecipientInput, Shut};
use crate::allocation::outcome::{AwardOutcome, Limit};
use crate::allocation::problem::Measure;
use crate::allocation::proposal::Line;
use crate::kernel::Ratio;
use crate::shortfall::views::BothLanguages;
use crate::stock::fefo::PassedOverBecause;

/// Sentences in both languages, put one after the other.
#[derive(Default)]
struct Sentences {
    zh: Vec<String>,
    en: Vec<String>,
}

impl Sentences {
    fn say(&mut self, zh: impl Into<String>, en: impl Into<String>) {
        self.zh.push(zh.into());
        self.en.push(en.into());
    }

    fn told(self) -> BothLanguages {
        BothLanguages::new(self.zh.join("；") + "。", self.en.join("; ") + ".")
    }
}

/// A level for people: two decimals of days, or whole percents.
fn shown(level: Option<Ratio>, measure: Measure) -> (String, String) {
    let Some(level) = level else { return ("未知".to_owned(), "unknown".to_owned()) };
    match measure {
        Measure::DaysOfCover => {
            let days = level.to_decimal(2);
            (format!("{days} 天"), format!("{days} days"))
        }
        Measure::Coverage | Measure::Need => {
            let percent = level.times(Ratio::whole(100)).unwrap_or(level).to_decimal(1);
            (format!("{percent}%"), format!("{percent} %"))
        }
    }
}

/// Why a recipient was proposed so much, and why not more.
pub fn why_this_much(
    known: &RecipientInput,
    award: &AwardOutcome,
    part: &PartInput,
    inputs: &Inputs,
) -> BothLanguages {
    let mut words = Sentences::default();
    let (before, after) =
        (shown(award.level_before, award.measured_by), shown(award.level_after, award.measured_by));
    words.say(
        format!(
            "现有水平 {}，分得 {} 包（{} 单位）后为 {}",
            before.0, award.packs, award.quantity, after.0
        ),
        format!(
            "from {} to {} with {} packs ({} units)",
            before.1, after.1, award.packs, award.quantity
        ),
    );
    let coming = known.arriving.plus_capped(known.promised);
    if !coming.is_zero() {
        words.say(
            format!("在途与已批未发 {coming} 已计入"),
            format!("{coming} on the way or promised to it are counted in"),
        );
    }
    if inputs.terms.measure == Measure::DaysOfCover && award.measured_by != Measure::DaysOfCover {
        words.say(
            "日均消耗未知，排在其他储备点之后按覆盖率分配",
            "its daily use is unknown, so it is served after the others, by coverage",
        );
    }
    if award.urgent {
        words.say("走紧急通道，先于其他储备点", "in the urgent lane, before the others");
    }
    if let Some(share) = award.share {
        let exact = share.to_decimal(3);
        words.say(
            format!("按比例应得 {exact} 包，取整为 {}", award.packs),
            format!("its exact share is {exact} packs, rounded to {}", award.packs),
        );
    }
    why_no_more(known, award, part, inputs, &mut words);
    words.told()
}

fn why_no_more(
    known: &RecipientInput,
    award: &AwardOutcome,
    part: &PartInput,
    inputs: &Inputs,
    words: &mut Sentences,
) {
    match award.limited_by {
        Some(Limit::Target) => {
            let most = award.max_packs.unwrap_or(award.packs);
            words.say(
                format!("最多 {most} 包即达定额，不再多给"),
                format!("no more, because {most} packs bring it to its target"),
            );
        }
        Some(Limit::Supply) => words.say(
            "没有更多：可分数量已尽，或其他储备点水平更低",
            "no more, because nothing is left or others stand lower",
        ),
        Some(Limit::Route) => {
            words.say(
                format!("道路所限：若全部路线开放可得 {} 包", award.packs_with_all_routes),
                format!(
                    "no more by the open routes: with all of them it would get {}",
                    award.packs_with_all_routes
                ),
            );
            for route in part.routes.iter().filter(|route| route.to == known.store) {
                let Some(shut) = route.shut else { continue };
                let (zh, en) = match shut {
                    Shut::Closed => ("道路中断", "the road is closed"),
                    Shut::NoColdChain => ("没有冷链路线", "no cold-chain route is recorded"),
                };
                let reason = route.reason.as_deref().map(|text| format!("（{text}）"));
                let reason = reason.unwrap_or_default();
                words.say(
                    format!("{} 至此处{zh}{reason}", route.from),
                    format!("from {} {en}{reason}", route.from),
                );
            }
        }
        Some(Limit::Minimum) => {
            let least = inputs.terms.min_packs;
            words.say(
                format!("应得不足起运量 {least} 包，本次不发"),
                format!("its share was below {least} packs, which is not worth shipping"),
            );
        }
        None => words.say(
            "各阶段到此为止，余量留存",
            "the stages end here, and what is left stays with the donors",
        ),
    }
}

/// Why a line comes from this donor and out of these lots.
pub fn why_this_line(line: &Line, part: Option<&PartInput>) -> BothLanguages {
    let mut words = Sentences::default();
    let route = part.and_then(|part| {
        part.routes.iter().find(|route| route.from == line.from && route.to == line.to)
    });
    match route.map(|route| (route.cost_from, route.cost)) {
        Some((CostFrom::Table, cost)) => words.say(
            format!("总运费最低的方案由 {} 发出，每包 {cost}（路线表）", line.from),
            format!("from {} in the cheapest transport of all, {cost} a pack", line.from),
        ),
        Some((CostFrom::Coordinates, metres)) => words.say(
            format!("总里程最短的方案由 {} 发出，直线 {metres} 米", line.from),
            format!("from {} in the shortest transport of all, {metres} m", line.from),
        ),
        Some((CostFrom::Unknown, _)) | None => words.say(
            format!("由 {} 发出；距离未知", line.from),
            format!("from {}; the distance is unknown", line.from),
        ),
    }
    if let Some(edit) = &line.edit {
        words.say(
            format!("{} 将 {} 改为 {}：{}", edit.by, line.proposed, line.decided, edit.reason),
            format!("{} changed {} to {}: {}", edit.by, line.proposed, line.decided, edit.reason),
        );
    }
    let lots: Vec<String> = line
        .decided_lots
        .iter()
        .map(|lot| match lot.expires_on {
            Some(day) => format!("{} ({day}) {}", lot.lot_number, lot.quantity),
            None => format!("{} {}", lot.lot_number, lot.quantity),
        })
        .collect();
    if !lots.is_empty() {
        words.say(
            format!("先到期先出：{}", lots.join("、")),
            format!("first expired first: {}", lots.join(", ")),
        );
    }
    let donor = part.and_then(|part| part.donors.iter().find(|donor| donor.store == line.from));
    for lot in donor.iter().flat_map(|donor| &donor.passed_over) {
        if lot.item_code == line.item_code && lot.reason != PassedOverBecause::Reserved {
            words.say(
                format!("不动用 {}：{}", lot.lot_number, lot.reason),
                format!("{} is passed over: {}", lot.lot_number, lot.reason),
            );
        }
    }
    words.told()
}
