//! Working a proposal out, a rehearsal of one, or a comparison of policies.

use crate::access::Actor;
use crate::allocation::commands::{event, showing, subject};
use crate::allocation::freezing::{Wanted, Who, freeze};
use crate::allocation::inputs::{Inputs, policy_of};
use crate::allocation::making::{figures, make, make_by};
use crate::allocation::outcome::Outcome;
use crate::allocation::proposal::{Allocation, AllocationStatus, Line};
use crate::allocation::queries;
use crate::allocation::records;
use crate::allocation::requests::proposing::{AllocationRequest, Asked, CompareRequest};
use crate::allocation::views::comparing::{AllocationComparison, ComparedPart, ComparedPolicy};
use crate::catalogue::records::{self as catalogue, substitution};
use crate::catalogue::substitution::{Substitutes, UseScene};
use crate::command::{CommandError, Done, Tx};
use crate::config::Settings;
use crate::db::DbConnection;
use crate::kernel::id::AllocationId;
use crate::kernel::{FaultCode, Faults, Instant, ItemCode, Refusal, StoreCode};
use crate::reserve_plan::queries::head_store;
use crate::stock::document::format_number;
use crate::stock::records::next_number;
use crate::stores::records as stores;
use chrono::Datelike;

/// The letters with which the numbers of allocations begin: 分配方案.
const PREFIX: &str = "FP";
/// Those of rehearsals: 演练.
const REHEARSAL_PREFIX: &str = "YL";

/// Works out who should get what, and keeps the proposal with its frozen inputs.
///
/// # Errors
/// `validation_failed` with every fault, unknown items and stores among them;
/// `store_out_of_scope` for a store that is not in the caller's region.
pub fn propose(tx: &mut Tx<'_>, request: &AllocationRequest) -> Result<Done, CommandError> {
    let mut faults = Faults::new();
    let follows = request.follows.as_deref();
    let before = showing::named(tx.conn, tx.actor, follows, "/follows", &mut faults)?;
    let asking = Asking { actor: tx.actor, settings: tx.settings, now: tx.now };
    let (inputs, reason) =
        asking.inputs(tx.conn, request, before.as_ref().map(|one| &one.inputs), &mut faults)?;
    let outcome = make(&inputs)?;
    let rehearsal = request.is_rehearsal();
    let prefix = if rehearsal { REHEARSAL_PREFIX } else { PREFIX };
    let mut one = Allocation {
        id: AllocationId::generate(),
        number: String::new(),
        status: AllocationStatus::Proposed,
        rehearsal,
        reason,
        input_hash: Inputs::hash_of(&inputs.to_json()),
        lines: lines_of(&outcome),
        inputs,
        outcome,
        follows: before.as_ref().map(|one| one.id.clone()),
        round: before.as_ref().map_or(1, |one| one.round + 1),
        created_by: tx.actor.name.clone(),
        created_at: tx.now,
        authors: vec![tx.actor.name.clone()],
        decided_by: None,
        decided_at: None,
        authority: None,
        accepted: Vec::new(),
        note: None,
        version: 1,
        dispatches: Vec::new(),
    };
    one.number = number(tx, prefix, &one)?;
    records::insert(tx.conn, &one)?;
    let told = event(tx, "proposed", one.reason.clone());
    records::tell(tx.conn, &one.id, &told)?;
    let view = showing::view(tx.conn, &one, tx.settings, tx.now)?;
    Ok(Done::created(subject(&one), &view)
        .version(one.version)
        .located(format!("/allocations/{}", one.id)))
}

/// Sets policies side by side on the same inputs; nothing is stored.
///
/// # Errors
/// As [`propose`].
pub fn compare(
    conn: &mut DbConnection,
    actor: &Actor,
    settings: &Settings,
    now: Instant,
    request: &CompareRequest,
) -> Result<AllocationComparison, CommandError> {
    let mut faults = Faults::new();
    let words = request.policies(&mut faults);
    let (inputs, changes) = match request.allocation.as_deref() {
        Some(id) => {
            let stored = showing::named(conn, actor, Some(id), "/allocation", &mut faults)?;
            let one = faults.finish(stored)?;
            let stale = !one.rehearsal && one.status == AllocationStatus::Proposed;
            let changes =
                if stale { showing::moved(conn, &one, settings, now)?.1 } else { Vec::new() };
            (one.inputs, changes)
        }
        None => {
            let follows = request.ask.follows.as_deref();
            let before = showing::named(conn, actor, follows, "/follows", &mut faults)?;
            let before = before.as_ref().map(|one| &one.inputs);
            let asking = Asking { actor, settings, now };
            let inputs = asking.inputs(conn, &request.ask, before, &mut faults)?.0;
            (inputs, Vec::new())
        }
    };
    let measure = inputs.terms.measure;
    let mut policies = Vec::new();
    for word in words {
        let policy = policy_of(&word, &inputs.terms.stages);
        let outcome = make_by(&inputs, &policy, measure)?;
        let parts = inputs.parts.iter().zip(&outcome.parts).map(|(part, of)| {
            ComparedPart::of(&part.item, &figures(&inputs, part, of, &policy, measure), of)
        });
        policies.push(ComparedPolicy { parts: parts.collect(), policy: word });
    }
    Ok(AllocationComparison {
        input_hash: Inputs::hash_of(&inputs.to_json()),
        measure,
        rehearsal: inputs.what_if.is_some(),
        changes,
        policies,
    })
}

/// Who asks, and when.
struct Asking<'a> {
    actor: &'a Actor,
    settings: &'a Settings,
    now: Instant,
}

impl Asking<'_> {
    /// The frozen inputs of a question, with the reason for it.
    fn inputs(
        &self,
        conn: &mut DbConnection,
        request: &AllocationRequest,
        before: Option<&Inputs>,
        faults: &mut Faults,
    ) -> Result<(Inputs, Option<String>), CommandError> {
        let asked = request.parse(before, faults);
        let groups = self.groups(conn, &asked, request, faults)?;
        let items: Vec<ItemCode> = groups.iter().flatten().cloned().collect();
        let named = named_stores(&asked, request);
        check_stores(conn, &named, faults)?;
        std::mem::take(faults).check()?;
        for (_, store) in &named {
            self.actor.require_store(store)?;
        }
        let what_if = asked.what_if.as_ref();
        let scope = &self.actor.scope;
        let facts = queries::facts(conn, scope, &items, what_if, self.settings, self.now)?;
        Ok((freeze(&facts, &wanted(&asked, groups)), asked.reason))
    }
}

fn wanted(asked: &Asked, groups: Vec<Vec<ItemCode>>) -> Wanted {
    let who = |stores: &Option<Vec<StoreCode>>| match stores {
        None => Who::Found,
        Some(stores) => Who::Named(stores.iter().cloned().collect()),
    };
    Wanted {
        groups,
        donors: who(&asked.donors),
        recipients: who(&asked.recipients),
        terms: asked.terms.clone(),
    }
}

/// Every store that a request names, with where it does.
fn named_stores(asked: &Asked, request: &AllocationRequest) -> Vec<(String, StoreCode)> {
    let mut named = Vec::new();
    let mut list = |pointer: &str, stores: &[StoreCode]| {
        let all = stores.iter().enumerate();
        named.extend(all.map(|(at, store)| (format!("{pointer}/{at}"), store.clone())));
    };
    list("/donors", asked.donors.as_deref().unwrap_or_default());
    list("/recipients", asked.recipients.as_deref().unwrap_or_default());
    if request.urgent.is_some() {
        list("/urgent", &asked.terms.urgent_stores);
    }
    if request.weights.is_some() {
        let weighted: Vec<StoreCode> =
            asked.terms.weights.iter().map(|term| term.store.clone()).collect();
        list("/weights", &weighted);
    }
    if let Some(what_if) = &asked.what_if {
        let stock: Vec<StoreCode> = what_if.stock.iter().map(|other| other.store.clone()).collect();
        let uses: Vec<StoreCode> = what_if.uses.iter().map(|other| other.store.clone()).collect();
        list("/what_if/stock", &stock);
        list("/what_if/daily_use", &uses);
    }
    named
}

fn check_stores(
    conn: &mut DbConnection,
    named: &[(String, StoreCode)],
    faults: &mut Faults,
) -> Result<(), CommandError> {
    let codes: Vec<StoreCode> = named.iter().map(|(_, store)| store.clone()).collect();
    let known = stores::find_all(conn, &codes)?;
    for (pointer, code) in named {
        match known.get(code) {
            None => faults.add(pointer.clone(), FaultCode::Unknown),
            Some(store) if !store.active => faults.add(pointer.clone(), FaultCode::Inactive),
            Some(_) => {}
        }
    }
    Ok(())
}

impl Asking<'_> {
    /// Every item that is divided with what may stand in for it, once those asked for are known.
    ///
    /// What stands in is what may for any use in the caller's region, one for one: the units of a
    /// group are added up.
    fn groups(
        &self,
        conn: &mut DbConnection,
        asked: &Asked,
        request: &AllocationRequest,
        faults: &mut Faults,
    ) -> Result<Vec<Vec<ItemCode>>, CommandError> {
        let known = catalogue::find_all(conn, &asked.items)?;
        let mut substitutes = match asked.terms.with_substitutes {
            true => substitution::in_force(conn, Some(&asked.items), self.now, None)?
                .of(self.actor.region.as_ref(), UseScene::General),
            false => Substitutes::new(),
        };
        let mut groups: Vec<Vec<ItemCode>> = Vec::new();
        for (at, code) in asked.items.iter().enumerate() {
            let pointer = match &request.item_codes {
                Some(_) => format!("/item_codes/{at}"),
                None => "/item_code".to_owned(),
            };
            let Some(item) = known.get(code) else {
                faults.add(pointer, FaultCode::Unknown);
                continue;
            };
            if let Some(pack) = &asked.terms.pack_code
                && item.pack(pack).is_none()
            {
                faults.add("/pack_code", FaultCode::Unknown);
            }
            let others = substitutes.remove(code).unwrap_or_default().into_iter();
            let others = others.filter(|one| one.rate.is_one_for_one()).map(|one| one.item);
            let mut group = Vec::new();
            for member in std::iter::once(code.clone()).chain(others) {
                if groups.iter().chain([&group]).any(|group| group.contains(&member)) {
                    // One stock cannot be divided twice in one proposal.
                    faults.add(pointer.clone(), FaultCode::Duplicate);
                } else {
                    group.push(member);
                }
            }
            groups.push(group);
        }
        let divided = |item: &ItemCode| groups.iter().any(|group| group.contains(item));
        let what_if = asked.what_if.iter();
        for other in what_if.clone().flat_map(|what_if| &what_if.stock) {
            if !divided(&other.item) {
                faults.add("/what_if/stock", FaultCode::Unknown);
            }
        }
        for other in what_if.flat_map(|what_if| &what_if.uses) {
            if !divided(&other.item) {
                faults.add("/what_if/daily_use", FaultCode::Unknown);
            }
        }
        Ok(groups)
    }
}

fn lines_of(outcome: &Outcome) -> Vec<Line> {
    let parts = outcome.parts.iter().zip(1..);
    let lines = parts.flat_map(|(part, number)| part.lines.iter().map(move |line| (number, line)));
    lines
        .zip(1..)
        .map(|((part, line), number)| Line {
            line: number,
            part,
            item_code: line.item_code.clone(),
            from: line.from.clone(),
            to: line.to.clone(),
            proposed: line.quantity,
            proposed_lots: line.lots.clone(),
            decided: line.quantity,
            decided_lots: line.lots.clone(),
            edit: None,
        })
        .collect()
}

/// The next number, given by the store at the head of the caller's region.
fn number(tx: &mut Tx<'_>, prefix: &str, one: &Allocation) -> Result<String, CommandError> {
    let head = match &tx.actor.region {
        Some(region) => head_store(tx.conn, region)?,
        None => None,
    };
    let any = || one.cells().into_iter().next().map(|(store, _)| store);
    let store = head.or_else(any).ok_or_else(|| {
        // Nobody gives and nobody receives, and there is no store to number it by.
        Refusal::fault("/recipients", FaultCode::Required)
    })?;
    let year = i64::from(tx.settings.zone.day_of(tx.now).year());
    let running = next_number(tx.conn, &store, prefix, year)?;
    Ok(format_number(prefix, &store, year, running))
}
