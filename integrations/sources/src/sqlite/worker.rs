//! The thread that has the connection.

use super::error::SqlError;
use super::inbox::{Inbox, Next, Request};
use super::statement::Open;
use super::work::Work;
use crate::waking::{caught, unharmed};
use backstay_core::channel::oneshot;
use rusqlite::Connection;

/// Does what is asked for until nobody is left who could ask, or the connection is wanted back.
///
/// Queries take turns, each as long as it has room for rows: one that is not read holds up nobody.
pub(super) fn run(mut connection: Connection, inbox: &Inbox, work: &Work) {
    let release = caught(|| serve(&connection, inbox, work)).unwrap_or_default();
    for request in inbox.end() {
        unharmed(|| match request {
            Request::Call(job, _call) => job.fail(SqlError::Closed),
            Request::Query(query) => query.job().fail(SqlError::Closed),
            // Its drop tells whoever waits.
            Request::Release(_) => {}
        });
    }
    if let Some(release) = release
        && Work::disarm(&mut connection).is_ok()
    {
        // Who doesn't want it any more has it closed.
        let _unwanted = release.send(connection);
    }
}

fn serve(connection: &Connection, inbox: &Inbox, work: &Work) -> Option<oneshot::Sender<Connection>> {
    let mut open: Vec<Box<dyn Open + '_>> = Vec::new();
    loop {
        let next = inbox.next(open.iter().all(|query| query.is_parked()));
        // First of all, as they may hold locks that are in the way of what was asked for.
        close(&mut open, |query| query.is_abandoned());
        match next {
            Next::Gone => {
                close(&mut open, |_| true);
                return None;
            }
            Next::Request(Request::Release(release)) => {
                // One by one, and before the return: a panic during that would lose the reply.
                close(&mut open, |_| true);
                return Some(release);
            }
            Next::Request(Request::Call(job, call)) => {
                work.on(&job, || {
                    if !job.is_abandoned() {
                        call(connection);
                    }
                });
            }
            Next::Request(Request::Query(query)) => {
                let job = query.job();
                let started =
                    work.on(&job, || if job.is_abandoned() { None } else { query.start(connection, work) });
                open.extend(started.flatten());
            }
            Next::Look => {}
        }
        close(&mut open, |query| !query.is_parked() && work.on(&query.job(), || query.turn()) != Some(true));
    }
}

/// Drops those queries that have ended, one by one: that is foreign code too.
fn close<'c>(open: &mut Vec<Box<dyn Open + 'c>>, has_ended: impl Fn(&mut (dyn Open + 'c)) -> bool) {
    for index in (0..open.len()).rev() {
        if has_ended(&mut *open[index]) {
            let query = open.swap_remove(index);
            unharmed(|| drop(query));
        }
    }
}
