//! The TOML file of `--config`: every setting there is, none of them required.

use crate::cli::log::LogFormat;
use crate::cli::outcome::CliError;
use crate::config::Settings;
use crate::kernel::language::Bilingual;
use crate::kernel::{BusinessZone, Language, Money, Quantity};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// What the file says; an unknown name in it is refused.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConfigFile {
    /// The folder of `changbei.db`.
    pub data_dir: Option<PathBuf>,
    /// `postgres://…` or `sqlite:PATH`.
    pub database_url: Option<String>,
    /// Connections that may work on the database at once.
    pub connections: Option<u32>,
    /// Seconds that a request waits for a connection or a lock.
    pub patience_seconds: Option<u32>,
    /// Megabytes (2^20 bytes) that writes leave free on the disk of an SQLite file.
    pub keep_free_mib: Option<u32>,
    /// Where the service listens.
    pub listen: Option<SocketAddr>,
    /// Whether it may listen where other machines reach it.
    pub allow_remote: Option<bool>,
    /// Threads that talk to clients; 0 means one for each processor.
    pub workers: Option<usize>,
    /// Seconds that a client may take to send its request.
    pub request_timeout_seconds: Option<u32>,
    /// Seconds that work which has begun may take to end when the service stops.
    pub shutdown_timeout_seconds: Option<u32>,
    /// How the log is written.
    pub log_format: Option<LogFormat>,
    /// What is logged.
    pub log_level: Option<String>,
    /// The key from which the secrets of webhooks come.
    pub webhook_key_file: Option<PathBuf>,
    /// Certificates, as PEM, by one of which receivers of webhooks must be certified.
    pub webhook_ca_file: Option<PathBuf>,
    /// What the county decides.
    pub county: CountySection,
}

/// The section `[county]`: the fields of [`Settings`], with the same names and units.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CountySection {
    zone: Option<String>,
    language: Option<Language>,
    write_off_units: Option<u32>,
    write_off_value: Option<Money>,
    stocktake_units: Option<u32>,
    stocktake_value: Option<Money>,
    large_issue_units: Option<u32>,
    future_minutes: Option<u32>,
    keeper_days_back: Option<u32>,
    commander_days_back: Option<u32>,
    command_seconds: Option<u32>,
    paperwork_hours: Option<u32>,
    replenish_days: Option<u32>,
    horizon_days: Option<u32>,
    consumption_window_days: Option<u32>,
    stale_hours: Option<u32>,
    report_due_hour: Option<u32>,
    idempotency_days: Option<u32>,
    body_limit: Option<u32>,
    expiry_warning_days: Option<u32>,
    watch_minutes: Option<u32>,
    alert_days: Option<u32>,
    webhook_days: Option<u32>,
    webhook_hosts: Option<Vec<String>>,
}

impl ConfigFile {
    /// Reads the file, or nothing where none is named.
    ///
    /// # Errors
    /// [`CliError::Usage`] when it cannot be read, is no TOML, or says what nobody knows.
    pub fn read(path: Option<&Path>) -> Result<Self, CliError> {
        let Some(path) = path else { return Ok(Self::default()) };
        let unusable = |reason: &dyn std::fmt::Display| {
            let text = format!("{}: {reason}", path.display());
            CliError::Usage(Bilingual::new(format!("配置文件无法使用：{text}"), text))
        };
        let text = std::fs::read_to_string(path).map_err(|error| unusable(&error))?;
        toml::from_str(&text).map_err(|error| unusable(&error))
    }
}

impl CountySection {
    /// The settings: what the section says, and the defaults for the rest.
    ///
    /// # Errors
    /// [`CliError::Usage`] when it names a zone that nobody knows.
    pub fn settings(&self) -> Result<Settings, CliError> {
        let usual = Settings::default();
        let whole = |given: Option<u32>, usual: i64| given.map_or(usual, i64::from);
        let units = |given: Option<u32>, usual: Quantity| {
            given.and_then(|units| Quantity::new(i64::from(units)).ok()).unwrap_or(usual)
        };
        let zone = match &self.zone {
            None => usual.zone,
            Some(name) => BusinessZone::named(name).map_err(|name| {
                CliError::Usage(Bilingual::new(
                    format!("未知时区 {name}"),
                    format!("The zone {name} is unknown"),
                ))
            })?,
        };
        // Every field is named, so that a new setting does not compile until the file knows it.
        Ok(Settings {
            zone,
            language: self.language.unwrap_or(usual.language),
            write_off_units: units(self.write_off_units, usual.write_off_units),
            write_off_value: self.write_off_value.unwrap_or(usual.write_off_value),
            stocktake_units: units(self.stocktake_units, usual.stocktake_units),
            stocktake_value: self.stocktake_value.unwrap_or(usual.stocktake_value),
            large_issue_units: units(self.large_issue_units, usual.large_issue_units),
            future_minutes: whole(self.future_minutes, usual.future_minutes),
            keeper_days_back: whole(self.keeper_days_back, usual.keeper_days_back),
            commander_days_back: whole(self.commander_days_back, usual.commander_days_back),
            command_seconds: whole(self.command_seconds, usual.command_seconds),
            paperwork_hours: whole(self.paperwork_hours, usual.paperwork_hours),
            replenish_days: whole(self.replenish_days, usual.replenish_days),
            horizon_days: whole(self.horizon_days, usual.horizon_days),
            consumption_window_days: whole(
                self.consumption_window_days,
                usual.consumption_window_days,
            ),
            stale_hours: whole(self.stale_hours, usual.stale_hours),
            report_due_hour: whole(self.report_due_hour, usual.report_due_hour),
            idempotency_days: whole(self.idempotency_days, usual.idempotency_days)
                .max(Settings::MIN_IDEMPOTENCY_DAYS),
            body_limit: self
                .body_limit
                .and_then(|bytes| usize::try_from(bytes).ok())
                .unwrap_or(usual.body_limit),
            expiry_warning_days: whole(self.expiry_warning_days, usual.expiry_warning_days),
            watch_minutes: whole(self.watch_minutes, usual.watch_minutes).max(1),
            alert_days: whole(self.alert_days, usual.alert_days).max(Settings::MIN_ALERT_DAYS),
            webhook_days: whole(self.webhook_days, usual.webhook_days),
            webhook_hosts: self.webhook_hosts.clone().unwrap_or(usual.webhook_hosts),
            // Both are read where the service is started, from files of their own.
            webhook_roots: Vec::new(),
            webhook_key: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_of_the_county_can_be_given_in_the_file() {
        let file: ConfigFile = toml::from_str(
            r#"
            [county]
            zone = "Asia/Urumqi"
            language = "en"
            write_off_units = 1
            write_off_value = "2.50"
            stocktake_units = 10
            stocktake_value = "11.00"
            large_issue_units = 2
            future_minutes = 3
            paperwork_hours = 4
            replenish_days = 5
            horizon_days = 6
            consumption_window_days = 7
            stale_hours = 8
            report_due_hour = 13
            idempotency_days = 9
            keeper_days_back = 10
            commander_days_back = 11
            command_seconds = 12
            body_limit = 10
            expiry_warning_days = 13
            watch_minutes = 14
            webhook_days = 15
            alert_days = 42
            webhook_hosts = ["10.0.0.7"]
            "#,
        )
        .unwrap();
        let settings = file.county.settings().unwrap();
        assert_eq!(settings.zone, BusinessZone::named("Asia/Urumqi").unwrap());
        assert_eq!(settings.language, Language::En);
        assert_eq!(settings.write_off_value, Money::parse("2.5").unwrap());
        let numbers = [
            settings.write_off_units.units(),
            settings.large_issue_units.units(),
            settings.future_minutes,
            settings.paperwork_hours,
            settings.replenish_days,
            settings.horizon_days,
            settings.consumption_window_days,
            settings.stale_hours,
            settings.idempotency_days,
            settings.keeper_days_back,
            settings.commander_days_back,
            settings.command_seconds,
            settings.stocktake_units.units(),
            settings.report_due_hour,
            settings.expiry_warning_days,
            settings.watch_minutes,
            settings.webhook_days,
            settings.alert_days,
        ];
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 10, 13, 13, 14, 15, 42]);
        assert_eq!(settings.webhook_hosts, ["10.0.0.7"]);
        assert_eq!(settings.stocktake_value, Money::parse("11").unwrap());
        assert_eq!(settings.body_limit, 10);
    }

    #[test]
    fn a_name_that_nobody_knows_is_refused() {
        assert!(toml::from_str::<ConfigFile>("lissten = \"127.0.0.1:1\"").is_err());
        assert!(toml::from_str::<ConfigFile>("[county]\nzones = \"Asia/Shanghai\"").is_err());
        let odd: ConfigFile = toml::from_str("[county]\nzone = \"Asia/Quannan\"").unwrap();
        assert!(matches!(odd.county.settings(), Err(CliError::Usage(_))));
    }
}
