//! What clients send about allocations, and how it becomes a command: every fault gathered.

pub mod deciding;
pub mod proposing;
pub mod routes;
pub mod solving;

use crate::kernel::{FaultCode, Faults, Quantity, StoreCode, Text};

/// The most entries of a list in a request.
const MANY: usize = 5_000;

fn text<const MAX: usize>(
    faults: &mut Faults,
    pointer: &str,
    value: Option<&str>,
) -> Option<String> {
    value.and_then(|value| faults.keep(pointer, Text::<MAX>::new(value))).map(String::from)
}

/// A whole number within bounds, or its fault.
fn within(faults: &mut Faults, pointer: &str, value: i64, least: i64, most: i64) -> i64 {
    if !(least..=most).contains(&value) {
        faults.add(pointer, FaultCode::OutOfRange);
    }
    value
}

/// A quantity, or nought after its fault was recorded.
fn units(faults: &mut Faults, pointer: &str, value: i64) -> Quantity {
    let quantity = Quantity::new(value).map_err(|_range| FaultCode::OutOfRange);
    faults.keep(pointer, quantity).unwrap_or(Quantity::ZERO)
}

/// Store codes, none twice.
fn store_codes(faults: &mut Faults, pointer: &str, codes: &[String]) -> Vec<StoreCode> {
    let mut found: Vec<StoreCode> = Vec::new();
    if codes.len() > MANY {
        faults.add(pointer, FaultCode::TooLong);
    }
    for (at, code) in codes.iter().take(MANY).enumerate() {
        let pointer = format!("{pointer}/{at}");
        if let Some(code) = faults.keep(pointer.clone(), StoreCode::new(code)) {
            if found.contains(&code) {
                faults.add(pointer, FaultCode::Duplicate);
            } else {
                found.push(code);
            }
        }
    }
    found
}
