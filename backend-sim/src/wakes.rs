//! Wakes on the thread that runs a simulation: nearly all of them, and they need no lock.

use crate::kernel::Kernel;
use std::cell::RefCell;
use std::mem;
use std::sync::Arc;

thread_local! {
    /// The run that this thread is in. It changes no result: a wake that does not come here takes the lock.
    static HERE: RefCell<Here> = const { RefCell::new(Here { kernel: 0, woken: Vec::new() }) };
}

struct Here {
    // The address of the kernel that runs; no other can have it meanwhile.
    kernel: usize,
    woken: Vec<u32>,
}

/// Notes a wake, if `kernel` runs on this thread.
#[inline]
pub(crate) fn push(kernel: &Kernel, place: u32) -> bool {
    let noted = HERE.try_with(|here| {
        let mut here = here.borrow_mut();
        let is_here = here.kernel == address(kernel);
        if is_here {
            here.woken.push(place);
        }
        is_here
    });
    noted.unwrap_or(false)
}

/// Takes what was noted, in exchange for an empty list whose memory is used on.
#[inline]
pub(crate) fn take(list: &mut Vec<u32>) {
    HERE.with_borrow_mut(|here| mem::swap(&mut here.woken, list));
}

/// Forgets wakes of this place.
pub(crate) fn forget(place: u32) {
    HERE.with_borrow_mut(|here| here.woken.retain(|&woken| woken != place));
}

/// While this lives, `kernel` runs on this thread; what is noted and not taken is handed to the kernel at the end.
pub(crate) struct Running {
    kernel: Arc<Kernel>,
    before: Option<Here>,
}

impl Running {
    /// One run may be inside another's poll.
    pub(crate) fn enter(kernel: &Arc<Kernel>) -> Self {
        let here = Here { kernel: address(kernel), woken: Vec::new() };
        Self { kernel: Arc::clone(kernel), before: Some(HERE.replace(here)) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(before) = self.before.take() {
            for place in HERE.replace(before).woken {
                self.kernel.woken(place);
            }
        }
    }
}

fn address(kernel: &Kernel) -> usize {
    std::ptr::from_ref(kernel).addr()
}
