//! By whose word something is done 依据: a written order, or a spoken one whose paper follows.

use crate::kernel::Instant;
use crate::word_enum;
use serde::{Deserialize, Serialize};

word_enum! {
    /// How the word was given.
    pub enum AuthorityKind {
        /// A written order 调拨令.
        Order = "order",
        /// A spoken one, on the telephone or in person 电话通知.
        Verbal = "verbal",
    }
}

/// By whose word something is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Authority {
    /// How the word was given.
    pub kind: AuthorityKind,
    /// The number of the paper; a written order has one.
    pub number: Option<String>,
    /// Who gave it.
    pub issued_by: String,
    /// That person's post.
    pub post: Option<String>,
    /// Where that person can be called.
    pub phone: Option<String>,
    /// When it was given.
    pub issued_at: Option<Instant>,
    /// Who took a spoken one down.
    pub heard_by: Option<String>,
}
