//! The log on standard error: text for people, JSON for programs.

use serde::Deserialize;
use std::io::{IsTerminal, stderr};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

/// How a log entry is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One line for people.
    #[default]
    Text,
    /// One JSON object a line, with the request id of `tracing-actix-web`.
    Json,
}

/// Starts the log; a second start in the same process changes nothing.
pub fn start(format: LogFormat, level: &Targets) {
    let layer = match format {
        LogFormat::Text => {
            fmt::layer().with_ansi(stderr().is_terminal()).with_writer(stderr).boxed()
        }
        LogFormat::Json => fmt::layer().json().with_writer(stderr).boxed(),
    };
    let _ = tracing_subscriber::registry().with(layer.with_filter(level.clone())).try_init();
}
