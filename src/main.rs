//! The one binary: reads the command line, does what it says, and tells by its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    changbei::cli::main()
}
