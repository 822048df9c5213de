//! The REST face of allocations.

pub mod solving;

use utoipa_actix_web::service_config::ServiceConfig;

/// The operations on allocations.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(solving::solve_allocation);
}
