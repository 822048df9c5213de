//! Totals of groups of lines.

use super::Question;
use super::ground::Ground;
use crate::catalogue::Category;
use crate::db::schema::item;
use crate::db::{DbConnection, DbError};
use crate::kernel::{ItemCode, RegionCode};
use crate::reserve_plan::plan::StorePlace;
use crate::shortfall::grouping::{Grouping, TotalsBy};
use crate::shortfall::rules::{Totals, TotalsSoFar};
use diesel::prelude::*;
use std::collections::BTreeMap;

/// Totals of each group, by its code, and of all.
#[derive(Debug)]
pub struct GroupedTotals {
    /// By the group's code.
    pub groups: BTreeMap<String, Totals>,
    /// Of all lines that match, each counted once.
    pub all: Totals,
}

/// The totals of the lines that match, by group.
///
/// # Errors
/// When the database fails.
pub fn totals_by(
    conn: &mut DbConnection,
    ground: &Ground,
    question: &Question,
    grouping: Grouping,
) -> Result<GroupedTotals, DbError> {
    let categories: BTreeMap<ItemCode, Category> = match grouping.by {
        TotalsBy::Category => {
            let rows: Vec<(ItemCode, Category)> =
                item::table.select((item::code, item::category)).load(conn)?;
            rows.into_iter().collect()
        }
        TotalsBy::Region | TotalsBy::Kind | TotalsBy::Store | TotalsBy::Item => BTreeMap::new(),
    };
    let mut all = TotalsSoFar::default();
    let mut groups: BTreeMap<String, TotalsSoFar> = BTreeMap::new();
    let mut items: BTreeMap<ItemCode, TotalsSoFar> = BTreeMap::new();
    let of_items = matches!(grouping.by, TotalsBy::Category | TotalsBy::Item);
    let mut walk = ground.walk(question, None, None);
    while let Some(chunk) = walk.next(conn)? {
        for (place, lines) in chunk.plain_lines(&ground.levels) {
            let mut store = TotalsSoFar::default();
            for line in lines {
                if !question.matches(&line) {
                    continue;
                }
                let total_line = line.total_line();
                store.add(&total_line);
                if of_items {
                    let known = items.get_mut(&line.item);
                    match known {
                        Some(item) => item.add(&total_line),
                        None => items.entry(line.item.clone()).or_default().add(&total_line),
                    }
                }
            }
            all.merge(&store);
            for group in of_place(place, grouping, question.region.as_ref()) {
                groups.entry(group).or_default().merge(&store);
            }
        }
    }
    for (item, totals) in items {
        let group = match categories.get(&item) {
            Some(category) => category.as_str().to_owned(),
            None => item.as_str().to_owned(),
        };
        groups.entry(group).or_default().merge(&totals);
    }
    let groups = groups.into_iter().map(|(group, totals)| (group, totals.finish())).collect();
    Ok(GroupedTotals { groups, all: all.finish() })
}

/// The groups to which all lines of a store belong.
fn of_place(place: &StorePlace, grouping: Grouping, asked: Option<&RegionCode>) -> Vec<String> {
    match grouping.by {
        TotalsBy::Region => place
            .region
            .with_ancestors()
            .into_iter()
            .filter(|region| asked.is_none_or(|asked| asked.contains(region)))
            .filter(|region| grouping.digits.is_none_or(|digits| region.as_str().len() == digits))
            .map(String::from)
            .collect(),
        TotalsBy::Kind => vec![place.kind.clone()],
        TotalsBy::Store => vec![place.code.as_str().to_owned()],
        TotalsBy::Category | TotalsBy::Item => Vec::new(),
    }
}
