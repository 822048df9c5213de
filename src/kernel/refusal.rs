//! Refusals: how the service says no, with a stable code and in two languages.
//!
//! A refusal is an answer about the world ("only 30 are there"), never a failure of ours.

use crate::kernel::language::{Bilingual, Language};

macro_rules! codes {
    ($( $(#[$meta:meta])* $variant:ident = $text:literal, $status:literal, $zh:literal, $en:literal; )+) => {
        /// Every code that a problem document of the service can carry.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $( $(#[$meta])* $variant ),+ }

        impl Code {
            /// All codes, in the order of their HTTP status.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The code as clients see it; never changed once released.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The HTTP status that goes with it.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status),+ }
            }

            /// A short title in one language.
            pub const fn title(self, language: Language) -> &'static str {
                match (self, language) {
                    $((Self::$variant, Language::Zh) => $zh, (Self::$variant, Language::En) => $en),+
                }
            }
        }
    };
}

codes! {
    /// The body is not JSON, or has another shape than the operation takes.
    MalformedRequest = "malformed_request", 400, "请求格式有误", "The request has the wrong shape";
    /// A query or path parameter is unknown or cannot be read.
    MalformedQuery = "malformed_query", 400, "查询参数有误", "A parameter is unknown or cannot be read";
    /// A storing request came without an `Idempotency-Key`.
    IdempotencyKeyMissing = "idempotency_key_missing", 400, "缺少幂等键", "The Idempotency-Key header is missing or not valid";
    /// No token, or one that is unknown, expired or revoked.
    Unauthenticated = "unauthenticated", 401, "未登录或令牌无效", "No valid token";
    /// The caller's role does not have the right.
    Forbidden = "forbidden", 403, "没有此项权限", "Not allowed";
    /// The store named is not in the caller's scope.
    StoreOutOfScope = "store_out_of_scope", 403, "储备点不在您的范围内", "The store is outside your scope";
    /// Nobody approves a document of their own making.
    OwnDocument = "own_document", 403, "不能审批自己制作的单据", "Nobody approves a document of their own making";
    /// There is no such thing, or the caller may not know of it.
    NotFound = "not_found", 404, "未找到", "Not found";
    /// The path exists, but not with this method.
    MethodNotAllowed = "method_not_allowed", 405, "不支持此方法", "Method not allowed";
    /// The client took too long to send its request.
    RequestTimeout = "request_timeout", 408, "请求超时", "The request took too long to arrive";
    /// Something with this code or number exists already.
    AlreadyExists = "already_exists", 409, "已存在", "It exists already";
    /// Less is available than was asked for.
    InsufficientStock = "insufficient_stock", 409, "库存不足", "Not enough stock";
    /// A back-dated outflow would bring the balance of its own or a later day below zero.
    LateEntry = "late_entry", 409, "补录将使其后结存为负", "A later balance would fall below zero";
    /// The book holds this lot number with another expiry.
    LotConflict = "lot_conflict", 409, "批号与账面不符", "The book holds this lot number otherwise";
    /// The lot is expired, recalled or not in an available state.
    LotBlocked = "lot_blocked", 409, "批次不可用", "The lot cannot be used";
    /// The document is not in a status that allows the action.
    WrongStatus = "wrong_status", 409, "单据状态不允许", "The document's status does not allow this";
    /// More would be reversed than was posted.
    AlreadyReversed = "already_reversed", 409, "已红冲", "It has been reversed";
    /// Stock would fall below its floor without an authority.
    FloorCrossed = "floor_crossed", 409, "将动用储备下限", "It would take stock below its floor";
    /// The act needs an authority that the request does not name.
    AuthorityRequired = "authority_required", 409, "需要依据", "It needs an authority";
    /// A spoken authority was named by someone without `emergency_release`, or above the limit.
    EmergencyLimit = "emergency_limit", 409, "超出应急放行权限", "Outside the limit of emergency release";
    /// Goods of the dispatch are still on the way.
    TransitNotEmpty = "transit_not_empty", 409, "在途未清", "Goods are still on the way";
    /// The same key is still at work.
    IdempotencyInProgress = "idempotency_in_progress", 409, "同一幂等键正在处理", "The same key is still at work";
    /// The thing is in use and cannot be changed so.
    InUse = "in_use", 409, "正在使用", "It is in use";
    /// Another approved plan of the region begins at that time.
    ScopeTaken = "scope_taken", 409, "同一范围同一时间已有已批准的方案", "Another approved plan of the region begins at that time";
    /// What an allocation rests on has changed since it was proposed.
    AllocationStale = "allocation_stale", 409, "分配方案的依据已变动", "What the allocation rests on has changed";
    /// A rehearsal is never turned into dispatches.
    RehearsalOnly = "rehearsal_only", 409, "演练方案不能执行", "A rehearsal is never carried out";
    /// The business time lies in a period that is closed.
    PeriodClosed = "period_closed", 409, "该期间已结账", "The period is closed";
    /// The business time lies further back than the caller's role may post.
    TooFarBack = "too_far_back", 409, "补录时间过早", "Too far back for your role";
    /// Facts of the period are unmatched still.
    UnmatchedOpen = "unmatched_open", 409, "尚有未匹配的出库", "Facts of the period are unmatched";
    /// A table would have more rows than one answer may.
    TooManyRows = "too_many_rows", 409, "行数过多", "Too many rows";
    /// A stocktake counted the lot after the movement, and its difference has absorbed it.
    AbsorbedByCount = "absorbed_by_count", 409, "已被盘点吸收", "A later count has absorbed it";
    /// The line was counted in this round already.
    AlreadyCounted = "already_counted", 409, "本轮已盘点", "It was counted in this round already";
    /// Lines are not counted, not decided, or differ without a reason.
    CountIncomplete = "count_incomplete", 409, "盘点未完成", "The count is not complete";
    /// Differences above the limit, or changed since the approval, need another user's approval.
    ApprovalRequired = "approval_required", 409, "需要他人审批", "It needs another user's approval";
    /// The server has no key from which a webhook's secret could come, or has all it can have.
    WebhooksOff = "webhooks_off", 409, "不能新增回调", "No more webhooks can be made";
    /// Some of what followed the event named is no longer kept.
    EventsForgotten = "events_forgotten", 410, "部分提醒变动已清理", "Some changes of alerts are no longer kept";
    /// The version named by `If-Match` is not the current one.
    StaleVersion = "stale_version", 412, "版本已过期", "The version is stale";
    /// The body is larger than the limit.
    PayloadTooLarge = "payload_too_large", 413, "请求体过大", "The body is too large";
    /// The body is not `application/json`.
    UnsupportedMediaType = "unsupported_media_type", 415, "不支持的内容类型", "The content type is not supported";
    /// The request is well formed, but values in it make no sense.
    ValidationFailed = "validation_failed", 422, "内容校验未通过", "Values are not valid";
    /// The idempotency key was used for another request.
    IdempotencyKeyReused = "idempotency_key_reused", 422, "幂等键已用于其他请求", "The key was used for another request";
    /// A document action came without `If-Match`.
    PreconditionRequired = "precondition_required", 428, "缺少 If-Match", "The If-Match header is required";
    /// The service failed; the log knows why under the request id.
    Internal = "internal_error", 500, "服务内部错误", "Internal error";
    /// The database is busy; try again.
    Busy = "busy", 503, "服务繁忙，请稍后重试", "Busy, try again";
    /// The service's clock is not believed until someone accepts it; reading goes on.
    ClockJumped = "clock_jumped", 503, "系统时间异常", "The clock has jumped";
    /// The answer to a commit was lost: repeat with the same key, which tells what happened.
    OutcomeUnknown = "outcome_unknown", 503, "结果未知，请用同一幂等键重试", "Outcome unknown: repeat with the same key";
    /// The disk failed; the service ends, and its next start knows what was stored.
    StorageFailed = "storage_failed", 503, "存储设备故障，请稍后用同一幂等键重试", "Storage failed: repeat with the same key";
    /// The disk is full; reading goes on.
    StorageFull = "storage_full", 507, "存储空间不足", "Storage is full";
}

/// Declares the closed set of fault codes; see [`FaultCode`].
macro_rules! fault_codes {
    ($( $(#[$meta:meta])* $variant:ident = $text:literal, $zh:literal, $en:literal; )+) => {
        /// What is wrong with one field.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FaultCode { $( $(#[$meta])* $variant ),+ }

        impl FaultCode {
            /// All fault codes.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The code as clients see it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// What it says of the field, in both languages.
            pub fn message(self) -> Bilingual {
                match self { $(Self::$variant => Bilingual::new($zh, $en)),+ }
            }
        }
    };
}

fault_codes! {
    /// It must be given.
    Required = "required", "必填", "is required";
    /// It has too many characters or entries.
    TooLong = "too_long", "过长", "is too long";
    /// It has too few entries.
    TooShort = "too_short", "过短", "is too short";
    /// It has the wrong shape.
    InvalidFormat = "invalid_format", "格式不正确", "has the wrong format";
    /// The number is outside its range.
    OutOfRange = "out_of_range", "超出范围", "is out of range";
    /// The word is not in the list of those allowed.
    NotInList = "not_in_list", "不在允许的取值内", "is not one of the allowed values";
    /// No such item, store, lot or other record.
    Unknown = "unknown", "不存在", "is unknown";
    /// It is no longer in use.
    Inactive = "inactive", "已停用", "is no longer active";
    /// It appears more than once.
    Duplicate = "duplicate", "重复", "appears more than once";
    /// It contradicts another field.
    Contradicts = "contradicts", "与其他字段矛盾", "contradicts another field";
    /// It lies in the future.
    InFuture = "in_future", "在将来", "lies in the future";
    /// It is not an instant with an offset.
    NotAnInstant = "not_an_instant", "须为带时区的时间", "must be an RFC 3339 instant with an offset";
    /// It is not a civil date.
    NotADate = "not_a_date", "须为 YYYY-MM-DD 日期", "must be a date written YYYY-MM-DD";
    /// The field is not known to the operation.
    UnknownField = "unknown_field", "未知字段", "is not a known field";
    /// The JSON value is of another type.
    WrongType = "wrong_type", "类型不正确", "has the wrong type";
    /// It names more than one thing.
    Ambiguous = "ambiguous", "所指不唯一", "names more than one";
}

/// One field that is wrong, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// JSON pointer (RFC 6901) to the field, e.g. `/lines/0/quantity`.
    pub pointer: String,
    /// What is wrong, for programs.
    pub code: FaultCode,
    /// What is wrong, for people.
    pub message: Bilingual,
}

/// Gathers every fault of a request, so that one answer names them all.
#[derive(Debug, Default)]
pub struct Faults {
    faults: Vec<Fault>,
    facts: serde_json::Map<String, serde_json::Value>,
}

impl Faults {
    /// No fault yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Records that the field at `pointer` is wrong, with the usual words.
    pub fn add(&mut self, pointer: impl Into<String>, code: FaultCode) {
        self.add_saying(pointer, code, code.message());
    }

    /// Records that the field at `pointer` is wrong, in words of its own.
    pub fn add_saying(&mut self, pointer: impl Into<String>, code: FaultCode, message: Bilingual) {
        self.faults.push(Fault { pointer: pointer.into(), code, message });
    }

    /// Adds to the facts that a refusal will rest on, such as the lots that a number may mean.
    pub fn tell(&mut self, name: &str, fact: serde_json::Value) {
        let told = self.facts.entry(name).or_insert_with(|| serde_json::Value::Array(Vec::new()));
        if let Some(told) = told.as_array_mut() {
            told.push(fact);
        }
    }

    /// Keeps a value that is right, or records why it is wrong.
    pub fn keep<T>(
        &mut self,
        pointer: impl Into<String>,
        value: Result<T, FaultCode>,
    ) -> Option<T> {
        match value {
            Ok(value) => Some(value),
            Err(code) => {
                self.add(pointer, code);
                None
            }
        }
    }

    /// Whether nothing is wrong so far.
    pub fn is_empty(&self) -> bool {
        self.faults.is_empty()
    }

    /// What is wrong so far, to be told together with what others found.
    pub fn into_faults(self) -> Vec<Fault> {
        self.faults
    }

    /// The value, when nothing was wrong.
    ///
    /// A value is `None` only where a fault was recorded, so that both agree.
    ///
    /// # Errors
    /// `validation_failed` with every fault.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Refusal> {
        match value {
            Some(value) if self.is_empty() => Ok(value),
            _ => Err(self.into_refusal()),
        }
    }

    /// Nothing, when nothing was wrong.
    ///
    /// # Errors
    /// `validation_failed` with every fault.
    pub fn check(self) -> Result<(), Refusal> {
        if self.is_empty() { Ok(()) } else { Err(self.into_refusal()) }
    }

    fn into_refusal(self) -> Refusal {
        Refusal { facts: self.facts, ..Refusal::invalid(self.faults) }
    }
}

/// The members that every problem document has.
const MEMBERS: [&str; 8] =
    ["type", "title", "status", "detail", "instance", "code", "errors", "request_id"];

/// The service says no: a code, why in two languages, and the facts it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What kind of no it is.
    pub code: Code,
    /// Why, for people.
    pub detail: Bilingual,
    /// The fields that are wrong.
    pub faults: Vec<Fault>,
    /// The facts for programs, e.g. `available`; members of the problem document.
    pub facts: serde_json::Map<String, serde_json::Value>,
}

impl Refusal {
    /// A refusal with its reason in Chinese and English.
    pub fn new(code: Code, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self {
            code,
            detail: Bilingual::new(zh, en),
            faults: Vec::new(),
            facts: serde_json::Map::new(),
        }
    }

    /// A refusal whose title says enough.
    pub fn plain(code: Code) -> Self {
        Self::new(code, code.title(Language::Zh), code.title(Language::En))
    }

    /// The refusal of a request with these faults.
    pub fn invalid(faults: Vec<Fault>) -> Self {
        let count = faults.len();
        let mut refusal = Self::new(
            Code::ValidationFailed,
            format!("有 {count} 处内容不正确"),
            format!("{count} value(s) are not valid"),
        );
        refusal.faults = faults;
        refusal
    }

    /// The refusal of a request with one fault.
    pub fn fault(pointer: impl Into<String>, code: FaultCode) -> Self {
        let mut faults = Faults::new();
        faults.add(pointer, code);
        faults.into_refusal()
    }

    /// That there is no such thing, or that the caller may not know of it.
    pub fn not_found(kind_zh: &str, kind_en: &str, name: &str) -> Self {
        Self::new(
            Code::NotFound,
            format!("未找到{kind_zh}：{name}"),
            format!("No such {kind_en}: {name}"),
        )
    }

    /// The same refusal with a fact for programs, under a name that no member of a problem
    /// document has (RFC 9457 §3.2).
    #[must_use]
    pub fn with(mut self, name: &str, fact: impl Into<serde_json::Value>) -> Self {
        debug_assert!(!MEMBERS.contains(&name), "{name} is a member of every problem document");
        self.facts.insert(name.to_owned(), fact.into());
        self
    }

    /// The same refusal pointing at the field it is about.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>, code: FaultCode) -> Self {
        self.faults.push(Fault { pointer: pointer.into(), code, message: self.detail.clone() });
        self
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.detail.en)?;
        for fault in &self.faults {
            write!(f, "; {} {}", fault.pointer, fault.message.en)?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_code_is_spelled_once_and_has_both_titles() {
        let words: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(words.len(), Code::ALL.len());
        for code in Code::ALL {
            assert!((400..600).contains(&code.status()));
            assert!(!code.title(Language::Zh).is_ascii() && code.title(Language::En).is_ascii());
        }
    }

    #[test]
    fn all_faults_of_a_request_are_told_at_once() {
        let mut faults = Faults::new();
        let name: Option<u8> = faults.keep("/name", Err(FaultCode::Required));
        faults.add("/lines/0/quantity", FaultCode::OutOfRange);
        let refusal = faults.finish(name).unwrap_err();
        let pointers: Vec<&str> = refusal.faults.iter().map(|f| f.pointer.as_str()).collect();
        assert_eq!(pointers, ["/name", "/lines/0/quantity"]);
    }
}
