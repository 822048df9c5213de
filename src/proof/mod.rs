//! The proof of the book to outsiders: checkpoints of all hash chains, signed and kept elsewhere.
//!
//! A chain shows a change inside it. Whoever may write the database can rewrite a chain whole, with
//! every hash right again; a checkpoint that was signed before and kept elsewhere shows that too.

pub mod checkpoint;
pub mod key;
pub mod queries;
