//! `changbei openapi`: the contract, as it is committed.

use crate::cli::outcome::{CliError, Outcome};
use crate::cli::terminal::Terminal;
use crate::kernel::language::Bilingual;
use crate::server::openapi::openapi_json;

/// Prints the OpenAPI document 输出 OpenAPI 文档
///
/// The same document that a running service serves at /openapi.json.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  changbei openapi > openapi/changbei.json")]
pub struct OpenapiArgs {}

/// Runs the command.
///
/// # Errors
/// When the document has no JSON form.
pub fn run(_args: &OpenapiArgs, terminal: &Terminal) -> Result<Outcome, CliError> {
    let json = openapi_json().map_err(|error| {
        CliError::Unable(Bilingual::new(format!("无法生成文档：{error}"), error.to_string()))
    })?;
    terminal.text(json);
    Ok(Outcome::Done)
}
