//! What every command takes, by flag or by environment.

use crate::cli::log::LogFormat;
use crate::kernel::{BusinessZone, Language};
use std::path::PathBuf;

/// Where the data lies and how the service speaks; each flag goes before its environment variable,
/// that before the file of `--config`, and that before the default.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Settings")]
pub struct Options {
    /// A TOML file with any of the settings; README.md lists them
    #[arg(long, global = true, env = "CHANGBEI_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The folder of `changbei.db` [default: ./data]
    #[arg(long, global = true, env = "CHANGBEI_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// `postgres://…` or `sqlite:PATH`; goes before --data-dir
    #[arg(long, global = true, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub database_url: Option<String>,
    /// The language of messages where nobody names one: `zh` or `en` [default: zh]
    #[arg(long, global = true, env = "CHANGBEI_LANGUAGE", value_parser = parse_language)]
    pub language: Option<Language>,
    /// The zone in which business days are counted [default: Asia/Shanghai]
    #[arg(long, global = true, env = "CHANGBEI_ZONE", value_name = "NAME",
          value_parser = BusinessZone::named)]
    pub zone: Option<BusinessZone>,
    /// How the log on standard error is written [default: text]
    #[arg(long, global = true, env = "CHANGBEI_LOG_FORMAT", value_enum)]
    pub log_format: Option<LogFormat>,
    /// What is logged: `info`, or by target as in `warn,changbei=debug` [default: info]
    #[arg(long, global = true, env = "CHANGBEI_LOG_LEVEL", value_name = "LEVEL")]
    pub log_level: Option<String>,
}

fn parse_language(word: &str) -> Result<Language, String> {
    match word {
        "zh" => Ok(Language::Zh),
        "en" => Ok(Language::En),
        _ => Err("expected zh or en".to_owned()),
    }
}
