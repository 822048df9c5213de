//! The settings in force: flags before environment before file before defaults.

use crate::alert::commands::sending::roots_of;
use crate::app::App;
use crate::cli::config_file::ConfigFile;
use crate::cli::log::LogFormat;
use crate::cli::options::Options;
use crate::cli::outcome::CliError;
use crate::config::Settings;
use crate::db::{Db, DbOptions};
use crate::kernel::language::Bilingual;
use crate::kernel::server_key::ServerKey;
use crate::kernel::time::SystemClock;
use crate::proof::key::read_or_make_secret;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tracing_subscriber::filter::Targets;

/// Everything that is set, whoever set it.
#[derive(Debug, Clone)]
pub struct Configuration {
    /// The folder of the service's files.
    pub data_dir: PathBuf,
    /// The database, where it is not the file in the folder.
    pub database_url: Option<String>,
    /// How to reach the database.
    pub db: DbOptions,
    /// What the county decides.
    pub settings: Settings,
    /// How the log is written.
    pub log_format: LogFormat,
    /// What is logged.
    pub log_level: Targets,
    /// The file, for what single commands take from it.
    pub file: ConfigFile,
}

impl Configuration {
    /// Puts together what flags, environment and file say.
    ///
    /// # Errors
    /// [`CliError::Usage`] when the file or a value is wrong.
    pub fn load(options: &Options) -> Result<Self, CliError> {
        let file = ConfigFile::read(options.config.as_deref())?;
        let mut settings = file.county.settings()?;
        settings.language = options.language.unwrap_or(settings.language);
        settings.zone = options.zone.unwrap_or(settings.zone);
        let usual = DbOptions::default();
        let db = DbOptions {
            connections: file.connections.unwrap_or(usual.connections),
            patience: seconds(file.patience_seconds, usual.patience),
            keep_free: file.keep_free_mib.map_or(usual.keep_free, |mib| u64::from(mib) << 20),
        };
        let level = options.log_level.as_ref().or(file.log_level.as_ref());
        let level = level.map_or("info", String::as_str);
        Ok(Self {
            data_dir: options
                .data_dir
                .clone()
                .or_else(|| file.data_dir.clone())
                .unwrap_or_else(|| PathBuf::from("data")),
            database_url: options.database_url.clone().or_else(|| file.database_url.clone()),
            db,
            settings,
            log_format: options.log_format.or(file.log_format).unwrap_or_default(),
            log_level: level.parse().map_err(|error| {
                CliError::Usage(Bilingual::new(
                    format!("日志级别有误：{level}"),
                    format!("The log level {level} cannot be read: {error}"),
                ))
            })?,
            file,
        })
    }

    /// Opens the database, and makes the folder and the file where they are not there.
    ///
    /// # Errors
    /// When the folder cannot be made or the database not be reached.
    pub fn open_or_create(&self) -> Result<App, CliError> {
        if self.database_url.is_none() {
            self.make_data_dir()?;
        }
        let db = Db::open(&self.url(), &self.db)?;
        Ok(App::new(db, Arc::new(SystemClock), self.settings.clone()))
    }

    /// The same with the key from which the secrets of webhooks come, made at its first use: in the
    /// file that is set, or beside the database in the data folder. A database elsewhere may be
    /// shared, so there the file must be set, and then shared too.
    ///
    /// # Errors
    /// When the file can be neither read nor made.
    pub fn with_webhook_key(mut self) -> Result<Self, CliError> {
        let path = match (&self.file.webhook_key_file, &self.database_url) {
            (Some(path), _) => path.clone(),
            (None, None) => {
                self.make_data_dir()?;
                self.data_dir.join("webhook.key")
            }
            (None, Some(_elsewhere)) => return Ok(self),
        };
        let secret = read_or_make_secret(&path).map_err(|error| {
            CliError::Unable(Bilingual::new(
                format!("回调密钥文件 {} 无法使用：{error}", path.display()),
                format!("The key of webhooks {} cannot be used: {error}", path.display()),
            ))
        })?;
        self.settings.webhook_key = Some(ServerKey::new(secret));
        Ok(self)
    }

    /// The same with the certificates by which receivers of webhooks are known, where a file of them
    /// is set.
    ///
    /// # Errors
    /// When it cannot be read or holds none.
    pub fn with_webhook_roots(mut self) -> Result<Self, CliError> {
        let Some(path) = &self.file.webhook_ca_file else { return Ok(self) };
        let read = std::fs::read(path).map_err(|error| error.to_string());
        self.settings.webhook_roots = read.and_then(|pem| roots_of(&pem)).map_err(|error| {
            CliError::Unable(Bilingual::new(
                format!("回调证书文件 {} 无法使用：{error}", path.display()),
                format!("The certificates {} cannot be used: {error}", path.display()),
            ))
        })?;
        Ok(self)
    }

    /// Makes the data folder, which only its owner may enter, because tokens and stock lie in it.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn make_data_dir(&self) -> Result<(), CliError> {
        let path = &self.data_dir;
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path).map_err(|error| {
            CliError::Unable(Bilingual::new(
                format!("无法建立数据目录 {}：{error}", path.display()),
                format!("The data folder {} cannot be made: {error}", path.display()),
            ))
        })
    }

    /// Opens a database that is there and has the schema of this binary.
    ///
    /// # Errors
    /// When it is not there, not current, or not to be reached.
    pub fn open(&self) -> Result<App, CliError> {
        let path = self.data_dir.join(FILE);
        if self.database_url.is_none() && !path.exists() {
            return Err(CliError::Unable(Bilingual::new(
                format!("{} 不存在，请先运行 changbei migrate", path.display()),
                format!("{} is not there: run `changbei migrate` first", path.display()),
            )));
        }
        let app = self.open_or_create()?;
        require_current(&app)?;
        Ok(app)
    }

    fn url(&self) -> String {
        self.database_url
            .clone()
            .unwrap_or_else(|| format!("sqlite:{}", self.data_dir.join(FILE).display()))
    }
}

/// The SQLite file in the data folder.
const FILE: &str = "changbei.db";

/// A duration given in whole seconds.
pub fn seconds(given: Option<u32>, usual: Duration) -> Duration {
    given.map_or(usual, |given| Duration::from_secs(u64::from(given)))
}

/// Requires every migration that this binary knows to have been run.
///
/// # Errors
/// When one has not, or the database does not answer.
pub fn require_current(app: &App) -> Result<(), CliError> {
    if app.db.is_current()? {
        return Ok(());
    }
    Err(CliError::Unable(Bilingual::new(
        "数据库结构不是当前版本，请先运行 changbei migrate",
        "The schema is not current: run `changbei migrate` first",
    )))
}
