//! Opening the paperwork of a spoken word, and vouching for it afterwards.

use crate::access::{Actor, Scope};
use crate::authority::paperwork::{DocumentRef, Paperwork, PaperworkStatus};
use crate::authority::rules::{self, Decision};
use crate::authority::word::Authority;
use crate::authority::{records, views::PaperworkView};
use crate::command::{CommandError, Done, Subject, Tx};
use crate::db::DbError;
use crate::kernel::Refusal;
use crate::kernel::id::PaperworkId;

/// Opens the paperwork of a document that something is done on, or counts the caller among those
/// who acted where the same word has opened it already.
///
/// Nothing is due on a written order.
///
/// # Errors
/// When the database fails.
pub fn act_on(
    tx: &mut Tx<'_>,
    document: DocumentRef,
    authority: &Authority,
) -> Result<(), DbError> {
    if !authority.is_spoken() {
        return Ok(());
    }
    let user = tx.actor.name.clone();
    let earlier = records::of_document(tx.conn, &document.kind, &document.id)?;
    let same = earlier
        .iter()
        .find(|paper| paper.authority == *authority && paper.status != PaperworkStatus::Void);
    if let Some(paper) = same {
        let joined = rules::involve(paper, &user);
        if joined.is_none() && paper.document == document {
            return Ok(());
        }
        // The sender may have been decided only now, and its people are to see the paper too.
        let paper = Paperwork { document, ..joined.unwrap_or_else(|| paper.clone()) };
        return records::update(tx.conn, &paper);
    }
    let hours = tx.settings.paperwork_hours;
    match rules::paperwork_due(document, authority, &user, tx.now, hours) {
        Some(paper) => records::insert(tx.conn, &paper),
        None => Ok(()),
    }
}

/// Takes back the open paperwork of a document of which nothing has come.
///
/// # Errors
/// When the database fails.
pub fn void(tx: &mut Tx<'_>, kind: &str, document_id: &str) -> Result<(), DbError> {
    for paper in records::of_document(tx.conn, kind, document_id)? {
        if paper.status == PaperworkStatus::Open {
            let version = paper.version + 1;
            let void = Paperwork { status: PaperworkStatus::Void, version, ..paper };
            records::update(tx.conn, &void)?;
        }
    }
    Ok(())
}

/// Confirms or objects to what was done on a spoken word.
///
/// # Errors
/// `not_found` outside the caller's scope, `stale_version`, `own_document` for anyone who acted,
/// `wrong_status` when it is decided so already.
pub fn decide(
    tx: &mut Tx<'_>,
    id: &PaperworkId,
    decision: &Decision,
) -> Result<Done, CommandError> {
    let paper = records::lock(tx.conn, id)?
        .filter(|paper| is_visible(tx.actor, &paper.document))
        .ok_or_else(|| not_found(id.as_str()))?;
    tx.expect_version(paper.version)?;
    let decided = rules::decide(&paper, &tx.actor.name, tx.now, decision.clone())?;
    records::update(tx.conn, &decided)?;
    let subject = Subject {
        kind: "paperwork",
        id: decided.id.to_string(),
        store: decided.document.store.clone(),
    };
    Ok(Done::ok(subject, &PaperworkView::of(&decided, tx.now))
        .version(decided.version)
        .replacing(&PaperworkView::of(&paper, tx.now)))
}

/// Whether somebody may know of a document: either of its stores is in scope.
pub fn is_visible(actor: &Actor, document: &DocumentRef) -> bool {
    match &actor.scope {
        Scope::All => true,
        Scope::Stores(stores) => [&document.store, &document.other_store]
            .into_iter()
            .flatten()
            .any(|s| stores.contains(s)),
    }
}

/// That there is no such paperwork, or none that the caller may know of.
pub fn not_found(id: &str) -> Refusal {
    Refusal::not_found("补办手续", "paperwork", id)
}
