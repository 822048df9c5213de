//! Floor 3: the toolkit that every REST face shares; it knows no capability.

pub mod caller;
pub mod filters;
pub mod metrics;
pub mod moment;
pub mod problem;
pub mod stream;
pub mod table;

pub use caller::{Caller, Sent, Shown, Versioned};
pub use filters::{Filters, page_after};
pub use moment::AskedMoment;
pub use problem::{ApiError, Problem};
pub use stream::Flow;
pub use table::{Cell, Form, Table};

/// Declares a page of a list for the OpenAPI document and its conversion.
///
/// utoipa inlines the row of a generic page, so each list has a type of its own.
#[macro_export]
macro_rules! page_of {
    ($(#[$meta:meta])* $name:ident, $row:ty) => {
        $(#[$meta])*
        #[derive(Debug, serde::Serialize, utoipa::ToSchema)]
        pub struct $name {
            /// The rows, in the list's order.
            pub rows: Vec<$row>,
            /// Give this as `cursor` to get the next page; absent on the last.
            pub next_cursor: Option<String>,
        }

        impl From<$crate::kernel::page::Page<$row>> for $name {
            fn from(page: $crate::kernel::page::Page<$row>) -> Self {
                Self { rows: page.rows, next_cursor: page.next_cursor }
            }
        }
    };
}
