//! What clients see of capabilities.

use crate::capability::definition::{Capability, Component};
use crate::capability::queries::{Answer, StoreFigure};
use crate::capability::rules::Possible;
use crate::kernel::{CapabilityCode, Instant, ItemCode, Quantity, StoreCode};
use crate::stock::views::freshness::FreshnessView;
use serde::Serialize;
use utoipa::ToSchema;

/// A capability: something that takes several items at once.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CapabilityView {
    /// Chosen by people, never changed.
    pub code: CapabilityCode,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
    /// What one time is called.
    pub unit: String,
    /// The parts, all of which it takes.
    pub components: Vec<ComponentView>,
    /// Whether it is still asked for.
    pub active: bool,
    /// When it was created.
    pub created_at: Instant,
}

impl From<&Capability> for CapabilityView {
    fn from(of: &Capability) -> Self {
        Self {
            code: of.code.clone(),
            name_zh: of.name_zh.clone(),
            name_en: of.name_en.clone(),
            unit: of.unit.clone(),
            components: (1..).zip(&of.components).map(ComponentView::from).collect(),
            active: of.active,
            created_at: of.created_at,
        }
    }
}

/// A part without which it cannot be done.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ComponentView {
    /// Its place, from 1.
    pub line: i64,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
    /// Items that stand in for one another.
    pub item_codes: Vec<ItemCode>,
    /// So many base units …
    pub uses: i64,
    /// … serve so many times.
    pub serves: i64,
}

impl From<(i64, &Component)> for ComponentView {
    fn from((line, of): (i64, &Component)) -> Self {
        Self {
            line,
            name_zh: of.name_zh.clone(),
            name_en: of.name_en.clone(),
            item_codes: of.items.clone(),
            uses: of.uses.units(),
            serves: of.serves.units(),
        }
    }
}

/// How often something can be done with what is held, and what binds.
#[derive(Debug, Serialize, ToSchema)]
pub struct CapabilityFigure {
    /// The capability.
    pub capability: CapabilityView,
    /// The time that the figures are of.
    pub as_of: Instant,
    /// What was recorded later is not known to them.
    pub as_known_at: Instant,
    /// With what all stores asked about hold together, as if it lay in one place.
    pub together: PossibleView,
    /// The sum of what each store can do with what it has: never above `together`.
    pub alone: i64,
    /// Stores that the figures cover.
    pub stores: i64,
    /// Of these, how many have had no movement and told nothing for longer than the setting allows.
    pub stale_stores: i64,
    /// When the store that was silent longest was last heard of, by a movement or a stock report; null
    /// where one never was.
    pub oldest_report_at: Option<Instant>,
    /// How many of those stores were heard of lately, as other figures tell it.
    pub freshness: FreshnessView,
    /// A page of stores, by code.
    pub rows: Vec<StoreFigureView>,
    /// Give this as `cursor` to get the next page; null on the last.
    pub next_cursor: Option<String>,
}

/// How often one store can do it.
#[derive(Debug, Serialize, ToSchema)]
pub struct StoreFigureView {
    /// The store.
    pub store_code: StoreCode,
    /// With what it holds.
    #[serde(flatten)]
    pub figure: PossibleView,
    /// When it was last heard of, by a movement or a stock report; null where it never was.
    pub last_report_at: Option<Instant>,
    /// Whether that is longer ago than the setting allows.
    pub stale: bool,
}

/// How often it can be done, with the figure of each part.
#[derive(Debug, Serialize, ToSchema)]
pub struct PossibleView {
    /// How often: `min` over the parts.
    pub possible: i64,
    /// The part that binds.
    pub binding: BindingView,
    /// Every part: `possible = floor(available × serves / uses)`.
    pub components: Vec<ComponentFigureView>,
}

/// The part that suffices least.
#[derive(Debug, Serialize, ToSchema)]
pub struct BindingView {
    /// Its place, from 1.
    pub line: i64,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
}

/// What is there of a part and how often it suffices.
#[derive(Debug, Serialize, ToSchema)]
pub struct ComponentFigureView {
    /// Its place, from 1.
    pub line: i64,
    /// Base units of its items that may be used and are promised to nobody.
    pub available: Quantity,
    /// How often these suffice.
    pub possible: i64,
}

impl PossibleView {
    fn new(of: &Capability, figure: &Possible) -> Self {
        let binding = of.components.get(figure.binding);
        let text = |of: Option<&String>| of.cloned().unwrap_or_default();
        Self {
            possible: figure.possible.units(),
            binding: BindingView {
                line: i64::try_from(figure.binding + 1).unwrap_or(i64::MAX),
                name_zh: text(binding.map(|part| &part.name_zh)),
                name_en: text(binding.map(|part| &part.name_en)),
            },
            components: (1..)
                .zip(&figure.components)
                .map(|(line, part)| ComponentFigureView {
                    line,
                    available: part.available,
                    possible: part.possible.units(),
                })
                .collect(),
        }
    }
}

impl CapabilityFigure {
    /// The figures as clients see them, with a page of stores.
    pub fn new(
        of: &Capability,
        answer: &Answer,
        rows: &[StoreFigure],
        next: Option<String>,
    ) -> Self {
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let silent = answer.stores.iter().filter(|store| store.stale).count();
        let oldest = answer.stores.iter().map(|store| store.last_report_at).min();
        Self {
            capability: CapabilityView::from(of),
            as_of: answer.moment.as_of,
            as_known_at: answer.moment.as_known_at,
            together: PossibleView::new(of, &answer.together),
            alone: Quantity::total(answer.stores.iter().map(|s| s.figure.possible)).units(),
            stores: count(answer.stores.len()),
            stale_stores: count(silent),
            oldest_report_at: oldest.flatten(),
            freshness: answer.fresh.into(),
            rows: rows
                .iter()
                .map(|store| StoreFigureView {
                    store_code: store.store.clone(),
                    figure: PossibleView::new(of, &store.figure),
                    last_report_at: store.last_report_at,
                    stale: store.stale,
                })
                .collect(),
            next_cursor: next,
        }
    }
}
