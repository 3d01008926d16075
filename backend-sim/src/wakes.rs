//! Who has been woken since the executor last looked.

use crate::lock::lock;
use std::cell::RefCell;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

thread_local! {
    /// The run that this thread is in. Nearly all wakes come from there, and need no lock. It changes no result: a
    /// wake that comes from elsewhere takes the lock.
    static HERE: RefCell<Here> = const { RefCell::new(Here { run: 0, woken: Vec::new() }) };
}

struct Here {
    // The address of the run's `Wakes`; no other can have it meanwhile.
    run: usize,
    woken: Vec<u32>,
}

/// Who has been woken since the executor last looked, by place.
#[derive(Debug, Default)]
pub(crate) struct Wakes {
    from_elsewhere: Mutex<Vec<u32>>,
    // Whether there are any: most looks find none, and don't take the lock.
    any_from_elsewhere: AtomicBool,
}

impl Wakes {
    /// Somebody is woken.
    #[inline]
    pub(crate) fn push(&self, place: u32) {
        if !self.push_here(place) {
            let mut woken = lock(&self.from_elsewhere);
            woken.push(place);
            self.any_from_elsewhere.store(true, Ordering::Release);
        }
    }

    /// Notes a wake without a lock, if the run is on this thread.
    #[inline]
    fn push_here(&self, place: u32) -> bool {
        let noted = HERE.try_with(|here| {
            let mut here = here.borrow_mut();
            let is_here = here.run == self.address();
            if is_here {
                here.woken.push(place);
            }
            is_here
        });
        noted.unwrap_or(false)
    }

    /// Takes all that were woken into `list`, which is empty and whose memory is used on.
    #[inline]
    pub(crate) fn take(&self, list: &mut Vec<u32>) {
        HERE.with_borrow_mut(|here| {
            if here.run == self.address() {
                mem::swap(&mut here.woken, list);
            }
        });
        if self.any_from_elsewhere.load(Ordering::Acquire) {
            let mut woken = lock(&self.from_elsewhere);
            // Under the lock: who pushes later sets it again.
            self.any_from_elsewhere.store(false, Ordering::Release);
            list.append(&mut woken);
        }
    }

    /// Forgets wakes of this place.
    pub(crate) fn forget(&self, place: u32) {
        HERE.with_borrow_mut(|here| {
            if here.run == self.address() {
                here.woken.retain(|&woken| woken != place);
            }
        });
        lock(&self.from_elsewhere).retain(|&woken| woken != place);
    }

    /// Whether the run is on this thread.
    pub(crate) fn is_here(&self) -> bool {
        HERE.with_borrow(|here| here.run == self.address())
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }
}

/// While this lives, the run is on this thread; what is noted here and not taken is kept for the next.
pub(crate) struct Running {
    wakes: Arc<Wakes>,
    before: Option<Here>,
}

impl Running {
    /// One run may be inside another's poll.
    pub(crate) fn enter(wakes: &Arc<Wakes>) -> Self {
        let here = Here { run: wakes.address(), woken: Vec::new() };
        // An owner may be dropped when its thread ends, and this is gone.
        let before = HERE.try_with(|outer| outer.replace(here)).ok();
        Self { wakes: Arc::clone(wakes), before }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(before) = self.before.take()
            && let Ok(here) = HERE.try_with(|here| here.replace(before))
        {
            for place in here.woken {
                self.wakes.push(place);
            }
        }
    }
}
