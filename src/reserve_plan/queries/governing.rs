//! Which line counts for each item at each store, for some stores after the others.

use crate::db::{DbConnection, DbError};
use crate::kernel::id::ReservePlanId;
use crate::kernel::{ItemCode, StoreCode};
use crate::reserve_plan::plan::{LineScope, PlansInForce, SharedLine, StorePlace};
use crate::reserve_plan::records::scoped::lines_of_scopes;
use crate::reserve_plan::rules::governing_lines;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A line of a plan at one of the stores that it governs.
#[derive(Debug, Clone)]
pub struct Governed {
    /// The store.
    pub place: Arc<StorePlace>,
    /// The line that counts there.
    pub line: SharedLine,
}

/// What a plan says of a scope.
type Spoken = BTreeMap<(ReservePlanId, LineScope), Vec<SharedLine>>;

/// Finds the governing lines of stores, some stores at a time. Of what it has read it keeps what
/// plans say of the kinds and regions of the stores it was last asked about, so that it is not read
/// anew for each of them, and no more than that.
#[derive(Debug, Default)]
pub struct Governor {
    shared: Spoken,
}

impl Governor {
    /// The line that counts for each item at some stores, of the plan that is in force where the
    /// store is, in the order of store and item; of all items, or of
    /// some.
    ///
    /// Ask one governor about the same items always.
    ///
    /// # Errors
    /// When the database fails.
    pub fn govern(
        &mut self,
        conn: &mut DbConnection,
        in_force: &PlansInForce,
        stores: &[StorePlace],
        items: Option<&[ItemCode]>,
    ) -> Result<Vec<Governed>, DbError> {
        let mut by_plan: BTreeMap<&ReservePlanId, Vec<StorePlace>> = BTreeMap::new();
        for store in stores {
            if let Some(plan) = in_force.of(&store.region) {
                by_plan.entry(&plan.id).or_default().push(store.clone());
            }
        }
        let mut shared = Spoken::new();
        let mut governed: BTreeMap<&StoreCode, (Arc<StorePlace>, Vec<Governed>)> = stores
            .iter()
            .map(|store| (&store.code, (Arc::new(store.clone()), Vec::new())))
            .collect();
        for (plan, places) in &by_plan {
            let scopes: BTreeSet<LineScope> = places.iter().flat_map(StorePlace::scopes).collect();
            let (own, common): (Vec<LineScope>, Vec<LineScope>) =
                scopes.into_iter().partition(|scope| matches!(scope, LineScope::Store(_)));
            let mut lines: Vec<SharedLine> = lines_of_scopes(conn, plan, &own, items)?
                .into_iter()
                .map(SharedLine::from)
                .collect();
            let spoken = self.spoken_of(conn, plan, common, items)?;
            lines.extend(spoken.values().flatten().cloned());
            shared.extend(spoken);
            for ((store, _), line) in governing_lines(&lines, places) {
                if let Some((place, cells)) = governed.get_mut(store) {
                    cells.push(Governed { place: Arc::clone(place), line: line.clone() });
                }
            }
        }
        self.shared = shared;
        Ok(governed.into_values().flat_map(|(_, cells)| cells).collect())
    }

    /// What a plan says of kinds and regions: what is known of them already, and what must be read.
    fn spoken_of(
        &mut self,
        conn: &mut DbConnection,
        plan: &ReservePlanId,
        scopes: Vec<LineScope>,
        items: Option<&[ItemCode]>,
    ) -> Result<Spoken, DbError> {
        let mut spoken = Spoken::new();
        let mut unknown = Vec::new();
        for scope in scopes {
            let key = (plan.clone(), scope);
            match self.shared.remove(&key) {
                Some(lines) => {
                    spoken.insert(key, lines);
                }
                None => {
                    unknown.push(key.1.clone());
                    // Also where the plan says nothing, so that it is not asked again.
                    spoken.insert(key, Vec::new());
                }
            }
        }
        for line in lines_of_scopes(conn, plan, &unknown, items)? {
            let key = (plan.clone(), line.line.scope.clone());
            spoken.entry(key).or_default().push(line.into());
        }
        Ok(spoken)
    }
}
