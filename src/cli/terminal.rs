//! The one place that writes to the terminal: results to standard output, words to standard error.

use crate::kernel::Language;
use crate::kernel::language::Bilingual;
use std::fmt::Display;
use std::io::{Write, stderr, stdout};

/// The terminal, or whatever stands in its place.
///
/// A reader that has gone away is no failure: the work is done, whether or not anyone listens.
#[derive(Debug, Clone, Copy)]
pub struct Terminal {
    language: Language,
}

impl Terminal {
    /// A terminal whose reader knows one language.
    pub const fn new(language: Language) -> Self {
        Self { language }
    }

    /// Prints a line of the result, which other programs may read.
    pub fn line(&self, text: impl Display) {
        let mut out = stdout().lock();
        let _ = writeln!(out, "{text}");
        let _ = out.flush();
    }

    /// Prints a text of the result as it stands.
    pub fn text(&self, text: impl Display) {
        let mut out = stdout().lock();
        let _ = write!(out, "{text}");
        let _ = out.flush();
    }

    /// Tells people something, in their language.
    pub fn say(&self, message: &Bilingual) {
        let _ = writeln!(stderr().lock(), "{}", message.in_language(self.language));
    }

    /// The words that its reader knows.
    pub fn choose<'a>(&self, message: &'a Bilingual) -> &'a str {
        message.in_language(self.language)
    }
}
