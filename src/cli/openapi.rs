//! `belfry openapi`: the description of the API, without a service.

use super::{CliError, desk};
use crate::web::api::openapi;

/// Print the description of the API (OpenAPI 3.1), as `/openapi.json` serves it.
#[derive(Debug, clap::Args)]
pub struct OpenapiArgs {}

/// Prints it.
///
/// # Errors
/// Standard output is closed.
pub fn run(_: &OpenapiArgs) -> Result<(), CliError> {
    desk::print(false, openapi(), &format!("{:#}\n", openapi()))
}
