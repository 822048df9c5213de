//! What clients send about capabilities: every fault gathered.

use crate::capability::definition::{Capability, Component};
use crate::kernel::{
    CapabilityCode, FaultCode, Faults, Instant, ItemCode, Quantity, Refusal, Text,
};
use serde::Deserialize;
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// The most parts of a capability, and the most items of a part.
const MOST: usize = 20;

/// A new capability.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "code": "PCR", "name_zh": "核酸检测（10合1混采）", "name_en": "Pooled PCR tests, ten in one", "unit": "人份",
    "components": [
        {"name_zh": "采样管", "name_en": "Sampling tubes", "item_codes": ["T04"], "uses": 1, "serves": 10},
        {"name_zh": "扩增试剂", "name_en": "Amplification kit", "item_codes": ["T01"], "uses": 1, "serves": 10},
        {"name_zh": "防护服", "name_en": "Coveralls", "item_codes": ["P01"], "uses": 1, "serves": 200}
    ]
}))]
pub struct CapabilityRequest {
    /// Chosen by people, unique, never changed.
    pub code: String,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
    /// What one time is called.
    pub unit: String,
    /// The parts, all of which it takes: 1 to 20.
    pub components: Vec<ComponentBody>,
}

/// A part without which it cannot be done.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ComponentBody {
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
    /// Items that stand in for one another, 1 to 20; an item belongs to one part only.
    pub item_codes: Vec<String>,
    /// So many base units …
    #[schema(minimum = 1)]
    pub uses: i64,
    /// … serve so many times.
    #[schema(minimum = 1)]
    pub serves: i64,
}

/// Changes to a capability; absent fields stay as they are.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CapabilityPatch {
    /// Chinese name.
    pub name_zh: Option<String>,
    /// English name.
    pub name_en: Option<String>,
    /// What one time is called.
    pub unit: Option<String>,
    /// All parts, in place of those there are.
    pub components: Option<Vec<ComponentBody>>,
    /// Whether it is still asked for.
    pub active: Option<bool>,
}

impl CapabilityRequest {
    /// The capability, as of its creation at `now`.
    ///
    /// # Errors
    /// `validation_failed` with every fault.
    pub fn parse(&self, now: Instant) -> Result<Capability, Refusal> {
        let mut faults = Faults::new();
        let code = faults.keep("/code", CapabilityCode::new(&self.code));
        let name_zh = faults.keep("/name_zh", Text::<120>::new(&self.name_zh));
        let name_en = faults.keep("/name_en", Text::<120>::new(&self.name_en));
        let unit = faults.keep("/unit", Text::<16>::new(&self.unit));
        let components = components(&self.components, &mut faults);
        let parsed = code.zip(name_zh).zip(name_en).zip(unit);
        let (((code, name_zh), name_en), unit) = faults.finish(parsed)?;
        Ok(Capability {
            code,
            name_zh: name_zh.into(),
            name_en: name_en.into(),
            unit: unit.into(),
            components,
            active: true,
            version: 1,
            created_at: now,
        })
    }
}

impl CapabilityPatch {
    /// The capability with the changes.
    ///
    /// # Errors
    /// `validation_failed` with every fault.
    pub fn apply(&self, before: &Capability) -> Result<Capability, Refusal> {
        let mut faults = Faults::new();
        let mut after = Capability { version: before.version + 1, ..before.clone() };
        if let Some(name) = &self.name_zh {
            keep(faults.keep("/name_zh", Text::<120>::new(name)), &mut after.name_zh);
        }
        if let Some(name) = &self.name_en {
            keep(faults.keep("/name_en", Text::<120>::new(name)), &mut after.name_en);
        }
        if let Some(unit) = &self.unit {
            keep(faults.keep("/unit", Text::<16>::new(unit)), &mut after.unit);
        }
        if let Some(given) = &self.components {
            after.components = components(given, &mut faults);
        }
        after.active = self.active.unwrap_or(after.active);
        faults.finish(Some(after))
    }
}

fn keep<const MAX: usize>(text: Option<Text<MAX>>, into: &mut String) {
    if let Some(text) = text {
        *into = text.into();
    }
}

/// The parts that are right; each that is not leaves a fault.
fn components(given: &[ComponentBody], faults: &mut Faults) -> Vec<Component> {
    check_count(given.len(), "/components", faults);
    let mut seen = BTreeSet::new();
    given
        .iter()
        .enumerate()
        .filter_map(|(at, body)| component(body, &format!("/components/{at}"), &mut seen, faults))
        .collect()
}

fn component(
    body: &ComponentBody,
    pointer: &str,
    seen: &mut BTreeSet<ItemCode>,
    faults: &mut Faults,
) -> Option<Component> {
    let name_zh = faults.keep(format!("{pointer}/name_zh"), Text::<120>::new(&body.name_zh));
    let name_en = faults.keep(format!("{pointer}/name_en"), Text::<120>::new(&body.name_en));
    check_count(body.item_codes.len(), &format!("{pointer}/item_codes"), faults);
    let mut items = Vec::new();
    for (at, code) in body.item_codes.iter().enumerate() {
        let pointer = format!("{pointer}/item_codes/{at}");
        let Some(code) = faults.keep(&*pointer, ItemCode::new(code)) else { continue };
        if seen.insert(code.clone()) {
            items.push(code);
        } else {
            faults.add(pointer, FaultCode::Duplicate);
        }
    }
    items.sort_unstable();
    let uses = rate(body.uses, format!("{pointer}/uses"), faults);
    let serves = rate(body.serves, format!("{pointer}/serves"), faults);
    Some(Component {
        name_zh: name_zh?.into(),
        name_en: name_en?.into(),
        items,
        uses: uses?,
        serves: serves?,
    })
}

fn rate(number: i64, pointer: String, faults: &mut Faults) -> Option<Quantity> {
    let whole = Quantity::new(number).ok().filter(|n| !n.is_zero() && number <= 1_000_000);
    faults.keep(pointer, whole.ok_or(FaultCode::OutOfRange))
}

fn check_count(count: usize, pointer: &str, faults: &mut Faults) {
    if count == 0 {
        faults.add(pointer, FaultCode::TooShort);
    } else if count > MOST {
        faults.add(pointer, FaultCode::TooLong);
    }
}
