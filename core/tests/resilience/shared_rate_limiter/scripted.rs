//! A store that does what a test says.

use backstay::testing::Sim;
use backstay_core::resilience::{Ask, InMemoryStore, Quota, QuotaStore, Taken};
use backstay_core::{ConfigError, Runtime};
use std::fmt;
use std::future::pending;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Clone, Copy, Debug)]
pub(super) enum Does {
    Answer,
    AnswerAfter(Duration),
    Fail,
    Hang,
}

/// It decides as the store in memory does, at once, and says so when it is told to.
#[derive(Clone)]
pub(super) struct Scripted {
    rt: Sim,
    store: InMemoryStore,
    does: Arc<Mutex<Does>>,
    asked: Arc<Mutex<Vec<Ask>>>,
}

impl Scripted {
    pub(super) fn new(rt: &Sim) -> Self {
        let does = Arc::new(Mutex::new(Does::Answer));
        Self { rt: rt.clone(), store: InMemoryStore::new(), does, asked: Arc::default() }
    }

    /// What it was asked for, since somebody last wanted to know.
    pub(super) fn asked(&self) -> Vec<Ask> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    pub(super) fn does(&self, does: Does) {
        *self.does.lock().unwrap() = does;
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Down;

impl fmt::Display for Down {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it is down")
    }
}

impl std::error::Error for Down {}

impl QuotaStore for Scripted {
    type Error = Down;
    type Take = Pin<Box<dyn Future<Output = Result<Taken, Down>> + Send>>;

    fn take(&self, key: &Arc<str>, ask: Ask) -> Self::Take {
        let (does, rt) = (*self.does.lock().unwrap(), self.rt.clone());
        self.asked.lock().unwrap().push(ask);
        let decision = self.store.take(key, ask).into_inner().map_err(|_| Down);
        Box::pin(async move {
            match does {
                Does::Answer => decision,
                Does::AnswerAfter(delay) => {
                    rt.sleep(delay).await;
                    decision
                }
                Does::Fail => Err(Down),
                Does::Hang => pending().await,
            }
        })
    }

    fn check(&self, quota: &Quota, max_wait: Duration) -> Result<(), ConfigError> {
        self.store.check(quota, max_wait)
    }
}
