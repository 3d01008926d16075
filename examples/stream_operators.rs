//! Recipes 3.7 and 3.8, together: the readings of many devices as what a display shows of each.
//!
//! One stream is split by device, each of those into windows, whose means are put together with a setting that changes;
//! of all that, what differs from before is shown.
//!
//!     cargo run -p backstay-examples --example stream_operators -- --runtime smol

use backstay::channel::{mpsc, watch};
use backstay::stream::{BatchConfig, FlowExt, GroupByConfig};
use backstay::{AnyRuntime, Limit, Runtime};
use backstay_examples::{Outcome, run};
use futures::{Stream, StreamExt};
use std::collections::BTreeMap;
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

/// What a device tells.
#[derive(Clone, Copy, Debug)]
struct Reading {
    device: &'static str,
    degrees: i32,
}

/// What is shown of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    device: &'static str,
    mean: i32,
    is_too_hot: bool,
}

/// Twelve of each device, by turns.
fn readings() -> impl Stream<Item = Reading> {
    const BOILER: [i32; 12] = [70, 72, 71, 71, 71, 70, 72, 71, 88, 91, 90, 91];
    const CELLAR: [i32; 12] = [12; 12];
    const FREEZER: [i32; 12] = [-18, -18, -19, -17, -18, -4, 1, 1, -17, -18, -18, -19];
    let told = (0..12)
        .flat_map(|turn| [("boiler", BOILER[turn]), ("cellar", CELLAR[turn]), ("freezer", FREEZER[turn])]);
    futures::stream::iter(told).map(|(device, degrees)| Reading { device, degrees })
}

/// Of each window, without keeping its readings.
async fn mean(readings: impl Stream<Item = Reading>) -> i32 {
    let add = async |(sum, count), reading: Reading| (sum + reading.degrees, count + 1);
    let (sum, count) = readings.fold((0, 0), add).await;
    sum / count // no window is empty
}

/// Tells the display whatever there is to be shown.
async fn monitor<R: Runtime>(
    rt: &R,
    readings: impl Stream<Item = Reading>,
    limit: watch::Receiver<i32>,
    display: mpsc::Sender<State>,
) -> Outcome {
    // Of a hundred devices at a time; then that which was silent longest makes room.
    let devices = readings.group_by(rt, GroupByConfig::new(Limit::new(100)?), |reading| reading.device);
    let four = BatchConfig::new(Limit::new(4)?).within(Duration::from_secs(60));
    devices
        .each_group(async |readings| {
            let device = *readings.key();
            let means = readings.window(rt, four).then(mean);
            let limits = limit.clone().into_stream().with_present().map(|limit| *limit);
            let states = means.combine_latest(limits).map(|(mean, limit)| State {
                device,
                mean,
                is_too_hot: mean > limit,
            });
            let mut states = pin!(states.distinct_until_changed());
            while let Some(state) = states.next().await {
                if display.send(state).await.is_err() {
                    return; // nobody looks any more
                }
            }
        })
        .await;
    Ok(())
}

/// Shows states as they come; when the first is too hot, somebody sets the limit higher.
async fn look(
    mut states: mpsc::Receiver<State>,
    limit: watch::Sender<i32>,
) -> BTreeMap<&'static str, String> {
    let mut limit = Some(limit);
    let mut seen = BTreeMap::<_, String>::new();
    while let Some(State { device, mean, is_too_hot }) = states.next().await {
        let shown = format!(" {mean}{}", if is_too_hot { "!" } else { "" });
        println!("{device:8}{shown}");
        seen.entry(device).or_default().push_str(&shown);
        // Once: nobody changes it afterwards, and so its streams end.
        if is_too_hot && let Some(limit) = limit.take() {
            println!("the limit is now 95");
            let _ = limit.send(95); // as long as somebody reads it
        }
    }
    seen
}

async fn example(rt: AnyRuntime) -> Outcome {
    let (set_limit, limit) = watch::channel(80);
    let (display, states) = mpsc::channel(Limit::new(8)?);
    let readings = readings().pace(&rt, Duration::from_millis(1));
    let (outcome, seen) = futures::join!(monitor(&rt, readings, limit, display), look(states, set_limit));
    outcome?;
    // Twelve readings of each, and three means; what is the same twice is shown once.
    assert_eq!(seen["boiler"], " 71 90! 90", "and after it the higher limit");
    assert_eq!(seen["cellar"], " 12", "to which a limit makes no difference");
    assert_eq!(seen["freezer"], " -18 -5 -18");
    Ok(())
}

fn main() -> ExitCode {
    run(example)
}
