//! What there was before: a field for each number.

use super::{Malformed, Read, fields, retry_after};
use backstay_core::resilience::ToldQuota;
use hyper::HeaderMap;
use hyper::header::HeaderName;
use sfv::{BareItem, Item, List, ListEntry, Parser};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// All that is read here: of the draft, and of habit.
pub(super) const FIELDS: [HeaderName; 6] = [
    HeaderName::from_static("ratelimit-limit"),
    HeaderName::from_static("ratelimit-remaining"),
    HeaderName::from_static("ratelimit-reset"),
    HeaderName::from_static("x-ratelimit-limit"),
    HeaderName::from_static("x-ratelimit-remaining"),
    HeaderName::from_static("x-ratelimit-reset"),
];
const RESOURCE: HeaderName = HeaderName::from_static("x-ratelimit-resource");

/// From this on a number of seconds is a time since 1970.
const EPOCH: u64 = 1_000_000_000;

/// Reads the first three of which one can be read.
pub(super) fn read(headers: &HeaderMap, now: Option<SystemTime>, read: &mut Read) {
    if !of_the_draft(headers, read) {
        of_the_habit(headers, now, read);
    }
}

/// Structured fields: the limit is a list, whose first item is the number.
fn of_the_draft(headers: &HeaderMap, read: &mut Read) -> bool {
    let [limit, remaining, reset, ..] = FIELDS;
    let mut quota = ToldQuota::of("");
    quota.remaining = number(headers, remaining, read);
    quota.reset = number(headers, reset, read).map(Duration::from_secs);
    if headers.contains_key(&limit) {
        match Parser::new(&fields::lines(headers, &limit))
            .parse::<List>()
            .ok()
            .and_then(|items| limit_of(&items))
        {
            Some((number, window)) => (quota.quota, quota.window) = (Some(number), window),
            None => read.ignore(limit, Malformed::Syntax),
        }
    }
    let is_read = quota.remaining.is_some();
    if is_read {
        read.told.quotas.push(quota);
    }
    is_read
}

/// `100, 100;w=10`: the limit, and the policies, of which the first with that number says the window.
fn limit_of(items: &List) -> Option<(u64, Option<Duration>)> {
    let number = |item: &ListEntry| match item {
        ListEntry::Item(Item { bare_item: BareItem::Integer(number), .. }) => {
            u64::try_from(i64::from(*number)).ok()
        }
        _ => None,
    };
    let limit = number(items.first()?)?;
    let window = items.iter().filter(|item| number(item) == Some(limit)).find_map(|item| match item {
        ListEntry::Item(item) => match item.params.get("w") {
            Some(BareItem::Integer(window)) => {
                u64::try_from(i64::from(*window)).ok().filter(|window| *window > 0)
            }
            _ => None,
        },
        ListEntry::InnerList(_) => None,
    });
    Some((limit, window.map(Duration::from_secs)))
}

/// Plain numbers; the reset may be a time since 1970.
fn of_the_habit(headers: &HeaderMap, now: Option<SystemTime>, read: &mut Read) {
    let [.., limit, remaining, reset] = FIELDS;
    let resource = headers.get(RESOURCE).and_then(|name| name.to_str().ok()).unwrap_or_default();
    let mut quota = ToldQuota::of(resource.to_owned());
    quota.quota = number(headers, limit, read);
    quota.remaining = number(headers, remaining, read);
    quota.reset = match (number(headers, reset.clone(), read), now) {
        (Some(seconds), _) if seconds < EPOCH => Some(Duration::from_secs(seconds)),
        (Some(seconds), Some(now)) => {
            let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
            Some(Duration::from_secs(seconds).saturating_sub(now))
        }
        (Some(_), None) => {
            read.ignore(reset, Malformed::NoDate);
            None
        }
        (None, _) => None,
    };
    if quota.remaining.is_some() {
        read.told.quotas.push(quota);
    }
}

/// One number; of several that differ nobody knows which it is.
fn number(headers: &HeaderMap, field: HeaderName, read: &mut Read) -> Option<u64> {
    let value = headers.get(&field)?;
    let is_one = headers.get_all(&field).iter().all(|other| other == value);
    let value = value.to_str().ok().filter(|_| is_one);
    let number = value.and_then(|value| retry_after::seconds(value.trim()));
    if number.is_none() {
        read.ignore(field, Malformed::Syntax);
    }
    number
}
