//! `RateLimit-Policy` and `RateLimit`: lists of strings with parameters.

use super::{LIMIT, Malformed, POLICY, Read};
use backstay_core::resilience::ToldQuota;
use hyper::HeaderMap;
use hyper::header::HeaderName;
use sfv::{BareItem, Item, List, ListEntry, Parser};
use std::time::Duration;

/// Reads both; whether there was a `RateLimit` that could be read.
pub(super) fn read(headers: &HeaderMap, read: &mut Read) -> bool {
    let mut quotas = Vec::new();
    let mut is_read = false;
    for (field, of_item) in [(POLICY, policy as fn(&Item, &mut ToldQuota) -> _), (LIMIT, limit)] {
        match list(headers, &field, of_item) {
            Ok(items) => {
                is_read = field == LIMIT && !items.is_empty();
                items.into_iter().for_each(|item| merge(&mut quotas, item));
            }
            Err(why) => read.ignore(field, why),
        }
    }
    read.told.quotas = quotas;
    is_read
}

/// All items of a field, or none.
fn list(
    headers: &HeaderMap,
    field: &HeaderName,
    of_item: fn(&Item, &mut ToldQuota) -> Result<(), Malformed>,
) -> Result<Vec<ToldQuota>, Malformed> {
    // Several lines are one list.
    let lines: Vec<_> = headers.get_all(field).iter().map(|line| line.as_bytes()).collect();
    let items: List = Parser::new(&lines.join(&b", "[..])).parse().map_err(|_| Malformed::Syntax)?;
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

/// What both fields say of one policy is one quota. A policy that is given without a key is that of all its keys.
fn merge(quotas: &mut Vec<ToldQuota>, item: ToldQuota) {
    let ToldQuota { policy, partition, remaining: Some(_), .. } = &item else { return quotas.push(item) };
    let same = |quota: &ToldQuota| {
        quota.policy == *policy && (quota.partition == *partition || quota.partition.is_none())
    };
    match quotas.iter().position(|quota| same(quota) && quota.remaining.is_none()) {
        Some(at) if quotas[at].partition == item.partition => {
            (quotas[at].remaining, quotas[at].reset) = (item.remaining, item.reset);
        }
        Some(at) => {
            let general = &quotas[at];
            let (unit, quota, window) = (general.unit.clone(), general.quota, general.window);
            let mut item = item.unit(unit);
            (item.quota, item.window) = (quota, window);
            quotas.push(item);
        }
        None => quotas.push(item),
    }
}
