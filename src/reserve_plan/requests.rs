//! What clients send about plans and levels, and how it becomes a command: every fault gathered.

use crate::authority::{Authority, AuthorityRequest};
use crate::kernel::id::{ReservePlanCommentId, ReservePlanId};
use crate::kernel::starting::{Starting, starting};
use crate::kernel::{
    Bilingual, FaultCode, Faults, Instant, ItemCode, Quantity, Refusal, RegionCode, StoreCode, Text,
};
use crate::reserve_plan::basis_request::{BasisBody, bases_of};
use crate::reserve_plan::level::ResponseLevel;
use crate::reserve_plan::plan::{LevelPercents, LineScope, PlanLine};
use crate::reserve_plan::records::MAX_LINES;
use serde::Deserialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The largest percentage that a level may set.
const MAX_PERCENT: i64 = 1_000;
/// A new version of a reserve plan.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "全南县应急物资储备方案",
    "number": "RP-2026-001",
    "lines": [{
        "store_kind": "hospital", "item_code": "M03",
        "bases": [{"kind": "norm", "heads": 204, "rate": 30, "per": 1}, {"kind": "days_of_cover", "days": 30}],
        "floor": 1000, "ceiling": null, "level_percent": {"III": 130, "II": 160, "I": 200}
    }]
}))]
pub struct PlanRequest {
    /// What people call it; required unless `copy_from` is given.
    pub name: Option<String>,
    /// The number of the plan. A known number gives the plan's next version; absent, that of the
    /// copied version, or a new one.
    pub number: Option<String>,
    /// The id of a version whose lines, name, number and region it begins with.
    pub copy_from: Option<String>,
    /// The region that it is for: the stores in it, unless a smaller region in it has a plan in
    /// force. That of the plan's other versions, or the caller's own, unless said.
    #[serde(default)]
    #[schema(example = "360729")]
    pub region_code: Option<String>,
    /// Its lines; may be added later.
    pub lines: Option<Vec<PlanLineBody>>,
}

/// Changes to a draft; absent fields stay as they are.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanPatch {
    /// What people call it.
    pub name: Option<String>,
    /// All lines, in place of those there are.
    pub lines: Option<Vec<PlanLineBody>>,
}

/// A line of a plan: exactly one of `store_code`, `store_kind` and `region_code` is given.
///
/// For a store the closest line counts: its own, then that of its kind, then that of the smallest
/// region around it.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanLineBody {
    /// The store it speaks of.
    pub store_code: Option<String>,
    /// The kind of stores it speaks of.
    pub store_kind: Option<String>,
    /// The region whose stores it speaks of.
    pub region_code: Option<String>,
    /// The item.
    pub item_code: String,
    /// The grounds of its target; the largest counts.
    pub bases: Vec<BasisBody>,
    /// Stock below this is reserve, in base units.
    #[schema(minimum = 0)]
    pub floor: Option<i64>,
    /// The target is never above this, in base units.
    #[schema(minimum = 0)]
    pub ceiling: Option<i64>,
    /// Whole percents of the target by response level. A level that is not named asks for 100, and
    /// for no less than a lesser level; a named one may not ask for less either.
    pub level_percent: Option<BTreeMap<String, i64>>,
    /// Whole percents of the floor by response level; 100 where not named. At a grave level it may
    /// be 0, which opens the reserve and leaves the target where it was.
    pub floor_percent: Option<BTreeMap<String, i64>>,
}

/// The approval of a submitted version.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"approval_number": "全应急〔2026〕7号", "effective_from": "2026-02-01T00:00:00+08:00"}))]
pub struct ApprovalRequest {
    /// The number of the approving paper 批准文号.
    pub approval_number: String,
    /// From when it holds: an instant with an offset, or a date for the start of that day; now
    /// unless said. A time in the past changes the figures from then on.
    pub effective_from: Option<String>,
    /// A word to the authors.
    #[serde(default)]
    pub comment: Option<String>,
}

/// A draft that is handed in.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"comment": "按上级新标准调整了口罩定额"}))]
pub struct SubmissionRequest {
    /// A word to those who approve it.
    pub comment: Option<String>,
}

/// Why a version is withdrawn or sent back.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"comment": "乡镇的检测试剂定额偏低，请按人口重算"}))]
pub struct ReturnRequest {
    /// Why.
    pub comment: String,
}

/// Something to say of a version.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"text": "中医院的床位数以哪一年为准？", "line": 12}))]
pub struct CommentRequest {
    /// What.
    pub text: String,
    /// The id of the comment that it answers.
    pub reply_to: Option<String>,
    /// The number of the line that it is about.
    #[schema(minimum = 1)]
    pub line: Option<i64>,
}

/// Something to say of a version.
#[derive(Debug, Clone)]
pub struct SayOfPlan {
    /// What.
    pub text: String,
    /// The comment that it answers.
    pub reply_to: Option<ReservePlanCommentId>,
    /// The number of the line that it is about.
    pub line: Option<i64>,
}

impl SubmissionRequest {
    /// What is said with it.
    ///
    /// # Errors
    /// `validation_failed` when it is empty or too long.
    pub fn parse(self) -> Result<Option<String>, Refusal> {
        let mut faults = Faults::new();
        let comment = remark("/comment", self.comment.as_deref(), &mut faults);
        faults.finish(Some(comment))
    }
}

impl ReturnRequest {
    /// Why.
    ///
    /// # Errors
    /// `validation_failed` when it is empty or too long.
    pub fn parse(self) -> Result<String, Refusal> {
        let mut faults = Faults::new();
        let comment = remark("/comment", Some(&self.comment), &mut faults);
        faults.finish(comment)
    }
}

impl CommentRequest {
    /// The comment.
    ///
    /// # Errors
    /// `validation_failed` with every fault.
    pub fn parse(self) -> Result<SayOfPlan, Refusal> {
        let mut faults = Faults::new();
        let text = remark("/text", Some(&self.text), &mut faults);
        let reply_to = self.reply_to.and_then(|id| {
            let id = ReservePlanCommentId::try_from(id).map_err(|_other_shape| FaultCode::Unknown);
            faults.keep("/reply_to", id)
        });
        if self.line.is_some_and(|line| line < 1) {
            faults.add("/line", FaultCode::OutOfRange);
        }
        faults.finish(text.map(|text| SayOfPlan { text, reply_to, line: self.line }))
    }
}

fn remark(pointer: &str, text: Option<&str>, faults: &mut Faults) -> Option<String> {
    faults.keep(pointer, Text::<1000>::new(text?)).map(String::from)
}

/// A declaration of a response level.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "level": "III", "region_code": "360729", "reason": "本县报告聚集性疫情",
    "authority": {"kind": "order", "number": "全防指〔2026〕3号", "issued_by": "王主任", "post": "指挥长"},
    "effective_at": "2026-01-15T02:30:00+08:00"
}))]
pub struct LevelRequest {
    /// `normal`, `IV`, `III`, `II` or `I`.
    pub level: String,
    /// The region that declares it, for itself and what lies in it.
    pub region_code: String,
    /// Why.
    pub reason: String,
    /// By whose word.
    pub authority: Option<AuthorityRequest>,
    /// From when it holds: an instant with an offset, or a date; now unless said.
    pub effective_at: Option<String>,
}

/// A new version of a plan.
#[derive(Debug, Clone)]
pub struct DraftPlan {
    /// What people call it; that of the copied version where `None`.
    pub name: Option<String>,
    /// The number of the plan: a known one gives its next version, `None` that of the copied
    /// version, or a new one.
    pub number: Option<String>,
    /// The version whose lines it begins with.
    pub copy_from: Option<ReservePlanId>,
    /// The region that it is for; that of the plan's versions or of the caller where `None`.
    pub region: Option<RegionCode>,
    /// Its lines; those of the copied version where `None`.
    pub lines: Option<Vec<PlanLine>>,
}

/// Changes to a draft; `None` leaves what stands there.
#[derive(Debug, Clone)]
pub struct EditPlan {
    /// What people call it.
    pub name: Option<String>,
    /// The lines that take the place of those there are.
    pub lines: Option<Vec<PlanLine>>,
}

/// Approval of a submitted version.
#[derive(Debug, Clone)]
pub struct ApprovePlan {
    /// The number of the approving paper.
    pub approval_number: String,
    /// From when it holds. A time in the past is allowed: figures asked for as of then change.
    pub effective_from: Starting,
    /// A word to the authors.
    pub comment: Option<String>,
}

/// A declaration of a response level.
#[derive(Debug, Clone)]
pub struct DeclareLevel {
    /// The region that declares it.
    pub region: RegionCode,
    /// The level.
    pub level: ResponseLevel,
    /// Why.
    pub reason: String,
    /// By whose word.
    pub authority: Authority,
    /// From when it holds.
    pub effective_at: Starting,
}

impl PlanRequest {
    /// The command.
    ///
    /// # Errors
    /// `validation_failed` with every fault.
    pub fn parse(self) -> Result<DraftPlan, Refusal> {
        let mut faults = Faults::new();
        let name = name_of(self.name.as_deref(), &mut faults);
        let number = self
            .number
            .and_then(|number| faults.keep("/number", Text::<60>::new(&number)).map(String::from));
        let copy_from = self.copy_from.and_then(|id| {
            let id = ReservePlanId::try_from(id).map_err(|_other_shape| FaultCode::Unknown);
            faults.keep("/copy_from", id)
        });
        if self.name.is_none() && copy_from.is_none() {
            faults.add("/name", FaultCode::Required);
        }
        let region =
            self.region_code.and_then(|text| faults.keep("/region_code", RegionCode::new(&text)));
        let lines = lines_of(self.lines, &mut faults);
        faults.finish(Some(DraftPlan { name, number, copy_from, region, lines }))
    }
}

impl PlanPatch {
    /// The command.
    ///
    /// # Errors
    /// `validation_failed` with every fault.
    pub fn parse(self) -> Result<EditPlan, Refusal> {
        let mut faults = Faults::new();
        let name = name_of(self.name.as_deref(), &mut faults);
        let lines = lines_of(self.lines, &mut faults);
        faults.finish(Some(EditPlan { name, lines }))
    }
}

impl ApprovalRequest {
    /// The command.
    ///
    /// # Errors
    /// `validation_failed` with every fault.
    pub fn parse(self) -> Result<ApprovePlan, Refusal> {
        let mut faults = Faults::new();
        let number = faults.keep("/approval_number", Text::<60>::new(&self.approval_number));
        let effective_from =
            starting(self.effective_from.as_deref(), "/effective_from", &mut faults);
        let comment = remark("/comment", self.comment.as_deref(), &mut faults);
        let command = number.map(|number| ApprovePlan {
            approval_number: number.into(),
            comment,
            effective_from: effective_from.unwrap_or(Starting::Now),
        });
        faults.finish(command)
    }
}

impl LevelRequest {
    /// The declaration, asked for at `now`.
    ///
    /// # Errors
    /// `validation_failed` with every fault.
    pub fn parse(&self, now: Instant) -> Result<DeclareLevel, Refusal> {
        let mut faults = Faults::new();
        let level = ResponseLevel::from_word(&self.level).ok_or(FaultCode::NotInList);
        let level = faults.keep("/level", level);
        let region = faults.keep("/region_code", RegionCode::new(&self.region_code));
        let reason = faults.keep("/reason", Text::<500>::new(&self.reason));
        let authority = match &self.authority {
            Some(named) => named.parse("/authority", now, &mut faults),
            None => faults.keep("/authority", Err(FaultCode::Required)),
        };
        let effective_at = starting(self.effective_at.as_deref(), "/effective_at", &mut faults);
        let command = (|| {
            Some(DeclareLevel {
                region: region?,
                level: level?,
                reason: reason?.into(),
                authority: authority?,
                effective_at: effective_at.unwrap_or(Starting::Now),
            })
        })();
        faults.finish(command)
    }
}

fn name_of(name: Option<&str>, faults: &mut Faults) -> Option<String> {
    faults.keep("/name", Text::<200>::new(name?)).map(String::from)
}

fn lines_of(lines: Option<Vec<PlanLineBody>>, faults: &mut Faults) -> Option<Vec<PlanLine>> {
    let lines = lines?;
    if lines.len() > MAX_LINES {
        faults.add("/lines", FaultCode::TooLong);
        return None;
    }
    let mut parsed = Vec::with_capacity(lines.len());
    for (at, line) in lines.into_iter().enumerate() {
        parsed.extend(line.parse(&format!("/lines/{at}"), faults));
    }
    Some(parsed)
}

impl PlanLineBody {
    /// The line; `None` when it has a fault.
    pub fn parse(self, pointer: &str, faults: &mut Faults) -> Option<PlanLine> {
        let at = |field: &str| format!("{pointer}/{field}");
        let scope = scope_of(
            self.store_code.as_deref(),
            self.store_kind.as_deref(),
            self.region_code.as_deref(),
            pointer,
            faults,
        );
        let item = faults.keep(at("item_code"), ItemCode::new(&self.item_code));
        let bases = bases_of(&self.bases, &at("bases"), faults);
        let floor = quantity_of(self.floor, at("floor"), faults);
        let ceiling = quantity_of(self.ceiling, at("ceiling"), faults);
        if floor.zip(ceiling).is_some_and(|(floor, ceiling)| floor > ceiling) {
            faults.add(at("ceiling"), FaultCode::Contradicts);
        }
        let level_percent = percents_of(self.level_percent, &at("level_percent"), faults);
        for level in level_percent.falling() {
            let message = Bilingual::new(
                "级别越高，百分比不得越低",
                "must not be below that of a lesser level",
            );
            let pointer = format!("{}/{level}", at("level_percent"));
            faults.add_saying(pointer, FaultCode::Contradicts, message);
        }
        let floor_percent = percents_of(self.floor_percent, &at("floor_percent"), faults);
        Some(PlanLine {
            scope: scope?,
            item: item?,
            bases,
            floor,
            ceiling,
            level_percent,
            floor_percent,
        })
    }
}

fn scope_of(
    store: Option<&str>,
    kind: Option<&str>,
    region: Option<&str>,
    pointer: &str,
    faults: &mut Faults,
) -> Option<LineScope> {
    match (store, kind, region) {
        (Some(store), None, None) => faults
            .keep(format!("{pointer}/store_code"), StoreCode::new(store))
            .map(LineScope::Store),
        (None, Some(kind), None) => faults
            .keep(format!("{pointer}/store_kind"), Text::<32>::new(kind))
            .map(|kind| LineScope::StoreKind(kind.into())),
        (None, None, Some(region)) => faults
            .keep(format!("{pointer}/region_code"), RegionCode::new(region))
            .map(LineScope::Region),
        (None, None, None) => {
            let message = Bilingual::new(
                "须指明储备点、储备点类型或地区之一",
                "needs one of store_code, store_kind and region_code",
            );
            faults.add_saying(pointer, FaultCode::Required, message);
            None
        }
        _ => {
            let message = Bilingual::new(
                "储备点、储备点类型、地区只能指明一个",
                "takes only one of store_code, store_kind and region_code",
            );
            faults.add_saying(pointer, FaultCode::Contradicts, message);
            None
        }
    }
}

fn quantity_of(units: Option<i64>, pointer: String, faults: &mut Faults) -> Option<Quantity> {
    let quantity = Quantity::new(units?).map_err(|_out| FaultCode::OutOfRange);
    faults.keep(pointer, quantity)
}

fn percents_of(
    percents: Option<BTreeMap<String, i64>>,
    pointer: &str,
    faults: &mut Faults,
) -> LevelPercents {
    let mut read = BTreeMap::new();
    for (word, percent) in percents.unwrap_or_default() {
        let pointer = format!("{pointer}/{word}");
        let Some(level) = ResponseLevel::from_word(&word) else {
            faults.add(pointer, FaultCode::NotInList);
            continue;
        };
        if (0..=MAX_PERCENT).contains(&percent) {
            read.insert(level, percent);
        } else {
            faults.add(pointer, FaultCode::OutOfRange);
        }
    }
    LevelPercents::new(read)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::time::parse_date;

    fn faults_of<T>(parsed: Result<T, Refusal>) -> Vec<(String, &'static str)> {
        let refusal = parsed.map(|_| ()).unwrap_err();
        refusal.faults.into_iter().map(|fault| (fault.pointer, fault.code.as_str())).collect()
    }

    #[test]
    fn every_fault_of_a_plan_is_told_at_once() {
        let body: PlanRequest = serde_json::from_value(serde_json::json!({
            "name": " ",
            "copy_from": "x",
            "lines": [
                {"item_code": "M 3", "bases": [], "floor": 5, "ceiling": 4},
                {"store_code": "A", "store_kind": "hospital", "item_code": "M03",
                 "bases": [{"kind": "guess"}, {"kind": "fixed"}, {"kind": "fixed", "quantity": -1},
                           {"kind": "norm", "heads": 1, "rate": 1, "per": 0, "quantity": 3}],
                 "level_percent": {"V": 100, "I": -1}}
            ]
        }))
        .unwrap();
        assert_eq!(
            faults_of(body.parse()),
            [
                ("/name", "required"),
                ("/copy_from", "unknown"),
                ("/lines/0", "required"),
                ("/lines/0/item_code", "invalid_format"),
                ("/lines/0/bases", "required"),
                ("/lines/0/ceiling", "contradicts"),
                ("/lines/1", "contradicts"),
                ("/lines/1/bases/0/kind", "not_in_list"),
                ("/lines/1/bases/1/quantity", "required"),
                ("/lines/1/bases/2/quantity", "out_of_range"),
                ("/lines/1/bases/3/quantity", "contradicts"),
                ("/lines/1/bases/3/per", "out_of_range"),
                ("/lines/1/level_percent/I", "out_of_range"),
                ("/lines/1/level_percent/V", "not_in_list"),
            ]
            .map(|(pointer, code)| (pointer.to_owned(), code))
        );
    }

    #[test]
    fn a_plan_may_begin_on_a_date_or_at_an_instant() {
        let at = |text: Option<&str>| {
            ApprovalRequest {
                approval_number: "1".to_owned(),
                effective_from: text.map(str::to_owned),
                comment: None,
            }
            .parse()
            .map(|command| command.effective_from)
        };
        assert_eq!(at(None), Ok(Starting::Now));
        assert_eq!(at(Some("2026-02-01")), Ok(Starting::Day(parse_date("2026-02-01").unwrap())));
        assert!(matches!(at(Some("2026-02-01T00:00:00+08:00")), Ok(Starting::Instant(_))));
        assert!(at(Some("2026-02-01T00:00:00")).is_err());
    }
}
