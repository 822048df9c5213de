//! The REST face of the ledger.

mod card;
pub mod documents;
mod lots;
mod movements;
mod near_expiry;
mod periods;
mod stock;
mod summary;
mod unmatched;

use crate::kernel::time::parse_date;
use crate::kernel::{
    BusinessZone, FaultCode, Faults, Instant, ItemCode, Moment, RegionCode, StoreCode,
};
use crate::stock::queries::summary::Period;
use utoipa_actix_web::service_config::ServiceConfig;

/// The operations of the ledger.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .configure(documents::routes)
        .configure(stock::routes)
        .configure(near_expiry::routes)
        .configure(movements::routes)
        .configure(lots::routes)
        .configure(card::routes)
        .configure(summary::routes)
        .configure(periods::routes)
        .configure(unmatched::routes);
}

/// A period that a question names: by days or by instants, or neither.
#[derive(Debug, Clone, Copy)]
struct AskedPeriod {
    from: Option<Instant>,
    to: Option<Instant>,
}

/// Days of a period whose beginning is not said.
const USUAL_DAYS: i64 = 30;

impl AskedPeriod {
    /// Reads both ends; a last day belongs to the period whole.
    ///
    /// Faults: neither a day nor an instant; an end before the beginning.
    fn parse(
        zone: BusinessZone,
        from: Option<&str>,
        to: Option<&str>,
        faults: &mut Faults,
    ) -> Self {
        let end = |pointer: &str, text: Option<&str>, whole_day: bool, faults: &mut Faults| {
            let text = text?;
            let day = parse_date(text)
                .and_then(|day| if whole_day { day.succ_opt() } else { Some(day) })
                .map(|day| zone.start_of(day));
            let read = day.map_or_else(|| Instant::parse(text), Ok);
            faults.keep(pointer, read.map_err(|_shape| FaultCode::NotAnInstant))
        };
        let from = end("/from", from, false, faults);
        let to = end("/to", to, true, faults);
        if from.zip(to).is_some_and(|(from, to)| from > to) {
            faults.add("/to", FaultCode::Contradicts);
        }
        Self { from, to }
    }

    /// The period that is meant: it ends no later than the time that is asked about.
    fn settle(self, moment: &Moment) -> Period {
        let end = moment.as_of.next();
        let to = self.to.map_or(end, |to| to.min(end));
        let from = self.from.unwrap_or_else(|| to.plus_days(-USUAL_DAYS)).min(to);
        Period { from, to }
    }
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
