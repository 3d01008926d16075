//! `RateLimit-Policy` and `RateLimit`: lists of strings with parameters.

use super::{LIMIT, Malformed, POLICY, Read};
use backstay_core::resilience::ToldQuota;
use hyper::HeaderMap;
use hyper::header::HeaderName;
use sfv::{BareItem, Item, List, ListEntry, Parser};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

/// Reads both; whether there was a `RateLimit` that could be read.
pub(super) fn read(headers: &HeaderMap, read: &mut Read) -> bool {
    let mut of = |field, of_item| match list(headers, &field, of_item) {
        Ok(items) => items,
        Err(why) => {
            read.ignore(field, why);
            Vec::new()
        }
    };
    let policies = of(POLICY, policy);
    let limits = of(LIMIT, limit);
    let is_read = !limits.is_empty();
    read.told.quotas = merged(policies, limits);
    is_read
}

/// All items of a field, or none.
fn list(
    headers: &HeaderMap,
    field: &HeaderName,
    of_item: fn(&Item, &mut ToldQuota) -> Result<(), Malformed>,
) -> Result<Vec<ToldQuota>, Malformed> {
    let items: List = Parser::new(&lines(headers, field)).parse().map_err(|_| Malformed::Syntax)?;
    let quota = |item: &ListEntry| {
        let ListEntry::Item(item) = item else { return Err(Malformed::Name) };
        let BareItem::String(name) = &item.bare_item else { return Err(Malformed::Name) };
        let mut quota = ToldQuota::of(name.as_str().to_owned());
        quota.partition = match item.params.get("pk") {
            None => None,
            Some(BareItem::ByteSequence(key)) => Some(key.as_slice().into()),
            Some(_) => return Err(Malformed::Parameter("pk")),
        };
        of_item(item, &mut quota)?;
        Ok(quota)
    };
    items.iter().map(quota).collect()
}

/// Several lines are one list.
pub(super) fn lines(headers: &HeaderMap, field: &HeaderName) -> Vec<u8> {
    let lines: Vec<_> = headers.get_all(field).iter().map(|line| line.as_bytes()).collect();
    lines.join(&b", "[..])
}

fn policy(item: &Item, quota: &mut ToldQuota) -> Result<(), Malformed> {
    quota.quota = Some(number(item, "q")?.ok_or(Malformed::Parameter("q"))?);
    quota.window = number(item, "w")?.map(Duration::from_secs);
    if quota.window.is_some_and(|window| window.is_zero()) {
        return Err(Malformed::Parameter("w"));
    }
    match item.params.get("qu") {
        None => {}
        Some(BareItem::String(unit)) => *quota = quota.clone().unit(unit.as_str().to_owned()),
        Some(_) => return Err(Malformed::Parameter("qu")),
    }
    Ok(())
}

fn limit(item: &Item, quota: &mut ToldQuota) -> Result<(), Malformed> {
    quota.remaining = Some(number(item, "r")?.ok_or(Malformed::Parameter("r"))?);
    quota.reset = number(item, "t")?.map(Duration::from_secs);
    Ok(())
}

/// A parameter that is a whole number, and not less than nothing.
fn number(item: &Item, name: &'static str) -> Result<Option<u64>, Malformed> {
    match item.params.get(name) {
        None => Ok(None),
        Some(BareItem::Integer(number)) => {
            u64::try_from(i64::from(*number)).map(Some).map_err(|_| Malformed::Parameter(name))
        }
        Some(_) => Err(Malformed::Parameter(name)),
    }
}

/// What both fields say of one policy is one quota. A policy that is given without a key is that of all keys that have none
/// of their own.
fn merged(policies: Vec<ToldQuota>, limits: Vec<ToldQuota>) -> Vec<ToldQuota> {
    type Key = (Cow<'static, str>, Option<Box<[u8]>>);
    // Of a policy that is said twice the first.
    let mut of_policies: BTreeMap<Key, usize> = BTreeMap::new();
    for (at, policy) in policies.iter().enumerate() {
        of_policies.entry((policy.policy.clone(), policy.partition.clone())).or_insert(at);
    }
    let mut quotas = policies;
    for item in limits {
        let (name, key) = (item.policy.clone(), item.partition.clone());
        let own = of_policies.get(&(name.clone(), key)).copied();
        match own.or_else(|| of_policies.get(&(name, None)).copied()) {
            Some(at) if own.is_some() && quotas[at].remaining.is_none() => {
                (quotas[at].remaining, quotas[at].reset) = (item.remaining, item.reset);
            }
            Some(at) => {
                let ToldQuota { unit, quota, window, .. } = &quotas[at];
                let (unit, quota, window) = (unit.clone(), *quota, *window);
                let mut item = item.unit(unit);
                (item.quota, item.window) = (quota, window);
                quotas.push(item);
            }
            None => quotas.push(item),
        }
    }
    quotas
}
