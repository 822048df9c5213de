//! How a command of the command line ends.

use crate::command::CommandError;
use crate::db::DbError;
use crate::kernel::language::Bilingual;
use crate::kernel::{Language, Refusal};

/// How a command ended that could be carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is done, and nothing is wrong.
    Done,
    /// It is done, and something was found wrong, which has been printed.
    FoundWrong,
}

impl Outcome {
    /// Done where all is well.
    pub const fn when(all_is_well: bool) -> Self {
        if all_is_well { Self::Done } else { Self::FoundWrong }
    }
}

/// Why a command could not be carried out.
#[derive(Debug)]
pub enum CliError {
    /// The command line, the environment or a file that it names is wrong.
    Usage(Bilingual),
    /// The service says no.
    Refused(Box<Refusal>),
    /// It cannot be done as things stand here.
    Unable(Bilingual),
    /// The database failed.
    Failed(DbError),
}

impl CliError {
    /// The exit code that goes with it.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Refused(_) | Self::Unable(_) | Self::Failed(_) => 1,
        }
    }

    /// What to tell people, faults of single fields included.
    pub fn in_words(&self) -> Bilingual {
        match self {
            Self::Usage(message) | Self::Unable(message) => message.clone(),
            Self::Failed(error) => {
                Bilingual::new(format!("数据库出错：{error}"), error.to_string())
            }
            Self::Refused(refusal) => {
                Bilingual::new(told(refusal, Language::Zh), told(refusal, Language::En))
            }
        }
    }
}

fn told(refusal: &Refusal, language: Language) -> String {
    let faults = refusal
        .faults
        .iter()
        .map(|fault| format!("\n  {} {}", fault.pointer, fault.message.in_language(language)));
    format!("{}{}", refusal.detail.in_language(language), faults.collect::<String>())
}

impl From<CommandError> for CliError {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Refused(refusal) => Self::Refused(refusal),
            CommandError::Failed(error) => Self::Failed(error),
        }
    }
}

impl From<Refusal> for CliError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

impl From<DbError> for CliError {
    fn from(error: DbError) -> Self {
        Self::Failed(error)
    }
}
