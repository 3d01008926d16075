//! What is said on the standard output.

use std::fmt;
use std::io::{self, ErrorKind, Write};

/// Says it. Where nobody listens any more, as behind `| head`, all goes on: there are files and an exit code.
pub(crate) fn say(text: impl fmt::Display) {
    let said = writeln!(io::stdout(), "{text}");
    if let Some(error) = said.err().filter(|error| error.kind() != ErrorKind::BrokenPipe) {
        let _ = writeln!(io::stderr(), "error: the standard output: {error}");
    }
}
