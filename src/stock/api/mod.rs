//! The REST face of the ledger.

pub mod documents;
mod lots;
mod movements;
mod stock;
mod unmatched;

use crate::kernel::{FaultCode, Faults, Instant, ItemCode, RegionCode, StoreCode};
use utoipa_actix_web::service_config::ServiceConfig;

/// The operations of the ledger.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .configure(documents::routes)
        .configure(stock::routes)
        .configure(movements::routes)
        .configure(lots::routes)
        .configure(unmatched::routes);
}

fn store_filter(given: Option<&str>, faults: &mut Faults) -> Option<StoreCode> {
    given.and_then(|code| faults.keep("/store", StoreCode::new(code)))
}

fn item_filter(given: Option<&str>, faults: &mut Faults) -> Option<ItemCode> {
    given.and_then(|code| faults.keep("/item", ItemCode::new(code)))
}

fn region_filter(given: Option<&str>, faults: &mut Faults) -> Option<RegionCode> {
    given.and_then(|code| faults.keep("/region", RegionCode::new(code)))
}

fn instant_filter(pointer: &str, given: Option<&str>, faults: &mut Faults) -> Option<Instant> {
    let text = given?;
    faults.keep(pointer, Instant::parse(text).map_err(|_shape| FaultCode::NotAnInstant))
}

fn word_filter<T>(
    pointer: &str,
    given: Option<&str>,
    from_word: impl Fn(&str) -> Option<T>,
    faults: &mut Faults,
) -> Option<T> {
    given.and_then(|word| faults.keep(pointer, from_word(word).ok_or(FaultCode::NotInList)))
}
