//! Runs that are expected to panic, without the panic hook's text for each.

use std::cell::Cell;
use std::panic;
use std::sync::Once;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

static INSTALLED: Once = Once::new();

/// Runs `f` without a word from the panic hook on this thread.
///
/// A failure that is being made simpler panics hundreds of times, and once is enough to read about. The hook that
/// was there before is called for everything else; it is taken when the first failure is made simpler, and stays.
pub(crate) fn quietly<T>(f: impl FnOnce() -> T) -> T {
    struct Restore(bool);

    impl Drop for Restore {
        fn drop(&mut self) {
            QUIET.set(self.0);
        }
    }

    INSTALLED.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                before(info);
            }
        }));
    });
    let _restore = Restore(QUIET.replace(true));
    f()
}

/// Whether this thread is quiet.
pub(crate) fn is_quiet() -> bool {
    QUIET.get()
}
