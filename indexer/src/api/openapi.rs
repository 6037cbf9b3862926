//! The API's description of itself, made from its code, and the page to try it on.

use axum::Router;
use serde_json::Value;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::{Api, Problem, disputes, events, jobs, rules, stake, stats, streams, supply};

/// What the routes do not say themselves.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Gantry",
        description = "The state of the Gantry market and how it came about, read from Solana. Every answer says the slot \
            that it is from. Keys and signatures are base58, hashes are hex; amounts are strings of base units beside their \
            mint's decimals; times are Unix seconds. Lists are walked with `cursor`. Errors are \
            `application/problem+json`."
    ),
    components(schemas(Problem)),
    tags(
        (name = "jobs", description = "Jobs and disputes over them"),
        (name = "supply", description = "Providers and their nodes"),
        (name = "stake", description = "Pools of stake and positions in them"),
        (name = "network", description = "What the market runs by, and its numbers"),
        (name = "events", description = "What happened, in the order of the chain"),
        (name = "operation", description = "For who runs the indexer")
    )
)]
struct Document;

/// The routes that read the market.
pub(super) fn market() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(supply::providers))
        .routes(routes!(supply::provider))
        .routes(routes!(supply::nodes))
        .routes(routes!(supply::node))
        .routes(routes!(stake::pools))
        .routes(routes!(stake::pool))
        .routes(routes!(stake::positions))
        .routes(routes!(stake::position))
        .routes(routes!(rules::mints))
        .routes(routes!(rules::network))
        .routes(routes!(jobs::jobs))
        .routes(routes!(jobs::job))
        .routes(routes!(jobs::timeline))
        .routes(routes!(disputes::disputes))
        .routes(routes!(disputes::dispute))
        .routes(routes!(events::events))
        .routes(routes!(streams::sse))
        .routes(routes!(streams::ws))
        .routes(routes!(stats::stats))
}

/// The routes for who runs the indexer.
pub(super) fn operation() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(super::healthz))
        .routes(routes!(super::readyz))
        .routes(routes!(super::metrics))
}

/// `/openapi.json`, and `/docs`, which needs nothing from any other server.
pub(super) fn pages<S: Clone + Send + Sync + 'static>(document: utoipa::openapi::OpenApi) -> Router<S> {
    let mut document = serde_json::to_value(document).unwrap_or_default();
    no_null_parameters(&mut document);
    let config = Config::default().try_it_out_enabled(true).validator_url("none");
    SwaggerUi::new("/docs")
        .external_url_unchecked("/openapi.json", document)
        .config(config)
        .into()
}

/// A parameter may be left out, but there is no null in a query.
fn no_null_parameters(document: &mut Value) {
    let operations = document["paths"].as_object_mut().into_iter().flatten();
    // Not by index, which would make what is not there.
    let operations = operations.filter_map(|(_, item)| item.pointer_mut("/get/parameters")?.as_array_mut());
    for parameter in operations.flatten() {
        let kinds = parameter["schema"]["type"].as_array_mut();
        if let Some(kind) = kinds.and_then(|kinds| kinds.iter().find(|kind| *kind != "null").cloned()) {
            parameter["schema"]["type"] = kind;
        }
    }
}
