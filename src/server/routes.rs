//! Every capability's operations, named once: the server and the OpenAPI document both use them.

use utoipa_actix_web::service_config::ServiceConfig;

/// All operations below `/api/v1`.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .configure(crate::users::api::routes)
        .configure(crate::catalogue::api::routes)
        .configure(crate::stores::api::routes)
        .configure(crate::stock::api::routes)
        .configure(crate::reserve_plan::api::routes)
        .configure(crate::exchange::api::routes)
        .configure(crate::shortfall::api::routes)
        .configure(crate::capability::api::routes)
        .configure(crate::authority::api::routes)
        .configure(crate::draw_down::api::routes)
        .configure(crate::issue::api::routes)
        .configure(crate::dispatch::api::routes)
        .configure(crate::clock::api::routes)
        .configure(crate::correction::api::routes)
        .configure(crate::batch::api::routes)
        .configure(crate::allocation::api::routes)
        .configure(crate::stocktake::api::routes)
        .configure(crate::projection::api::routes)
        .configure(crate::report::api::routes)
        .configure(crate::consumption::api::routes)
        .configure(crate::alert::api::routes)
        .configure(crate::expected::api::routes);
}
