//! The ledger: what is where, how it came there, and what may be used.
//!
//! Movements are the truth and balances a cache of them. Everything that moves or promises stock
//! goes through [`records::post`] and [`records::reserve`].

pub mod account;
pub mod api;
pub mod balance;
pub mod commands;
pub mod count_mark;
pub mod document;
pub mod facts;
pub mod fefo;
pub mod freshness;
pub mod gs1;
pub mod label;
pub mod lot;
pub mod movement;
pub mod near_expiry;
pub mod period;
pub mod posting;
pub mod queries;
pub mod reason;
pub mod records;
pub mod requests;
pub mod rules;
pub mod summary;
pub mod unmatched;
pub mod verify;
pub mod views;

pub use account::{Account, Outside, StockState};
pub use balance::LotBalance;
pub use count_mark::CountMark;
pub use lot::{Expiry, Lot, MakersLot, Provenance};
pub use movement::{DocumentRef, Movement, MovementKind, NewMovement};
pub use reason::ReasonCode;
