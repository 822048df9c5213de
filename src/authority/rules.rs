//! When a spoken word is enough, and who may confirm it afterwards.

use crate::authority::paperwork::{DocumentRef, Paperwork, PaperworkStatus};
use crate::authority::word::Authority;
use crate::kernel::id::PaperworkId;
use crate::kernel::{Code, Instant, Quantity, Refusal};

/// On what ground somebody acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// By the right of their office.
    Office,
    /// On a spoken word, with `emergency_release`.
    SpokenWord,
}

/// Who acts, as far as the ground of an approval depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Whether the role gives the right to approve.
    pub by_office: bool,
    /// Whether the document is of the user's own making.
    pub is_own: bool,
    /// `emergency_release`: base units per line, or `None` without it.
    pub emergency_limit: Option<Quantity>,
}

/// On what ground an approval rests.
///
/// In this order: the right of the office over a document of somebody else's making, then a
/// spoken word by a user with `emergency_release`, line by line within that user's limit.
///
/// # Errors
/// `own_document` or `forbidden` where there is neither ground; `emergency_limit` where a spoken
/// word is named without the right to act on it, or a line is above the limit.
pub fn ground_of(
    standing: Standing,
    authority: Option<&Authority>,
    lines: &[(i64, Quantity)],
) -> Result<Ground, Refusal> {
    if standing.by_office && !standing.is_own {
        return Ok(Ground::Office);
    }
    if authority.is_some_and(Authority::is_spoken) {
        within_limit(standing.emergency_limit, lines)?;
        return Ok(Ground::SpokenWord);
    }
    if standing.is_own {
        return Err(Refusal::plain(Code::OwnDocument));
    }
    Err(Refusal::new(
        Code::AuthorityRequired,
        "应急放行须注明口头依据（verbal）",
        "Emergency release needs a spoken authority (kind: verbal)",
    ))
}

/// Requires every line to be within what the user may release on a spoken word.
///
/// # Errors
/// `emergency_limit`, with the limit and the first line above it.
pub fn within_limit(limit: Option<Quantity>, lines: &[(i64, Quantity)]) -> Result<(), Refusal> {
    let Some(limit) = limit else {
        return Err(Refusal::new(
            Code::EmergencyLimit,
            "您没有应急放行权限，不能凭口头依据放行",
            "You do not have emergency_release and cannot act on a spoken authority",
        ));
    };
    match lines.iter().find(|(_, quantity)| *quantity > limit) {
        None => Ok(()),
        Some((line, quantity)) => Err(Refusal::new(
            Code::EmergencyLimit,
            format!("第 {line} 行数量 {quantity} 超出应急放行限额 {limit}"),
            format!("Line {line}: {quantity} is above your emergency limit of {limit}"),
        )
        .with("line", *line)
        .with("quantity", quantity.units())
        .with("limit", limit.units())),
    }
}

/// The paperwork that acting on this authority makes due, or `None` on a written order.
pub fn paperwork_due(
    document: DocumentRef,
    authority: &Authority,
    acted_by: &str,
    acted_at: Instant,
    hours: i64,
) -> Option<Paperwork> {
    authority.is_spoken().then(|| Paperwork {
        id: PaperworkId::generate(),
        document,
        authority: authority.clone(),
        acted_by: acted_by.to_owned(),
        involved: vec![acted_by.to_owned()],
        acted_at,
        due_at: acted_at.plus_hours(hours),
        status: PaperworkStatus::Open,
        decided_by: None,
        decided_at: None,
        paper_number: None,
        note: None,
        version: 1,
    })
}

/// What another user says of a spoken word afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Whether the word was given.
    pub confirmed: bool,
    /// The number of the paper that followed.
    pub paper_number: Option<String>,
    /// Why, or what else there is to say.
    pub note: Option<String>,
}

/// Counts another user among those who acted on the spoken word.
pub fn involve(paperwork: &Paperwork, user: &str) -> Option<Paperwork> {
    if paperwork.involved.iter().any(|one| one == user) {
        return None;
    }
    let mut paperwork = paperwork.clone();
    paperwork.involved.push(user.to_owned());
    paperwork.version += 1;
    Some(paperwork)
}

/// Confirms or objects to what was done.
///
/// What somebody objected to may still be confirmed by a third, and the other way round; the
/// last word stands and the audit trail keeps all.
///
/// # Errors
/// `wrong_status` when the document was cancelled or the paper is decided the same way already;
/// `own_document` for anyone who acted.
pub fn decide(
    paperwork: &Paperwork,
    by: &str,
    at: Instant,
    decision: Decision,
) -> Result<Paperwork, Refusal> {
    let status =
        if decision.confirmed { PaperworkStatus::Confirmed } else { PaperworkStatus::Objected };
    if paperwork.status == PaperworkStatus::Void || paperwork.status == status {
        return Err(Refusal::new(
            Code::WrongStatus,
            format!("补办手续的状态为 {}", paperwork.status),
            format!("The paperwork is {} already", paperwork.status),
        )
        .with("document_status", paperwork.status.as_str()));
    }
    if paperwork.involved.iter().any(|user| user == by) {
        return Err(Refusal::new(
            Code::OwnDocument,
            "凭口头依据办理的人不能自己确认",
            "Whoever acted on a spoken authority cannot vouch for it",
        ));
    }
    Ok(Paperwork {
        status,
        decided_by: Some(by.to_owned()),
        decided_at: Some(at),
        paper_number: decision.paper_number,
        note: decision.note,
        version: paperwork.version + 1,
        ..paperwork.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::paperwork::PaperworkState;
    use crate::authority::word::AuthorityKind;

    fn spoken() -> Authority {
        Authority {
            kind: AuthorityKind::Verbal,
            number: None,
            issued_by: "钟卫国".to_owned(),
            post: None,
            phone: None,
            issued_at: Some(at("2026-01-15T18:00:00Z")),
            heard_by: Some("曾小兰".to_owned()),
        }
    }

    fn written() -> Authority {
        Authority {
            kind: AuthorityKind::Order,
            number: Some("18号".to_owned()),
            issued_at: None,
            heard_by: None,
            ..spoken()
        }
    }

    fn at(text: &str) -> Instant {
        Instant::parse(text).unwrap()
    }

    fn units(n: i64) -> Quantity {
        Quantity::new(n).unwrap()
    }

    fn paperwork() -> Paperwork {
        let document = DocumentRef {
            kind: "dispatch".to_owned(),
            id: "1".to_owned(),
            number: None,
            store: None,
            other_store: None,
        };
        paperwork_due(document, &spoken(), "zeng", at("2026-01-15T18:05:00Z"), 48).unwrap()
    }

    fn yes() -> Decision {
        Decision { confirmed: true, paper_number: None, note: None }
    }

    #[test]
    fn nobody_approves_a_document_of_their_own_making_on_paper() {
        let own = Standing { by_office: true, is_own: true, emergency_limit: Some(units(9)) };
        let lines = [(1, units(5))];
        for authority in [None, Some(&written())] {
            assert_eq!(ground_of(own, authority, &lines).unwrap_err().code, Code::OwnDocument);
        }
        assert_eq!(ground_of(own, Some(&spoken()), &lines), Ok(Ground::SpokenWord));
    }

    #[test]
    fn a_spoken_word_moves_no_more_than_the_limit_on_any_line() {
        let keeper = Standing { by_office: false, is_own: true, emergency_limit: Some(units(500)) };
        let lines = [(1, units(500)), (2, units(501))];
        let refusal = ground_of(keeper, Some(&spoken()), &lines).unwrap_err();
        assert_eq!(refusal.code, Code::EmergencyLimit);
        assert_eq!(refusal.facts["line"], 2);
        assert_eq!(refusal.facts["limit"], 500);
        let without = Standing { emergency_limit: None, ..keeper };
        let refusal = ground_of(without, Some(&spoken()), &lines[..1]).unwrap_err();
        assert_eq!(refusal.code, Code::EmergencyLimit);
    }

    #[test]
    fn a_keeper_approves_the_request_of_another_only_on_a_spoken_word() {
        let keeper = Standing { by_office: false, is_own: false, emergency_limit: Some(units(9)) };
        let lines = [(1, units(9))];
        let refusal = ground_of(keeper, None, &lines).unwrap_err();
        assert_eq!(refusal.code, Code::AuthorityRequired);
        assert_eq!(ground_of(keeper, Some(&spoken()), &lines), Ok(Ground::SpokenWord));
        let commander = Standing { by_office: true, is_own: false, emergency_limit: None };
        assert_eq!(ground_of(commander, None, &lines), Ok(Ground::Office));
    }

    #[test]
    fn paper_is_due_after_a_spoken_word_only_and_is_late_after_48_hours() {
        let paperwork = paperwork();
        assert_eq!(paperwork.due_at, at("2026-01-17T18:05:00Z"));
        assert_eq!(paperwork.state_at(paperwork.due_at), PaperworkState::Open);
        assert_eq!(paperwork.state_at(paperwork.due_at.next()), PaperworkState::Overdue);
        let document = paperwork.document.clone();
        assert_eq!(paperwork_due(document, &written(), "zeng", paperwork.acted_at, 48), None);
    }

    #[test]
    fn only_somebody_who_did_not_act_confirms_or_objects() {
        let now = at("2026-01-16T01:00:00Z");
        let both = involve(&paperwork(), "liao").unwrap();
        assert_eq!(involve(&both, "liao"), None);
        for by in ["zeng", "liao"] {
            let refusal = decide(&both, by, now, yes()).unwrap_err();
            assert_eq!(refusal.code, Code::OwnDocument);
        }
        let confirmed = decide(&both, "zhong", now, yes()).unwrap();
        assert_eq!(confirmed.status, PaperworkStatus::Confirmed);
        assert_eq!(confirmed.state_at(at("2026-02-01T00:00:00Z")), PaperworkState::Confirmed);
        let again = decide(&confirmed, "zhong", now, yes()).unwrap_err();
        assert_eq!(again.code, Code::WrongStatus);
        let no = Decision { confirmed: false, ..yes() };
        let objected = decide(&confirmed, "liu", now, no).unwrap();
        assert_eq!(objected.status, PaperworkStatus::Objected);
    }
}
