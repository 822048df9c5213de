//! The commands that a batch may carry: one table of words, and nothing else knows them.

use crate::access::Permission as P;
use crate::command::{CommandError, Done, Rows, Tx};
use crate::correction::commands as corrections;
use crate::dispatch::commands as dispatches;
use crate::issue::commands as issues;
use crate::kernel::id::{
    DispatchId, MakersLotId, MovementId, StockDocumentId, StocktakeId, UnmatchedId,
};
use crate::kernel::{FaultCode, ItemCode, LotNumber, Refusal, json};
use crate::report::commands as reports;
use crate::stock::commands as stock;
use crate::stock::document::DocumentKind as Kind;
use crate::stock::lot::LotWanted;
use crate::stock::queries;
use crate::stock::records::lots_numbered;
use crate::stock::requests::ReceiptRequest;
use crate::stocktake::commands as stocktakes;
use crate::stocktake::requests::FinishRequest;
use serde::de::DeserializeOwned;

/// A command that has been read and waits for its transaction and the name of its target.
pub struct Ready {
    /// Runs it.
    pub run: Box<Run>,
    /// Lots that it will ask for.
    pub wanted: Vec<LotWanted>,
}

/// What a command does in its transaction, given the name of its target.
pub type Run = dyn Fn(&mut Tx<'_>, &str) -> Result<Done, CommandError> + Send + Sync;

/// A word with what it does.
pub struct Word {
    /// The `operationId` of the operation that does the same alone.
    pub word: &'static str,
    /// That operation's path below `/api/v1`; it names a target where it has braces.
    pub path: &'static str,
    /// The right that it needs.
    pub permission: P,
    /// When its rows are written.
    pub rows: Rows,
    prepare: fn(&[u8]) -> Result<Ready, Refusal>,
}

impl Word {
    /// The word that is spelled so.
    ///
    /// # Errors
    /// `validation_failed` when there is none.
    pub fn find(word: &str) -> Result<&'static Self, Refusal> {
        let found = WORDS.iter().find(|known| known.word == word);
        found.ok_or_else(|| Refusal::fault("/command", FaultCode::NotInList))
    }

    /// Whether it acts on something that stands there already.
    pub fn has_target(&self) -> bool {
        self.path.contains('{')
    }

    /// The path of the operation that does the same to `target` alone.
    pub fn path_to(&self, target: &str) -> String {
        let mut path = String::from("/api/v1");
        let mut names = target.split('/');
        let mut rest = self.path;
        while let Some((before, after)) = rest.split_once('{') {
            path.push_str(before);
            path.push_str(names.next().unwrap_or_default());
            rest = after.split_once('}').map_or("", |(_, after)| after);
        }
        path + rest
    }

    /// Reads the body of a command.
    ///
    /// # Errors
    /// `malformed_request` when it has the wrong shape.
    pub fn prepare(&self, body: &[u8]) -> Result<Ready, Refusal> {
        (self.prepare)(body)
    }
}

macro_rules! words {
    (@rows) => { Rows::AtOnce };
    (@rows together) => { Rows::Together };
    ($( $(#[$rows:ident])? $word:literal $path:literal $permission:ident $prepare:expr; )+) => {
        /// Every word, in the order of the operations.
        pub const WORDS: &[Word] = &[$(Word {
            word: $word,
            path: $path,
            permission: P::$permission,
            rows: words!(@rows $($rows)?),
            prepare: |body| $prepare(body),
        }),+];
    };
}

words! {
    #[together]
    "post_receipt" "/receipts" PostReceipts receipt();
    "settle_receipt_cost" "/receipts/{id}/cost" PostReceipts of(Kind::Receipt, stock::settle_cost);
    "reverse_receipt" "/receipts/{id}/reversal" PostReversals
        of(Kind::Receipt, |tx, id, body| stock::reverse_document(tx, Kind::Receipt, id, body));
    "post_issue" "/issues" PostIssues new(issues::post_issue);
    "reverse_issue" "/issues/{id}/reversal" PostReversals
        of(Kind::Issue, |tx, id, body| stock::reverse_document(tx, Kind::Issue, id, body));
    "post_write_off" "/write-offs" PostWriteOffs new(stock::post_write_off);
    "approve_write_off" "/write-offs/{id}/approve" ApproveWriteOffs
        of(Kind::WriteOff, stock::approve_write_off);
    "cancel_write_off" "/write-offs/{id}/cancel" ApproveWriteOffs
        of(Kind::WriteOff, stock::cancel_write_off);
    "reverse_write_off" "/write-offs/{id}/reversal" PostReversals
        of(Kind::WriteOff, |tx, id, body| stock::reverse_document(tx, Kind::WriteOff, id, body));
    "post_adjustment" "/adjustments" PostAdjustments new(stock::post_adjustment);
    "reverse_adjustment" "/adjustments/{id}/reversal" PostReversals
        of(Kind::Adjustment, |tx, id, body| stock::reverse_document(tx, Kind::Adjustment, id, body));
    "post_state_change" "/state-changes" PostStateChanges new(stock::change_state);
    "reverse_state_change" "/state-changes/{id}/reversal" PostReversals
        of(Kind::StateChange, |tx, id, body| stock::reverse_document(tx, Kind::StateChange, id, body));
    "match_unmatched" "/unmatched/{id}/matches" PostAdjustments fact(stock::unmatched::match_fact);
    "recall_makers_lot" "/makers-lots/{id}/recall" RecallLots makers_lot(stock::recall);
    "correct_makers_lot" "/makers-lots/{id}/correction" CorrectLots
        makers_lot(corrections::correct);
    "set_makers_lot_expiry" "/makers-lots/{id}/expiry" CorrectLots
        makers_lot(corrections::set_expiry);
    "reverse_movement" "/movements/{id}/reversals" PostReversals movement(stock::reverse_movement);
    "create_dispatch" "/dispatches" CreateDispatches new(dispatches::create);
    "approve_dispatch" "/dispatches/{id}/approve" ApproveDispatches dispatch(dispatches::approve);
    "pick_dispatch" "/dispatches/{id}/pick" ShipDispatches dispatch(dispatches::pick);
    "ship_dispatch" "/dispatches/{id}/ship" ShipDispatches dispatch(dispatches::ship);
    "receive_dispatch" "/dispatches/{id}/receipts" ReceiveDispatches dispatch(dispatches::receive);
    "reverse_dispatch_receipt" "/dispatches/{id}/receipts/{receipt_id}/reversal" ReceiveDispatches
        signing(dispatches::reverse_receipt);
    "redirect_dispatch" "/dispatches/{id}/redirect" RedirectDispatches
        dispatch(dispatches::redirect);
    "close_dispatch" "/dispatches/{id}/close" CloseDispatches dispatch(dispatches::close);
    "cancel_dispatch" "/dispatches/{id}/cancel" CancelDispatches dispatch(dispatches::cancel);
    "follow_up_dispatch" "/dispatches/{id}/follow-up" CreateDispatches
        dispatch(dispatches::follow_up);
    "begin_stocktake" "/stocktakes" RunStocktakes new(stocktakes::begin);
    "enter_stocktake_counts" "/stocktakes/{id}/counts" RunStocktakes
        stocktake(stocktakes::enter_counts);
    "explain_stocktake" "/stocktakes/{id}/reasons" RunStocktakes stocktake(stocktakes::explain);
    "submit_stocktake" "/stocktakes/{id}/submit" RunStocktakes
        stocktake(|tx, id, body: &FinishRequest| stocktakes::submit(tx, id, &body.parse()?));
    "reopen_stocktake" "/stocktakes/{id}/reopen" ReopenStocktakes stocktake(stocktakes::reopen);
    "approve_stocktake" "/stocktakes/{id}/approve" ApproveStocktakes
        stocktake(stocktakes::approve);
    "post_stocktake" "/stocktakes/{id}/post" RunStocktakes
        stocktake(|tx, id, body: &FinishRequest| stocktakes::post(tx, id, &body.parse()?));
    "cancel_stocktake" "/stocktakes/{id}/cancel" RunStocktakes stocktake(stocktakes::cancel);
    "send_stock_report" "/stock-reports" SendReports new(reports::send);
}

type Prepare<'a> = Box<dyn FnOnce(&[u8]) -> Result<Ready, Refusal> + 'a>;

/// A command that makes something new.
fn new<'a, R: DeserializeOwned + Send + Sync + 'static>(
    run: fn(&mut Tx<'_>, &R) -> Result<Done, CommandError>,
) -> Prepare<'a> {
    on(move |tx, _, request| run(tx, request))
}

/// A receipt, whose lots can be foreseen.
fn receipt<'a>() -> Prepare<'a> {
    Box::new(|body| {
        let request: ReceiptRequest = json::read(body)?;
        let wanted = request.wanted();
        let run = move |tx: &mut Tx<'_>, _: &str| stock::post_receipt(tx, &request);
        Ok(Ready { run: Box::new(run), wanted })
    })
}

/// A command on a stock document of a kind.
fn of<'a, R: DeserializeOwned + Send + Sync + 'static>(
    kind: Kind,
    run: fn(&mut Tx<'_>, &StockDocumentId, &R) -> Result<Done, CommandError>,
) -> Prepare<'a> {
    on(move |tx, target, request| {
        let (zh, en) = kind.names();
        let document = queries::document(tx.conn, &tx.actor.scope, kind, target)?
            .ok_or_else(|| Refusal::not_found(zh, en, target))?;
        run(tx, &document.id, request)
    })
}

/// A command on a movement.
fn movement<'a, R: DeserializeOwned + Send + Sync + 'static>(
    run: fn(&mut Tx<'_>, &MovementId, &R) -> Result<Done, CommandError>,
) -> Prepare<'a> {
    on(move |tx, target, request| {
        let id = MovementId::try_from(target.to_owned())
            .map_err(|_shape| Refusal::not_found("流水", "movement", target))?;
        run(tx, &id, request)
    })
}

/// A command on a fact that the book could not cover.
fn fact<'a, R: DeserializeOwned + Send + Sync + 'static>(
    run: fn(&mut Tx<'_>, &UnmatchedId, &R) -> Result<Done, CommandError>,
) -> Prepare<'a> {
    on(move |tx, target, request| {
        let id = UnmatchedId::try_from(target.to_owned())
            .map_err(|_shape| stock::unmatched::not_found(target))?;
        run(tx, &id, request)
    })
}

/// A command on a maker's lot, which who has no network names as its label does: `M02:20260101A`.
fn makers_lot<'a, R: DeserializeOwned + Send + Sync + 'static>(
    run: fn(&mut Tx<'_>, &MakersLotId, &R) -> Result<Done, CommandError>,
) -> Prepare<'a> {
    on(move |tx, target, request| {
        let none = || Refusal::not_found("批号", "maker's lot", target);
        let id = match target.split_once(':') {
            None => MakersLotId::try_from(target.to_owned()).map_err(|_shape| none())?,
            Some((item, number)) => {
                let item = ItemCode::new(item).map_err(|_shape| none())?;
                let number = LotNumber::new(number).map_err(|_shape| none())?;
                let lots = lots_numbered(tx.conn, &item, &number)?;
                let mut ids: Vec<MakersLotId> =
                    lots.into_iter().map(|lot| lot.makers_lot.id).collect();
                ids.sort_unstable();
                ids.dedup();
                match <[MakersLotId; 1]>::try_from(ids) {
                    Ok([id]) => id,
                    Err(ids) if ids.is_empty() => return Err(none().into()),
                    // Several makers use the number.
                    Err(ids) => {
                        let refusal = Refusal::fault("/target", FaultCode::Ambiguous);
                        let ids: Vec<String> = ids.iter().map(MakersLotId::to_string).collect();
                        return Err(refusal.with("candidates", ids).into());
                    }
                }
            }
        };
        run(tx, &id, request)
    })
}

/// A command on a dispatch.
fn dispatch<'a, R: DeserializeOwned + Send + Sync + 'static>(
    run: fn(&mut Tx<'_>, &DispatchId, &R) -> Result<Done, CommandError>,
) -> Prepare<'a> {
    on(move |tx, target, request| {
        let id = dispatches::id_of(tx, target)?;
        run(tx, &id, request)
    })
}

/// A command on a stocktake.
fn stocktake<'a, R: DeserializeOwned + Send + Sync + 'static>(
    run: fn(&mut Tx<'_>, &StocktakeId, &R) -> Result<Done, CommandError>,
) -> Prepare<'a> {
    on(move |tx, target, request| {
        let id = stocktakes::id_of(tx, target)?;
        run(tx, &id, request)
    })
}

/// A command on a signing for the goods of a dispatch.
fn signing<'a, R: DeserializeOwned + Send + Sync + 'static>(
    run: fn(&mut Tx<'_>, &DispatchId, &str, &R) -> Result<Done, CommandError>,
) -> Prepare<'a> {
    on(move |tx, target, request| {
        let (order, receipt) = target.split_once('/').unwrap_or((target, ""));
        let id = dispatches::id_of(tx, order)?;
        run(tx, &id, receipt, request)
    })
}

fn on<'a, R: DeserializeOwned + Send + Sync + 'static>(
    run: impl Fn(&mut Tx<'_>, &str, &R) -> Result<Done, CommandError> + Send + Sync + 'static,
) -> Prepare<'a> {
    Box::new(move |body| {
        let request: R = json::read(body)?;
        let run = move |tx: &mut Tx<'_>, target: &str| run(tx, target, &request);
        Ok(Ready { run: Box::new(run), wanted: Vec::new() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_leads_to_the_path_of_its_operation() {
        let path = |word: &str, target: &str| Word::find(word).unwrap().path_to(target);
        assert_eq!(path("post_receipt", ""), "/api/v1/receipts");
        assert_eq!(path("reverse_issue", "7"), "/api/v1/issues/7/reversal");
        assert_eq!(
            path("reverse_dispatch_receipt", "7/8"),
            "/api/v1/dispatches/7/receipts/8/reversal"
        );
        assert!(Word::find("post_anything").is_err());
    }
}
