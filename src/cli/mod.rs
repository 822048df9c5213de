//! The top: the command line.
//!
//! Exit codes are the same for every command: 0 done, 1 refused or found wrong, 2 usage.

pub mod bench;
pub mod config_file;
pub mod configuration;
pub mod demo;
pub mod import;
pub mod log;
pub mod migrate;
pub mod openapi;
pub mod options;
pub mod outcome;
pub mod serve;
pub mod terminal;
pub mod user;
pub mod verify;

use crate::cli::configuration::Configuration;
use crate::cli::options::Options;
use crate::cli::outcome::{CliError, Outcome};
use crate::cli::terminal::Terminal;
use crate::kernel::Language;
use clap::{Parser, Subcommand};
use std::path::Path;
use std::process::ExitCode;

/// Changbei 常备: the epidemic reserves of a county, from stock to shortfall to signed-for dispatch
///
/// Settings come from flags, then the environment, then the file named by --config, then defaults.
/// Exit codes: 0 done, 1 refused or found wrong, 2 usage.
#[derive(Debug, Parser)]
#[command(
    name = "changbei",
    version,
    after_help = "Example:\n  changbei demo\n  changbei migrate --data-dir ./data\n  \
                  changbei user add admin --role admin --display-name 管理员\n  changbei serve"
)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub options: Options,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the binary can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serves the API 启动服务
    Serve(serve::ServeArgs),
    /// Shows Changbei with a county in it 演示县
    Demo(demo::DemoArgs),
    /// Brings the schema up to date 升级数据库结构
    Migrate(migrate::MigrateArgs),
    /// Imports a file of items, stores, opening stock, receipts or dispatches 导入文件
    Import(import::ImportArgs),
    /// Manages users and their tokens 管理用户与令牌
    User(user::UserArgs),
    /// Proves the book 核对账簿
    Verify(verify::VerifyArgs),
    /// Measures the service on this machine 测量本机性能
    Bench(bench::BenchArgs),
    /// Prints the OpenAPI document 输出 OpenAPI 文档
    Openapi(openapi::OpenapiArgs),
}

/// Does what the command line says.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let spoken = cli.options.language.unwrap_or_default();
    let outcome = Configuration::load(&cli.options).map_err(|error| (error, spoken)).and_then(
        |configuration| {
            let language = configuration.settings.language;
            let config = cli.options.config.as_deref();
            run(cli.command, configuration, config).map_err(|error| (error, language))
        },
    );
    match outcome {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::FoundWrong) => ExitCode::from(1),
        Err((error, language)) => report(&error, language),
    }
}

fn run(
    command: Command,
    configuration: Configuration,
    config: Option<&Path>,
) -> Result<Outcome, CliError> {
    log::start(configuration.log_format, &configuration.log_level);
    let terminal = Terminal::new(configuration.settings.language);
    match command {
        Command::Serve(args) => serve::run(&args, configuration, &terminal),
        Command::Demo(args) => demo::run(&args, &configuration, &terminal),
        Command::Migrate(args) => migrate::run(&args, &configuration, &terminal),
        Command::Import(args) => import::run(&args, &configuration, &terminal),
        Command::User(args) => user::run(&args, &configuration, &terminal),
        Command::Verify(args) => verify::run(&args, &configuration, &terminal),
        Command::Bench(args) => bench::run(&args, &configuration, config, &terminal),
        Command::Openapi(args) => openapi::run(&args, &terminal),
    }
}

fn report(error: &CliError, language: Language) -> ExitCode {
    Terminal::new(language).say(&error.in_words());
    ExitCode::from(error.exit_code())
}
