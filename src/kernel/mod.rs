//! The ground: values that mean the same everywhere, without any I/O.
//!
//! A value that exists is valid: each type has a private field and one checking constructor.

pub mod clock;
pub mod code;
pub mod hash;
pub mod id;
pub mod json;
pub mod language;
pub mod moment;
pub mod money;
pub mod page;
pub mod patch;
pub mod quantity;
pub mod ratio;
pub mod refusal;
pub mod server_key;
pub mod sql;
pub mod starting;
pub mod text;
pub mod time;

pub use clock::ClockWatch;
pub use code::{CapabilityCode, Gtin, ItemCode, LotNumber, RegionCode, StoreCode};
pub use language::{Bilingual, Language};
pub use moment::Moment;
pub use money::Money;
pub use quantity::{Quantity, QuantityChange};
pub use ratio::Ratio;
pub use refusal::{Code, Fault, FaultCode, Faults, Refusal};
pub use text::Text;
pub use time::{BusinessZone, Clock, Instant};
