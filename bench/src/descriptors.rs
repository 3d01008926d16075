//! As many file descriptors as the sockets need.

use crate::failure::Failure;
use std::error::Error;
use std::fmt;

/// What a process has open besides: pipes, the reactor, a listener.
const OTHERS: u64 = 64;

/// Sees to it that so many connections can be open, both ends of which are in this process: where the soft limit is
/// too low, as 1,024 is for 1,000 connections, it is raised as far as needed.
///
/// # Errors
///
/// [`Failure::NotHere`] where the hard limit is lower than that.
#[cfg(unix)]
pub(crate) fn for_connections(connections: u64) -> Result<(), Failure> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limits = getrlimit(Resource::Nofile);
    let (soft, hard) = (limits.current.unwrap_or(u64::MAX), limits.maximum.unwrap_or(u64::MAX));
    match to_set(needed(connections), soft, hard).map_err(Failure::not_here)? {
        None => Ok(()),
        // Two that raise it at once want the same.
        Some(soft) => Ok(setrlimit(Resource::Nofile, Rlimit { current: Some(soft), ..limits })
            .map_err(std::io::Error::from)?),
    }
}

/// Elsewhere there is no such limit.
#[cfg(not(unix))]
pub(crate) fn for_connections(_: u64) -> Result<(), Failure> {
    Ok(())
}

fn needed(connections: u64) -> u64 {
    connections.saturating_mul(2).saturating_add(OTHERS)
}

/// The soft limit to set, if any.
fn to_set(needed: u64, soft: u64, hard: u64) -> Result<Option<u64>, TooFew> {
    if soft >= needed {
        Ok(None)
    } else if hard >= needed {
        Ok(Some(needed))
    } else {
        Err(TooFew { needed, limit: hard })
    }
}

/// More sockets are needed than may be open.
#[derive(Debug)]
struct TooFew {
    needed: u64,
    limit: u64,
}

impl fmt::Display for TooFew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { needed, limit } = self;
        write!(
            f,
            "{needed} file descriptors are needed, and {limit} allowed: allow more with `ulimit -n {needed}`, or take \
             a smaller size"
        )
    }
}

impl Error for TooFew {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_is_raised_as_far_as_needed() {
        assert_eq!(needed(1_000), 2_064);
        assert_eq!(needed(u64::MAX), u64::MAX);
        assert!(matches!(to_set(2_064, 1_024, 4_096), Ok(Some(2_064))));
        assert!(matches!(to_set(2_064, 2_064, 4_096), Ok(None)));
        assert!(matches!(to_set(2_064, u64::MAX, u64::MAX), Ok(None)));
    }

    #[test]
    fn a_hard_limit_says_what_to_do() {
        let error = to_set(2_064, 1_024, 2_063).unwrap_err();
        assert_eq!(
            error.to_string(),
            "2064 file descriptors are needed, and 2063 allowed: allow more with `ulimit -n 2064`, or take a smaller \
             size"
        );
    }
}
