//! What memory a process has, and whether there is enough.

use crate::environment::Limits;
use crate::failure::Failure;
use crate::size::grouped;
use std::fs;
use std::path::Path;

/// More than a task takes on any runtime, with all that is for it.
const ROOM: u64 = 2_048;

/// Bytes of the process's own memory that are resident: its heap and stacks, without pages of files. Counted page by
/// page, where `/proc/self/status` may lag behind.
///
/// # Errors
///
/// [`Failure::NotHere`] where the system doesn't tell.
pub(crate) fn resident() -> Result<u64, Failure> {
    const PATH: &str = "/proc/self/smaps_rollup";
    let rollup = fs::read_to_string(PATH).map_err(|error| Failure::not_here(format!("{PATH}: {error}")))?;
    kibibytes(&rollup, "Anonymous:").ok_or_else(|| Failure::not_here(format!("{PATH}: without `Anonymous`")))
}

/// What was added to so much for each of so many tasks.
///
/// # Errors
///
/// As of [`resident`].
pub(crate) fn grown(before: u64, tasks: u64) -> Result<f64, Failure> {
    Ok(resident()?.saturating_sub(before) as f64 / tasks as f64)
}

/// Whether there is room for so many tasks.
///
/// # Errors
///
/// [`Failure::NotHere`] where there isn't. Where the system doesn't tell, there is.
pub(crate) fn room(tasks: u64) -> Result<(), Failure> {
    let needed = tasks.saturating_mul(ROOM);
    let available =
        fs::read_to_string("/proc/meminfo").ok().and_then(|text| kibibytes(&text, "MemAvailable:"));
    let allowed = Limits::read(Path::new("/")).memory_bytes;
    match [available, allowed].into_iter().flatten().min() {
        Some(bytes) if bytes < needed => {
            let needed = grouped(needed.div_ceil(1 << 20));
            Err(Failure::not_here(format!("less than {needed} MiB of memory are free")))
        }
        _ => Ok(()),
    }
}

/// The number in a line such as `Anonymous:   1234 kB`, in bytes.
fn kibibytes(text: &str, field: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(field))?;
    rest.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn what_is_written_is_resident() {
        let before = resident().unwrap();
        let bytes = std::hint::black_box(vec![1_u8; 32 << 20]);
        let each = grown(before, bytes.len() as u64).unwrap();
        // Other tests take and give back meanwhile.
        assert!((0.8..1.6).contains(&each), "{each}");
    }

    #[test]
    fn too_many_have_no_room() {
        assert!(room(1).is_ok());
        if cfg!(target_os = "linux") {
            let error = room(u64::MAX).unwrap_err();
            assert!(error.to_string().starts_with("not on this system: less than "), "{error}");
        }
    }
}
